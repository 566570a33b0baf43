package jose_test

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/scheme/jose"
)

// spki is a public key in base64.
func spki(tb testing.TB, key crypto.PublicKey) string {
	tb.Helper()
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		tb.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(der)
}

// raw are the 32 bytes of the Ed25519 key.
func raw(tb testing.TB) []byte {
	tb.Helper()
	key, ok := public(tb, "Ed25519").(ed25519.PublicKey)
	if !ok {
		tb.Fatal("no Ed25519 key")
	}
	return key
}

func TestParseSPKI(t *testing.T) {
	for _, name := range []string{"Ed25519", "P-256", "P-384", "P-521", "RSA"} {
		text := spki(t, public(t, name))
		lines := strings.TrimSuffix(strings.SplitAfterN(pkix(t, public(t, name)), "\n", 2)[1], "-----END PUBLIC KEY-----\n")
		for _, form := range []string{text, strings.TrimRight(text, "="), lines, strings.ReplaceAll(lines, "\n", "\r\n")} {
			keys, err := jose.ParseSPKI([]byte(form))
			if err != nil || len(keys) != 1 || !equal(keys[0].Key, public(t, name)) || keys[0].ID != "" || keys[0].Algorithm != "" {
				t.Errorf("%s: ParseSPKI(%q) = %+v, %v", name, form, keys, err)
			}
		}
	}
}

func TestParseSPKIRefuses(t *testing.T) {
	good := spki(t, public(t, "P-256"))
	der, err := base64.StdEncoding.DecodeString(good)
	if err != nil {
		t.Fatal(err)
	}
	decoded := func(pem string) string {
		_, rest, _ := strings.Cut(pem, "-----\n")
		body, _, _ := strings.Cut(rest, "-----END")
		return body
	}
	tests := []struct{ name, text, want string }{
		{name: "nothing", want: "base64"},
		{name: "PEM", text: pkix(t, public(t, "P-256")), want: "base64"},
		{name: "base64url", text: strings.NewReplacer("+", "-", "/", "_").Replace(spki(t, public(t, "RSA"))), want: "base64"},
		{name: "space", text: " " + good, want: "base64"},
		{name: "hex", text: hex.EncodeToString(der), want: "base64"},
		{name: "words", text: "zebra", want: "base64"},
		{name: "more behind it", text: base64.StdEncoding.EncodeToString(append(der, 0)), want: "SubjectPublicKeyInfo"},
		{name: "cut off", text: base64.StdEncoding.EncodeToString(der[:len(der)-1]), want: "SubjectPublicKeyInfo"},
		{name: "other point", text: base64.StdEncoding.EncodeToString(append(der[:len(der)-1:len(der)-1], der[len(der)-1]^1)), want: "SubjectPublicKeyInfo"},
		{name: "certificate", text: decoded(certificate(t, "P-256", 0)), want: "SubjectPublicKeyInfo"},
		{name: "private key, PKCS #8", text: decoded(pkcs8(t, signer(t, "P-256"))), want: "private key"},
		{name: "private key, SEC 1", text: decoded(sec1(t, "P-256")), want: "private key"},
		{name: "private key, PKCS #1", text: decoded(pkcs1(t)), want: "private key"},
		{name: "X25519", text: spki(t, exchange(t).PublicKey()), want: "none of Ed25519"},
		{name: "RSA of 1024 bits", text: spki(t, weak(t).Public()), want: "1024 bits"},
		{name: "small order", text: spki(t, ed25519.PublicKey(make([]byte, 32))), want: "small order"},
		{name: "too large", text: strings.Repeat("A", jose.MaxKeySet+1), want: "over"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { wantRefused(t, jose.ParseSPKI, tt.text, tt.want) })
	}
}

func TestParseRaw(t *testing.T) {
	key := raw(t)
	for _, text := range []string{
		hex.EncodeToString(key), strings.ToUpper(hex.EncodeToString(key)),
		base64.StdEncoding.EncodeToString(key), base64.RawStdEncoding.EncodeToString(key),
	} {
		keys, err := jose.ParseRaw([]byte(text))
		if err != nil || len(keys) != 1 || !equal(keys[0].Key, public(t, "Ed25519")) || keys[0].ID != "" {
			t.Errorf("ParseRaw(%s) = %+v, %v", text, keys, err)
		}
	}
}

func TestParseRawRefuses(t *testing.T) {
	key := raw(t)
	private, ok := signer(t, "Ed25519").(ed25519.PrivateKey)
	if !ok {
		t.Fatal("no Ed25519 key")
	}
	other := func(y byte, last byte) string {
		p := make([]byte, 32)
		p[0], p[31] = y, last
		return hex.EncodeToString(p)
	}
	tests := []struct{ name, text, want string }{
		{name: "nothing", want: "32 bytes"},
		{name: "words", text: "zebra zebra", want: "neither hex nor base64"},
		{name: "the bytes alone", text: string(key), want: "neither hex nor base64"},
		{name: "31 bytes", text: hex.EncodeToString(key[1:]), want: "32 bytes"},
		{name: "33 bytes", text: base64.StdEncoding.EncodeToString(append([]byte{0}, key...)), want: "32 bytes"},
		{name: "private key and public key", text: hex.EncodeToString(private), want: "private key"},
		{name: "the same in base64", text: base64.StdEncoding.EncodeToString(private), want: "private key"},
		{name: "no point", text: other(2, 0), want: "not a point"},
		{name: "y of the field's size", text: "ed" + strings.Repeat("ff", 30) + "7f", want: "not a point"},
		{name: "y over the field's size", text: "f0" + strings.Repeat("ff", 30) + "7f", want: "not a point"},
		{name: "small order", text: other(0, 0), want: "small order"},
		{name: "small order, with the sign", text: other(1, 0x80), want: "small order"},
		{name: "SPKI", text: spki(t, public(t, "Ed25519")), want: "32 bytes"},
		{name: "P-256", text: spki(t, public(t, "P-256")), want: "32 bytes"},
		{name: "line end within hex", text: hex.EncodeToString(key[:16]) + "\n" + hex.EncodeToString(key[16:]), want: "32 bytes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { wantRefused(t, jose.ParseRaw, tt.text, tt.want) })
	}
}

// Half of all private keys are seen to be no public ones, and every public key is
// one.
func TestParseRawTellsPrivateKeys(t *testing.T) {
	told := 0
	for i := range 1000 {
		seed := bytesOf(byte(i), ed25519.SeedSize)
		seed[1] = byte(i >> 8)
		key := ed25519.NewKeyFromSeed(seed)
		if _, err := jose.ParseRaw([]byte(hex.EncodeToString(key[32:]))); err != nil {
			t.Errorf("public key of %x: %v", seed, err)
		}
		if _, err := jose.ParseRaw([]byte(hex.EncodeToString(seed))); err != nil {
			told++
		}
	}
	if told < 400 || told > 600 {
		t.Errorf("%d of 1000 private keys refused", told)
	}
}

// wantRefused asserts that text is refused for that reason, which tells nothing of
// it.
func wantRefused(t *testing.T, read func([]byte) ([]authz.PublicKey, error), text, want string) {
	t.Helper()
	keys, err := read([]byte(text))
	if err == nil || keys != nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "zebra") {
		t.Errorf("keys = %v, err = %v, want it to say %q", keys, err, want)
	}
}

// FuzzParseBare holds that what is read is what its bytes encode to, and no other
// text of the same length is.
func FuzzParseBare(f *testing.F) {
	f.Add(spki(f, public(f, "P-256")), bytes.Repeat([]byte{1}, 32))
	f.Add(hex.EncodeToString(raw(f)), bytes.Repeat([]byte{2}, 32))
	f.Add(base64.RawStdEncoding.EncodeToString(raw(f)), []byte("seed"))
	f.Fuzz(func(t *testing.T, text string, seed []byte) {
		if keys, err := jose.ParseSPKI([]byte(text)); err == nil {
			short := strings.NewReplacer("\r", "", "\n", "", "=", "").Replace(text)
			der, err := base64.RawStdEncoding.DecodeString(short)
			if err != nil || base64.RawStdEncoding.EncodeToString(der) != short {
				t.Fatalf("%q is not what its bytes encode to", text)
			}
			again, err := jose.ParseSPKI([]byte(spki(t, keys[0].Key)))
			if err != nil || !equal(again[0].Key, keys[0].Key) {
				t.Fatalf("%q read again: %v, %v", text, again, err)
			}
		}
		if keys, err := jose.ParseRaw([]byte(text)); err == nil {
			key, ok := keys[0].Key.(ed25519.PublicKey)
			short := strings.NewReplacer("\r", "", "\n", "", "=", "").Replace(text)
			if !ok || short != base64.RawStdEncoding.EncodeToString(key) && !strings.EqualFold(text, hex.EncodeToString(key)) {
				t.Fatalf("%q is read as %x", text, key)
			}
		}
		if len(seed) == ed25519.SeedSize {
			key := ed25519.NewKeyFromSeed(seed)
			if keys, err := jose.ParseRaw([]byte(hex.EncodeToString(key[32:]))); err != nil || !equal(keys[0].Key, key.Public()) {
				t.Fatalf("the public key of %x: %v", seed, err)
			}
		}
	})
}
