//go:build e2e

package e2e

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/hookauthz/hookauthz/authz"
)

// A seal is how a sender encrypts.
type seal struct {
	alg, enc string
	kid, cty string
	key      any // that is encrypted to
	zip      bool
	more     map[string]any // members of the header
}

// of returns plaintext encrypted, by a library. No log may hold it.
func (e seal) of(t *testing.T, plaintext []byte) string {
	t.Helper()
	options := &jose.EncrypterOptions{ExtraHeaders: map[jose.HeaderKey]any{}}
	if e.zip {
		options.Compression = jose.DEFLATE
	}
	if e.cty != "" {
		options = options.WithContentType(jose.ContentType(e.cty))
	}
	for name, value := range e.more {
		options = options.WithHeader(jose.HeaderKey(name), value)
	}
	by, err := jose.NewEncrypter(jose.ContentEncryption(e.enc), jose.Recipient{Algorithm: jose.KeyAlgorithm(e.alg), Key: e.key, KeyID: e.kid}, options)
	if err != nil {
		t.Fatal(err)
	}
	made, err := by.Encrypt(plaintext)
	if err != nil {
		t.Fatal(err)
	}
	token, err := made.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	if len(plaintext) > 16 {
		mustNotLeak(string(plaintext))
	}
	return token
}

// The seals of this file's policies.

func (p *proofWorld) toRSA() seal {
	return seal{alg: "RSA-OAEP-256", enc: "A256GCM", key: p.pairs["jwe-rsa"].Public()}
}

func (p *proofWorld) toEC() seal {
	return seal{alg: "ECDH-ES", enc: "A256GCM", kid: "ours", cty: "JWT", key: p.pairs["jwe-ec"].Public()}
}

func (p *proofWorld) toShared() seal {
	return seal{alg: "A256KW", enc: "A256GCM", kid: "shared", key: p.oct}
}

func (e seal) with(alg, enc string) seal {
	e.alg, e.enc = alg, enc
	return e
}

// sealedBody is a request whose body is encrypted, of a sender that has a key too.
func sealedBody(policy, token string) request {
	return request{path: "/e2e/" + policy, body: []byte(token)}.
		with("Content-Type", "application/jose").with("X-Any-Name-At-All", key("combined-key"))
}

func inData(policy, token string) request {
	return request{path: "/e2e/" + policy, body: mustJSON(map[string]string{"data": token})}.with("Content-Type", "application/json")
}

// order is a webhook that nobody else shall read.
func order() []byte { return mustJSON(map[string]string{"event": "order.created", "note": random()}) }

// What is encrypted to us opens; without the payload being asked for, the
// application gets what came.
func TestEncryptedBody(t *testing.T) {
	p := proofs()
	inner := func(k signer) []byte { return []byte(k.token(orderClaims())) }
	for _, tt := range []struct {
		name      string
		request   request
		principal string
		signed    bool
	}{
		{name: "RSA-OAEP-256", request: sealedBody("jwe-sibling", p.toRSA().of(t, order())), principal: "jwe-api"},
		{name: "RSA-OAEP", request: sealedBody("jwe-sibling", p.toRSA().with("RSA-OAEP", "A128CBC-HS256").of(t, order())), principal: "jwe-api"},
		{name: "RSA, nothing in it", request: sealedBody("jwe-sibling", p.toRSA().of(t, nil)), principal: "jwe-api"},
		{name: "ECDH-ES", request: sealedBody("jwe-inner", p.toEC().of(t, inner(p.tok))), principal: partnerIssuer, signed: true},
		{name: "ECDH-ES, content not named", request: sealedBody("jwe-inner", seal{alg: "ECDH-ES", enc: "A256GCM", key: p.pairs["jwe-ec"].Public()}.of(t, inner(p.tok))), principal: partnerIssuer, signed: true},
		{name: "ECDH-ES+A128KW", request: sealedBody("jwe-inner", p.toEC().with("ECDH-ES+A128KW", "A128GCM").of(t, inner(p.tok))), principal: partnerIssuer, signed: true},
		{name: "ECDH-ES+A256KW, CBC", request: sealedBody("jwe-inner", p.toEC().with("ECDH-ES+A256KW", "A256CBC-HS512").of(t, inner(p.tok))), principal: partnerIssuer, signed: true},
		{name: "A256KW", request: inData("jwe-shared", p.toShared().of(t, order())), principal: "jwe-oct", signed: true},
		{name: "dir", request: inData("jwe-shared", p.toShared().with("dir", "A256GCM").of(t, order())), principal: "jwe-oct", signed: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			seen, d := p.allowed(t, p.send(t, tt.request))
			if string(seen.body) != string(tt.request.body) {
				t.Error("the upstream saw another body")
			}
			if d.Principal != tt.principal || d.Content != contentOf(tt.signed) {
				t.Errorf("principal %q, content %q; want %q, %q", d.Principal, d.Content, tt.principal, contentOf(tt.signed))
			}
		})
	}
	c := p.toEC()
	for _, tt := range []struct {
		name    string
		request request
		status  int // 0 is 401
		reason  authz.Reason
	}{
		{name: "the sibling missing", request: sealedBody("jwe-sibling", p.toRSA().of(t, order())).without("X-Any-Name-At-All"), reason: authz.ReasonCredentialMissing},
		{name: "the sibling wrong", request: sealedBody("jwe-sibling", p.toRSA().of(t, order())).replaced("X-Any-Name-At-All", "not-the-key-of-anybody-at-all"), reason: authz.ReasonAPIKeyInvalid},
		{name: "nothing encrypted", request: sealedBody("jwe-sibling", ""), reason: authz.ReasonCredentialMissing},
		{name: "to another key", request: sealedBody("jwe-sibling", seal{alg: "RSA-OAEP-256", enc: "A256GCM", key: newPair(t, "rsa").Public()}.of(t, order())), reason: authz.ReasonDecryptionFailed},
		{name: "inside, another key", request: sealedBody("jwe-inner", c.of(t, inner(newSigner(t, "", "ES256")))), reason: authz.ReasonSignatureMismatch},
		{name: "inside, changed", request: sealedBody("jwe-inner", c.of(t, []byte(withClaim(p.tok.token(orderClaims()))))), reason: authz.ReasonSignatureMismatch},
		{name: "inside, another issuer", request: sealedBody("jwe-inner", c.of(t, []byte(p.tok.changed(orderClaims(), "iss", "https://elsewhere.example")))), status: 403, reason: authz.ReasonClaimMismatch},
		{name: "another shared key", request: inData("jwe-shared", seal{alg: "A256KW", enc: "A256GCM", kid: "shared", key: make([]byte, 32)}.of(t, order())), reason: authz.ReasonDecryptionFailed},
		{name: "something besides", request: besides(inData("jwe-shared", p.toShared().of(t, order()))), reason: authz.ReasonBodyUnsigned},
		{name: "an unknown key id", request: inData("jwe-shared", seal{alg: "A256KW", enc: "A256GCM", kid: "of-nobody", key: p.oct}.of(t, order())), reason: authz.ReasonKidUnknown},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if tt.status == 0 {
				tt.status = 401
			}
			p.denied(t, p.send(t, tt.request), tt.status, tt.reason)
		})
	}
	p.closed(t, "inside, nothing signed", p.send(t, sealedBody("jwe-inner", c.of(t, order()))))
	p.closed(t, "inside, alg none", p.send(t, sealedBody("jwe-inner", c.of(t, unsigned(orderClaims())))))
	p.closed(t, "inside, encrypted again", p.send(t, sealedBody("jwe-inner", c.of(t, []byte(c.of(t, inner(p.tok)))))))
	p.closed(t, "a token that is only signed", p.send(t, sealedBody("jwe-inner", p.tok.token(orderClaims()))))
	p.closed(t, "encrypted where it should be signed", p.send(t, tokenBody("jws-discovered", c.of(t, inner(p.tok)))))
}

// contentOf is what the decision log says of what was decrypted.
func contentOf(signed bool) string {
	return pick(signed, "signed", "authenticated-not-signed")
}

// unsigned returns a token that says it is not signed.
func unsigned(c claims) []byte {
	text := base64.RawURLEncoding.EncodeToString
	return []byte(text([]byte(`{"alg":"none"}`)) + "." + text(mustJSON(c)) + ".")
}

// besides returns r with a member more in its JSON body.
func besides(r request) request {
	r.body = []byte(strings.TrimSuffix(string(r.body), "}") + `,"event":"order.paid"}`)
	return r
}
