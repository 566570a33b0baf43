package jose_test

import (
	"strings"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
	"github.com/hookauthz/hookauthz/authz/scheme/jose"
)

// now is when the rules are asked, in seconds.
const now = 1700001000

func TestRulesTimes(t *testing.T) {
	const (
		good    = authz.ReasonVerified
		expired = authz.ReasonTokenExpired
		early   = authz.ReasonTokenNotYetValid
		invalid = authz.ReasonTokenInvalid
	)
	tests := []struct {
		name, claims string
		skew         time.Duration
		optional     bool
		want         authz.Reason
	}{
		{name: "good for another second", claims: `{"exp":1700001001}`, want: good},
		{name: "expires now", claims: `{"exp":1700001000}`, want: expired},
		{name: "expires within this second", claims: `{"exp":1700001000.5}`, want: good},
		{name: "expired", claims: `{"exp":1700000999}`, want: expired},
		{name: "expired within the skew", claims: `{"exp":1700000941}`, skew: time.Minute, want: good},
		{name: "expired for the skew", claims: `{"exp":1700000940}`, skew: time.Minute, want: expired},
		{name: "expires in the year 9999", claims: `{"exp":253402300799}`, skew: time.Minute, want: good},
		{name: "no exp", claims: `{"iat":1700000000}`, want: invalid},
		{name: "no exp, optional", claims: `{"iat":1700000000}`, optional: true, want: good},
		{name: "expired, optional", claims: `{"exp":1700000999}`, optional: true, want: expired},
		{name: "exp is null", claims: `{"exp":null}`, want: invalid},
		{name: "exp is null, optional", claims: `{"exp":null}`, optional: true, want: invalid},
		{name: "exp is text", claims: `{"exp":"1700001001"}`, want: invalid},
		{name: "exp beyond all time", claims: `{"exp":1e300}`, want: invalid},
		{name: "exp before time", claims: `{"exp":-1}`, want: invalid},
		{name: "exp in milliseconds", claims: `{"exp":1700001001000}`, want: invalid},

		{name: "nbf now", claims: `{"exp":1700001001,"nbf":1700001000}`, want: good},
		{name: "nbf in a second", claims: `{"exp":1700009999,"nbf":1700001001}`, want: early},
		{name: "nbf within the skew", claims: `{"exp":1700009999,"nbf":1700001060}`, skew: time.Minute, want: good},
		{name: "nbf beyond the skew", claims: `{"exp":1700009999,"nbf":1700001060.001}`, skew: time.Minute, want: early},
		{name: "nbf is text", claims: `{"exp":1700009999,"nbf":"now"}`, want: invalid},
		{name: "iat in the past", claims: `{"exp":1700009999,"iat":0}`, want: good},
		{name: "iat within the skew", claims: `{"exp":1700009999,"iat":1700001060}`, skew: time.Minute, want: good},
		{name: "iat in the future", claims: `{"exp":1700009999,"iat":1700001061}`, skew: time.Minute, want: early},
		{name: "iat is an object", claims: `{"exp":1700009999,"iat":{}}`, want: invalid},
		{name: "expired before it began", claims: `{"exp":1700000999,"nbf":1700001001}`, want: expired},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rules := &jose.Rules{Skew: tt.skew, ExpiryOptional: tt.optional}
			authztest.WantReason(t, rules.Check(claims(t, tt.claims), time.Unix(now, 0)), tt.want)
		})
	}
}

func TestRulesClaims(t *testing.T) {
	const good, mismatch = authz.ReasonVerified, authz.ReasonClaimMismatch
	var (
		joe      = &jose.Rules{Issuer: "https://joe.example/"}
		audience = &jose.Rules{Audiences: []string{"hooks", "https://hooks.example"}}
		tenant   = &jose.Rules{Required: []jose.Claim{{Name: "tenant", OneOf: []string{"acme", "7", "true"}}}}
		two      = &jose.Rules{Required: []jose.Claim{{Name: "a", OneOf: []string{"1"}}, {Name: "b", OneOf: []string{"2"}}}}
		never    = &jose.Rules{Required: []jose.Claim{{Name: "a"}}}
		empty    = &jose.Rules{Required: []jose.Claim{{Name: "a", OneOf: []string{""}}}}
	)
	tests := []struct {
		name   string
		rules  *jose.Rules
		claims string
		want   authz.Reason
	}{
		{name: "nothing asked", rules: &jose.Rules{}, claims: `"x":1`, want: good},
		{name: "iss", rules: joe, claims: `"iss":"https://joe.example/"`, want: good},
		{name: "iss without its slash", rules: joe, claims: `"iss":"https://joe.example"`, want: mismatch},
		{name: "iss in another case", rules: joe, claims: `"iss":"https://Joe.example/"`, want: mismatch},
		{name: "iss that goes on", rules: joe, claims: `"iss":"https://joe.example/.evil.example"`, want: mismatch},
		{name: "iss absent", rules: joe, claims: `"sub":"https://joe.example/"`, want: mismatch},
		{name: "iss in an array", rules: joe, claims: `"iss":["https://joe.example/"]`, want: mismatch},
		{name: "iss escaped", rules: joe, claims: `"iss":"https:\/\/joe.example\/"`, want: good},

		{name: "aud", rules: audience, claims: `"aud":"hooks"`, want: good},
		{name: "aud among others", rules: audience, claims: `"aud":["other","https://hooks.example"]`, want: good},
		{name: "aud of others", rules: audience, claims: `"aud":["other"]`, want: mismatch},
		{name: "aud that begins alike", rules: audience, claims: `"aud":"hooks2"`, want: mismatch},
		{name: "aud as a list of words", rules: audience, claims: `"aud":"hooks other"`, want: mismatch},
		{name: "aud absent", rules: audience, claims: `"x":1`, want: mismatch},
		{name: "aud empty", rules: audience, claims: `"aud":[]`, want: mismatch},
		{name: "aud null", rules: audience, claims: `"aud":null`, want: mismatch},
		{name: "aud an object", rules: audience, claims: `"aud":{"hooks":1}`, want: mismatch},
		{name: "aud with a number beside", rules: audience, claims: `"aud":["hooks",1]`, want: mismatch},
		{name: "aud in a nested array", rules: audience, claims: `"aud":[["hooks"]]`, want: mismatch},

		{name: "required text", rules: tenant, claims: `"tenant":"acme"`, want: good},
		{name: "required number", rules: tenant, claims: `"tenant":7`, want: good},
		{name: "required boolean", rules: tenant, claims: `"tenant":true`, want: good},
		{name: "required, in an array", rules: tenant, claims: `"tenant":["x",7]`, want: good},
		{name: "required, otherwise written", rules: tenant, claims: `"tenant":7.0`, want: mismatch},
		{name: "required, another", rules: tenant, claims: `"tenant":"evil"`, want: mismatch},
		{name: "required, absent", rules: tenant, claims: `"x":"acme"`, want: mismatch},
		{name: "required, in another case", rules: tenant, claims: `"Tenant":"acme"`, want: mismatch},
		{name: "required, in an object", rules: tenant, claims: `"tenant":{"tenant":"acme"}`, want: mismatch},
		{name: "both required", rules: two, claims: `"a":1,"b":2`, want: good},
		{name: "one of two required", rules: two, claims: `"a":1`, want: mismatch},
		{name: "the other of two required", rules: two, claims: `"b":2`, want: mismatch},
		{name: "no value is good", rules: never, claims: `"a":""`, want: mismatch},
		{name: "the empty text is required", rules: empty, claims: `"a":""`, want: good},
		{name: "the empty text is not absence", rules: empty, claims: `"b":""`, want: mismatch},
		{name: "the empty text is not null", rules: empty, claims: `"a":null`, want: mismatch},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := claims(t, `{"exp":1700009999,`+tt.claims+`}`)
			authztest.WantReason(t, tt.rules.Check(c, time.Unix(now, 0)), tt.want)
		})
	}
}

// Times come first, then who issued the token, for whom, and the rest. No claim
// reaches an error.
func TestRulesErrors(t *testing.T) {
	rules := &jose.Rules{Issuer: "joe", Audiences: []string{"hooks"}, Required: []jose.Claim{{Name: "tenant", OneOf: []string{"acme"}}}}
	tests := []struct {
		claims string
		want   authz.Reason
	}{
		{claims: `{"exp":1,"iss":"zebra"}`, want: authz.ReasonTokenExpired},
		{claims: `{"exp":1700009999,"nbf":1700009998,"iss":"zebra"}`, want: authz.ReasonTokenNotYetValid},
		{claims: `{"exp":1700009999,"iss":"zebra"}`, want: authz.ReasonClaimMismatch},
		{claims: `{"exp":1700009999,"iss":"joe","aud":"zebra"}`, want: authz.ReasonClaimMismatch},
		{claims: `{"exp":1700009999,"iss":"joe","aud":"hooks","tenant":"zebra"}`, want: authz.ReasonClaimMismatch},
		{claims: `{"exp":1700009999,"iss":"joe","aud":"hooks","tenant":"acme"}`, want: authz.ReasonVerified},
	}
	for _, tt := range tests {
		err := rules.Check(claims(t, tt.claims), time.Unix(now, 0))
		authztest.WantReason(t, err, tt.want)
		if err != nil && strings.Contains(err.Error(), "zebra") {
			t.Errorf("the error repeats a claim: %v", err)
		}
	}
}
