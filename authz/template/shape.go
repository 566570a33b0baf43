package template

// A shape is what is known at load of a value's text: enough to tell where the
// value ends when only the whole text is seen.
type shape struct {
	set      alphabet // the bytes it may hold
	first    alphabet // the bytes it may begin with
	length   int      // in bytes, variable if it differs
	nonEmpty bool     // it is never empty
	// framed says that its extent can be told from either side, though its
	// length differs: a timestamp of a known spelling.
	framed bool
	// prefix are the sets of the bytes that it begins with, one by one.
	prefix []alphabet
}

const variable = -1

// bounded reports whether the value's extent can be told without its
// neighbours.
func (s *shape) bounded() bool { return s.length != variable || s.framed }

func anything() shape {
	return shape{set: allBytes(), first: allBytes(), length: variable, nonEmpty: true}
}

// oneOf is the shape of a text that is not empty over set.
func oneOf(set alphabet) shape {
	return shape{set: set, first: set, length: variable, nonEmpty: true}
}

// shapeOf returns the shape of a value before its filters.
func (c *compiler) shapeOf(v *value) shape {
	s := anything()
	switch v.source {
	case sourceBody:
		s.nonEmpty = c.group // an empty body is absent only in a group
	case sourceMethod:
		s = oneOf(methodAlphabet())
		s.first = capitals()
	case sourceURL, sourcePath, sourcePathQuery, sourceOrigin:
		s = oneOf(visible())
		if v.source == sourcePath {
			s.set = s.set.without(of("?"))
		}
		s.first = of("/")
		if v.base != "" {
			s.first = of(v.base[:1])
		}
	case sourceMatch:
		s = oneOf(segmentAlphabet())
	case sourceTimestamp:
		if c.options.TimestampBounded {
			s.framed = true
			s.prefix = timestampPrefix(c.options.TimestampUnit)
		}
		if len(s.prefix) > 0 {
			s.first = s.prefix[0]
		}
	case sourceHeader, sourceQuery, sourceForm, sourceJSON, sourceCredential, sourcePrincipal, sourceClaim:
	}
	return s
}

// timestampPrefix returns the sets of the leading bytes that every timestamp of
// a unit has in common.
func timestampPrefix(unit string) []alphabet {
	switch unit {
	case "seconds":
		return pattern("1000000000")
	case "milliseconds":
		return pattern("1000000000000")
	case "rfc3339":
		return pattern("0000-00-00T00:00:00")
	case "http-date":
		return pattern("Aaa, 00 Aaa 0000 00:00:00 ")
	}
	return nil
}

// pattern returns a set a byte: 0 stands for a digit, 1 for one but 0, A and a
// for letters and anything else for itself.
func pattern(text string) []alphabet {
	sets := make([]alphabet, len(text))
	for i := range len(text) {
		switch text[i] {
		case '0':
			sets[i] = digits()
		case '1':
			sets[i] = span('1', '9')
		case 'A':
			sets[i] = capitals()
		case 'a':
			sets[i] = span('a', 'z')
		default:
			sets[i] = of(text[i : i+1])
		}
	}
	return sets
}

// leaves returns how many bytes of a prefix are always written in set before
// one that never is, false if that is not the same for every text.
func leaves(prefix []alphabet, set alphabet) (int, bool) {
	for i, bytes := range prefix {
		switch {
		case set.disjoint(bytes):
			return i, true
		case !set.contains(bytes):
			return 0, false
		}
	}
	return 0, false
}
