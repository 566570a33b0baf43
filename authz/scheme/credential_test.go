package scheme_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/scheme"
)

// read locates and parses c's credential in r and prints what it found: groups
// apart by " / ", fields before signatures.
func read(t *testing.T, c scheme.Credential, r *authz.Request) (string, error) {
	t.Helper()
	reader, problems := scheme.NewReader(c)
	if len(problems) > 0 {
		t.Fatalf("NewReader() problems = %v", problems)
	}
	var p scheme.Presented
	err := reader.Locate(r, &p)
	if err == nil {
		err = reader.Parse(&p)
	}
	if err != nil && p.Groups() != 0 {
		t.Errorf("%d groups came with the error %v", p.Groups(), err)
	}
	return show(&p), err
}

func show(p *scheme.Presented) string {
	var groups []string
	for i := range p.Groups() {
		var items []string
		for _, f := range p.Fields(i) {
			items = append(items, f.Name+"="+f.Value)
		}
		groups = append(groups, strings.Join(append(items, p.Signatures(i)...), " "))
	}
	return strings.Join(groups, " / ")
}

func reasonOf(err error) authz.Reason {
	if denial, ok := errors.AsType[*authz.Denial](err); ok {
		return denial.Reason()
	}
	if err == nil {
		return authz.ReasonVerified
	}
	return authz.ReasonBug
}

func header(pairs ...string) authz.Header {
	var h authz.Header
	for i := 0; i < len(pairs); i += 2 {
		h.Fields = append(h.Fields, authz.Field{Name: pairs[i], Value: pairs[i+1]})
	}
	return h
}

func TestReadLocation(t *testing.T) {
	const (
		missing   = authz.ReasonCredentialMissing
		malformed = authz.ReasonCredentialMalformed
		duplicate = authz.ReasonDuplicateHeader
	)
	single := scheme.Credential{Header: "X-Signature"}
	prefixed := scheme.Credential{Header: "X-Signature", Prefix: "sha256="}
	both := scheme.Credential{Headers: []string{"X-Primary", "X-Secondary"}}
	teams := scheme.Credential{Header: "Authorization", Prefix: "HMAC "}
	query := scheme.Credential{Query: "sig"}
	list := scheme.Credential{Header: "X-Signature", Grammar: scheme.List{}}
	semicolons := scheme.Credential{Header: "X-Signature", Grammar: scheme.List{Separator: ";"}}

	tests := []struct {
		name       string
		credential scheme.Credential
		header     authz.Header
		merged     bool
		path       string
		want       string
		reason     authz.Reason // zero: read
	}{
		{name: "header", credential: single, header: header("x-signature", "ab"), want: "ab"},
		{name: "nothing there", credential: single, reason: missing},
		{name: "empty header", credential: single, header: header("x-signature", ""), reason: missing},
		{name: "two lines", credential: single, header: header("x-signature", "ab", "x-signature", "ab"), reason: duplicate},
		{name: "two lines, the first empty", credential: single, header: header("x-signature", "", "x-signature", "ab"), reason: duplicate},
		{name: "two lines merged", credential: single, header: header("x-signature", "ab,cd"), merged: true, reason: duplicate},
		{name: "two lines of a list", credential: list, header: header("x-signature", "ab", "x-signature", "cd"), reason: duplicate},
		{name: "merged list", credential: list, header: header("x-signature", "ab,cd"), merged: true, want: "ab cd"},
		{name: "two lines of a list without commas, merged", credential: semicolons, header: header("x-signature", "ab,cd"), merged: true, reason: duplicate},
		{name: "underscore for dash", credential: single, header: header("x_signature", "ab"), reason: missing},
		{name: "byte replaced by the gateway", credential: single, header: header("x-signature", "a!"), merged: true, reason: malformed},
		{name: "exclamation mark as sent", credential: single, header: header("x-signature", "a!"), want: "a!"},
		{name: "8 KiB", credential: single, header: header("x-signature", strings.Repeat("a", 8192)), want: strings.Repeat("a", 8192)},
		{name: "over 8 KiB", credential: single, header: header("x-signature", strings.Repeat("a", 8193)), reason: malformed},

		{name: "prefix removed", credential: prefixed, header: header("x-signature", "sha256=ab"), want: "ab"},
		{name: "prefix not there", credential: prefixed, header: header("x-signature", "ab"), reason: malformed},
		{name: "prefix in another case", credential: prefixed, header: header("x-signature", "SHA256=ab"), reason: malformed},
		{name: "other label", credential: prefixed, header: header("x-signature", "sha1=ab"), reason: malformed},
		{name: "prefix twice", credential: prefixed, header: header("x-signature", "sha256=sha256=ab"), want: "sha256=ab"},
		{name: "blank before the prefix", credential: prefixed, header: header("x-signature", " sha256=ab"), reason: malformed},
		{name: "only the prefix", credential: prefixed, header: header("x-signature", "sha256="), reason: malformed},

		{name: "first of two headers", credential: both, header: header("x-primary", "ab"), want: "ab"},
		{name: "second of two headers", credential: both, header: header("x-secondary", "cd"), want: "cd"},
		{name: "both headers", credential: both, header: header("x-secondary", "cd", "x-primary", "ab"), want: "ab cd"},
		{name: "neither header", credential: both, header: header("x-signature", "ab"), reason: missing},
		{name: "one of two headers twice", credential: both, header: header("x-primary", "ab", "x-secondary", "cd", "x-secondary", "cd"), reason: duplicate},

		{name: "authorization", credential: teams, header: header("authorization", "HMAC ab"), want: "ab"},
		{name: "authorization of another scheme", credential: teams, header: header("authorization", "Bearer ab"), reason: missing},
		{name: "authorization in another case", credential: teams, header: header("authorization", "hmac ab"), reason: malformed},
		{name: "authorization without a value", credential: teams, header: header("authorization", "HMAC"), reason: malformed},

		{name: "query", credential: query, path: "/h?a=1&sig=ab&b", want: "ab"},
		{name: "no query", credential: query, path: "/h", reason: missing},
		{name: "query without the parameter", credential: query, path: "/h?a=1&sign=ab&x=sig", reason: missing},
		{name: "empty parameter", credential: query, path: "/h?sig=", reason: missing},
		{name: "parameter without equals sign", credential: query, path: "/h?sig", reason: missing},
		{name: "parameter twice", credential: query, path: "/h?sig=ab&sig=ab", reason: malformed},
		{name: "parameter twice, one empty", credential: query, path: "/h?sig&sig=ab", reason: malformed},
		{name: "name percent-encoded", credential: query, path: "/h?s%69g=ab", reason: malformed},
		{name: "name percent-encoded beside the plain one", credential: query, path: "/h?sig=ab&%73%69%67=ab", reason: malformed},
		{name: "name in another case", credential: query, path: "/h?SIG=ab", reason: missing},
		{name: "array syntax", credential: query, path: "/h?sig[]=ab", reason: missing},
		{name: "value percent-encoded", credential: query, path: "/h?sig=a%2Bb%3d", want: "a+b="},
		{name: "plus is a plus sign", credential: query, path: "/h?sig=a+b=", want: "a+b="},
		{name: "percent sign at the end", credential: query, path: "/h?sig=a%2", reason: malformed},
		{name: "percent sign without hex", credential: query, path: "/h?sig=%zz", reason: malformed},
		{name: "second question mark", credential: query, path: "/h?x?sig=ab", reason: missing},
		{name: "header instead of the query", credential: query, path: "/h", header: header("sig", "ab"), reason: missing},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.header.Merged = tt.merged
			got, err := read(t, tt.credential, &authz.Request{Path: tt.path, Header: tt.header})
			if tt.reason == 0 {
				tt.reason = authz.ReasonVerified
			}
			if reasonOf(err) != tt.reason || got != tt.want {
				t.Errorf("read() = %.99q, %v, want %.99q, %v", got, err, tt.want, tt.reason)
			}
		})
	}
}

// A Presented that is used again must show nothing of the request before.
func TestPresentedIsReused(t *testing.T) {
	fields, _ := scheme.NewReader(scheme.Credential{Header: "S", Grammar: scheme.Fields{Signature: "v1", GroupSeparator: " "}})
	list, _ := scheme.NewReader(scheme.Credential{Header: "S", Grammar: scheme.List{}, MaxCandidates: 2})
	var p scheme.Presented
	for _, step := range []struct {
		reader      *scheme.Reader
		value, want string
	}{
		{fields, "t=1,v1=ab t=2,v1=cd", "t=1 ab / t=2 cd"},
		{list, "x,y", "x y"},
		{list, "x,y,z", ""},
		{fields, "t=3,v1=ef", "t=3 ef"},
		{fields, "t=4", ""},
		{fields, "", ""},
		{list, "q", "q"},
	} {
		err := step.reader.Locate(&authz.Request{Header: header("s", step.value)}, &p)
		if err == nil {
			err = step.reader.Parse(&p)
		}
		if got := show(&p); got != step.want || (err == nil) != (step.want != "") {
			t.Errorf("%q: got %q, %v, want %q", step.value, got, err, step.want)
		}
	}
}

func TestNewReaderReportsEveryMistake(t *testing.T) {
	tests := []struct {
		name       string
		credential scheme.Credential
		want       []string
	}{
		{name: "no place", want: []string{""}},
		{name: "two places", credential: scheme.Credential{Header: "A", Query: "b"}, want: []string{""}},
		{name: "header twice", credential: scheme.Credential{Headers: []string{"X-A", "x-a"}}, want: []string{"headers[1]"}},
		{name: "too many candidates", credential: scheme.Credential{Header: "A", MaxCandidates: 129}, want: []string{"max_candidates"}},
		{
			name:       "fields",
			credential: scheme.Credential{Grammar: scheme.Fields{Separator: "|", GroupSeparator: "|"}, MaxCandidates: -1},
			want:       []string{"fields.signature", "fields.separator", "fields.group_separator", "fields.group_separator", "", "max_candidates"},
		},
		{name: "groups like pairs", credential: scheme.Credential{Header: "A", Grammar: scheme.Fields{Signature: "s", GroupSeparator: ","}}, want: []string{"fields.group_separator"}},
		{name: "tag", credential: scheme.Credential{Header: "A", Grammar: scheme.Tagged{Tag: "v 1"}}, want: []string{"tagged.tag"}},
		{name: "list", credential: scheme.Credential{Header: "A", Grammar: scheme.List{Separator: ", "}}, want: []string{"list.separator"}},
		{name: "no names", credential: scheme.Credential{Header: "A", Grammar: scheme.Positional{}}, want: []string{"positional.names"}},
		{name: "names", credential: scheme.Credential{Header: "A", Grammar: scheme.Positional{Names: []string{"t", "", "t"}}}, want: []string{"positional.names[1]", "positional.names[2]"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			reader, problems := scheme.NewReader(tt.credential)
			var got []string
			for _, p := range problems {
				got = append(got, p.Path)
				if p.Code == "" || p.Message == "" || p.Warning {
					t.Errorf("problem %+v lacks a code or a message, or is a warning", p)
				}
			}
			if !slices.Equal(got, tt.want) || reader != nil {
				t.Errorf("NewReader() = %v, paths %q, want %q", reader, got, tt.want)
			}
		})
	}
}

func TestReaderTellsItsPlaces(t *testing.T) {
	headers, _ := scheme.NewReader(scheme.Credential{Headers: []string{"X-A", "x-b"}})
	if got, want := fmt.Sprint(headers.Locations()), "[{x-a } {x-b }]"; got != want {
		t.Errorf("Locations() = %v, want %v", got, want)
	}
	query, _ := scheme.NewReader(scheme.Credential{Query: "Sig", Grammar: scheme.Positional{Names: []string{"t"}}})
	if got, want := fmt.Sprint(query.Locations()), "[{ Sig}]"; got != want {
		t.Errorf("Locations() = %v, want %v", got, want)
	}
	if names, open := query.Fields(); !slices.Equal(names, []string{"t"}) || open {
		t.Errorf("Fields() = %q, %v, want [t] and no others", names, open)
	}
}
