package scheme

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hookauthz/hookauthz/authz"
)

// A Grammar is how a credential's value is written. It is one of [Fields],
// [Tagged], [List] and [Positional].
//
// No grammar takes an empty item, so a separator at either end or two of them
// in a row are malformed. Blanks are part of what they stand in, with the one
// exception that [Fields] tells.
type Grammar interface {
	// parse adds what value holds to p. It leaves signatures that belong to no
	// other values in one group for all values of the credential.
	parse(value string, p *Presented) error
	problems() []authz.Problem
	// commas reports whether a comma may stand in a value.
	commas() bool
	fields() (names []string, open bool)
}

var (
	_ Grammar = plain{}
	_ Grammar = Fields{}
	_ Grammar = Tagged{}
	_ Grammar = List{}
	_ Grammar = Positional{}
)

// plain is a signature and nothing else.
type plain struct{}

func (plain) parse(value string, p *Presented) error {
	if value == "" {
		return malformed("the credential ends after its prefix")
	}
	return p.addSignature(value)
}

func (plain) problems() []authz.Problem { return nil }
func (plain) commas() bool              { return false }
func (plain) fields() ([]string, bool)  { return nil, false }

// List is signatures apart by a separator, as in AA,BB.
type List struct {
	// Separator stands between signatures: "" for a comma, or one of , ; | and
	// the space.
	Separator string
}

func (g List) parse(value string, p *Presented) error {
	separator := orComma(g.Separator)
	for more := true; more; {
		var item string
		item, value, more = strings.Cut(value, separator)
		if item == "" {
			return malformed("the list holds an empty item")
		}
		if err := p.addSignature(item); err != nil {
			return err
		}
	}
	return nil
}

func (g List) problems() []authz.Problem {
	return checkSeparator("list.separator", g.Separator, ",", ";", "|", " ")
}

func (g List) commas() bool           { return orComma(g.Separator) == "," }
func (List) fields() ([]string, bool) { return nil, false }

// Tagged is tag,value pairs apart by single spaces, as in v1,AA v1a,BB.
type Tagged struct {
	// Tag is the one whose values are the signatures. Pairs with other tags
	// must be well formed and are ignored.
	Tag string
}

func (g Tagged) parse(value string, p *Presented) error {
	for more := true; more; {
		var item string
		item, value, more = strings.Cut(value, " ")
		tag, signature, ok := strings.Cut(item, ",")
		if !ok || !isToken(tag) || signature == "" || strings.Contains(signature, ",") {
			return malformed("the credential is not a list of tag,value pairs")
		}
		if tag != g.Tag {
			continue
		}
		if err := p.addSignature(signature); err != nil {
			return err
		}
	}
	return nil
}

func (g Tagged) problems() []authz.Problem {
	if !isToken(g.Tag) {
		return mistake("tagged.tag", "want letters, digits, _ and -")
	}
	return nil
}

func (Tagged) commas() bool             { return true }
func (Tagged) fields() ([]string, bool) { return nil, false }

func orComma(separator string) string {
	if separator == "" {
		return ","
	}
	return separator
}

func checkSeparator(path, separator string, allowed ...string) []authz.Problem {
	if separator != "" && !slices.Contains(allowed, separator) {
		return mistake(path, fmt.Sprintf("want one of %q", allowed))
	}
	return nil
}

// maxToken is the longest tag, key or name.
const maxToken = 64

// isToken reports whether s may be a tag, a key or a name: [A-Za-z0-9_-]+.
func isToken(s string) bool {
	for i := range len(s) {
		c := s[i]
		if (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' && c != '-' {
			return false
		}
	}
	return s != "" && len(s) <= maxToken
}

func mistake(path, message string) []authz.Problem {
	return []authz.Problem{{Path: path, Message: message, Code: CodeSetting}}
}

// CodeSetting marks an [authz.Problem] about a setting that is out of range or
// does not go with another.
const CodeSetting = "setting"
