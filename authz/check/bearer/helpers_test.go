package bearer_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
	"github.com/hookauthz/hookauthz/authz/check/bearer"
	"github.com/hookauthz/hookauthz/authz/scheme"
	"github.com/hookauthz/hookauthz/authz/scheme/jose"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

const (
	issuer   = "https://idp.example.com"
	audience = "https://hooks.example.com"
)

// keyOf returns the Ed25519 key that text stands for.
func keyOf(text string) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte(text))
	return ed25519.NewKeyFromSeed(seed[:])
}

var ecKey = sync.OnceValue(func() *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	return key
})

var rsaKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

func public(id string, key crypto.Signer) authz.PublicKey {
	return authz.PublicKey{ID: id, Key: key.Public()}
}

// claims are those of a good token, with changes; nil removes a claim.
func claims(changes map[string]any) string {
	now := authztest.Received().Unix()
	all := map[string]any{"iss": issuer, "aud": audience, "sub": "crm", "iat": now, "exp": now + 300}
	maps.Copy(all, changes)
	for name, value := range all {
		if value == nil {
			delete(all, name)
		}
	}
	text, err := json.Marshal(all)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// sign returns payload as a JWT of the key named k1.
func sign(tb testing.TB, key crypto.Signer, payload string) string {
	tb.Helper()
	return signAs(tb, key, "k1", "JWT", payload)
}

func signAs(tb testing.TB, key crypto.Signer, id, typ, payload string) string {
	tb.Helper()
	algorithm, ok := jose.AlgorithmFor(key.Public())
	if !ok {
		tb.Fatal("no algorithm for the key")
	}
	token, err := jose.Sign(key, algorithm, id, typ, []byte(payload))
	if err != nil {
		tb.Fatal(err)
	}
	return token
}

// raw returns a token whose header is header, signed with keyOf("key") whatever
// it says.
func raw(header, payload string) string {
	input := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString([]byte(payload))
	return input + "." + base64.RawURLEncoding.EncodeToString(ed25519.Sign(keyOf("key"), []byte(input)))
}

// forged returns a token that nobody signed.
func forged(header string) string {
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(header)) + "." + encode([]byte("{}")) + "." + encode(make([]byte, ed25519.SignatureSize))
}

// A keySet counts how often it is asked for newer keys.
type keySet struct {
	authztest.KeySet
	fresh   []authz.PublicKey // what Refresh returns
	err     error             // of Refresh
	fetched int
}

func (s *keySet) Refresh(context.Context, string, time.Time) (*authz.Keys, error) {
	s.fetched++
	if s.err != nil {
		return nil, s.err
	}
	return &authz.Keys{Accepted: append(s.fresh, s.Accepted...)}, nil
}

func set(keys ...authz.PublicKey) *keySet {
	return &keySet{KeySet: authztest.KeySet{Accepted: keys}}
}

// unavailable is a key set that can't be read.
func unavailable() *keySet {
	err := authz.Deny(authz.ReasonKeySetUnavailable, "")
	return &keySet{KeySet: authztest.KeySet{Err: err}, err: err}
}

// env declares sets.
func env(sets map[string]authz.KeySet) *authz.Env {
	e := authztest.Env(nil)
	e.Keys = func(name string) (authz.KeyReference, bool) {
		found, ok := sets[name]
		return authz.KeyReference{Name: name, Set: found}, ok
	}
	return e
}

// one declares a set named keys that holds keyOf("key") as k1.
func one() *authz.Env {
	return env(map[string]authz.KeySet{"keys": set(public("k1", keyOf("key")))})
}

// jwt are settings for tokens that [sign] makes.
func jwt(change func(*policypb.Jwt)) *policypb.Bearer {
	s := &policypb.Jwt{
		Issuer: issuer, Audiences: []string{audience, "other"}, Keys: []string{"keys"}, Algorithms: []string{"EdDSA", "ES256", "RS256"},
	}
	if change != nil {
		change(s)
	}
	return &policypb.Bearer{Jwt: s}
}

func newCheck(tb testing.TB, s *policypb.Bearer, e *authz.Env) authz.Check {
	tb.Helper()
	part, problems := bearer.Kind().Build(s, e)
	if len(problems) > 0 {
		tb.Fatalf("Build: %v", problems)
	}
	return part.Check
}

func request(token string) *authz.Request {
	return authztest.Request("POST", "/h", "", "Authorization", "Bearer "+token)
}

func verify(tb testing.TB, check authz.Check, token string) (authz.Identity, error) {
	tb.Helper()
	return check.Verify(tb.Context(), request(token))
}

// pemOf is how a store holds the public half of keyOf(text). It ends without a
// newline.
func pemOf(text string) string {
	der, err := x509.MarshalPKIXPublicKey(keyOf(text).Public())
	if err != nil {
		panic(err)
	}
	return strings.TrimSpace(string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})))
}

// A stored is the key set of a secret's versions, as strict about white space as
// other kinds are with theirs.
type stored struct{ ref authz.Reference }

func (s stored) Keys(now time.Time) (*authz.Keys, error) {
	versions, err := s.ref.Secrets.Versions(now)
	if err != nil {
		return nil, err
	}
	if versions == nil || len(versions.Accepted) == 0 && versions.Unusable == nil {
		return nil, authz.Deny(authz.ReasonSecretMissing, "")
	}
	keys := &authz.Keys{Unusable: versions.Unusable, Stale: versions.Stale}
	for _, version := range versions.Accepted {
		if err := s.ref.CheckPassword(version.Secret.Reveal()); err != nil {
			keys.Unusable = scheme.WorseTrouble(keys.Unusable, err)
			continue
		}
		parsed, err := jose.ParsePEM(version.Secret.Reveal())
		if err != nil {
			keys.Unusable = scheme.WorseTrouble(keys.Unusable, authz.Deny(authz.ReasonSecretInvalid, ""))
			continue
		}
		for _, key := range parsed {
			key.Secret, key.Version, key.Previous = s.ref.Name, version.Number, version.Previous
			keys.Accepted = append(keys.Accepted, key)
		}
	}
	return keys, nil
}

func (s stored) Refresh(_ context.Context, _ string, now time.Time) (*authz.Keys, error) {
	return s.Keys(now)
}

// nothing is a set with a bug.
type nothing struct{ authz.KeySet }

func (nothing) Keys(time.Time) (*authz.Keys, error) { return nil, nil } //nolint:nilnil // the bug

func (nothing) Refresh(context.Context, string, time.Time) (*authz.Keys, error) { return nil, nil } //nolint:nilnil // the same
