package jose_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"maps"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/hookauthz/hookauthz/authz/scheme/jose"
)

// jwk is a JWK whose members a test changes before it is written.
type jwk map[string]any

// with returns a copy with a member replaced, or removed if it is nil.
func (j jwk) with(name string, value any) jwk {
	c := maps.Clone(j)
	c[name] = value
	if value == nil {
		delete(c, name)
	}
	return c
}

func (j jwk) bytes(tb testing.TB) []byte {
	tb.Helper()
	text, err := json.Marshal(j)
	if err != nil {
		tb.Fatal(err)
	}
	return text
}

func b64bytes(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// publicJWK is the public half of the key of that name.
func publicJWK(tb testing.TB, name string) jwk {
	tb.Helper()
	switch key := public(tb, name).(type) {
	case ed25519.PublicKey:
		return jwk{"kty": "OKP", "crv": "Ed25519", "x": b64bytes(key)}
	case *ecdsa.PublicKey:
		point, err := key.Bytes()
		if err != nil {
			tb.Fatal(err)
		}
		size := len(point) / 2
		return jwk{"kty": "EC", "crv": name, "x": b64bytes(point[1 : 1+size]), "y": b64bytes(point[1+size:])}
	case *rsa.PublicKey:
		return jwk{"kty": "RSA", "n": b64bytes(key.N.Bytes()), "e": "AQAB"}
	}
	tb.Fatalf("no JWK of %s", name)
	return nil
}

// privateJWK is the whole key of that name.
func privateJWK(tb testing.TB, name string) jwk {
	tb.Helper()
	j := publicJWK(tb, name)
	switch key := signer(tb, name).(type) {
	case ed25519.PrivateKey:
		j["d"] = b64bytes(key.Seed())
	case *ecdsa.PrivateKey:
		d, err := key.Bytes()
		if err != nil {
			tb.Fatal(err)
		}
		j["d"] = b64bytes(d)
	case *rsa.PrivateKey:
		j["d"], j["p"], j["q"] = b64bytes(key.D.Bytes()), b64bytes(key.Primes[0].Bytes()), b64bytes(key.Primes[1].Bytes())
		j["dp"], j["dq"] = b64bytes(key.Precomputed.Dp.Bytes()), b64bytes(key.Precomputed.Dq.Bytes())
		j["qi"] = b64bytes(key.Precomputed.Qinv.Bytes())
	}
	return j
}

// equal reports whether two public keys are the same.
func equal(a, b crypto.PublicKey) bool {
	key, ok := a.(interface{ Equal(crypto.PublicKey) bool })
	return ok && key.Equal(b)
}

func TestParseJWK(t *testing.T) {
	for _, name := range []string{"Ed25519", "P-256", "P-384", "P-521", "RSA"} {
		alg, _ := jose.AlgorithmFor(public(t, name))
		described := publicJWK(t, name).with("kid", "2026-01").with("alg", string(alg)).with("use", "sig").
			with("key_ops", []string{"verify"}).with("x5t", "abc").with("ext", true)
		keys, err := jose.ParseJWK(described.bytes(t))
		if err != nil || len(keys) != 1 {
			t.Fatalf("%s: ParseJWK = %v, %v", name, keys, err)
		}
		if got := keys[0]; !equal(got.Key, public(t, name)) || got.ID != "2026-01" || got.Algorithm != string(alg) || got.Secret != "" {
			t.Errorf("%s: %+v", name, got)
		}
		bare, err := jose.ParseJWK(publicJWK(t, name).bytes(t))
		if err != nil || len(bare) != 1 || bare[0].ID != "" || bare[0].Algorithm != "" || !equal(bare[0].Key, public(t, name)) {
			t.Errorf("%s, nothing but the key: %+v, %v", name, bare, err)
		}
	}
}

func TestParseJWKRefuses(t *testing.T) {
	var (
		ed   = publicJWK(t, "Ed25519")
		ec   = publicJWK(t, "P-256")
		rsa  = publicJWK(t, "RSA")
		text = func(j jwk, name string) string { s, _ := j[name].(string); return s }
		n    = unb64(t, text(rsa, "n"))
		even = append(append([]byte{}, n[:len(n)-1]...), n[len(n)-1]&^1)
		flip = func(j jwk, name string) jwk {
			b := unb64(t, text(j, name))
			b[5] ^= 1
			return j.with(name, b64bytes(b))
		}
		threes = new(big.Int).Mul(new(big.Int).SetBytes(n[:200]), big.NewInt(3))
	)
	threes.Lsh(threes, 447).Add(threes, big.NewInt(3)) // odd, of the right size, and a multiple of 3
	tests := []struct {
		name string
		text []byte
		want string // part of the error
	}{
		{name: "nothing", want: "JWK"},
		{name: "no JSON", text: []byte("kty: RSA"), want: "JWK"},
		{name: "too large", text: []byte(`{"kty":"` + strings.Repeat("a", jose.MaxKeySet) + `"}`), want: "over"},
		{name: "a member twice", text: []byte(`{"kty":"OKP","kty":"OKP","crv":"Ed25519","x":"` + text(ed, "x") + `"}`), want: "twice"},
		{name: "a member in another case", text: ed.with("Kid", "a").bytes(t), want: "case"},
		{name: "no kty", text: ed.with("kty", nil).bytes(t), want: "kty"},
		{name: "kty in another case", text: ed.with("kty", "okp").bytes(t), want: "kty"},
		{name: "kty of another type", text: ec.with("kty", "RSA").bytes(t), want: "n is missing"},
		{name: "shared key", text: []byte(`{"kty":"oct","k":"` + text(ed, "x") + `"}`), want: "shared"},
		{name: "shared key, empty", text: []byte(`{"kty":"oct","k":""}`), want: "shared"},
		{name: "shared key named otherwise", text: []byte(`{"kty":"oct"}`), want: "kty"},

		{name: "private Ed25519", text: privateJWK(t, "Ed25519").bytes(t), want: "private"},
		{name: "private P-256", text: privateJWK(t, "P-256").bytes(t), want: "private"},
		{name: "private RSA", text: privateJWK(t, "RSA").bytes(t), want: "private"},
		{name: "one prime of RSA", text: rsa.with("p", "AQAB").bytes(t), want: "private"},
		{name: "a private member that is null", text: []byte(`{"kty":"OKP","crv":"Ed25519","d":null,"x":"` + text(ed, "x") + `"}`), want: "private"},

		{name: "use enc", text: ed.with("use", "enc").bytes(t), want: "use"},
		{name: "use in another case", text: ed.with("use", "SIG").bytes(t), want: "use"},
		{name: "use a list", text: ed.with("use", []string{"sig"}).bytes(t), want: "use"},
		{name: "key_ops sign", text: ed.with("key_ops", []string{"sign"}).bytes(t), want: "key_ops"},
		{name: "key_ops empty", text: ed.with("key_ops", []string{}).bytes(t), want: "key_ops"},
		{name: "key_ops text", text: ed.with("key_ops", "verify").bytes(t), want: "key_ops"},
		{name: "key_ops mixed", text: ed.with("key_ops", []any{"verify", 1}).bytes(t), want: "key_ops"},
		{name: "alg of another key", text: ec.with("alg", "ES384").bytes(t), want: "alg"},
		{name: "alg of another type", text: rsa.with("alg", "ES256").bytes(t), want: "alg"},
		{name: "alg unknown", text: ec.with("alg", "ES521").bytes(t), want: "alg"},
		{name: "alg of encryption", text: rsa.with("alg", "RSA-OAEP-256").bytes(t), want: "alg"},
		{name: "alg HS256", text: rsa.with("alg", "HS256").bytes(t), want: "alg"},
		{name: "alg none", text: rsa.with("alg", "none").bytes(t), want: "alg"},
		{name: "alg empty", text: rsa.with("alg", "").bytes(t), want: "alg"},
		{name: "alg a number", text: rsa.with("alg", 256).bytes(t), want: "alg"},
		{name: "kid a number", text: ed.with("kid", 1).bytes(t), want: "kid"},
		{name: "kid empty", text: ed.with("kid", "").bytes(t), want: "kid"},
		{name: "kid too long", text: ed.with("kid", strings.Repeat("k", 129)).bytes(t), want: "kid"},
		{name: "kid with a space", text: ed.with("kid", "my key").bytes(t), want: "kid"},

		{name: "another OKP curve", text: ed.with("crv", "X25519").bytes(t), want: "crv"},
		{name: "Ed448", text: ed.with("crv", "Ed448").bytes(t), want: "crv"},
		{name: "Ed25519, short", text: ed.with("x", b64bytes(make([]byte, 31))).bytes(t), want: "32 bytes"},
		{name: "Ed25519, long", text: ed.with("x", b64bytes(make([]byte, 33))).bytes(t), want: "32 bytes"},
		{name: "x padded", text: ed.with("x", text(ed, "x")+"=").bytes(t), want: "x is"},
		{name: "x with white space", text: ed.with("x", text(ed, "x")+"\n").bytes(t), want: "x is"},
		{name: "x missing", text: ed.with("x", nil).bytes(t), want: "x is"},

		{name: "no curve", text: ec.with("crv", nil).bytes(t), want: "crv"},
		{name: "secp256k1", text: ec.with("crv", "secp256k1").bytes(t), want: "crv"},
		{name: "the wrong curve", text: ec.with("crv", "P-384").bytes(t), want: "bytes each"},
		{name: "not on the curve", text: flip(ec, "y").bytes(t), want: "not on the curve"},
		{name: "the point at infinity", text: ec.with("x", b64bytes(make([]byte, 32))).with("y", b64bytes(make([]byte, 32))).bytes(t), want: "not on the curve"},
		{name: "y missing", text: ec.with("y", nil).bytes(t), want: "y is"},
		{name: "x with a zero before", text: ec.with("x", b64bytes(append([]byte{0}, unb64(t, text(ec, "x"))...))).bytes(t), want: "bytes each"},

		{name: "RSA of 2047 bits", text: rsa.with("n", b64bytes(new(big.Int).Rsh(new(big.Int).SetBytes(n), 1).Bytes())).bytes(t), want: "2047 bits"},
		{name: "RSA of 1024 bits", text: rsa.with("n", b64bytes(append([]byte{0xff}, n[129:]...))).bytes(t), want: "1024 bits"},
		{name: "RSA of 8200 bits", text: rsa.with("n", b64bytes(append(bytesOf(0xff, 1024), 0xff))).bytes(t), want: "8200 bits"},
		{name: "RSA, even", text: rsa.with("n", b64bytes(even)).bytes(t), want: "even"},
		{name: "RSA, divisible by 3", text: rsa.with("n", b64bytes(threes.Bytes())).bytes(t), want: "small factor"},
		{name: "RSA, exponent 1", text: rsa.with("e", "AQ").bytes(t), want: "exponent"},
		{name: "RSA, exponent 2", text: rsa.with("e", "Ag").bytes(t), want: "exponent"},
		{name: "RSA, exponent 0", text: rsa.with("e", "AA").bytes(t), want: "exponent"},
		{name: "RSA, exponent 65536", text: rsa.with("e", "AQAA").bytes(t), want: "exponent"},
		{name: "RSA, exponent over 31 bits", text: rsa.with("e", b64bytes(bytesOf(0xff, 4))).bytes(t), want: "exponent"},
		{name: "RSA, exponent as a number", text: rsa.with("e", 65537).bytes(t), want: "e is"},
		{name: "RSA, no modulus", text: rsa.with("n", nil).bytes(t), want: "n is"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			keys, err := jose.ParseJWK(tt.text)
			if err == nil || keys != nil {
				t.Fatalf("ParseJWK = %+v, %v", keys, err)
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("err = %v, want it to say %q", err, tt.want)
			}
		})
	}
}

func bytesOf(b byte, n int) []byte {
	all := make([]byte, n)
	for i := range all {
		all[i] = b
	}
	return all
}

// Moduli by the generator of CVE-2017-15361: powers of 65537 modulo the product of
// the small primes. One more than such a number is an ordinary one.
func TestWeakGeneratorIsRecognised(t *testing.T) {
	product := big.NewInt(1)
	for _, p := range []int64{
		3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97,
		101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
	} {
		product.Mul(product, big.NewInt(p))
	}
	weak := new(big.Int).Exp(big.NewInt(65537), big.NewInt(123456789), product)
	lift := new(big.Int).Lsh(product, uint(2048-product.BitLen())) // a multiple of the product of about 2048 bits
	weak.Add(weak, lift)
	for weak.Bit(0) == 0 || weak.BitLen() < 2048 {
		weak.Add(weak, product)
		if weak.BitLen() < 2048 {
			weak.Add(weak, lift)
		}
	}
	_, err := jose.ParseJWK(publicJWK(t, "RSA").with("n", b64bytes(weak.Bytes())).bytes(t))
	if err == nil || !strings.Contains(err.Error(), "CVE-2017-15361") {
		t.Errorf("err = %v", err)
	}
}

// Issuers write a zero before the modulus where they took it from ASN.1.
func TestLeadingZeroOfTheModulusIsTaken(t *testing.T) {
	rsa := publicJWK(t, "RSA")
	n, _ := rsa["n"].(string)
	keys, err := jose.ParseJWK(rsa.with("n", b64bytes(append([]byte{0}, unb64(t, n)...))).bytes(t))
	if err != nil || !equal(keys[0].Key, public(t, "RSA")) {
		t.Errorf("ParseJWK = %v, %v", keys, err)
	}
}

// Under an Ed25519 key of small order, a text of zeros among them, anybody can
// sign: half of the equation does not depend on the message, or only on a few of
// its bits.
func TestKeysOfSmallOrderAreRefused(t *testing.T) {
	le := func(n *big.Int) []byte { return reversed(n.FillBytes(make([]byte, ed25519.PublicKeySize))) }
	p := new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 255), big.NewInt(19))
	points := [][]byte{
		make([]byte, ed25519.PublicKeySize), le(big.NewInt(1)), le(new(big.Int).Sub(p, big.NewInt(1))), le(p), le(new(big.Int).Add(p, big.NewInt(1))),
	}
	for _, order8 := range []string{
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
	} {
		point, err := hex.DecodeString(order8)
		if err != nil {
			t.Fatal(err)
		}
		points = append(points, point)
	}
	for _, point := range points {
		for _, sign := range []byte{0, 0x80} {
			key := ed25519.PublicKey(bytes.Clone(point))
			key[len(key)-1] |= sign
			if !forgeable(key) {
				t.Errorf("%x: no signature was forged, so the test is not about this key", key)
			}
			if keys, err := jose.ParseJWK((jwk{"kty": "OKP", "crv": "Ed25519", "x": b64bytes(key)}).bytes(t)); err == nil || !strings.Contains(err.Error(), "small order") {
				t.Errorf("%x: ParseJWK = %v, %v", key, keys, err)
			}
			if keys, err := jose.ParsePEM([]byte(pkix(t, key))); err == nil || !strings.Contains(err.Error(), "small order") {
				t.Errorf("%x: ParsePEM = %v, %v", key, keys, err)
			}
		}
	}
}

// forgeable reports whether a signature by key is found without its private half:
// a few texts are tried.
func forgeable(key ed25519.PublicKey) bool {
	order, _ := new(big.Int).SetString("7237005577332262213973186563042994240857116359379907606001950938285454250989", 10)
	for n := range 100 {
		seed := bytesOf(byte(n), ed25519.SeedSize)
		scalar := sha512.Sum512(seed)
		scalar[0] &= 248
		scalar[31] = scalar[31]&63 | 64
		s := new(big.Int).SetBytes(reversed(scalar[:32]))
		point, ok := ed25519.NewKeyFromSeed(seed).Public().(ed25519.PublicKey)
		if !ok {
			return false
		}
		signature := append(bytes.Clone(point), reversed(s.Mod(s, order).FillBytes(make([]byte, 32)))...)
		if ed25519.Verify(key, []byte("anything"), signature) {
			return true
		}
	}
	return false
}

func reversed(b []byte) []byte {
	r := bytes.Clone(b)
	slices.Reverse(r)
	return r
}
