package bearer_test

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	mathrand "math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hookauthz/hookauthz/authz/authztest"
	"github.com/hookauthz/hookauthz/authz/scheme/jose"
)

// A token in the making: its members, the facts about it, and its text.

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
