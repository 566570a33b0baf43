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
	// show adds what is right to r, or what is wrong.
	show func(w *identityWorld, r request, right bool) request
}

// first are credentials that a sender writes into the request.
var first = []factor{
	{
		name: "key", check: `{api_key: {header: X-Any-Name-At-All, secrets: [combined-key]}}`,
		show: func(_ *identityWorld, r request, right bool) request {
			return r.with("X-Any-Name-At-All", pick(right, key("combined-key"), "not-the-key-of-anybody-at-all"))
		},
	},
	{
		name: "basic", check: `{basic: {users: [{name: partner, secrets: [combined-password]}]}}`,
		show: func(_ *identityWorld, r request, right bool) request { return basic(r, right) },
	},
	{
		name: "bcrypt", check: `{basic: {stored: bcrypt, users: [{name: partner, secrets: [combined-hash]}]}}`,
		show: func(_ *identityWorld, r request, right bool) request { return basic(r, right) },
	},
	{
		name: "bearer", check: `{bearer: {jwt: {issuer: "${ISSUER}", audiences: ["${AUDIENCE}"], keys: [discovered], algorithms: [ES256]}}}`,
		show: func(w *identityWorld, r request, right bool) request {
			good := goodClaims(w.issuer.url, audience)
			token := w.keys["ES256"].token(good)
			if !right {
				token = w.keys["ES256"].changed(good, "aud", "https://elsewhere.example")
			}
			return r.with("Authorization", "Bearer "+token)
		},
	},
}

// second are what the connection shows. A wrong address is another policy, since
// a sender can't choose his.
var second = []factor{
	{
		name: "certificate", check: `{client_certificate: {anchors: [from-file], dns_names: [partner.example]}}`,
		show: func(w *identityWorld, r request, right bool) request {
			c := w.ours.issue(run, dns(pick(right, partnerDNS, "other.example")))
			return request{listener: asking, path: r.path, body: r.body, header: r.header, tls: c.client()}
		},
	},
	{
		name: "address", check: `{source_ip: {allow: [127.0.0.2]}}`,
		show: func(_ *identityWorld, r request, right bool) request {
			if !right {
				r.path += "-elsewhere"
			}
			return r
		},
	},
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
	b.WriteString("policies:\n")
	const signed = `{mac: {credential: {header: X-Signature}, algorithm: hmac-sha256, encoding: hex, message: "{body}", secrets: [combined-mac]}}`
	for _, one := range first {
		for _, two := range second {
			fmt.Fprintf(&b, "  %s-%s: {require: {all_of: [%s, %s]}}\n", one.name, two.name, one.check, two.check)
			fmt.Fprintf(&b, "  %s-%s-mac: {require: {all_of: [%s, %s, %s]}}\n", one.name, two.name, signed, one.check, two.check)
		}
		elsewhere := `{source_ip: {allow: [192.0.2.1]}}`
		fmt.Fprintf(&b, "  %s-address-elsewhere: {require: {all_of: [%s, %s]}}\n", one.name, one.check, elsewhere)
		fmt.Fprintf(&b, "  %s-address-mac-elsewhere: {require: {all_of: [%s, %s, %s]}}\n", one.name, signed, one.check, elsewhere)
	}
	b.WriteString("  strong: {require: {basic: {stored: bcrypt, users: [{name: partner, secrets: [combined-strong]}]}}}\n")
	return b.String()
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
				start := request{path: "/e2e/" + one.name + "-" + two.name, body: event}
				both := two.show(w, one.show(w, start, true), true)
				seen, _ := w.allowed(t, w.send(t, both))
				if seen.header.Get("Authorization") != "" || seen.header.Get("X-Any-Name-At-All") != "" {
					t.Error("the credential reached the upstream")
				}
				for name, r := range map[string]request{
					"the first wrong":   two.show(w, one.show(w, start, false), true),
					"the second wrong":  two.show(w, one.show(w, start, true), false),
					"both wrong":        two.show(w, one.show(w, start, false), false),
					"the first missing": two.show(w, start, true),
					"nothing":           start,
				} {
					w.closed(t, name, w.send(t, r))
				}
				if two.name == "certificate" {
					w.closed(t, "the second missing", w.send(t, one.show(w, start, true)))
				}
			})
			t.Run(one.name+" and "+two.name+" and mac", func(t *testing.T) {
				start := request{path: "/e2e/" + one.name + "-" + two.name + "-mac", body: event}
				sign := func(r request, of []byte) request {
					return r.with("X-Signature", mac(sha256.New, key("combined-mac"), of))
				}
				w.allowed(t, w.send(t, two.show(w, one.show(w, sign(start, event), true), true)))
				for name, r := range map[string]request{
					"the signature missing": two.show(w, one.show(w, start, true), true),
					"another body signed":   two.show(w, one.show(w, sign(start, []byte("{}")), true), true),
					"the signature alone":   sign(start, event),
					"the first wrong":       two.show(w, one.show(w, sign(start, event), false), true),
					"the second wrong":      two.show(w, one.show(w, sign(start, event), true), false),
				} {
					w.closed(t, name, w.send(t, r))
				}
			})
		}
	}
}

// closed fails t unless hookauthz denied the request of r as the sender's mistake.
func (w *world) closed(t *testing.T, name string, r reply) {
	t.Helper()
	w.unseen(t, r)
	if (r.status != 401 && r.status != 403) || r.header.Get("X-Hookauthz-Decision-Id") == "" {
		t.Errorf("%s: status %d, want 401 or 403 by hookauthz; %s", name, r.status, w.why(r))
	}
}
