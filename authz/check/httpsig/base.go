package httpsig

import (
	"slices"
	"strings"

	"github.com/hookauthz/hookauthz/authz"
)

// maxBase is how long a signature base may be, in bytes. Gateways take headers of
// about as much; a base may repeat them.
const maxBase = 64 << 10

// maxParsed is how many bytes of headers are parsed as structured fields for one
// base. A header counts as often as something of it is covered: whoever can't sign
// makes us parse too.
const maxParsed = 16 << 10

// base returns what the sender signed (RFC 9421, section 2.5; section 2.3 of the
// draft). The error is a denial: something that is covered isn't there, or can't be
// computed from the request.
func (c *Check) base(r *authz.Request, signed *claim) ([]byte, error) {
	v := values{request: r, address: &c.address, claim: signed, wanted: c.required}
	base := make([]byte, 0, 512)
	for i := range signed.components {
		one := &signed.components[i]
		text, err := v.of(one)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			base = append(base, '\n')
		}
		base = append(base, one.id...)
		base = append(base, ": "...)
		base = append(base, text...)
		if len(base) > maxBase {
			return nil, malformed("the signature covers over 64 KiB")
		}
	}
	if signed.params == "" {
		return base, nil
	}
	if len(signed.components) > 0 {
		base = append(base, '\n')
	}
	base = append(base, `"@signature-params": `...)
	return append(base, signed.params...), nil
}

// values are those of the components of one request.
type values struct {
	request *authz.Request
	address *address
	claim   *claim
	wanted  []string // names that may be told
	query   *parameters
	parsed  int // bytes of headers, as structured fields
}

// of returns a component's value.
func (v *values) of(c *component) (string, error) {
	switch c.name {
	case method:
		return v.method()
	case targetURI, authority, schemeName:
		return v.address.value(c.name, v.request.Path)
	case requestTarget, path, query:
		return v.address.relative(c.name, v.request.Path)
	case queryParam:
		if v.query == nil {
			v.query = readParameters(v.request)
		}
		return v.query.value(c.arg)
	case draftTarget:
		name, err := v.method()
		if err != nil {
			return "", err
		}
		// Methods are told apart by case, which this line does not keep.
		if name != strings.ToUpper(name) {
			return "", malformed("the method is not in capitals")
		}
		target, err := v.address.relative(requestTarget, v.request.Path)
		return strings.ToLower(name) + " " + target, err
	case draftCreated:
		return v.claim.created, nil
	case draftExpires:
		return v.claim.until, nil
	case "host":
		return v.host(c)
	}
	return v.header(c)
}

func (v *values) method() (string, error) {
	name := v.request.Method
	if name == "" || strings.ContainsFunc(name, func(r rune) bool { return !isToken(r) }) {
		return "", malformed("the method is not one")
	}
	return name, nil
}

// host is the header that gateways take out of the others. The sender wrote there
// whom it meant, which is us if the policy knows our address.
func (v *values) host(c *component) (string, error) {
	if c.form != formPlain {
		return "", malformed("host is covered as something that it is not")
	}
	if v.address.authority != "" {
		return v.address.authority, nil
	}
	if v.request.Host == "" || !isVisible(v.request.Host) {
		return "", authz.Deny(authz.ReasonPartMissing, "header host")
	}
	return v.request.Host, nil
}

// header returns the value of a header, or of a part of it.
func (v *values) header(c *component) (string, error) {
	lines, err := v.lines(c.name)
	if err != nil {
		return "", err
	}
	if c.form == formStrict || c.form == formMember {
		for _, line := range lines {
			v.parsed += len(line)
		}
		if v.parsed > maxParsed {
			return "", malformed("the signature covers over 16 KiB of structured fields")
		}
	}
	text, found, ok := "", true, true
	switch c.form {
	case formPlain, formNamed:
		text = strings.Join(lines, ", ")
		ok = isASCII(text)
	case formStrict:
		text, ok = strictly(c.name, lines)
	case formMember:
		text, found, ok = memberOf(lines, c.arg)
	case formBytes:
		for i, line := range lines {
			if lines[i], ok = wrapped(line); !ok {
				break
			}
		}
		text = strings.Join(lines, ", ")
	}
	switch {
	case !ok:
		return "", malformed(v.told(c.name) + " is not what the signature takes it for")
	case !found:
		return "", authz.Deny(authz.ReasonPartMissing, "a member of "+v.told(c.name))
	}
	return text, nil
}

// lines returns the values of a header's lines without the blanks around them. Where
// the gateway joined them, nobody knows where one ended.
func (v *values) lines(name string) ([]string, error) {
	h := &v.request.Header
	if _, presence := h.Get(name); h.Merged && presence == authz.Many && !isDictionary(name) {
		return nil, duplicate(v.told(name))
	}
	var lines []string
	size := 0
	for i := range h.Fields {
		if h.Fields[i].Name != name {
			continue
		}
		if h.Altered(h.Fields[i].Value) {
			return nil, altered(v.told(name))
		}
		if size += len(h.Fields[i].Value); size > maxBase {
			return nil, malformed("the signature covers over 64 KiB")
		}
		lines = append(lines, strings.Trim(h.Fields[i].Value, " \t"))
	}
	switch {
	case len(lines) == 0:
		return nil, authz.Deny(authz.ReasonPartMissing, "header "+v.told(name))
	case len(lines) > 1 && isSingle(name):
		return nil, duplicate(v.told(name))
	}
	return lines, nil
}

// told is what errors call a header: what a request names is its own.
func (v *values) told(name string) string {
	if slices.Contains(v.wanted, name) {
		return name
	}
	return "that the signature covers"
}

// isDictionary reports whether the header has commas that join no lines: it is
// compared byte by byte then, with whatever the gateway made of it.
func isDictionary(name string) bool {
	switch name {
	case headerContentDigest, headerDigest, headerInput, headerSignature:
		return true
	}
	return false
}

// isSingle reports whether the header may stand only once, so that two are a request
// that somebody reads differently.
func isSingle(name string) bool {
	switch name {
	case "authorization", "content-length", "content-location", "content-type", "date", "from", "if-modified-since",
		"if-unmodified-since", "max-forwards", "proxy-authorization", "referer", "user-agent":
		return true
	}
	return isDictionary(name)
}

// isASCII reports whether text may stand in a base: no other bytes, and no ends of
// lines.
func isASCII(text string) bool {
	for i := range len(text) {
		if text[i] >= 0x7f || text[i] < ' ' && text[i] != '\t' {
			return false
		}
	}
	return true
}
