//go:build e2e

package e2e

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"maps"
	"time"
)

// A signer makes tokens by hand, so that it can make bad ones too, and so that
// nothing of the product is needed to make good ones.
type signer struct {
	kid, alg string
	key      crypto.Signer
}

// newSigner makes a key for an algorithm.
func newSigner(s scope, kid, alg string) signer {
	s.Helper()
	var key crypto.Signer
	var err error
	switch alg {
	case "EdDSA":
		_, key, err = ed25519.GenerateKey(rand.Reader)
	case "ES256":
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	default:
		key, err = rsa.GenerateKey(rand.Reader, 2048)
	}
	if err != nil {
		s.Fatalf("make a key for %s: %v", alg, err)
	}
	return signer{kid: kid, alg: alg, key: key}
}

// named returns the same key under another id; "" for none.
func (k signer) named(kid string) signer {
	k.kid = kid
	return k
}

// as returns the same key for another algorithm, fitting or not.
func (k signer) as(alg string) signer {
	k.alg = alg
	return k
}

// claims are the content of a token.
type claims = map[string]any

// goodClaims are claims that pass where issuer and audience are these.
func goodClaims(issuer, audience string) claims {
	now := time.Now()
	return claims{
		"iss": issuer, "aud": audience, "sub": "partner", "jti": random(),
		"iat": now.Unix(), "nbf": now.Add(-time.Second).Unix(), "exp": now.Add(5 * time.Minute).Unix(),
	}
}

// changed returns c with one claim changed, or without it if value is nil.
func (k signer) changed(c claims, name string, value any) string {
	c = maps.Clone(c)
	c[name] = value
	if value == nil {
		delete(c, name)
	}
	return k.token(c)
}

// token returns a signed token.
func (k signer) token(c claims) string { return k.tokenOf(c, nil) }

// tokenOf returns a token whose header has more members.
func (k signer) tokenOf(c claims, header map[string]any) string {
	members := map[string]any{"alg": k.alg, "typ": "JWT"}
	if k.kid != "" {
		members["kid"] = k.kid
	}
	maps.Copy(members, header)
	return k.raw(mustJSON(members), mustJSON(c))
}

// raw returns a token of the given texts.
func (k signer) raw(header, payload []byte) string {
	message := base64.RawURLEncoding.EncodeToString(header) + "." + base64.RawURLEncoding.EncodeToString(payload)
	token := message + "." + base64.RawURLEncoding.EncodeToString(k.sign([]byte(message)))
	mustNotLeak(token)
	return token
}

// sign signs as the kind of key demands, whatever the token's header says.
func (k signer) sign(message []byte) []byte {
	digest := sha256.Sum256(message)
	switch key := k.key.(type) {
	case ed25519.PrivateKey:
		return ed25519.Sign(key, message)
	case *ecdsa.PrivateKey:
		r, s, _ := ecdsa.Sign(rand.Reader, key, digest[:])
		signature := make([]byte, 64)
		r.FillBytes(signature[:32])
		s.FillBytes(signature[32:])
		return signature
	case *rsa.PrivateKey:
		if k.alg == "PS256" {
			signature, _ := rsa.SignPSS(rand.Reader, key, crypto.SHA256, digest[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
			return signature
		}
		signature, _ := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, digest[:])
		return signature
	}
	return nil
}

// confused returns a token whose HMAC key is the text of the public key: what a
// verifier accepts that lets the token choose the algorithm.
func (k signer) confused(c claims) string {
	message := base64.RawURLEncoding.EncodeToString(mustJSON(map[string]any{"alg": "HS256", "typ": "JWT", "kid": k.kid})) +
		"." + base64.RawURLEncoding.EncodeToString(mustJSON(c))
	mac := hmac.New(sha256.New, k.publicPEM())
	mac.Write([]byte(message))
	return message + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// jwk returns the public key (RFC 7517, RFC 8037).
func (k signer) jwk() map[string]any {
	text := base64.RawURLEncoding.EncodeToString
	jwk := map[string]any{"kid": k.kid, "alg": k.alg, "use": "sig"}
	switch key := k.key.Public().(type) {
	case ed25519.PublicKey:
		jwk["kty"], jwk["crv"], jwk["x"] = "OKP", "Ed25519", text(key)
	case *ecdsa.PublicKey:
		point, _ := key.Bytes() // 4, x, y
		jwk["kty"], jwk["crv"], jwk["x"], jwk["y"] = "EC", "P-256", text(point[1:33]), text(point[33:])
	case *rsa.PublicKey:
		jwk["kty"], jwk["n"], jwk["e"] = "RSA", text(key.N.Bytes()), "AQAB"
	}
	return jwk
}

// jwks returns a JWK Set.
func jwks(keys ...signer) []byte {
	list := []any{}
	for _, k := range keys {
		list = append(list, k.jwk())
	}
	return mustJSON(map[string]any{"keys": list})
}

// publicPEM returns the public key, privatePEM the private one.
func (k signer) publicPEM() []byte {
	der, _ := x509.MarshalPKIXPublicKey(k.key.Public())
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

func (k signer) privatePEM() []byte {
	der, _ := x509.MarshalPKCS8PrivateKey(k.key)
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

// mustJSON writes what can be written.
func mustJSON(value any) []byte {
	text, _ := json.Marshal(value)
	return text
}
