package scheme

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hookauthz/hookauthz/authz"
)

// maxFields bounds the values beside the signatures in one credential. Senders
// write one or two.
const maxFields = 32

// Fields is a list of key=value pairs, as in t=1,v1=ab,v1=cd. A key that is not
// Signature may stand once in a group.
//
// After a comma one space may follow, as WorkOS writes it: "t=1, v1=ab". No
// value begins there, so nothing that is signed changes. It is not taken where
// spaces separate groups.
type Fields struct {
	// Signature is the key whose values are the signatures. The other keys
	// and their values are the group's fields.
	Signature string
	// Separator stands between pairs: "" for a comma, or one of , ; & and the
	// space.
	Separator string
	// GroupSeparator, if not empty, is another of these and stands between
	// groups. A signature belongs to the values of its group.
	GroupSeparator string
}

func (g Fields) parse(value string, p *Presented) error {
	if g.GroupSeparator == "" {
		return g.parseGroup(value, p)
	}
	for more := true; more; {
		var pairs string
		pairs, value, more = strings.Cut(value, g.GroupSeparator)
		if err := g.parseGroup(pairs, p); err != nil {
			return err
		}
	}
	return nil
}

func (g Fields) parseGroup(value string, p *Presented) error {
	separator := orComma(g.Separator)
	blank := separator == "," && g.GroupSeparator != " "
	for first, more := true, true; more; first = false {
		var pair string
		pair, value, more = strings.Cut(value, separator)
		if blank && !first {
			pair = strings.TrimPrefix(pair, " ")
		}
		key, text, ok := strings.Cut(pair, "=")
		if !ok || !isToken(key) || text == "" {
			return malformed("the credential is not a list of key=value pairs")
		}
		if key == g.Signature {
			if !p.add(text) {
				return p.tooMany()
			}
			continue
		}
		if !p.addField(key, text) {
			return malformed("a key stands twice in the credential")
		}
		if len(p.fields) > maxFields {
			return malformed(fmt.Sprintf("the credential holds over %d values", maxFields))
		}
	}
	p.closeGroup()
	return nil
}

func (g Fields) problems() []authz.Problem {
	var problems []authz.Problem
	if !isToken(g.Signature) {
		problems = append(problems, mistake("fields.signature", "want letters, digits, _ and -")...)
	}
	problems = append(problems, checkSeparator("fields.separator", g.Separator, ",", ";", "&", " ")...)
	problems = append(problems, checkSeparator("fields.group_separator", g.GroupSeparator, ",", ";", "&", " ")...)
	if g.GroupSeparator == orComma(g.Separator) {
		problems = append(problems, mistake("fields.group_separator", "must differ from separator")...)
	}
	return problems
}

func (g Fields) commas() bool { return orComma(g.Separator) == "," || g.GroupSeparator == "," }

func (Fields) fields() ([]string, bool) { return nil, true }

// Positional is named values, then signatures, as in 1614265330,ab,cd.
type Positional struct {
	// Names are those of the leading values, at least one.
	Names []string
	// Separator stands between them: "" for a comma, or one of , ; | and the
	// space.
	Separator string
}

func (g Positional) parse(value string, p *Presented) error {
	separator := orComma(g.Separator)
	position := 0
	for more := true; more; position++ {
		var item string
		item, value, more = strings.Cut(value, separator)
		switch {
		case item == "":
			return malformed("the credential holds an empty item")
		case position < len(g.Names):
			p.addField(g.Names[position], item) // names differ: see problems
		case !p.add(item):
			return p.tooMany()
		}
	}
	p.closeGroup()
	return nil
}

func (g Positional) problems() []authz.Problem {
	problems := checkSeparator("positional.separator", g.Separator, ",", ";", "|", " ")
	if len(g.Names) == 0 {
		problems = append(problems, mistake("positional.names", "want at least one name")...)
	}
	for i, name := range g.Names {
		path := fmt.Sprintf("positional.names[%d]", i)
		if !isToken(name) {
			problems = append(problems, mistake(path, "want letters, digits, _ and -")...)
		}
		if slices.Contains(g.Names[:i], name) {
			problems = append(problems, mistake(path, "the name stands twice")...)
		}
	}
	return problems
}

func (g Positional) commas() bool { return orComma(g.Separator) == "," }

func (g Positional) fields() ([]string, bool) { return g.Names, false }
