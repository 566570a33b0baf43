package httpsig

import (
	"strings"

	"github.com/dunglas/httpsfv"
)

// A component is something that a signature covers.
type component struct {
	name string
	// id is how the base names it: with quotes and parameters, but for the draft.
	id   string
	form form
	arg  string // of the parameters key and name
}

// A form is how a component's value enters the base.
type form uint8

const (
	formPlain  form = iota
	formStrict      // ;sf: as a structured field is serialised
	formMember      // ;key="x": one member of a dictionary
	formBytes       // ;bs: each line as a byte sequence
	formNamed       // ;name="x": one query parameter
)

// whole reports whether the form holds all that the component is.
func (f form) whole() bool { return f == formPlain || f == formStrict || f == formBytes }

// readComponent reads a component's identifier (RFC 9421, section 2). It takes one
// parameter at most: no two of those that make sense for requests go together.
func readComponent(item httpsfv.Item) (component, error) {
	name, ok := item.Value.(string)
	if !ok {
		return component{}, malformed("a covered component is not named by a string")
	}
	c := component{name: name}
	if strings.HasPrefix(name, "@") && !isDerived(name) && name != queryParam {
		return component{}, malformed("the signature covers a derived component that requests don't have, or that is not known")
	}
	if !strings.HasPrefix(name, "@") && !isHeaderName(name) {
		return component{}, malformed("a covered component is not a header's name in lower case")
	}
	for i, parameter := range item.Params.Names() {
		if i > 0 {
			return component{}, malformed("a covered component has several parameters")
		}
		value, _ := item.Params.Get(parameter)
		if !c.read(parameter, value) {
			return component{}, malformed("a covered component has a parameter that it can't have, or that is not known")
		}
	}
	if name == queryParam && c.form != formNamed {
		return component{}, malformed("a query parameter is covered without its name")
	}
	id, err := httpsfv.Marshal(item)
	if err != nil {
		return component{}, malformed("a covered component can't be written")
	}
	c.id = id
	return c, nil
}

// read takes a parameter. Parameters that say "of the request" (req) and "of the
// trailers" (tr) are not known here: the first is for responses, and trailers come
// behind the body, when the verdict is long made.
func (c *component) read(parameter string, value any) bool {
	header := !strings.HasPrefix(c.name, "@")
	text, isText := value.(string)
	on, isBool := value.(bool)
	switch {
	case parameter == "sf" && header && isBool && on:
		c.form = formStrict
	case parameter == "bs" && header && isBool && on:
		c.form = formBytes
	case parameter == "key" && header && isText:
		c.form, c.arg = formMember, text
	case parameter == "name" && c.name == queryParam && isText:
		c.form, c.arg = formNamed, text
	default:
		return false
	}
	return true
}

const (
	method        = "@method"
	targetURI     = "@target-uri"
	authority     = "@authority"
	schemeName    = "@scheme"
	requestTarget = "@request-target"
	path          = "@path"
	query         = "@query"
	queryParam    = "@query-param"

	// The draft's.
	draftTarget  = "(request-target)"
	draftCreated = "(created)"
	draftExpires = "(expires)"
)

// isDerived reports whether name is a component of RFC 9421 that every request has.
func isDerived(name string) bool {
	switch name {
	case method, targetURI, authority, schemeName, requestTarget, path, query:
		return true
	}
	return false
}

// isAddress reports whether the component needs the address that the sender was
// given.
func isAddress(name string) bool { return name == targetURI || name == authority || name == schemeName }

// isSpecial is isDerived for the draft.
func isSpecial(name string) bool {
	return name == draftTarget || name == draftCreated || name == draftExpires
}

// isHeaderName reports whether name is a token in lower case (RFC 9110, section 5.1).
func isHeaderName(name string) bool {
	for i := range len(name) {
		c := name[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && strings.IndexByte("!#$%&'*+-.^_`|~", c) < 0 {
			return false
		}
	}
	return name != ""
}
