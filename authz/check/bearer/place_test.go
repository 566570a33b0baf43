package bearer_test

import (
	"strings"
	"testing"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
)

func TestPlaces(t *testing.T) {
	const ok, missing, malformed = authz.ReasonVerified, authz.ReasonCredentialMissing, authz.ReasonCredentialMalformed
	token := sign(t, keyOf("key"), claims(nil))
	word := func(s string) *string { return &s }
	tests := []struct {
		name   string
		header string
		prefix *string
		lines  []string
		merged bool
		want   authz.Reason
	}{
		{name: "right", lines: []string{"Bearer " + token}, want: ok},
		{name: "the scheme has no case", lines: []string{"bEARER " + token}, want: ok},
		{name: "absent", want: missing},
		{name: "empty", lines: []string{""}, want: missing},
		{name: "another scheme", lines: []string{"Basic YTpi"}, want: missing},
		{name: "another scheme of any length", lines: []string{"Negotiate " + strings.Repeat("a", 20<<10)}, want: missing},
		{name: "a scheme that begins like ours", lines: []string{"BearerToken " + token}, want: missing},
		{name: "the scheme alone", lines: []string{"Bearer"}, want: malformed},
		{name: "the scheme and a space", lines: []string{"Bearer "}, want: malformed},
		{name: "two spaces", lines: []string{"Bearer  " + token}, want: malformed},
		{name: "tab", lines: []string{"Bearer\t" + token}, want: malformed},
		{name: "space after", lines: []string{"Bearer " + token + " "}, want: malformed},
		{name: "parameters after", lines: []string{"Bearer " + token + ", realm=x"}, want: malformed},
		{name: "quoted", lines: []string{`Bearer "` + token + `"`}, want: malformed},
		{name: "not ASCII", lines: []string{"Bearer " + token + "é"}, want: malformed},
		{name: "NUL", lines: []string{"Bearer " + token + "\x00"}, want: malformed},
		{name: "padding alone", lines: []string{"Bearer ==="}, want: malformed},
		{name: "padding inside", lines: []string{"Bearer a=" + token}, want: malformed},
		{name: "twice", lines: []string{"Bearer " + token, "Bearer " + token}, want: authz.ReasonDuplicateHeader},
		{name: "beside another scheme", lines: []string{"Basic YTpi", "Bearer " + token}, want: authz.ReasonDuplicateHeader},
		{name: "merged: one", lines: []string{"Bearer " + token}, merged: true, want: ok},
		{name: "merged: two", lines: []string{"Bearer " + token + ",Bearer " + token}, merged: true, want: authz.ReasonDuplicateHeader},
		{name: "joined by the sender", lines: []string{"Bearer " + token + ", Bearer " + token}, want: malformed},
		{name: "as long as may be", lines: []string{"Bearer " + strings.Repeat("a", 16<<10)}, want: malformed},
		{name: "too long", lines: []string{"Bearer " + strings.Repeat("a", 16<<10+1)}, want: malformed},
		{name: "a hundred thousand dots", lines: []string{"Bearer " + strings.Repeat(".", 100_000)}, want: malformed},
		{name: "many dots", lines: []string{"Bearer " + strings.Repeat(".", 16<<10)}, want: malformed},

		{name: "other scheme", prefix: word("Token "), lines: []string{"tOKEN " + token}, want: ok},
		{name: "not the other scheme", prefix: word("Token "), lines: []string{"Bearer " + token}, want: missing},
		{name: "prefix that is no scheme", prefix: word("token="), lines: []string{"token=" + token}, want: ok},
		{name: "prefix in other case", prefix: word("token="), lines: []string{"Token=" + token}, want: malformed},
		{name: "prefix missing", prefix: word("token="), lines: []string{token}, want: malformed},
		{name: "no prefix", prefix: word(""), lines: []string{token}, want: ok},
		{name: "no prefix, but a scheme", prefix: word(""), lines: []string{"Bearer " + token}, want: malformed},
		{name: "other header", header: "X-Token", lines: []string{"Bearer " + token}, want: ok},
		{name: "other header, other case", header: "X-Token", lines: []string{"bearer " + token}, want: malformed},
		{name: "other header, no prefix", header: "X-Token", prefix: word(""), lines: []string{token}, want: ok},
		{name: "other header, empty", header: "X-Token", prefix: word(""), lines: []string{""}, want: missing},
		{name: "other header, twice", header: "X-Token", prefix: word(""), lines: []string{token, token}, want: authz.ReasonDuplicateHeader},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			settings := jwt(nil)
			settings.Header, settings.Prefix = tt.header, tt.prefix
			header := tt.header
			if header == "" {
				header = "Authorization"
			}
			r := authztest.Request("POST", "/h", "", "x-other", "Bearer "+token)
			r.Header.Merged = tt.merged
			for _, line := range tt.lines {
				authztest.AddHeader(r, header, line)
			}
			_, err := newCheck(t, settings, one()).Verify(t.Context(), r)
			authztest.WantReason(t, err, tt.want)
		})
	}
}
