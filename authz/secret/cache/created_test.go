package cache_test

import (
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/secret/cache"
)

// Each version says when the store says that it was written, whether it was read
// as the newest or as the one before.
func TestCreated(t *testing.T) {
	for _, warm := range []bool{true, false} {
		var first, second time.Time
		put := func(w *world) {
			first = time.Now().Round(0)
			w.put("p", "one")
			if !warm {
				time.Sleep(time.Minute)
				second = time.Now().Round(0)
				w.put("p", "two")
			}
		}
		inWorld(t, cache.Config{}, put, func(w *world) {
			if warm {
				w.pass(time.Minute)
				second = time.Now().Round(0)
				w.put("p", "two")
				w.pass(time.Minute)
			}
			versions, err := w.set.Secrets("s").Versions(time.Now())
			if err != nil || len(versions.Accepted) != 2 {
				t.Fatalf("Versions() = %+v, %v", versions, err)
			}
			want := []authz.Version{{Number: 2, Created: second}, {Number: 1, Previous: true, Created: first}}
			for i, v := range versions.Accepted {
				if v.Number != want[i].Number || v.Previous != want[i].Previous || !v.Created.Equal(want[i].Created) {
					t.Errorf("version %d of %v, previous %v, want %+v", v.Number, v.Created, v.Previous, want[i])
				}
			}
		})
	}
}
