//go:build e2e

package e2e

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"math/big"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
)

// Every kind of key that may sign, one after the other, for a client of whose
// secret only the digest is stored.
func TestSigningKeys(t *testing.T) {
	t.Parallel()
	secret := random()
	sum := sha256.Sum256([]byte(secret))
	digest := hex.EncodeToString(sum[:])
	mustNotLeak(secret)
	mustNotLeak(digest)
	signing := writeFile(t, "signing.pem", string(newSigner(t, "", "EdDSA").privatePEM()))
	w := &identityWorld{tokens: "http://" + freeAddress(t)}
	folder := fill(t, map[string]string{"TOKENS": w.tokens, "SIGNING": signing, "DIGEST": writeFile(t, "digest", digest)}, "signing.yaml")
	w.world = newWorld(t, setup{
		config: folder, policies: policyNames(t, folder),
		flags: []string{"--dev", "--token-listen=" + strings.TrimPrefix(w.tokens, "http://")},
	})
	ask := func(secret string) grant {
		return trade(t, w.tokens+"/token", "hashed", secret, url.Values{"grant_type": {"client_credentials"}})
	}
	for name, other := range map[string]string{"another secret": random(), "the digest": digest, "the digest in capitals": strings.ToUpper(digest)} {
		if got := ask(other); got.status != 401 || got.Error != "invalid_client" || got.Token != "" {
			t.Errorf("%s: status %d, error %q; want 401, invalid_client", name, got.status, got.Error)
		}
	}

	var before string // a token of the key before
	for _, alg := range []string{"EdDSA", "ES256", "RS256", "EdDSA"} {
		k := newSigner(t, "", alg)
		replaceFile(t, signing, string(k.privatePEM()))
		var token string
		eventually(t, 15*time.Second, "the new key signs", func() bool {
			time.Sleep(250 * time.Millisecond) // one client may ask so often
			token = ask(secret).Token
			return token != "" && k.signed(token)
		})
		if got := algOf(t, token); got != alg {
			t.Errorf("a key for %s signs with %s", alg, got)
		}
		if published := w.published(t); len(published) != 1 || published[0] != kidOf(t, token) {
			t.Errorf("published keys %q, want %q", published, kidOf(t, token))
		}
		_, d := w.allowed(t, w.send(t, bearing("own-hashed", token)))
		if d.Principal != "hashed" {
			t.Errorf("%s: principal %q, want hashed", alg, d.Principal)
		}
		// The same key may sign other things elsewhere: those are no tokens of ours.
		w.denied(t, w.send(t, bearing("own-hashed", k.token(goodClaims(w.tokens, "own-hashed")))), 401, authz.ReasonTokenInvalid)
		if before != "" {
			w.denied(t, w.send(t, bearing("own-hashed", before)), 401, authz.ReasonKidUnknown)
		}
		before = token
	}
}

// signed reports whether k signed the token.
func (k signer) signed(token string) bool {
	end := strings.LastIndexByte(token, '.')
	signature, err := base64.RawURLEncoding.DecodeString(token[end+1:])
	if err != nil {
		return false
	}
	message := []byte(token[:end])
	digest := sha256.Sum256(message)
	switch public := k.key.Public().(type) {
	case ed25519.PublicKey:
		return ed25519.Verify(public, message, signature)
	case *ecdsa.PublicKey:
		if len(signature) != 64 {
			return false
		}
		return ecdsa.Verify(public, digest[:], new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:]))
	case *rsa.PublicKey:
		return rsa.VerifyPKCS1v15(public, crypto.SHA256, digest[:], signature) == nil
	}
	return false
}

func algOf(t *testing.T, token string) string {
	t.Helper()
	header, _, _ := strings.Cut(token, ".")
	text, err := base64.RawURLEncoding.DecodeString(header)
	var members struct{ Alg string }
	if err == nil {
		err = json.Unmarshal(text, &members)
	}
	if err != nil {
		t.Fatal(err)
	}
	return members.Alg
}
