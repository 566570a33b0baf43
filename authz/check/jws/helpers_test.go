package jws_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"strconv"
	"sync"
	"testing"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
	"github.com/hookauthz/hookauthz/authz/check/jws"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
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

func b64(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

// signature returns what key makes of message: Ed25519, ES256 or RS512.
func signature(tb testing.TB, key crypto.Signer, message string) string {
	tb.Helper()
	var made []byte
	var err error
	switch key := key.(type) {
	case ed25519.PrivateKey:
		made = ed25519.Sign(key, []byte(message))
	case *ecdsa.PrivateKey:
		sum := sha256.Sum256([]byte(message))
		r, s, signErr := ecdsa.Sign(rand.Reader, key, sum[:])
		if signErr != nil {
			tb.Fatal(signErr)
		}
		made = append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	case *rsa.PrivateKey:
		sum := sha512.Sum512([]byte(message))
		made, err = rsa.SignPKCS1v15(nil, key, crypto.SHA512, sum[:])
	}
	if err != nil {
		tb.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString(made)
}

// token returns payload signed by key, whatever header says.
func token(tb testing.TB, key crypto.Signer, header, payload string) string {
	tb.Helper()
	input := b64(header) + "." + b64(payload)
	return input + "." + signature(tb, key, input)
}

// detached returns a token over body, encoded or as it is.
func detached(tb testing.TB, key crypto.Signer, header, body string, encoded bool) string {
	tb.Helper()
	signed := body
	if encoded {
		signed = b64(body)
	}
	return b64(header) + ".." + signature(tb, key, b64(header)+"."+signed)
}

// The headers of most tokens.
const (
	edHeader = `{"alg":"EdDSA","kid":"k1","typ":"JWT"}`
	ecHeader = `{"alg":"ES256","kid":"ec"}`
	rsHeader = `{"alg":"RS512"}`
	b64False = `{"alg":"EdDSA","kid":"k1","b64":false,"crit":["b64"]}`
)

// payload is that of most tokens: an event, with the members changed; nil removes
// one.
func payload(tb testing.TB, changes map[string]any) string {
	tb.Helper()
	all := map[string]any{"iss": "https://sender.example", "aud": "hooks", "iat": now(), "event": "order.created"}
	for name, value := range changes {
		if all[name] = value; value == nil {
			delete(all, name)
		}
	}
	text, err := json.Marshal(all)
	if err != nil {
		tb.Fatal(err)
	}
	return string(text)
}

func now() int64 { return authztest.Received().Unix() }

// hash is how senders write the digest of a body.
func hash(body string) string {
	sum := sha256.Sum256([]byte(body))
	return hexOf(sum[:])
}

func hexOf(b []byte) string {
	const digits = "0123456789abcdef"
	text := make([]byte, 0, 2*len(b))
	for _, c := range b {
		text = append(text, digits[c>>4], digits[c&15])
	}
	return string(text)
}

// settings are those of a body that is the token, with changes.
func settings(changes ...func(*policypb.Jws)) *policypb.Jws {
	s := &policypb.Jws{Body: &policypb.WholeBody{}, Keys: []string{"keys"}, Algorithms: []string{"EdDSA", "ES256", "RS512"}}
	for _, change := range changes {
		change(s)
	}
	return s
}

// inHeader moves the token into a header, with a claim that binds the body.
func inHeader(s *policypb.Jws) {
	s.Body, s.Header = nil, "X-Token"
	s.Assert = []*policypb.Assertion{{Value: "{claim:body}", Equals: "{body|sha256|hex}"}}
}

// apart makes the body what is signed.
func apart(how string) func(*policypb.Jws) {
	return func(s *policypb.Jws) { s.Body, s.Header, s.Detached = nil, "X-Token", how }
}

// keys are the public keys that are known.
func keys(tb testing.TB) authz.KeySet {
	tb.Helper()
	return &authztest.KeySet{Accepted: []authz.PublicKey{
		{ID: "k1", Key: keyOf("key").Public()},
		{ID: "ec", Key: ecKey().Public(), Algorithm: "ES256"},
		{Key: rsaKey().Public()},
	}}
}

// env is what the check is built with.
func env(sets map[string]authz.KeySet, changes ...func(*authz.Env)) *authz.Env {
	e := &authz.Env{Policy: "test", Keys: func(name string) (authz.KeyReference, bool) {
		set, ok := sets[name]
		return authz.KeyReference{Name: name, Set: set}, ok
	}}
	for _, change := range changes {
		change(e)
	}
	return e
}

func one(tb testing.TB, changes ...func(*authz.Env)) *authz.Env {
	tb.Helper()
	return env(map[string]authz.KeySet{"keys": keys(tb)}, changes...)
}

func build(tb testing.TB, s *policypb.Jws, e *authz.Env) authz.Part {
	tb.Helper()
	part, problems := jws.Kind().Build(s, e)
	for _, problem := range problems {
		if !problem.Warning {
			tb.Fatal(problem)
		}
	}
	return part
}

func newCheck(tb testing.TB, s *policypb.Jws) *jws.Check {
	tb.Helper()
	check, ok := build(tb, s, one(tb)).Check.(*jws.Check)
	if !ok {
		tb.Fatal("not a check of this kind")
	}
	return check
}

// post is a request with that body and a token in its header, unless it is empty.
func post(body, text string) *authz.Request {
	r := authztest.Request("POST", "/hook", body)
	if body == "" {
		authztest.AddHeader(r, "content-length", strconv.Itoa(0))
	}
	if text != "" {
		authztest.AddHeader(r, "X-Token", text)
	}
	return r
}
