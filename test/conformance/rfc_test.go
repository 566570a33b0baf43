package conformance

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/scheme/jose"
)

const (
	// rfcClaims is the payload of RFC 7515, appendix A, and RFC 7519, section
	// 3.1: {"iss":"joe", "exp":1300819380, "http://example.com/is_root":true}
	// with CR LF and a space between them.
	rfcClaims = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"

	rsaSignature = "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZ" +
		"cAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqt" +
		"FZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw"
	rsaKey = `{"kty":"RSA","e":"AQAB","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0B` +
		`m4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEM` +
		`a2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyu` +
		`XpoQ"}`

	p256Signature = "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
	p256Key       = `{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}`

	p521Token = "eyJhbGciOiJFUzUxMiJ9.UGF5bG9hZA.AdwMgeerwtHoh-l192l60hp9wAHZFVJbLfD_UxMi70cwnZOYaRI1bKPWROc-mZZqwqT2SI-KGDKB34XO0aw_" +
		"7XdtAG8GaSwFKdCAPZgoXD2YBJZCPEX3xKpRwcdOO8KpEHwJjyqOgzDO7iKvU8vcnwNrmxYbSW9ERBXukOXolLzeO_Jn"
	p521Key = `{"kty":"EC","crv":"P-521","x":"AekpBQ8ST8a8VcfVOTNl353vSrDCLLJXmPk06wTjxrrjcBpXp5EOnYG_NjFZ6OvLFV1jSfS9tsz4qUxcWceqwQGk",` +
		`"y":"ADSmRA43Z1DSNx_RvcLI87cdL07l6jQyyBXMoxVg_l2Th-x3S1WDhjDly79ajL4Kkd0AZMaZmh9ubmf63e3kyMj2"}`

	edToken = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc." +
		"hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
	edPrivate = `{"kty":"OKP","crv":"Ed25519","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`
	edPublic  = `{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`
)

func TestExamplesThatVerify(t *testing.T) {
	tests := []struct {
		name, token, key, payload string
	}{
		{
			name: "RFC 7515 A.2", token: "eyJhbGciOiJSUzI1NiJ9." + rfcClaims + "." + rsaSignature, key: rsaKey,
			payload: "{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n \"http://example.com/is_root\":true}",
		},
		{
			name: "RFC 7515 A.3", token: "eyJhbGciOiJFUzI1NiJ9." + rfcClaims + "." + p256Signature, key: p256Key,
			payload: "{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n \"http://example.com/is_root\":true}",
		},
		{name: "RFC 7515 A.4", token: p521Token, key: p521Key, payload: "Payload"},
		{name: "RFC 8037 A.5", token: edToken, key: edPublic, payload: "Example of Ed25519 signing"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			token, err := jose.ParseCompact(tt.token)
			if err != nil {
				t.Fatal(err)
			}
			keys, err := jose.ParseJWK([]byte(tt.key))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := token.Verify(&authz.Keys{Accepted: keys}, all); err != nil {
				t.Fatal(err)
			}
			if got := string(token.Payload()); got != tt.payload {
				t.Errorf("payload = %q, want %q", got, tt.payload)
			}
		})
	}
}

// What the RFCs show and we do not take.
func TestExamplesThatAreRefused(t *testing.T) {
	tests := []struct {
		name, token string
		want        authz.Reason
	}{
		{
			name: "RFC 7515 A.1, RFC 7519 3.1: HS256", want: authz.ReasonAlgNotAllowed,
			token: "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9." + rfcClaims + ".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
		},
		{name: "RFC 7515 A.5, RFC 7519 6.1: none", token: "eyJhbGciOiJub25lIn0." + rfcClaims + ".", want: authz.ReasonCredentialMalformed},
		{name: "none with a signature", token: "eyJhbGciOiJub25lIn0." + rfcClaims + ".AAAA", want: authz.ReasonAlgNotAllowed},
		{
			name: "RFC 7515 A.6: JSON, two signatures", want: authz.ReasonCredentialMalformed,
			token: `{"payload":"` + rfcClaims + `","signatures":[{"protected":"eyJhbGciOiJSUzI1NiJ9","header":{"kid":"2010-12-29"},"signature":"` +
				rsaSignature + `"},{"protected":"eyJhbGciOiJFUzI1NiJ9","header":{"kid":"e9bc097a-ce51-4036-9562-d2ade882db0d"},"signature":"` +
				p256Signature + `"}]}`,
		},
		{
			name: "RFC 7515 A.7: JSON, flattened", want: authz.ReasonCredentialMalformed,
			token: `{"payload":"` + rfcClaims + `","protected":"eyJhbGciOiJFUzI1NiJ9","header":{"kid":"e9bc097a-ce51-4036-9562-d2ade882db0d"},"signature":"` +
				p256Signature + `"}`,
		},
		{
			name: "RFC 7515 E: crit", want: authz.ReasonAlgNotAllowed, // "none" comes first there
			token: "eyJhbGciOiJub25lIiwNCiAiY3JpdCI6WyJodHRwOi8vZXhhbXBsZS5jb20vVU5ERUZJTkVEIl0sDQogImh0dHA6Ly9leGFtcGxlLmNvbS9VTkRFRklORUQiOnRydWUNCn0.RkFJTA.AAAA",
		},
		{name: "RFC 7515 F: detached", token: "eyJhbGciOiJFUzI1NiJ9.." + p256Signature, want: authz.ReasonSignatureMismatch},
		{
			name: "RFC 7797 4.2: b64 false", want: authz.ReasonAlgNotAllowed, // HS256 there
			token: "eyJhbGciOiJIUzI1NiIsImI2NCI6ZmFsc2UsImNyaXQiOlsiYjY0Il19..A5dxf2s96_n5FLueVuW1Z_vh161FwXZC4YLPff6dmDY",
		},
	}
	keys, err := jose.ParseJWK([]byte(p256Key))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			token, err := jose.ParseCompact(tt.token)
			if err == nil {
				_, err = token.Verify(&authz.Keys{Accepted: keys}, all)
			}
			var denial *authz.Denial
			if !errors.As(err, &denial) || denial.Reason() != tt.want {
				t.Errorf("err = %v, want %v", err, tt.want)
			}
		})
	}
}

// The key of RFC 8037, appendix A, signs the token of the same appendix: Ed25519
// leaves no choice.
func TestSigningGivesTheExample(t *testing.T) {
	signer, err := jose.ParsePrivateJWK([]byte(edPrivate))
	if err != nil {
		t.Fatal(err)
	}
	got, err := jose.Sign(signer, jose.EdDSA, "", "", []byte("Example of Ed25519 signing"))
	if err != nil || got != edToken {
		t.Errorf("Sign = %q, %v, want %q", got, err, edToken)
	}
}

func TestThumbprintExamples(t *testing.T) {
	tests := []struct{ name, key, want string }{
		{name: "RFC 8037 A.3", key: edPublic, want: "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"},
		{
			name: "RFC 7638 3.1", want: "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs",
			key: `{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCi` +
				`FV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL` +
				`5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQA` +
				`B","alg":"RS256","kid":"2011-04-29"}`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			keys, err := jose.ParseJWK([]byte(tt.key))
			if err != nil {
				t.Fatal(err)
			}
			if got, err := jose.Thumbprint(keys[0].Key); err != nil || got != tt.want {
				t.Errorf("Thumbprint = %q, %v, want %q", got, err, tt.want)
			}
		})
	}
}

// RFC 7519, section 3.1: Joe's token is good until 22 March 2011, 18:43 UTC.
func TestClaimsExample(t *testing.T) {
	claims, err := jose.ParseClaims([]byte("{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n \"http://example.com/is_root\":true}"))
	if err != nil {
		t.Fatal(err)
	}
	rules := &jose.Rules{Issuer: "joe", Required: []jose.Claim{{Name: "http://example.com/is_root", OneOf: []string{"true"}}}}
	expires := time.Date(2011, time.March, 22, 18, 43, 0, 0, time.UTC)
	if err := rules.Check(claims, expires.Add(-time.Nanosecond)); err != nil {
		t.Errorf("before it expires: %v", err)
	}
	var denial *authz.Denial
	if err := rules.Check(claims, expires); !errors.As(err, &denial) || denial.Reason() != authz.ReasonTokenExpired {
		t.Errorf("when it expires: %v", err)
	}
}

// Of a set as in RFC 7517, appendix A.1, the key for encryption is left out and the
// other taken. The set of appendix A.3 holds nothing for us.
func TestKeySetExamples(t *testing.T) {
	const mixed = `{"keys":[{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",` +
		`"y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM","use":"enc","kid":"1"},` + "RSA" + `]}`
	rsa := strings.Replace(rsaKey, `"e":`, `"alg":"RS256","kid":"2011-04-29","e":`, 1)
	keys, refused, err := jose.ParseJWKSet([]byte(strings.Replace(mixed, "RSA", rsa, 1)))
	if err != nil || len(keys) != 1 || len(refused) != 1 || keys[0].ID != "2011-04-29" || keys[0].Algorithm != "RS256" {
		t.Errorf("A.1: keys = %v, refused = %v, err = %v", len(keys), refused, err)
	}
	keys, refused, err = jose.ParseJWKSet([]byte(`{"keys":[{"kty":"oct","alg":"A128KW","k":"GawgguFyGrWKav7AX4VKUg"},` +
		`{"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow","kid":"HMAC key used in JWS spec Appendix A.1 example"}]}`))
	if err != nil || len(keys) != 0 || len(refused) != 2 {
		t.Errorf("A.3: keys = %v, refused = %v, err = %v", len(keys), refused, err)
	}
}
