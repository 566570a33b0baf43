package jws_test

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"maps"
	"strings"
	"testing"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

// claimed puts the token into a header, with assertions of these values.
func claimed(pairs ...string) func(*policypb.Jws) {
	return func(s *policypb.Jws) {
		s.Body, s.Header = nil, "X-Token"
		for i := 0; i < len(pairs); i += 2 {
			s.Assert = append(s.Assert, &policypb.Assertion{Value: pairs[i], Equals: pairs[i+1]})
		}
	}
}

// A digest of the body in a claim, in each form that senders write it, binds the
// body; in any other form it is not the one.
func TestBodyDigestForms(t *testing.T) {
	const failed = authz.ReasonAssertionFailed
	of256 := func(body string) []byte { sum := sha256.Sum256([]byte(body)); return sum[:] }
	of384 := func(body string) []byte { sum := sha512.Sum384([]byte(body)); return sum[:] }
	of512 := func(body string) []byte { sum := sha512.Sum512([]byte(body)); return sum[:] }
	std, url := base64.StdEncoding.EncodeToString, base64.RawURLEncoding.EncodeToString
	tests := []struct {
		name  string
		want  string // what the policy wants the claim to be
		write func(body string) string
		// others are forms of the same digest that are not the one.
		others map[string]func(body string) string
	}{
		{
			name: "SHA-256, hex", want: "{body|sha256|hex}", write: func(body string) string { return hex.EncodeToString(of256(body)) },
			others: map[string]func(string) string{
				"capitals":   func(body string) string { return strings.ToUpper(hex.EncodeToString(of256(body))) },
				"base64":     func(body string) string { return std(of256(body)) },
				"SHA-512":    func(body string) string { return hex.EncodeToString(of512(body)) },
				"half of it": func(body string) string { return hex.EncodeToString(of256(body)[:16]) },
				"a prefix":   func(body string) string { return "SHA-256=" + hex.EncodeToString(of256(body)) },
			},
		},
		{
			name: "SHA-256, base64", want: "{body|sha256|base64}", write: func(body string) string { return std(of256(body)) },
			others: map[string]func(string) string{
				"hex":             func(body string) string { return hex.EncodeToString(of256(body)) },
				"without padding": func(body string) string { return strings.TrimRight(std(of256(body)), "=") },
				"of the hex":      func(body string) string { return std([]byte(hex.EncodeToString(of256(body)))) },
				"SHA-384":         func(body string) string { return std(of384(body)) },
			},
		},
		{
			name: "SHA-256, base64url", want: "{body|sha256|base64url}", write: func(body string) string { return url(of256(body)) },
			others: map[string]func(string) string{
				"base64":       func(body string) string { return std(of256(body)) },
				"with padding": func(body string) string { return base64.URLEncoding.EncodeToString(of256(body)) },
			},
		},
		{
			name: "SHA-512, hex", want: "{body|sha512|hex}", write: func(body string) string { return hex.EncodeToString(of512(body)) },
			others: map[string]func(string) string{
				"SHA-256":    func(body string) string { return hex.EncodeToString(of256(body)) },
				"half of it": func(body string) string { return hex.EncodeToString(of512(body)[:32]) },
			},
		},
		{
			name: "SHA-512, base64", want: "{body|sha512|base64}", write: func(body string) string { return std(of512(body)) },
			others: map[string]func(string) string{
				"SHA-256":   func(body string) string { return std(of256(body)) },
				"base64url": func(body string) string { return url(of512(body)) },
			},
		},
		{
			name: "with a prefix", want: "SHA-256={body|sha256|base64}", write: func(body string) string { return "SHA-256=" + std(of256(body)) },
			others: map[string]func(string) string{
				"without it":     func(body string) string { return std(of256(body)) },
				"small letters":  func(body string) string { return "sha-256=" + std(of256(body)) },
				"another name":   func(body string) string { return "SHA-512=" + std(of256(body)) },
				"a blank":        func(body string) string { return "SHA-256= " + std(of256(body)) },
				"more after it":  func(body string) string { return "SHA-256=" + std(of256(body)) + ",SHA-512=" + std(of512(body)) },
				"the prefix's":   func(string) string { return "SHA-256=" },
				"the whole hash": func(body string) string { return std(of256("SHA-256=" + body)) },
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			check := newCheck(t, settings(claimed("{claim:digest}", tt.want)))
			send := func(body, digest string) (authz.Identity, error) {
				text := token(t, keyOf("key"), edHeader, payload(t, map[string]any{"digest": digest}))
				return check.Verify(t.Context(), post(body, text))
			}
			// The second body's digests have + and / in base64.
			for _, body := range []string{event, "\x00\xff 0", strings.Repeat("long ", 10_000)} {
				identity, err := send(body, tt.write(body))
				authztest.WantReason(t, err, verified)
				if !identity.BodySigned {
					t.Error("the body is not said to be signed")
				}
				_, err = send(body+" ", tt.write(body))
				authztest.WantReason(t, err, failed)
				_, err = send(body, tt.write(""))
				authztest.WantReason(t, err, failed)
			}
			for name, other := range tt.others {
				if _, err := send(event, other(event)); authz.DeniedBy(err).Reason() != failed {
					t.Errorf("%s: %v", name, err)
				}
			}
		})
	}
}

// What a claim says of the method and of the URL is held against the request, and
// the URL is the one that the sender was given.
func TestBoundToRequest(t *testing.T) {
	const (
		failed = authz.ReasonAssertionFailed
		part   = authz.ReasonPartMissing
		base   = "https://hooks.example.com/in"
	)
	body := hash(event)
	tests := []struct {
		name   string
		claims map[string]any
		value  string // of the claim that is asserted; default {claim:uri}
		equals string
		method string // default POST
		path   string // default /hook?a=1&b=%2F
		want   authz.Reason
	}{
		{name: "url", equals: "{url}", claims: map[string]any{"uri": base + "/hook?a=1&b=%2F"}, want: verified},
		{name: "url without its query", equals: "{url}", claims: map[string]any{"uri": base + "/hook"}, want: failed},
		{name: "url with the query in another order", equals: "{url}", claims: map[string]any{"uri": base + "/hook?b=%2F&a=1"}, want: failed},
		{name: "url with the query decoded", equals: "{url}", claims: map[string]any{"uri": base + "/hook?a=1&b=/"}, want: failed},
		{name: "url with something added", equals: "{url}", claims: map[string]any{"uri": base + "/hook?a=1&b=%2F"}, path: "/hook?a=1&b=%2F&c=3", want: failed},
		{name: "url of another host", equals: "{url}", claims: map[string]any{"uri": "https://elsewhere.example/in/hook?a=1&b=%2F"}, want: failed},
		{name: "url of another scheme", equals: "{url}", claims: map[string]any{"uri": "http://hooks.example.com/in/hook?a=1&b=%2F"}, want: failed},
		{name: "url with the port", equals: "{url}", claims: map[string]any{"uri": "https://hooks.example.com:443/in/hook?a=1&b=%2F"}, want: failed},
		{name: "url without the prefix", equals: "{url}", claims: map[string]any{"uri": "https://hooks.example.com/hook?a=1&b=%2F"}, want: failed},
		{name: "url of another path", equals: "{url}", claims: map[string]any{"uri": base + "/hook"}, path: "/hooks", want: failed},
		{name: "url, a fragment", equals: "{url}", claims: map[string]any{"uri": base + "/hook#x"}, path: "/hook", want: failed},
		{name: "path", equals: "{path}", claims: map[string]any{"uri": "/in/hook"}, want: verified},
		{name: "path with the query", equals: "{path}", claims: map[string]any{"uri": "/in/hook?a=1&b=%2F"}, want: failed},
		{name: "path in another case", equals: "{path}", claims: map[string]any{"uri": "/in/Hook"}, want: failed},
		{name: "path with a slash more", equals: "{path}", claims: map[string]any{"uri": "/in/hook/"}, want: failed},
		{name: "path that is encoded", equals: "{path}", claims: map[string]any{"uri": "/in/hook"}, path: "/h%6Fok", want: failed},
		{name: "path as it is encoded", equals: "{path}", claims: map[string]any{"uri": "/in/h%6Fok"}, path: "/h%6Fok", want: verified},
		{name: "path and query", equals: "{path_query}", claims: map[string]any{"uri": "/in/hook?a=1&b=%2F"}, want: verified},
		{name: "path and no query", equals: "{path_query}", claims: map[string]any{"uri": "/in/hook"}, path: "/hook", want: verified},
		{name: "path and an empty query", equals: "{path_query}", claims: map[string]any{"uri": "/in/hook"}, path: "/hook?", want: failed},
		{name: "path without its query", equals: "{path_query}", claims: map[string]any{"uri": "/in/hook"}, want: failed},
		{name: "the whole url for path and query", equals: "{path_query}", claims: map[string]any{"uri": base + "/hook?a=1&b=%2F"}, want: failed},
		{name: "no uri", equals: "{url}", want: part},
		{name: "an empty uri", equals: "{url}", claims: map[string]any{"uri": ""}, want: part},
		{name: "a list of uris", equals: "{url}", claims: map[string]any{"uri": []string{base + "/hook?a=1&b=%2F"}}, want: part},
		{name: "an object", equals: "{path}", claims: map[string]any{"uri": map[string]any{"path": "/in/hook"}}, want: part},

		{name: "method", value: "{claim:method}", equals: "{method}", claims: map[string]any{"method": "POST"}, want: verified},
		{name: "another method", value: "{claim:method}", equals: "{method}", claims: map[string]any{"method": "GET"}, want: failed},
		{name: "of another method", value: "{claim:method}", equals: "{method}", claims: map[string]any{"method": "POST"}, method: "PUT", want: failed},
		{name: "that other method", value: "{claim:method}", equals: "{method}", claims: map[string]any{"method": "PUT"}, method: "PUT", want: verified},
		{name: "method in small letters", value: "{claim:method}", equals: "{method}", claims: map[string]any{"method": "post"}, want: failed},
		{name: "method in any letters", value: "{claim:method|upper}", equals: "{method}", claims: map[string]any{"method": "post"}, want: verified},
		{name: "no method", value: "{claim:method}", equals: "{method}", want: part},
		{name: "method of a number", value: "{claim:method}", equals: "{method}", claims: map[string]any{"method": 7}, want: failed},
		{name: "both in one", value: "{claim:htm} {claim:htu}", equals: "{method} {url}", claims: map[string]any{"htm": "POST", "htu": base + "/hook?a=1&b=%2F"}, want: verified},
		{name: "both in one, another method", value: "{claim:htm} {claim:htu}", equals: "{method} {url}", claims: map[string]any{"htm": "GET", "htu": base + "/hook?a=1&b=%2F"}, want: failed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			value, method, path := tt.value, tt.method, tt.path
			if value == "" {
				value = "{claim:uri}"
			}
			if method == "" {
				method = "POST"
			}
			if path == "" {
				path = "/hook?a=1&b=%2F"
			}
			check := newCheck(t, settings(claimed("{claim:body}", "{body|sha256|hex}", value, tt.equals), func(s *policypb.Jws) { s.PublicUrl = base }))
			claims := map[string]any{"body": body}
			maps.Copy(claims, tt.claims)
			r := authztest.Request(method, path, event)
			authztest.AddHeader(r, "X-Token", token(t, keyOf("key"), edHeader, payload(t, claims)))
			_, err := check.Verify(t.Context(), r)
			authztest.WantReason(t, err, tt.want)
		})
	}
}
