package jwe_test

import (
	"crypto/ecdh"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/json"
	"hash"
	mathrand "math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
	"github.com/hookauthz/hookauthz/authz/scheme/jwe"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

// A token in the making: its header, the facts about it, and its text.

// A held is a key of ours.
type held struct {
	id  string // empty: it has none
	pin string // the only algorithm it is for
	key any
}

// A party is a policy that tokens are presented to.
type party struct {
	name    string
	keys    []held
	alg     []jwe.KeyAlgorithm
	content []jwe.ContentAlgorithm
	check   authz.Check
}

// parties are policies of all sorts of keys.
func parties(t *testing.T) []*party {
	t.Helper()
	x, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	all := []*party{
		{
			name: "rsa", keys: []held{{id: "k1", key: rsaKey()}, {id: "k2", pin: "RSA-OAEP", key: rsaKey()}},
			alg: []jwe.KeyAlgorithm{jwe.RSAOAEP, jwe.RSAOAEP256}, content: []jwe.ContentAlgorithm{jwe.A256GCM, jwe.A128CBCHS256},
		},
		{
			name: "ec", keys: []held{{id: "k1", key: ecKey()}, {id: "k2", key: x}, {key: newEC(p384())}},
			alg: []jwe.KeyAlgorithm{jwe.ECDHES, jwe.ECDHESA128KW, jwe.ECDHESA256KW}, content: []jwe.ContentAlgorithm{jwe.A128GCM, jwe.A256CBCHS512},
		},
		{
			name: "wrapped", keys: []held{{id: "k1", key: sharedKey("1", 32)}, {id: "k2", key: sharedKey("2", 16)}, {key: sharedKey("3", 32)}},
			alg: []jwe.KeyAlgorithm{jwe.A128KW, jwe.A256KW}, content: []jwe.ContentAlgorithm{jwe.A192GCM, jwe.A192CBCHS384},
		},
		{
			name: "direct", keys: []held{{id: "k1", key: sharedKey("1", 32)}, {id: "k2", key: sharedKey("2", 64)}},
			alg: []jwe.KeyAlgorithm{jwe.Dir, jwe.A256KW}, content: []jwe.ContentAlgorithm{jwe.A256GCM, jwe.A128CBCHS256, jwe.A256CBCHS512},
		},
	}
	for _, p := range all {
		keys := &keySet{}
		for _, h := range p.keys {
			keys.keys = append(keys.keys, authz.PrivateKey{ID: h.id, Key: h.key, Algorithm: h.pin})
		}
		p.check = newPart(t, public(func(s *policypb.Jwe) { s.KeyAlgorithms, s.ContentAlgorithms = texts(p.alg), texts(p.content) }), with(keys)).Check
	}
	return all
}

func texts[T ~string](all []T) (texts []string) {
	for _, text := range all {
		texts = append(texts, string(text))
	}
	return texts
}

// fitting reports whether h can be used for these algorithms, from RFC 7518 alone.
func (h held) fitting(a jwe.KeyAlgorithm, content jwe.ContentAlgorithm) bool {
	if h.pin != "" && h.pin != string(a) {
		return false
	}
	sizes := map[jwe.KeyAlgorithm]int{jwe.A128KW: 16, jwe.A192KW: 24, jwe.A256KW: 32, jwe.Dir: contentSizes[content]}
	switch key := h.key.(type) {
	case *rsa.PrivateKey:
		return a == jwe.RSAOAEP || a == jwe.RSAOAEP256
	case []byte:
		return len(key) == sizes[a]
	}
	return strings.HasPrefix(string(a), "ECDH-ES")
}

var contentSizes = map[jwe.ContentAlgorithm]int{
	jwe.A128GCM: 16, jwe.A192GCM: 24, jwe.A256GCM: 32, jwe.A128CBCHS256: 32, jwe.A192CBCHS384: 48, jwe.A256CBCHS512: 64,
}

// A pair is a member of the header: name is as it is written, with quotes.
type pair struct{ name, value string }

// A draft is a token in the making, and the facts about it.
type draft struct {
	*mathrand.Rand

	to      *party
	key     held // whose owner it is encrypted to
	alg     jwe.KeyAlgorithm
	content jwe.ContentAlgorithm
	said    jwe.KeyAlgorithm // what the header says
	saidOf  jwe.ContentAlgorithm
	kid     string
	header  []pair
	blanks  string
	// broken is what makes the token worth nothing for anybody.
	broken string
}

// newDraft is a token that is right for to.
func newDraft(random *mathrand.Rand, to *party) *draft {
	d := &draft{Rand: random, to: to}
	for !d.key.fitting(d.alg, d.content) {
		d.key, d.alg, d.content = authztest.Pick(random, to.keys...), authztest.Pick(random, to.alg...), authztest.Pick(random, to.content...)
	}
	d.said, d.saidOf, d.kid = d.alg, d.content, d.key.id
	d.member("alg", quoted(string(d.said)))
	d.member("enc", quoted(string(d.saidOf)))
	if d.kid != "" {
		d.member("kid", quoted(d.kid))
	}
	return d
}

func quoted(text string) string {
	raw, err := json.Marshal(text)
	if err != nil {
		panic(err)
	}
	return string(raw)
}

// member sets a member of the header as it is written, empty to remove it.
func (d *draft) member(name, value string) {
	d.header = slices.DeleteFunc(d.header, func(p pair) bool { return p.name == quoted(name) })
	if value != "" {
		d.header = append(d.header, pair{quoted(name), value})
	}
}

func (d *draft) insert(name, value string) {
	d.header = slices.Insert(d.header, d.IntN(len(d.header)+1), pair{name, value})
}

// parts writes the token: header, encrypted key, iv, ciphertext and tag.
func (d *draft) parts(t *testing.T, plaintext string) [5]string {
	t.Helper()
	check := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	cek := make([]byte, contentSizes[d.content])
	_, _ = rand.Read(cek)
	var wrapped []byte
	var err error
	switch key := d.key.key.(type) {
	case *rsa.PrivateKey:
		h := map[jwe.KeyAlgorithm]func() hash.Hash{jwe.RSAOAEP: sha1.New, jwe.RSAOAEP256: sha256.New}[d.alg]
		wrapped, err = rsa.EncryptOAEP(h(), rand.Reader, &key.PublicKey, cek, nil)
		check(err)
	case []byte:
		if d.alg == jwe.Dir {
			cek = key
		} else {
			wrapped, err = jwe.Wrap(key, cek)
			check(err)
		}
	default:
		return d.agree(t, plaintext)
	}
	return d.seal(t, cek, wrapped, plaintext)
}

func (d *draft) seal(t *testing.T, cek, wrapped []byte, plaintext string) [5]string {
	t.Helper()
	iv := make([]byte, map[bool]int{true: 12, false: 16}[strings.HasSuffix(string(d.content), "GCM")])
	_, _ = rand.Read(iv)
	header := encode([]byte(d.object()))
	ciphertext, tag, err := jwe.Seal(d.content, cek, iv, []byte(header), []byte(plaintext))
	if err != nil {
		t.Fatal(err)
	}
	return [5]string{header, encode(wrapped), encode(iv), encode(ciphertext), encode(tag)}
}

// agree writes a token of ECDH.
func (d *draft) agree(t *testing.T, plaintext string) [5]string {
	t.Helper()
	public := publicOf(d.key.key)
	if key, ok := public.(interface {
		ECDH() (*ecdh.PublicKey, error)
	}); ok {
		converted, err := key.ECDH()
		if err != nil {
			t.Fatal(err)
		}
		public = converted
	}
	ours, ok := public.(*ecdh.PublicKey)
	if !ok {
		t.Fatal("no key to agree with")
	}
	half, err := ours.Curve().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(d.header, func(p pair) bool { return p.name == `"epk"` }) {
		d.insert(`"epk"`, jwk(half.PublicKey()))
	}
	size := map[jwe.KeyAlgorithm]int{jwe.ECDHES: contentSizes[d.content], jwe.ECDHESA128KW: 16, jwe.ECDHESA192KW: 24, jwe.ECDHESA256KW: 32}[d.alg]
	name := string(d.alg)
	if d.alg == jwe.ECDHES {
		name = string(d.content)
	}
	key, err := jwe.DeriveECDHES(half, ours, name, nil, nil, size)
	if err != nil {
		t.Fatal(err)
	}
	if d.alg == jwe.ECDHES {
		return d.seal(t, key, nil, plaintext)
	}
	cek := make([]byte, contentSizes[d.content])
	_, _ = rand.Read(cek)
	wrapped, err := jwe.Wrap(key, cek)
	if err != nil {
		t.Fatal(err)
	}
	return d.seal(t, cek, wrapped, plaintext)
}

func jwk(key *ecdh.PublicKey) string {
	point := key.Bytes()
	if key.Curve() == ecdh.X25519() {
		return `{"kty":"OKP","crv":"X25519","x":"` + encode(point) + `"}`
	}
	names := map[ecdh.Curve]string{ecdh.P256(): "P-256", ecdh.P384(): "P-384", ecdh.P521(): "P-521"}
	half := len(point) / 2
	return `{"kty":"EC","crv":"` + names[key.Curve()] + `","x":"` + encode(point[1:1+half]) + `","y":"` + encode(point[1+half:]) + `"}`
}

// object writes the header.
func (d *draft) object() string {
	var text strings.Builder
	text.WriteString(d.blanks + "{")
	for i, p := range d.header {
		if i > 0 {
			text.WriteString(d.blanks + ",")
		}
		text.WriteString(d.blanks + p.name + d.blanks + ":" + d.blanks + p.value)
	}
	return text.String() + d.blanks + "}" + d.blanks
}

// fault returns why d must be denied by its party, empty if it must pass.
func (d *draft) fault() string {
	switch {
	case d.broken != "":
		return d.broken
	case !slices.Contains(d.to.alg, d.said) || !slices.Contains(d.to.content, d.saidOf):
		return "not listed"
	case d.said != d.alg || d.saidOf != d.content:
		return "made otherwise than it says"
	}
	named := d.kid != "" && slices.ContainsFunc(d.to.keys, func(h held) bool { return h.id == d.kid })
	for _, h := range d.to.keys {
		mayBe := d.kid == "" || h.id == d.kid || !named && h.id == ""
		if mayBe && h.fitting(d.said, d.saidOf) && same(h.key, d.key.key) {
			return ""
		}
	}
	return "no key of the policy opens it"
}

// same reports whether a and b are one key.
func same(a, b any) bool {
	if text, ok := a.([]byte); ok {
		other, ok := b.([]byte)
		return ok && string(text) == string(other)
	}
	return a == b
}
