package httpsig_test

import (
	"strings"
	"testing"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
	"github.com/hookauthz/hookauthz/authz/check/httpsig"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

// The values of components, as RFC 9421, sections 2.1 and 2.2, shows them.
func TestComponents(t *testing.T) {
	fields := []string{
		"x-ows-header", "   Leading and trailing whitespace.   ", "cache-control", "max-age=60", "cache-control", "    must-revalidate",
		"example-dict", "  a=1,    b=2;x=1;y=2,   c=(a   b   c)", "x-empty-header", "", "priority", "u=1,   i",
		"example-header", "value, with, lots", "example-header", "of, commas", "date", "Tue, 20 Apr 2021 02:07:56 GMT",
		"x-utf8", "gr\u00fcn", "x-line", "a\nb",
	}
	const public = "https://Www.Example.com:443/in/"
	tests := []struct {
		id     string
		path   string // empty: "/path?param=value&foo=bar&baz=batman&qux="
		public string
		want   string // the value; empty: refused as reason
		reason authz.Reason
	}{
		{id: `"x-ows-header"`, want: "Leading and trailing whitespace."},
		{id: `"cache-control"`, want: "max-age=60, must-revalidate"},
		{id: `"example-dict"`, want: "a=1,    b=2;x=1;y=2,   c=(a   b   c)"},
		{id: `"x-empty-header"`, want: " "},
		{id: `"priority";sf`, want: "u=1, i"},
		{id: `"example-dict";sf`, reason: badForm}, // of what type it is, nobody knows
		{id: `"example-dict";key="a"`, want: "1"},
		{id: `"example-dict";key="b"`, want: "2;x=1;y=2"},
		{id: `"example-dict";key="c"`, want: "(a b c)"},
		{id: `"example-dict";key="d"`, reason: partGone},
		{id: `"date";key="d"`, reason: badForm},
		{id: `"example-header"`, want: "value, with, lots, of, commas"},
		{id: `"example-header";bs`, want: ":dmFsdWUsIHdpdGgsIGxvdHM=:, :b2YsIGNvbW1hcw==:"},
		{id: `"x-utf8"`, reason: badForm},
		{id: `"x-utf8";bs`, want: ":Z3LDvG4=:"},
		{id: `"x-line"`, reason: badForm},
		{id: `"x-not-there"`, reason: partGone},

		{id: `"@method"`, want: "POST"},
		{id: `"@path"`, want: "/path"},
		{id: `"@path"`, path: "/", want: "/"},
		{id: `"@path"`, path: "/a%2Fb/../c//d", want: "/a%2Fb/../c//d"},
		{id: `"@path"`, path: "/x", public: public, want: "/in/x"},
		{id: `"@path"`, path: "*", reason: badForm},
		{id: `"@path"`, path: "http://www.example.com/", reason: badForm},
		{id: `"@query"`, want: "?param=value&foo=bar&baz=batman&qux="},
		{id: `"@query"`, path: "/path", want: "?"},
		{id: `"@query"`, path: "/path?", want: "?"},
		{id: `"@query"`, path: "/path?a?b", want: "?a?b"},
		{id: `"@request-target"`, want: "/path?param=value&foo=bar&baz=batman&qux="},
		{id: `"@request-target"`, path: "/path", want: "/path"},
		{id: `"@request-target"`, path: "/path?", want: "/path?"},
		{id: `"@target-uri"`, path: "/x?y=z", public: "https://www.example.com", want: "https://www.example.com/x?y=z"},
		{id: `"@target-uri"`, path: "/x?y=z", public: "http://h:80/in", want: "http://h:80/in/x?y=z"},
		{id: `"@authority"`, public: public, want: "www.example.com"},
		{id: `"@authority"`, public: "http://h:443", want: "h:443"},
		{id: `"@authority"`, public: "http://h:80", want: "h"},
		{id: `"@scheme"`, public: public, want: "https"},
		{id: `"@scheme"`, reason: badForm},
		{id: `"@authority"`, reason: badForm},
		{id: `"@target-uri"`, reason: badForm},
		{id: `"host"`, want: "sender.example.net"},
		{id: `"host"`, public: public, want: "www.example.com"},
		{id: `"host";bs`, reason: badForm},

		{id: `"@query-param";name="baz"`, want: "batman"},
		{id: `"@query-param";name="qux"`, want: " "},
		{id: `"@query-param";name="none"`, reason: partGone},
		{id: `"@query-param";name="var"`, path: "/p?var=this%20is%20a%20big%0Amultiline%20value&bar=with+plus+whitespace", want: "this%20is%20a%20big%0Amultiline%20value"},
		{id: `"@query-param";name="bar"`, path: "/p?var=this%20is%20a%20big%0Amultiline%20value&bar=with+plus+whitespace", want: "with%20plus%20whitespace"},
		{id: `"@query-param";name="fa%C3%A7ade%22%3A%20"`, path: "/p?fa%C3%A7ade%22%3A%20=something", want: "something"},
		{id: `"@query-param";name="a"`, path: "/p?a=1&a=2", reason: badForm},
		{id: `"@query-param";name="a"`, path: "/p?a=1&%61=2", reason: badForm},
		{id: `"@query-param";name="a"`, path: "/p?a=1;b=2", reason: badForm},
		{id: `"@query-param";name="a"`, path: "/p?a=1&b=%zz", reason: badForm},
		{id: `"@query-param";name="a"`, path: "/p?a=%ff", reason: badForm},
		{id: `"@query-param";name="a"`, path: "/p?a=1" + strings.Repeat("&b", 256), reason: badForm},
		{id: `"@query-param";name="a"`, path: "/p?a=1" + strings.Repeat("&b", 255), want: "1"},

		// What requests don't have, what is not known, and what does not go together.
		{id: `"@query-param"`, reason: badForm},
		{id: `"@status"`, reason: badForm},
		{id: `"@signature-params"`, reason: badForm},
		{id: `"@unknown"`, reason: badForm},
		{id: `"date";req`, reason: badForm},
		{id: `"@method";req`, reason: badForm},
		{id: `"date";tr`, reason: badForm},
		{id: `"date";x`, reason: badForm},
		{id: `"date";sf="1"`, reason: badForm},
		{id: `"date";bs=?0`, reason: badForm},
		{id: `"example-dict";key="a";sf`, reason: badForm},
		{id: `"@method";sf`, reason: badForm},
		{id: `"@path";name="a"`, reason: badForm},
		{id: `"date";name="a"`, reason: badForm},
		{id: `"Date"`, reason: badForm},
		{id: `"da te"`, reason: badForm},
		{id: `""`, reason: badForm},
		{id: `date`, reason: badForm},
	}
	for _, tt := range tests {
		t.Run(tt.id+" "+tt.path, func(t *testing.T) {
			path := tt.path
			if path == "" {
				path = "/path?param=value&foo=bar&baz=batman&qux="
			}
			r := authztest.Request("POST", path, "", fields...)
			r.Host = "sender.example.net"
			got, err := httpsig.Base(r, "sig1=("+tt.id+")", tt.public)
			if tt.reason != 0 {
				authztest.WantReason(t, err, tt.reason)
				return
			}
			authztest.WantReason(t, err, verified)
			want := tt.id + ": " + strings.TrimSpace(tt.want) + "\n" + `"@signature-params": (` + tt.id + ")"
			if got != want {
				t.Errorf("base = %q, want %q", got, want)
			}
		})
	}
}

// What requests say of their own address says nothing.
func TestSpoofedComponents(t *testing.T) {
	const in = `("@method" "@path" "content-digest" "@authority" "@scheme" "@target-uri");created=` + created + `;keyid="k1"`
	lines := append(plain()[:1:1], `"@path": /in/h`, plain()[2], `"@authority": hooks.example.com`, `"@scheme": https`,
		`"@target-uri": https://Hooks.example.com:443/in/h?a=1&b=x+y`)
	r := signed(in, lines...)
	r.Host, r.Scheme = "evil.example.net", "http"
	authztest.AddHeader(r, "x-forwarded-host", "evil.example.net")
	authztest.AddHeader(r, "x-forwarded-proto", "http")
	authztest.AddHeader(r, "forwarded", "host=evil.example.net;proto=http")
	_, err := verify(t, settings(atHooks), r)
	authztest.WantReason(t, err, verified)

	// Signed for somebody else, and presented with that address.
	lines[3] = `"@authority": evil.example.net`
	r = signed(in, lines...)
	r.Host = "evil.example.net"
	authztest.AddHeader(r, "@authority", "evil.example.net")
	authztest.AddHeader(r, ":authority", "evil.example.net")
	_, err = verify(t, settings(atHooks), r)
	authztest.WantReason(t, err, mismatch)
	_, err = verify(t, settings(), r)
	authztest.WantReason(t, err, badForm)

	// A header named as a derived component is none.
	r = signed(`("@method" "@path" "content-digest" "method");created=`+created+`;keyid="k1"`, append(plain(), `"method": GET`)...)
	authztest.AddHeader(r, "@method", "GET")
	_, err = verify(t, settings(), r)
	authztest.WantReason(t, err, partGone)
}

// members are those of a dictionary: a, ab, abb and so on, each a byte.
func members(count int) []string {
	var all []string
	for i := range count {
		all = append(all, "a"+strings.Repeat("b", i)+"=:AA==:")
	}
	return all
}

func TestHeaders(t *testing.T) {
	const in = `("@method" "@path" "content-digest" "x-a");created=` + created + `;keyid="k1"`
	request := func(value string, fields ...string) *authz.Request {
		return present(post(fields...), in, ed(in, append(plain(), `"x-a": `+value)...))
	}
	merged := func(r *authz.Request) *authz.Request { r.Header.Merged = true; return r }
	single := func(name, value string) *authz.Request {
		in := strings.Replace(in, "x-a", name, 1)
		r := present(post(name, value, name, value), in, ed(in, append(plain(), `"`+name+`": `+value+", "+value)...))
		return r
	}
	wants := settings(components("@method", "content-digest", "x-a"))
	digests := func(others int) *authz.Request {
		value := digest(body) + ", " + strings.Join(members(others), ", ")
		return present(replaced(post(), "content-digest", value), input, ed(input, plain()[0], plain()[1], `"content-digest": `+value))
	}
	long := strings.Join(members(8), ", ") + ", long=\"" + strings.Repeat("x", 4<<10) + `"`
	often := func(times int) *authz.Request {
		in, lines := `("@method" "@path" "content-digest" "x-a"`, append(plain(), `"x-a": `+long)
		for i := range times {
			key := `"x-a";key="a` + strings.Repeat("b", i) + `"`
			in, lines = in+" "+key, append(lines, key+": :AA==:")
		}
		in += ");created=" + created + `;keyid="k1"`
		return present(post("x-a", long), in, ed(in, lines...))
	}
	tests := []struct {
		name     string
		settings *policypb.HttpSignature
		request  *authz.Request
		want     authz.Reason
	}{
		{name: "one line", request: request("1", "x-a", "1"), want: verified},
		{name: "two lines", request: request("1, 2", "x-a", "1", "x-a", "2"), want: verified},
		{name: "two lines in another order", request: request("1, 2", "x-a", "2", "x-a", "1"), want: mismatch},
		{name: "one more line", request: request("1", "x-a", "1", "x-a", ""), want: mismatch},
		{name: "not there", request: request("1"), want: partGone},
		{name: "empty", request: request("", "x-a", ""), want: verified},
		{name: "joined by the gateway", request: merged(request("1,2", "x-a", "1,2")), want: authz.ReasonDuplicateHeader},
		{name: "a list in one line", request: merged(request("1, 2", "x-a", "1, 2")), want: verified},
		{name: "replaced by the gateway", request: merged(request("1!", "x-a", "1!")), want: badForm},
		{name: "replaced by the gateway, as U+FFFD", request: merged(request("1", "x-a", "1\uFFFD")), want: badForm},
		{name: "exclamation mark", request: request("1!", "x-a", "1!"), want: verified},
		{name: "signature replaced", request: merged(present(post(), input+`;nonce="!"`, ed(input+`;nonce="!"`, plain()...))), want: badForm, settings: settings()},
		{name: "digest replaced", request: merged(replaced(right(), "content-digest", digest(body)+", x=!")), want: badForm, settings: settings()},
		{name: "content-type twice", request: single("content-type", "a/b"), want: authz.ReasonDuplicateHeader, settings: settings()},
		{name: "content-length twice", request: single("content-length", "8"), want: authz.ReasonShapeAmbiguous, settings: settings()},
		{name: "date twice", request: single("date", "x"), want: authz.ReasonDuplicateHeader, settings: settings()},
		{name: "too much", request: request("1", "x-a", strings.Repeat("1", 66000)), want: badForm},
		{name: "a dictionary covered three times", want: verified, request: often(3)},
		{name: "a dictionary covered four times", want: badForm, request: often(4)},
		{name: "64 members", want: verified, settings: settings(), request: digests(63)},
		{name: "65 members", want: badForm, settings: settings(), request: digests(64)},
		{name: "too many components", want: badForm, settings: settings(), request: func() *authz.Request {
			var names []string
			for i := range 65 {
				names = append(names, `"x-`+strings.Repeat("y", i)+`"`)
			}
			return present(post(), "("+strings.Join(names, " ")+");created="+created, nil)
		}()},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := tt.settings
			if s == nil {
				s = wants
			}
			_, err := verify(t, s, tt.request)
			authztest.WantReason(t, err, tt.want)
		})
	}
}
