package bearer_test

import (
	"strings"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
)

// Where and how a token that is made is presented.

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
