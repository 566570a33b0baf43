package jwe_test

import (
	"strings"
	"testing"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
	"github.com/hookauthz/hookauthz/authz/scheme/jwe"
)

// Every combination of algorithms decrypts what it encrypted, and nothing of it
// decrypts with a byte changed.
func TestRoundTrip(t *testing.T) {
	for _, a := range keyAlgorithms() {
		for _, content := range contentAlgorithms() {
			for _, key := range private(a, content) {
				for _, plaintext := range []string{"", "x", strings.Repeat("0123456789abcdef", 3)} {
					token := encrypt(t, key, a, content, plaintext)
					got, err := decrypt(token, key)
					if err != nil || got != plaintext {
						t.Errorf("%s, %s, %T: got %q, %v, want %q", a, content, key, got, err, plaintext)
					}
					if len(got) > len(part(t, token, 3)) {
						t.Errorf("%s, %s: the plaintext is longer than the ciphertext", a, content)
					}
				}
			}
		}
	}
}

func TestHeaders(t *testing.T) {
	const ok, malformed, alg, invalid = authz.ReasonVerified, authz.ReasonCredentialMalformed, authz.ReasonAlgNotAllowed, authz.ReasonTokenInvalid
	tests := []struct {
		name, header string
		want         authz.Reason
	}{
		{name: "plain", header: `{"alg":"dir","enc":"A128GCM"}`, want: ok},
		{name: "with texts", header: `{"alg":"dir","enc":"A128GCM","kid":"a@b","typ":"JOSE","cty":"JWT","x":[1]}`, want: ok},
		{name: "of other algorithms", header: `{"alg":"dir","enc":"A128GCM","epk":1,"apu":2,"iv":"x","tag":"y"}`, want: ok},
		{name: "none", header: `{"alg":"none","enc":"A128GCM"}`, want: alg},
		{name: "no alg", header: `{"enc":"A128GCM"}`, want: malformed},
		{name: "no enc", header: `{"alg":"dir"}`, want: malformed},
		{name: "alg is no text", header: `{"alg":null,"enc":"A128GCM"}`, want: malformed},
		{name: "enc is no text", header: `{"alg":"dir","enc":["A128GCM"]}`, want: malformed},
		{name: "alg in other case", header: `{"alg":"DIR","enc":"A128GCM"}`, want: alg},
		{name: "alg empty", header: `{"alg":"","enc":"A128GCM"}`, want: alg},
		{name: "enc unknown", header: `{"alg":"dir","enc":"C20P"}`, want: alg},
		{name: "RSA1_5", header: `{"alg":"RSA1_5","enc":"A128GCM"}`, want: alg},
		{name: "PBES2", header: `{"alg":"PBES2-HS256+A128KW","enc":"A128GCM","p2s":"AAAAAAAAAAA","p2c":2147483647}`, want: alg},
		{name: "A128GCMKW", header: `{"alg":"A128GCMKW","enc":"A128GCM","iv":"AAAA","tag":"AAAA"}`, want: alg},
		{name: "an algorithm that signs", header: `{"alg":"HS256","enc":"A128GCM"}`, want: alg},
		{name: "compressed", header: `{"alg":"dir","enc":"A128GCM","zip":"DEF"}`, want: invalid},
		{name: "critical", header: `{"alg":"dir","enc":"A128GCM","crit":["exp"],"exp":1}`, want: invalid},
		{name: "critical, empty", header: `{"alg":"dir","enc":"A128GCM","crit":[]}`, want: invalid},
		{name: "a count of iterations", header: `{"alg":"dir","enc":"A128GCM","p2c":1}`, want: invalid},
		{name: "a salt", header: `{"alg":"dir","enc":"A128GCM","p2s":"AAAA"}`, want: invalid},
		{name: "a key", header: `{"alg":"dir","enc":"A128GCM","jwk":{"kty":"oct"}}`, want: invalid},
		{name: "a set's URL", header: `{"alg":"dir","enc":"A128GCM","jku":"https://evil.example"}`, want: invalid},
		{name: "a certificate's URL", header: `{"alg":"dir","enc":"A128GCM","x5u":"https://evil.example"}`, want: invalid},
		{name: "certificates", header: `{"alg":"dir","enc":"A128GCM","x5c":[]}`, want: invalid},
		{name: "alg twice", header: `{"alg":"dir","alg":"dir","enc":"A128GCM"}`, want: malformed},
		{name: "alg in two cases", header: `{"alg":"dir","Alg":"dir","enc":"A128GCM"}`, want: malformed},
		{name: "Zip", header: `{"alg":"dir","enc":"A128GCM","Zip":"DEF"}`, want: malformed},
		{name: "kid is a number", header: `{"alg":"dir","enc":"A128GCM","kid":1}`, want: malformed},
		{name: "kid holds a quote", header: `{"alg":"dir","enc":"A128GCM","kid":"' OR 1"}`, want: malformed},
		{name: "kid is long", header: `{"alg":"dir","enc":"A128GCM","kid":"` + strings.Repeat("k", 129) + `"}`, want: malformed},
		{name: "typ is no text", header: `{"alg":"dir","enc":"A128GCM","typ":1}`, want: malformed},
		{name: "cty is no text", header: `{"alg":"dir","enc":"A128GCM","cty":{}}`, want: malformed},
		{name: "nested", header: `{"alg":"dir","enc":"A128GCM","x":` + strings.Repeat("[", 99) + strings.Repeat("]", 99) + `}`, want: malformed},
		{name: "long", header: `{"alg":"dir","enc":"A128GCM","x":"` + strings.Repeat("x", 8<<10) + `"}`, want: malformed},
		{name: "array", header: `[]`, want: malformed},
		{name: "and more", header: `{"alg":"dir","enc":"A128GCM"}{}`, want: malformed},
		{name: "not UTF-8", header: "{\"alg\":\"dir\",\"enc\":\"A128GCM\",\"x\":\"\xff\"}", want: malformed},
		{name: "empty", header: ``, want: malformed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := jwe.Parse(encode([]byte(tt.header))+"."+"."+encode(make([]byte, 12))+"."+"."+encode(make([]byte, 16)), all())
			authztest.WantReason(t, err, tt.want)
		})
	}
}

// Of the shape of a token everything that needs no key is refused without one.
func TestShapes(t *testing.T) {
	key := shared(16)
	gcm := encrypt(t, key, jwe.A128KW, jwe.A128GCM, "payload")
	cbc := encrypt(t, shared(32), jwe.Dir, jwe.A128CBCHS256, "payload")
	es := encrypt(t, ecKey(), jwe.ECDHES, jwe.A128GCM, "payload")
	rsaToken := encrypt(t, rsaKey(), jwe.RSAOAEP, jwe.A128GCM, "payload")
	zeros := func(n int) string { return encode(make([]byte, n)) }
	tests := []struct{ name, token string }{
		{name: "empty", token: ""},
		{name: "dots", token: "...."},
		{name: "four parts", token: gcm[:strings.LastIndexByte(gcm, '.')]},
		{name: "six parts", token: gcm + "."},
		{name: "a JWS", token: "eyJhbGciOiJIUzI1NiJ9.e30.AAAA"},
		{name: "JSON serialisation", token: `{"protected":"e30","iv":"","ciphertext":"","tag":""}`},
		{name: "the same token twice", token: gcm + gcm},
		{name: "a line end behind", token: gcm + "\n"},
		{name: "padding", token: with(gcm, 4, encode(make([]byte, 16))+"=")},
		{name: "standard alphabet", token: with(gcm, 4, strings.Repeat("+", 22))},
		{name: "bits that decoding drops", token: with(gcm, 4, strings.Repeat("A", 21)+"B")},
		{name: "white space", token: with(gcm, 3, " AAAA")},
		{name: "no encrypted key with A128KW", token: with(gcm, 1, "")},
		{name: "short encrypted key with A128KW", token: with(gcm, 1, zeros(16))},
		{name: "odd encrypted key with A128KW", token: with(gcm, 1, zeros(25))},
		{name: "long encrypted key with A128KW", token: with(gcm, 1, zeros(32))},
		{name: "no encrypted key with RSA", token: with(rsaToken, 1, "")},
		{name: "huge encrypted key with RSA", token: with(rsaToken, 1, zeros(1025))},
		{name: "encrypted key with dir", token: with(cbc, 1, zeros(40))},
		{name: "encrypted key with ECDH-ES", token: with(es, 1, zeros(24))},
		{name: "no iv", token: with(gcm, 2, "")},
		{name: "long iv", token: with(gcm, 2, zeros(16))},
		{name: "short iv of CBC", token: with(cbc, 2, zeros(12))},
		{name: "no tag", token: with(gcm, 4, "")},
		{name: "tag cut", token: with(gcm, 4, zeros(15))},
		{name: "tag cut to 12", token: with(gcm, 4, zeros(12))},
		{name: "long tag", token: with(gcm, 4, zeros(17))},
		{name: "tag of CBC not cut in half", token: with(cbc, 4, zeros(32))},
		{name: "no ciphertext of CBC", token: with(cbc, 3, "")},
		{name: "part of a block of CBC", token: with(cbc, 3, zeros(15))},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := jwe.Parse(tt.token, all())
			authztest.WantReason(t, err, authz.ReasonCredentialMalformed)
		})
	}
}

// What a policy does not list is refused, though we know it.
func TestAllowed(t *testing.T) {
	token := encrypt(t, rsaKey(), jwe.RSAOAEP, jwe.A128GCM, "payload")
	for _, allowed := range []jwe.Allowed{
		{},
		{Key: []jwe.KeyAlgorithm{jwe.RSAOAEP256}, Content: []jwe.ContentAlgorithm{jwe.A128GCM}},
		{Key: []jwe.KeyAlgorithm{jwe.RSAOAEP}, Content: []jwe.ContentAlgorithm{jwe.A256GCM, jwe.A128CBCHS256}},
	} {
		_, err := jwe.Parse(token, allowed)
		authztest.WantReason(t, err, authz.ReasonAlgNotAllowed)
		// It is said before anything else is looked at.
		_, err = jwe.Parse(with(token, 1, "%"), allowed)
		authztest.WantReason(t, err, authz.ReasonAlgNotAllowed)
	}
}
