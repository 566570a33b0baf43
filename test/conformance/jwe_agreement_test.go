package conformance

import (
	"bytes"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"strings"
	"testing"

	"github.com/hookauthz/hookauthz/authz/scheme/jose"
	"github.com/hookauthz/hookauthz/authz/scheme/jwe"
)

// The public keys of these vectors are read as a token's epk is, and the private
// ones as a policy's keys are. That they agree on the right secret is seen from
// the key that is made of it.

type agreementGroup struct {
	Tests []struct {
		ID      int             `json:"tcId"`
		Comment string          `json:"comment"`
		Flags   []string        `json:"flags"`
		Public  json.RawMessage `json:"public"`
		Private json.RawMessage `json:"private"`
		Shared  string          `json:"shared"`
		Result  string          `json:"result"`
	} `json:"tests"`
}

// A counts is how many vectors came out in which way.
type counts struct{ accept, refuse, acceptable int }

func TestAgreement(t *testing.T) {
	prefixes := map[string]string{
		"P-256":  "3059301306072a8648ce3d020106082a8648ce3d030107034200",
		"P-384":  "3076301006072a8648ce3d020106052b81040022036200",
		"P-521":  "30819b301006072a8648ce3d020106052b8104002303818600",
		"X25519": "302a300506032b656e032100",
	}
	tests := []struct {
		file, curve string
		want        counts
	}{
		{file: "ecdh_secp256r1", curve: "P-256", want: counts{accept: 330, refuse: 52, acceptable: 230}},
		{file: "ecdh_secp384r1", curve: "P-384", want: counts{accept: 771, refuse: 46, acceptable: 230}},
		{file: "ecdh_secp521r1", curve: "P-521", want: counts{accept: 632, refuse: 56, acceptable: 228}},
		{file: "ecdh_secp256r1_ecpoint", curve: "P-256", want: counts{accept: 330, refuse: 24, acceptable: 1}},
		{file: "ecdh_secp384r1_ecpoint", curve: "P-384", want: counts{accept: 771, refuse: 18, acceptable: 1}},
		{file: "ecdh_secp521r1_ecpoint", curve: "P-521", want: counts{accept: 632, refuse: 28, acceptable: 1}},
		{file: "ecdh_secp256r1_webcrypto", curve: "P-256", want: counts{accept: 330, refuse: 23}},
		{file: "ecdh_secp384r1_webcrypto", curve: "P-384", want: counts{accept: 771, refuse: 23}},
		{file: "ecdh_secp521r1_webcrypto", curve: "P-521", want: counts{accept: 632, refuse: 23}},
		{file: "ecdh_secp256r1_pem", curve: "P-256", want: counts{accept: 330, refuse: 52, acceptable: 230}},
		{file: "ecdh_secp384r1_pem", curve: "P-384", want: counts{accept: 771, refuse: 46, acceptable: 230}},
		{file: "ecdh_secp521r1_pem", curve: "P-521", want: counts{accept: 632, refuse: 56, acceptable: 228}},
		{file: "x25519_jwk", curve: "X25519", want: counts{accept: 264, refuse: 13, acceptable: 254}},
		{file: "x25519", curve: "X25519", want: counts{accept: 264, acceptable: 254}},
		{file: "x25519_asn", curve: "X25519", want: counts{accept: 265, refuse: 19, acceptable: 253}},
		{file: "x25519_pem", curve: "X25519", want: counts{accept: 264, acceptable: 254}},
	}
	seen := map[pairOfKeys]error{} // the files of one curve repeat one another
	for _, tt := range tests {
		t.Run(tt.file, func(t *testing.T) {
			var got counts
			for _, g := range load[agreementGroup](t, tt.file).TestGroups {
				for _, v := range g.Tests {
					epk, private := v.Public, v.Private
					var text string
					if json.Unmarshal(v.Public, &text) == nil { // not a JWK
						text = strings.TrimPrefix(unarmoured(text), prefixes[tt.curve])
						epk = pointJWK(tt.curve, text)
						private = privateKey(t, tt.curve, v.Private)
					}
					pair := pairOf(epk, private, v.Shared)
					err, known := seen[pair]
					if !known {
						err = agree(t, epk, private, unhex(t, v.Shared))
						seen[pair] = err
					}
					switch v.Result {
					case "valid":
						got.accept++
						if err != nil {
							t.Errorf("%d (%s): %v", v.ID, v.Comment, err)
						}
					case "acceptable":
						// Unusual encodings; for X25519 odd points. A secret
						// that is agreed on is the right one: see agree.
						got.acceptable++
						if errors.Is(err, errWrongSecret) {
							t.Errorf("%d (%s): %v", v.ID, v.Comment, err)
						}
					default:
						got.refuse++
						if err == nil || errors.Is(err, errWrongSecret) {
							t.Errorf("%d (%s, %v): %v", v.ID, v.Comment, v.Flags, err)
						}
					}
				}
			}
			if got != tt.want {
				t.Errorf("tried %+v, want %+v", got, tt.want)
			}
		})
	}
}

// A pairOfKeys is two keys, however they are written, and what they agree on.
type pairOfKeys struct{ curve, x, y, d, shared, odd string }

func pairOf(epk, private json.RawMessage, shared string) pairOfKeys {
	var public, own struct{ Crv, X, Y, D string }
	if json.Unmarshal(epk, &public) != nil || json.Unmarshal(private, &own) != nil || public.X == "" || public.Y == "" {
		return pairOfKeys{odd: string(epk) + string(private), shared: shared}
	}
	return pairOfKeys{curve: public.Crv, x: public.X, y: public.Y, d: own.D, shared: shared}
}

var errWrongSecret = errors.New("agreed on another secret")

// agree returns nil if both keys are taken and agree on z.
func agree(t *testing.T, epk, private json.RawMessage, z []byte) error {
	t.Helper()
	header, err := jose.ParseEncryptedHeader(base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"ECDH-ES","enc":"A128GCM","epk":` + string(epk) + `}`)))
	if err != nil {
		return err
	}
	public, err := header.Ephemeral()
	if err != nil {
		return err
	}
	read := jose.ParseDecryptionJWK
	if bytes.HasPrefix(private, []byte("-----BEGIN ")) {
		read = jose.ParseDecryptionPEM
	}
	keys, err := read(private)
	if err != nil {
		return err
	}
	var ours *ecdh.PrivateKey
	switch key := keys[0].Key.(type) {
	case *ecdh.PrivateKey:
		ours = key
	case *ecdsa.PrivateKey:
		if ours, err = key.ECDH(); err != nil {
			return err
		}
	}
	got, err := jwe.DeriveECDHES(ours, public, "A256CBC-HS512", []byte("Alice"), []byte("Bob"), 64)
	if err != nil {
		return err
	}
	if !bytes.Equal(got, derive(z, "A256CBC-HS512", "Alice", "Bob", 64)) {
		return errWrongSecret
	}
	return nil
}

// derive is RFC 7518, section 4.6.2, written down once more.
func derive(z []byte, name, apu, apv string, size int) (key []byte) {
	for round := uint32(1); len(key) < size; round++ {
		input := binary.BigEndian.AppendUint32(nil, round)
		input = append(input, z...)
		for _, part := range []string{name, apu, apv} {
			input = append(binary.BigEndian.AppendUint32(input, uint32(len(part))), part...)
		}
		sum := sha256.Sum256(binary.BigEndian.AppendUint32(input, uint32(size*8)))
		key = append(key, sum[:]...)
	}
	return key[:size]
}

// pointJWK is a point in hex as a JWK. What is no uncompressed point becomes the
// x of a JWK without y.
func pointJWK(curve, point string) json.RawMessage {
	raw, err := hex.DecodeString(point)
	if err != nil {
		raw = []byte(point)
	}
	encode := base64.RawURLEncoding.EncodeToString
	if curve == "X25519" {
		return json.RawMessage(`{"kty":"OKP","crv":"X25519","x":"` + encode(raw) + `"}`)
	}
	if len(raw)%2 == 0 || raw[0] != 4 {
		return json.RawMessage(`{"kty":"EC","crv":"` + curve + `","x":"` + encode(raw) + `"}`)
	}
	half := len(raw) / 2
	return json.RawMessage(`{"kty":"EC","crv":"` + curve + `","x":"` + encode(raw[1:1+half]) + `","y":"` + encode(raw[1+half:]) + `"}`)
}

// unarmoured returns what a PEM holds, in hex; what is no PEM as it is.
func unarmoured(text string) string {
	if block, _ := pem.Decode([]byte(text)); block != nil {
		return hex.EncodeToString(block.Bytes)
	}
	return text
}

// privateKey is a private key as a PEM if it is one or is of X25519, else as a JWK.
func privateKey(t *testing.T, curve string, private json.RawMessage) []byte {
	t.Helper()
	var text string
	if err := json.Unmarshal(private, &text); err != nil {
		t.Fatal(err)
	}
	if strings.HasPrefix(text, "-----BEGIN ") {
		return []byte(text)
	}
	if curve != "X25519" {
		return scalarJWK(t, curve, text)
	}
	der := unhex(t, text)
	if len(der) == 32 { // RFC 8410, section 7
		der = append(unhex(t, "302e020100300506032b656e04220420"), der...)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

// scalarJWK is a private key in hex as a JWK.
func scalarJWK(t *testing.T, curve, text string) json.RawMessage {
	t.Helper()
	c := map[string]ecdh.Curve{"P-256": ecdh.P256(), "P-384": ecdh.P384(), "P-521": ecdh.P521()}[curve]
	size := map[string]int{"P-256": 32, "P-384": 48, "P-521": 66}[curve]
	d := bytes.TrimLeft(unhex(t, text), "\x00")
	d = append(make([]byte, size-len(d)), d...)
	key, err := c.NewPrivateKey(d)
	if err != nil {
		t.Fatal(err)
	}
	return json.RawMessage(strings.Replace(string(pointJWK(curve, hex.EncodeToString(key.PublicKey().Bytes()))), "{",
		`{"d":"`+base64.RawURLEncoding.EncodeToString(d)+`",`, 1))
}
