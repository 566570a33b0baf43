//go:build !race

package mac_test

import (
	"testing"
)

// A warm verification allocates next to nothing. (The race detector empties
// pools at random, so this file is not for it.)
func TestAllocations(t *testing.T) {
	for _, s := range subjects() {
		t.Run(s.name, func(t *testing.T) {
			check := build(t, s.mac, map[string]*store{"key": live(s.secret)}).Check
			got := testing.AllocsPerRun(200, func() {
				if _, err := check.Verify(t.Context(), s.request); err != nil {
					t.Fatal(err)
				}
			})
			if got > 1 {
				t.Errorf("Verify() allocates %v times, want at most 1", got)
			}
		})
	}
}
