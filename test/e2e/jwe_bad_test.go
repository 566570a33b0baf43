//go:build e2e

package e2e

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/hookauthz/hookauthz/authz"
)

// What can't be opened is answered alike, whatever the cause; and what is asked
// for in the header of a token is not done.
func TestEncryptedBadInput(t *testing.T) {
	p := proofs()
	whole := p.toRSA().of(t, order())
	cbc := p.toRSA().with("RSA-OAEP", "A128CBC-HS256")
	blocks := cbc.of(t, []byte("exactly 32 bytes are two blocks.")) // and one of padding
	other := p.toRSA()
	other.key = newPair(t, "rsa").Public()

	var first reply
	for name, token := range map[string]string{
		"a changed key":          flipped(whole, 1),
		"a changed vector":       flipped(whole, 2),
		"changed text":           flipped(whole, 3),
		"a changed tag":          flipped(whole, 4),
		"another header":         withHeader(whole, func(h map[string]any) { h["cty"] = "JWT" }),
		"to another key":         other.of(t, order()),
		"another's text":         mixed(whole, p.toRSA().of(t, order()), 1),
		"CBC, a changed key":     flipped(blocks, 1),
		"CBC, a changed vector":  flipped(blocks, 2),
		"CBC, changed text":      flipped(blocks, 3),
		"CBC, a changed tag":     flipped(blocks, 4),
		"CBC, a block less":      shortened(blocks, 3, 16),
		"the other way to agree": withHeader(whole, func(h map[string]any) { h["alg"] = "RSA-OAEP" }),
	} {
		t.Run(name, func(t *testing.T) {
			got := p.send(t, sealedBody("jwe-sibling", token))
			d := p.denied(t, got, 401, authz.ReasonDecryptionFailed)
			if first.status == 0 {
				first = got
			}
			if a, b := faceless(first), faceless(got); a != b {
				t.Errorf("this is answered\n%s\nand another failure\n%s", b, a)
			}
			if strings.Contains(got.body+d.Detail, "padding") || strings.Contains(d.Detail, "tag") {
				t.Errorf("detail %q tells how far it came", d.Detail)
			}
		})
	}
	parts := strings.Split(whole, ".")
	zipped := p.toRSA()
	zipped.zip = true
	critical := func(name string, value any) string {
		return withHeader(whole, func(h map[string]any) { h["crit"], h[name] = []string{name}, value })
	}
	for _, tt := range []struct {
		name, token string
		reason      authz.Reason // bug: any that is the sender's mistake
	}{
		{name: "alg none", token: withHeader(whole, func(h map[string]any) { h["alg"] = "none" }), reason: authz.ReasonAlgNotAllowed},
		{name: "RSA1_5", token: withHeader(whole, func(h map[string]any) { h["alg"] = "RSA1_5" }), reason: authz.ReasonAlgNotAllowed},
		{name: "PBES2", token: withHeader(whole, func(h map[string]any) { h["alg"], h["p2c"], h["p2s"] = "PBES2-HS256+A128KW", 1<<30, "c2FsdA" }), reason: authz.ReasonAlgNotAllowed},
		{name: "dir", token: withHeader(whole, func(h map[string]any) { h["alg"] = "dir" }), reason: authz.ReasonAlgNotAllowed},
		{name: "an algorithm that is not listed", token: p.toRSA().with("RSA-OAEP-256", "A128GCM").of(t, order()), reason: authz.ReasonAlgNotAllowed},
		{name: "a key of another type", token: seal{alg: "ECDH-ES", enc: "A256GCM", key: p.pairs["jwe-ec"].Public()}.of(t, order()), reason: authz.ReasonAlgNotAllowed},
		{name: "zip", token: zipped.of(t, order()), reason: authz.ReasonTokenInvalid},
		{name: "crit", token: critical("x", 1), reason: authz.ReasonTokenInvalid},
		{name: "crit exp", token: critical("exp", 1), reason: authz.ReasonTokenInvalid},
		{name: "an unknown key id", token: withHeader(whole, func(h map[string]any) { h["kid"] = "of-nobody" }), reason: authz.ReasonKidUnknown},
		{name: "p2c", token: withHeader(whole, func(h map[string]any) { h["p2c"] = 1 << 30 })},
		{name: "CBC, no whole block", token: shortened(blocks, 3, 1)},
		{name: "four parts", token: strings.Join(parts[:4], ".")},
		{name: "six parts", token: whole + ".x"},
		{name: "no tag", token: strings.Join(parts[:4], ".") + "."},
		{name: "half a tag", token: strings.Join(parts[:4], ".") + "." + parts[4][:11]},
		{name: "no key", token: parts[0] + ".." + strings.Join(parts[2:], ".")},
		{name: "no vector", token: parts[0] + "." + parts[1] + ".." + parts[3] + "." + parts[4]},
		{name: "no header", token: "." + strings.Join(parts[1:], ".")},
		{name: "enc in small letters", token: withHeader(whole, func(h map[string]any) { h["enc"] = "a256gcm" }), reason: authz.ReasonAlgNotAllowed},
		{name: "no enc", token: withHeader(whole, func(h map[string]any) { delete(h, "enc") })},
		{name: "apu that is a number", token: withHeader(whole, func(h map[string]any) { h["apu"] = 7 })},
		{name: "its own key", token: withHeader(whole, func(h map[string]any) { h["jwk"] = p.keys["RS256"].jwk() })},
		{name: "a key set elsewhere", token: withHeader(whole, func(h map[string]any) { h["jku"] = p.issuer.url + "/keys" })},
		{name: "padding", token: whole + "=="},
		{name: "a line break", token: whole + "\n"},
		{name: "blanks", token: " " + whole},
		{name: "JSON serialisation", token: string(mustJSON(map[string]any{"protected": parts[0], "encrypted_key": parts[1], "iv": parts[2], "ciphertext": parts[3], "tag": parts[4]}))},
		{name: "alg twice", token: base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"RSA-OAEP-256","alg":"dir","enc":"A256GCM"}`)) + "." + strings.Join(parts[1:], ".")},
		{name: "no JSON", token: "x." + strings.Join(parts[1:], ".")},
		{name: "plain", token: string(event)},
		{name: "dots", token: "...."},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := p.send(t, sealedBody("jwe-sibling", tt.token))
			if a, b := faceless(first), faceless(got); a != b {
				t.Errorf("this is answered\n%s\nand what can't be opened\n%s", b, a)
			}
			if tt.reason == authz.ReasonBug {
				p.closed(t, tt.name, got)
				return
			}
			p.denied(t, got, 401, tt.reason)
		})
	}
}

// Points that are on no curve, or on another, tell nothing of our key.
func TestEncryptedPoints(t *testing.T) {
	p := proofs()
	whole := p.toEC().of(t, []byte(p.tok.token(orderClaims())))
	p.allowed(t, p.send(t, sealedBody("jwe-inner", whole)))
	zero := base64.RawURLEncoding.EncodeToString(make([]byte, 32))
	other := p384JWK(newPair(t, "p384"))
	for name, change := range map[string]func(epk map[string]any){
		"not on the curve":   func(epk map[string]any) { epk["y"] = epk["x"] },
		"zero":               func(epk map[string]any) { epk["x"], epk["y"] = zero, zero },
		"short":              func(epk map[string]any) { epk["x"] = "AQ" },
		"of another curve":   func(epk map[string]any) { epk["crv"], epk["x"], epk["y"] = other["crv"], other["x"], other["y"] },
		"of another name":    func(epk map[string]any) { epk["crv"] = "P-384" },
		"of another type":    func(epk map[string]any) { epk["kty"], epk["crv"] = "OKP", "X25519" },
		"another's":          func(epk map[string]any) { maps.Copy(epk, pointJWK(newPair(t, "p256"))) },
		"with a number":      func(epk map[string]any) { epk["x"] = 7 },
		"with a private key": func(epk map[string]any) { epk["d"] = epk["x"] },
	} {
		t.Run(name, func(t *testing.T) {
			token := withHeader(whole, func(h map[string]any) {
				epk, _ := h["epk"].(map[string]any) // the library writes one
				change(epk)
			})
			p.closed(t, name, p.send(t, sealedBody("jwe-inner", token)))
		})
	}
	p.closed(t, "none", p.send(t, sealedBody("jwe-inner", withHeader(whole, func(h map[string]any) { delete(h, "epk") }))))
}

// faceless returns an answer without what tells one request from another.
func faceless(r reply) string {
	id := r.header.Get("X-Hookauthz-Decision-Id")
	var lines []string
	for name, values := range r.header {
		if name != "Date" {
			lines = append(lines, name+": "+strings.ReplaceAll(strings.Join(values, "|"), id, "ID"))
		}
	}
	slices.Sort(lines)
	return http.StatusText(r.status) + "\n" + strings.Join(lines, "\n") + "\n" + strings.ReplaceAll(r.body, id, "ID")
}

// flipped returns a token with a bit in the middle of one part changed.
func flipped(token string, part int) string {
	return rewritten(token, part, func(b []byte) []byte {
		b[len(b)/2] ^= 1
		return b
	})
}

// shortened returns a token with the end of one part cut.
func shortened(token string, part, by int) string {
	return rewritten(token, part, func(b []byte) []byte { return b[:len(b)-by] })
}

// mixed returns a token with one part of another.
func mixed(token, other string, part int) string {
	parts := strings.Split(token, ".")
	parts[part] = strings.Split(other, ".")[part]
	return strings.Join(parts, ".")
}

// withHeader returns a token under a changed header.
func withHeader(token string, change func(map[string]any)) string {
	return rewritten(token, 0, func(b []byte) []byte {
		var header map[string]any
		_ = json.Unmarshal(b, &header) // the library wrote it
		change(header)
		return mustJSON(header)
	})
}

func rewritten(token string, part int, change func([]byte) []byte) string {
	parts := strings.Split(token, ".")
	content, _ := base64.RawURLEncoding.DecodeString(parts[part])
	parts[part] = base64.RawURLEncoding.EncodeToString(change(content))
	return strings.Join(parts, ".")
}
