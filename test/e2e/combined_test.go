//go:build e2e

package e2e

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
)

// combinedPassword is a password. Its bcrypt hashes are one of the least cost that
// is accepted, and one of the least that is accepted only for a weak secret: many
// attempts at it don't keep a busy machine busy.
const (
	combinedPassword = "a combined password of the tests"
	strongHash       = "$2a$10$4VWPkSpFoyleIvTJpUHJLOz.sM5aU66V/VMw0izMvNsrPNXdo1nwu"
	weakHash         = "$2a$04$V6OH.0XIRZKw46FpFS5hwuKkAU/QpPzhXfaV4l9DtzZXNeFqSvzKK"
)

// A factor is one of two things that a sender must show at once.
type factor struct {
	name, check string
	// show adds what is right to r, or what is wrong, or takes care that there is
	// nothing.
	show func(t *testing.T, w *identityWorld, r request, what shown) request
	// What the wrong one is denied with.
	status int
	reason authz.Reason
}

// shown is what a sender has to show.
type shown int

const (
	right shown = iota
	wrong
	missing
)

func (s shown) String() string { return [...]string{"right", "wrong", "missing"}[s] }

// first are credentials that a sender writes into the request.
var first = []factor{
	{
		name: "key", check: `{api_key: {header: X-Any-Name-At-All, secrets: [combined-key]}}`,
		show: written("X-Any-Name-At-All", "", func(_ *testing.T, _ *identityWorld, good bool) string {
			return pick(good, key("combined-key"), "not-the-key-of-anybody-at-all")
		}),
		status: 401, reason: authz.ReasonAPIKeyInvalid,
	},
	{
		name: "basic", check: `{basic: {users: [{name: partner, secrets: [combined-password]}]}}`,
		show: showPassword, status: 401, reason: authz.ReasonBasicInvalid,
	},
	{
		name: "bcrypt", check: `{basic: {stored: bcrypt, users: [{name: partner, secrets: [combined-hash]}]}}`,
		show: showPassword, status: 401, reason: authz.ReasonBasicInvalid,
	},
	{
		name: "bearer", check: `{bearer: {jwt: {issuer: "${ISSUER}", audiences: ["${AUDIENCE}"], keys: [discovered], algorithms: [ES256]}}}`,
		show: written("Authorization", "Bearer ", func(_ *testing.T, w *identityWorld, good bool) string {
			return w.keys["ES256"].token(goodClaims(w.issuer.url, pick(good, audience, "https://elsewhere.example")))
		}),
		status: 403, reason: authz.ReasonClaimMismatch,
	},
	{
		name: "introspection", check: `{bearer: {introspection: {url: "${ISSUER}/introspect", client_id: hookauthz, secrets: [introspection], audiences: ["${AUDIENCE}"]}}}`,
		show: written("Authorization", "Bearer ", func(_ *testing.T, w *identityWorld, good bool) string {
			token := opaque()
			if good {
				w.issuer.answer(token, active(time.Minute))
			}
			return token
		}),
		status: 401, reason: authz.ReasonTokenInvalid,
	},
	{
		name: "own", check: `{bearer: {own: {clients: [acme]}}}`,
		show: written("Authorization", "Bearer ", func(t *testing.T, w *identityWorld, good bool) string {
			t.Helper()
			return w.granted(t, pick(good, "acme", "other"))
		}),
		status: 403, reason: authz.ReasonClaimMismatch,
	},
}

// kept is a token of our own that is in a store.
var kept = factor{
	name: "kept", check: `{bearer: {own: {clients: [acme]}}}`,
	show: written("Authorization", "Bearer ", func(t *testing.T, w *identityWorld, good bool) string {
		t.Helper()
		if !good {
			return opaque()
		}
		return w.granted(t, "acme")
	}),
	status: 401, reason: authz.ReasonTokenInvalid,
}

// second are what the connection shows. A wrong address is another policy, since
// a sender can't choose his, and he always has one.
var second = []factor{
	{
		name: "certificate", check: `{client_certificate: {anchors: [from-file], dns_names: [partner.example]}}`,
		show: showCertificate(asking), status: 403, reason: authz.ReasonCertificateNotAllowed,
	},
	{
		name: "xfcc", check: `{client_certificate: {anchors: [from-file], source: xfcc, dns_names: [partner.example]}}`,
		show: showCertificate(setting), status: 403, reason: authz.ReasonCertificateNotAllowed,
	},
	{
		name: "address", check: `{source_ip: {allow: [127.0.0.2]}}`,
		show: func(_ *testing.T, _ *identityWorld, r request, what shown) request {
			if what == wrong {
				r.path += "-elsewhere"
			}
			return r
		},
		status: 403, reason: authz.ReasonIPNotAllowed,
	},
}

// written shows what stands in a header behind a prefix.
func written(header, prefix string, value func(t *testing.T, w *identityWorld, good bool) string) func(*testing.T, *identityWorld, request, shown) request {
	return func(t *testing.T, w *identityWorld, r request, what shown) request {
		t.Helper()
		if what == missing {
			return r
		}
		return r.with(header, prefix+value(t, w, what == right))
	}
}

func showPassword(_ *testing.T, _ *identityWorld, r request, what shown) request {
	if what == missing {
		return r
	}
	return basic(r, what == right)
}

func showCertificate(listener string) func(*testing.T, *identityWorld, request, shown) request {
	return func(t *testing.T, w *identityWorld, r request, what shown) request {
		t.Helper()
		var c *certificate
		if what != missing {
			c = w.ours.issue(t, dns(pick(what == right, partnerDNS, "other.example")))
		}
		r.listener, r.tls = listener, c.client()
		return r
	}
}

func basic(r request, right bool) request {
	token := base64.StdEncoding.EncodeToString([]byte("partner:" + pick(right, combinedPassword, "another password altogether")))
	return r.with("Authorization", "Basic "+token)
}

func pick(right bool, good, bad string) string {
	if right {
		return good
	}
	return bad
}

// combinedPolicies returns a policy for each pair, and one more with a signature
// as a third.
func combinedPolicies() string {
	var b strings.Builder
	b.WriteString("secrets:\n")
	for _, name := range []string{"key", "password", "hash", "mac", "strong"} {
		fmt.Fprintf(&b, "  combined-%[1]s: {vault: {path: webhooks/combined-%[1]s, field: value}, %[2]s}\n", name, pick(name == "hash", "weak: accepted", ""))
	}
	const signed = `{mac: {credential: {header: X-Signature}, algorithm: hmac-sha256, encoding: hex, message: "{body}", secrets: [combined-mac]}}`
	b.WriteString("policies:\n")
	for _, one := range first {
		b.WriteString(pairs(one, "", ""))
		b.WriteString(pairs(one, "-mac", signed+", "))
	}
	b.WriteString("  strong: {require: {basic: {stored: bcrypt, users: [{name: partner, secrets: [combined-strong]}]}}}\n")
	return b.String()
}

// pairs returns the policies that one is in.
func pairs(one factor, suffix, before string) string {
	var b strings.Builder
	for _, two := range second {
		fmt.Fprintf(&b, "  %s-%s%s: {require: {all_of: [%s%s, %s]}}\n", one.name, two.name, suffix, before, one.check, two.check)
	}
	fmt.Fprintf(&b, "  %s-address%s-elsewhere: {require: {all_of: [%s%s, {source_ip: {allow: [192.0.2.1]}}]}}\n", one.name, suffix, before, one.check)
	return b.String()
}

// readsHeader are the policies that take the certificate from a header.
func readsHeader() []string {
	names := []string{"cert-xfcc", "cert-xfcc-spiffe", "pin-issuer-xfcc", kept.name + "-xfcc"}
	for _, one := range first {
		names = append(names, one.name+"-xfcc", one.name+"-xfcc-mac")
	}
	return names
}

// A password whose hash costs what hashes should. A machine that has no time for
// one says so, and never that the password is wrong.
func TestBcrypt(t *testing.T) {
	w := identity()
	start := request{path: "/e2e/strong", body: event}
	w.turns(t, 30*time.Second, basic(start, true), 503, 200)
	w.allowed(t, w.send(t, basic(start, true))) // from memory
	w.denied(t, w.turns(t, 30*time.Second, basic(start, false), 503, 401), 401, authz.ReasonBasicInvalid)
	w.denied(t, w.send(t, start), 401, authz.ReasonCredentialMissing)
}

// Two ways to tell who sends, together: both must hold. The same with a signature
// over the body as a third.
func TestCombined(t *testing.T) {
	w := identity()
	for _, one := range first {
		for _, two := range second {
			t.Run(one.name+" and "+two.name, func(t *testing.T) {
				t.Parallel()
				w.combine(t, one, two)
			})
			t.Run(one.name+" and "+two.name+" and mac", func(t *testing.T) {
				t.Parallel()
				start := request{path: "/e2e/" + one.name + "-" + two.name + "-mac", body: event}
				sign := func(r request, of []byte) request {
					return r.with("X-Signature", mac(sha256.New, key("combined-mac"), of))
				}
				both := func(r request, a, b shown) request { return two.show(t, w, one.show(t, w, r, a), b) }
				w.allowed(t, w.send(t, both(sign(start, event), right, right)))
				for name, r := range map[string]request{
					"the signature missing": both(start, right, right),
					"another body signed":   both(sign(start, []byte("{}")), right, right),
					"the signature alone":   two.show(t, w, sign(start, event), missing),
					"the first wrong":       both(sign(start, event), wrong, right),
					"the second wrong":      both(sign(start, event), right, wrong),
				} {
					w.closed(t, name, w.send(t, r))
				}
			})
		}
	}
}

// Tokens that are in a store, with what the connection shows.
func TestCombinedOpaque(t *testing.T) {
	t.Parallel()
	w := &identityWorld{ours: newAuthority(t, nil), tokens: "http://" + freeAddress(t)}
	words := map[string]string{"TOKENS": w.tokens, "ANCHORS": w.ours.file}
	folder := fill(t, words, "opaque.yaml")
	writeInto(t, folder, "combined.yaml", replaceWords(`secrets: {anchors: {file: {path: "${ANCHORS}"}}}
keys: {from-file: {stored: {secret: anchors, format: x509}}}
policies:
`+pairs(kept, "", ""), words))
	w.world = newWorld(t, setup{
		config: folder, policies: policyNames(t, folder), listeners: w.listeners(t),
		env:   []string{"HOOKAUTHZ_TOKEN_STORE=" + startRedis(t).url()},
		flags: []string{"--dev", "--token-listen=" + strings.TrimPrefix(w.tokens, "http://")},
	})
	for _, two := range second {
		t.Run(two.name, func(t *testing.T) { w.combine(t, kept, two) })
	}
}

// combine shows two things at once, each right, wrong, or not at all.
func (i *identityWorld) combine(t *testing.T, one, two factor) {
	t.Helper()
	start := request{path: "/e2e/" + one.name + "-" + two.name, body: event}
	for _, a := range []shown{right, wrong, missing} {
		for _, b := range []shown{right, wrong, missing} {
			if b == missing && two.name == "address" {
				continue
			}
			status, reason := 401, authz.ReasonCredentialMissing
			switch { // the first that is wrong counts; then what is missing
			case a == wrong:
				status, reason = one.status, one.reason
			case b == wrong:
				status, reason = two.status, two.reason
			}
			got := i.send(t, two.show(t, i, one.show(t, i, start, a), b))
			if a == right && b == right {
				seen, _ := i.allowed(t, got)
				if seen.header.Get("Authorization") != "" || seen.header.Get("X-Any-Name-At-All") != "" {
					t.Error("the credential reached the upstream")
				}
				continue
			}
			if d := i.denied(t, got, status, reason); d.Class != reason.Class().String() {
				t.Errorf("the first %v, the second %v: class %q, want %v", a, b, d.Class, reason.Class())
			}
		}
	}
}

// granted returns a token of the token endpoint, always the same one.
func (i *identityWorld) granted(t *testing.T, client string) string {
	t.Helper()
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.grants[client] == "" {
		got := trade(t, i.tokens+"/token", "", "", credentials(client))
		if got.status != 200 {
			t.Fatalf("a token for %s: status %d, %s", client, got.status, got.Error)
		}
		if i.grants == nil {
			i.grants = map[string]string{}
		}
		i.grants[client] = got.Token
	}
	return i.grants[client]
}

// closed fails t unless hookauthz denied the request of r as the sender's mistake.
func (w *world) closed(t *testing.T, name string, r reply) {
	t.Helper()
	w.unseen(t, r)
	if (r.status != 401 && r.status != 403) || r.header.Get("X-Hookauthz-Decision-Id") == "" {
		t.Errorf("%s: status %d, want 401 or 403 by hookauthz; %s", name, r.status, w.why(r))
	}
}
