package jose_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"testing"

	"github.com/hookauthz/hookauthz/authz/scheme/jose"
)

// FuzzEncryptedHeader: what is read says the same to the standard library's
// decoder, and a point that is read is the one that was written.
func FuzzEncryptedHeader(f *testing.F) {
	f.Add(`{"alg":"dir","enc":"A128GCM","kid":"k1"}`)
	f.Add(`{"alg":"ECDH-ES","enc":"A128GCM","apu":"QWxpY2U","apv":"Qm9i","epk":{"kty":"EC","crv":"P-256",` +
		`"x":"gI0GAILBdu7T53akrFmMyGcsF3n5dO7MmwNBHKW5SV0","y":"SLW_xSffzlPWrHEVI30DHM_4egVwt3NQqeUD7nMFpps"}}`)
	f.Add(`{"alg":"ECDH-ES","enc":"A128GCM","epk":{"kty":"OKP","crv":"X25519","x":"hSDwCYkwp1R0i33ctD73Wg2_Og0mOBr066SpjqqbTmo"}}`)
	f.Add(`{"alg":"x","enc":"y","zip":"DEF","crit":[]}`)
	f.Add(`{"alg":"x","ALG":"y","enc":""}`)
	f.Fuzz(func(t *testing.T, text string) {
		header, err := jose.ParseEncryptedHeader(base64.RawURLEncoding.EncodeToString([]byte(text)))
		if err != nil {
			return
		}
		var plain struct {
			Alg, Enc, Kid string
			Zip, Crit     json.RawMessage
			Epk           struct{ X, Y string }
		}
		if err := json.Unmarshal([]byte(text), &plain); err != nil {
			// An epk that is none may have another type.
			if _, typed := errors.AsType[*json.UnmarshalTypeError](err); !typed {
				t.Fatalf("%q is no JSON: %v", text, err)
			}
		}
		if header.Algorithm != plain.Alg || header.Encryption != plain.Enc || header.KeyID != plain.Kid {
			t.Errorf("%q: read %q, %q, %q", text, header.Algorithm, header.Encryption, header.KeyID)
		}
		if (plain.Zip != nil || plain.Crit != nil) && header.Refuse() == nil {
			t.Errorf("%q is not refused", text)
		}
		key, err := header.Ephemeral()
		if err != nil {
			return
		}
		x, _ := jose.DecodeBase64URL(plain.Epk.X)
		y, _ := jose.DecodeBase64URL(plain.Epk.Y)
		point := append(x, y...)
		if len(y) > 0 {
			point = append([]byte{4}, point...)
		}
		if string(key.Bytes()) != string(point) {
			t.Errorf("%q: the point is %x", text, key.Bytes())
		}
	})
}
