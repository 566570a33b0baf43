package template

import (
	"strconv"
	"strings"
)

// maxTokens bounds the tokens of a pointer.
const maxTokens = 16

// parsePointer splits a JSON pointer (RFC 6901) into its tokens. The text says
// what is wrong with it.
func parsePointer(text string) (tokens []string, wrong string) {
	if !strings.HasPrefix(text, "/") {
		return nil, "a JSON pointer begins with a slash: {json:/id}"
	}
	tokens = strings.Split(text[1:], "/")
	if len(tokens) > maxTokens {
		return nil, "a JSON pointer of too many parts"
	}
	for i, token := range tokens {
		for j := range len(token) {
			if token[j] == '~' && (j+1 == len(token) || (token[j+1] != '0' && token[j+1] != '1')) {
				return nil, "in a JSON pointer write ~0 for ~ and ~1 for /"
			}
		}
		// ~1 first, so that ~01 becomes ~1 and not a slash.
		tokens[i] = strings.ReplaceAll(strings.ReplaceAll(token, "~1", "/"), "~0", "~")
	}
	return tokens, ""
}

// index returns the array index that a token writes, -1 if it writes none:
// leading zeros are not permitted, and "-" is the element behind the last.
func index(token string) int {
	n, err := strconv.ParseUint(token, 10, 31)
	if err != nil || strconv.FormatUint(n, 10) != token {
		return -1
	}
	return int(n)
}
