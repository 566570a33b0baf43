package authztest

import (
	"errors"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/policy"
)

// An AnswerRow is a way in which a check fails, for the table of a kind's page.
type AnswerRow struct {
	// Failure says it in words. Rows of one failure stand side by side and
	// become one line of the page.
	Failure string
	// Verify makes the failure happen and returns what the check said.
	Verify func(t *testing.T) error
}

// The lines of a page between which [AnswerTable] writes.
const (
	answersBegin = "<!-- answers: written by `go test -update` in the kind's folder -->"
	answersEnd   = "<!-- end of answers -->"
)

// AnswerTable makes every failure of rows happen, and fails t unless the table
// in the file page tells what came of it: reason, class and default status. With
// update it writes the table instead.
func AnswerTable(t *testing.T, page string, update bool, rows []AnswerRow) {
	t.Helper()
	before, after, old := splitPage(t, page)
	table := answerLines(t, rows)
	switch {
	case t.Failed():
	case update:
		if err := os.WriteFile(page, []byte(before+table+after), 0o644); err != nil { //nolint:gosec // a page that everybody reads
			t.Fatal(err)
		}
	case old != table:
		t.Errorf("%s: the table of answers is not what happens; run the test with -update.\ngot  %s\nwant %s", page, old, table)
	}
}

func splitPage(t *testing.T, page string) (before, after, table string) {
	t.Helper()
	text, err := os.ReadFile(page) //nolint:gosec // the test names it
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), answersBegin+"\n")
	table, after, closed := strings.Cut(rest, answersEnd)
	if !ok || !closed {
		t.Fatalf("%s has no lines %q and %q", page, answersBegin, answersEnd)
	}
	return before + answersBegin + "\n", answersEnd + after, table
}

func answerLines(t *testing.T, rows []AnswerRow) string {
	t.Helper()
	var table strings.Builder
	table.WriteString("\n| failure | reason | class | status |\n| --- | --- | --- | --- |\n")
	for len(rows) > 0 {
		failure := rows[0].Failure
		var reasons, classes, statuses []string
		for len(rows) > 0 && rows[0].Failure == failure {
			reason := failureOf(t, rows[0])
			reasons = append(reasons, "`"+reason.String()+"`")
			classes = append(classes, "`"+reason.Class().String()+"`")
			statuses = append(statuses, statusOf(reason.Class()))
			rows = rows[1:]
		}
		table.WriteString("| " + failure + " | " + listed(reasons) + " | " + listed(classes) + " | " + listed(statuses) + " |\n")
	}
	table.WriteString("\n")
	return table.String()
}

// failureOf returns the reason of the denial that row makes.
func failureOf(t *testing.T, row AnswerRow) authz.Reason {
	t.Helper()
	err := row.Verify(t)
	if err == nil {
		t.Errorf("%s: passed", row.Failure)
	}
	var denial *authz.Denial
	if !errors.As(err, &denial) {
		t.Errorf("%s: error = %v, want a denial", row.Failure, err)
		return authz.ReasonBug
	}
	return denial.Reason()
}

func statusOf(class authz.Class) string {
	status := strconv.Itoa((*policy.Table)(nil).DefaultAnswer(class).Status)
	if class == authz.ClassInternal || class == authz.ClassUnavailable {
		status += ", fixed"
	}
	return status
}

// listed joins words and leaves out repeats.
func listed(words []string) string {
	var once []string
	for _, word := range words {
		if !slices.Contains(once, word) {
			once = append(once, word)
		}
	}
	return strings.Join(once, ", ")
}
