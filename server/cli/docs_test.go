package cli_test

import (
	"flag"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/hookauthz/hookauthz/server/config"
)

// The page on operating has a row for each flag of serve, with its default.
func TestPageHasEveryFlag(t *testing.T) {
	const page = "../../docs/operating.md"
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{"format": true} // of check
	set := flag.NewFlagSet("serve", flag.ContinueOnError)
	config.NewFlags(set)
	set.VisitAll(func(f *flag.Flag) {
		known[f.Name] = true
		rows := regexp.MustCompile("(?m)^\\| [^|]*`--"+f.Name+"`[^|]*\\|.*$").FindAllString(string(text), -1)
		if len(rows) == 0 {
			t.Errorf("%s: no row for --%s", page, f.Name)
			return
		}
		if want := spelt(f.DefValue); want != "" && !strings.Contains(strings.Join(rows, "\n"), "| `"+want+"`") {
			t.Errorf("%s: the row for --%s lacks its default %s", page, f.Name, want)
		}
	})
	for _, match := range regexp.MustCompile("[ `]--([a-z][a-z-]*)").FindAllStringSubmatch(string(text), -1) {
		if !known[match[1]] {
			t.Errorf("%s: there is no flag --%s", page, match[1])
		}
	}
}

// spelt writes a default as people do, "" for one that needs no telling.
func spelt(value string) string {
	if value == "false" {
		return ""
	}
	if short, ok := strings.CutSuffix(value, "m0s"); ok {
		value = short + "m"
	}
	if short, ok := strings.CutSuffix(value, "h0m"); ok {
		value = short + "h"
	}
	return value
}
