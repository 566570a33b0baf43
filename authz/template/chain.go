package template

import "strings"

// addFilters compiles the filters of a value and reports their mistakes, even
// where the value itself has one and is nil.
func (c *compiler) addFilters(v *value, ref *reference) bool {
	before := len(c.problems)
	if len(ref.filters) > maxFilters {
		c.problem(ref.filters[maxFilters].nameAt, CodeLimit, "over %d filters", maxFilters)
		return false
	}
	var filters []filter
	for i, f := range ref.filters {
		kind, ok := c.lookUpFilter(f)
		if !ok {
			continue
		}
		if i > 0 && len(filters) == i && filters[i-1].kind.digest() && !kind.encoding() {
			c.noEncoding(ref.filters[i-1])
		}
		built := filter{kind: kind}
		if kind == filterOnly {
			built.set = c.alphabet(f)
		}
		filters = append(filters, built)
	}
	if last := len(filters) - 1; last >= 0 && last == len(ref.filters)-1 && filters[last].kind.digest() {
		c.noEncoding(ref.filters[last])
	}
	if v == nil || len(c.problems) > before {
		return false
	}
	v.filters = filters
	growth := 1
	for i, f := range filters {
		if growth = f.growth(growth); growth > maxGrowth {
			c.problem(ref.filters[i].nameAt, CodeLimit, "these filters could make the value over %d times as long", maxGrowth)
			break
		}
		v.shape, v.grade = f.apply(v.shape, v.grade)
		if v.shape.set.empty() {
			c.problem(ref.filters[i].nameAt, CodeFilter, "the value holds none of these characters")
		}
	}
	if v.source == sourceBody || v.source == sourceJSON || v.source == sourceForm {
		if c.grown += growth - 1; c.grown > maxGrown && len(c.problems) == before {
			c.problem(ref.filters[0].nameAt, CodeLimit, "the filters of all values together could make the body over %d times as long", maxGrown)
		}
	}
	return len(c.problems) == before
}

func (c *compiler) noEncoding(f filterReference) {
	c.problem(f.nameAt, CodeFilter, "%s gives bytes, not text: write |hex, |base64 or |base64url right after it", f.name)
}

// lookUpFilter finds a filter by its name and checks that it has an argument
// exactly if it takes one.
func (c *compiler) lookUpFilter(f filterReference) (filterKind, bool) {
	names := filterNames()
	for i, name := range names {
		if name != f.name {
			continue
		}
		kind := filterKind(i)
		if kind != filterOnly && f.hasArg {
			c.problem(f.argAt, CodeSyntax, "%s takes no argument", name)
			return kind, false
		}
		return kind, true
	}
	if strings.TrimSpace(f.name) != f.name {
		c.problem(f.nameAt, CodeFilter, "a filter is written without white space, such as {body|sha256|hex}")
		return 0, false
	}
	c.problem(f.nameAt, CodeFilter, "unknown filter%s", meant(f.name, "there are", names))
	return 0, false
}

// alphabet reads the argument of only.
func (c *compiler) alphabet(f filterReference) alphabet {
	if f.arg == "" {
		c.problem(f.nameAt, CodeSyntax, "only needs the characters it lets through, such as only:A-Za-z0-9_-")
		return alphabet{}
	}
	set, at, wrong := parseAlphabet(f.arg)
	if wrong != "" {
		c.problem(f.argAt+at, CodeSyntax, "%s", wrong)
	}
	return set
}
