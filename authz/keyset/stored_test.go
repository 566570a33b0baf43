package keyset_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"strings"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/keyset"
)

func block(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

// public returns a public key in PEM.
func public(t *testing.T, key crypto.PublicKey) string {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return block("PUBLIC KEY", der)
}

func newSigner() (*ecdsa.PrivateKey, error) { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) }

// weakRSA returns a key that anybody can factor who has the time.
func weakRSA(t *testing.T) *rsa.PrivateKey {
	t.Helper()
	t.Setenv("GODEBUG", "rsa1024min=0")
	key, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// private returns a new private key, and it in PEM.
func private(t *testing.T) (crypto.Signer, string) {
	t.Helper()
	key, err := newSigner()
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return key, block("PRIVATE KEY", der)
}

// While the store is away nobody can tell whether it has a newer key by now, such
// as one that another replica signs with already.
func TestUnknownKeyOfAStaleSecret(t *testing.T) {
	key, text := private(t)
	secrets := holding(text)
	signer := keyset.NewSigner([]keyset.SignerKey{{Reference: reference("own", secrets), Format: keyset.FormatPEM}}, time.Minute)
	id := thumbprint(t, key.Public())
	for _, stale := range []bool{false, true, false} {
		versions := *holding(text).versions
		versions.Stale = stale
		secrets.versions = &versions
		if keys, err := signer.Set().Refresh(t.Context(), id, time.Now()); err != nil || keys.Stale != stale {
			t.Errorf("stale %v: Refresh() = %v, %v for a key that is there", stale, keys, err)
		}
		keys, err := signer.Set().Refresh(t.Context(), "newer", time.Now())
		if stale {
			wantReason(t, err, authz.ReasonSecretUnavailable)
		}
		if (err != nil) != stale || (keys == nil) != stale {
			t.Errorf("stale %v: Refresh() = %v, %v for a key that is not", stale, keys, err)
		}
	}
}

func TestParseFormat(t *testing.T) {
	for _, word := range []string{"pem", "x509", "jwk", "jwks", "spki", "raw"} {
		if f, ok := keyset.ParseFormat(word); !ok || string(f) != word {
			t.Errorf("ParseFormat(%q) = %q, %v", word, f, ok)
		}
	}
	for _, word := range []string{"", "PEM", "der", "pem "} {
		if f, ok := keyset.ParseFormat(word); ok || f != "" {
			t.Errorf("ParseFormat(%q) = %q, %v", word, f, ok)
		}
	}
}

func TestStored(t *testing.T) {
	one := public(t, key("one").Key)
	certificate := newCA(t, "CA").pem
	single := strings.TrimSuffix(strings.TrimPrefix(jwks("a"), `{"keys":[`), `]}`)
	tests := []struct {
		name   string
		format keyset.Format
		text   string
		want   string // ids
		reason authz.Reason
	}{
		{name: "PEM", format: keyset.FormatPEM, text: one, want: " "},
		{name: "JWK", format: keyset.FormatJWK, text: single, want: "a "},
		{name: "JWK Set", format: keyset.FormatJWKS, text: jwks("a", "b"), want: "a b "},
		{name: "empty JWK Set", format: keyset.FormatJWKS, text: `{"keys":[]}`, reason: authz.ReasonSecretInvalid},
		{name: "JWK Set of shared keys", format: keyset.FormatJWKS, text: `{"keys":[{"kty":"oct","k":"c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3I"}]}`, reason: authz.ReasonSecretInvalid},
		{name: "JWK Set as PEM", format: keyset.FormatPEM, text: jwks("a"), reason: authz.ReasonSecretInvalid},
		{name: "PEM as JWK", format: keyset.FormatJWK, text: one, reason: authz.ReasonSecretInvalid},
		{name: "certificate as a key", format: keyset.FormatPEM, text: certificate, reason: authz.ReasonSecretInvalid},
		{name: "key as a certificate", format: keyset.FormatX509, text: one, reason: authz.ReasonSecretInvalid},
		{name: "no format", format: "", text: one, reason: authz.ReasonSecretInvalid},
		{name: "words", format: keyset.FormatPEM, text: "s3cr3t", reason: authz.ReasonSecretInvalid},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			set := keyset.Stored(reference("s", holding(tt.text)), tt.format)
			keys, err := set.Keys(time.Now())
			unfit := told(set.Unfit)
			if tt.want == "" {
				wantReason(t, err, tt.reason)
				wantReason(t, unfit["s"], tt.reason)
				if strings.Contains(err.Error(), "s3cr3t") {
					t.Errorf("error tells the secret: %v", err)
				}
				return
			}
			if err != nil || ids(keys) != tt.want || len(unfit) != 0 {
				t.Errorf("Keys() = %s, %v, unfit %v, want %s", ids(keys), err, unfit, tt.want)
			}
		})
	}
}

// The keys of all live versions count, the newest first; each says which it is of.
func TestStoredRotation(t *testing.T) {
	s := holding(jwks("b", "shared"), jwks("a", "shared"))
	set := keyset.Stored(reference("s", s), keyset.FormatJWKS)
	first := wantKeys(t, set, time.Now(), "b shared a ")
	for i, want := range []authz.PublicKey{{Secret: "s", Version: 2}, {Secret: "s", Version: 2}, {Secret: "s", Version: 1, Previous: true}} {
		got := first.Accepted[i]
		if got.Secret != want.Secret || got.Version != want.Version || got.Previous != want.Previous {
			t.Errorf("key %s is of %s version %d, previous %v", got.ID, got.Secret, got.Version, got.Previous)
		}
	}
	if again := wantKeys(t, set, time.Now(), "b shared a "); again != first {
		t.Error("another pointer although nothing changed")
	}
	if again, err := set.Refresh(t.Context(), "unknown", time.Now()); err != nil || again != first {
		t.Errorf("Refresh() = %v, %v", again, err)
	}

	s.versions = &authz.Versions{Accepted: s.versions.Accepted[:1], Stale: true}
	wantKeys(t, set, time.Now(), "b shared stale")

	// A new version that can't be used leaves the one before it, and might have
	// matched.
	s.versions = holding("garbage", jwks("b")).versions
	keys := wantKeys(t, set, time.Now(), "b ")
	wantReason(t, keys.Unusable, authz.ReasonSecretInvalid)
	wantReason(t, told(set.Unfit)["s"], authz.ReasonSecretInvalid)

	// An old version that can't be used is nothing to worry about.
	s.versions = holding(jwks("b"), "garbage").versions
	if unfit := told(set.Unfit); len(unfit) != 0 {
		t.Errorf("unfit = %v", unfit)
	}

	unavailable := authz.Deny(authz.ReasonSecretUnavailable, "")
	s.versions, s.err = nil, unavailable
	_, err := set.Keys(time.Now())
	wantReason(t, err, authz.ReasonSecretUnavailable)
	s.err = authz.Deny(authz.ReasonSecretMissing, "")
	_, err = set.Keys(time.Now())
	wantReason(t, err, authz.ReasonSecretMissing)
	s.err = nil
	s.versions = &authz.Versions{Accepted: holding(jwks("c")).versions.Accepted, Unusable: unavailable}
	keys = wantKeys(t, set, time.Now(), "c ")
	wantReason(t, keys.Unusable, authz.ReasonSecretUnavailable)
}

func BenchmarkKeys(b *testing.B) {
	now := time.Now()
	b.Run("stored", func(b *testing.B) {
		set := keyset.Stored(reference("s", holding(jwks("a", "b"))), keyset.FormatJWKS)
		bench(b, set, now)
	})
	b.Run("fetched", func(b *testing.B) {
		issuer := &fake{}
		issuer.serve(jwks("a", "b"))
		cache := keyset.New(keyset.Config{Client: issuer})
		set := cache.Open([]keyset.Declaration{{Name: "k", URL: setURL}})
		stop := runFor(b, cache)
		defer stop()
		if err := set.Settled(b.Context()); err != nil {
			b.Fatal(err)
		}
		bench(b, set.Keys("k"), now)
	})
}

func bench(b *testing.B, set authz.KeySet, now time.Time) {
	b.Helper()
	b.ReportAllocs()
	for b.Loop() {
		if keys, err := set.Keys(now); err != nil || len(keys.Accepted) != 2 {
			b.Fatal(err)
		}
	}
}

// Reading keys takes no memory, so that a flood of tokens costs none.
func TestKeysDoNotAllocate(t *testing.T) {
	now := time.Now()
	set := keyset.Stored(reference("s", holding(jwks("a", "b"))), keyset.FormatJWKS)
	signer := keyset.NewSigner([]keyset.SignerKey{{Reference: reference("s", holding(newPrivate(t))), Format: keyset.FormatPEM}}, 0)
	anchors := keyset.StoredAnchors(reference("s", holding(newCA(t, "CA").pem)), nil)
	for name, read := range map[string]func(){
		"stored": func() { _, _ = set.Keys(now) },
		"signer": func() { _, _ = signer.Set().Keys(now) },
		"anchors": func() {
			_, _ = anchors.Anchors(now)
		},
	} {
		if n := testing.AllocsPerRun(100, read); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}
