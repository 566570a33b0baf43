package template

import (
	"strings"

	"github.com/hookauthz/hookauthz/authz"
)

// A field is what was read for a value: data if it is not nil, else text.
type field struct {
	text string
	data []byte
}

func (f field) empty() bool { return len(f.data) == 0 && f.text == "" }

// read returns the value before its filters. An absent value comes back empty.
// What it returns is valid until the next read.
//
// An empty value counts as absent: an empty header, as [authz.Header] has it, an
// empty field of the credential, and an empty body in a group. An empty query
// parameter, form field or JSON string is a missing part outside of groups and
// malformed in one: it is neither there nor not there.
func (t *Template) read(s *sink, v *value, in *Input) (field, error) {
	r := in.Request
	switch v.source {
	case sourceBody:
		if in.Body == nil {
			return field{}, nil
		}
		return field{data: in.Body}, nil
	case sourceTimestamp:
		return field{text: in.Timestamp}, nil
	case sourcePrincipal:
		return field{text: in.Principal}, nil
	case sourceMethod:
		return method(v, r.Method)
	case sourceURL, sourceOrigin, sourcePath, sourcePathQuery:
		return s.address(v, r)
	case sourceHeader:
		return t.header(v, r)
	case sourceCredential:
		return credential(v, in)
	case sourceMatch:
		text, _ := r.Capture(v.arg)
		if !written(text, &v.raw) {
			return field{}, malformed(v, "is no segment of a path")
		}
		return field{text: text}, nil
	case sourceQuery:
		query, _ := r.Query()
		return parameter(s, v, query)
	case sourceForm:
		if len(in.Body) == 0 {
			return field{}, nil
		}
		if !isForm(&r.Header) {
			return field{}, malformed(v, "is wanted, and the body is not application/x-www-form-urlencoded")
		}
		return parameter(s, v, in.Body)
	case sourceJSON:
		return s.fromJSON(v, in.Body)
	case sourceClaim:
		return claim(v, in)
	}
	return field{}, authz.Deny(authz.ReasonBug, "unknown value in a template")
}

// maxMethod is what policy files permit of a method.
const maxMethod = 32

// method refuses what is no method in capitals, so that a message that puts
// another value right behind the method has one reading.
func method(v *value, text string) (field, error) {
	if text == "" || len(text) > maxMethod || text[0] == '-' || !written(text, &v.raw) {
		return field{}, malformed(v, "is not written in capitals")
	}
	return field{text: text}, nil
}

// address builds the URL forms: see base.
func (s *sink) address(v *value, r *authz.Request) (field, error) {
	path := r.Path
	if v.source == sourcePath {
		path = r.PathOnly()
	}
	if path == "" || path[0] != '/' || !written(path, &v.raw) {
		return field{}, malformed(v, "does not begin with a slash or is not visible ASCII")
	}
	if v.base == "" {
		return field{text: path}, nil
	}
	s.decoded = append(append(s.decoded[:0], v.base...), path...)
	return field{data: s.decoded}, nil
}

// header reads a header that may stand once. Where the gateway may have changed
// the value it proves nothing of what the upstream will see, except in a header
// for the upstream itself.
func (t *Template) header(v *value, r *authz.Request) (field, error) {
	text, presence := r.Header.Get(v.arg)
	switch {
	case presence == authz.Many:
		return field{}, authz.Deny(authz.ReasonDuplicateHeader, v.label)
	case presence == authz.None:
		return field{}, nil
	case t.place != PlaceUpstream && r.Header.Altered(text):
		return field{}, malformed(v, "may have been altered by the gateway")
	}
	return field{text: text}, nil
}

// credential reads a field of the credential, which mostly stands in a header
// too.
func credential(v *value, in *Input) (field, error) {
	var text string
	found := false
	for i := range in.Credential {
		if in.Credential[i].Name != v.arg {
			continue
		}
		if found {
			return field{}, malformed(v, "stands twice")
		}
		text, found = in.Credential[i].Value, true
	}
	if in.Request.Header.Altered(text) {
		return field{}, malformed(v, "may have been altered by the gateway")
	}
	return field{text: text}, nil
}

// claim reads a claim. Who gives them has refused what has two readings.
func claim(v *value, in *Input) (field, error) {
	if in.Claims == nil {
		return field{}, authz.Deny(authz.ReasonBug, "a template with claims is rendered without any")
	}
	text, found := in.Claims.Text(v.arg)
	if found && text == "" && v.group {
		return field{}, malformed(v, "is there and empty")
	}
	return field{text: text}, nil
}

// written reports whether text is over set.
func written(text string, set *alphabet) bool {
	for i := range len(text) {
		if !set.has(text[i]) {
			return false
		}
	}
	return true
}

// isForm reports whether the body is said to be a form, whatever the parameters
// of the type.
func isForm(h *authz.Header) bool {
	text, presence := h.Line("content-type")
	media, _, _ := strings.Cut(text, ";")
	return presence == authz.One && strings.EqualFold(strings.TrimSpace(media), "application/x-www-form-urlencoded")
}
