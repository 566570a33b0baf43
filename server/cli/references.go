package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/hookauthz/hookauthz/server"
)

// referenceJSON is a reference in the output for programs.
type referenceJSON struct {
	Name        string `json:"name"`
	Source      string `json:"source"`
	Place       string `json:"place"`
	State       string `json:"state"`
	Version     int    `json:"version,omitempty"`
	Previous    bool   `json:"previous,omitempty"`
	AgeSeconds  int64  `json:"age_seconds,omitempty"`
	Keys        int    `json:"keys,omitempty"`
	Fingerprint string `json:"fingerprint,omitempty"`
	Why         string `json:"why,omitempty"`
	Fix         string `json:"fix,omitempty"`
}

func writeReferencesJSON(w io.Writer, hash string, all []server.Reference) error {
	report := struct {
		// Schema counts the form of the JSON.
		Schema     int             `json:"schema"`
		Config     string          `json:"config"`
		References []referenceJSON `json:"references"`
	}{Schema: 1, Config: hash, References: []referenceJSON{}}
	for _, r := range all {
		report.References = append(report.References, referenceJSON{
			Name: r.Name, Source: r.Source, Place: r.Place, State: r.State, Version: r.Version, Previous: r.Previous,
			AgeSeconds: int64(r.Age.Seconds()), Keys: r.Keys, Fingerprint: r.Fingerprint, Why: r.Why, Fix: r.Fix,
		})
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(report) //nolint:wrapcheck // nothing to add
}

// writeReferences writes a table. Below each reference that can't be used stands
// why, and what to do unless that was said before.
func writeReferences(w io.Writer, all []server.Reference) {
	rows := [][]string{{"NAME", "SOURCE", "STATE", "VERSION", "AGE", "FINGERPRINT"}}
	for _, r := range all {
		rows = append(rows, []string{r.Name, r.Source, r.State, version(r), age(r.Age), orDash(r.Fingerprint)})
	}
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], len(cell))
		}
	}
	said := map[string]bool{"": true}
	for n, row := range rows {
		var line strings.Builder
		for i, cell := range row {
			fmt.Fprintf(&line, "%-*s", widths[i]+2, cell)
		}
		fmt.Fprintln(w, strings.TrimRight(line.String(), " "))
		if n == 0 || all[n-1].Why == "" {
			continue
		}
		fmt.Fprintf(w, "  %s\n", all[n-1].Why)
		if fix := all[n-1].Fix; !said[fix] {
			// One Vault that is down is one thing to do.
			said[fix] = all[n-1].State == server.StateNoAnswer || all[n-1].State == server.StateRefused
			fmt.Fprintf(w, "  => %s\n", fix)
		}
	}
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

func version(r server.Reference) string {
	switch {
	case r.Keys > 0:
		return count(r.Keys, "key", "keys")
	case r.Version == 0:
		return "-"
	case r.Previous:
		return strconv.Itoa(r.Version) + "+1"
	}
	return strconv.Itoa(r.Version)
}

// age writes a duration by its largest unit.
func age(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d <= 0:
		return "-"
	case d >= day:
		return strconv.Itoa(int(d/day)) + "d"
	case d >= time.Hour:
		return strconv.Itoa(int(d/time.Hour)) + "h"
	case d >= time.Minute:
		return strconv.Itoa(int(d/time.Minute)) + "m"
	}
	return strconv.Itoa(int(d/time.Second)) + "s"
}
