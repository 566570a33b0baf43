package conformance

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
	"github.com/hookauthz/hookauthz/authz/check/signature"
	"github.com/hookauthz/hookauthz/authz/keyset"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

// A keyForm is how a policy file says what a group's key is.
type keyForm struct {
	name   string
	format keyset.Format
	text   func(g *keyGroup) string // empty: the group has no such form
}

var keyForms = []keyForm{
	{name: "pem", format: keyset.FormatPEM, text: func(g *keyGroup) string { return g.PEM }},
	{name: "spki", format: keyset.FormatSPKI, text: func(g *keyGroup) string { return unhexTo64(g.DER) }},
	{name: "jwk", format: keyset.FormatJWK, text: func(g *keyGroup) string { return string(g.JWK) }},
	{name: "jwk of old files", format: keyset.FormatJWK, text: func(g *keyGroup) string { return string(g.KeyJWK) }},
	{name: "raw", format: keyset.FormatRaw, text: func(g *keyGroup) string { return g.Public.PK }},
}

// A keyGroup is a signatureGroup with its key in all forms.
type keyGroup struct {
	signatureGroup
	DER    string          `json:"publicKeyDer"`
	KeyJWK json.RawMessage `json:"keyJwk"`
	Public struct {
		PK string `json:"pk"`
	} `json:"publicKey"`
}

func unhexTo64(text string) string {
	b, err := hex.DecodeString(text)
	if err != nil {
		return ""
	}
	return base64.StdEncoding.EncodeToString(b)
}

// signatureCheck is the check of a policy whose sender signs the body.
func signatureCheck(t *testing.T, algorithm, format string, key keyset.Format, text string) authz.Check {
	t.Helper()
	env := authztest.Env(nil)
	env.Keys = storedKey(key, text)
	part, problems := signature.Kind().Build(&policypb.Signature{
		Credential: &policypb.Credential{Header: "X-Signature"}, Algorithm: algorithm, EcdsaFormat: format,
		Encoding: "hex", Message: "{body}", Keys: []string{"key"},
	}, env)
	for _, p := range problems {
		t.Fatalf("problem: %v", p)
	}
	return part.Check
}

// storedKey declares "key", which a secret holds.
func storedKey(format keyset.Format, text string) func(string) (authz.KeyReference, bool) {
	set := keyset.Stored(authz.Reference{Name: "secret", Secrets: authztest.Values(text)}, format)
	return func(name string) (authz.KeyReference, bool) {
		return authz.KeyReference{Name: name, Set: set}, name == "key"
	}
}

// bodied is a request with a body and headers.
func bodied(body []byte, headers ...string) *authz.Request {
	r := &authz.Request{
		Received: time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC), Method: "POST", Path: "/", Protocol: "HTTP/2",
		Body:  authz.Body{Raw: body, Size: int64(len(body)), Delivery: authz.DeliveryWhole},
		Rules: authz.Rules{MaxBody: 1 << 20, AllowEmpty: true},
	}
	authztest.AddHeader(r, "content-length", strconv.Itoa(len(body)))
	for i := 0; i+1 < len(headers); i += 2 {
		authztest.AddHeader(r, headers[i], headers[i+1])
	}
	return r
}

// A signatureFile is one whose signatures an algorithm of the kind has a name for.
type signatureFile struct {
	file, algorithm, format string
	// accept and refuse are how many vectors are tried in each form of the key.
	accept, refuse int
	forms          int // of the key
	// only, if not nil, chooses the groups.
	only func(g *keyGroup) bool
	// made says that the vectors are what signing gives, so that all of them hold.
	made bool
}

func signatureFiles() []signatureFile {
	ecdsa := func(file, algorithm, format string, accept, refuse, forms int) signatureFile {
		return signatureFile{file: file, algorithm: algorithm, format: format, accept: accept, refuse: refuse, forms: forms}
	}
	rsa := func(size, hash string, accept, refuse int) signatureFile {
		return signatureFile{file: "rsa_signature_" + size + "_sha" + hash, algorithm: "rsa-pkcs1-sha" + hash, accept: accept, refuse: refuse, forms: 3}
	}
	pss := func(size, hash, salt string, accept, refuse int) signatureFile {
		return signatureFile{file: "rsa_pss_" + size + "_sha" + hash + "_mgf1_" + salt, algorithm: "rsa-pss-sha" + hash, accept: accept, refuse: refuse, forms: 3}
	}
	// Of all combinations of hashes and salts, those that an algorithm means.
	misc := func(hash string, salt int) signatureFile {
		return signatureFile{
			file: "rsa_pss_misc", algorithm: "rsa-pss-sha" + hash, accept: 1, forms: 2,
			only: func(g *keyGroup) bool { return g.SHA == "SHA-"+hash && g.MGFSHA == g.SHA && g.Salt == salt },
		}
	}
	generated := func(size, hash string, accept int) signatureFile {
		return signatureFile{
			file: "rsa_pkcs1_" + size + "_sig_gen", algorithm: "rsa-pkcs1-sha" + hash, accept: accept, forms: 1, made: true,
			only: func(g *keyGroup) bool { return g.SHA == "SHA-"+hash },
		}
	}
	return []signatureFile{
		{file: "ed25519", algorithm: "ed25519", accept: 88, refuse: 63, forms: 4},
		ecdsa("ecdsa_secp256r1_sha256", "ecdsa-p256-sha256", "", 174, 310, 2),
		ecdsa("ecdsa_secp256r1_sha256", "ecdsa-p256-sha256", "der", 174, 310, 2),
		ecdsa("ecdsa_secp384r1_sha384", "ecdsa-p384-sha384", "", 194, 310, 2),
		ecdsa("ecdsa_secp521r1_sha512", "ecdsa-p521-sha512", "", 232, 310, 2),
		ecdsa("ecdsa_secp256r1_sha256_p1363", "ecdsa-p256-sha256", "raw", 173, 89, 3),
		ecdsa("ecdsa_secp384r1_sha384_p1363", "ecdsa-p384-sha384", "raw", 193, 87, 3),
		ecdsa("ecdsa_secp521r1_sha512_p1363", "ecdsa-p521-sha512", "raw", 231, 87, 3),
		rsa("2048", "256", 9, 250), rsa("3072", "256", 8, 251), rsa("4096", "256", 7, 251), rsa("8192", "256", 7, 251),
		rsa("2048", "384", 7, 251), rsa("3072", "384", 7, 252), rsa("4096", "384", 7, 252), rsa("8192", "384", 7, 252),
		rsa("2048", "512", 8, 251), rsa("3072", "512", 8, 252), rsa("4096", "512", 7, 252), rsa("8192", "512", 7, 252),
		pss("2048", "256", "32", 63, 45), pss("3072", "256", "32", 63, 45), pss("4096", "256", "32", 63, 45),
		pss("2048", "384", "48", 95, 46), pss("4096", "384", "48", 95, 46), pss("4096", "512", "64", 132, 47),
		misc("256", 32), misc("384", 48), misc("512", 64),
		generated("2048", "256", 10), generated("2048", "384", 8), generated("2048", "512", 9),
		generated("3072", "256", 9), generated("3072", "384", 8), generated("3072", "512", 9),
		generated("4096", "256", 8), generated("4096", "384", 8), generated("4096", "512", 8),
	}
}

// Every vector of an algorithm that the kind has, as a request to a policy with
// the group's key in each of its forms.
func TestSignatureKind(t *testing.T) {
	total := 0
	for _, tt := range signatureFiles() {
		t.Run(strings.Join([]string{tt.file, tt.algorithm, tt.format}, " "), func(t *testing.T) {
			forms := map[string]bool{}
			c := tally{file: "signature/" + tt.file}
			for _, g := range load[keyGroup](t, tt.file).TestGroups {
				if tt.only != nil && !tt.only(&g) {
					continue
				}
				var checks []authz.Check
				for _, form := range keyForms {
					text := form.text(&g)
					if text == "" || tt.file != "ed25519" && form.name == "raw" {
						continue
					}
					forms[form.name] = true
					checks = append(checks, signatureCheck(t, tt.algorithm, tt.format, form.format, text))
				}
				for _, v := range g.Tests {
					r := bodied(unhex(t, v.Message), "X-Signature", v.Signature)
					errs := make([]error, len(checks))
					for i, check := range checks {
						_, errs[i] = check.Verify(context.Background(), r)
						if (errs[i] == nil) != (errs[0] == nil) || errs[i] != nil && !errors.Is(errs[i], authz.ErrRejected) && !errors.Is(errs[i], authz.ErrAbsent) {
							t.Errorf("%d (%s): form %d of the key: %v, form 0: %v", v.ID, v.Comment, i, errs[i], errs[0])
						}
					}
					total++
					c.check(t, v.ID, v.Comment, v.Result == "valid" || tt.made, errs[0])
				}
			}
			c.done(t, tt.accept, tt.refuse)
			if len(forms) != tt.forms {
				t.Errorf("keys in the forms %v, want %d of them", forms, tt.forms)
			}
		})
	}
	if total != 6996 {
		t.Errorf("tried %d vectors", total)
	}
}

// algorithms are all that the kind has, with the format of their signatures.
var algorithms = [][2]string{
	{"ed25519"},
	{"ecdsa-p256-sha256"},
	{"ecdsa-p384-sha384"},
	{"ecdsa-p521-sha512"},
	{"ecdsa-p256-sha256", "raw"},
	{"ecdsa-p384-sha384", "raw"},
	{"ecdsa-p521-sha512", "raw"},
	{"rsa-pkcs1-sha256"},
	{"rsa-pkcs1-sha384"},
	{"rsa-pkcs1-sha512"},
	{"rsa-pss-sha256"},
	{"rsa-pss-sha384"},
	{"rsa-pss-sha512"},
}

// Good signatures with another hash, mask or salt are none of any algorithm's.
func TestSignatureKindHasNoOtherAlgorithms(t *testing.T) {
	tests := []struct {
		file   string
		refuse int // good ones only
	}{
		{file: "ecdsa_secp256r1_sha512", refuse: 243},
		{file: "ecdsa_secp256r1_sha512_p1363", refuse: 242},
		{file: "ecdsa_secp256r1_sha3_256", refuse: 178},
		{file: "ecdsa_secp384r1_sha256", refuse: 162},
		{file: "ecdsa_secp384r1_sha512", refuse: 231},
		{file: "ecdsa_secp521r1_sha3_512", refuse: 232},
		{file: "rsa_signature_2048_sha224", refuse: 8},
		{file: "rsa_signature_2048_sha3_256", refuse: 8},
		{file: "rsa_signature_2048_sha512_256", refuse: 8},
		{file: "rsa_pss_2048_sha1_mgf1_20", refuse: 42},
		{file: "rsa_pss_2048_sha256_mgf1_0", refuse: 61},
		{file: "rsa_pss_2048_sha256_mgf1sha1_20", refuse: 63},
		{file: "rsa_pss_2048_sha512_256_mgf1_32", refuse: 69},
		{file: "rsa_pss_4096_sha512_mgf1_32", refuse: 132},
		{file: "rsa_pss_misc", refuse: 147},
	}
	for _, tt := range tests {
		t.Run(tt.file, func(t *testing.T) {
			tried := 0
			for _, g := range load[keyGroup](t, tt.file).TestGroups {
				if tt.file == "rsa_pss_misc" && g.SHA == g.MGFSHA && map[string]int{"SHA-256": 32, "SHA-384": 48, "SHA-512": 64}[g.SHA] == g.Salt && g.Salt > 0 {
					continue // what an algorithm means
				}
				var checks []authz.Check
				for _, a := range algorithms {
					checks = append(checks, signatureCheck(t, a[0], a[1], keyset.FormatPEM, g.PEM))
				}
				for _, v := range g.Tests {
					if v.Result == "invalid" {
						continue
					}
					tried++
					r := bodied(unhex(t, v.Message), "X-Signature", v.Signature)
					for i, check := range checks {
						if _, err := check.Verify(context.Background(), r); err == nil {
							t.Errorf("%d (%s): accepted by %v", v.ID, v.Comment, algorithms[i])
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

// A key that says itself how it signs (RSASSA-PSS as its own algorithm, RFC 4055)
// or that is on another curve is not read: what it says would be passed over.
func TestKeysThatAreNotRead(t *testing.T) {
	refused := 0
	for _, name := range []string{
		"rsa_pss_2048_sha256_mgf1_32_params", "rsa_pss_3072_sha256_mgf1_32_params", "rsa_pss_4096_sha512_mgf1_64_params",
		"rsa_pss_misc_params", "ecdsa_secp224r1_sha256", "ecdsa_secp256k1_sha256", "ecdsa_brainpoolP256r1_sha256",
	} {
		for _, g := range load[keyGroup](t, name).TestGroups {
			for _, form := range keyForms[:2] {
				ref, _ := storedKey(form.format, form.text(&g))("key")
				_, err := ref.Set.Keys(time.Now())
				var denial *authz.Denial
				if !errors.As(err, &denial) || denial.Reason() != authz.ReasonSecretInvalid {
					t.Fatalf("%s as %s: %v", name, form.name, err)
				}
				refused++
			}
		}
	}
	if refused != 950 {
		t.Errorf("%d keys refused", refused)
	}
}
