//go:build e2e

package e2e

import (
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
)

// rotating writes the first version of the keys that are replaced.
func (p *proofWorld) rotating(s scope) {
	s.Helper()
	put := func(path, text string) { shared.bao.put(s, path, map[string]string{"key": text}) }
	put("rot-signature", publicPEM(newPair(s, "rsa")))
	put("rot-jws", string(mustJSON(newSigner(s, "first", "ES256").jwk())))
	put("rot-jwe", privatePEM(newPair(s, "rsa")))
	put("rot-http", publicPEM(newPair(s, "ed25519")))
}

// Every kind of key is replaced while requests come: the new version is written
// first, the sender changes over afterwards, and nothing is refused. In the end
// the old key is worth nothing.
func TestKeyRotations(t *testing.T) {
	t.Parallel()
	p := proofs()
	for _, tt := range []struct {
		name string
		// renew writes another key and returns a request that it is good for.
		renew  func(t *testing.T) request
		reason authz.Reason // of a request that another key is good for
	}{
		{
			name: "signature", reason: authz.ReasonSignatureMismatch,
			renew: func(t *testing.T) request {
				t.Helper()
				fresh := newPair(t, "rsa")
				shared.bao.put(t, "rot-signature", map[string]string{"key": publicPEM(fresh)})
				return request{path: "/e2e/rot-signature", body: event}.with("X-Signature", std64(hushed(pkcs1(fresh, event))))
			},
		},
		{
			name: "jws", reason: authz.ReasonKidUnknown,
			renew: func(t *testing.T) request {
				t.Helper()
				fresh := newSigner(t, random(), "ES256")
				shared.bao.put(t, "rot-jws", map[string]string{"key": string(mustJSON(fresh.jwk()))})
				return tokenBody("rot-jws", fresh.token(orderClaims()))
			},
		},
		{
			name: "jwe", reason: authz.ReasonDecryptionFailed,
			renew: func(t *testing.T) request {
				t.Helper()
				fresh := newPair(t, "rsa")
				shared.bao.put(t, "rot-jwe", map[string]string{"key": privatePEM(fresh)})
				return sealedBody("rot-jwe", seal{alg: "RSA-OAEP-256", enc: "A256GCM", key: fresh.Public()}.of(t, order()))
			},
		},
		{
			name: "http_signature", reason: authz.ReasonSignatureMismatch,
			renew: func(t *testing.T) request {
				t.Helper()
				fresh := newPair(t, "ed25519")
				shared.bao.put(t, "rot-http", map[string]string{"key": publicPEM(fresh)})
				m := p.rfc9421("rot-http")
				m.keyid, m.components = "rot-http", []string{"@method", "@path", "content-digest"}
				m.sign = func(message []byte) []byte { return ed25519Sign(fresh, message) }
				return m.request(described("rot-http", event))
			},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			before := tt.renew(t)
			p.turns(t, 8*time.Second, before, 401, 200)
			age := func(r request, want string) {
				t.Helper()
				if _, d := p.allowed(t, p.send(t, r)); d.SecretAge != want {
					t.Errorf("secret_age %q, want %q", d.SecretAge, want)
				}
			}
			age(before, "current")
			senders := p.startLoadBy(t, 1, func() request { return before })
			after := tt.renew(t)
			written := time.Now()
			p.turns(t, 8*time.Second, after, 401, 200)
			changed := p.startLoadBy(t, 1, func() request { return after })
			age(before, "previous")
			age(after, "current")
			time.Sleep(time.Until(written.Add(8 * time.Second))) // previous_for is 10s
			senders.allPassed(t)

			p.denied(t, p.turns(t, 12*time.Second, before, 200, 401), 401, tt.reason)
			if ended := time.Since(written); ended < 9*time.Second {
				t.Errorf("the old key ended after %v, want previous_for, 10s", ended)
			}
			changed.allPassed(t)
		})
	}
}
