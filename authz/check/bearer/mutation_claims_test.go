package bearer_test

import (
	"strconv"
	"strings"
	"time"

	"github.com/hookauthz/hookauthz/authz/authztest"
)

// Changes to what the claims say.

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
