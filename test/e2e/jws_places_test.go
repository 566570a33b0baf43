//go:build e2e

package e2e

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
)

// Tokens in a JSON body and in a form.
func TestTokenField(t *testing.T) {
	p := proofs()
	good, bad := p.tok.token(orderClaims()), newSigner(t, "", "ES256").token(orderClaims())
	inJSON := func(text string) request {
		return request{path: "/e2e/jws-json", body: []byte(text)}.with("Content-Type", "application/json")
	}
	inForm := func(text string) request {
		return request{path: "/e2e/jws-form", body: []byte(text)}.with("Content-Type", "application/x-www-form-urlencoded")
	}
	for _, r := range []request{inJSON(`{"signedPayload":"` + good + `"}`), inJSON(` { "signedPayload" : "` + good + `" } `), inForm("token=" + good)} {
		if seen, _ := p.allowed(t, p.send(t, r)); !bytes.Equal(seen.body, r.body) {
			t.Error("the upstream saw another body")
		}
	}
	for _, tt := range []struct {
		name    string
		request request
		reason  authz.Reason // bug: any that is the sender's mistake
	}{
		{name: "JSON, another key", request: inJSON(`{"signedPayload":"` + bad + `"}`), reason: authz.ReasonSignatureMismatch},
		{name: "JSON, changed", request: inJSON(`{"signedPayload":"` + withClaim(good) + `"}`), reason: authz.ReasonSignatureMismatch},
		{name: "JSON, something besides", request: inJSON(`{"signedPayload":"` + good + `","event":"order.paid"}`), reason: authz.ReasonBodyUnsigned},
		{name: "JSON, another member", request: inJSON(`{"payload":"` + good + `"}`), reason: authz.ReasonCredentialMissing},
		{name: "JSON, twice", request: inJSON(`{"signedPayload":"` + good + `","signedPayload":"` + good + `"}`)},
		{name: "JSON, in other letters", request: inJSON(`{"SignedPayload":"` + good + `","signedPayload":"` + good + `"}`)},
		{name: "JSON, twice, once escaped", request: inJSON(`{"signedPayload":"` + good + `","\u0073ignedPayload":"` + good + `"}`)},
		{name: "JSON, behind a mark", request: inJSON("\ufeff" + `{"signedPayload":"` + good + `"}`)},
		{name: "JSON, in a list", request: inJSON(`[{"signedPayload":"` + good + `"}]`)},
		{name: "JSON, a number", request: inJSON(`{"signedPayload":7}`)},
		{name: "JSON, two texts", request: inJSON(`{"signedPayload":"` + good + `"}{}`)},
		{name: "JSON, no JSON", request: inJSON(good)},
		{name: "JSON, no body", request: inJSON("")},
		{name: "form, another key", request: inForm("token=" + bad), reason: authz.ReasonSignatureMismatch},
		{name: "form, something besides", request: inForm("token=" + good + "&event=order.paid"), reason: authz.ReasonBodyUnsigned},
		{name: "form, another field", request: inForm("t=" + good), reason: authz.ReasonCredentialMissing},
		{name: "form, something empty besides", request: inForm("token=" + good + "&x"), reason: authz.ReasonBodyUnsigned},
		{name: "form, a semicolon", request: inForm("token=" + good + ";x=1")},
		{name: "form, a list", request: inForm("token[]=" + good)},
		{name: "form, a list besides", request: inForm("token=" + good + "&token[]=" + good)},
		{name: "form, in other letters besides", request: inForm("token=" + good + "&Token=" + good)},
		{name: "form, encoded badly", request: inForm("token=%zz" + good)},
		{name: "form, twice", request: inForm("token=" + good + "&token=" + good)},
		{name: "form, in the query", request: inForm("").to("/e2e/jws-form?token=" + good)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := p.send(t, tt.request)
			if tt.reason == authz.ReasonBug {
				p.closed(t, tt.name, got)
				return
			}
			p.denied(t, got, 401, tt.reason)
		})
	}
}

// detached returns a token over body that does not hold it.
func (k signer) detached(body []byte, header map[string]any, encoded bool) string {
	head := base64.RawURLEncoding.EncodeToString(mustJSON(header))
	message := head + "." + string(body)
	if encoded {
		message = head + "." + base64.RawURLEncoding.EncodeToString(body)
	}
	return head + ".." + base64.RawURLEncoding.EncodeToString(hushed(k.sign([]byte(message))))
}

// Tokens in a header, whose payload is the body.
func TestTokenDetached(t *testing.T) {
	p := proofs()
	const header = "X-Jws-Signature"
	stranger := newSigner(t, "", "ES256")
	plain := map[string]any{"alg": "ES256"}
	b64 := map[string]any{"alg": "ES256", "b64": false, "crit": []string{"b64"}}
	timed := func(at time.Time) map[string]any {
		return map[string]any{"alg": "ES256", "sigT": at.UTC().Format(time.RFC3339), "crit": []string{"sigT"}}
	}
	now := timed(time.Now())
	for _, tt := range []struct {
		policy  string
		header  map[string]any
		encoded bool
	}{
		{policy: "jws-detached", header: plain, encoded: true},
		{policy: "jws-unencoded", header: b64},
		{policy: "jws-signed-at", header: now, encoded: true},
	} {
		t.Run(tt.policy, func(t *testing.T) {
			t.Parallel()
			for _, body := range [][]byte{event, []byte("\x00\xff.not.JSON"), bytes.Repeat([]byte("long "), 40_000)} {
				r := request{path: "/e2e/" + tt.policy, body: body}.with(header, p.tok.detached(body, tt.header, tt.encoded))
				if seen, _ := p.allowed(t, p.send(t, r)); !bytes.Equal(seen.body, body) {
					t.Error("the upstream saw another body")
				}
			}
			good := request{path: "/e2e/" + tt.policy, body: event}.with(header, p.tok.detached(event, tt.header, tt.encoded))
			changed := good
			changed.body = paid
			p.denied(t, p.send(t, changed), 401, authz.ReasonSignatureMismatch)
			p.denied(t, p.send(t, good.replaced(header, stranger.detached(event, tt.header, tt.encoded))), 401, authz.ReasonSignatureMismatch)
			p.denied(t, p.send(t, good.without(header)), 401, authz.ReasonCredentialMissing)
			p.denied(t, p.send(t, good.with(header, good.value(header))), 401, authz.ReasonDuplicateHeader)
			p.closed(t, "the other form", p.send(t, good.replaced(header, p.tok.detached(event, tt.header, !tt.encoded))))
			p.closed(t, "its payload in it", p.send(t, good.replaced(header, strings.Replace(good.value(header), "..", "."+base64.RawURLEncoding.EncodeToString(event)+".", 1))))
			empty := good.replaced(header, p.tok.detached(nil, tt.header, tt.encoded))
			empty.body = []byte{}
			p.closed(t, "no body", p.send(t, empty))
		})
	}
	at := func(policy string, header map[string]any, encoded bool) reply {
		return p.send(t, request{path: "/e2e/" + policy, body: event}.with("X-Jws-Signature", p.tok.detached(event, header, encoded)))
	}
	p.denied(t, at("jws-signed-at", timed(time.Now().Add(-10*time.Minute)), true), 401, authz.ReasonTimestampStale)
	p.denied(t, at("jws-signed-at", timed(time.Now().Add(10*time.Minute)), true), 401, authz.ReasonTimestampFuture)
	for name, got := range map[string]reply{
		"without its time":             at("jws-signed-at", plain, true),
		"b64 without crit":             at("jws-unencoded", map[string]any{"alg": "ES256", "b64": false}, false),
		"crit without b64":             at("jws-unencoded", map[string]any{"alg": "ES256", "crit": []string{"b64"}}, false),
		"b64 where it is encoded":      at("jws-detached", b64, false),
		"encoded where it is b64":      at("jws-unencoded", plain, true),
		"crit that nobody knows":       at("jws-detached", map[string]any{"alg": "ES256", "crit": []string{"exp"}, "exp": 1}, true),
		"crit of a time not looked at": at("jws-detached", now, true),
		"an empty crit":                at("jws-detached", map[string]any{"alg": "ES256", "crit": []string{}}, true),
		"crit of alg":                  at("jws-detached", map[string]any{"alg": "ES256", "crit": []string{"alg"}}, true),
	} {
		p.closed(t, name, got)
	}
}

// A token in a header that holds the body's digest.
func TestTokenBodyDigest(t *testing.T) {
	p := proofs()
	const header = "X-Webhook-Token"
	digest := func(body []byte) string {
		sum := sha256.Sum256(body)
		return hex.EncodeToString(sum[:])
	}
	made := func(k signer, body []byte, name string, value any) request {
		c := claimsWith(goodClaims(partnerIssuer, audience), "request_body_sha256", digest(body))
		token := k.token(c)
		if name != "" {
			token = k.changed(c, name, value)
		}
		return request{path: "/e2e/jws-claim", body: body}.with(header, "JWT "+token)
	}
	good := made(p.tok, event, "", nil)
	if _, d := p.allowed(t, p.send(t, good)); d.Principal != partnerIssuer {
		t.Errorf("principal %q, want %q", d.Principal, partnerIssuer)
	}
	changed := good
	changed.body = paid
	p.denied(t, p.send(t, changed), 401, authz.ReasonAssertionFailed)
	p.denied(t, p.send(t, made(newSigner(t, "", "ES256"), event, "", nil)), 401, authz.ReasonSignatureMismatch)
	p.denied(t, p.send(t, good.without(header)), 401, authz.ReasonCredentialMissing)
	p.denied(t, p.send(t, good.with(header, good.value(header))), 401, authz.ReasonDuplicateHeader)
	p.denied(t, p.send(t, made(p.tok, event, "iat", time.Now().Add(-10*time.Minute).Unix())), 401, authz.ReasonTimestampStale)
	p.denied(t, p.send(t, made(p.tok, event, "iss", "https://elsewhere.example")), 403, authz.ReasonClaimMismatch)
	p.denied(t, p.send(t, made(p.tok, event, "request_body_sha256", strings.ToUpper(digest(event)))), 401, authz.ReasonAssertionFailed)
	for name, r := range map[string]request{
		"no digest":            made(p.tok, event, "request_body_sha256", nil),
		"an empty digest":      made(p.tok, event, "request_body_sha256", ""),
		"an object":            made(p.tok, event, "request_body_sha256", map[string]any{"x": digest(event)}),
		"digest of nothing":    made(p.tok, event, "request_body_sha256", digest(nil)),
		"without the prefix":   good.replaced(header, strings.TrimPrefix(good.value(header), "JWT ")),
		"in the usual header":  good.without(header).with("Authorization", good.value(header)),
		"in the query":         good.without(header).to("/e2e/jws-claim?token=" + url.QueryEscape(good.value(header))),
		"of more than a token": made(p.tok, event, "x", strings.Repeat("x", 20<<10)).on(longHeaders.name),
	} {
		p.closed(t, name, p.send(t, r))
	}
}
