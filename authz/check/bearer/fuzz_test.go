package bearer_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

// FuzzToken: what reaches the judge is what stands behind the prefix, letter by
// letter, of a header that stands once; everything else is denied.
func FuzzToken(f *testing.F) {
	f.Add("Bearer abc.def.ghi", "", false)
	f.Add("bearer abc==", "x", true)
	f.Add("Bearer  abc", "", false)
	f.Add("token=a+/b~", "", true)
	o := &oracle{answer: `{"active":true,"sub":"crm","aud":"` + audience + `"}`}
	scheme := newCheck(f, introspection(nil), asking(o, nil))
	text := introspection(nil)
	prefix := "token="
	text.Prefix = &prefix
	plain := newCheck(f, text, asking(o, nil))
	f.Fuzz(func(t *testing.T, first, second string, merged bool) {
		r := authztest.Request("POST", "/h", "", "authorization", first)
		r.Header.Merged = merged
		if second != "" {
			authztest.AddHeader(r, "authorization", second)
		}
		for check, before := range map[authz.Check]string{scheme: "Bearer ", plain: prefix} {
			o.asked = nil
			_, err := check.Verify(t.Context(), r)
			exact := len(first) > len(before) && first[:len(before)] == before || before == "Bearer " && len(first) > 7 && strings.EqualFold(first[:7], before)
			token := ""
			if exact {
				token = first[len(before):]
			}
			right := second == "" && isToken(token)
			if (err == nil) != right || right && (len(o.asked) != 1 || o.asked[0] != token) || !right && len(o.asked) > 0 {
				t.Errorf("header %q, %q, prefix %q: asked about %q, error = %v", first, second, before, o.asked, err)
			}
		}
	})
}

// isToken is the grammar of RFC 6750, section 2.1, read slowly.
func isToken(s string) bool {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/"
	rest := strings.TrimLeft(s, alphabet)
	return len(rest) < len(s) && strings.Trim(rest, "=") == "" && len(s) <= 16<<10
}

// FuzzJWT looks for a token that passes and that the issuer did not make.
func FuzzJWT(f *testing.F) {
	right := sign(f, keyOf("key"), claims(nil))
	f.Add(right)
	f.Add(raw(`{"alg":"none"}`, claims(nil)))
	f.Add(raw(`{"alg":"EdDSA","kid":"k2"}`, "{}"))
	f.Add(right + "=")
	check := newCheck(f, jwt(nil), one())
	f.Fuzz(func(t *testing.T, token string) {
		identity, err := check.Verify(t.Context(), request(token))
		if err == nil && token != right {
			t.Errorf("passed %q", token)
		}
		if err != nil && identity != (authz.Identity{}) {
			t.Errorf("identity = %+v beside %v", identity, err)
		}
	})
}

func BenchmarkBearer(b *testing.B) {
	e := asking(&oracle{}, nil)
	answer := []byte(`{"active":true,"sub":"crm","aud":"` + audience + `","exp":1767323345,"scope":"orders"}`)
	e.Introspector = func(authz.IntrospectionServer) authz.Introspector { return kept(answer) }
	e.Keys = env(map[string]authz.KeySet{"keys": set(public("ed", keyOf("key")), public("ec", ecKey()), public("rsa", rsaKey()))}).Keys
	own := issuing(nil)
	opaque := issuing(grants{"2YotnFZFEjr1zCsicMWpAA": {Issuer: ownIssuer, Client: "acme", Policies: []string{"test"}, Expires: authztest.Received().Add(time.Hour)}})
	benchmarks := []struct {
		name     string
		settings *policypb.Bearer
		env      *authz.Env
		token    string
	}{
		{name: "EdDSA", settings: jwt(nil), env: e, token: signAs(b, keyOf("key"), "ed", "", claims(nil))},
		{name: "ES256", settings: jwt(nil), env: e, token: signAs(b, ecKey(), "ec", "", claims(nil))},
		{name: "RS256", settings: jwt(nil), env: e, token: signAs(b, rsaKey(), "rsa", "", claims(nil))},
		{name: "introspection, known", settings: introspection(nil), env: e, token: "2YotnFZFEjr1zCsicMWpAA"},
		{name: "own JWT", settings: clients("acme"), env: own, token: signAs(b, keyOf("key"), "k1", "at+jwt", ownClaims(nil))},
		{name: "own opaque", settings: clients("acme"), env: opaque, token: "2YotnFZFEjr1zCsicMWpAA"},
	}
	for _, bb := range benchmarks {
		b.Run(bb.name, func(b *testing.B) {
			check := newCheck(b, bb.settings, bb.env)
			r, ctx := request(bb.token), b.Context()
			b.ReportAllocs()
			for b.Loop() {
				if _, err := check.Verify(ctx, r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// kept is an introspection whose answer is known.
type kept []byte

func (k kept) Introspect(context.Context, string, time.Time) ([]byte, error) { return k, nil }
