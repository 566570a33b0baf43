package bearer_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	mathrand "math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
	"github.com/hookauthz/hookauthz/authz/check/bearer"
	"github.com/hookauthz/hookauthz/authz/scheme/jose"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

// Tokens are made of facts, and changed together with them. Whether one must pass
// follows from the facts and from the bytes that were signed; nothing of what is
// tested is asked. See [authztest.Cases] for how to make more of them.

// A held is a key of an issuer, and until when a policy takes it.
type held struct {
	id    string
	pin   string // the only algorithm that its owner permits
	key   crypto.Signer
	until time.Duration // after [authztest.Received]; 0: for ever
}

func (h *held) liveAt(at time.Time) bool {
	return h.until == 0 || at.Before(authztest.Received().Add(h.until))
}

func (h *held) fits(a jose.Algorithm) bool {
	switch key := h.key.(type) {
	case ed25519.PrivateKey:
		return a == jose.EdDSA
	case *ecdsa.PrivateKey:
		return a == map[string]jose.Algorithm{"P-256": jose.ES256, "P-384": jose.ES384, "P-521": jose.ES512}[key.Curve.Params().Name]
	}
	return a[:2] == "RS" || a[:2] == "PS"
}

// rotated is a key set of which keys end.
type rotated []held

func (r rotated) Keys(now time.Time) (*authz.Keys, error) {
	keys := &authz.Keys{}
	for i := range r {
		if r[i].liveAt(now) {
			keys.Accepted = append(keys.Accepted, authz.PublicKey{ID: r[i].id, Key: r[i].key.Public(), Algorithm: r[i].pin, Secret: "keys", Version: i + 1})
		}
	}
	return keys, nil
}

func (r rotated) Refresh(_ context.Context, _ string, now time.Time) (*authz.Keys, error) {
	return r.Keys(now)
}

// A party is a policy that takes tokens, as its settings say it.
type party struct {
	name       string
	issuer     string
	audiences  []string
	algorithms []jose.Algorithm
	keys       rotated
	skew       time.Duration
	tiers      []string // of the claim "tier", if it must be there
	header     string
	prefix     string // with scheme: its case does not matter
	scheme     bool

	own     bool
	clients []string
	scopes  []string

	check authz.Check
}

// ownGrants are who may get what at the token endpoint.
var ownGrants = map[string][]string{"acme": {"orders", "stock"}, "bob": {"orders"}, "idle": nil}

// mutationKeys are made once: RSA keys take long.
var mutationKeys = sync.OnceValue(func() map[string]crypto.Signer {
	keys := map[string]crypto.Signer{}
	for name, curve := range map[string]elliptic.Curve{"ec1": elliptic.P256(), "ec2": elliptic.P256(), "ec384": elliptic.P384(), "ec521": elliptic.P521()} {
		key, err := ecdsa.GenerateKey(curve, rand.Reader)
		if err != nil {
			panic(err)
		}
		keys[name] = key
	}
	for _, name := range []string{"rsa1", "rsa2"} {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			panic(err)
		}
		keys[name] = key
	}
	for _, name := range []string{"ed1", "ed2", "ed3"} {
		keys[name] = keyOf(name)
	}
	return keys
})

func parties(tb testing.TB) []*party {
	tb.Helper()
	k := mutationKeys()
	first := rotated{
		{id: "k1", key: k["ed1"]},
		{id: "k2", key: k["ec1"]},
		{id: "k3", key: k["rsa1"]},
		{id: "k4", key: k["rsa2"], pin: "RS256"},
		{id: "k5", key: k["ed2"], until: time.Hour},
		{id: "k6", key: k["ec384"]},
	}
	nameless := rotated{{key: k["ed3"]}, {key: k["ec384"]}, {key: k["rsa2"]}, {key: k["ec521"], until: time.Hour}}
	own := rotated{{id: "k1", key: k["ed2"]}, {id: "k2", key: k["ec2"], until: time.Hour}, {id: "k3", key: k["rsa2"]}}
	ownAlgorithms := []jose.Algorithm{jose.EdDSA, jose.ES256, jose.RS256}
	all := []*party{
		{
			name: "wide", issuer: issuer, audiences: []string{audience, "other"}, keys: first, skew: time.Minute, tiers: []string{"gold", "3", "true"},
			algorithms: []jose.Algorithm{jose.EdDSA, jose.ES256, jose.RS256, jose.PS256}, header: "authorization", prefix: "Bearer ", scheme: true,
		},
		{
			name: "narrow", issuer: issuer, audiences: []string{"narrow"}, keys: first, algorithms: []jose.Algorithm{jose.ES256},
			header: "x-token", prefix: "token=",
		},
		{
			name: "nameless", issuer: "https://idp.example.net/", audiences: []string{audience}, keys: nameless, skew: 10 * time.Minute,
			algorithms: []jose.Algorithm{jose.EdDSA, jose.ES384, jose.ES512, jose.PS384, jose.RS512}, header: "authorization", prefix: "JWT ", scheme: true,
		},
		{
			name: "first", own: true, issuer: ownIssuer, audiences: []string{"first"}, keys: own, algorithms: ownAlgorithms, skew: 10 * time.Second,
			clients: []string{"acme", "idle"}, header: "authorization", prefix: "Bearer ", scheme: true,
		},
		{
			name: "second", own: true, issuer: ownIssuer, audiences: []string{"second"}, keys: own, algorithms: ownAlgorithms, skew: 10 * time.Second,
			scopes: []string{"orders", "stock"}, header: "authorization", prefix: "Bearer ", scheme: true,
		},
	}
	for _, p := range all {
		p.check = p.build(tb)
	}
	return all
}

// build makes the check of p's settings.
func (p *party) build(tb testing.TB) authz.Check {
	tb.Helper()
	e := env(map[string]authz.KeySet{"keys": p.keys})
	e.Policy = p.name
	s := &policypb.Bearer{Header: p.header, Prefix: &p.prefix}
	if p.own {
		e.Own = &authz.OwnTokens{Issuer: p.issuer, Clients: ownGrants, Keys: p.keys}
		s.Own = &policypb.OwnToken{Clients: p.clients, Scopes: p.scopes}
		return newCheck(tb, s, e)
	}
	s.Jwt = jwt(nil).GetJwt()
	s.Jwt.Issuer, s.Jwt.Audiences, s.Jwt.Algorithms, s.Jwt.ClockSkew = p.issuer, p.audiences, nil, durationpb.New(p.skew)
	for _, a := range p.algorithms {
		s.Jwt.Algorithms = append(s.Jwt.Algorithms, string(a))
	}
	if len(p.tiers) > 0 {
		s.Jwt.RequiredClaims = []*policypb.RequiredClaim{{Name: "tier", OneOf: p.tiers}}
	}
	return newCheck(tb, s, e)
}

// A pair is a member of a JSON object: name is as it is written, with quotes.
type pair struct{ name, value string }

// A draft is a token in the making, and the facts about it.
type draft struct {
	*mathrand.Rand

	at     time.Time // when it is presented
	to     *party    // to whom
	header []pair
	claims []pair

	// Facts about who signed it.
	signer    *held
	signed    jose.Algorithm // how
	algorithm jose.Algorithm // what the header says
	kid       string         // empty: the header has none
	typ       string         // in lower case, without "application/"
	// Facts about the claims. Empty: there is nothing that counts.
	issuer    string
	audiences []string
	expires   time.Time
	starts    []time.Time
	tiers     []string
	principal string
	client    string
	scopes    []string
	// broken is what makes the token worth nothing for anybody.
	broken string

	// How it is written.
	blanks    string
	texts     func(object string) string // of one of the two objects
	ofHeader  bool                       // of the header
	signature func(signature []byte) []byte
}

func (d *draft) breaks(why string) { d.broken = why }

func (d *draft) chance(percent int) bool { return d.IntN(100) < percent }

func quoted(text string) string {
	raw, err := json.Marshal(text)
	if err != nil {
		panic(err)
	}
	return string(raw)
}

// said is the text of a JSON string.
func said(raw string) (text string) {
	if err := json.Unmarshal([]byte(raw), &text); err != nil {
		panic(err)
	}
	return text
}

// put sets the member name of all to value as it is written, empty to remove it.
func put(all *[]pair, name, value string) {
	*all = slices.DeleteFunc(*all, func(p pair) bool { return said(p.name) == name })
	if value != "" {
		*all = append(*all, pair{quoted(name), value})
	}
}

func (d *draft) claim(name, value string) { put(&d.claims, name, value) }
func (d *draft) member(name, value string) {
	put(&d.header, name, value)
}

// newDraft is a token that is right for to.
func newDraft(random *mathrand.Rand, to *party) *draft {
	d := &draft{Rand: random, to: to, at: authztest.Received().Add(time.Duration(random.Int64N(int64(2 * time.Hour))))}
	if d.chance(50) {
		d.at = d.at.Truncate(time.Second)
	}
	for {
		d.signer, d.signed = &to.keys[d.IntN(len(to.keys))], authztest.Pick(random, to.algorithms...)
		_, slow := d.signer.key.(*rsa.PrivateKey)
		if _, long := d.signer.key.(*ecdsa.PrivateKey); long && !d.signer.fits(jose.ES256) {
			slow = true
		}
		if d.signer.liveAt(d.at) && d.signer.fits(d.signed) && (d.signer.pin == "" || d.signer.pin == string(d.signed)) && (!slow || d.chance(15)) {
			break
		}
	}
	d.algorithm, d.kid, d.typ = d.signed, d.signer.id, "at+jwt"
	d.member("alg", quoted(string(d.algorithm)))
	if d.kid != "" {
		d.member("kid", quoted(d.kid))
	}
	d.member("typ", `"at+jwt"`)
	d.issuer, d.audiences = to.issuer, []string{authztest.Pick(random, to.audiences...)}
	d.expires = d.at.Truncate(time.Second).Add(time.Duration(1+d.IntN(300)) * time.Second)
	d.starts = []time.Time{d.at.Truncate(time.Second)}
	d.claim("iss", quoted(d.issuer))
	d.claim("aud", quoted(d.audiences[0]))
	d.claim("exp", seconds(d.expires))
	d.claim("iat", seconds(d.starts[0]))
	d.principal = "crm"
	d.claim("sub", `"crm"`)
	if to.own {
		d.client, d.scopes = "acme", []string{"orders", "stock"}
		d.claim("client_id", `"acme"`)
		d.claim("scope", `"orders stock"`)
	}
	if len(to.tiers) > 0 {
		d.tiers = []string{"gold"}
		d.claim("tier", `"gold"`)
	}
	d.claim("jti", strconv.Itoa(d.IntN(1e9)))
	return d
}

// seconds writes a time as NumericDate.
func seconds(t time.Time) string {
	if t.Nanosecond() == 0 {
		return strconv.FormatInt(t.Unix(), 10)
	}
	return fmt.Sprintf("%d.%09d", t.Unix(), t.Nanosecond())
}

// object writes pairs.
func (d *draft) object(pairs []pair) string {
	var text strings.Builder
	text.WriteString(d.blanks + "{")
	for i, p := range pairs {
		if i > 0 {
			text.WriteString(d.blanks + ",")
		}
		text.WriteString(d.blanks + p.name + d.blanks + ":" + d.blanks + p.value)
	}
	return text.String() + d.blanks + "}" + d.blanks
}

var encode = base64.RawURLEncoding.EncodeToString

// text writes the token.
func (d *draft) text() string {
	header, claims := d.object(d.header), d.object(d.claims)
	if d.texts != nil && d.ofHeader {
		header = d.texts(header)
	} else if d.texts != nil {
		claims = d.texts(claims)
	}
	input := encode([]byte(header)) + "." + encode([]byte(claims))
	signature := signWith(d.signer.key, d.signed, input)
	if d.signature != nil {
		signature = d.signature(signature)
	}
	return input + "." + encode(signature)
}

// signWith is the signature of input, written apart from what is tested.
func signWith(key crypto.Signer, a jose.Algorithm, input string) []byte {
	hash := map[string]crypto.Hash{"SA": 0, "56": crypto.SHA256, "84": crypto.SHA384, "12": crypto.SHA512}[string(a[len(a)-2:])]
	digest := []byte(input)
	if hash != 0 {
		h := hash.New()
		h.Write(digest)
		digest = h.Sum(nil)
	}
	var options crypto.SignerOpts = hash
	if strings.HasPrefix(string(a), "PS") {
		options = &rsa.PSSOptions{SaltLength: hash.Size(), Hash: hash}
	}
	if ec, ok := key.(*ecdsa.PrivateKey); ok {
		r, s, err := ecdsa.Sign(rand.Reader, ec, digest)
		if err != nil {
			panic(err)
		}
		return joinECDSA(ec, r, s)
	}
	signature, err := key.Sign(rand.Reader, digest, options)
	if err != nil {
		panic(err)
	}
	return signature
}

func joinECDSA(key *ecdsa.PrivateKey, r, s *big.Int) []byte {
	size := (key.Params().BitSize + 7) / 8
	return append(r.FillBytes(make([]byte, size)), s.FillBytes(make([]byte, size))...)
}

func splitECDSA(signature []byte) (r, s *big.Int) {
	half := len(signature) / 2
	return new(big.Int).SetBytes(signature[:half]), new(big.Int).SetBytes(signature[half:])
}

// fault returns why d must be denied, empty if it must pass.
func (d *draft) fault() string {
	p := d.to
	switch {
	case d.broken != "":
		return d.broken
	case !d.authentic():
		return "no key of the policy signed it"
	case p.own && d.typ != "at+jwt", d.typ != "" && d.typ != "jwt" && d.typ != "at+jwt":
		return "type"
	case !d.at.Add(-p.skew).Before(d.expires):
		return "exp"
	case slices.ContainsFunc(d.starts, func(t time.Time) bool { return t.After(d.at.Add(p.skew)) }):
		return "nbf or iat"
	case d.issuer != p.issuer:
		return "iss"
	case !common(d.audiences, p.audiences):
		return "aud"
	case len(p.tiers) > 0 && !common(d.tiers, p.tiers):
		return "tier"
	case !p.own && d.principal == "":
		return "nobody"
	case p.own && ownFault(p, d.client, d.scopes):
		return "client"
	}
	return ""
}

func ownFault(p *party, client string, scopes []string) bool {
	may, declared := ownGrants[client]
	if !declared || len(p.clients) > 0 && !slices.Contains(p.clients, client) {
		return true
	}
	for _, scope := range p.scopes {
		if !slices.Contains(may, scope) || !slices.Contains(scopes, scope) {
			return true
		}
	}
	return false
}

func common(a, b []string) bool {
	return slices.ContainsFunc(a, func(text string) bool { return slices.Contains(b, text) })
}

// authentic reports whether a key that the policy takes for this token signed it.
func (d *draft) authentic() bool {
	if d.algorithm != d.signed || !slices.Contains(d.to.algorithms, d.algorithm) {
		return false
	}
	named := slices.ContainsFunc(d.to.keys, func(h held) bool { return d.kid != "" && h.id == d.kid && h.liveAt(d.at) })
	signer, ok := d.signer.key.Public().(interface {
		Equal(key crypto.PublicKey) bool
	})
	return ok && slices.ContainsFunc(d.to.keys, func(h held) bool {
		mayBe := d.kid == "" || h.id == d.kid || !named && h.id == ""
		return mayBe && h.liveAt(d.at) && (h.pin == "" || h.pin == string(d.algorithm)) && signer.Equal(h.key.Public())
	})
}

// TestMutations: tokens that are right pass, and so do those that are written in
// another way; no other does.
func TestMutations(t *testing.T) {
	all := parties(t)
	kinds := mutators()
	var passed, denied int
	authztest.Cases(t, 2000, func(random *mathrand.Rand) {
		d := newDraft(random, authztest.Pick(random, all...))
		var done []string
		// At most one of each kind, in their order, so that none undoes another.
		drawn := random.Perm(len(kinds))[:authztest.Pick(random, 0, 1, 1, 1, 1, 2, 2, 3)]
		slices.Sort(drawn)
		for _, i := range drawn {
			m := authztest.Pick(random, kinds[i]...)
			done = append(done, m.name)
			m.change(d)
		}
		if d.chance(10) {
			d.to = authztest.Pick(random, all...)
			done = append(done, "presented to "+d.to.name)
		}
		token := d.text()
		presented := token
		if d.chance(20) {
			presented = rewrite(d, token, all)
			done = append(done, "rewritten")
		}
		r, place := d.request(presented)
		done = append(done, place...)
		var fault string
		switch {
		case len(token) > 16<<10:
			fault = "long"
		case presented != token:
			fault = "not what was signed"
		case len(place) > 0 && place[0][0] == '!':
			fault = "place"
		default:
			fault = d.fault()
		}
		identity, err := d.to.check.Verify(t.Context(), r)
		if (err == nil) != (fault == "") {
			t.Errorf("%s, %v: error = %v, want fault %q\nheader %q\nclaims %q\n%v", d.to.name, done, err, fault, d.object(d.header), d.object(d.claims), r.Header)
		}
		if want := d.principalOf(); err == nil && (identity.Principal != want || !identity.Credential) || err != nil && identity != (authz.Identity{}) {
			t.Errorf("%s, %v: identity = %+v, want %q", d.to.name, done, identity, want)
		}
		if err == nil {
			passed++
		} else {
			denied++
		}
	})
	t.Logf("%d passed, %d denied", passed, denied)
}

func (d *draft) principalOf() string {
	if d.to.own {
		return d.client
	}
	return d.principal
}

// request presents token, mostly where it belongs. What was done begins with "!"
// if it must be denied.
func (d *draft) request(token string) (r *authz.Request, done []string) {
	p := d.to
	ask := func(lines ...string) *authz.Request {
		r := authztest.Request("POST", "/h", "", lines...)
		r.Received = d.at
		r.Header.Merged = d.chance(30)
		return r
	}
	right := p.prefix + token
	if !d.chance(15) {
		return ask(p.header, right), nil
	}
	bare := strings.TrimRight(p.prefix, " =")
	switch d.IntN(14) {
	case 0:
		return ask(p.header, right, p.header, right), []string{"!twice"}
	case 1:
		return ask(p.header, right, p.header, ""), []string{"!empty one besides"}
	case 2:
		return ask(p.header, "Basic YTpi", p.header, right), []string{"!another scheme first"}
	case 3:
		r := ask(p.header, right+","+right)
		return r, []string{"!joined"}
	case 4:
		r := ask(p.header, right+", "+right)
		return r, []string{"!joined by a person"}
	case 5:
		// Of a scheme the case says nothing; of a text it does.
		written := swapCase(p.prefix) + token
		if p.scheme {
			return ask(p.header, written), []string{"case of the scheme"}
		}
		return ask(p.header, written), []string{"!case of the prefix"}
	case 6:
		return ask(p.header, right+authztest.Pick(d.Rand, " ", "\t", "\x00", ",", ";", "\n", "=", "\u00a0")), []string{"!behind"}
	case 7:
		return ask(p.header, authztest.Pick(d.Rand, " ", "\t", "\x00", ",", "=", "x", "\ufeff")+right), []string{"!before"}
	case 8:
		return ask(p.header, bare+authztest.Pick(d.Rand, "  ", "\t", ":", "", " =", ", ", "%20")+token), []string{"!between"}
	case 9:
		return ask("x-"+p.header, right, "x-authorization", right, "proxy-authorization", right, "cookie", right), []string{"!another header"}
	case 10:
		r := ask()
		r.Path += "?access_token=" + token + "&" + p.header + "=" + token
		return r, []string{"!query"}
	case 11:
		return ask(p.header, authztest.Pick(d.Rand, "Basic", "DPoP", "Bearer2", "Token", "")+" "+token), []string{"!another scheme"}
	case 12:
		return ask(p.header, token), []string{"!no prefix"}
	}
	return ask("x-other", "a,b", p.header, right, "x-"+p.header, "Bearer x"), []string{"other headers"}
}

func swapCase(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z':
			return r - 32
		case 'A' <= r && r <= 'Z':
			return r + 32
		}
		return r
	}, text)
}

// rewrite changes the text of a token, most often into another.
func rewrite(d *draft, token string, all []*party) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	parts := strings.Split(token, ".")
	i := d.IntN(3)
	at := d.IntN(len(token))
	switch d.IntN(16) {
	case 0: // bits of the last character that decoding drops
		if n := len(parts[i]); n > 0 && n%4 != 0 {
			last := strings.IndexByte(alphabet, parts[i][n-1])
			parts[i] = parts[i][:n-1] + string(alphabet[last^(1+d.IntN(map[int]int{2: 15, 3: 3}[n%4]))])
		}
	case 1:
		parts[i] += authztest.Pick(d.Rand, "=", "==", "A", "AA", "AAA", "AAAA", "%3D", " ", "~", "+", "/")
	case 2:
		parts[i] = strings.NewReplacer("-", "+", "_", "/").Replace(parts[i])
	case 3:
		parts[i] = ""
	case 4:
		parts[i] = parts[i][:d.IntN(len(parts[i])+1)]
	case 5:
		parts = append(parts, authztest.Pick(d.Rand, "", "x", parts[2]))
	case 6:
		parts[0], parts[1] = parts[1], parts[0]
	case 7, 8: // a part of another token that is right
		other := newDraft(d.Rand, authztest.Pick(d.Rand, all...))
		parts[i] = strings.Split(other.text(), ".")[i]
	case 9:
		return token[:at] + authztest.Pick(d.Rand, " ", "\n", "\r\n", "\t", "\x00", ".", "=", "%2E", "\u2028", "A") + token[at:]
	case 10:
		return token[:at] + token[at+1:]
	case 11:
		return token[:at] + string(token[at]^byte(1<<d.IntN(8))) + token[at+1:]
	case 12:
		return token[:at] + string(alphabet[d.IntN(64)]) + token[at+1:]
	case 13:
		return token + token
	case 14:
		return swapCase(token)
	case 15: // the JSON serialisations
		return encode([]byte(`{"protected":"` + parts[0] + `","payload":"` + parts[1] + `","signature":"` + parts[2] + `"}`))
	}
	return strings.Join(parts, ".")
}

// A mutator changes a draft and its facts.
type mutator struct {
	name   string
	change func(d *draft)
}

// mutators are all of them, by what they change. Those that look at all claims or
// the whole header come last.
func mutators() [][]mutator {
	return [][]mutator{
		signerMutators(), keyMutators(), typeMutators(), headerMutators(), timeMutators(), audienceMutators(), issuerMutators(),
		subjectMutators(), requiredMutators(), claimMutators(), textMutators(), signatureMutators(),
	}
}

// nonTimes are values that are no time: of them nothing may be read.
var nonTimes = []string{
	`"1767323345"`, "null", "true", "1e10", "1.7e9", "-1", "-0", "[1767323345]", "{}", `""`, "253402300800", "99999999999999999999", "1e400",
	"0x6958e2d1", "01767323345", "1767323345.", ".5", "+1767323345", "NaN", "Infinity", "1767323345n", "1_767_323_345",
}

func timeMutators() []mutator {
	const far = 253402300799 // the last second of the year 9999
	near := func(d *draft) time.Duration {
		return authztest.Pick(d.Rand, -time.Hour, -time.Second, -time.Nanosecond, 0, time.Nanosecond, time.Second, time.Hour, time.Duration(d.Int64N(4e9)-2e9))
	}
	written := func(d *draft, t time.Time) string {
		text := seconds(t)
		if strings.Contains(text, ".") {
			return text + strings.Repeat("0", d.IntN(3))
		}
		return text + authztest.Pick(d.Rand, "", "", ".0", ".000000000", ".00000000000000")
	}
	return []mutator{
		{"exp at its edge", func(d *draft) {
			d.expires = d.at.Add(-d.to.skew + near(d))
			d.claim("exp", written(d, d.expires))
		}},
		{"nbf or iat at its edge", func(d *draft) {
			t := d.at.Add(d.to.skew + near(d))
			d.starts = []time.Time{t}
			d.claim("iat", "")
			d.claim(authztest.Pick(d.Rand, "nbf", "iat"), written(d, t))
		}},
		{"exp is far", func(d *draft) {
			d.expires = time.Unix(far, 0)
			d.claim("exp", strconv.Itoa(far))
		}},
		{"nbf is far", func(d *draft) {
			d.starts = []time.Time{time.Unix(far, 0)}
			d.claim("nbf", strconv.Itoa(far))
		}},
		{"nbf is 0", func(d *draft) { d.claim("nbf", "0") }},
		{"exp is 0", func(d *draft) {
			d.expires = time.Unix(0, 0)
			d.claim("exp", "0")
		}},
		{"no exp", func(d *draft) {
			d.claim("exp", "")
			d.breaks("no exp")
		}},
		{"no iat", func(d *draft) {
			d.starts = nil
			d.claim("iat", "")
		}},
		{"no time", func(d *draft) {
			d.claim(authztest.Pick(d.Rand, "exp", "nbf", "iat"), authztest.Pick(d.Rand, nonTimes...))
			d.breaks("a time that is none")
		}},
	}
}

func audienceMutators() []mutator {
	lists := func(d *draft, all ...string) {
		d.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		d.audiences = all
		var raw []string
		for _, a := range all {
			raw = append(raw, quoted(a))
		}
		d.claim("aud", "["+strings.Join(raw, ", ")+"]")
	}
	return []mutator{
		{"audiences", func(d *draft) { lists(d, d.audiences[0], "x", "y") }},
		{"audience in a list", func(d *draft) { lists(d, d.audiences[0]) }},
		{"audience twice", func(d *draft) { lists(d, d.audiences[0], d.audiences[0]) }},
		{"audiences of everybody", func(d *draft) { lists(d, audience, "other", "narrow", "first", "second") }},
		{"audiences of others", func(d *draft) { lists(d, "x", "hooks.example.com", "*", "") }},
		{"no audiences", func(d *draft) { lists(d) }},
		{"escaped audience", func(d *draft) { d.claim("aud", escaped(d.Rand, d.audiences[0])) }},
		{"another audience", func(d *draft) {
			a := d.audiences[0]
			a = authztest.Pick(d.Rand, swapCase(a), a+"/", a+" ", " "+a, a[1:], a[:len(a)-1], "", "*", a+"\x00", a+","+a, "narrow", "first", "other", a+"\u200b", "[\""+a+"\"]")
			d.audiences = []string{a}
			d.claim("aud", quoted(a))
		}},
		{"no audience", func(d *draft) {
			d.claim("aud", authztest.Pick(d.Rand, "", "null", "{}", "1", "true", "false", `[["`+d.audiences[0]+`"]]`, `{"`+d.audiences[0]+`":true}`))
			d.audiences = nil
		}},
		{"strange elements", func(d *draft) {
			strange := authztest.Pick(d.Rand, "1", "null", "{}", "[]", "true", `["x"]`)
			d.claim("aud", authztest.Pick(d.Rand, "["+strange+","+quoted(d.audiences[0])+"]", "["+quoted(d.audiences[0])+","+strange+"]"))
			d.audiences = nil
		}},
	}
}

func issuerMutators() []mutator {
	return []mutator{
		{"escaped issuer", func(d *draft) { d.claim("iss", escaped(d.Rand, d.issuer)) }},
		{"another issuer", func(d *draft) {
			i := d.issuer
			d.issuer = authztest.Pick(d.Rand, i+"/", strings.TrimSuffix(i, "/")+"/x", swapCase(i), i[8:], i+" ", "", issuer, ownIssuer, i+"\x00", i+"#", i+"?", "http"+i[5:], i+"\u00ad")
			d.claim("iss", quoted(d.issuer))
		}},
		{"no issuer", func(d *draft) {
			d.claim("iss", authztest.Pick(d.Rand, "", "null", "["+quoted(d.issuer)+"]", "{}", "1", "true"))
			d.issuer = ""
		}},
	}
}

func subjectMutators() []mutator {
	return []mutator{
		{"another subject", func(d *draft) {
			d.principal = authztest.Pick(d.Rand, "a", "a b", strings.Repeat("s", 512), "~!", "0")
			d.claim("sub", escaped(d.Rand, d.principal))
		}},
		{"no fit subject", func(d *draft) {
			d.principal = ""
			d.claim("sub", authztest.Pick(d.Rand, `""`, "1", "[]", `["crm"]`, "{}", "true", `" crm"`, `"crm "`, `"c\nrm"`, `"c\u0000rm"`, `"\u00e4"`, `"ä"`, `"\u007f"`, `"\u200b"`, quoted(strings.Repeat("s", 513))))
		}},
		{"client in place of the subject", func(d *draft) {
			d.claim("sub", authztest.Pick(d.Rand, "", "null"))
			d.principal = "crm2"
			d.claim("client_id", `"crm2"`)
			d.client = "crm2"
		}},
		{"neither", func(d *draft) {
			d.claim("sub", authztest.Pick(d.Rand, "", "null"))
			d.claim("client_id", authztest.Pick(d.Rand, "", "null"))
			d.principal, d.client = "", ""
		}},
		{"another client", func(d *draft) {
			d.client = authztest.Pick(d.Rand, "bob", "idle", "gone", "acme ", "ACME", "", "acme\x00", "acm")
			d.claim("client_id", escaped(d.Rand, d.client))
		}},
		{"client is no text", func(d *draft) {
			d.claim("client_id", authztest.Pick(d.Rand, "1", "true", `["acme"]`, "{}"))
			d.client = ""
		}},
	}
}

func requiredMutators() []mutator {
	return []mutator{
		{"tier", func(d *draft) {
			value := authztest.Pick(d.Rand, "gold", "3", "true", "silver", "Gold", "gold ", "", "3.0", "go")
			d.tiers = []string{value}
			d.claim("tier", escaped(d.Rand, value))
		}},
		{"tier is no text", func(d *draft) {
			value := authztest.Pick(d.Rand, "3", "true", "false", "3.0", "3e0", "30")
			d.tiers = []string{value}
			d.claim("tier", value)
		}},
		{"tiers", func(d *draft) {
			d.tiers = []string{"silver", "gold"}
			d.claim("tier", `["silver",null,{"gold":1},"gold"]`)
		}},
		{"no tier", func(d *draft) {
			d.tiers = nil
			d.claim("tier", authztest.Pick(d.Rand, "", "null", "[]", "{}", `{"gold":"gold"}`, `[["gold"]]`, `[{"tier":"gold"}]`))
		}},
		{"scopes", func(d *draft) {
			scope := authztest.Pick(d.Rand, "orders", "stock", "stock orders", "x stock  orders", "orders,stock", "ordersstock", "", "orders\tstock", "Orders stock", "orders stock2", " stock orders ")
			d.scopes = strings.Split(scope, " ")
			d.claim("scope", escaped(d.Rand, scope))
		}},
		{"no scope", func(d *draft) {
			d.scopes = nil
			d.claim("scope", authztest.Pick(d.Rand, "", "null", `["orders","stock"]`, "{}", "1"))
		}},
	}
}

// escaped writes text as JSON, with some characters as escapes.
func escaped(random *mathrand.Rand, text string) string {
	var raw strings.Builder
	for _, r := range text {
		switch {
		case random.IntN(3) == 0 && r < 0x10000:
			fmt.Fprintf(&raw, authztest.Pick(random, `\u%04x`, `\u%04X`), r)
		case r == '/' && random.IntN(2) == 0:
			raw.WriteString(`\/`)
		default:
			text := quoted(string(r))
			raw.WriteString(text[1 : len(text)-1])
		}
	}
	return `"` + raw.String() + `"`
}

// insert puts a member at any place.
func insert(d *draft, all *[]pair, name, value string) {
	*all = slices.Insert(*all, d.IntN(len(*all)+1), pair{name, value})
}

// claimMutators change how the claims are written, or add some.
func claimMutators() []mutator {
	return []mutator{
		{"order of the claims", func(d *draft) {
			d.Shuffle(len(d.claims), func(i, j int) { d.claims[i], d.claims[j] = d.claims[j], d.claims[i] })
		}},
		{"names of claims escaped", func(d *draft) {
			for i := range d.claims {
				d.claims[i].name = escaped(d.Rand, said(d.claims[i].name))
			}
		}},
		{"blanks", func(d *draft) { d.blanks = authztest.Pick(d.Rand, " ", "\n", "\t\r\n  ") }},
		{"a claim more", func(d *draft) {
			insert(d, &d.claims, quoted(authztest.Pick(d.Rand, "x", "", "roles", "Extra", "alg", "Kid", "äöü", "\x00", "https://example.com/claim", "iss2")),
				authztest.Pick(d.Rand, "1", "-0.5E-7", "null", `"\ud83d\ude00"`, `{"iss":"x","Iss":"y"}`, `[{"a":1},{"a":2}]`, `""`, "1e400", strings.Repeat("[", 15)+strings.Repeat("]", 15)))
		}},
		{"long claims", func(d *draft) { insert(d, &d.claims, `"x"`, quoted(strings.Repeat("x", 11000+d.IntN(1200)))) }},
		{"a claim twice", func(d *draft) {
			p := authztest.Pick(d.Rand, d.claims...)
			name := said(p.name)
			insert(d, &d.claims, authztest.Pick(d.Rand, p.name, escaped(d.Rand, name)), authztest.Pick(d.Rand, p.value, "1", "null", `"x"`))
			d.breaks("a claim twice")
		}},
		{"a claim in another case", func(d *draft) {
			name := authztest.Pick(d.Rand, "ISS", "Aud", "eXp", "i\u017fs", "\u017fub", "SCOPE", "Client_Id", "nbF", "Iat", "acT", "JTI", "\u017fcope")
			if d.chance(50) {
				name = escaped(d.Rand, name)
			} else {
				name = quoted(name)
			}
			insert(d, &d.claims, name, authztest.Pick(d.Rand, `"x"`, "1", "null"))
			d.breaks("a claim in another case")
		}},
		{"two claims that differ in case", func(d *draft) {
			insert(d, &d.claims, `"extra"`, "1")
			insert(d, &d.claims, authztest.Pick(d.Rand, `"Extra"`, `"\u0045xtra"`, `"EXTRA"`), "1")
			d.breaks("two claims that differ in case")
		}},
		{"no JSON in a claim", func(d *draft) {
			insert(d, &d.claims, `"x"`, authztest.Pick(d.Rand, "", "01", "+1", ".5", "1.", "'x'", "undefined", "True", "nul", `"\x41"`, `"\ud800"`, `"\ud800\u0041"`, `"\udc00"`,
				`"`+"\x01"+`"`, "\"\xff\"", "\"\xc0\xaf\"", "\"\xed\xa0\x80\"", `{"a":1,"a":1}`, `{"a":1,"\u0061":1}`, "[1,]", `{"a":1,}`, "[", "}", "//x\n1", "/**/1", strings.Repeat("[", 16)+strings.Repeat("]", 16)))
			d.breaks("no JSON")
		}},
	}
}

// textMutators change the text of the header or of the claims as a whole.
func textMutators() []mutator {
	return []mutator{
		{"the text", func(d *draft) {
			d.ofHeader = d.chance(50)
			change := authztest.Pick(d.Rand,
				func(s string) string { return "\ufeff" + s }, func(s string) string { return s + "x" }, func(s string) string { return s + "\x00" },
				func(s string) string { return s + s }, func(s string) string { return "[" + s + "]" }, func(string) string { return "" },
				func(string) string { return "{}" }, func(string) string { return "null" }, func(s string) string { return quoted(s) },
				func(s string) string { return encode([]byte(s)) }, func(s string) string { return strings.Replace(s, "}", ",}", 1) },
				func(s string) string { return strings.Replace(s, "{", "{,", 1) }, func(s string) string { return strings.TrimRight(s, "} \t\r\n") },
				func(s string) string { return strings.ReplaceAll(s, `"`, "'") }, func(s string) string { return "\v" + s }, func(s string) string { return s + "\u00a0" },
				func(s string) string {
					var wide strings.Builder
					for _, c := range []byte(s) {
						wide.WriteString(string([]byte{c, 0}))
					}
					return wide.String()
				})
			d.texts = change
			d.breaks("text")
		}},
	}
}

func headerMutators() []mutator {
	return []mutator{
		{"order of the header", func(d *draft) {
			d.Shuffle(len(d.header), func(i, j int) { d.header[i], d.header[j] = d.header[j], d.header[i] })
		}},
		{"names of the header escaped", func(d *draft) {
			for i := range d.header {
				d.header[i].name = escaped(d.Rand, said(d.header[i].name))
			}
		}},
		{"a member more", func(d *draft) {
			insert(d, &d.header, authztest.Pick(d.Rand, `"x"`, `"cty"`, `"x5t"`, `"x5t#S256"`, `"iss"`, `"Iss"`, `"Exp"`, `""`, `"url"`, `"iat"`, `"enc"`),
				authztest.Pick(d.Rand, `"x"`, `""`, "null", "1", `{"a":{}}`, "[1,2]", "1e3"))
		}},
		{"a member that is refused", func(d *draft) {
			name := authztest.Pick(d.Rand, "crit", "b64", "zip", "jku", "jwk", "x5u", "x5c")
			insert(d, &d.header, authztest.Pick(d.Rand, quoted(name), escaped(d.Rand, name)),
				authztest.Pick(d.Rand, "null", `"x"`, "[]", `["b64"]`, `["exp"]`, "false", "true", "{}", `"https://evil.example/"`, `{"kty":"OKP"}`))
			d.breaks("member of the header")
		}},
		{"a member twice", func(d *draft) {
			p := authztest.Pick(d.Rand, d.header...)
			insert(d, &d.header, authztest.Pick(d.Rand, p.name, escaped(d.Rand, said(p.name))), authztest.Pick(d.Rand, p.value, `"none"`, "null"))
			d.breaks("a member twice")
		}},
		{"a member in another case", func(d *draft) {
			name := authztest.Pick(d.Rand, "Alg", "ALG", "KID", "\u212aid", "Typ", "cRit", "JWK", "jw\u212a", "B64", "jKu", "X5C", "CTY", "\u212aID")
			insert(d, &d.header, authztest.Pick(d.Rand, quoted(name), escaped(d.Rand, name)), `"none"`)
			d.breaks("a member in another case")
		}},
	}
}

func typeMutators() []mutator {
	return []mutator{
		{"type", func(d *draft) {
			typ := authztest.Pick(d.Rand, "JWT", "jwt", "at+jwt", "AT+JWT", "application/at+jwt", "application/jwt", "APPLICATION/JWT", "Application/AT+jwt", "",
				"logout+jwt", "dpop+jwt", "JOSE", "jose+json", "secevent+jwt", "application/application/jwt", " jwt", "jwt ", "at+jwt;x=y", "text/jwt", "a", "jwt\x00", "appl\u0130cation/jwt", "appl\u0130cation/at+jwt",
				"application/", "/jwt", "JWT, at+jwt")
			d.typ = lowerASCII(typ)
			d.typ = strings.TrimPrefix(d.typ, "application/")
			if typ == "application/" {
				d.typ = "" // says nothing
			}
			d.member("typ", escaped(d.Rand, typ))
		}},
		{"no type", func(d *draft) {
			d.typ = ""
			d.member("typ", "")
		}},
		{"type is no text", func(d *draft) {
			d.member("typ", authztest.Pick(d.Rand, "null", "1", "true", `["JWT"]`, "{}"))
			d.breaks("type")
		}},
	}
}

func lowerASCII(text string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 32
		}
		return r
	}, text)
}

// keyMutators change what the header says of the key.
func keyMutators() []mutator {
	return []mutator{
		{"no key id", func(d *draft) {
			d.kid = ""
			d.member("kid", "")
		}},
		{"another key id", func(d *draft) {
			d.kid = authztest.Pick(d.Rand, "k1", "k2", "k3", "k4", "k5", "k6", "K1", "k7", "../../etc/passwd", "/dev/null", "https://evil.example/k", "k1/", "arn:aws:kms:x",
				strings.Repeat("k", 128), "k1=", ".", "~", "@")
			d.member("kid", escaped(d.Rand, d.kid))
		}},
		{"no fit key id", func(d *draft) {
			d.member("kid", authztest.Pick(d.Rand, `""`, "null", "1", "true", `["k1"]`, `{"k1":1}`, quoted(strings.Repeat("k", 129)), `"k1 "`, `" k1"`, `"k1\u0000"`, `"\u212a1"`,
				`"k\u00e9"`, `"' OR 1=1--"`, `"k1|id"`, `"k1\nk2"`, `"\ud83d\ude00"`, `"k*"`, `"k?1"`, `"$(id)"`, `"%6b1"`, `"k1;"`, `"k1,k2"`))
			d.breaks("key id")
		}},
	}
}

// signerMutators change who signs, how, and what the header says of it.
func signerMutators() []mutator {
	known := []jose.Algorithm{jose.EdDSA, jose.ES256, jose.ES384, jose.ES512, jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512}
	return []mutator{
		{"another signer", func(d *draft) {
			names := []string{"ed1", "ed2", "ed3", "ec1", "ec2", "ec384", "rsa1", "rsa2"}
			other := &held{id: d.signer.id, key: mutationKeys()[authztest.Pick(d.Rand, names...)]}
			for d.signed = authztest.Pick(d.Rand, known...); !other.fits(d.signed); {
				d.signed = authztest.Pick(d.Rand, known...)
			}
			d.signer = other
			if d.chance(70) {
				d.algorithm = d.signed
				d.member("alg", quoted(string(d.algorithm)))
			}
		}},
		{"another of the issuer's keys", func(d *draft) {
			d.signer = &d.to.keys[d.IntN(len(d.to.keys))]
			for d.signed = authztest.Pick(d.Rand, known...); !d.signer.fits(d.signed); {
				d.signed = authztest.Pick(d.Rand, known...)
			}
			d.algorithm = d.signed
			d.member("alg", quoted(string(d.algorithm)))
			if d.chance(60) {
				d.kid = d.signer.id
				d.member("kid", "")
				if d.kid != "" {
					d.member("kid", quoted(d.kid))
				}
			}
		}},
		{"an algorithm that the key is not for", func(d *draft) {
			for i := range d.to.keys {
				if h := &d.to.keys[i]; h.pin != "" && slices.Contains(d.to.algorithms, jose.PS256) {
					d.signer, d.signed, d.algorithm, d.kid = h, jose.PS256, jose.PS256, h.id
					d.member("alg", `"PS256"`)
					d.member("kid", quoted(h.id))
				}
			}
		}},
		{"another algorithm", func(d *draft) {
			d.algorithm = authztest.Pick(d.Rand, known...)
			d.member("alg", escaped(d.Rand, string(d.algorithm)))
		}},
		{"no fit algorithm", func(d *draft) {
			alg := string(d.signed)
			d.member("alg", authztest.Pick(d.Rand, "", "null", "1", "[]", `["`+alg+`"]`, `"none"`, `"None"`, `"nOnE"`, `""`, `"HS256"`, `"HS512"`, `"ES256K"`, `"Ed25519"`, `"Ed448"`, `"RS1"`,
				`"RSA-OAEP"`, `"dir"`, quoted(alg+" "), quoted(" "+alg), quoted(swapCase(alg)), quoted(alg+"\x00"), `"\u0000"`, quoted(alg+","+alg)))
			d.breaks("algorithm")
		}},
	}
}

// order is that of Ed25519's base point, as 32 bytes from the least on (RFC 8032,
// section 5.1).
func order() *big.Int {
	n, _ := new(big.Int).SetString("7237005577332262213973186563042994240857116359379907606001950938285454250989", 10)
	return n
}

// signatureMutators change the signature. What is a signature of the same bytes by
// the same key all the same, as (r, n-s) is for ECDSA, may stay one.
func signatureMutators() []mutator {
	changes := func(name string, change func(d *draft, signature []byte) []byte) mutator {
		return mutator{name, func(d *draft) {
			d.signature = func(signature []byte) []byte { return change(d, slices.Clone(signature)) }
			d.breaks("signature")
		}}
	}
	return []mutator{
		{"negative s", func(d *draft) {
			if key, ok := d.signer.key.(*ecdsa.PrivateKey); ok {
				d.signature = func(signature []byte) []byte {
					r, s := splitECDSA(signature)
					return joinECDSA(key, r, s.Sub(key.Params().N, s))
				}
			}
		}},
		{"shared key", func(d *draft) {
			text := authztest.Pick(d.Rand, pemOf("ed1"), pemOf("ed1")+"\n", "", string(keyOf("ed1")[32:]), `{"kty":"OKP"}`)
			d.member("alg", authztest.Pick(d.Rand, `"HS256"`, quoted(string(d.algorithm))))
			d.signature = func([]byte) []byte {
				mac := hmac.New(sha256.New, []byte(text))
				mac.Write([]byte(encode([]byte(d.object(d.header))) + "." + encode([]byte(d.object(d.claims)))))
				return mac.Sum(nil)
			}
			d.breaks("shared key")
		}},
		changes("arithmetic", func(d *draft, signature []byte) []byte {
			switch key := d.signer.key.(type) {
			case ed25519.PrivateKey: // S+L; nobody but the key's owner can have made it, but there is one text for each token
				s := slices.Clone(signature[32:])
				slices.Reverse(s)
				n := new(big.Int).SetBytes(s)
				n.Add(n, order())
				b := n.FillBytes(make([]byte, 32))
				slices.Reverse(b)
				return append(signature[:32], b...)
			case *rsa.PrivateKey: // as many bytes, if it fits
				n := new(big.Int).SetBytes(signature)
				return n.Add(n, key.N).Bytes()
			case *ecdsa.PrivateKey:
				r, s := splitECDSA(signature)
				switch d.IntN(7) {
				case 6: // the same numbers in more bytes
					return slices.Insert(signature, len(signature)/2, 0)
				case 0:
					r, s = s, r
				case 1:
					r = new(big.Int)
				case 2:
					s = new(big.Int)
				case 3:
					r, s = new(big.Int), new(big.Int)
				case 4:
					r.Sub(key.Params().N, r)
				case 5:
					r, s = new(big.Int).Set(key.Params().N), new(big.Int).Set(key.Params().N)
				}
				return joinECDSA(key, r, s)
			}
			return nil
		}),
		changes("length", func(d *draft, signature []byte) []byte {
			return authztest.Pick(d.Rand, append([]byte{0}, signature...), append(signature, 0), signature[1:], signature[:len(signature)-1], append(signature, signature...), []byte{0}, make([]byte, len(signature)))
		}),
		changes("a bit", func(d *draft, signature []byte) []byte {
			signature[d.IntN(len(signature))] ^= 1 << d.IntN(8)
			return signature
		}),
		changes("another form", func(d *draft, signature []byte) []byte {
			if key, ok := d.signer.key.(*rsa.PrivateKey); ok {
				// PSS with a salt of another length, or another hash.
				sum := sha256.Sum256([]byte("x"))
				other, err := rsa.SignPSS(rand.Reader, key, crypto.SHA256, sum[:], &rsa.PSSOptions{SaltLength: d.IntN(20)})
				if err == nil {
					return other
				}
			}
			if _, ok := d.signer.key.(*ecdsa.PrivateKey); ok { // ASN.1
				r, s := splitECDSA(signature)
				return slices.Concat([]byte{0x30, byte(4 + len(r.Bytes()) + len(s.Bytes())), 2, byte(len(r.Bytes()))}, r.Bytes(), []byte{2, byte(len(s.Bytes()))}, s.Bytes())
			}
			slices.Reverse(signature)
			return signature
		}),
		changes("text of the signature", func(_ *draft, signature []byte) []byte { return []byte(encode(signature)) }),
	}
}

// TestSaltLength: RFC 7518, section 3.5, wants a salt as long as the hash. One of
// another length is a signature of the same bytes, and none of that algorithm.
func TestSaltLength(t *testing.T) {
	all := parties(t)
	random := mathrand.New(mathrand.NewPCG(1, 1))
	for salt := range 65 {
		d := newDraft(random, all[0])
		d.signer, d.signed, d.algorithm, d.kid = &all[0].keys[2], jose.PS256, jose.PS256, "k3"
		d.member("alg", `"PS256"`)
		d.member("kid", `"k3"`)
		token := d.text()
		input := token[:strings.LastIndexByte(token, '.')]
		key, ok := d.signer.key.(*rsa.PrivateKey)
		if !ok {
			t.Fatal("no RSA key")
		}
		sum := sha256.Sum256([]byte(input))
		// 0 stands for the longest salt that fits.
		signature, err := rsa.SignPSS(rand.Reader, key, crypto.SHA256, sum[:], &rsa.PSSOptions{SaltLength: salt})
		if err != nil {
			t.Fatal(err)
		}
		r := request(input + "." + encode(signature))
		r.Received = d.at
		if _, err := all[0].check.Verify(t.Context(), r); (err == nil) != (salt == 32) {
			t.Errorf("salt of %d bytes: error = %v", salt, err)
		}
	}
}

// TestOpaqueMutations: of opaque tokens the store decides, and of what it says
// every part counts.
func TestOpaqueMutations(t *testing.T) {
	const token = "2YotnFZFEjr1zCsicMWpAA"
	all := parties(t)
	authztest.Cases(t, 500, func(random *mathrand.Rand) {
		p := authztest.Pick(random, all[3], all[4])
		at := authztest.Received()
		grant := authz.Grant{
			Issuer: ownIssuer, Client: "acme", Scopes: []string{"stock", "orders"}, Policies: []string{"x", p.name},
			Expires: at.Add(authztest.Pick(random, time.Nanosecond, time.Second, time.Hour)),
		}
		switch random.IntN(8) {
		case 0:
			grant.Issuer = authztest.Pick(random, "", issuer, ownIssuer+"/")
		case 1:
			grant.Client = authztest.Pick(random, "bob", "idle", "", "gone", "ACME")
		case 2:
			grant.Scopes = authztest.Pick(random, nil, []string{"orders"}, []string{"orders stock"}, []string{"stock", "x", "orders"})
		case 3:
			grant.Policies = authztest.Pick(random, nil, []string{"x"}, []string{"first"}, []string{"second"}, []string{""})
		case 4:
			grant.Expires = authztest.Pick(random, time.Time{}, at, at.Add(-time.Nanosecond))
		}
		e := issuing(grants{token: grant})
		e.Policy = p.name
		part, problems := bearer.Kind().Build(&policypb.Bearer{Own: &policypb.OwnToken{Clients: p.clients, Scopes: p.scopes}}, e)
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		presented := token
		if random.IntN(4) == 0 {
			presented = authztest.Pick(random, token+"=", token[1:], swapCase(token), token+"A", token+" ", "%32"+token[1:], token+"."+token, strings.Replace(token, "A", "\u0410", 1))
		}
		fits := presented == token && grant.Issuer == ownIssuer && slices.Contains(grant.Policies, p.name) && grant.Expires.After(at) && !ownFault(p, grant.Client, grant.Scopes)
		identity, err := part.Check.Verify(t.Context(), request(presented))
		if (err == nil) != fits || fits && identity.Principal != grant.Client {
			t.Errorf("%s: %+v, token %q: %+v, %v; want it to pass: %v", p.name, grant, presented, identity, err, fits)
		}
	})
}
