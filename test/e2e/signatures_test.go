//go:build e2e

package e2e

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
)

// A style is how a sender signs and what it writes where.
type style struct {
	policy, pair, header string
	kind                 string // of the key: ed25519, rsa, p256, p384
	// make returns the request that carries a signature of body made at a time.
	make func(sign func(message []byte) []byte, body []byte, at time.Time) request
	sign func(pair crypto.Signer, message []byte) []byte
	// misuse signs with the same key by another algorithm; nil if it has none.
	misuse    func(pair crypto.Signer, message []byte) []byte
	timed     bool
	principal string
}

// styles are those of policies with one key.
var styles = []style{
	{
		policy: "sig-ed25519", pair: "sig-raw", kind: "ed25519", header: "X-Signature-Ed25519", sign: ed25519Sign, timed: true, principal: "raw",
		make: func(sign func([]byte) []byte, body []byte, at time.Time) request {
			return request{}.with("X-Signature-Ed25519", hex.EncodeToString(sign(fmt.Appendf(nil, "%d%s", at.Unix(), body)))).
				with("X-Signature-Timestamp", fmt.Sprint(at.Unix()))
		},
	},
	{
		policy: "sig-ecdsa", pair: "sig-spki", kind: "p256", header: "X-Twilio-Email-Event-Webhook-Signature", sign: ecdsaDER, misuse: ecdsaRaw, timed: true, principal: "spki",
		make: func(sign func([]byte) []byte, body []byte, at time.Time) request {
			return request{}.with("X-Twilio-Email-Event-Webhook-Signature", std64(sign(fmt.Appendf(nil, "%d%s", at.Unix(), body)))).
				with("X-Twilio-Email-Event-Webhook-Timestamp", fmt.Sprint(at.Unix()))
		},
	},
	{
		policy: "sig-pkcs1", pair: "sig-pkcs1", kind: "rsa", header: "X-Signature", sign: pkcs1, misuse: pss, principal: "pkcs1",
		make: func(sign func([]byte) []byte, body []byte, _ time.Time) request {
			return request{}.with("X-Signature", "rsa="+std64(sign(body)))
		},
	},
	{
		policy: "sig-pss", pair: "sig-pss", kind: "rsa", header: "X-Signature", sign: pss, misuse: pkcs1, timed: true, principal: "pss",
		make: func(sign func([]byte) []byte, body []byte, at time.Time) request {
			message := fmt.Appendf(nil, "%d.%x", at.Unix(), sha256.Sum256(body))
			return request{}.with("X-Signature", fmt.Sprintf("t=%d,v1=%s", at.Unix(), base64.RawURLEncoding.EncodeToString(sign(message))))
		},
	},
	{
		policy: "sig-p384", pair: "sig-p384", kind: "p384", header: "X-Signature", sign: ecdsaRaw, misuse: ecdsaDER, principal: "p384",
		make: func(sign func([]byte) []byte, body []byte, _ time.Time) request {
			return request{}.with("X-Signature", std64(sign(fmt.Appendf(nil, "POST e-1.%s", body)))).with("X-Id", "e-1")
		},
	},
}

// signed returns the request of a style over body.
func (p *proofWorld) signed(s style, body []byte) request {
	return p.signedBy(s, p.pairs[s.pair], s.sign, body, time.Now())
}

func (p *proofWorld) signedBy(s style, pair crypto.Signer, sign func(crypto.Signer, []byte) []byte, body []byte, at time.Time) request {
	r := s.make(func(message []byte) []byte { return hushed(sign(pair, message)) }, body, at)
	r.path, r.body = "/e2e/"+s.policy, body
	return r
}

var paid = []byte(`{"event":"order.paid","id":7}`)

// Signatures with a private key: what holds and what does not, for each way to
// write keys and signatures.
func TestSignatures(t *testing.T) {
	p := proofs()
	for _, s := range styles {
		t.Run(s.policy, func(t *testing.T) {
			t.Parallel()
			good := p.signed(s, event)
			for _, body := range [][]byte{event, []byte("\x00\xff not JSON\r\n"), bytes.Repeat([]byte("long "), 40_000)} {
				seen, d := p.allowed(t, p.send(t, p.signed(s, body)))
				if !bytes.Equal(seen.body, body) || seen.header.Get(s.header) == "" {
					t.Error("the upstream saw another body, or no signature")
				}
				if d.Principal != s.principal || d.Policy != s.policy {
					t.Errorf("principal %q of policy %q, want %q of %q", d.Principal, d.Policy, s.principal, s.policy)
				}
			}
			changed := good
			changed.body = paid
			stranger := newPair(t, s.kind)
			longer := good
			longer.body = append(bytes.Clone(event), '\n')
			p.denied(t, p.send(t, changed), 401, authz.ReasonSignatureMismatch)
			p.denied(t, p.send(t, longer), 401, authz.ReasonSignatureMismatch)
			p.denied(t, p.send(t, p.signedBy(s, stranger, s.sign, event, time.Now())), 401, authz.ReasonSignatureMismatch)
			p.denied(t, p.send(t, good.without(s.header)), 401, authz.ReasonCredentialMissing)
			p.denied(t, p.send(t, good.with(s.header, good.value(s.header))), 401, authz.ReasonDuplicateHeader)
			p.denied(t, p.send(t, p.signed(s, []byte{})), 401, authz.ReasonBodyEmpty)
			p.closed(t, "two in one line", p.send(t, good.replaced(s.header, good.value(s.header)+", "+good.value(s.header))))
			p.closed(t, "in blanks", p.send(t, good.replaced(s.header, strings.Replace(good.value(s.header), good.value(s.header)[20:24], " "+good.value(s.header)[20:24], 1))))
			p.closed(t, "cut", p.send(t, good.replaced(s.header, good.value(s.header)[:len(good.value(s.header))-8])))
			p.closed(t, "no signature in it", p.send(t, good.replaced(s.header, "x")))
			if s.misuse != nil {
				p.closed(t, "another algorithm", p.send(t, p.signedBy(s, p.pairs[s.pair], s.misuse, event, time.Now())))
			}
			if s.timed {
				p.denied(t, p.send(t, p.signedBy(s, p.pairs[s.pair], s.sign, event, time.Now().Add(-400*time.Second))), 401, authz.ReasonTimestampStale)
				p.denied(t, p.send(t, p.signedBy(s, p.pairs[s.pair], s.sign, event, time.Now().Add(400*time.Second))), 401, authz.ReasonTimestampFuture)
				// What is stale and does not verify is not called stale.
				p.denied(t, p.send(t, p.signedBy(s, stranger, s.sign, event, time.Now().Add(-400*time.Second))), 401, authz.ReasonSignatureMismatch)
			}
		})
	}
	// No request of one sender opens the route of another.
	for _, s := range styles {
		for _, other := range styles {
			if other.policy != s.policy {
				p.closed(t, s.policy+" for "+other.policy, p.send(t, p.signed(s, event).to("/e2e/"+other.policy)))
			}
		}
	}
}

// Parts besides the body that are signed.
func TestSignedParts(t *testing.T) {
	p := proofs()
	discord, p384 := p.signed(styles[0], event), p.signed(styles[4], event)
	later := fmt.Sprint(time.Now().Unix() + 1)
	p.denied(t, p.send(t, discord.replaced("X-Signature-Timestamp", later)), 401, authz.ReasonSignatureMismatch)
	p.denied(t, p.send(t, discord.without("X-Signature-Timestamp")), 401, authz.ReasonPartMissing)
	p.denied(t, p.send(t, discord.with("X-Signature-Timestamp", later)), 401, authz.ReasonDuplicateHeader)
	// Moving a digit from the time to the body leaves the message as it was.
	shifted := discord
	shifted.body = append([]byte(discord.value("X-Signature-Timestamp")[9:]), event...)
	p.closed(t, "a digit of the time in the body", p.send(t, shifted.replaced("X-Signature-Timestamp", discord.value("X-Signature-Timestamp")[:9])))

	put := p384
	put.method = "PUT"
	p.denied(t, p.send(t, put), 401, authz.ReasonSignatureMismatch)
	p.denied(t, p.send(t, p384.replaced("X-Id", "e-2")), 401, authz.ReasonSignatureMismatch)
	p.denied(t, p.send(t, p384.without("X-Id")), 401, authz.ReasonPartMissing)
	p.closed(t, "what may not stand in the id", p.send(t, p384.replaced("X-Id", "e.1")))
}

// Where a request says which key it is.
func TestSignatureKeyID(t *testing.T) {
	p := proofs()
	es := p.keys["ES256"]
	published := func(pair crypto.Signer, sign func(crypto.Signer, []byte) []byte, kid string) request {
		now := fmt.Sprint(time.Now().Unix())
		return request{path: "/e2e/sig-published", body: event}.
			with("X-Signature", std64(hushed(sign(pair, []byte(now+"."+string(event)))))).
			with("X-Timestamp", now).with("X-Key-Id", kid)
	}
	good := published(es.key, ecdsaDER, es.kid)
	p.allowed(t, p.send(t, good))
	p.denied(t, p.send(t, published(newPair(t, "p256"), ecdsaDER, es.kid)), 401, authz.ReasonSignatureMismatch)
	p.denied(t, p.send(t, published(es.key, ecdsaDER, "of-nobody")), 401, authz.ReasonKidUnknown)
	p.closed(t, "a key of another type", p.send(t, published(p.keys["RS256"].key, pkcs1, p.keys["RS256"].kid)))
	p.closed(t, "another key's id", p.send(t, published(es.key, ecdsaDER, p.keys["EdDSA"].kid)))
	p.closed(t, "the id missing", p.send(t, good.without("X-Key-Id")))
	p.denied(t, p.send(t, good.with("X-Key-Id", es.kid)), 401, authz.ReasonDuplicateHeader)

	named := func(policy, pair, kid string) request {
		r := request{path: "/e2e/" + policy, body: event}.with("X-Signature", std64(hushed(ed25519Sign(p.pairs[pair], event))))
		if kid != "" {
			r = r.with("X-Key-Id", kid)
		}
		return r
	}
	for _, name := range []string{"first", "second"} {
		for _, policy := range []string{"sig-named", "sig-any"} {
			if _, d := p.allowed(t, p.send(t, named(policy, "sig-"+name, name))); d.Principal != name {
				t.Errorf("%s: principal %q, want %q", policy, d.Principal, name)
			}
		}
	}
	p.denied(t, p.send(t, named("sig-named", "sig-first", "second")), 401, authz.ReasonSignatureMismatch)
	p.denied(t, p.send(t, named("sig-named", "sig-first", "third")), 401, authz.ReasonKidUnknown)
	p.closed(t, "the name missing", p.send(t, named("sig-named", "sig-first", "")))

	// Several signatures, as while a sender changes its key.
	first, second := named("sig-any", "sig-first", ""), named("sig-any", "sig-second", "")
	stranger := std64(hushed(ed25519Sign(newPair(t, "ed25519"), event)))
	p.allowed(t, p.send(t, first.replaced("X-Signature", stranger+","+second.value("X-Signature"))))
	p.denied(t, p.send(t, first.replaced("X-Signature", stranger+","+stranger)), 401, authz.ReasonSignatureMismatch)
	p.closed(t, "too many", p.send(t, first.replaced("X-Signature", strings.Repeat(stranger+",", 16)+first.value("X-Signature"))))
}
