package scheme_test

import (
	"strings"
	"testing"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/scheme"
)

// FuzzGrammar reads a value by every grammar. What is read must write the value
// again, so that nothing was skipped, and an error must leave nothing.
func FuzzGrammar(f *testing.F) {
	for _, seed := range []string{
		"t=1,v1=ab,v1=cd", "t=1, v1=ab", "t=1,v1=ab t=2,v1=cd", "v1,AA v1a,BB", "AA,BB", "1614265330,ab,cd",
		"ts=1;h1=ab", "t=1,t=2,v1=ab", "v1=,v1", ",,", " ", "v1=ab=", "\x00", "v1,a,b",
	} {
		f.Add(seed)
	}
	grammars := []struct {
		grammar scheme.Grammar
		write   func(p *scheme.Presented) string
		same    func(value string) string // what the value is compared as
	}{
		{nil, func(p *scheme.Presented) string { return p.Signatures(0)[0] }, asIs},
		{scheme.List{}, func(p *scheme.Presented) string { return strings.Join(p.Signatures(0), ",") }, asIs},
		{
			scheme.Positional{Names: []string{"t", "n"}},
			func(p *scheme.Presented) string {
				first := []string{p.Fields(0)[0].Value, p.Fields(0)[1].Value}
				return strings.Join(append(first, p.Signatures(0)...), ",")
			},
			asIs,
		},
		{
			scheme.Tagged{Tag: "v1"},
			func(p *scheme.Presented) string { return "v1," + strings.Join(p.Signatures(0), " v1,") },
			func(value string) string { return keep(value, " ", "v1,") },
		},
		{
			// The fields come first when written: the order of keys means nothing.
			scheme.Fields{Signature: "v1", Separator: ";"},
			func(p *scheme.Presented) string { return writeFields(p, 0, ";") },
			func(value string) string { return sortFields(value, ";") },
		},
	}
	f.Fuzz(func(t *testing.T, value string) {
		for i, g := range grammars {
			reader, problems := scheme.NewReader(scheme.Credential{Header: "S", Grammar: g.grammar})
			if len(problems) > 0 {
				t.Fatal(problems)
			}
			var p scheme.Presented
			err := reader.Locate(&authz.Request{Header: header("s", value)}, &p)
			if err == nil {
				err = reader.Parse(&p)
			}
			if err != nil {
				if p.Groups() != 0 {
					t.Errorf("grammar %d: %q is refused and gives %q", i, value, show(&p))
				}
				continue
			}
			if got, want := g.write(&p), g.same(value); got != want {
				t.Errorf("grammar %d: %q was read as %q, which is not %q", i, value, got, want)
			}
			for g := range p.Groups() {
				unique(t, p.Fields(g))
			}
		}
	})
}

func asIs(value string) string { return value }

// keep drops the items that do not start with prefix.
func keep(value, separator, prefix string) string {
	var kept []string
	for item := range strings.SplitSeq(value, separator) {
		if strings.HasPrefix(item, prefix) {
			kept = append(kept, item)
		}
	}
	return strings.Join(kept, separator)
}

func writeFields(p *scheme.Presented, group int, separator string) string {
	var items []string
	for _, field := range p.Fields(group) {
		items = append(items, field.Name+"="+field.Value)
	}
	for _, signature := range p.Signatures(group) {
		items = append(items, "v1="+signature)
	}
	return strings.Join(items, separator)
}

func sortFields(value, separator string) string {
	var fields, signatures []string
	for item := range strings.SplitSeq(value, separator) {
		if strings.HasPrefix(item, "v1=") {
			signatures = append(signatures, item)
		} else {
			fields = append(fields, item)
		}
	}
	return strings.Join(append(fields, signatures...), separator)
}

func unique(t *testing.T, fields []authz.Field) {
	t.Helper()
	seen := map[string]bool{}
	for _, field := range fields {
		if seen[field.Name] {
			t.Errorf("field %q was taken twice", field.Name)
		}
		seen[field.Name] = true
	}
}

// FuzzQuery looks for a parameter that another program would read as ours and
// that neither was taken nor refused.
func FuzzQuery(f *testing.F) {
	f.Add("a=1&sig=ab&b")
	f.Add("s%69g=ab")
	f.Add("sig=ab&SIG=cd&sig")
	f.Add("sig=%zz")
	f.Add("sig=a+b%2B")
	reader, problems := scheme.NewReader(scheme.Credential{Query: "sig"})
	if len(problems) > 0 {
		f.Fatal(problems)
	}
	f.Fuzz(func(t *testing.T, query string) {
		var p scheme.Presented
		err := reader.Locate(&authz.Request{Path: "/h?" + query}, &p)
		values := ours(query)
		switch reasonOf(err) {
		case authz.ReasonVerified:
			if err := reader.Parse(&p); err != nil || len(values) != 1 || values[0] != p.Signatures(0)[0] {
				t.Errorf("%q was read as %q, %v, another reads %q", query, show(&p), err, values)
			}
		case authz.ReasonCredentialMissing:
			for _, value := range values {
				if value != "" {
					t.Errorf("%q counts as absent, another reads %q", query, values)
				}
			}
		default: // refused
		}
	})
}

// ours reads every parameter that decodes to "sig", in a way of its own.
func ours(query string) []string {
	var values []string
	for item := range strings.SplitSeq(query, "&") {
		key, value, _ := strings.Cut(item, "=")
		if lenient(key) == "sig" {
			values = append(values, lenient(value))
		}
	}
	return values
}

// lenient decodes what can be decoded and leaves the rest.
func lenient(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if raw, ok := scheme.Hex.Append(nil, s[i+1:i+3]); ok {
				b.Write(raw)
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
