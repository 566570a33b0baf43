package token_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/server/token"
)

// The page for users names every result and the limits as they are.
func TestPage(t *testing.T) {
	page, err := os.ReadFile("../../docs/token-endpoint.md")
	if err != nil {
		t.Fatal(err)
	}
	wants := []string{
		fmt.Sprintf("| %d | %d a second |", token.AddressBurst, time.Second/token.AddressEvery),
		fmt.Sprintf("| %d | 1 in %d seconds |", token.FailureBurst, token.FailureEvery/time.Second),
		fmt.Sprintf("| tokens for one client | %d | %d a second |", token.ClientBurst, time.Second/token.ClientEvery),
		fmt.Sprintf("%d of each are remembered", token.MaxBuckets),
	}
	for _, result := range token.Results() {
		wants = append(wants, "`"+result+"`")
	}
	for _, want := range wants {
		if !strings.Contains(string(page), want) {
			t.Errorf("docs/token-endpoint.md lacks %q", want)
		}
	}
}
