package mac_test

import (
	"crypto/sha256"
	"encoding/hex"
	"testing"

	"github.com/hookauthz/hookauthz/authz"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

// withBody changes what the gateway says of the body.
func withBody(r *authz.Request, edit func(*authz.Request)) *authz.Request {
	edit(r)
	return r
}

func TestBody(t *testing.T) {
	over := settings()
	pathOnly := settings(func(m *policypb.Mac) {
		m.Message, m.PublicUrl = "{path}", "https://hooks.example.com"
	})
	unsigned := settings(func(m *policypb.Mac) {
		m.Message, m.PublicUrl, m.UnsignedBody = "{path}", "https://hooks.example.com", "accepted"
	})
	asserted := settings(func(m *policypb.Mac) {
		m.Message, m.PublicUrl, m.UnsignedBody = "{path}", "https://hooks.example.com", "accepted"
		m.Assert = []*policypb.Assertion{{Value: "{json:/id}", OneOf: []string{"1"}}}
	})
	sometimes := timed("seconds", func(m *policypb.Mac) {
		m.Message = "{timestamp}.[{header:X-Part|only:a-z}.{body}]"
	})
	tests := []struct {
		name    string
		mac     *policypb.Mac
		request *authz.Request
		want    authz.Reason
	}{
		{name: "covered", mac: over, request: post(body, "x-signature", code(t, "body")), want: verified},
		{
			name: "not delivered", mac: over, want: authz.ReasonBodyNotForwarded,
			request: withBody(post("", "x-signature", code(t, "empty")), func(r *authz.Request) {
				r.Body = authz.Body{Size: -1}
				r.Header.Fields = r.Header.Fields[1:] // no Content-Length over HTTP/2
			}),
		},
		{
			name: "announced and not delivered", mac: over, want: authz.ReasonBodyNotForwarded,
			request: withBody(post(body, "x-signature", code(t, "empty")), func(r *authz.Request) {
				r.Body = authz.Body{Size: -1}
			}),
		},
		{
			name: "cut", mac: over, want: authz.ReasonBodyTruncated,
			request: withBody(post(body, "x-signature", code(t, "body")), func(r *authz.Request) {
				r.Body.Delivery = authz.DeliveryCut
			}),
		},
		{
			name: "as text", mac: over, want: authz.ReasonBodyNotRaw,
			request: withBody(post(body, "x-signature", code(t, "body")), func(r *authz.Request) {
				r.Body.Raw, r.Body.Text = nil, body
			}),
		},
		{name: "empty", mac: over, request: post("", "x-signature", code(t, "empty")), want: authz.ReasonBodyEmpty},
		{
			name: "empty, allowed", mac: over, want: verified,
			request: withBody(post("", "x-signature", code(t, "empty")), func(r *authz.Request) { r.Rules.AllowEmpty = true }),
		},
		// Without a code the body does not matter: the next of an any_of is asked.
		{
			name: "cut, without a code", mac: over, want: missing,
			request: withBody(post(body), func(r *authz.Request) { r.Body.Delivery = authz.DeliveryCut }),
		},
		{
			name: "cut, with a code that can't be read", mac: over, want: authz.ReasonBodyTruncated,
			request: withBody(post(body, "x-signature", "zz"), func(r *authz.Request) { r.Body.Delivery = authz.DeliveryCut }),
		},

		{name: "never covered, none there", mac: pathOnly, request: post("", "x-signature", code(t, "path")), want: verified},
		{name: "never covered, one there", mac: pathOnly, request: post(body, "x-signature", code(t, "path")), want: authz.ReasonBodyUnsigned},
		{
			name: "never covered, perhaps one there", mac: pathOnly, want: authz.ReasonBodyNotForwarded,
			request: withBody(post("", "x-signature", code(t, "path")), func(r *authz.Request) {
				r.Header.Fields = r.Header.Fields[1:]
			}),
		},
		{name: "unsigned accepted", mac: unsigned, request: post(body, "x-signature", code(t, "path")), want: verified},
		{
			name: "unsigned accepted, not delivered", mac: unsigned, want: verified,
			request: withBody(post(body, "x-signature", code(t, "path")), func(r *authz.Request) { r.Body = authz.Body{Size: -1} }),
		},
		{name: "unsigned accepted, read", mac: asserted, request: post(body, "x-signature", code(t, "path")), want: verified},
		{
			name: "unsigned accepted, read, not delivered", mac: asserted, want: authz.ReasonBodyNotForwarded,
			request: withBody(post(body, "x-signature", code(t, "path")), func(r *authz.Request) { r.Body = authz.Body{Size: -1} }),
		},

		{
			name: "in a group that is there", mac: sometimes, want: verified,
			request: post(body, "x-timestamp", "1614265330", "x-part", "p", "x-signature", code(t, "part")),
		},
		{
			name: "in a group that is not there", mac: sometimes, want: authz.ReasonBodyUnsigned,
			request: post(body, "x-timestamp", "1614265330", "x-signature", code(t, "no part")),
		},
		{
			name: "in a group that is not there, empty", mac: sometimes, want: verified,
			request: withBody(post("", "x-timestamp", "1614265330", "x-signature", code(t, "no part")), func(r *authz.Request) {
				r.Rules.AllowEmpty = true
			}),
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			part := build(t, tt.mac, map[string]*store{"key": live(secret)})
			_, err := part.Check.Verify(t.Context(), tt.request)
			if reasonOf(err) != tt.want {
				t.Errorf("Verify() = %v, want %v", err, tt.want)
			}
		})
	}
}

func TestBindsBody(t *testing.T) {
	tests := []struct {
		name string
		edit func(*policypb.Mac)
		want bool
	}{
		{name: "body", edit: func(*policypb.Mac) {}, want: true},
		{name: "digest", edit: func(m *policypb.Mac) { m.Message = "{body|sha256|hex}" }, want: true},
		{name: "never", edit: func(m *policypb.Mac) { m.Message = "{header:X-Id}" }, want: true},
		{name: "unsigned", edit: func(m *policypb.Mac) { m.Message, m.UnsignedBody = "{header:X-Id}", "accepted" }},
		{name: "unsigned but read", edit: func(m *policypb.Mac) { m.Message, m.UnsignedBody = "{json:/id}", "accepted" }, want: true},
		{
			name: "unsigned but the time is read from it", want: true,
			edit: func(m *policypb.Mac) {
				m.Message, m.UnsignedBody = "{header:X-Id}", "accepted"
				m.Timestamp = &policypb.Timestamp{Value: "{json:/at}", Unit: "seconds", Unchecked: "accepted"}
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			part := build(t, settings(tt.edit), map[string]*store{"key": live(secret)})
			if part.BindsBody != tt.want {
				t.Errorf("BindsBody = %v, want %v", part.BindsBody, tt.want)
			}
		})
	}
}

// Twilio signs the URL, and the URL holds a digest of the body.
func TestAssertedDigest(t *testing.T) {
	sum := sha256.Sum256([]byte(body))
	digest := hex.EncodeToString(sum[:])
	part := build(t, settings(func(m *policypb.Mac) {
		m.Message, m.PublicUrl = "{url}", "https://hooks.example.com"
		m.Assert = []*policypb.Assertion{{Value: "{query:bodySHA256}", Equals: "{body|sha256|hex}"}}
	}), map[string]*store{"key": live(secret)})

	tests := []struct {
		name string
		body string
		path string
		code string
		want authz.Reason
	}{
		{name: "good", body: body, path: "/h?bodySHA256=" + digest, code: "url", want: verified},
		{name: "another body", body: body + " ", path: "/h?bodySHA256=" + digest, code: "url", want: authz.ReasonAssertionFailed},
		{name: "another digest", body: body, path: "/h?bodySHA256=00", code: "url", want: mismatch},
		{name: "no digest", body: body, path: "/h", code: "url", want: mismatch},
		{name: "another body and wrong", body: body + " ", path: "/h?bodySHA256=" + digest, code: "body", want: mismatch},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := path(tt.path, post(tt.body, "x-signature", code(t, tt.code)))
			if _, err := part.Check.Verify(t.Context(), r); reasonOf(err) != tt.want {
				t.Errorf("Verify() = %v, want %v", err, tt.want)
			}
		})
	}
}

func TestAssertions(t *testing.T) {
	tests := []struct {
		name   string
		assert []*policypb.Assertion
		want   authz.Reason
	}{
		{name: "one of", assert: []*policypb.Assertion{{Value: "{header:X-Org}", OneOf: []string{"a", "acme"}}}, want: verified},
		{name: "none of", assert: []*policypb.Assertion{{Value: "{header:X-Org}", OneOf: []string{"a", "ac", "acmee", "ACME"}}}, want: authz.ReasonAssertionFailed},
		{name: "equals", assert: []*policypb.Assertion{{Value: "{header:X-Org}", Equals: "ac{method|lower|only:a-z}"}}, want: authz.ReasonAssertionFailed},
		{name: "equals a text", assert: []*policypb.Assertion{{Value: "{header:X-Org}", Equals: "acme"}}, want: verified},
		{name: "absent", assert: []*policypb.Assertion{{Value: "{header:X-None}", OneOf: []string{"acme"}}}, want: authz.ReasonPartMissing},
		{name: "number text", assert: []*policypb.Assertion{{Value: "{json:/id}", OneOf: []string{"1"}}}, want: verified},
		{
			name: "all must hold", want: authz.ReasonAssertionFailed,
			assert: []*policypb.Assertion{{Value: "{header:X-Org}", Equals: "acme"}, {Value: "{json:/id}", OneOf: []string{"2"}}},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			part := build(t, settings(func(m *policypb.Mac) { m.Assert = tt.assert }), map[string]*store{"key": live(secret)})
			r := post(body, "x-signature", code(t, "body"), "x-org", "acme")
			if _, err := part.Check.Verify(t.Context(), r); reasonOf(err) != tt.want {
				t.Errorf("Verify() = %v, want %v", err, tt.want)
			}
		})
	}
}

func TestAssertionsComeLast(t *testing.T) {
	part := build(t, timed("seconds", func(m *policypb.Mac) {
		m.Assert = []*policypb.Assertion{{Value: "{header:X-Org}", OneOf: []string{"acme"}}}
	}), map[string]*store{"key": live(secret)})
	r := at(unix+301, post(body, "x-signature", code(t, "seconds"), "x-timestamp", "1614265330", "x-org", "other"))
	if _, err := part.Check.Verify(t.Context(), r); reasonOf(err) != authz.ReasonTimestampStale {
		t.Errorf("Verify() = %v, want %v", err, authz.ReasonTimestampStale)
	}
}
