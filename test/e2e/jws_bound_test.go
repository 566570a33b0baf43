//go:build e2e

package e2e

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"testing"

	"github.com/hookauthz/hookauthz/authz"
)

const tokenHeader = "X-Webhook-Token"

// A claim holds the body's digest, in each form that senders write it.
func TestTokenDigestForms(t *testing.T) {
	p := proofs()
	of256 := func(body []byte) []byte { sum := sha256.Sum256(body); return sum[:] }
	of512 := func(body []byte) []byte { sum := sha512.Sum512(body); return sum[:] }
	std := base64.StdEncoding.EncodeToString
	forms := []struct {
		policy string
		write  func(body []byte) string
	}{
		{policy: "jws-digest-hex256", write: func(body []byte) string { return hex.EncodeToString(of256(body)) }},
		{policy: "jws-digest-base64", write: func(body []byte) string { return std(of256(body)) }},
		{policy: "jws-digest-base64url", write: func(body []byte) string { return base64.RawURLEncoding.EncodeToString(of256(body)) }},
		{policy: "jws-digest-hex512", write: func(body []byte) string { return hex.EncodeToString(of512(body)) }},
		{policy: "jws-digest-base64-512", write: func(body []byte) string { return std(of512(body)) }},
		{policy: "jws-digest-prefixed", write: func(body []byte) string { return "SHA-256=" + std(of256(body)) }},
	}
	for _, form := range forms {
		t.Run(form.policy, func(t *testing.T) {
			t.Parallel()
			made := func(body []byte, digest string) request {
				token := p.tok.token(claims{"digest": digest})
				return request{path: "/e2e/" + form.policy, body: body}.with(tokenHeader, token)
			}
			for _, body := range [][]byte{event, []byte("\x00\xff"), bytes.Repeat([]byte("long "), 40_000)} {
				if seen, _ := p.allowed(t, p.send(t, made(body, form.write(body)))); !bytes.Equal(seen.body, body) {
					t.Error("the upstream saw another body")
				}
			}
			p.denied(t, p.send(t, made(paid, form.write(event))), 401, authz.ReasonAssertionFailed)
			p.denied(t, p.send(t, made(event, form.write(nil))), 401, authz.ReasonAssertionFailed)
			for _, other := range forms {
				if other.policy != form.policy {
					p.denied(t, p.send(t, made(event, other.write(event))), 401, authz.ReasonAssertionFailed)
				}
			}
		})
	}
}

// Claims say which method and which URL the token is for, and nothing else gets it
// through.
func TestTokenRequestClaims(t *testing.T) {
	p := proofs()
	digest := sha256.Sum256(event)
	for _, tt := range []struct {
		policy string
		uri    func(path string) string
		query  bool // is part of it
	}{
		{policy: "jws-claim-url", uri: func(path string) string { return "https://hooks.example.com" + path }, query: true},
		{policy: "jws-claim-path", uri: func(path string) string { return path }},
		{policy: "jws-claim-path-query", uri: func(path string) string { return path }, query: true},
	} {
		t.Run(tt.policy, func(t *testing.T) {
			t.Parallel()
			path := "/e2e/" + tt.policy
			signed := path + pick(tt.query, "?a=1&b=%2F", "")
			made := func(name string, value any) request {
				c := claims{"digest": hex.EncodeToString(digest[:]), "method": "POST", "uri": tt.uri(signed)}
				return request{path: path + "?a=1&b=%2F", body: event}.with(tokenHeader, p.tok.changed(c, name, value))
			}
			good := made("sub", "partner")
			p.allowed(t, p.send(t, good))
			// Whatever host it is sent to: the URL is the one that was registered.
			elsewhere := good
			elsewhere.host = "elsewhere.example"
			p.allowed(t, p.send(t, elsewhere))

			put := good
			put.method = "PUT"
			for name, r := range map[string]request{
				"another method":         put,
				"of another method":      made("method", "PUT"),
				"in small letters":       made("method", "post"),
				"of another path":        made("uri", tt.uri("/e2e/jws-body")),
				"of another host":        made("uri", "https://elsewhere.example"+signed),
				"with a slash":           made("uri", tt.uri(path)+"/"),
				"with a fragment":        made("uri", tt.uri(signed)+"#x"),
				"another query, claimed": made("uri", tt.uri(path+"?a=2")),
			} {
				if got := p.send(t, r); got.status != 401 {
					t.Errorf("%s: status %d", name, got.status)
				} else {
					p.denied(t, got, 401, authz.ReasonAssertionFailed)
				}
			}
			other := p.send(t, good.to(path+"?a=1&b=%2F&c=3"))
			if tt.query {
				p.denied(t, other, 401, authz.ReasonAssertionFailed)
			} else {
				p.allowed(t, other)
			}
			p.closed(t, "no method", p.send(t, made("method", nil)))
			p.closed(t, "no uri", p.send(t, made("uri", nil)))
			p.closed(t, "an object", p.send(t, made("uri", map[string]any{"path": signed})))
		})
	}
}
