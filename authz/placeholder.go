package authz

import "strings"

// IsPlaceholder reports whether text stands where somebody forgot to write a
// secret: what examples write in its place, or a variable that nothing expanded.
// Such a text is known to everybody who has read the same example.
//
// The words are long enough that a random key, even one of hundreds of letters,
// holds none of them, and what stands between brackets must read like words.
func IsPlaceholder(text []byte) bool {
	s := string(text)
	for _, brackets := range [][2]string{{"<", ">"}, {"${", "}"}, {"{{", "}}"}, {"%(", ")s"}} {
		inside, opened := strings.CutPrefix(s, brackets[0])
		inside, closed := strings.CutSuffix(inside, brackets[1])
		if opened && closed && strings.Trim(inside, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_-. ") == "" {
			return true
		}
	}
	letters := strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z':
			return r
		case 'A' <= r && r <= 'Z':
			return r + ('a' - 'A')
		}
		return -1
	}, s)
	for _, word := range []string{
		"changeme", "changethis", "replaceme", "replacewith", "placeholder", "inserthere", "insertyour", "enteryour",
		"yoursecret", "yourkey", "yourapikey", "yourtoken", "yourpassword", "yoursigningsecret", "yourwebhooksecret",
	} {
		if strings.Contains(letters, word) {
			return true
		}
	}
	return false
}
