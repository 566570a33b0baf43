package keyset_test

import (
	"crypto"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/keyset"
)

func newPrivate(t *testing.T) string {
	t.Helper()
	_, text := private(t)
	return text
}

// version is a live version of a key.
func version(number int, created time.Time, text string) authz.Version {
	return authz.Version{Number: number, Created: created, Secret: authz.NewSecret([]byte(text))}
}

// A rotation minute by minute: the new key verifies from the first moment, signs
// when it is five minutes old, and the old one verifies as long as it counts.
func TestSignerOverlap(t *testing.T) {
	oldKey, oldText := private(t)
	newKey, newText := private(t)
	names := map[string]string{thumbprint(t, oldKey.Public()): "old", thumbprint(t, newKey.Public()): "new"}
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	rotated := begin.Add(time.Hour)
	old := version(1, begin, oldText)
	current := version(2, rotated, newText)
	previous := old
	previous.Previous = true
	unknown := current
	unknown.Created = time.Time{}

	tests := []struct {
		name     string
		versions authz.Versions
		at       time.Time
		signs    string
		verify   string
	}{
		{name: "one key", versions: authz.Versions{Accepted: []authz.Version{old}}, at: begin.Add(time.Minute), signs: "old", verify: "old"},
		{name: "just rotated", versions: authz.Versions{Accepted: []authz.Version{current, previous}}, at: rotated, signs: "old", verify: "new old"},
		{name: "before the delay", versions: authz.Versions{Accepted: []authz.Version{current, previous}}, at: rotated.Add(5*time.Minute - 1), signs: "old", verify: "new old"},
		{name: "after the delay", versions: authz.Versions{Accepted: []authz.Version{current, previous}}, at: rotated.Add(5 * time.Minute), signs: "new", verify: "new old"},
		{name: "our clock is behind the store's", versions: authz.Versions{Accepted: []authz.Version{current, previous}}, at: rotated.Add(-time.Minute), signs: "old", verify: "new old"},
		{name: "no grace", versions: authz.Versions{Accepted: []authz.Version{current}}, at: rotated, signs: "new", verify: "new"},
		{name: "nobody knows when", versions: authz.Versions{Accepted: []authz.Version{unknown, previous}}, at: rotated, signs: "new", verify: "new old"},
		{name: "the newest can't be used", versions: authz.Versions{Accepted: []authz.Version{version(2, rotated, "garbage"), previous}}, at: rotated.Add(time.Hour), signs: "old", verify: "old"},
		{name: "the one before can't be used", versions: authz.Versions{Accepted: []authz.Version{current, {Number: 1, Previous: true, Secret: authz.NewSecret([]byte("garbage"))}}}, at: rotated, signs: "new", verify: "new"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			signer := keyset.NewSigner([]keyset.SignerKey{{Reference: reference("s", &secrets{versions: &tt.versions}), Format: keyset.FormatPEM}}, 5*time.Minute)
			got, err := signer.Signing(tt.at)
			if err != nil || names[got.ID] != tt.signs || got.Algorithm != "ES256" || !belongs(got.Key, map[string]crypto.Signer{"old": oldKey, "new": newKey}[tt.signs]) {
				t.Errorf("Signing() = %s, %s, %v, want %s", names[got.ID], got.Algorithm, err, tt.signs)
			}
			keys, err := signer.Set().Keys(tt.at)
			if err != nil {
				t.Fatal(err)
			}
			verify := ""
			for i, key := range keys.Accepted {
				if i > 0 {
					verify += " "
				}
				verify += names[key.ID]
				if key.Algorithm != "ES256" {
					t.Errorf("key %s is for %q", key.ID, key.Algorithm)
				}
				if _, secret := key.Key.(crypto.Signer); secret {
					t.Error("a private key is published")
				}
			}
			if verify != tt.verify {
				t.Errorf("Set() = %s, want %s", verify, tt.verify)
			}
		})
	}
}

func belongs(a, b crypto.Signer) bool {
	key, ok := a.Public().(interface {
		Equal(other crypto.PublicKey) bool
	})
	return ok && key.Equal(b.Public())
}

// Of several secrets the first signs and all are published.
func TestSignerOfSeveralSecrets(t *testing.T) {
	one, oneText := private(t)
	two, twoText := private(t)
	first, second := holding(oneText), holding(twoText)
	signer := keyset.NewSigner([]keyset.SignerKey{
		{Reference: reference("one", first), Format: keyset.FormatPEM}, {Reference: reference("two", second), Format: keyset.FormatPEM},
	}, time.Minute)
	both := thumbprint(t, one.Public()) + " " + thumbprint(t, two.Public()) + " "
	if key, err := signer.Signing(time.Now()); err != nil || key.ID != thumbprint(t, one.Public()) {
		t.Errorf("Signing() = %s, %v", key.ID, err)
	}
	before := wantKeys(t, signer.Set(), time.Now(), both)

	second.versions, second.err = nil, authz.Deny(authz.ReasonSecretUnavailable, "")
	keys := wantKeys(t, signer.Set(), time.Now(), thumbprint(t, one.Public())+" ")
	wantReason(t, keys.Unusable, authz.ReasonSecretUnavailable)
	second.versions, second.err = holding(twoText).versions, nil
	if wantKeys(t, signer.Set(), time.Now(), both) == before {
		t.Error("the same pointer for other versions")
	}

	first.versions, first.err = nil, authz.Deny(authz.ReasonSecretMissing, "")
	_, err := signer.Signing(time.Now())
	wantReason(t, err, authz.ReasonSecretMissing)
	wantKeys(t, signer.Set(), time.Now(), thumbprint(t, two.Public())+" ")
}

func TestSignerUnfit(t *testing.T) {
	_, good := private(t)
	tests := []struct {
		name   string
		format keyset.Format
		text   string
	}{
		{name: "words", format: keyset.FormatPEM, text: "s3cr3t"},
		{name: "public key", format: keyset.FormatPEM, text: public(t, key("a").Key)},
		{name: "public JWK", format: keyset.FormatJWK, text: jwks("a")},
		{name: "JWK Set", format: keyset.FormatJWKS, text: good},
		{name: "certificate", format: keyset.FormatX509, text: good},
		{name: "no format", format: "", text: good},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			signer := keyset.NewSigner([]keyset.SignerKey{{Reference: reference("s", holding(tt.text)), Format: tt.format}}, 0)
			key, err := signer.Signing(time.Now())
			wantReason(t, err, authz.ReasonSecretInvalid)
			wantReason(t, told(signer.Unfit)["s"], authz.ReasonSecretInvalid)
			if key.Key != nil {
				t.Error("there is a key all the same")
			}
		})
	}
	_, err := keyset.NewSigner(nil, 0).Signing(time.Now())
	wantReason(t, err, authz.ReasonSecretMissing)
	_, err = keyset.NewSigner(nil, 0).Set().Keys(time.Now())
	wantReason(t, err, authz.ReasonSecretMissing)
}
