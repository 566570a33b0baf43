package signature_test

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
	"encoding/hex"
	"math/big"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
	"github.com/hookauthz/hookauthz/authz/check/signature"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

// The values that testdata/signatures.py signs.
const (
	body = `{"id":1}`
	unix = 1614265330
)

// recorded returns what testdata/signatures.txt, made by another implementation,
// has under name.
func recorded(tb testing.TB, name string) []byte {
	tb.Helper()
	data, err := os.ReadFile("testdata/signatures.txt")
	if err != nil {
		tb.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		if text, ok := strings.CutSuffix(line, " "+name+"\n"); ok && !strings.Contains(text, " ") {
			value, err := base64.StdEncoding.DecodeString(text)
			if err != nil {
				tb.Fatal(err)
			}
			return value
		}
	}
	tb.Fatalf("nothing is called %q in testdata/signatures.txt", name)
	return nil
}

func hexOf(tb testing.TB, name string) string {
	tb.Helper()
	return hex.EncodeToString(recorded(tb, name))
}

func b64Of(tb testing.TB, name string) string {
	tb.Helper()
	return base64.StdEncoding.EncodeToString(recorded(tb, name))
}

// public returns the recorded key of that name.
func public(tb testing.TB, name string) crypto.PublicKey {
	tb.Helper()
	key, err := x509.ParsePKIXPublicKey(recorded(tb, "key "+name))
	if err != nil {
		tb.Fatal(err)
	}
	return key
}

// keyOf returns the Ed25519 key that text stands for.
func keyOf(text string) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte(text))
	return ed25519.NewKeyFromSeed(seed[:])
}

// signed returns the signature of message by keyOf(text).
func signed(text, message string) []byte { return ed25519.Sign(keyOf(text), []byte(message)) }

// A keySet counts how often it is asked for newer keys.
type keySet struct {
	keys    *authz.Keys
	err     error // of Keys
	newer   *authz.Keys
	refused error // of Refresh
	asked   []string
}

var _ authz.KeySet = (*keySet)(nil)

func (s *keySet) Keys(time.Time) (*authz.Keys, error) { return s.keys, s.err }

func (s *keySet) Refresh(_ context.Context, id string, _ time.Time) (*authz.Keys, error) {
	s.asked = append(s.asked, id)
	if s.newer != nil || s.refused != nil {
		return s.newer, s.refused
	}
	return s.keys, s.err
}

// set is a set of these keys.
func set(keys ...authz.PublicKey) *keySet { return &keySet{keys: &authz.Keys{Accepted: keys}} }

// recordedSet is a set of the recorded keys, whose ids are their names.
func recordedSet(tb testing.TB, names ...string) *keySet {
	tb.Helper()
	s := set()
	for _, name := range names {
		s.keys.Accepted = append(s.keys.Accepted, authz.PublicKey{ID: name, Key: public(tb, name)})
	}
	return s
}

// named declares sets.
func named(sets map[string]authz.KeySet) *authz.Env {
	e := authztest.Env(nil)
	e.Keys = func(name string) (authz.KeyReference, bool) {
		found, ok := sets[name]
		return authz.KeyReference{Name: name, Set: found}, ok
	}
	return e
}

// keys declares s as "key".
func keys(s authz.KeySet) *authz.Env { return named(map[string]authz.KeySet{"key": s}) }

// settings are those of a plain Ed25519 signature of the body, changed by edits.
func settings(edits ...func(*policypb.Signature)) *policypb.Signature {
	s := &policypb.Signature{
		Credential: &policypb.Credential{Header: "X-Signature"},
		Algorithm:  "ed25519",
		Encoding:   "base64",
		Message:    "{body}",
		Keys:       []string{"key"},
	}
	for _, edit := range edits {
		edit(s)
	}
	return s
}

// build returns the check of s, which must have no mistakes.
func build(tb testing.TB, s *policypb.Signature, e *authz.Env) authz.Part {
	tb.Helper()
	part, problems := signature.Kind().Build(proto.CloneOf(s), e)
	for _, p := range problems {
		if !p.Warning {
			tb.Fatalf("Build() problem: %v (%s)", p, p.Code)
		}
	}
	return part
}

// post is a request with a body that came whole, at the time that is signed.
func post(content string, headers ...string) *authz.Request {
	r := &authz.Request{
		Received: time.Unix(unix, 0),
		Method:   "POST",
		Path:     "/h",
		Protocol: "HTTP/2",
		Body:     authz.Body{Raw: []byte(content), Size: int64(len(content)), Delivery: authz.DeliveryWhole},
		Rules:    authz.Rules{MaxBody: 1 << 20},
	}
	r.Header.Fields = append(r.Header.Fields, authz.Field{Name: "content-length", Value: strconv.Itoa(len(content))})
	for i := 0; i < len(headers); i += 2 {
		authztest.AddHeader(r, headers[i], headers[i+1])
	}
	return r
}

// later is r, received that much later.
func later(d time.Duration, r *authz.Request) *authz.Request {
	r.Received = r.Received.Add(d)
	return r
}

// reasonOf is the reason of err, ReasonVerified of nil.
func reasonOf(err error) authz.Reason {
	if err == nil {
		return authz.ReasonVerified
	}
	return authz.DeniedBy(err).Reason()
}

const (
	verified  = authz.ReasonVerified
	mismatch  = authz.ReasonSignatureMismatch
	malformed = authz.ReasonCredentialMalformed
	missing   = authz.ReasonCredentialMissing
)

func b64(data []byte) string { return base64.StdEncoding.EncodeToString(data) }

func hexSigned(key, message string) string { return hex.EncodeToString(signed(key, message)) }

func sha256Of(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// negated returns the other signature of the same message on P-256: with s, the
// number n-s is valid too.
func negated(raw []byte) []byte {
	n := elliptic.P256().Params().N
	s := new(big.Int).SetBytes(raw[32:])
	return append(slices.Clone(raw[:32]), new(big.Int).Sub(n, s).FillBytes(make([]byte, 32))...)
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
