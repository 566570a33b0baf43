//go:build e2e

package e2e

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/hookauthz/hookauthz/authz"
)

// What is no token, or one that asks the verifier for a favour.
func TestTokenBadInput(t *testing.T) {
	p := proofs()
	es, rs := p.keys["ES256"], p.keys["RS256"]
	c := orderClaims()
	text := base64.RawURLEncoding.EncodeToString
	whole := es.token(c)
	parts := strings.Split(whole, ".")
	none := text([]byte(`{"alg":"none","kid":"of-ES256"}`))
	spy := p.issuer.url + "/spy"
	t.Cleanup(func() { // after all rows
		if n := p.issuer.asked("/spy"); n > 0 {
			t.Errorf("what a token names was fetched %d times", n)
		}
	})
	for _, tt := range []struct {
		name, token string
		reason      authz.Reason // bug: any that is the sender's mistake
	}{
		{name: "alg none", token: none + "." + parts[1] + "."},
		{name: "alg none with a signature", token: none + "." + parts[1] + "." + parts[2], reason: authz.ReasonAlgNotAllowed},
		{name: "alg twice", token: es.raw([]byte(`{"alg":"ES256","alg":"none","kid":"of-ES256"}`), mustJSON(c))},
		{name: "no alg", token: es.raw([]byte(`{"kid":"of-ES256"}`), mustJSON(c))},
		{name: "HS256 under the public key", token: rs.confused(c), reason: authz.ReasonAlgNotAllowed},
		{name: "an algorithm that is not listed", token: es.as("ES512").token(c), reason: authz.ReasonAlgNotAllowed},
		{name: "a key of another type", token: es.as("EdDSA").token(c)},
		{name: "another key's id", token: es.named("of-RS256").token(c)},
		{name: "an unknown key id", token: es.named("of-nobody").token(c), reason: authz.ReasonKidUnknown},
		{name: "crit unknown", token: es.tokenOf(c, map[string]any{"crit": []string{"x"}, "x": 1}), reason: authz.ReasonTokenInvalid},
		{name: "crit of what is not there", token: es.tokenOf(c, map[string]any{"crit": []string{"exp"}})},
		{name: "crit b64", token: es.tokenOf(c, map[string]any{"crit": []string{"b64"}, "b64": false})},
		{name: "b64 false without crit", token: es.tokenOf(c, map[string]any{"b64": false})},
		{name: "zip", token: es.tokenOf(c, map[string]any{"zip": "DEF"})},
		{name: "its own key", token: newSigner(t, "of-ES256", "ES256").tokenOf(c, map[string]any{"jwk": es.jwk()})},
		{name: "a key set elsewhere", token: es.tokenOf(c, map[string]any{"jku": spy})},
		{name: "a certificate elsewhere", token: es.tokenOf(c, map[string]any{"x5u": spy})},
		{name: "no signature", token: parts[0] + "." + parts[1] + "."},
		{name: "two parts", token: parts[0] + "." + parts[1]},
		{name: "four parts", token: whole + ".x"},
		{name: "no payload", token: parts[0] + ".." + parts[2]},
		{name: "a signature cut", token: whole[:len(whole)-6]},
		{name: "a signature with padding", token: whole + "=="},
		{name: "stray bits", token: whole[:len(whole)-1] + string(nextLetter(whole[len(whole)-1]))},
		{name: "JSON serialisation", token: string(mustJSON(map[string]any{"protected": parts[0], "payload": parts[1], "signature": parts[2]}))},
		{name: "claims twice", token: es.raw([]byte(`{"alg":"ES256","kid":"of-ES256"}`), []byte(`{"exp":1,"exp":99999999999}`))},
		{name: "an empty object", token: "e30.e30."},
		{name: "dots", token: ".."},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := p.send(t, tokenBody("jws-discovered", tt.token))
			if tt.reason == authz.ReasonBug {
				p.closed(t, tt.name, got)
				return
			}
			p.denied(t, got, 401, tt.reason)
		})
	}
}

// nextLetter returns a letter of base64url whose last bits differ.
func nextLetter(b byte) byte {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return letters[strings.IndexByte(letters, b)^1]
}
