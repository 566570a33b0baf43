package scheme_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/scheme"
)

func TestReadGrammar(t *testing.T) {
	stripe := scheme.Fields{Signature: "v1"}
	paddle := scheme.Fields{Signature: "h1", Separator: ";"}
	persona := scheme.Fields{Signature: "v1", GroupSeparator: " "}
	tagged := scheme.Tagged{Tag: "v1"}
	positional := scheme.Positional{Names: []string{"t"}}

	tests := []struct {
		name    string
		grammar scheme.Grammar
		value   string
		want    string // "": malformed
	}{
		{name: "fields", grammar: stripe, value: "t=1,v1=ab", want: "t=1 ab"},
		{name: "fields in another order", grammar: stripe, value: "v1=ab,t=1", want: "t=1 ab"},
		{name: "two signatures", grammar: stripe, value: "t=1,v1=ab,v1=cd", want: "t=1 ab cd"},
		{name: "other label beside ours", grammar: stripe, value: "t=1,v0=zz,v1=ab", want: "t=1 v0=zz ab"},
		{name: "other label only", grammar: stripe, value: "t=1,v0=ab"},
		{name: "label in another case", grammar: stripe, value: "t=1,V1=ab"},
		{name: "key twice", grammar: stripe, value: "t=1,t=2,v1=ab"},
		{name: "key twice with one value", grammar: stripe, value: "t=1,v1=ab,t=1"},
		{name: "two lines merged", grammar: stripe, value: "t=1,v1=ab,t=2,v1=cd"},
		{name: "padding in a value", grammar: stripe, value: "t=1,v1=ab==", want: "t=1 ab=="},
		{name: "space after the comma", grammar: stripe, value: "t=1, v1=ab", want: "t=1 ab"},
		{name: "two spaces after the comma", grammar: stripe, value: "t=1,  v1=ab"},
		{name: "tab after the comma", grammar: stripe, value: "t=1,\tv1=ab"},
		{name: "space at the start", grammar: stripe, value: " t=1,v1=ab"},
		{name: "space before the comma stays", grammar: stripe, value: "t=1 ,v1=ab", want: "t=1  ab"},
		{name: "space in a key", grammar: stripe, value: "t =1,v1=ab"},
		{name: "empty pair", grammar: stripe, value: "t=1,,v1=ab"},
		{name: "comma at the end", grammar: stripe, value: "t=1,v1=ab,"},
		{name: "comma at the start", grammar: stripe, value: ",t=1,v1=ab"},
		{name: "pair without equals sign", grammar: stripe, value: "t=1,v1=ab,x"},
		{name: "empty key", grammar: stripe, value: "t=1,=x,v1=ab"},
		{name: "empty value", grammar: stripe, value: "t=,v1=ab"},
		{name: "empty signature", grammar: stripe, value: "t=1,v1="},
		{name: "quoted", grammar: stripe, value: `t="1,2",v1=ab`},
		{name: "most values", grammar: stripe, value: numbered("k%d=1,", 32) + "v1=ab", want: strings.ReplaceAll(numbered("k%d=1,", 32), ",", " ") + "ab"},
		{name: "too many values", grammar: stripe, value: numbered("k%d=1,", 33) + "v1=ab"},

		{name: "semicolons", grammar: paddle, value: "ts=1;h1=ab;h1=cd", want: "ts=1 ab cd"},
		{name: "commas for semicolons", grammar: paddle, value: "ts=1,h1=ab"},
		{name: "space after the semicolon", grammar: paddle, value: "ts=1; h1=ab"},

		{name: "groups", grammar: persona, value: "t=1,v1=ab t=2,v1=cd", want: "t=1 ab / t=2 cd"},
		{name: "one group", grammar: persona, value: "t=1,v1=ab", want: "t=1 ab"},
		{name: "group of another label", grammar: persona, value: "t=1,v0=ab t=2,v1=cd", want: "t=2 cd"},
		{name: "key twice in a group", grammar: persona, value: "t=1,v1=ab t=2,t=3,v1=cd"},
		{name: "key twice in a dropped group", grammar: persona, value: "t=1,t=2,v0=ab t=2,v1=cd"},
		{name: "empty group", grammar: persona, value: "t=1,v1=ab  t=2,v1=cd"},
		{name: "space at the end", grammar: persona, value: "t=1,v1=ab "},
		{name: "space after the comma with groups by space", grammar: persona, value: "t=1, v1=ab"},

		{name: "tagged", grammar: tagged, value: "v1,ab", want: "ab"},
		{name: "several tagged", grammar: tagged, value: "v1,ab v1a,zz v1,cd", want: "ab cd"},
		{name: "other tag only", grammar: tagged, value: "v1a,ab"},
		{name: "tag in another case", grammar: tagged, value: "V1,ab"},
		{name: "no tag", grammar: tagged, value: "ab"},
		{name: "empty tag", grammar: tagged, value: ",ab"},
		{name: "empty tagged signature", grammar: tagged, value: "v1,"},
		{name: "two spaces", grammar: tagged, value: "v1,ab  v1,cd"},
		{name: "space at the end of a tagged list", grammar: tagged, value: "v1,ab "},
		{name: "two tagged lines merged", grammar: tagged, value: "v1,ab,v1,cd"},
		{name: "two lines of another tag merged", grammar: tagged, value: "v1,ab v1a,zz,v1,cd"},

		{name: "list of one", grammar: scheme.List{}, value: "ab", want: "ab"},
		{name: "list", grammar: scheme.List{}, value: "ab,cd", want: "ab cd"},
		{name: "list by bars", grammar: scheme.List{Separator: "|"}, value: "ab|cd", want: "ab cd"},
		{name: "list with a space", grammar: scheme.List{}, value: "ab, cd", want: "ab  cd"}, // which no encoding takes
		{name: "empty list item", grammar: scheme.List{}, value: "ab,,cd"},
		{name: "list ends with a comma", grammar: scheme.List{}, value: "ab,"},
		{name: "most signatures", grammar: scheme.List{}, value: "x" + strings.Repeat(",x", 15), want: "x" + strings.Repeat(" x", 15)},
		{name: "too many signatures", grammar: scheme.List{}, value: "x" + strings.Repeat(",x", 16)},

		{name: "positional", grammar: positional, value: "1,ab", want: "t=1 ab"},
		{name: "positional with two signatures", grammar: positional, value: "1,ab,cd", want: "t=1 ab cd"},
		{name: "positional without a signature", grammar: positional, value: "1"},
		{name: "positional with an empty value", grammar: positional, value: ",ab"},
		{name: "positional with an empty signature", grammar: positional, value: "1,ab,"},
		{name: "positional of two names", grammar: scheme.Positional{Names: []string{"t", "n"}, Separator: ";"}, value: "1;2;ab", want: "t=1 n=2 ab"},
		{name: "too many positional signatures", grammar: positional, value: "1" + strings.Repeat(",x", 17)},
		{name: "too many signatures in fields", grammar: stripe, value: "t=1" + strings.Repeat(",v1=x", 17)},
		{name: "too many tagged signatures", grammar: tagged, value: "v1,x" + strings.Repeat(" v1,x", 16)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := scheme.Credential{Header: "X-Signature", Grammar: tt.grammar}
			got, err := read(t, c, &authz.Request{Header: header("x-signature", tt.value)})
			want := authz.ReasonVerified
			if tt.want == "" {
				want = authz.ReasonCredentialMalformed
			}
			if got != tt.want || reasonOf(err) != want {
				t.Errorf("read(%q) = %q, %v, want %q", tt.value, got, err, tt.want)
			}
		})
	}
}

func numbered(format string, n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

// Fields of several headers must not run together: each value is a group.
func TestHeadersWithFieldsAreGroups(t *testing.T) {
	c := scheme.Credential{Headers: []string{"A", "B"}, Grammar: scheme.Fields{Signature: "v1"}}
	got, err := read(t, c, &authz.Request{Header: header("a", "t=1,v1=ab", "b", "t=2,v1=cd")})
	if want := "t=1 ab / t=2 cd"; err != nil || got != want {
		t.Errorf("read() = %q, %v, want %q", got, err, want)
	}
}
