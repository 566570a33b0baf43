package template_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/template"
)

// reason is the reason of a denial.
func reason(err error) authz.Reason {
	var denial *authz.Denial
	if !errors.As(err, &denial) {
		return authz.ReasonBug
	}
	return denial.Reason()
}

// options permit everything at a place.
func options(place template.Place) template.Options {
	return template.Options{
		Place: place, PublicURL: "https://hooks.example.com/prefix", AnyField: true,
		Timestamp: true, TimestampBounded: true, TimestampUnit: "seconds",
	}
}

func compile(tb testing.TB, text string, o template.Options) *template.Template {
	tb.Helper()
	compiled, problems := template.Compile(text, o)
	for _, p := range problems {
		tb.Errorf("Compile(%q): column %d: %s", text, p.Column, p.Message)
	}
	if compiled == nil {
		tb.FailNow()
	}
	return compiled
}

// headers makes a header of names and values in turn.
func headers(pairs ...string) authz.Header {
	var h authz.Header
	for i := 0; i < len(pairs); i += 2 {
		h.Fields = append(h.Fields, authz.Field{Name: pairs[i], Value: pairs[i+1]})
	}
	return h
}

// A recorder is a hash that keeps what is written.
type recorder struct{ data []byte }

func (r *recorder) Write(b []byte) (int, error) {
	r.data = append(r.data, b...)
	return len(b), nil
}

func (r *recorder) Sum(b []byte) []byte { return append(b, r.data...) }
func (r *recorder) Reset()              { r.data = nil }
func (*recorder) Size() int             { return 0 }
func (*recorder) BlockSize() int        { return 1 }

// differs names the values of a template that differ between two worlds, as far
// as its text shows them.
func differs(text string, one, two world) string {
	var keys []string
	for key := range one {
		name := "{" + strings.TrimSuffix(key, ":")
		same := one[key] == two[key]
		switch {
		case !strings.Contains(text, name+"}") && !strings.Contains(text, name+"|"):
			continue
		case strings.Contains(text, name+"|lower"):
			same = lowered(one[key]) == lowered(two[key])
		case strings.Contains(text, name+"|upper"):
			same = lowered(one[key]) == lowered(two[key])
		}
		if !same {
			keys = append(keys, key)
		}
	}
	return strings.Join(keys, ", ")
}

func lowered(text string) string {
	out, _ := filtered(text, "lower")
	return out
}
