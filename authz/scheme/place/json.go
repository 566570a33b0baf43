package place

import (
	"strings"

	"github.com/hookauthz/hookauthz/authz/scheme/jose"
)

// maxPointer is how many names a pointer may have.
const maxPointer = 8

// parsePointer splits a JSON pointer (RFC 6901) into its names. The text says
// what is wrong with it.
func parsePointer(text string) (names []string, wrong string) {
	if !strings.HasPrefix(text, "/") {
		return nil, "a JSON pointer begins with a slash, such as /token"
	}
	names = strings.Split(text[1:], "/")
	if len(names) > maxPointer {
		return nil, "a JSON pointer of over 8 names"
	}
	for i, name := range names {
		// Without what is written right, nothing may be left over.
		if strings.Contains(strings.NewReplacer("~0", "", "~1", "").Replace(name), "~") {
			return nil, "in a JSON pointer write ~0 for ~ and ~1 for /"
		}
		names[i] = strings.NewReplacer("~1", "/", "~0", "~").Replace(name)
	}
	return names, ""
}

// inJSON returns the string at pointer, and whether nothing else stands in body.
func inJSON(body []byte, pointer []string) (token string, alone bool, err error) {
	at, err := jose.FindText(string(body), pointer)
	switch {
	case err != nil:
		return "", false, malformed("the body: " + err.Error())
	case !at.There:
		return "", false, missing("the body has nothing at the token's place")
	case !at.IsText || at.Text == "":
		return "", false, malformed("what stands in the token's place is no text, or empty")
	}
	return at.Text, at.Alone, nil
}
