package jwe_test

import (
	"context"
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
	kind "github.com/hookauthz/hookauthz/authz/check/jwe"
	"github.com/hookauthz/hookauthz/authz/scheme/jose"
	"github.com/hookauthz/hookauthz/authz/scheme/jwe"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

var rsaKey = sync.OnceValue(func() *rsa.PrivateKey { return newRSA() })

func newRSA() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
}

var ecKey = sync.OnceValue(func() *ecdsa.PrivateKey { return newEC(elliptic.P256()) })

func newEC(curve elliptic.Curve) *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		panic(err)
	}
	return key
}

// sharedKey returns the key of size bytes that text stands for.
func sharedKey(text string, size int) []byte {
	sum := sha256.Sum256([]byte(text))
	return slices.Concat(sum[:], sum[:])[:size]
}

// A keySet is private keys that do not change.
type keySet struct {
	keys []authz.PrivateKey
	// unusable, stale and err are those of what is read.
	unusable error
	stale    bool
	err      error
}

func (s *keySet) Keys(time.Time) (*authz.PrivateKeys, error) {
	if s.err != nil {
		return nil, s.err
	}
	return &authz.PrivateKeys{Accepted: s.keys, Unusable: s.unusable, Stale: s.stale}, nil
}

// set holds keys under the ids k1, k2 and so on, which are versions of a secret:
// the first is the newest.
func set(keys ...any) *keySet {
	s := &keySet{}
	for i, key := range keys {
		s.keys = append(s.keys, authz.PrivateKey{
			ID: "k" + string(rune('1'+i)), Key: key, Secret: "secret", Version: len(keys) - i, Previous: i > 0,
		})
	}
	return s
}

// env declares sets, and an inner check.
func env(sets map[string]authz.PrivateKeySet) *authz.Env {
	e := authztest.Env(nil)
	e.PrivateKeys = func(name string) (authz.PrivateKeyReference, bool) {
		found, ok := sets[name]
		return authz.PrivateKeyReference{Name: name, Set: found}, ok
	}
	e.Inner = func(name string, settings any) (authz.Part, []authz.Problem) {
		if _, ok := settings.(*policypb.Jws); !ok || name != "jws" {
			return authz.Part{}, []authz.Problem{{Message: "not a jws", Code: "bug"}}
		}
		return authz.Part{Check: &signed{env: e}, Authenticates: true, Signs: true, Window: time.Minute, Payload: true}, nil
	}
	return e
}

// with is env with one set that is named keys.
func with(s authz.PrivateKeySet) *authz.Env {
	return env(map[string]authz.PrivateKeySet{"keys": s})
}

// signed is an inner check: a JWS by the Ed25519 key of the text "sender".
type signed struct{ env *authz.Env }

func (s *signed) Verify(context.Context, *authz.Request) (authz.Identity, error) {
	return authz.Identity{}, authz.Deny(authz.ReasonCredentialMissing, "")
}

func (s *signed) VerifyToken(_ context.Context, _ *authz.Request, text string) (authz.Identity, error) {
	token, err := jose.ParseCompact(text)
	if err != nil {
		return authz.Identity{}, err
	}
	keys := &authz.Keys{Accepted: []authz.PublicKey{{ID: "s1", Key: signer().Public()}}}
	if _, err := token.Verify(keys, []jose.Algorithm{jose.EdDSA}); err != nil {
		return authz.Identity{}, err
	}
	identity := authz.Identity{
		Principal: "partner", Key: "s1", Credential: true, Signed: authztest.Received(),
		Content: &authz.Content{Payload: token.Payload(), HasPayload: true},
	}
	if s.env.Replay {
		identity.Content.Messages = []authz.Message{{1, 2, 3}}
	}
	return identity, nil
}

func signer() ed25519.PrivateKey {
	seed := sha256.Sum256([]byte("sender"))
	return ed25519.NewKeyFromSeed(seed[:])
}

func sign(tb testing.TB, key crypto.Signer, payload string) string {
	tb.Helper()
	token, err := jose.Sign(key, jose.EdDSA, "s1", "", []byte(payload))
	if err != nil {
		tb.Fatal(err)
	}
	return token
}

type change = func(s *policypb.Jwe)

// public are settings for RSA and EC keys in the body, with what the changes make
// of them.
func public(changes ...change) *policypb.Jwe {
	s := &policypb.Jwe{
		Body:              &policypb.WholeBody{},
		KeyAlgorithms:     []string{"RSA-OAEP", "RSA-OAEP-256", "ECDH-ES", "ECDH-ES+A128KW"},
		ContentAlgorithms: []string{"A256GCM", "A128CBC-HS256"},
		Keys:              []string{"keys"},
	}
	for _, change := range changes {
		change(s)
	}
	return s
}

// shared are settings for shared keys in the body.
func shared(changes ...change) *policypb.Jwe {
	return public(append([]change{func(s *policypb.Jwe) { s.KeyAlgorithms = []string{"A256KW", "dir"} }}, changes...)...)
}

// inner are settings for a signed token inside.
func inner(changes ...change) *policypb.Jwe {
	return public(append([]change{func(s *policypb.Jwe) {
		s.Inner = &policypb.InnerToken{Jws: &policypb.Jws{Algorithms: []string{"EdDSA"}, Keys: []string{"sender"}}}
	}}, changes...)...)
}

func inHeader(s *policypb.Jwe) { s.Body, s.Header = nil, "X-Token" }

func inJSON(s *policypb.Jwe) { s.Body, s.Json = nil, "/data/token" }

func inForm(s *policypb.Jwe) { s.Body, s.Form = nil, "token" }

func newPart(tb testing.TB, s *policypb.Jwe, e *authz.Env) authz.Part {
	tb.Helper()
	part, problems := kind.Kind().Build(s, e)
	for _, problem := range problems {
		if !problem.Warning {
			tb.Fatal(problem)
		}
	}
	return part
}

func verify(tb testing.TB, s *policypb.Jwe, e *authz.Env, r *authz.Request) (authz.Identity, error) {
	tb.Helper()
	identity, err := newPart(tb, s, e).Check.Verify(tb.Context(), r)
	if err != nil && (identity.Principal != "" || identity.Credential || identity.Decrypted || identity.Content != nil) {
		tb.Errorf("identity = %+v beside %v", identity, err)
	}
	return identity, err
}

// body is a request whose body is token.
func body(token string) *authz.Request {
	r := authztest.Request("POST", "/h", token)
	if token == "" {
		authztest.AddHeader(r, "content-length", "0")
	}
	return r
}

// publicOf is what a sender has of key.
func publicOf(key any) any {
	switch k := key.(type) {
	case *ecdh.PrivateKey:
		return k.PublicKey()
	case crypto.Signer:
		return k.Public()
	}
	return key
}

func encrypt(tb testing.TB, key any, a jwe.KeyAlgorithm, content jwe.ContentAlgorithm, kid, plaintext string) string {
	tb.Helper()
	token, err := jwe.Encrypt(publicOf(key), a, content, kid, "", []byte(plaintext))
	if err != nil {
		tb.Fatal(err)
	}
	return token
}

// toRSA is plaintext for rsaKey.
func toRSA(tb testing.TB, plaintext string) string {
	tb.Helper()
	return encrypt(tb, rsaKey(), jwe.RSAOAEP256, jwe.A256GCM, "k1", plaintext)
}

// toShared is plaintext under the shared key of text.
func toShared(tb testing.TB, text, plaintext string) string {
	tb.Helper()
	return encrypt(tb, sharedKey(text, 32), jwe.A256KW, jwe.A256GCM, "k1", plaintext)
}

var encode = base64.RawURLEncoding.EncodeToString

// replaced returns token with part i replaced.
func replaced(token string, i int, part string) string {
	parts := strings.Split(token, ".")
	parts[i] = part
	return strings.Join(parts, ".")
}

// flipped returns token with the last byte of part i changed.
func flipped(tb testing.TB, token string, i int) string {
	tb.Helper()
	b, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[i])
	if err != nil || len(b) == 0 {
		tb.Fatalf("part %d: %v", i, err)
	}
	b[len(b)-1] ^= 1
	return replaced(token, i, encode(b))
}
