package signature_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"encoding/asn1"
	"encoding/base64"
	"encoding/hex"
	"math/big"
	mathrand "math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

// Requests are made of facts, and changed together with them. Whether one must
// pass follows from the facts; nothing of what is tested is asked.

// A party is a sender as a policy knows it.
type party struct {
	algorithm, format string
	identified        bool // the request names the key
	keys              []held
	check             authz.Check
}

// A held key may be called by an id.
type held struct {
	id     string
	signer crypto.Signer
}

// A draft is a request and the facts of it.
type draft struct {
	*mathrand.Rand
	to        *party
	signer    crypto.Signer
	algorithm string // by which it signs
	format    string
	message   string // that is signed

	// What the request says.
	content, time, id string
	encode            func([]byte) string
	received          time.Time
	edit              func([]byte) []byte // of the signature
	headers           func(r *authz.Request)
	broken            string // why it can't pass, whatever else holds
}

func parties(t *testing.T) []*party {
	t.Helper()
	all := []*party{
		{algorithm: "ed25519", keys: []held{{"a", keyOf("a")}, {"b", keyOf("b")}}},
		{algorithm: "ed25519", identified: true, keys: []held{{"a", keyOf("a")}, {"", keyOf("c")}}},
		{algorithm: "ecdsa-p256-sha256", format: "der", keys: []held{{"a", ecKey()}, {"r", rsaKey()}}},
		{algorithm: "ecdsa-p256-sha256", format: "raw", identified: true, keys: []held{{"a", ecKey()}, {"r", rsaKey()}}},
		{algorithm: "rsa-pkcs1-sha256", keys: []held{{"a", rsaKey()}}},
		{algorithm: "rsa-pss-sha256", identified: true, keys: []held{{"a", ecKey()}, {"r", rsaKey()}}},
	}
	for _, p := range all {
		s := telnyx(func(s *policypb.Signature) { s.Algorithm, s.EcdsaFormat = p.algorithm, p.format })
		if p.identified {
			identified(s)
		}
		var accepted []authz.PublicKey
		for _, h := range p.keys {
			accepted = append(accepted, authz.PublicKey{ID: h.id, Key: h.signer.Public()})
		}
		p.check = build(t, s, keys(set(accepted...))).Check
	}
	return all
}

// sign returns the signature of d's message.
func (d *draft) sign(t *testing.T) []byte {
	t.Helper()
	digest := crypto.SHA256.New()
	digest.Write([]byte(d.message))
	var signature []byte
	var err error
	switch key := d.signer.(type) {
	case ed25519.PrivateKey:
		return ed25519.Sign(key, []byte(d.message))
	case *ecdsa.PrivateKey:
		r, s, signErr := ecdsa.Sign(rand.Reader, key, digest.Sum(nil))
		if signErr != nil {
			t.Fatal(signErr)
		}
		if d.format == "raw" {
			return append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
		}
		signature, err = asn1.Marshal(struct{ R, S *big.Int }{r, s})
	case *rsa.PrivateKey:
		var options crypto.SignerOpts = crypto.SHA256
		if strings.HasPrefix(d.algorithm, "rsa-pss") {
			options = &rsa.PSSOptions{SaltLength: 32, Hash: crypto.SHA256}
		}
		signature, err = key.Sign(rand.Reader, digest.Sum(nil), options)
	}
	if err != nil {
		t.Fatal(err)
	}
	return signature
}

func newDraft(random *mathrand.Rand, to *party) *draft {
	var usable []held
	for _, h := range to.keys {
		if fitsAlgorithm(h.signer, to.algorithm) {
			usable = append(usable, h)
		}
	}
	h := authztest.Pick(random, usable...)
	d := &draft{
		Rand: random, to: to, signer: h.signer, algorithm: to.algorithm, format: to.format, content: body,
		time: strconv.Itoa(unix), id: h.id, encode: base64.StdEncoding.EncodeToString, received: time.Unix(unix, 0),
	}
	if d.id == "" {
		d.id = "key" // of the set
	}
	d.message = d.time + "|" + d.content
	return d
}

func fitsAlgorithm(signer crypto.Signer, algorithm string) bool {
	switch signer.(type) {
	case ed25519.PrivateKey:
		return algorithm == "ed25519"
	case *ecdsa.PrivateKey:
		return algorithm == "ecdsa-p256-sha256"
	case *rsa.PrivateKey:
		return strings.HasPrefix(algorithm, "rsa-")
	}
	return false
}

// fault returns why d must be denied, empty if it must pass.
func (d *draft) fault() string {
	p := d.to
	switch {
	case d.broken != "":
		return d.broken
	case d.algorithm != p.algorithm || d.format != p.format:
		return "signed in another way"
	case d.message != d.time+"|"+d.content:
		return "something else was signed"
	case !slices.ContainsFunc(p.keys, func(h held) bool {
		named := !p.identified || h.id == d.id || h.id == "" && d.id == "key"
		return named && same(h.signer, d.signer)
	}):
		return "no key of the sender's"
	case d.received.Sub(time.Unix(unix, 0)).Abs() > 300*time.Second && d.time == strconv.Itoa(unix):
		return "time"
	}
	return ""
}

func same(a, b crypto.Signer) bool {
	public, ok := a.Public().(interface {
		Equal(key crypto.PublicKey) bool
	})
	return ok && public.Equal(b.Public())
}

// mutators are grouped by what they change.
func mutators() [][]struct {
	name   string
	change func(d *draft)
} {
	type m = struct {
		name   string
		change func(d *draft)
	}
	return [][]m{
		{
			{"another signer", func(d *draft) {
				d.signer = authztest.Pick[crypto.Signer](d.Rand, keyOf("a"), keyOf("x"), ecKey(), rsaKey())
				d.algorithm, d.format = ownAlgorithm(d)
			}},
			{"other key of the set", func(d *draft) {
				d.signer = authztest.Pick(d.Rand, d.to.keys...).signer
				d.algorithm, d.format = ownAlgorithm(d)
			}},
			{"other padding or format", func(d *draft) { d.algorithm, d.format = otherWay(d) }},
		},
		{
			{"another id", func(d *draft) { d.id = authztest.Pick(d.Rand, "a", "b", "r", "key", "A", "nobody", " a") }},
			{"no id", func(d *draft) {
				d.id = ""
				if d.to.identified {
					d.broken = "no id"
				}
			}},
		},
		{
			{"another body", func(d *draft) { d.content += authztest.Pick(d.Rand, " ", "\n", "x", "|") }},
			{"another body, signed", func(d *draft) { d.content += "|1"; d.message = d.time + "|" + d.content }},
			{"separator moved", func(d *draft) { d.content = "|" + d.content }},
			{"message cut", func(d *draft) { d.message = d.message[:d.IntN(len(d.message))] }},
			{"body only", func(d *draft) { d.message = d.content }},
		},
		{
			{"received later", func(d *draft) { d.received = d.received.Add(time.Duration(d.IntN(900)-450) * time.Second) }},
			{"another time", func(d *draft) { d.time = authztest.Pick(d.Rand, "1614265331", "1614265329") }},
			{"time spelt otherwise", func(d *draft) {
				d.time = authztest.Pick(d.Rand, "", "0"+d.time, d.time+" ", "+"+d.time, d.time+".0")
				d.message = d.time + "|" + d.content
				d.broken = "time"
			}},
		},
		{
			{"a bit of the signature", func(d *draft) {
				d.broken = "signature"
				d.edit = func(s []byte) []byte { s[d.IntN(len(s))] ^= 1 << d.IntN(8); return s }
			}},
			{"cut", func(d *draft) { d.broken = "signature"; d.edit = func(s []byte) []byte { return s[:d.IntN(len(s))] } }},
			{"longer", func(d *draft) { d.broken = "signature"; d.edit = func(s []byte) []byte { return append(s, 0) } }},
			{"hex", func(d *draft) { d.broken = "encoding"; d.encode = hex.EncodeToString }},
			{"unpadded", func(d *draft) { d.encode = base64.RawStdEncoding.EncodeToString }},
			{"wrapped", func(d *draft) {
				d.broken = "encoding"
				d.encode = func(s []byte) string { t := base64.StdEncoding.EncodeToString(s); return t[:20] + "\n" + t[20:] }
			}},
		},
		{
			{"signature twice", func(d *draft) {
				d.broken = "twice"
				d.headers = func(r *authz.Request) { authztest.AddHeader(r, "x-signature", r.Header.Fields[1].Value) }
			}},
			{"no signature", func(d *draft) {
				d.broken = "none"
				d.headers = func(r *authz.Request) { r.Header.Fields[1].Name = "x-other" }
			}},
			{"body cut by the gateway", func(d *draft) {
				d.broken = "cut"
				d.headers = func(r *authz.Request) { r.Body.Delivery = authz.DeliveryCut }
			}},
			{"unknown header", func(d *draft) { d.headers = func(r *authz.Request) { authztest.AddHeader(r, "x-more", "1") } }},
		},
	}
}

// ownAlgorithm is how d's signer signs for d's receiver, as far as it can.
func ownAlgorithm(d *draft) (algorithm, format string) {
	if fitsAlgorithm(d.signer, d.to.algorithm) {
		return d.to.algorithm, d.to.format
	}
	switch d.signer.(type) {
	case ed25519.PrivateKey:
		return "ed25519", ""
	case *ecdsa.PrivateKey:
		return "ecdsa-p256-sha256", "der"
	default:
		return "rsa-pkcs1-sha256", ""
	}
}

func otherWay(d *draft) (algorithm, format string) {
	switch {
	case d.format == "der":
		return d.algorithm, "raw"
	case d.format == "raw":
		return d.algorithm, "der"
	case d.algorithm == "rsa-pkcs1-sha256":
		return "rsa-pss-sha256", ""
	case d.algorithm == "rsa-pss-sha256":
		return "rsa-pkcs1-sha256", ""
	}
	return d.algorithm, d.format
}

// TestMutations: requests that are right pass, and so do those that are written
// in another way; no other does.
func TestMutations(t *testing.T) {
	all := parties(t)
	kinds := mutators()
	var passed, denied int
	authztest.Cases(t, 1000, func(random *mathrand.Rand) {
		d := newDraft(random, authztest.Pick(random, all...))
		var done []string
		drawn := random.Perm(len(kinds))[:authztest.Pick(random, 0, 1, 1, 1, 2, 2, 3)]
		slices.Sort(drawn)
		for _, i := range drawn {
			m := authztest.Pick(random, kinds[i]...)
			done = append(done, m.name)
			m.change(d)
		}
		signature := d.sign(t)
		if d.edit != nil {
			signature = d.edit(signature)
		}
		r := post(d.content, "x-signature", d.encode(signature), "x-timestamp", d.time, "x-key-id", d.id)
		r.Received = d.received
		if d.headers != nil {
			d.headers(r)
		}
		identity, err := d.to.check.Verify(t.Context(), r)
		if fault := d.fault(); (err == nil) != (fault == "") {
			t.Errorf("%+v, %v: error = %v, want fault %q\n%v", d.to, done, err, fault, r.Header)
		}
		if err != nil && identity != (authz.Identity{}) || err == nil && (identity.Principal != "key" || !identity.Credential || !identity.BodySigned) {
			t.Errorf("%v: identity = %+v beside %v", done, identity, err)
		}
		if err == nil {
			passed++
		} else {
			denied++
		}
	})
	t.Logf("%d passed, %d denied", passed, denied)
}
