package scheme_test

import (
	"testing"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
	"github.com/hookauthz/hookauthz/authz/scheme"
)

func TestCutScheme(t *testing.T) {
	const ok, missing, malformed = authz.ReasonVerified, authz.ReasonCredentialMissing, authz.ReasonCredentialMalformed
	tests := []struct {
		name, value, rest string
		want              authz.Reason
	}{
		{name: "right", value: "Bearer abc", rest: "abc", want: ok},
		{name: "other case", value: "bEARER abc", rest: "abc", want: ok},
		{name: "nothing behind the space", value: "Bearer ", want: ok},
		{name: "two spaces", value: "Bearer  abc", rest: " abc", want: ok},
		{name: "several words", value: "Bearer a b", rest: "a b", want: ok},
		{name: "another scheme", value: "Basic abc", want: missing},
		{name: "another scheme alone", value: "Negotiate", want: missing},
		{name: "a longer one", value: "Bearers abc", want: missing},
		{name: "a shorter one", value: "Beare abc", want: missing},
		{name: "all characters of schemes", value: "azAZ09!#$%&'*+-.^_`|~ x", want: missing},
		{name: "alone", value: "Bearer", want: malformed},
		{name: "tab", value: "Bearer\tabc", want: malformed},
		{name: "colon", value: "Bearer: abc", want: malformed},
		{name: "space before", value: " Bearer abc", want: malformed},
		{name: "comma", value: "Bearer,abc", want: malformed},
		{name: "not ASCII", value: "Bearer\xff abc", want: malformed},
		{name: "empty", value: "", want: malformed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rest, err := scheme.CutScheme(tt.value, "Bearer")
			authztest.WantReason(t, err, tt.want)
			if rest != tt.rest {
				t.Errorf("CutScheme(%q) = %q, want %q", tt.value, rest, tt.rest)
			}
		})
	}
}

func TestAuthScheme(t *testing.T) {
	tests := []struct {
		header, prefix, name string
		ok                   bool
	}{
		{header: "authorization", prefix: "Bearer ", name: "Bearer", ok: true},
		{header: "proxy-authorization", prefix: "x-1 ", name: "x-1", ok: true},
		{header: "x-token", prefix: "Bearer "},
		{header: "authorization", prefix: "Bearer"},
		{header: "authorization", prefix: ""},
		{header: "authorization", prefix: " "},
		{header: "authorization", prefix: "Bearer  "},
		{header: "authorization", prefix: "Bearer: "},
	}
	for _, tt := range tests {
		name, ok := scheme.AuthScheme(tt.header, tt.prefix)
		if ok != tt.ok || ok && name != tt.name {
			t.Errorf("AuthScheme(%q, %q) = %q, %v, want %q, %v", tt.header, tt.prefix, name, ok, tt.name, tt.ok)
		}
	}
}
