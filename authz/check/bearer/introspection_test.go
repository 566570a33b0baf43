package bearer_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
	"github.com/hookauthz/hookauthz/authz/check/bearer"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

// An oracle is an authorization server that says one thing.
type oracle struct {
	answer string
	err    error
	asked  []string
}

func (o *oracle) Introspect(_ context.Context, token string, _ time.Time) ([]byte, error) {
	o.asked = append(o.asked, token)
	return []byte(o.answer), o.err
}

// introspection are settings that ask an [oracle].
func introspection(change func(*policypb.Introspection)) *policypb.Bearer {
	s := &policypb.Introspection{
		Url: "https://idp.example.com/introspect", ClientId: "hookauthz", Secrets: []string{"client"}, Audiences: []string{audience},
	}
	if change != nil {
		change(s)
	}
	return &policypb.Bearer{Introspection: s}
}

func asking(o *oracle, declared *authz.IntrospectionServer) *authz.Env {
	e := authztest.Env(map[string]authz.Secrets{"client": authztest.Values("client-secret")})
	e.Introspector = func(server authz.IntrospectionServer) authz.Introspector {
		if declared != nil {
			*declared = server
		}
		return o
	}
	return e
}

func TestIntrospection(t *testing.T) {
	const ok, invalid, mismatch, down = authz.ReasonVerified, authz.ReasonTokenInvalid, authz.ReasonClaimMismatch, authz.ReasonIntrospectionUnavailable
	now := authztest.Received().Unix()
	with := func(more string) string { return `{"active":true,"aud":"` + audience + `",` + more + `}` }
	tests := []struct {
		name   string
		answer string
		err    error
		want   authz.Reason
	}{
		{name: "subject", answer: with(`"sub":"crm"`), want: ok},
		{name: "subject and client", answer: with(`"sub":"crm","client_id":"x"`), want: ok},
		{name: "client", answer: with(`"client_id":"crm"`), want: ok},
		{name: "client, and a subject that is null", answer: with(`"sub":null,"client_id":"crm"`), want: ok},
		{name: "client, and a subject that is a number", answer: with(`"sub":7,"client_id":"crm"`), want: invalid},
		{name: "several audiences", answer: `{"active":true,"aud":["x","` + audience + `"],"sub":"crm"}`, want: ok},
		{name: "nobody", answer: with(`"username":"crm"`), want: invalid},
		{name: "not ASCII", answer: with(`"sub":"crä"`), want: invalid},
		{name: "no audience", answer: `{"active":true,"sub":"crm"}`, want: mismatch},
		{name: "another audience", answer: `{"active":true,"sub":"crm","aud":"x"}`, want: mismatch},
		{name: "expired", answer: with(fmt.Sprintf(`"sub":"crm","exp":%d`, now-61)), want: authz.ReasonTokenExpired},
		{name: "not yet", answer: with(fmt.Sprintf(`"sub":"crm","nbf":%d`, now+61)), want: authz.ReasonTokenNotYetValid},
		{name: "can't be read", answer: with(`"sub":"crm","sub":"boss"`), want: down},
		{name: "not active", err: authz.Deny(invalid, ""), want: invalid},
		{name: "unreachable", err: authz.Deny(down, ""), want: down},
		{name: "refuses us", err: authz.Deny(authz.ReasonSecretInvalid, ""), want: authz.ReasonSecretInvalid},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := &oracle{answer: tt.answer, err: tt.err}
			identity, err := verify(t, newCheck(t, introspection(nil), asking(o, nil)), "a.b-c_~+/==")
			authztest.WantReason(t, err, tt.want)
			if err == nil && (identity != authz.Identity{Principal: "crm", Credential: true}) {
				t.Errorf("identity = %+v", identity)
			}
			if len(o.asked) != 1 || o.asked[0] != "a.b-c_~+/==" {
				t.Errorf("asked about %q", o.asked)
			}
		})
	}
}

// A server is not asked about what is no token.
func TestIntrospectionOfNothing(t *testing.T) {
	o := &oracle{answer: `{}`}
	check := newCheck(t, introspection(nil), asking(o, nil))
	for _, token := range []string{"", " ", "a b", "a,b", "ä", "a\n", "="} {
		if _, err := verify(t, check, token); err == nil {
			t.Errorf("token %q passed", token)
		}
	}
	if len(o.asked) > 0 {
		t.Errorf("asked about %q", o.asked)
	}
}

func TestIntrospectionDeclared(t *testing.T) {
	var got authz.IntrospectionServer
	part, problems := bearer.Kind().Build(introspection(func(s *policypb.Introspection) { s.PrivateNetwork = "accepted" }), asking(&oracle{}, &got))
	if len(problems) > 0 || got.Policy != "test" || got.URL != "https://idp.example.com/introspect" || got.ClientID != "hookauthz" ||
		!got.PrivateNetwork || len(got.Secrets) != 1 || got.Secrets[0].Name != "client" {
		t.Errorf("asks %+v, %v", got, problems)
	}
	part.Unfit(authztest.Received(), func(secret string, why error) { t.Errorf("%s: %v", secret, why) })

	e := asking(&oracle{}, nil)
	e.Secret = authztest.Env(map[string]authz.Secrets{"client": authztest.Values("padded\n")}).Secret
	part, _ = bearer.Kind().Build(introspection(nil), e)
	told := ""
	part.Unfit(authztest.Received(), func(secret string, _ error) { told += secret })
	if told != "client" {
		t.Errorf("Unfit tells %q, want client", told)
	}
}
