package httpsig_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
	"github.com/hookauthz/hookauthz/authz/check/httpsig"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

const (
	body     = `{"id":1}`
	created  = "1767323045" // authztest.Received
	verified = authz.ReasonVerified
	badForm  = authz.ReasonCredentialMalformed
	mismatch = authz.ReasonSignatureMismatch
	partGone = authz.ReasonPartMissing
)

// The bases of the tests are written out line by line: nothing of what is tested
// makes them.

// plain are the lines that settings want, and input what names them.
func plain() []string {
	return []string{`"@method": POST`, `"@path": /h`, `"content-digest": ` + digest(body)}
}

const input = `("@method" "@path" "content-digest");created=` + created + `;keyid="k1"`

func digest(content string) string {
	sum := sha256.Sum256([]byte(content))
	return "sha-256=:" + base64.StdEncoding.EncodeToString(sum[:]) + ":"
}

func digest512(content string) string {
	sum := sha512.Sum512([]byte(content))
	return "sha-512=:" + base64.StdEncoding.EncodeToString(sum[:]) + ":"
}

// oldDigest is as RFC 3230 writes it.
func oldDigest(content string) string {
	sum := sha256.Sum256([]byte(content))
	return "SHA-256=" + base64.StdEncoding.EncodeToString(sum[:])
}

// keyOf returns the Ed25519 key that text stands for.
func keyOf(text string) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte(text))
	return ed25519.NewKeyFromSeed(seed[:])
}

func ecKeyOf(curve elliptic.Curve) func() *ecdsa.PrivateKey {
	return sync.OnceValue(func() *ecdsa.PrivateKey {
		key, err := ecdsa.GenerateKey(curve, rand.Reader)
		if err != nil {
			panic(err)
		}
		return key
	})
}

var (
	p256   = ecKeyOf(elliptic.P256())
	p384   = ecKeyOf(elliptic.P384())
	rsaKey = sync.OnceValue(func() *rsa.PrivateKey {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			panic(err)
		}
		return key
	})
)

// A secret is a shared key.
type secret string

// signature returns one of base by key, with the algorithm that is named.
func signature(tb testing.TB, key any, algorithm, base string) []byte {
	tb.Helper()
	sum := sha256.Sum256([]byte(base))
	sum384, sum512 := sha512.Sum384([]byte(base)), sha512.Sum512([]byte(base))
	var raw []byte
	var err error
	switch key := key.(type) {
	case ed25519.PrivateKey:
		raw = ed25519.Sign(key, []byte(base))
	case secret:
		state := hmac.New(sha256.New, []byte(key))
		state.Write([]byte(base))
		raw = state.Sum(nil)
	case *ecdsa.PrivateKey:
		switch algorithm {
		case "ecdsa-p256-sha256":
			raw = fixed(tb, key, sum[:], 32)
		case "ecdsa-p384-sha384":
			raw = fixed(tb, key, sum384[:], 48)
		case "ecdsa-der":
			raw, err = ecdsa.SignASN1(rand.Reader, key, sum[:])
		}
	case *rsa.PrivateKey:
		if algorithm == "rsa-v1_5-sha256" {
			raw, err = rsa.SignPKCS1v15(nil, key, crypto.SHA256, sum[:])
			break
		}
		raw, err = rsa.SignPSS(rand.Reader, key, crypto.SHA512, sum512[:], &rsa.PSSOptions{SaltLength: 64})
	}
	if err != nil || raw == nil {
		tb.Fatalf("sign with %s: %v", algorithm, err)
	}
	return raw
}

func fixed(tb testing.TB, key *ecdsa.PrivateKey, sum []byte, size int) []byte {
	tb.Helper()
	r, s, err := ecdsa.Sign(rand.Reader, key, sum)
	if err != nil {
		tb.Fatal(err)
	}
	return append(pad(r, size), pad(s, size)...)
}

func pad(n *big.Int, size int) []byte { return n.FillBytes(make([]byte, size)) }

// ed signs lines and input with keyOf("key").
func ed(input string, lines ...string) []byte {
	return ed25519.Sign(keyOf("key"), []byte(baseOf(input, lines...)))
}

func baseOf(input string, lines ...string) string {
	return strings.Join(append(lines, `"@signature-params": `+input), "\n")
}

func member(raw []byte) string { return ":" + base64.StdEncoding.EncodeToString(raw) + ":" }

// post returns a request with a body and its digest; headers are put before these.
func post(headers ...string) *authz.Request {
	return authztest.Request("POST", "/h?a=1&b=x+y", body, append(headers, "content-digest", digest(body))...)
}

// present adds a signature of the label sig1 to r.
func present(r *authz.Request, input string, raw []byte) *authz.Request {
	authztest.AddHeader(r, "signature-input", "sig1="+input)
	authztest.AddHeader(r, "signature", "sig1="+member(raw))
	return r
}

// signed returns post with a signature over lines.
func signed(input string, lines ...string) *authz.Request {
	return present(post(), input, ed(input, lines...))
}

// right is a request that passes.
func right() *authz.Request { return signed(input, plain()...) }

// settings want what right has, changed by edits.
func settings(edits ...func(*policypb.HttpSignature)) *policypb.HttpSignature {
	s := &policypb.HttpSignature{
		Components: []string{"@method", "@path", "content-digest"},
		Algorithms: []string{"ed25519", "ecdsa-p256-sha256", "ecdsa-p384-sha384", "rsa-pss-sha512", "rsa-v1_5-sha256"},
		Keys:       []string{"keys"},
	}
	for _, edit := range edits {
		edit(s)
	}
	return s
}

func components(names ...string) func(*policypb.HttpSignature) {
	return func(s *policypb.HttpSignature) { s.Components = names }
}

func unsigned(s *policypb.HttpSignature) { s.UnsignedBody = "accepted" }

func atHooks(s *policypb.HttpSignature) { s.PublicUrl = "https://Hooks.example.com:443/in/" }

// shared wants signatures by secrets.
func shared(s *policypb.HttpSignature) {
	s.Keys, s.Secrets, s.Algorithms = nil, []string{"acme"}, []string{"hmac-sha256"}
}

func public(id string, key crypto.Signer) authz.PublicKey {
	return authz.PublicKey{ID: id, Key: key.Public(), Secret: "pem", Version: 1}
}

// keys are those of the sender: one of each type, and one without an id.
func keys() *authztest.KeySet {
	return &authztest.KeySet{Accepted: []authz.PublicKey{
		public("k1", keyOf("key")), public("ec", p256()), public("ec384", p384()), public("rsa", rsaKey()), public("", keyOf("nameless")),
	}}
}

func environment(sets map[string]authz.KeySet, secrets map[string]authz.Secrets) *authz.Env {
	e := authztest.Env(secrets)
	e.Keys = func(name string) (authz.KeyReference, bool) {
		set, ok := sets[name]
		return authz.KeyReference{Name: name, Set: set}, ok
	}
	return e
}

// newPart builds s with [keys] and the secret acme.
func newPart(tb testing.TB, s *policypb.HttpSignature, edits ...func(*authz.Env)) authz.Part {
	tb.Helper()
	e := environment(map[string]authz.KeySet{"keys": keys()}, map[string]authz.Secrets{"acme": authztest.Values(sharedKey)})
	for _, edit := range edits {
		edit(e)
	}
	part, problems := httpsig.Kind().Build(proto.Clone(s), e)
	for _, p := range problems {
		if !p.Warning {
			tb.Fatalf("Build: %v", p)
		}
	}
	return part
}

const sharedKey = "It's a Secret to Everybody"

// verify returns what a check of s says of r.
func verify(tb testing.TB, s *policypb.HttpSignature, r *authz.Request) (authz.Identity, error) {
	tb.Helper()
	return newPart(tb, s).Check.Verify(tb.Context(), r)
}

// change edits r.
func change(r *authz.Request, edit func(*authz.Request)) *authz.Request {
	edit(r)
	return r
}

// replaced gives a header another value.
func replaced(r *authz.Request, name, value string) *authz.Request {
	for i := range r.Header.Fields {
		if r.Header.Fields[i].Name == name {
			r.Header.Fields[i].Value = value
		}
	}
	return r
}

func without(r *authz.Request, name string) *authz.Request {
	var kept []authz.Field
	for _, f := range r.Header.Fields {
		if f.Name != name {
			kept = append(kept, f)
		}
	}
	r.Header.Fields = kept
	return r
}

func later(r *authz.Request, d time.Duration) *authz.Request {
	r.Received = r.Received.Add(d)
	return r
}

// pemOf is how a store holds the public half of keyOf(text), without a newline at its
// end.
func pemOf(text string) string {
	der, err := x509.MarshalPKIXPublicKey(keyOf(text).Public())
	if err != nil {
		panic(err)
	}
	return strings.TrimSpace(string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})))
}

// ed25519Sign signs base with keyOf("key").
func ed25519Sign(base string) []byte { return ed25519.Sign(keyOf("key"), []byte(base)) }
