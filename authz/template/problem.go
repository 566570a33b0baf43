package template

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hookauthz/hookauthz/authz"
)

// problem notes a mistake at the byte column.
func (c *compiler) problem(column int, code, format string, args ...any) {
	c.problems = append(c.problems, authz.Problem{
		Message: fmt.Sprintf(format, args...), Code: code, Column: column,
	})
}

// list joins names for a sentence.
func list(names []string) string { return strings.Join(names, ", ") }

// meant asks whether one of names was meant, if it is close to word, and else
// says which there are. It never repeats word, which may be a pasted secret.
func meant(word, thereAre string, names []string) string {
	best, least := "", maxDistance+1
	for _, name := range names {
		if d := distance(strings.ToLower(word), strings.ToLower(name)); d < least {
			best, least = name, d
		}
	}
	if best == "" {
		return "; " + thereAre + " " + list(names)
	}
	return fmt.Sprintf(", did you mean %q?", best)
}

const (
	maxDistance = 2  // edits, above which a word is not close
	maxWord     = 64 // bytes, above which no word is compared
)

// distance is the number of bytes to add, drop or change to make b of a, and
// maxDistance+1 if it is more than that or no name is that long or short.
func distance(a, b string) int {
	if len(a) > maxWord || len(b) > maxWord || max(len(a), len(b)) <= maxDistance {
		if a == b {
			return 0
		}
		return maxDistance + 1
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return min(row[len(b)], maxDistance+1)
}

// sorted returns the set's names in order.
func sorted(set map[string]bool) []string {
	names := make([]string, 0, len(set))
	for name := range set {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
