package conformance

import (
	"crypto"
	"encoding/hex"
	"encoding/json"
	"testing"

	"github.com/hookauthz/hookauthz/authz/scheme/jose"
)

// A signatureGroup has one key and signatures by it or not.
type signatureGroup struct {
	Type   string          `json:"type"`
	SHA    string          `json:"sha"`
	MGFSHA string          `json:"mgfSha"`
	Salt   int             `json:"sLen"`
	PEM    string          `json:"publicKeyPem"`
	JWK    json.RawMessage `json:"publicKeyJwk"`
	// Private is the key of groups that say what signing must give.
	Private string `json:"privateKeyPem"`
	Tests   []struct {
		ID        int    `json:"tcId"`
		Comment   string `json:"comment"`
		Message   string `json:"msg"`
		Signature string `json:"sig"`
		Result    string `json:"result"`
	} `json:"tests"`
}

// key returns the group's key the way a policy's keys are read: from PEM and, if
// it is there, from the JWK, which must be the same.
func (g *signatureGroup) key(t *testing.T) crypto.PublicKey {
	t.Helper()
	keys, err := jose.ParsePEM([]byte(g.PEM))
	if err != nil {
		t.Fatalf("ParsePEM: %v", err)
	}
	if g.JWK != nil {
		same, err := jose.ParseJWK(g.JWK)
		if err != nil {
			t.Fatalf("ParseJWK: %v", err)
		}
		if key, ok := same[0].Key.(interface{ Equal(crypto.PublicKey) bool }); !ok || !key.Equal(keys[0].Key) {
			t.Errorf("the JWK is another key than the PEM")
		}
	}
	return keys[0].Key
}

func unhex(t *testing.T, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestSignatures(t *testing.T) {
	tests := []struct {
		file           string
		algorithm      jose.Algorithm
		accept, refuse int
	}{
		{file: "ed25519", algorithm: jose.EdDSA, accept: 88, refuse: 63},
		{file: "ecdsa_secp256r1_sha256_p1363", algorithm: jose.ES256, accept: 173, refuse: 89},
		{file: "ecdsa_secp384r1_sha384_p1363", algorithm: jose.ES384, accept: 193, refuse: 87},
		{file: "ecdsa_secp521r1_sha512_p1363", algorithm: jose.ES512, accept: 231, refuse: 87},
		{file: "rsa_signature_2048_sha256", algorithm: jose.RS256, accept: 9, refuse: 250},
		{file: "rsa_signature_3072_sha256", algorithm: jose.RS256, accept: 8, refuse: 251},
		{file: "rsa_signature_4096_sha256", algorithm: jose.RS256, accept: 7, refuse: 251},
		{file: "rsa_signature_8192_sha256", algorithm: jose.RS256, accept: 7, refuse: 251},
		{file: "rsa_signature_2048_sha384", algorithm: jose.RS384, accept: 7, refuse: 251},
		{file: "rsa_signature_3072_sha384", algorithm: jose.RS384, accept: 7, refuse: 252},
		{file: "rsa_signature_4096_sha384", algorithm: jose.RS384, accept: 7, refuse: 252},
		{file: "rsa_signature_8192_sha384", algorithm: jose.RS384, accept: 7, refuse: 252},
		{file: "rsa_signature_2048_sha512", algorithm: jose.RS512, accept: 8, refuse: 251},
		{file: "rsa_signature_3072_sha512", algorithm: jose.RS512, accept: 8, refuse: 252},
		{file: "rsa_signature_4096_sha512", algorithm: jose.RS512, accept: 7, refuse: 252},
		{file: "rsa_signature_8192_sha512", algorithm: jose.RS512, accept: 7, refuse: 252},
		{file: "rsa_pss_2048_sha256_mgf1_32", algorithm: jose.PS256, accept: 63, refuse: 45},
		{file: "rsa_pss_3072_sha256_mgf1_32", algorithm: jose.PS256, accept: 63, refuse: 45},
		{file: "rsa_pss_4096_sha256_mgf1_32", algorithm: jose.PS256, accept: 63, refuse: 45},
		{file: "rsa_pss_2048_sha384_mgf1_48", algorithm: jose.PS384, accept: 95, refuse: 46},
		{file: "rsa_pss_4096_sha384_mgf1_48", algorithm: jose.PS384, accept: 95, refuse: 46},
		{file: "rsa_pss_4096_sha512_mgf1_64", algorithm: jose.PS512, accept: 132, refuse: 47},
	}
	for _, tt := range tests {
		t.Run(tt.file, func(t *testing.T) {
			c := tally{file: tt.file}
			for _, g := range load[signatureGroup](t, tt.file).TestGroups {
				key := g.key(t)
				for _, v := range g.Tests {
					// "acceptable" are signatures that only a lax reader takes.
					err := tt.algorithm.Verify(key, unhex(t, v.Message), unhex(t, v.Signature))
					c.check(t, v.ID, v.Comment, v.Result == "valid", err)
				}
			}
			c.done(t, tt.accept, tt.refuse)
		})
	}
}

// Good signatures by the same keys, but encoded, hashed or salted in a way that no
// algorithm of JOSE has a name for. Whatever algorithm a token claims, they are
// none of its signatures.
func TestSignaturesThatJOSEHasNoNameFor(t *testing.T) {
	tests := []struct {
		file   string
		refuse int // good ones only
	}{
		{file: "ecdsa_secp256r1_sha256", refuse: 174}, // ASN.1
		{file: "ecdsa_secp384r1_sha384", refuse: 194},
		{file: "ecdsa_secp521r1_sha512", refuse: 232},
		{file: "ecdsa_secp256r1_sha512_p1363", refuse: 242}, // another curve's hash
		{file: "ecdsa_secp384r1_sha512_p1363", refuse: 230},
		{file: "rsa_signature_2048_sha224", refuse: 7},
		{file: "rsa_signature_2048_sha512_256", refuse: 7},
		{file: "rsa_pss_2048_sha1_mgf1_20", refuse: 42},
		{file: "rsa_pss_2048_sha256_mgf1_0", refuse: 61}, // another salt
		{file: "rsa_pss_4096_sha512_mgf1_32", refuse: 132},
		{file: "rsa_pss_2048_sha256_mgf1sha1_20", refuse: 63}, // another hash in the mask
		{file: "rsa_pss_2048_sha512_256_mgf1_32", refuse: 69},
	}
	for _, tt := range tests {
		t.Run(tt.file, func(t *testing.T) {
			tried := 0
			for _, g := range load[signatureGroup](t, tt.file).TestGroups {
				key := g.key(t)
				for _, v := range g.Tests {
					if v.Result != "valid" {
						continue
					}
					tried++
					for _, algorithm := range all {
						if algorithm.Verify(key, unhex(t, v.Message), unhex(t, v.Signature)) == nil {
							t.Errorf("%d (%s): accepted as %s", v.ID, v.Comment, algorithm)
						}
					}
				}
			}
			if tried != tt.refuse {
				t.Errorf("tried %d, want %d", tried, tt.refuse)
			}
		})
	}
}

// What signing with a private key must give, read from its PEM.
func TestGeneratedSignatures(t *testing.T) {
	algorithms := map[string]jose.Algorithm{"SHA-256": jose.RS256, "SHA-384": jose.RS384, "SHA-512": jose.RS512}
	tests := []struct {
		file   string
		accept int
	}{
		{file: "rsa_pkcs1_2048_sig_gen", accept: 27},
		{file: "rsa_pkcs1_3072_sig_gen", accept: 26},
		{file: "rsa_pkcs1_4096_sig_gen", accept: 24},
	}
	for _, tt := range tests {
		t.Run(tt.file, func(t *testing.T) {
			tried := 0
			for _, g := range load[signatureGroup](t, tt.file).TestGroups {
				algorithm, found := algorithms[g.SHA]
				if !found {
					continue
				}
				signer, err := jose.ParsePrivatePEM([]byte(g.Private))
				if err != nil {
					t.Fatal(err)
				}
				for _, v := range g.Tests {
					tried++
					if err := algorithm.Verify(signer.Public(), unhex(t, v.Message), unhex(t, v.Signature)); err != nil {
						t.Errorf("%d (%s): %v", v.ID, v.Comment, err)
					}
				}
			}
			if tried != tt.accept {
				t.Errorf("tried %d, want %d", tried, tt.accept)
			}
		})
	}
}
