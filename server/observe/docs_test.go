package observe_test

import (
	"encoding/json"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hookauthz/hookauthz/authz"
)

// page is where operators look up what a line of the log or a metric means.
const page = "../../docs/decision-log.md"

func readPage(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Each reason has one row, which tells its class itself or in the heading above.
func TestPageHasEveryReason(t *testing.T) {
	classes := map[string]string{} // what tells the class, by reason
	heading := ""
	for line := range strings.Lines(readPage(t)) {
		if strings.HasPrefix(line, "#") {
			heading = line
		}
		name, rest, ok := strings.Cut(strings.TrimPrefix(line, "| `"), "` |")
		if !ok || !strings.HasPrefix(line, "| `") {
			continue
		}
		if _, twice := classes[name]; twice {
			t.Errorf("%s: two rows for %s", page, name)
		}
		classes[name] = heading + rest
	}
	for _, reason := range authz.Reasons() {
		if reason == authz.ReasonVerified {
			continue // explained below the tables
		}
		where, ok := classes[reason.String()]
		if !ok {
			t.Errorf("%s: no row for the reason %s", page, reason)
		} else if !strings.Contains(where, "`"+reason.Class().String()+"`") {
			t.Errorf("%s: the row for %s does not tell its class %s", page, reason, reason.Class())
		}
	}
}

// The golden lines hold every field. The page has a row for each, and its example
// has no others.
func TestPageHasEveryField(t *testing.T) {
	text := readPage(t)
	lines, err := os.ReadFile("testdata/decisions.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	fields := map[string]bool{}
	for line := range strings.Lines(string(lines)) {
		maps.Copy(fields, fieldsOf(t, line))
	}
	_, rows, _ := strings.Cut(text, "\n## Fields\n")
	rows, _, _ = strings.Cut(rows, "\n## ")
	for _, field := range slices.Sorted(maps.Keys(fields)) {
		if !strings.Contains(rows, "`"+field+"`") {
			t.Errorf("%s: no row for the field %s", page, field)
		}
	}

	examples := regexp.MustCompile("(?s)```json\n(.*?)```").FindAllStringSubmatch(text, -1)
	if len(examples) == 0 {
		t.Errorf("%s: no example", page)
	}
	for _, example := range examples {
		for field := range fieldsOf(t, example[1]) {
			if !fields[field] {
				t.Errorf("%s: an example has the field %s, which no decision has", page, field)
			}
		}
	}
}

func fieldsOf(t *testing.T, line string) map[string]bool {
	t.Helper()
	var members map[string]json.RawMessage
	if err := json.Unmarshal([]byte(line), &members); err != nil {
		t.Fatal(err)
	}
	fields := map[string]bool{}
	for name := range members {
		fields[name] = true
	}
	return fields
}

// The page has the metrics of the golden list with all their labels, and no
// others.
func TestPageHasEveryMetric(t *testing.T) {
	text := readPage(t)
	list, err := os.ReadFile("testdata/metrics.txt")
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for line := range strings.Lines(string(list)) {
		name, rest, _ := strings.Cut(line, "{")
		known[name] = true
		labels, _, _ := strings.Cut(rest, "}")
		row := regexp.MustCompile("(?m)^\\| .*`" + name + "`.*$").FindString(text)
		if row == "" {
			t.Errorf("%s: no row for the metric %s", page, name)
			continue
		}
		for label := range strings.SplitSeq(labels, ",") {
			if label != "" && !strings.Contains(row, "`"+label+"`") {
				t.Errorf("%s: the row for %s lacks the label %s", page, name, label)
			}
		}
	}
	for _, name := range regexp.MustCompile(`hookauthz_[a-z_]+`).FindAllString(text, -1) {
		if !known[name] {
			t.Errorf("%s: there is no metric %s", page, name)
		}
	}
}
