package httpsig_test

import (
	mathrand "math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
)

// A party is a policy and who signs for it.
type party struct {
	name      string
	check     authz.Check
	required  []string
	label     string // that it wants, empty for any
	tag       string // likewise
	nonce     bool
	optional  bool // the body need not be signed
	key       any
	algorithm string
	keyID     string // empty: none
	principal string
}

func parties(t *testing.T) []*party {
	t.Helper()
	all := []*party{
		{name: "plain", key: keyOf("key"), algorithm: "ed25519", keyID: "k1"},
		{name: "EC", key: p256(), algorithm: "ecdsa-p256-sha256", keyID: "ec", label: "ours"},
		{name: "RSA", key: rsaKey(), algorithm: "rsa-v1_5-sha256", keyID: "rsa", tag: "hooks", nonce: true},
		{name: "nameless", key: keyOf("nameless"), algorithm: "ed25519", keyID: "keys", optional: true},
		{name: "shared", key: secret(sharedKey), algorithm: "hmac-sha256"},
	}
	for _, p := range all {
		p.required = []string{"@method", "@target-uri", "content-digest"}
		p.principal = p.keyID
		if p.optional {
			p.required = []string{"@path", "x-a"}
		}
		s := settings(atHooks, components(p.required...))
		s.Label, s.Tag = p.label, p.tag
		if p.nonce {
			s.Nonce = "required"
		}
		if p.optional {
			unsigned(s)
		}
		if p.keyID == "" {
			shared(s)
			p.principal = "acme"
		}
		p.check = newPart(t, s).Check
	}
	return all
}

// A covering is a component and its value.
type covering struct{ id, value string }

// A drafted is a request to be signed, and what must come of it.
type drafted struct {
	*mathrand.Rand
	to      *party
	r       *authz.Request
	content string
	covered []covering
	label   string
	params  map[string]string
	key     any
	signed  string // the algorithm that is used
	base    string
	fault   string // why it must be denied, empty if it must pass
}

func newDraft(random *mathrand.Rand, to *party) *drafted {
	content := authztest.Pick(random, body, "x", strings.Repeat("{}", 500))
	query := authztest.Pick(random, "", "?", "?a=1", "?a=1&b=%20&c")
	sum := authztest.Pick(random, digest(content), digest512(content), digest(content)+", "+digest512(content), "md5=:AAAA:, "+digest(content))
	verb := authztest.Pick(random, "POST", "PUT", "delete")
	d := &drafted{
		Rand: random, to: to, content: content, key: to.key, signed: to.algorithm,
		label: to.label,
		r: authztest.Request(verb, "/h/%2e"+query, content, "content-digest", sum, "x-a", "1", "x-b", "  b, c ", "x-b", "d!", "content-type", "text/plain",
			"priority", "u=1,  i", "x-empty", ""),
		params: map[string]string{"created": created},
	}
	if d.label == "" {
		d.label = authztest.Pick(random, "sig1", "a*", "b-._9")
	}
	if to.keyID != "" {
		d.params["keyid"] = quoted(to.keyID)
	}
	if to.tag != "" {
		d.params["tag"] = quoted(to.tag)
	}
	if to.nonce || random.IntN(2) == 0 {
		d.params["nonce"] = quoted("n" + strconv.Itoa(random.Int()))
	}
	if random.IntN(2) == 0 {
		d.params["alg"] = quoted(to.algorithm)
	}
	if random.IntN(4) == 0 {
		d.params["expires"] = "1767323100"
	}
	if query == "" {
		query = "?"
	}
	known := []covering{
		{`"@method"`, verb},
		{`"@path"`, "/in/h/%2e"},
		{`"@query"`, query},
		{`"@authority"`, "hooks.example.com"},
		{`"@scheme"`, "https"},
		{`"@target-uri"`, "https://Hooks.example.com:443/in" + d.r.Path},
		{`"@request-target"`, "/in" + d.r.Path},
		{`"content-digest"`, sum},
		{`"x-a"`, "1"},
		{`"x-b"`, "b, c, d!"},
		{`"x-b";bs`, ":YiwgYw==:, :ZCE=:"},
		{`"x-empty"`, ""},
		{`"content-type"`, "text/plain"},
		{`"priority";sf`, "u=1, i"},
		{`"priority";key="u"`, "1"},
		{`"content-length"`, strconv.Itoa(len(content))},
		{`"host"`, "hooks.example.com"},
	}
	for _, i := range random.Perm(len(known)) {
		if random.IntN(4) == 0 || slices.Contains(to.required, name(known[i].id)) && !strings.Contains(known[i].id, ";") {
			d.covered = append(d.covered, known[i])
		}
	}
	return d
}

func quoted(text string) string { return `"` + text + `"` }

// name is what an identifier names.
func name(id string) string { return strings.Split(id, `"`)[1] }

// covers reports whether all of a component is signed.
func (d *drafted) covers(component string) bool {
	return slices.ContainsFunc(d.covered, func(c covering) bool { return name(c.id) == component && !strings.Contains(c.id, ";key") })
}

// touches reports whether something of a component is signed.
func (d *drafted) touches(components ...string) bool {
	return slices.ContainsFunc(d.covered, func(c covering) bool { return slices.Contains(components, name(c.id)) })
}

// sign puts the signature into the request.
func (d *drafted) sign(t *testing.T) {
	t.Helper()
	var ids, lines []string
	for _, c := range d.covered {
		ids = append(ids, c.id)
		lines = append(lines, c.id+": "+c.value)
	}
	in := "(" + strings.Join(ids, " ") + ")"
	names := []string{"created", "expires", "keyid", "alg", "nonce", "tag", "extra"}
	d.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	for _, name := range names {
		if value, ok := d.params[name]; ok {
			in += ";" + name + "=" + value
		}
	}
	d.base = baseOf(in, lines...)
	authztest.AddHeader(d.r, "signature-input", d.label+"="+in)
	authztest.AddHeader(d.r, "signature", d.label+"="+member(signature(t, d.key, d.signed, d.base)))
}
