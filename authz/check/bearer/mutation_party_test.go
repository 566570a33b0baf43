package bearer_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
	"github.com/hookauthz/hookauthz/authz/scheme/jose"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

// The policies that tokens are presented to, and the keys of their issuers.

// A held is a key of an issuer, and until when a policy takes it.
type held struct {
	id    string
	pin   string // the only algorithm that its owner permits
	key   crypto.Signer
	until time.Duration // after [authztest.Received]; 0: for ever
}

func (h *held) liveAt(at time.Time) bool {
	return h.until == 0 || at.Before(authztest.Received().Add(h.until))
}

func (h *held) fits(a jose.Algorithm) bool {
	switch key := h.key.(type) {
	case ed25519.PrivateKey:
		return a == jose.EdDSA
	case *ecdsa.PrivateKey:
		return a == map[string]jose.Algorithm{"P-256": jose.ES256, "P-384": jose.ES384, "P-521": jose.ES512}[key.Curve.Params().Name]
	}
	return a[:2] == "RS" || a[:2] == "PS"
}

// rotated is a key set of which keys end.
type rotated []held

func (r rotated) Keys(now time.Time) (*authz.Keys, error) {
	keys := &authz.Keys{}
	for i := range r {
		if r[i].liveAt(now) {
			keys.Accepted = append(keys.Accepted, authz.PublicKey{ID: r[i].id, Key: r[i].key.Public(), Algorithm: r[i].pin, Secret: "keys", Version: i + 1})
		}
	}
	return keys, nil
}

func (r rotated) Refresh(_ context.Context, _ string, now time.Time) (*authz.Keys, error) {
	return r.Keys(now)
}

// A party is a policy that takes tokens, as its settings say it.
type party struct {
	name       string
	issuer     string
	audiences  []string
	algorithms []jose.Algorithm
	keys       rotated
	skew       time.Duration
	tiers      []string // of the claim "tier", if it must be there
	header     string
	prefix     string // with scheme: its case does not matter
	scheme     bool

	own     bool
	clients []string
	scopes  []string

	check authz.Check
}

// ownGrants are who may get what at the token endpoint.
var ownGrants = map[string][]string{"acme": {"orders", "stock"}, "bob": {"orders"}, "idle": nil}

// mutationKeys are made once: RSA keys take long.
var mutationKeys = sync.OnceValue(func() map[string]crypto.Signer {
	keys := map[string]crypto.Signer{}
	for name, curve := range map[string]elliptic.Curve{"ec1": elliptic.P256(), "ec2": elliptic.P256(), "ec384": elliptic.P384(), "ec521": elliptic.P521()} {
		key, err := ecdsa.GenerateKey(curve, rand.Reader)
		if err != nil {
			panic(err)
		}
		keys[name] = key
	}
	for _, name := range []string{"rsa1", "rsa2"} {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			panic(err)
		}
		keys[name] = key
	}
	for _, name := range []string{"ed1", "ed2", "ed3"} {
		keys[name] = keyOf(name)
	}
	return keys
})

func parties(tb testing.TB) []*party {
	tb.Helper()
	k := mutationKeys()
	first := rotated{
		{id: "k1", key: k["ed1"]},
		{id: "k2", key: k["ec1"]},
		{id: "k3", key: k["rsa1"]},
		{id: "k4", key: k["rsa2"], pin: "RS256"},
		{id: "k5", key: k["ed2"], until: time.Hour},
		{id: "k6", key: k["ec384"]},
	}
	nameless := rotated{{key: k["ed3"]}, {key: k["ec384"]}, {key: k["rsa2"]}, {key: k["ec521"], until: time.Hour}}
	own := rotated{{id: "k1", key: k["ed2"]}, {id: "k2", key: k["ec2"], until: time.Hour}, {id: "k3", key: k["rsa2"]}}
	ownAlgorithms := []jose.Algorithm{jose.EdDSA, jose.ES256, jose.RS256}
	all := []*party{
		{
			name: "wide", issuer: issuer, audiences: []string{audience, "other"}, keys: first, skew: time.Minute, tiers: []string{"gold", "3", "true"},
			algorithms: []jose.Algorithm{jose.EdDSA, jose.ES256, jose.RS256, jose.PS256}, header: "authorization", prefix: "Bearer ", scheme: true,
		},
		{
			name: "narrow", issuer: issuer, audiences: []string{"narrow"}, keys: first, algorithms: []jose.Algorithm{jose.ES256},
			header: "x-token", prefix: "token=",
		},
		{
			name: "nameless", issuer: "https://idp.example.net/", audiences: []string{audience}, keys: nameless, skew: 10 * time.Minute,
			algorithms: []jose.Algorithm{jose.EdDSA, jose.ES384, jose.ES512, jose.PS384, jose.RS512}, header: "authorization", prefix: "JWT ", scheme: true,
		},
		{
			name: "first", own: true, issuer: ownIssuer, audiences: []string{"first"}, keys: own, algorithms: ownAlgorithms, skew: 10 * time.Second,
			clients: []string{"acme", "idle"}, header: "authorization", prefix: "Bearer ", scheme: true,
		},
		{
			name: "second", own: true, issuer: ownIssuer, audiences: []string{"second"}, keys: own, algorithms: ownAlgorithms, skew: 10 * time.Second,
			scopes: []string{"orders", "stock"}, header: "authorization", prefix: "Bearer ", scheme: true,
		},
	}
	for _, p := range all {
		p.check = p.build(tb)
	}
	return all
}

// build makes the check of p's settings.
func (p *party) build(tb testing.TB) authz.Check {
	tb.Helper()
	e := env(map[string]authz.KeySet{"keys": p.keys})
	e.Policy = p.name
	s := &policypb.Bearer{Header: p.header, Prefix: &p.prefix}
	if p.own {
		e.Own = &authz.OwnTokens{Issuer: p.issuer, Clients: ownGrants, Keys: p.keys}
		s.Own = &policypb.OwnToken{Clients: p.clients, Scopes: p.scopes}
		return newCheck(tb, s, e)
	}
	s.Jwt = jwt(nil).GetJwt()
	s.Jwt.Issuer, s.Jwt.Audiences, s.Jwt.Algorithms, s.Jwt.ClockSkew = p.issuer, p.audiences, nil, durationpb.New(p.skew)
	for _, a := range p.algorithms {
		s.Jwt.Algorithms = append(s.Jwt.Algorithms, string(a))
	}
	if len(p.tiers) > 0 {
		s.Jwt.RequiredClaims = []*policypb.RequiredClaim{{Name: "tier", OneOf: p.tiers}}
	}
	return newCheck(tb, s, e)
}
