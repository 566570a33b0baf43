package bearer_test

import (
	"fmt"
	mathrand "math/rand/v2"
	"slices"
	"strings"

	"github.com/hookauthz/hookauthz/authz/authztest"
)

// Changes to how the objects are written as JSON.

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
