package httpsig_test

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
)

// signing are what may be changed before a request is signed.
func signing() []mutator {
	return []mutator{
		{"less covered", func(d *drafted) bool {
			if len(d.covered) == 0 {
				return false
			}
			i := d.IntN(len(d.covered))
			left := d.covered[i]
			d.covered = slices.Delete(d.covered, i, i+1)
			return slices.Contains(d.to.required, name(left.id)) && !strings.Contains(left.id, ";key") && !d.covers(name(left.id))
		}},
		{"covered what can't be", func(d *drafted) bool {
			d.covered = append(d.covered, authztest.Pick(d.Rand, covering{`"@status"`, "200"}, covering{`"x-gone"`, ""}, covering{`"x-a";req`, "1"},
				covering{`"x-a";tr`, "1"}, covering{`"@method";sf`, "POST"}, covering{`"X-A"`, "1"}, covering{`"@query-param";name="none"`, ""}, covering{`"x-a";sf`, "1"}))
			return true
		}},
		{"covered twice", func(d *drafted) bool {
			if len(d.covered) == 0 {
				return false
			}
			d.covered = append(d.covered, d.covered[0])
			return true
		}},
		{"other time", func(d *drafted) bool {
			shift := authztest.Pick(d.Rand, -301, -300, -1, 0, 1, 300, 301)
			d.params["created"] = strconv.Itoa(1767323045 + shift)
			return shift < -300 || shift > 300
		}},
		{"no time, or not as one", func(d *drafted) bool {
			d.params["created"] = authztest.Pick(d.Rand, quoted(created), created+".0", "?1", "@"+created, "-1")
			if d.IntN(3) == 0 {
				delete(d.params, "created")
			}
			return true
		}},
		{"expires", func(d *drafted) bool {
			at := authztest.Pick(d.Rand, 1767323044, 1767323045, 1767323046, 0)
			d.params["expires"] = strconv.Itoa(at)
			return at <= 1767323045
		}},
		{"another key id, or none", func(d *drafted) bool {
			if d.IntN(3) == 0 {
				delete(d.params, "keyid")
				return d.to.keyID != ""
			}
			d.params["keyid"] = quoted(authztest.Pick(d.Rand, "k2", "K1", "keys2", "k1 ", "ec384"))
			return true
		}},
		{"another alg", func(d *drafted) bool {
			d.params["alg"] = quoted(authztest.Pick(d.Rand, "none", "rsa-pss-sha512", "ecdsa-p384-sha384", "ED25519", ""))
			return true
		}},
		{"another signer", func(d *drafted) bool {
			d.key, d.signed = keyOf("other"), "ed25519"
			return true
		}},
		{"shared key out of what is public", func(d *drafted) bool {
			d.key, d.signed = secret(pemOf("key")), "hmac-sha256"
			return true
		}},
		{"another tag", func(d *drafted) bool {
			d.params["tag"] = authztest.Pick(d.Rand, quoted("other"), "hooks", quoted(""), quoted("Hooks"))
			return d.to.tag != "" || d.params["tag"] == "hooks"
		}},
		{"no nonce", func(d *drafted) bool {
			delete(d.params, "nonce")
			return d.to.nonce
		}},
		{"unknown parameter", func(d *drafted) bool {
			d.params["extra"] = authztest.Pick(d.Rand, "1", quoted("x, y=z;"), ":AAAA:", "?0", "a/b")
			return false
		}},
		{"another label", func(d *drafted) bool {
			d.label = "else"
			return d.to.label != ""
		}},
	}
}

// sending are what may be changed in a request that is signed.
func sending() []mutator {
	header := func(d *drafted, name string, edit func(string) string) {
		value, _ := d.r.Header.Line(name)
		replaced(d.r, name, edit(value))
	}
	return []mutator{
		{"another method", func(d *drafted) bool { d.r.Method += "X"; return d.touches("@method") }},
		{"another path", func(d *drafted) bool {
			d.r.Path = authztest.Pick(d.Rand, "/h/.", "/h/%2E", "//h/%2e", "/in/h/%2e") + strings.TrimPrefix(d.r.Path, "/h/%2e")
			return d.touches("@path", "@target-uri", "@request-target")
		}},
		{"another query", func(d *drafted) bool {
			if strings.Contains(d.r.Path, "?") {
				d.r.Path += "&"
			} else {
				d.r.Path += "?z"
			}
			return d.touches("@query", "@target-uri", "@request-target")
		}},
		{"another body", func(d *drafted) bool { d.r.Body.Raw[d.IntN(len(d.r.Body.Raw))] ^= 1; return d.covers("content-digest") }},
		{"another body with its digest", func(d *drafted) bool {
			d.r.Body.Raw[0] ^= 0x80
			replaced(d.r, "content-digest", digest(string(d.r.Body.Raw)))
			return d.touches("content-digest")
		}},
		{"another header", func(d *drafted) bool {
			name := authztest.Pick(d.Rand, "x-a", "x-b", "content-type", "priority", "x-empty")
			header(d, name, func(string) string { return "u=2" })
			for i, f := range d.r.Header.Fields { // x-b has two lines, which Line does not give
				if f.Name == "x-b" && name == "x-b" {
					d.r.Header.Fields[i].Value = "other"
				}
			}
			return d.touches(name)
		}},
		{"one more line", func(d *drafted) bool {
			name := authztest.Pick(d.Rand, "x-a", "x-b", "content-type")
			authztest.AddHeader(d.r, name, "1")
			return d.touches(name)
		}},
		{"digest twice", func(d *drafted) bool {
			value, _ := d.r.Header.Line("content-digest")
			authztest.AddHeader(d.r, "content-digest", value)
			return d.touches("content-digest")
		}},
		{"header gone", func(d *drafted) bool {
			name := authztest.Pick(d.Rand, "x-a", "content-digest", "priority", "signature", "signature-input")
			*d.r = *without(d.r, name)
			return d.touches(name) || strings.HasPrefix(name, "signature")
		}},
		{"its own words about the address", func(d *drafted) bool {
			d.r.Host, d.r.Scheme = "evil.example.net", "http"
			for _, name := range []string{"host", "x-forwarded-host", "forwarded", "x-forwarded-proto", ":authority", "@authority", "@method", "x-original-url"} {
				authztest.AddHeader(d.r, name, "evil.example.net")
			}
			return false
		}},
		{"later", func(d *drafted) bool {
			d.r.Received = d.r.Received.Add(2000 * time.Second)
			return true
		}},
		{"rewritten", func(d *drafted) bool {
			which := authztest.Pick(d.Rand, "signature", "signature-input")
			header(d, which, func(value string) string {
				if value == "" {
					return "x"
				}
				at := d.IntN(len(value))
				switch d.IntN(5) {
				case 0:
					return value[:at] + string(value[at]^byte(1<<d.IntN(7))) + value[at+1:]
				case 1:
					return value[:at] + value[at+1:]
				case 2:
					return value[:at] + authztest.Pick(d.Rand, " ", "\t", ",", ";", "=", `"`, "\x00", "A", "0") + value[at:]
				case 3:
					return value + authztest.Pick(d.Rand, " ", ",", ";a", ";a=1", "=", ", ", ", =")
				}
				return strings.ToUpper(value)
			})
			return true
		}},
		{"signature header twice", func(d *drafted) bool {
			name := authztest.Pick(d.Rand, "signature", "signature-input")
			value, _ := d.r.Header.Line(name)
			authztest.AddHeader(d.r, name, authztest.Pick(d.Rand, value, "", "other=:AA==:"))
			return true
		}},
		{"another signature besides", func(d *drafted) bool {
			first := d.IntN(2) == 0
			add := func(more string) func(string) string {
				return func(value string) string {
					if first {
						return more + ", " + value
					}
					return value + ", " + more
				}
			}
			header(d, "signature-input", add(`proxy=("x-a");created=1`))
			header(d, "signature", add("proxy=:AAAA:"))
			return d.to.label == "" && d.to.tag == ""
		}},
		{"label twice", func(d *drafted) bool {
			which := authztest.Pick(d.Rand, "signature", "signature-input")
			header(d, which, func(value string) string { return value + ", " + value })
			return true
		}},
		{"not whole", func(d *drafted) bool {
			d.r.Body.Delivery = authz.DeliveryCut
			return d.covers("content-digest")
		}},
		{"joined by the gateway", func(d *drafted) bool {
			d.r.Header.Merged = true
			value, _ := d.r.Header.Line("signature-input")
			return d.touches("x-b") || strings.Contains(value, "!") // two lines, of which one has what stands for another byte
		}},
	}
}
