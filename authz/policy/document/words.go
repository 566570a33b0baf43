package document

import (
	"strings"
)

// closeBy is the edit distance up to which a word counts as a misspelling.
const closeBy = 2

// Closest returns the name nearest to word, if it is within an edit distance of
// 2 that also leaves some of the word standing. Case does not count. Of equally
// near names the first is taken.
func Closest(word string, names []string) (string, bool) {
	best, bestDistance := "", closeBy+1
	word = strings.ToLower(word)
	for _, name := range names {
		d := distance(word, strings.ToLower(name), bestDistance)
		if d < bestDistance && d < len(name) && d < len(word) {
			best, bestDistance = name, d
		}
	}
	return best, bestDistance <= closeBy
}

// longestWord bounds the work of comparing words; no field is named longer.
const longestWord = 64

// distance is the number of characters to insert, delete, replace or swap with
// their neighbour that turns a into b, or limit if it is at least that.
func distance(a, b string, limit int) int {
	s, t := []rune(a), []rune(b)
	if len(s) > longestWord || len(t) > longestWord || max(len(s), len(t))-min(len(s), len(t)) >= limit {
		return limit
	}
	before, last, row := make([]int, len(t)+1), make([]int, len(t)+1), make([]int, len(t)+1)
	for j := range last {
		last[j] = j
	}
	for i := range s {
		row[0] = i + 1
		lowest := row[0]
		for j := range t {
			cost := 1
			if s[i] == t[j] {
				cost = 0
			}
			row[j+1] = min(last[j]+cost, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && s[i] == t[j-1] && s[i-1] == t[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
			lowest = min(lowest, row[j+1])
		}
		if lowest >= limit {
			return limit
		}
		before, last, row = last, row, before
	}
	return min(last[len(t)], limit)
}

// list writes words as "a", "a and b", "a, b and c".
func list(words []string, conjunction string) string {
	switch len(words) {
	case 0:
		return ""
	case 1:
		return words[0]
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " " + conjunction + " " + words[last]
}

// snake folds camelCase to snake_case.
func snake(s string) string {
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if c >= 'A' && c <= 'Z' {
			if i > 0 {
				b.WriteByte('_')
			}
			c += 'a' - 'A'
		}
		b.WriteByte(c)
	}
	return b.String()
}
