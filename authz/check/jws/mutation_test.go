package jws_test

import (
	"context"
	"encoding/json"
	"fmt"
	mathrand "math/rand/v2"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

// Requests are made of facts, and changed together with them. Whether one must pass
// follows from the facts and from the bytes that were signed; nothing of what is
// tested is asked. See [authztest.Cases] for how to make more of them.

// A draft is a request in the making, and what is wrong with it.
type draft struct {
	*mathrand.Rand

	where  string // body, json, form, header, encoded, unencoded
	header map[string]any
	claims map[string]any
	event  string // the body that a token in a header is for
	signer string
	// before and behind are what stands around the token.
	before, behind string
	// change is made to the text of the token, and body to the whole body.
	change func(text string) string
	body   func(text string) string
	fault  string
}

func newDraft(random *mathrand.Rand) *draft {
	d := &draft{
		Rand:   random,
		where:  authztest.Pick(random, "body", "json", "form", "header", "encoded", "unencoded"),
		header: map[string]any{"alg": "EdDSA", "kid": "k1", "typ": "JWT"},
		claims: map[string]any{"iss": "https://sender.example", "aud": []string{"hooks", "x"}, "iat": now(), "n": random.IntN(1000)},
		event:  fmt.Sprintf(`{"event":%d}`, random.IntN(1000)),
		signer: "key",
		change: func(text string) string { return text },
		body:   func(text string) string { return text },
	}
	d.claims["body"] = hash(d.event)
	if d.where == "unencoded" {
		d.header["b64"], d.header["crit"] = false, []string{"b64"}
	}
	return d
}

// apart reports whether the token has no payload of its own.
func (d *draft) apart() bool { return d.where == "encoded" || d.where == "unencoded" }

func (d *draft) wrong(why string) {
	if d.fault == "" {
		d.fault = why
	}
}

// settings are those of the policy; claims of a detached token mean nothing.
func (d *draft) settings() *policypb.Jws {
	s := settings(func(s *policypb.Jws) { s.Typ = "JWT" })
	switch d.where {
	case "json":
		s.Body, s.Json = nil, "/data/token"
	case "form":
		s.Body, s.Form = nil, "token"
	case "header":
		inHeader(s)
	case "encoded", "unencoded":
		apart(d.where)(s)
		return s
	}
	s.Issuer, s.Audiences = "https://sender.example", []string{"hooks"}
	s.Time = &policypb.TokenTime{Tolerance: durationpb.New(100e9)}
	return s
}

func text(t *testing.T, v any) string {
	t.Helper()
	made, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(made)
}

// request returns what is presented.
func (d *draft) request(t *testing.T) *authz.Request {
	t.Helper()
	header := text(t, d.header)
	if d.apart() {
		made := detached(t, keyOf(d.signer), header, d.event, d.where == "encoded")
		return post(d.body(d.event), d.before+d.changed(made)+d.behind)
	}
	made := d.changed(token(t, keyOf(d.signer), header, text(t, d.claims)))
	switch d.where {
	case "json":
		return post(d.body(`{"data":{"token":"`+d.before+made+d.behind+`"}}`), "")
	case "form":
		return post(d.body("token="+d.before+made+d.behind), "")
	case "header":
		return post(d.body(d.event), d.before+made+d.behind)
	}
	return post(d.body(d.before+made+d.behind), "")
}

// changed changes the text of the token, and notes that if it has become another.
func (d *draft) changed(made string) string {
	after := d.change(made)
	if after != made {
		d.wrong("not what was signed")
	}
	return after
}

// A mutator changes a draft and its facts.
type mutator struct {
	name   string
	change func(d *draft)
}

func member(name string, value any, fault string) mutator {
	return mutator{name + " in the header", func(d *draft) {
		if d.header[name] = value; value == nil {
			delete(d.header, name)
		}
		if fault != "" {
			d.wrong(fault)
		}
	}}
}

// claim changes a claim, which counts unless the token is detached.
func claim(name string, value any, fault string) mutator {
	return mutator{name + " in the claims", func(d *draft) {
		if d.claims[name] = value; value == nil {
			delete(d.claims, name)
		}
		if fault != "" && !d.apart() && (name != "body" || d.where == "header") {
			d.wrong(fault)
		}
	}}
}

// mutators are all of them, by what they change.
func mutators() [][]mutator {
	part := func(i int, change func(d *draft, part string) string) func(d *draft) {
		return func(d *draft) {
			d.change = func(text string) string {
				parts := strings.Split(text, ".")
				parts[i] = change(d, parts[i])
				return strings.Join(parts, ".")
			}
		}
	}
	flip := func(d *draft, part string) string {
		if part == "" {
			return "AA"
		}
		at := d.IntN(len(part))
		return part[:at] + string("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=+/. "[d.IntN(69)]) + part[at+1:]
	}
	none := func(*draft, string) string { return "" }
	return [][]mutator{
		{
			{"another signer", func(d *draft) { d.signer = "other"; d.wrong("signer") }},
		},
		{
			member("kid", nil, ""), member("kid", "k2", "kid"), member("kid", "ec", "the key of another type"), member("kid", "", "kid"),
			member("kid", 1, "kid"), member("kid", "../k1", "kid"),
		},
		{
			member("alg", "none", "alg"), member("alg", "HS256", "alg"), member("alg", "ES256", "alg"), member("alg", "RS512", "alg"),
			member("alg", nil, "alg"), member("alg", "eddsa", "alg"), member("alg", "EdDSA", ""),
		},
		{
			member("typ", "jwt", ""), member("typ", "application/JWT", ""), member("typ", "at+jwt", "typ"), member("typ", nil, "typ"), member("typ", "J\u212aT", "typ"),
		},
		{
			member("x5t", "AAAA", ""), member("cty", "json", ""), member("jti", map[string]any{"a": nil}, ""),
			member("zip", "DEF", "zip"), member("jwk", map[string]any{}, "jwk"), member("jku", "https://sender.example", "jku"),
			member("x5u", "https://sender.example", "x5u"), member("x5c", []string{"AAAA"}, "x5c"), member("ALG", "none", "alike"),
		},
		{
			{"crit", func(d *draft) { d.header["crit"] = []string{"exp"}; d.wrong("crit") }},
			{"crit is empty", func(d *draft) { d.header["crit"] = []string{}; d.wrong("crit") }},
			{"b64 is not critical", func(d *draft) { d.header["b64"] = false; delete(d.header, "crit"); d.wrong("b64") }},
			{"b64 is true", func(d *draft) { d.header["b64"], d.header["crit"] = true, []string{"b64"}; d.wrong("b64") }},
			{"b64 is the other", func(d *draft) {
				if d.where == "unencoded" {
					delete(d.header, "b64")
					delete(d.header, "crit")
				} else {
					d.header["b64"], d.header["crit"] = false, []string{"b64"}
				}
				d.wrong("b64")
			}},
		},
		{
			claim("iat", now()-100, ""), claim("iat", now()-101, "old"), claim("iat", now()+100, ""), claim("iat", now()+101, "future"),
			claim("iat", nil, "no time"), claim("iat", fmt.Sprint(now()), ""), claim("iat", now()*1000, "unit"), claim("iat", true, "unit"),
		},
		{claim("exp", now()-59, ""), claim("exp", now()-60, "expired"), claim("exp", "x", "exp"), claim("nbf", now()+60, ""), claim("nbf", now()+61, "early")},
		{claim("iss", nil, "iss"), claim("iss", "https://sender.example/", "iss"), claim("iss", []string{"https://sender.example"}, "iss")},
		{claim("aud", "hooks", ""), claim("aud", "x", "aud"), claim("aud", nil, "aud"), claim("aud", []any{"hooks", 1}, "aud"), claim("AUD", "hooks", "alike")},
		{claim("body", hash("x"), "digest"), claim("body", nil, "digest"), claim("body", []string{"x"}, "digest")},
		{
			{"a part changed", part(0, flip)},
			{"a part changed", part(1, flip)},
			{"a part changed", part(2, flip)},
			{"no signature", part(2, none)},
			{"no header", part(0, none)},
			{"no payload", part(1, none)},
			{"a part twice", func(d *draft) {
				d.change = func(text string) string { return text + text[strings.LastIndex(text, "."):] }
			}},
			{"two parts", func(d *draft) {
				d.change = func(text string) string { return text[:strings.LastIndex(text, ".")] }
			}},
			{"parts exchanged", func(d *draft) {
				d.change = func(text string) string {
					parts := strings.Split(text, ".")
					slices.Reverse(parts)
					return strings.Join(parts, ".")
				}
			}},
		},
		{
			{"something before", func(d *draft) {
				d.before = authztest.Pick(d.Rand, " ", "\n", "Bearer ", ".", "=")
				d.wrong("before")
			}},
			{"something behind", func(d *draft) {
				d.behind = authztest.Pick(d.Rand, " ", "\n", "\r\n", ".", "=", "==", ",")
				d.wrong("behind")
			}},
		},
		{
			{"a body changed", func(d *draft) {
				d.body = func(text string) string {
					at := d.IntN(len(text))
					return text[:at] + string(text[at]^1<<d.IntN(7)) + text[at+1:]
				}
				d.wrong("body")
			}},
			{"a body cut", func(d *draft) {
				d.body = func(text string) string { return text[:d.IntN(len(text))] }
				d.wrong("body")
			}},
			{"something in the body", func(d *draft) {
				switch d.where {
				case "json":
					more := authztest.Pick(d.Rand, `"a":1,`, `"data":{},`, `"Data":0,`, `"token":"x",`)
					d.body = func(text string) string { return "{" + more + text[1:] }
				case "form":
					more := authztest.Pick(d.Rand, "&a=1", "&", "&token=x", ";a=1", "&TOKEN=x")
					d.body = func(text string) string { return text + more }
				default:
					d.body = func(text string) string { return text + "\n" }
				}
				d.wrong("besides")
			}},
			{"blanks in the body", func(d *draft) {
				if d.where == "json" {
					d.body = func(text string) string {
						return " " + strings.NewReplacer("{", "{\n", "}", "\t}").Replace(text) + "\r\n"
					}
				}
			}},
			{"escapes in the body", func(d *draft) {
				switch d.where {
				case "json":
					d.body = func(text string) string { return strings.Replace(text, "ey", `\u0065y`, 1) }
				case "form":
					d.body = func(text string) string { return strings.ReplaceAll(text, ".", "%2e") }
				}
			}},
		},
	}
}

// TestMutations: requests that are right pass, and so do those that are written in
// another way; no other does, whoever is asked.
func TestMutations(t *testing.T) {
	kinds := mutators()
	checks := map[string]authz.Check{}
	var passed, denied int
	authztest.Cases(t, 3000, func(random *mathrand.Rand) {
		d := newDraft(random)
		var done []string
		drawn := random.Perm(len(kinds))[:authztest.Pick(random, 0, 1, 1, 1, 1, 2, 2, 3)]
		slices.Sort(drawn)
		for _, i := range drawn {
			m := authztest.Pick(random, kinds[i]...)
			done = append(done, m.name)
			m.change(d)
		}
		check := checks[d.where]
		if check == nil {
			check = newCheck(t, d.settings())
			checks[d.where] = check
		}
		r := d.request(t)
		identity, err := check.Verify(context.Background(), r)
		if (err == nil) != (d.fault == "") {
			t.Errorf("%s, %v: error = %v, want fault %q\nbody %q\n%v", d.where, done, err, d.fault, r.Body.Raw, r.Header)
		}
		if err == nil && !identity.BodySigned || err != nil && identity != (authz.Identity{}) {
			t.Errorf("%s, %v: identity = %+v", d.where, done, identity)
		}
		if err == nil {
			passed++
		} else {
			denied++
		}
	})
	t.Logf("%d passed, %d denied", passed, denied)
}
