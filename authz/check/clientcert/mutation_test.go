package clientcert_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"math/big"
	mathrand "math/rand/v2"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

// Certificates are made of facts, as many authorities as it takes to confuse them:
// of few names and few keys, some made wrong. Whether a certificate must pass
// follows from the facts of those that are shown and of those that are trusted. No
// certificate is ever parsed for that, and nothing of what is tested is asked. See
// [authztest.Cases] for how to make more of them.

// The numbers of the keys.
const (
	keysP256     = 6 // 0 to 5
	keyP384      = 6
	keyEd25519   = 7
	keyRSA       = 8
	firstOfLeaf  = 9 // to 11: P-256
	keyRSA1024   = 12
	keyP224      = 13
	numberOfKeys = 14
)

// mutationKeys are those that are made quickly.
var mutationKeys = sync.OnceValue(func() []crypto.Signer {
	keys := make([]crypto.Signer, numberOfKeys)
	for i := range keys {
		curve := elliptic.P256()
		switch i {
		case keyP384:
			curve = elliptic.P384()
		case keyP224:
			curve = elliptic.P224()
		}
		key, err := ecdsa.GenerateKey(curve, rand.Reader)
		if err != nil {
			panic(err)
		}
		keys[i] = key
	}
	keys[keyEd25519] = ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	return keys
})

func signerOf(tb testing.TB, number int) crypto.Signer {
	tb.Helper()
	switch number {
	case keyRSA:
		return rsaKey(tb, 2048)
	case keyRSA1024:
		return rsaKey(tb, 1024)
	}
	return mutationKeys()[number]
}

// The numbers of the names. The last is the first in another encoding, which is
// another name to package x509, and the same text.
const (
	nameRoot = iota
	nameMiddle
	nameLower
	nameClient
	nameRootUTF8
	numberOfNames
)

func nameText(number int) string {
	return [...]string{"CN=Root,O=Example", "CN=Middle,O=Example", "CN=Lower,O=Example", "CN=client.example.org", "CN=Root,O=Example"}[number]
}

var mutationNames = sync.OnceValue(func() [numberOfNames][]byte {
	var names [numberOfNames][]byte
	for i, common := range []string{"Root", "Middle", "Lower"} {
		names[i], _ = asn1.Marshal(pkix.Name{Organization: []string{"Example"}, CommonName: common}.ToRDNSequence())
	}
	names[nameClient], _ = asn1.Marshal(pkix.Name{CommonName: "client.example.org"}.ToRDNSequence())
	utf8 := pkix.RDNSequence{
		{{Type: asn1.ObjectIdentifier{2, 5, 4, 10}, Value: asn1.RawValue{Tag: asn1.TagUTF8String, Bytes: []byte("Example")}}},
		{{Type: asn1.ObjectIdentifier{2, 5, 4, 3}, Value: asn1.RawValue{Tag: asn1.TagUTF8String, Bytes: []byte("Root")}}},
	}
	names[nameRootUTF8], _ = asn1.Marshal(utf8)
	return names
})

// A san is one name of a certificate.
type san struct {
	tag      int
	text     string
	host     string // of a URI
	compound bool
	// odd says that parsers may refuse the whole certificate for it.
	odd bool
}

const (
	goodDNS = "client.example.org"
	goodURI = "https://example.org/a"
	goodID  = "spiffe://example.org/a"
)

// plainNames are well-formed.
var plainNames = []san{
	{tag: 2, text: goodDNS},
	{tag: 2, text: "CLIENT.Example.ORG"},
	{tag: 2, text: "other.example.org"},
	{tag: 2, text: "client.example.com"},
	{tag: 2, text: "a.client.example.org"},
	{tag: 2, text: "xn--mnchen-3ya.example.org"},
	{tag: 2, text: "clientexample.org"},
	{tag: 6, text: goodURI, host: "example.org"},
	{tag: 6, text: "https://example.org/b", host: "example.org"},
	{tag: 6, text: "https://example.com/a", host: "example.com"},
	{tag: 6, text: goodID, host: "example.org"},
	{tag: 6, text: "spiffe://example.org/a/b", host: "example.org"},
	{tag: 6, text: "spiffe://example.org", host: "example.org"},
	{tag: 6, text: "spiffe://example.com/a", host: "example.com"},
	{tag: 6, text: "spiffe://a.example.org/a", host: "a.example.org"},
}

// oddNames are near to what is listed, or nothing that should be there.
var oddNames = func() []san {
	var all []san
	for _, text := range []string{
		goodDNS + ".", goodDNS + "\x00", goodDNS + "\x00.example.com", goodDNS + " ", " " + goodDNS, "", ".", "." + goodDNS, "*.example.org", "*", "clıent.example.org",
		"cl\u0130ent.example.org", "münchen.example.org", "client\u3002example.org", "\xff", "192.0.2.1", "client..example.org", "-client.example.org", goodDNS + "\n", "client,example.org",
		goodDNS + ";DNS=" + goodDNS, strings.Repeat("a", 64) + ".example.org", goodURI,
	} {
		all = append(all, san{tag: 2, text: text, odd: true})
	}
	for _, text := range []string{
		"spiffe://EXAMPLE.org/a", "SPIFFE://example.org/a", goodID + "/", "spiffe://example.org//a", "spiffe://example.org/../a", "spiffe://example.org/./a", "spiffe://example.org/%61",
		"spiffe://example.org:80/a", "spiffe://u@example.org/a", goodID + "?x=y", goodID + "#", "spiffe:///a", "spiffe:/a", "spiffe://example.org./a", "spiffe://[::1]/a", "spiffe://192.0.2.1/a",
		goodURI + "\x00", goodURI + " ", " " + goodURI, goodURI + "#", goodURI + "?", "HTTPS://example.org/a", "https://EXAMPLE.org/a", "https://example.org/%61", "//example.org/a", "/a", "", "urn:uuid:7d",
		goodURI + ";URI=" + goodID, "https://\xff/", "https://ex\u0430mple.org/a", goodDNS, "https://example.org:443/a", "https://example.org./a",
	} {
		all = append(all, san{tag: 6, text: text, odd: true})
	}
	for _, plain := range plainNames {
		plain.compound, plain.odd = true, true
		all = append(all, plain)
		for _, tag := range []int{0, 1, 3, 4, 5, 7, 8, 30} { // of something else
			all = append(all, san{tag: tag, text: plain.text, odd: true})
		}
	}
	return all
}()

// A fact is a certificate as it is made.
type fact struct {
	*node

	what            string // for messages
	subject, issuer int
	number          int // of its key
	signer          int // the number of the key that signs it
	serial          int64
	from, to        time.Duration
	usage           x509.KeyUsage
	purposes        []x509.ExtKeyUsage
	strange         bool // a purpose of an unknown sort besides
	authority       bool // says so
	basic           bool // says whether it is an authority
	pathLen         int  // -1: no bound
	sha1            bool // signed with it
	negated         bool // signed with (r, n-s), which is a signature too
	critical        bool // an unknown extension
	keyID           []byte

	names         []san
	nameless      bool // no extension with names
	twoExtensions bool // with names
	cut           bool // the extension with names ends early

	permitted, excluded       []string // DNS
	permittedURI, excludedURI []string
}

// strong reports whether f's key counts.
func (f *fact) strong() bool { return f.number != keyRSA1024 && f.number != keyP224 }

// authorityOf makes facts of an authority that is right.
func newAuthority(random *mathrand.Rand, what string, subject, number int, parent *fact) *fact {
	f := &fact{
		what: what, subject: subject, number: number, issuer: subject, signer: number, serial: 1 + random.Int64N(1e9),
		from: -365 * 24 * time.Hour, to: 365 * 24 * time.Hour, usage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign, authority: true, basic: true, pathLen: -1,
	}
	if parent != nil {
		f.issuer, f.signer = parent.subject, parent.number
	}
	return f
}

// newLeaf makes facts of a sender that is right.
func newLeaf(random *mathrand.Rand, parent *fact) *fact {
	f := &fact{
		what: "leaf", subject: nameClient, number: firstOfLeaf + random.IntN(3), issuer: parent.subject, signer: parent.number, serial: 1 + random.Int64N(1e9),
		from: -time.Hour, to: time.Hour, usage: x509.KeyUsageDigitalSignature, purposes: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}, basic: true, pathLen: -1,
	}
	f.names = []san{authztest.Pick(random, plainNames[0], plainNames[1], plainNames[7], plainNames[10], plainNames[11])}
	if random.IntN(5) == 0 {
		spoilNames(random, f)
	}
	return f
}

// make makes the certificate.
func (f *fact) make(tb testing.TB) {
	tb.Helper()
	names := mutationNames()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(f.serial), RawSubject: names[f.subject], NotBefore: now().Add(f.from), NotAfter: now().Add(f.to),
		KeyUsage: f.usage, ExtKeyUsage: f.purposes, BasicConstraintsValid: f.basic, IsCA: f.authority, MaxPathLen: f.pathLen, MaxPathLenZero: f.pathLen == 0 && f.authority,
		PermittedDNSDomains: f.permitted, ExcludedDNSDomains: f.excluded, PermittedURIDomains: f.permittedURI, ExcludedURIDomains: f.excludedURI,
		AuthorityKeyId: f.keyID,
	}
	if !f.authority {
		template.MaxPathLen = 0
	}
	if f.strange {
		template.UnknownExtKeyUsage = []asn1.ObjectIdentifier{{1, 2, 3, 4, 5}}
	}
	if f.critical {
		template.ExtraExtensions = append(template.ExtraExtensions, pkix.Extension{Id: asn1.ObjectIdentifier{1, 2, 3, 4}, Critical: true, Value: []byte{5, 0}})
	}
	if len(f.names) > 0 || !f.authority && !f.nameless {
		extension := f.namesExtension()
		template.ExtraExtensions = append(template.ExtraExtensions, extension)
		if f.twoExtensions {
			template.ExtraExtensions = append(template.ExtraExtensions, extension)
		}
	}
	by := signerOf(tb, f.signer)
	parent := &x509.Certificate{RawSubject: names[f.issuer], SubjectKeyId: f.keyID}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, signerOf(tb, f.number).Public(), by)
	if err != nil {
		tb.Fatalf("%+v: %v", f, err)
	}
	if f.sha1 {
		der = signWeakly(tb, der, &node{key: by})
	}
	if key, ok := by.(*ecdsa.PrivateKey); ok && f.negated {
		der = negate(tb, der, key)
	}
	// What can't be parsed is only shown.
	f.node = &node{key: signerOf(tb, f.number), cert: &x509.Certificate{Raw: der}}
	if cert, err := x509.ParseCertificate(der); err == nil {
		f.cert = cert
	} else if !f.cut && !f.twoExtensions && !slices.ContainsFunc(f.names, func(s san) bool { return s.odd }) {
		tb.Fatalf("%+v: %v", f, err)
	}
}

func (f *fact) namesExtension() pkix.Extension {
	var names []asn1.RawValue
	for _, s := range f.names {
		names = append(names, asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: s.tag, IsCompound: s.compound, Bytes: []byte(s.text)})
	}
	value, err := asn1.Marshal(names)
	if err != nil {
		panic(err)
	}
	if f.cut {
		value = value[:len(value)-1]
	}
	return pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, 17}, Value: value}
}

// negate replaces s of the certificate's signature by n-s.
func negate(tb testing.TB, der []byte, key *ecdsa.PrivateKey) []byte {
	tb.Helper()
	var signed struct {
		Content, Algorithm asn1.RawValue
		Signature          asn1.BitString
	}
	var rs struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(der, &signed); err != nil {
		tb.Fatal(err)
	}
	if _, err := asn1.Unmarshal(signed.Signature.Bytes, &rs); err != nil {
		tb.Fatal(err)
	}
	rs.S.Sub(key.Params().N, rs.S)
	raw, err := asn1.Marshal(rs)
	if err != nil {
		tb.Fatal(err)
	}
	signed.Signature = asn1.BitString{Bytes: raw, BitLength: 8 * len(raw)}
	raw, err = asn1.Marshal(signed)
	if err != nil {
		tb.Fatal(err)
	}
	return raw
}

// spoil changes one fact of f.
func spoil(random *mathrand.Rand, f *fact) {
	near := func() time.Duration {
		return authztest.Pick(random, -2*time.Hour, -time.Minute, -time.Second, 0, time.Second, time.Minute)
	}
	domains := func() []string {
		all := []string{
			"example.org", "org", goodDNS, "example.com", "com", "xample.org", ".example.org", "." + goodDNS, "a." + goodDNS, "EXAMPLE.org", "other.example.org", "z.example.org",
			"-a.example.org", "aexample.org", "client-a.example.org",
		}
		random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		return all[:1+random.IntN(4)]
	}
	switch random.IntN(24) {
	case 0:
		f.to = near()
		f.from = min(f.from, f.to)
	case 1:
		f.from = near()
		f.to = max(f.to, f.from)
	case 2:
		f.authority, f.basic = !f.authority, true
	case 3:
		f.authority, f.basic = false, false
	case 4:
		f.usage = authztest.Pick(random, 0, x509.KeyUsageCertSign, x509.KeyUsageCRLSign, x509.KeyUsageDigitalSignature, x509.KeyUsageKeyEncipherment, x509.KeyUsageCertSign|x509.KeyUsageDigitalSignature)
	case 5:
		f.purposes = authztest.Pick(random, nil, []x509.ExtKeyUsage{x509.ExtKeyUsageAny}, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
			[]x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}, []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning, x509.ExtKeyUsageAny}, []x509.ExtKeyUsage{x509.ExtKeyUsageOCSPSigning})
	case 6:
		f.strange = true
	case 7:
		f.pathLen = random.IntN(3)
	case 8:
		f.issuer = random.IntN(numberOfNames)
	case 9:
		f.signer = random.IntN(numberOfKeys)
	case 10:
		f.sha1, f.signer = true, keyRSA
	case 11:
		f.negated = true
	case 12:
		f.critical = true
	case 13:
		f.keyID = []byte{byte(random.IntN(256)), 1}
	case 14, 15:
		f.permitted = domains()
	case 16:
		f.excluded = domains()
	case 17:
		f.permittedURI = domains()
	case 18:
		f.excludedURI = domains()
	case 19:
		f.subject = random.IntN(numberOfNames)
	case 20:
		f.number = authztest.Pick(random, keyRSA, keyRSA1024, keyP224, keyP384, keyEd25519)
	default:
		spoilNames(random, f)
	}
}

// spoilNames changes the names of a leaf.
func spoilNames(random *mathrand.Rand, f *fact) {
	if f.authority {
		return
	}
	switch random.IntN(12) {
	case 0:
		f.names, f.nameless = nil, random.IntN(2) == 0
	case 1:
		f.twoExtensions = !f.nameless
	case 2:
		f.cut = len(f.names) > 0
	case 3:
		f.names = append(f.names, authztest.Pick(random, plainNames...))
	case 4:
		f.names = []san{authztest.Pick(random, plainNames...)}
	case 5, 6:
		f.names = []san{authztest.Pick(random, oddNames...)}
	case 7:
		f.names = slices.Insert(f.names, random.IntN(len(f.names)+1), authztest.Pick(random, oddNames...))
	case 8, 9:
		for i := range f.names {
			f.names[i].compound, f.names[i].odd = true, true
		}
	default: // several, the first of which may be the right one
		f.names = append(f.names, authztest.Pick(random, plainNames...), authztest.Pick(random, plainNames...))
		random.Shuffle(len(f.names), func(i, j int) { f.names[i], f.names[j] = f.names[j], f.names[i] })
	}
}

// A listed is a revocation list as it is made.
type listed struct {
	*x509.RevocationList

	name, number int
	serials      []int64
	from, to     time.Duration
	partial      bool
	sha1         bool
}

func (l *listed) make(tb testing.TB, random *mathrand.Rand) {
	tb.Helper()
	template := &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: now().Add(l.from), NextUpdate: now().Add(l.to)}
	if l.partial {
		template.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, authztest.Pick(random, 27, 28)}, Critical: true, Value: []byte{2, 1, 1}}}
	}
	for _, serial := range l.serials {
		template.RevokedCertificateEntries = append(template.RevokedCertificateEntries, x509.RevocationListEntry{
			SerialNumber: big.NewInt(serial), RevocationTime: now().Add(-2 * time.Hour), ReasonCode: authztest.Pick(random, 0, 1, 6),
		})
	}
	// Entries that say nothing.
	template.RevokedCertificateEntries = append(template.RevokedCertificateEntries,
		x509.RevocationListEntry{SerialNumber: big.NewInt(2e9), RevocationTime: now()}, x509.RevocationListEntry{SerialNumber: big.NewInt(3e9), RevocationTime: now(), ReasonCode: 8})
	by := &node{key: signerOf(tb, l.number)}
	der, err := x509.CreateRevocationList(rand.Reader, template, &x509.Certificate{RawSubject: mutationNames()[l.name], KeyUsage: x509.KeyUsageCRLSign, SubjectKeyId: []byte{1}}, by.key)
	if err != nil {
		tb.Fatal(err)
	}
	if l.sha1 {
		der = signWeakly(tb, der, by)
	}
	if l.RevocationList, err = x509.ParseRevocationList(der); err != nil {
		tb.Fatal(err)
	}
}

// A world is some certificates and lists, of which scenes are made.
type world struct {
	*mathrand.Rand

	leaf  *fact
	chain []*fact // from the leaf's issuer to a root
	all   []*fact // authorities
	lists []*listed
}

func newWorld(tb testing.TB, random *mathrand.Rand) *world {
	tb.Helper()
	w := &world{Rand: random}
	key := func() int {
		if random.IntN(5) > 0 {
			return random.IntN(keysP256)
		}
		return authztest.Pick(random, keyEd25519, keyRSA, keyP384)
	}
	last := newAuthority(random, "root", nameRoot, key(), nil)
	w.chain = []*fact{last}
	for i := range authztest.Pick(random, 0, 0, 1, 1, 1, 2, 2, 3) {
		last = newAuthority(random, fmt.Sprintf("between %d", i), authztest.Pick(random, nameMiddle, nameLower, nameMiddle, nameRoot), key(), last)
		w.chain = slices.Insert(w.chain, 0, last)
	}
	w.leaf = newLeaf(random, last)
	w.all = slices.Clone(w.chain)
	for i := range authztest.Pick(random, 0, 0, 1, 2, 3) {
		near := authztest.Pick(random, w.all...)
		stranger := newAuthority(random, fmt.Sprintf("stranger %d", i), random.IntN(3), key(), authztest.Pick(random, w.all...))
		switch random.IntN(5) {
		case 3: // the same name, another key, signed by the older one
			stranger.subject, stranger.issuer, stranger.signer = near.subject, near.subject, near.number
		case 0: // the same authority by another issuer
			stranger.subject, stranger.number = near.subject, near.number
		case 1: // the same name, another key
			stranger.subject = near.subject
		case 2: // the same key, signed by itself
			stranger.subject, stranger.number, stranger.issuer, stranger.signer = near.subject, near.number, near.subject, near.number
		}
		w.all = append(w.all, stranger)
	}
	for range authztest.Pick(random, 0, 0, 1, 1, 2) {
		spoil(random, authztest.Pick(random, append(w.all, w.leaf, w.leaf, w.leaf)...))
	}
	if random.IntN(20) == 0 {
		authztest.Pick(random, w.all...).serial = w.leaf.serial
	}
	w.leaf.make(tb)
	for _, f := range w.all {
		f.make(tb)
	}
	w.makeLists(tb)
	return w
}

func (w *world) makeLists(tb testing.TB) {
	tb.Helper()
	for _, by := range w.all {
		for range authztest.Pick(w.Rand, 0, 1, 1, 1, 1, 2) {
			l := &listed{name: by.subject, number: by.number, from: -time.Hour, to: time.Hour}
			switch w.IntN(20) {
			case 0:
				l.to = authztest.Pick(w.Rand, -time.Minute, 0, time.Second)
			case 1:
				l.from = authztest.Pick(w.Rand, time.Minute, 0, time.Second)
			case 2:
				l.partial = true
			case 3:
				l.number = authztest.Pick(w.Rand, 0, 1, 2, keyRSA)
			case 4:
				l.name = w.IntN(3)
			case 5, 6:
				l.serials = append(l.serials, 4e9, w.leaf.serial)
			case 7:
				l.serials = append(l.serials, w.leaf.serial)
			case 8, 9, 10:
				l.serials = append(l.serials, authztest.Pick(w.Rand, w.all...).serial)
			}
			l.sha1 = l.number == keyRSA && w.IntN(4) == 0
			l.make(tb, w.Rand)
			w.lists = append(w.lists, l)
		}
	}
}

// A play is a policy, and what is shown to it.
type play struct {
	*world

	settings *policypb.ClientCertificate
	anchors  []*fact
	lists    []*listed
	shown    []*fact // besides the leaf
	check    authz.Check

	last     *authz.Request // what was shown before
	lastDone string
}

func (w *world) play(tb testing.TB) *play {
	tb.Helper()
	p := &play{world: w, settings: &policypb.ClientCertificate{Source: authztest.Pick(w.Rand, "connection", "xfcc", "xfcc"), Crl: authztest.Pick(w.Rand, "", "", "", "soft", "hard", "hard")}}
	p.anchors = []*fact{w.chain[len(w.chain)-1]}
	if w.IntN(12) == 0 {
		p.anchors = nil
	}
	if p.settings.GetSource() == "connection" && w.IntN(4) > 0 {
		p.anchors = append(p.anchors, w.chain[0])
	}
	for _, f := range w.all { // more where lists are asked for: they come from anchors
		if w.IntN(6) == 0 || p.settings.GetCrl() == "hard" && w.IntN(3) > 0 {
			p.anchors = append(p.anchors, f)
		}
	}
	if w.IntN(40) == 0 && w.leaf.cert.PublicKey != nil {
		p.anchors = append(p.anchors, w.leaf)
	}
	if len(p.anchors) == 0 {
		p.anchors = append(p.anchors, authztest.Pick(w.Rand, w.all...))
	}
	for _, l := range w.lists {
		if w.IntN(12) > 0 {
			p.lists = append(p.lists, l)
		}
	}
	p.shown = slices.Clone(w.chain[:len(w.chain)-1])
	if w.IntN(8) == 0 && len(p.shown) > 0 {
		i := w.IntN(len(p.shown))
		p.shown = slices.Delete(p.shown, i, i+1)
	}
	for w.IntN(3) == 0 {
		p.shown = append(p.shown, authztest.Pick(w.Rand, w.all...)) // one more, or once more
	}
	if w.IntN(4) == 0 {
		w.Shuffle(len(p.shown), func(i, j int) { p.shown[i], p.shown[j] = p.shown[j], p.shown[i] })
	}
	p.ask()
	var nodes []*node
	for _, f := range p.anchors {
		nodes = append(nodes, f.node)
	}
	entry := trusting(nodes...)
	for _, l := range p.lists {
		entry.anchors.CRLs = append(entry.anchors.CRLs, l.RevocationList)
	}
	p.check = newCheck(tb, p.settings, entry)
	return p
}

// ask writes what the policy asks for.
func (p *play) ask() {
	s := p.settings
	wrong := strings.Repeat("0", 64)
	pick := p.IntN(10)
	for _, n := range p.leaf.names { // mostly what the leaf has
		if p.IntN(3) > 0 {
			pick = map[bool]int{true: 1, false: 4}[n.tag == 2] + p.IntN(2)
		}
	}
	switch pick {
	case 0:
		s.AnyName = "accepted"
	case 1:
		s.DnsNames = []string{goodDNS}
	case 2:
		s.DnsNames = []string{"x.example.org", "Client.EXAMPLE.org"}
	case 3:
		s.Uris = []string{goodURI}
	case 4:
		s.Uris, s.SpiffeIds = []string{goodURI}, []string{goodID}
	case 5:
		s.SpiffeIds, s.Uris = []string{"spiffe://example.com/b", "spiffe://example.org"}, []string{goodURI}
	case 6:
		s.DnsNames, s.SpiffeIds = []string{goodDNS}, []string{"spiffe://example.org"}
	case 7:
		s.Fingerprints = []string{authztest.Pick(p.Rand, wrong, fingerprint(p.leaf.node), fingerprint(p.leaf.node))}
	case 8:
		s.PublicKeys = []string{authztest.Pick(p.Rand, wrong, p.leaf.keySum(), p.leaf.keySum())}
	case 9:
		s.DnsNames, s.Fingerprints = []string{goodDNS}, []string{authztest.Pick(p.Rand, wrong, fingerprint(p.leaf.node)), fingerprint(p.chain[0].node)}
	}
	if p.IntN(6) == 0 {
		s.Issuers = []string{authztest.Pick(p.Rand, nameText(nameRoot), nameText(nameMiddle), nameText(p.leaf.issuer), "CN=Root")}
	}
}

func (f *fact) keySum() string {
	der, err := x509.MarshalPKIXPublicKey(f.key.Public())
	if err != nil {
		panic(err)
	}
	sum := sha256.Sum256(der)
	return hex.EncodeToString(sum[:])
}

// principal returns who the leaf is to the policy, empty if nobody.
func (p *play) principal() string {
	s, f := p.settings, p.leaf
	pins := append(slices.Clone(s.GetFingerprints()), s.GetPublicKeys()...)
	if len(pins) > 0 && !slices.Contains(s.GetFingerprints(), fingerprint(f.node)) && !slices.Contains(s.GetPublicKeys(), f.keySum()) {
		return ""
	}
	if len(s.GetIssuers()) > 0 && !slices.Contains(s.GetIssuers(), nameText(f.issuer)) {
		return ""
	}
	if len(s.GetDnsNames())+len(s.GetUris())+len(s.GetSpiffeIds()) == 0 {
		return "sha256:" + fingerprint(f.node)
	}
	var uris []string
	for _, n := range f.names {
		if n.compound && (n.tag == 2 || n.tag == 6) {
			return ""
		}
		if n.tag == 6 {
			uris = append(uris, n.text)
		}
	}
	if len(uris) == 1 {
		for _, id := range s.GetSpiffeIds() {
			plain := slices.ContainsFunc(plainNames, func(n san) bool { return n.text == uris[0] }) // of the odd none is an id
			if plain && (uris[0] == id || strings.Count(id, "/") == 2 && strings.HasPrefix(uris[0]+"/", id+"/")) {
				return uris[0]
			}
		}
	}
	for _, uri := range uris {
		if slices.Contains(s.GetUris(), uri) {
			return uri
		}
	}
	for _, n := range f.names {
		if n.tag == 2 && len(s.GetDnsNames()) > 0 && (n.text == goodDNS || n.text == "CLIENT.Example.ORG") {
			return goodDNS
		}
	}
	return ""
}

// A verdict is what must happen.
type verdict int

const (
	mustDeny verdict = iota
	mayPass          // parsers differ, or we may be stricter than the RFC
	mustPass
)

// verdict returns what must happen at that time, as the RFCs have it, with the
// certificates shown.
func (p *play) verdict(at time.Duration, shown []*fact) verdict {
	f := p.leaf
	switch {
	case p.principal() == "", f.twoExtensions, f.cut, !f.strong(), f.sha1, f.authority, slices.Contains(p.anchors, f):
		return mustDeny
	case !slices.Contains(f.purposes, x509.ExtKeyUsageClientAuth), f.usage != 0 && f.usage&x509.KeyUsageDigitalSignature == 0:
		return mustDeny
	case len(shown) > 4:
		return mustDeny
	}
	best := mustDeny
	p.walk([]*fact{f}, shown, func(path []*fact) { best = max(best, p.judge(path, at)) })
	if best == mustPass && slices.ContainsFunc(f.names, func(n san) bool { return n.odd }) {
		return mayPass
	}
	return best
}

// walk calls found with every path from the leaf to an anchor of which one signed
// the other.
func (p *play) walk(path, shown []*fact, found func(path []*fact)) {
	last := path[len(path)-1]
	if len(path) > 1 && slices.Contains(p.anchors, last) {
		found(path)
	}
	if len(path) == 4 {
		return
	}
	for _, f := range append(slices.Clone(shown), p.anchors...) {
		if !slices.Contains(path, f) && signs(f, last) && (slices.Contains(shown, f) || slices.Contains(p.anchors, f)) {
			p.walk(append(slices.Clone(path), f), shown, found)
		}
	}
}

// signs reports whether parent signed child and may.
func signs(parent, child *fact) bool {
	return parent.subject == child.issuer && parent.number == child.signer && !child.sha1 && parent.may(x509.KeyUsageCertSign)
}

func (f *fact) may(usage x509.KeyUsage) bool {
	return f.authority && f.strong() && (f.usage == 0 || f.usage&usage != 0)
}

// judge returns what a path is worth.
func (p *play) judge(path []*fact, at time.Duration) verdict {
	most := mustPass
	names := p.leaf.names
	selfIssued := 0
	for i, f := range path {
		if at < f.from || at > f.to || f.critical {
			return mustDeny
		}
		if i == 0 {
			continue
		}
		bounded := f.pathLen >= 0
		switch {
		case bounded && i-1-selfIssued > f.pathLen:
			return mustDeny
		case bounded && i-1 > f.pathLen:
			most = mayPass // package x509 counts those too that issued themselves
		}
		if f.subject == f.issuer {
			selfIssued++
		}
		if (len(f.purposes) > 0 || f.strange) && !slices.Contains(f.purposes, x509.ExtKeyUsageAny) && !slices.Contains(f.purposes, x509.ExtKeyUsageClientAuth) {
			return mustDeny
		}
		most = min(most, f.constrains(names))
	}
	return min(most, p.revocation(path, at))
}

// constrains says whether f lets through names.
func (f *fact) constrains(names []san) verdict {
	for _, n := range names {
		text, permitted, excluded := n.text, f.permitted, f.excluded
		if n.tag == 6 {
			text, permitted, excluded = n.host, f.permittedURI, f.excludedURI
		}
		if n.odd || n.tag != 2 && n.tag != 6 {
			continue // the whole may pass, or not
		}
		within := func(domain string) bool { return within(text, domain) }
		if len(permitted) > 0 && !slices.ContainsFunc(permitted, within) || slices.ContainsFunc(excluded, within) {
			return mustDeny
		}
	}
	return mustPass
}

// within reports whether name is domain or stands below it; with a dot before it,
// only below.
func within(name, domain string) bool {
	name, domain = strings.ToLower(name), strings.ToLower(domain)
	if strings.HasPrefix(domain, ".") {
		return strings.HasSuffix(name, domain)
	}
	return name == domain || strings.HasSuffix(name, "."+domain)
}

// revocation says what the lists make of a path.
func (p *play) revocation(path []*fact, at time.Duration) verdict {
	if p.settings.GetCrl() == "" {
		return mustPass
	}
	for i, f := range path[:len(path)-1] {
		current := false
		for _, l := range p.lists {
			if l.name != path[i+1].subject || l.number != path[i+1].number || !p.counts(l) {
				continue
			}
			if slices.Contains(l.serials, f.serial) {
				return mustDeny
			}
			current = current || !l.partial && l.from <= at && at < l.to
		}
		if !current && p.settings.GetCrl() == "hard" {
			return mustDeny
		}
	}
	// The anchor itself, if another one signed it.
	anchor := path[len(path)-1]
	for _, issuer := range p.anchors {
		same := issuer.number == anchor.number && issuer.subject == anchor.subject
		if same || issuer.subject != anchor.issuer || !issuer.may(x509.KeyUsageCertSign) || issuer.number != anchor.signer && !anchor.sha1 {
			continue
		}
		for _, l := range p.lists {
			if l.name == issuer.subject && l.number == issuer.number && p.counts(l) && slices.Contains(l.serials, anchor.serial) {
				return mustDeny
			}
		}
	}
	return mustPass
}

// counts reports whether an anchor made l.
func (p *play) counts(l *listed) bool {
	return !l.sha1 && slices.ContainsFunc(p.anchors, func(f *fact) bool {
		return f.subject == l.name && f.number == l.number && f.may(x509.KeyUsageCRLSign)
	})
}

// TestMutations: who has a certificate that is right passes, in whatever way it is
// written, and nobody else does.
func TestMutations(t *testing.T) {
	var passed, denied, either int
	authztest.Cases(t, 60, func(random *mathrand.Rand) {
		w := newWorld(t, random)
		for range 4 {
			p := w.play(t)
			for range 6 { // by the same check, which remembers
				at := p.moment()
				r, done := p.present()
				r.Received = now().Add(at)
				want := mustDeny
				if !strings.Contains(done, "!") {
					shown := p.shown
					if strings.Contains(done, "alone") {
						shown = nil
					}
					want = p.verdict(at, shown)
				}
				identity, err := p.check.Verify(t.Context(), r)
				if (want == mustPass) != (err == nil) && want != mayPass {
					t.Errorf("%s at %v: error = %v, want verdict %d\n%s", done, at, err, want, p)
				}
				if good := (err != nil) == (identity == authz.Identity{}); !good || err == nil && (identity.Principal != p.principal() || !identity.Credential) {
					t.Errorf("%s: identity = %+v, error = %v, want principal %q\n%s", done, identity, err, p.principal(), p)
				}
				switch {
				case want == mayPass:
					either++
				case err == nil:
					passed++
				default:
					denied++
				}
			}
		}
	})
	t.Logf("%d passed, %d denied, %d may be either", passed, denied, either)
}

// moment returns when the certificate is shown: mostly now, otherwise at the edge
// of something.
func (p *play) moment() time.Duration {
	if p.IntN(5) > 0 {
		return 0
	}
	f := authztest.Pick(p.Rand, append(p.all, p.leaf, p.leaf, p.leaf)...)
	edges := []time.Duration{f.from, f.to}
	for _, l := range p.lists {
		edges = append(edges, l.from, l.to)
	}
	return authztest.Pick(p.Rand, edges...) + authztest.Pick(p.Rand, -time.Second, -time.Nanosecond, 0, time.Nanosecond, time.Second)
}

// String tells the facts.
func (p *play) String() string {
	text := fmt.Sprintf("%v\n", p.settings)
	tell := func(f *fact) {
		plain := *f
		plain.node = nil
		text += fmt.Sprintf("  %+v\n", plain)
	}
	tell(p.leaf)
	text += "anchors\n"
	for _, f := range p.anchors {
		tell(f)
	}
	text += "shown\n"
	for _, f := range p.shown {
		tell(f)
	}
	for _, l := range p.lists {
		plain := *l
		plain.RevocationList = nil
		text += fmt.Sprintf("list %+v\n", plain)
	}
	return text
}

// present returns a request that shows the certificate, and what was done to it:
// with a "!" it must be denied, with "alone" nothing is shown besides.
func (p *play) present() (r *authz.Request, done string) {
	if p.settings.GetSource() == "connection" {
		r = authztest.Request("POST", "/h", "body")
		if p.IntN(4) == 0 { // a header that says other things counts for nothing
			authztest.AddHeader(r, "x-forwarded-client-cert", forwarded(p.chain[0].node))
		}
		r.Certificate, done = p.text(p.leaf.cert.Raw)
		return r, "alone " + done
	}
	if p.last != nil && p.IntN(3) == 0 { // the same header as before, which is remembered
		again := *p.last
		if p.IntN(2) == 0 {
			again.Certificate = p.escape(pemText(p.chain[0].cert.Raw))
			return &again, p.lastDone + ", again, !another one on the connection"
		}
		return &again, p.lastDone + ", again"
	}
	p.last, p.lastDone = p.header()
	again := *p.last
	return &again, p.lastDone
}

// header shows the certificate in X-Forwarded-Client-Cert.
func (p *play) header() (r *authz.Request, done string) {
	ders := [][]byte{p.leaf.cert.Raw}
	for _, f := range p.shown {
		ders = append(ders, f.cert.Raw)
	}
	chain := ""
	for _, der := range ders {
		chain += pemText(der)
	}
	cert, hash := pemText(ders[0]), hexSum(ders[0])
	other := p.chain[0].cert.Raw
	pairs := []string{"Hash=" + hash, `Cert="` + p.escape(cert) + `"`, `Chain="` + p.escape(chain) + `"`, `Subject="CN=\"a\\,b;c\""`, "URI=spiffe://example.org/gateway", "By=", "DNS=" + goodDNS, "DNS=x"}
	lines := 1
	beside := ""
	switch p.IntN(50) {
	case 0:
		pairs, done = slices.Delete(pairs, 1, 2), "chain only"
	case 1:
		pairs, done = slices.Delete(pairs, 2, 3), "alone, cert only"
	case 2:
		p.Shuffle(len(pairs), func(i, j int) { pairs[i], pairs[j] = pairs[j], pairs[i] })
		done = "order of the keys"
	case 3:
		pairs[1], done = "Cert="+p.escape(cert), "no quotes"
	case 4:
		beside, done = p.escape(cert), "on the connection too"
	case 5:
		beside, done = p.escape(pemText(other)), "!another one on the connection"
	case 6:
		pairs[0], done = "Hash="+strings.ToUpper(hash), "!hash in upper case"
		if strings.ToUpper(hash) == hash {
			done = ""
		}
	case 7:
		pairs[0], done = authztest.Pick(p.Rand, "Hash=", "Hash="+hexSum(other), "Hash="+hash[1:], "Hash="+hash+"0", "hash="+hash, "Hash=0x"+hash, "Hash=sha256:"+hash), "!hash"
	case 8:
		i := p.IntN(4)
		pairs, done = append(pairs, pairs[i]), "!a key twice"
	case 9:
		pairs[1], done = `Cert="`+p.escape(pemText(other))+`"`, "!cert of another"
	case 10:
		pairs[2], done = `Chain="`+p.escape(pemText(other)+chain)+`"`, "!chain of another"
	case 11:
		pairs, done = append(pairs, authztest.Pick(p.Rand, "Issuer=x", "", " ", "cert=x", "Cert", "X=\"", "URI=\"", "URI=a b", "URI=\x00", "DNS=ä", "URI=a\"b")), "!another key"
	case 12:
		pairs[len(pairs)-1], done = pairs[len(pairs)-1]+","+strings.Join(pairs, ";"), "!two elements"
	case 13:
		lines, done = 2, "!two lines"
	case 14:
		lines, done = 0, "!no line"
	case 15:
		der, what := p.tamper(ders[0])
		done = what
		pairs = []string{"Hash=" + hexSum(der), `Cert="` + p.escape(pemText(der)) + `"`, `Chain="` + p.escape(pemText(der)+strings.TrimPrefix(chain, cert)) + `"`}
	case 16, 17:
		text, what := p.text(ders[0])
		pairs, done = []string{"Hash=" + hash, `Cert="` + text + `"`}, "alone "+what
	case 18:
		pairs[4], done = "URI=spiffe://example.org/a;URI=spiffe://example.org/b", "more names"
	case 19:
		pairs, done = append(pairs, "URI="+strings.Repeat("a", 64<<10)), "!long"
	}
	value := strings.Join(pairs, ";")
	r = authztest.Request("POST", "/h", "body")
	for range lines {
		authztest.AddHeader(r, "x-forwarded-client-cert", value)
	}
	r.Certificate, r.Gateway.XFCCSanitized, r.Header.Merged = beside, true, p.IntN(3) == 0
	if p.IntN(40) == 0 {
		r.Gateway.XFCCSanitized = false
		done += " !not sanitized"
	}
	return r, done
}

func hexSum(der []byte) string {
	sum := sha256.Sum256(der)
	return hex.EncodeToString(sum[:])
}

func pemText(der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// escape writes text URL-encoded, in one of the ways that mean the same.
func (p *play) escape(text string) string {
	must := "\n \"%"
	also := authztest.Pick(p.Rand, "", "+/=", "-", "ABCDEFabcdef0123456789")
	format := authztest.Pick(p.Rand, "%%%02X", "%%%02x")
	var escaped strings.Builder
	for _, c := range []byte(text) {
		if strings.IndexByte(must, c) >= 0 || strings.IndexByte(also, c) >= 0 {
			fmt.Fprintf(&escaped, format, c)
		} else {
			escaped.WriteByte(c)
		}
	}
	return escaped.String()
}

// text writes one certificate, often not as it must be.
func (p *play) text(der []byte) (text, done string) {
	right := pemText(der)
	body := base64.StdEncoding.EncodeToString(der)
	const begin, end = "-----BEGIN CERTIFICATE-----\n", "-----END CERTIFICATE-----\n"
	if p.IntN(3) > 0 {
		return p.escape(right), ""
	}
	switch p.IntN(18) {
	case 0:
		return p.escape(strings.TrimSuffix(right, "\n")), "no line end"
	case 1:
		return p.escape(strings.ReplaceAll(right, "\n", "\r\n")), "!CRLF"
	case 2:
		return p.escape(begin + body + "\n" + end), "!one line"
	case 3:
		return p.escape(right + right), "!twice"
	case 4:
		return p.escape(authztest.Pick(p.Rand, "x", "\n", " ", "# comment\n", "\ufeff") + right), "!text before"
	case 5:
		return p.escape(right + authztest.Pick(p.Rand, "x", "\n", " ", "\x00", "-----")), "!text behind"
	case 6:
		return p.escape(strings.ReplaceAll(right, "CERTIFICATE", authztest.Pick(p.Rand, "TRUSTED CERTIFICATE", "X509 CERTIFICATE", "certificate", "CERTIFICATE ", "PUBLIC KEY"))), "!label"
	case 7:
		return p.escape(begin + "A: b\n\n" + strings.TrimPrefix(right, begin)), "!header"
	case 8:
		return url.QueryEscape(p.escape(right)), "!encoded twice"
	case 9:
		return strings.Replace(p.escape(right), "%0", authztest.Pick(p.Rand, "%", "%%0", "%0g", "% 0", "%u000"), 1), "!escape"
	case 10:
		return right, "!not encoded"
	case 11:
		return strings.NewReplacer("\n", "%0A", " ", "+").Replace(right), "!plus"
	case 12:
		i := len(begin) + p.IntN(len(right)-len(begin)-len(end)-1)
		return p.escape(right[:i] + authztest.Pick(p.Rand, "=", "\n", " ", "-", "_", "\x00", "é") + right[i:]), "!inside"
	case 13:
		der, done := p.tamper(der)
		return p.escape(pemText(der)), done
	case 14:
		return p.escape(body), "!no PEM"
	case 15:
		return "", "!empty"
	case 16: // bits that decoding drops
		const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
		if i := strings.Index(right, "="); i > 0 {
			return p.escape(right[:i-1] + string(alphabet[strings.IndexByte(alphabet, right[i-1])|1]) + right[i:]), "!stray bits"
		}
		return p.escape(right), ""
	}
	return p.escape(pemText(p.chain[0].cert.Raw)), "!another certificate"
}

// tamper changes the bytes of a certificate, which nobody signed then.
func (p *play) tamper(der []byte) (changed []byte, done string) {
	i := p.IntN(len(der))
	switch p.IntN(4) {
	case 0:
		return append(slices.Clone(der), 0), "!tail"
	case 1:
		return der[:i], "!cut"
	case 2:
		return slices.Insert(slices.Clone(der), i, byte(p.IntN(256))), "!a byte more"
	}
	changed = slices.Clone(der)
	changed[i] ^= 1 << p.IntN(8)
	return changed, "!a bit"
}
