package jwe_test

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"strings"
	"testing"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
	"github.com/hookauthz/hookauthz/authz/scheme/jwe"
)

// TestEphemeral: points that are none are refused before any key is used; those
// on another curve than the key's are, too, and tell nothing.
func TestEphemeral(t *testing.T) {
	const malformed, failed = authz.ReasonCredentialMalformed, authz.ReasonDecryptionFailed
	zeros := func(n int) string { return encode(make([]byte, n)) }
	p521 := encrypt(t, p521Key(), jwe.ECDHES, jwe.A128GCM, "payload")
	x := encrypt(t, xKey(), jwe.ECDHES, jwe.A128GCM, "payload")
	right := epkOf(t, encrypt(t, ecKey(), jwe.ECDHES, jwe.A128GCM, "payload"))
	y, ok := right["y"].(string)
	if !ok {
		t.Fatal("no y")
	}
	changed := func(changes map[string]any) map[string]any {
		epk := maps.Clone(right)
		for name, value := range changes {
			if epk[name] = value; value == nil {
				delete(epk, name)
			}
		}
		return epk
	}
	tests := []struct {
		name string
		epk  any
		want authz.Reason
	}{
		{name: "of another token", epk: right, want: failed}, // the header is authenticated
		{name: "P-521", epk: epkOf(t, p521), want: failed},
		{name: "X25519", epk: epkOf(t, x), want: failed},
		{name: "small order on X25519", epk: map[string]any{"kty": "OKP", "crv": "X25519", "x": zeros(32)}, want: failed},
		{name: "none", epk: nil, want: malformed},
		{name: "text", epk: "x", want: malformed},
		{name: "array", epk: []any{right}, want: malformed},
		{name: "empty", epk: map[string]any{}, want: malformed},
		{name: "not on the curve", epk: changed(map[string]any{"y": right["x"]}), want: malformed},
		{name: "zeros", epk: changed(map[string]any{"x": zeros(32), "y": zeros(32)}), want: malformed},
		{name: "infinity", epk: changed(map[string]any{"x": "AA", "y": "AA"}), want: malformed},
		{name: "x cut", epk: changed(map[string]any{"x": zeros(31)}), want: malformed},
		{name: "x padded", epk: changed(map[string]any{"x": zeros(33)}), want: malformed},
		{name: "y with padding", epk: changed(map[string]any{"y": y + "="}), want: malformed},
		{name: "no y", epk: changed(map[string]any{"y": nil}), want: malformed},
		{name: "x is a number", epk: changed(map[string]any{"x": 1}), want: malformed},
		{name: "another curve's name", epk: changed(map[string]any{"crv": "P-384"}), want: malformed},
		{name: "unknown curve", epk: changed(map[string]any{"crv": "secp256k1"}), want: malformed},
		{name: "no curve", epk: changed(map[string]any{"crv": nil}), want: malformed},
		{name: "RSA", epk: changed(map[string]any{"kty": "RSA"}), want: malformed},
		{name: "shared", epk: map[string]any{"kty": "oct", "k": zeros(32)}, want: malformed},
		{name: "Ed25519", epk: map[string]any{"kty": "OKP", "crv": "Ed25519", "x": zeros(32)}, want: malformed},
		{name: "X25519 of another length", epk: map[string]any{"kty": "OKP", "crv": "X25519", "x": zeros(31)}, want: malformed},
		{name: "with its private half", epk: changed(map[string]any{"d": right["x"]}), want: malformed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			header := map[string]any{"alg": "ECDH-ES", "enc": "A128GCM"}
			if tt.epk != nil {
				header["epk"] = tt.epk
			}
			token := withHeader(t, encrypt(t, ecKey(), jwe.ECDHES, jwe.A128GCM, "payload"), header)
			_, err := decrypt(token, ecKey())
			authztest.WantReason(t, err, tt.want)
		})
	}
}

// What the two parties call themselves goes into the key.
func TestParties(t *testing.T) {
	token := encrypt(t, ecKey(), jwe.ECDHESA128KW, jwe.A128GCM, "payload")
	header := headerOf(t, token)
	for _, tt := range []struct {
		name string
		apu  any
		want authz.Reason
	}{
		{name: "text", apu: "Qm9i", want: authz.ReasonDecryptionFailed},
		{name: "not base64url", apu: "Qm9i=", want: authz.ReasonCredentialMalformed},
		{name: "number", apu: 1, want: authz.ReasonCredentialMalformed},
	} {
		for _, name := range []string{"apu", "apv"} {
			changed := maps.Clone(header)
			changed[name] = tt.apu
			_, err := decrypt(withHeader(t, token, changed), ecKey())
			authztest.WantReason(t, err, tt.want)
		}
	}
}

func TestDeriveMismatch(t *testing.T) {
	agreed, err := ecKey().ECDH()
	if err != nil {
		t.Fatal(err)
	}
	if key, err := jwe.DeriveECDHES(agreed, xKey().PublicKey(), "A128GCM", nil, nil, 16); err == nil {
		t.Errorf("keys on two curves agree on %d bytes", len(key))
	}
}

func headerOf(tb testing.TB, token string) (header map[string]any) {
	tb.Helper()
	text, err := base64.RawURLEncoding.DecodeString(token[:strings.IndexByte(token, '.')])
	if err != nil {
		tb.Fatal(err)
	}
	if err := json.Unmarshal(text, &header); err != nil {
		tb.Fatal(err)
	}
	return header
}

func epkOf(tb testing.TB, token string) map[string]any {
	tb.Helper()
	epk, ok := headerOf(tb, token)["epk"].(map[string]any)
	if !ok {
		tb.Fatal("no epk")
	}
	return epk
}

func withHeader(tb testing.TB, token string, header map[string]any) string {
	tb.Helper()
	text, err := json.Marshal(header)
	if err != nil {
		tb.Fatal(err)
	}
	return with(token, 0, encode(text))
}
