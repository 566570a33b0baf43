package template

// An alphabet is a set of bytes.
type alphabet [4]uint64

func (a alphabet) with(b byte) alphabet {
	a[b>>6] |= 1 << (b & 63)
	return a
}

func (a alphabet) has(b byte) bool { return a[b>>6]&(1<<(b&63)) != 0 }

func (a alphabet) and(b alphabet) alphabet {
	return alphabet{a[0] & b[0], a[1] & b[1], a[2] & b[2], a[3] & b[3]}
}

func (a alphabet) without(b alphabet) alphabet {
	return alphabet{a[0] &^ b[0], a[1] &^ b[1], a[2] &^ b[2], a[3] &^ b[3]}
}

func (a alphabet) empty() bool { return a == alphabet{} }

func (a alphabet) disjoint(b alphabet) bool { return a.and(b).empty() }

func (a alphabet) contains(b alphabet) bool { return b.without(a).empty() }

// each returns what the bytes of a become under to.
func (a alphabet) each(to func(byte) byte) alphabet {
	var out alphabet
	for i := range 256 {
		if b := byte(i); a.has(b) {
			out = out.with(to(b))
		}
	}
	return out
}

// of returns the set of the bytes of text.
func of(text string) alphabet {
	var a alphabet
	for i := range len(text) {
		a = a.with(text[i])
	}
	return a
}

// span returns the set of the bytes from first to last.
func span(first, last byte) alphabet {
	var a alphabet
	for b := int(first); b <= int(last); b++ {
		a = a.with(byte(b)) //nolint:gosec // b is at most last
	}
	return a
}

func union(sets ...alphabet) alphabet {
	var a alphabet
	for _, s := range sets {
		for i := range a {
			a[i] |= s[i]
		}
	}
	return a
}

// The alphabets of values whose bytes are known.
func allBytes() alphabet { return span(0, 255) }
func digits() alphabet   { return span('0', '9') }
func capitals() alphabet { return span('A', 'Z') }
func visible() alphabet  { return span('!', '~') }

// toLower and toUpper change ASCII letters only, so that the length of a text
// stays and no other character can become a letter.
func toLower(b byte) byte {
	if b >= 'A' && b <= 'Z' {
		b += 'a' - 'A'
	}
	return b
}

func toUpper(b byte) byte {
	if b >= 'a' && b <= 'z' {
		b -= 'a' - 'A'
	}
	return b
}

// parseAlphabet reads the argument of only, such as A-Za-z0-9_-. A range runs
// between two digits, two capitals or two small letters; every other printable
// ASCII character, a hyphen at either end included, stands for itself. The text
// says what is wrong, at the byte at.
func parseAlphabet(text string) (a alphabet, at int, wrong string) {
	for i := 0; i < len(text); i++ {
		first := text[i]
		if first < ' ' || first > '~' {
			return a, i, "an alphabet is written in printable ASCII"
		}
		if i+2 >= len(text) || text[i+1] != '-' {
			if first == '-' && i > 0 && i < len(text)-1 {
				return a, i, "put a hyphen that stands for itself at the end of the alphabet"
			}
			a = a.with(first)
			continue
		}
		last := text[i+2]
		if first > last || kindOf(first) == 0 || kindOf(first) != kindOf(last) {
			return a, i, "a range runs upwards between two digits, two capitals or two small letters, such as A-Z; " +
				"put a hyphen that stands for itself at the end"
		}
		a = union(a, span(first, last))
		i += 2
	}
	return a, 0, ""
}

// kindOf tells letters and digits apart, 0 for everything else.
func kindOf(b byte) byte {
	switch {
	case b >= '0' && b <= '9':
		return '0'
	case b >= 'A' && b <= 'Z':
		return 'A'
	case b >= 'a' && b <= 'z':
		return 'a'
	}
	return 0
}
