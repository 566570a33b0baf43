package bearer_test

import (
	"strings"

	"github.com/hookauthz/hookauthz/authz/authztest"
)

// Changes to the header, but for the algorithm.

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
