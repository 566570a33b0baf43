package jwe_test

import (
	"crypto/rand"
	mathrand "math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/hookauthz/hookauthz/authz/authztest"
	"github.com/hookauthz/hookauthz/authz/scheme/jwe"
)

// TestMutations: tokens are made of facts and changed together with them. Those
// that are right pass, however they are written; no other does. See
// [authztest.Cases] for how to make more of them.
func TestMutations(t *testing.T) {
	all := parties(t)
	kinds := mutators()
	var passed, denied int
	authztest.Cases(t, 1500, func(random *mathrand.Rand) {
		d := newDraft(random, authztest.Pick(random, all...))
		var done []string
		drawn := random.Perm(len(kinds))[:authztest.Pick(random, 0, 0, 1, 1, 1, 2, 2, 3)]
		slices.Sort(drawn)
		for _, i := range drawn {
			m := authztest.Pick(random, kinds[i]...)
			done = append(done, m.name)
			m.change(d)
		}
		if d.IntN(10) == 0 {
			d.to = authztest.Pick(random, all...)
			done = append(done, "presented to "+d.to.name)
		}
		parts := d.parts(t, "payload")
		right := strings.Join(parts[:], ".")
		presented := right
		if d.IntN(4) == 0 {
			presented = rewrite(t, d, parts, all)
			done = append(done, "rewritten")
		}
		fault := d.fault()
		if presented != right {
			fault = "not what was made"
		}
		identity, err := d.to.check.Verify(t.Context(), body(presented))
		if (err == nil) != (fault == "") {
			t.Errorf("%s, %v: error = %v, want fault %q\n%s\n%s", d.to.name, done, err, fault, d.object(), presented)
		}
		if identity.Decrypted != (err == nil) {
			t.Errorf("identity = %+v beside %v", identity, err)
		}
		if err == nil {
			passed++
		} else {
			denied++
		}
	})
	t.Logf("%d passed, %d denied", passed, denied)
}

// A mutator changes a draft and its facts.
type mutator struct {
	name   string
	change func(d *draft)
}

func mutators() [][]mutator {
	return [][]mutator{keyMutators(), algorithmMutators(), kidMutators(), headerMutators(), textMutators()}
}

func keyMutators() []mutator {
	return []mutator{
		{"a key of ours", func(d *draft) {
			if h := authztest.Pick(d.Rand, d.to.keys...); h.fitting(d.alg, d.content) {
				d.key = h
			}
		}},
		{"a key of nobody", func(d *draft) {
			switch key := d.key.key.(type) {
			case []byte:
				another := slices.Clone(key)
				another[d.IntN(len(another))] ^= byte(1 << d.IntN(8))
				d.key.key = another
			default:
				if strings.HasPrefix(string(d.alg), "ECDH") {
					d.key.key = newEC(p384())
				}
			}
		}},
	}
}

func algorithmMutators() []mutator {
	return []mutator{
		{"another alg is said", func(d *draft) {
			d.said = jwe.KeyAlgorithm(authztest.Pick(d.Rand, "RSA-OAEP", "RSA-OAEP-256", "ECDH-ES", "ECDH-ES+A128KW", "ECDH-ES+A256KW", "A128KW", "A256KW", "dir",
				"RSA1_5", "none", "", "PBES2-HS256+A128KW", "A128GCMKW", "DIR", "dir ", "RSA-OAEP-384", "HS256"))
			d.member("alg", quoted(string(d.said)))
		}},
		{"another enc is said", func(d *draft) {
			d.saidOf = jwe.ContentAlgorithm(authztest.Pick(d.Rand, "A128GCM", "A192GCM", "A256GCM", "A128CBC-HS256", "A192CBC-HS384", "A256CBC-HS512", "A128CBC", "none", "", "a256gcm"))
			d.member("enc", quoted(string(d.saidOf)))
		}},
		{"an algorithm is no text", func(d *draft) {
			d.member(authztest.Pick(d.Rand, "alg", "enc"), authztest.Pick(d.Rand, "", "null", "1", `["dir"]`, "{}", "true"))
			d.broken = "algorithm"
		}},
	}
}

func kidMutators() []mutator {
	return []mutator{
		{"no key id", func(d *draft) {
			d.kid = ""
			d.member("kid", "")
		}},
		{"another key id", func(d *draft) {
			d.kid = authztest.Pick(d.Rand, "k1", "k2", "K1", "k3", "../k1", "https://evil.example/k1")
			d.member("kid", quoted(d.kid))
		}},
		{"no fit key id", func(d *draft) {
			d.member("kid", authztest.Pick(d.Rand, `""`, "null", "1", `["k1"]`, `"k1 "`, `"k1\u0000"`, quoted(strings.Repeat("k", 129))))
			d.broken = "key id"
		}},
	}
}

func headerMutators() []mutator {
	return []mutator{
		{"a member more", func(d *draft) {
			d.insert(authztest.Pick(d.Rand, `"x"`, `"x5t"`, `"iss"`, `""`, `"exp"`), authztest.Pick(d.Rand, `"x"`, "null", "1", `{"a":{}}`, "[1,2]"))
		}},
		{"a type", func(d *draft) {
			d.insert(authztest.Pick(d.Rand, `"typ"`, `"cty"`), authztest.Pick(d.Rand, `"JWT"`, `"JOSE"`, `""`))
		}},
		{"a member that is refused", func(d *draft) {
			d.insert(authztest.Pick(d.Rand, `"crit"`, `"zip"`, `"\u007aip"`, `"p2c"`, `"p2s"`, `"jku"`, `"jwk"`, `"x5u"`, `"x5c"`),
				authztest.Pick(d.Rand, "null", `"DEF"`, "[]", `["exp"]`, "1", "{}", `"https://evil.example/"`))
			d.broken = "member of the header"
		}},
		{"a member twice", func(d *draft) {
			p := authztest.Pick(d.Rand, d.header...)
			d.insert(p.name, authztest.Pick(d.Rand, p.value, `"none"`, "null"))
			d.broken = "a member twice"
		}},
		{"a member in another case", func(d *draft) {
			d.insert(authztest.Pick(d.Rand, `"Alg"`, `"ENC"`, `"\u212aid"`, `"Zip"`, `"EPK"`, `"Crit"`, `"JWK"`), `"none"`)
			d.broken = "a member in another case"
		}},
		{"an epk that is none", func(d *draft) {
			if strings.HasPrefix(string(d.said), "ECDH") {
				zeros := encode(make([]byte, 32))
				d.insert(`"epk"`, authztest.Pick(d.Rand, "null", "{}", `"x"`, `{"kty":"EC","crv":"P-256","x":"`+zeros+`","y":"`+zeros+`"}`,
					`{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}`, `{"kty":"OKP","crv":"X25519","x":"`+zeros+`"}`, `{"kty":"RSA","n":"AQAB","e":"AQAB"}`))
				d.broken = "epk"
			}
		}},
	}
}

func textMutators() []mutator {
	return []mutator{
		{"order", func(d *draft) {
			d.Shuffle(len(d.header), func(i, j int) { d.header[i], d.header[j] = d.header[j], d.header[i] })
		}},
		{"blanks", func(d *draft) { d.blanks = authztest.Pick(d.Rand, " ", "\n", "\r\n\t", "  ") }},
		{"what is no blank", func(d *draft) {
			d.blanks = authztest.Pick(d.Rand, "\x00", "\ufeff", "\u00a0", "\v", "/**/", "\xff")
			d.broken = "no JSON"
		}},
	}
}

// rewrite changes the text of a token, most often into another.
func rewrite(t *testing.T, d *draft, parts [5]string, all []*party) string {
	t.Helper()
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	token := strings.Join(parts[:], ".")
	i, at := d.IntN(5), d.IntN(len(token))
	switch d.IntN(12) {
	case 0: // bits of the last character that decoding drops
		if n := len(parts[i]); n > 0 && n%4 != 0 {
			last := strings.IndexByte(alphabet, parts[i][n-1])
			parts[i] = parts[i][:n-1] + string(alphabet[last^(1+d.IntN(map[int]int{2: 15, 3: 3}[n%4]))])
		}
	case 1:
		parts[i] += authztest.Pick(d.Rand, "=", "==", "A", "AA", "AAAA", "%3D", " ", "~", "+", "/")
	case 2:
		parts[i] = ""
	case 3:
		parts[i] = parts[i][:d.IntN(len(parts[i])+1)]
	case 4, 5: // a part of another token that is right
		parts[i] = newDraft(d.Rand, authztest.Pick(d.Rand, all...)).parts(t, "payload")[i]
	case 6:
		noise := make([]byte, d.IntN(300))
		_, _ = rand.Read(noise)
		parts[i] = encode(noise)
	case 7:
		return token[:at] + authztest.Pick(d.Rand, " ", "\n", ".", "=", "%2E", "A") + token[at:]
	case 8:
		return token[:at] + token[at+1:]
	case 9:
		return token[:at] + string(token[at]^byte(1<<d.IntN(7))) + token[at+1:]
	case 10:
		return authztest.Pick(d.Rand, token+token, token+".", "."+token, token+"\n", strings.ToUpper(token))
	case 11:
		parts[1], parts[4] = parts[4], parts[1]
	}
	return strings.Join(parts[:], ".")
}
