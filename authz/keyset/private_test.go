package keyset_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/keyset"
)

const (
	octA  = `{"kty":"oct","kid":"a","k":"AAECAwQFBgcICQoLDA0ODw","alg":"A128KW"}`
	octB  = `{"kty":"oct","kid":"b","k":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYX"}`
	octB2 = `{"kty":"oct","kid":"b","k":"AQECAwQFBgcICQoLDA0ODxAREhMUFRYX"}`
)

func set(jwks ...string) string { return `{"keys":[` + strings.Join(jwks, ",") + `]}` }

func privateIDs(keys *authz.PrivateKeys) string {
	if keys == nil {
		return "nothing"
	}
	text := ""
	for _, k := range keys.Accepted {
		text += k.ID + " "
	}
	if keys.Stale {
		text += "stale"
	}
	return text
}

func wantPrivate(t *testing.T, s *keyset.StoredPrivateKeys, want string) *authz.PrivateKeys {
	t.Helper()
	keys, err := s.Keys(time.Now())
	if err != nil || privateIDs(keys) != want {
		t.Errorf("Keys() = %s, %v, want %s", privateIDs(keys), err, want)
	}
	return keys
}

func TestStoredPrivate(t *testing.T) {
	key, text := private(t)
	id := thumbprint(t, key.Public())
	one := public(t, key.Public())
	tests := []struct {
		name   string
		format keyset.Format
		text   string
		want   string // ids; empty: secret_invalid
	}{
		{name: "PEM", format: keyset.FormatPEM, text: text, want: id + " "},
		{name: "JWK", format: keyset.FormatJWK, text: octA, want: "a "},
		{name: "JWK Set", format: keyset.FormatJWKS, text: set(octA, octB), want: "a b "},
		{name: "kid twice", format: keyset.FormatJWKS, text: set(octA, octB, octB2)},
		{name: "empty JWK Set", format: keyset.FormatJWKS, text: set()},
		{name: "JWK as PEM", format: keyset.FormatPEM, text: octA},
		{name: "public key", format: keyset.FormatPEM, text: one},
		{name: "public JWK Set", format: keyset.FormatJWKS, text: jwks("a")},
		{name: "certificates", format: keyset.FormatX509, text: text},
		{name: "SPKI", format: keyset.FormatSPKI, text: text},
		{name: "raw", format: keyset.FormatRaw, text: text},
		{name: "no format", format: "", text: text},
		{name: "words", format: keyset.FormatPEM, text: "s3cr3t"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := keyset.StoredPrivate(reference("s", holding(tt.text)), tt.format)
			if tt.want != "" {
				keys := wantPrivate(t, s, tt.want)
				if again, err := s.Keys(time.Now()); again != keys || err != nil {
					t.Errorf("another pointer although nothing changed: %v", err)
				}
				if unfit := told(s.Unfit); len(unfit) != 0 {
					t.Errorf("unfit = %v", unfit)
				}
				return
			}
			keys, err := s.Keys(time.Now())
			wantReason(t, err, authz.ReasonSecretInvalid)
			wantReason(t, told(s.Unfit)["s"], authz.ReasonSecretInvalid)
			if keys != nil || strings.Contains(err.Error(), "s3cr3t") || strings.Contains(err.Error(), "AAEC") {
				t.Errorf("keys %v, error tells the secret: %v", keys, err)
			}
		})
	}
}

// Senders who still encrypt to the key before a rotation are understood.
func TestStoredPrivateRotation(t *testing.T) {
	old, oldText := private(t)
	next, nextText := private(t)
	was, is := thumbprint(t, old.Public()), thumbprint(t, next.Public())
	secrets := holding(nextText, oldText)
	s := keyset.StoredPrivate(reference("s", secrets), keyset.FormatPEM)
	keys := wantPrivate(t, s, is+" "+was+" ")
	for i, want := range []authz.PrivateKey{{Version: 2}, {Version: 1, Previous: true}} {
		got := keys.Accepted[i]
		if got.Secret != "s" || got.Version != want.Version || got.Previous != want.Previous {
			t.Errorf("key %d is of %s version %d, previous %v", i, got.Secret, got.Version, got.Previous)
		}
	}
	if got, ok := keys.Accepted[1].Key.(*ecdsa.PrivateKey); !ok || !got.Equal(old) {
		t.Error("the previous version holds another key")
	}

	// A key that both versions hold counts once, as one of the newer. Another one
	// of the same name is another.
	shared := keyset.StoredPrivate(reference("s", holding(set(octA, octB2), set(octA, octB))), keyset.FormatJWKS)
	if keys := wantPrivate(t, shared, "a b b "); keys.Accepted[0].Previous || keys.Accepted[1].Previous || !keys.Accepted[2].Previous {
		t.Errorf("%+v", keys.Accepted)
	}

	// A new version that can't be used leaves the one before it, and might have
	// fitted.
	secrets.versions = holding("garbage", nextText).versions
	wantReason(t, wantPrivate(t, s, is+" ").Unusable, authz.ReasonSecretInvalid)
	wantReason(t, told(s.Unfit)["s"], authz.ReasonSecretInvalid)
	secrets.versions = holding(nextText, "garbage").versions
	if unfit := told(s.Unfit); len(unfit) != 0 {
		t.Errorf("unfit = %v", unfit)
	}

	secrets.versions = &authz.Versions{Accepted: holding(nextText).versions.Accepted, Stale: true}
	wantPrivate(t, s, is+" stale")
	secrets.versions = &authz.Versions{}
	_, err := s.Keys(time.Now())
	wantReason(t, err, authz.ReasonSecretMissing)
	for _, reason := range []authz.Reason{authz.ReasonSecretUnavailable, authz.ReasonSecretMissing} {
		secrets.versions, secrets.err = nil, authz.Deny(reason, "")
		_, err := s.Keys(time.Now())
		wantReason(t, err, reason)
	}
}

// A private key where public keys belong, in any format, is refused as what it is,
// and so is a public one where private keys belong.
func TestKeysInTheWrongPlace(t *testing.T) {
	key, text := private(t)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	seed := make([]byte, ed25519.SeedSize)
	seed[0] = 2 // of those that are no points
	secrets := map[keyset.Format][]string{
		keyset.FormatPEM:  {text},
		keyset.FormatX509: {text},
		keyset.FormatJWK:  {octA, `{"kty":"OKP","crv":"Ed25519","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`},
		keyset.FormatJWKS: {set(octA)},
		keyset.FormatSPKI: {base64.StdEncoding.EncodeToString(der), text},
		keyset.FormatRaw:  {hex.EncodeToString(seed), hex.EncodeToString(ed25519.NewKeyFromSeed(seed)), octA},
	}
	for format, texts := range secrets {
		for _, text := range texts {
			_, err := keyset.Stored(reference("s", holding(text)), format).Keys(time.Now())
			wantReason(t, err, authz.ReasonSecretInvalid)
		}
	}
	raw, ok := key.Public().(*ecdsa.PublicKey)
	if !ok {
		t.Fatal("no ECDSA key")
	}
	der, err = x509.MarshalPKIXPublicKey(raw)
	if err != nil {
		t.Fatal(err)
	}
	for format, text := range map[keyset.Format]string{
		keyset.FormatPEM: public(t, raw), keyset.FormatJWKS: jwks("a"), keyset.FormatSPKI: base64.StdEncoding.EncodeToString(der),
	} {
		_, err := keyset.StoredPrivate(reference("s", holding(text)), format).Keys(time.Now())
		wantReason(t, err, authz.ReasonSecretInvalid)
		_, err = keyset.NewSigner([]keyset.SignerKey{{Reference: reference("s", holding(text)), Format: format}}, 0).Set().Keys(time.Now())
		wantReason(t, err, authz.ReasonSecretInvalid)
	}
}

// Keys that anybody can sign under, or compute, are no keys in any format.
func TestWeakKeys(t *testing.T) {
	rsa := weakRSA(t)
	der, err := x509.MarshalPKIXPublicKey(rsa.Public())
	if err != nil {
		t.Fatal(err)
	}
	for format, text := range map[keyset.Format]string{
		keyset.FormatPEM:  public(t, rsa.Public()),
		keyset.FormatX509: certify(t, rsa, time.Unix(0, 0), time.Now().AddDate(1, 0, 0), 0),
		keyset.FormatSPKI: base64.StdEncoding.EncodeToString(der),
		keyset.FormatRaw:  strings.Repeat("00", 32),
		keyset.FormatJWK:  `{"kty":"OKP","crv":"Ed25519","x":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}`,
	} {
		_, err := keyset.Stored(reference("s", holding(text)), format).Keys(time.Now())
		wantReason(t, err, authz.ReasonSecretInvalid)
	}
	private := block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rsa))
	_, err = keyset.StoredPrivate(reference("s", holding(private)), keyset.FormatPEM).Keys(time.Now())
	wantReason(t, err, authz.ReasonSecretInvalid)
}

// Keys without a name in them rotate like others.
func TestRotationOfBareKeys(t *testing.T) {
	text := func(name string) string {
		key, ok := key(name).Key.(ed25519.PublicKey)
		if !ok {
			t.Fatal("no Ed25519 key")
		}
		return hex.EncodeToString(key)
	}
	spki := func(name string) string {
		der, err := x509.MarshalPKIXPublicKey(key(name).Key)
		if err != nil {
			t.Fatal(err)
		}
		return base64.StdEncoding.EncodeToString(der)
	}
	for format, texts := range map[keyset.Format][]string{
		keyset.FormatRaw:  {text("b"), text("a")},
		keyset.FormatSPKI: {spki("b"), spki("a")},
	} {
		keys, err := keyset.Stored(reference("s", holding(texts...)), format).Keys(time.Now())
		if err != nil || len(keys.Accepted) != 2 || keys.Accepted[0].Previous || !keys.Accepted[1].Previous {
			t.Fatalf("%s: %+v, %v", format, keys, err)
		}
		for i, name := range []string{"b", "a"} {
			got, ok := keys.Accepted[i].Key.(ed25519.PublicKey)
			if !ok || !got.Equal(key(name).Key) || keys.Accepted[i].ID != "" || keys.Accepted[i].Secret != "s" {
				t.Errorf("%s: key %d is %+v", format, i, keys.Accepted[i])
			}
		}
	}
}
