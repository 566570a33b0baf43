package template

import "bytes"

// maxParameters bounds the parameters of a query or a form.
const maxParameters = 256

// parameter reads the parameter of v from a query or a form. Both are read the
// same strict way: parts between "&", a name before the first "=", and in both
// "+" for a space and %XX for a byte, as HTML forms have it. Empty parts are
// skipped. The list is malformed if
//
//   - it holds a ";", which some parsers take for an "&";
//   - a percent sign is not followed by two hex digits, in any parameter;
//   - the name that is asked for stands twice after decoding, stands in other
//     capitals, or stands as an array (name[...]), since some parsers take
//     these for the same name;
//   - it has over maxParameters parts.
//
// A value may hold any bytes.
func parameter[T string | []byte](s *sink, v *value, list T) (field, error) {
	var raw T
	found := false
	for count, rest := 0, list; len(rest) > 0; count++ {
		if count == maxParameters {
			return field{}, malformed(v, "is among too many parameters")
		}
		var name, text T
		name, text, rest = nextParameter(rest)
		if has(name, ';') || has(text, ';') {
			return field{}, malformed(v, "is among parameters with a semicolon")
		}
		var ok bool
		if s.decoded, ok = unescape(s.decoded[:0], text); !ok {
			return field{}, malformed(v, "is among parameters with a bad percent sign")
		}
		if s.decoded, ok = unescape(s.decoded[:0], name); !ok {
			return field{}, malformed(v, "is among parameters with a bad percent sign")
		}
		switch compareName(s.decoded, v.arg) {
		case nameOther:
		case nameAlike:
			return field{}, malformed(v, "stands there in another spelling")
		case nameSame:
			if found {
				return field{}, malformed(v, "stands twice")
			}
			raw, found = text, true
		}
	}
	if found && len(raw) == 0 && v.group {
		return field{}, malformed(v, "is there and empty")
	}
	s.decoded, _ = unescape(s.decoded[:0], raw)
	return field{data: s.decoded}, nil
}

// nextParameter cuts the first parameter off list.
func nextParameter[T string | []byte](list T) (name, text, rest T) {
	end := 0
	for end < len(list) && list[end] != '&' {
		end++
	}
	pair := list[:end]
	rest = list[min(end+1, len(list)):]
	equals := 0
	for equals < len(pair) && pair[equals] != '=' {
		equals++
	}
	return pair[:equals], pair[min(equals+1, len(pair)):], rest
}

func has[T string | []byte](text T, b byte) bool {
	for i := range len(text) {
		if text[i] == b {
			return true
		}
	}
	return false
}

// unescape appends text to dst with its escapes decoded. It reports false if
// one is cut short or not hex.
func unescape[T string | []byte](dst []byte, text T) ([]byte, bool) {
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '+':
			dst = append(dst, ' ')
		case '%':
			if i+2 >= len(text) {
				return dst, false
			}
			high, low := hexDigit(text[i+1]), hexDigit(text[i+2])
			if high < 0 || low < 0 {
				return dst, false
			}
			dst = append(dst, byte(high<<4|low)) //nolint:gosec // both are below 16
			i += 2
		default:
			dst = append(dst, text[i])
		}
	}
	return dst, true
}

// hexDigit returns the value of a hex digit, -1 if b is none.
func hexDigit(b byte) int {
	switch {
	case b >= '0' && b <= '9':
		return int(b - '0')
	case b >= 'a' && b <= 'f':
		return int(b-'a') + 10
	case b >= 'A' && b <= 'F':
		return int(b-'A') + 10
	}
	return -1
}

// A likeness says whether a name in a request is the one that is asked for.
type likeness uint8

const (
	nameOther likeness = iota
	nameSame
	nameAlike // some programs take it for the same
)

// compareName compares a decoded name with the wanted one.
func compareName(name []byte, want string) likeness {
	switch {
	case string(name) == want:
		return nameSame
	case bytes.EqualFold(name, []byte(want)):
		return nameAlike
	case len(name) > len(want) && name[len(want)] == '[' && bytes.EqualFold(name[:len(want)], []byte(want)):
		return nameAlike
	}
	return nameOther
}
