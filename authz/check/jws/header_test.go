package jws_test

import (
	"testing"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

const event = `{"event":"payment.settled","amount":100}`

// A detached token vouches for the body that it was made over, encoded or not.
func TestDetached(t *testing.T) {
	over := func(header, body string, encoded bool) string {
		return detached(t, keyOf("key"), header, body, encoded)
	}
	attached := token(t, keyOf("key"), edHeader, event)
	b64True := `{"alg":"EdDSA","kid":"k1","b64":true,"crit":["b64"]}`
	tests := []struct {
		name  string
		how   string
		token string
		body  string // default event
		want  authz.Reason
	}{
		{name: "encoded", how: "encoded", token: over(edHeader, event, true), want: verified},
		{name: "RSA", how: "encoded", token: detached(t, rsaKey(), rsHeader, event, true), want: verified},
		{name: "ECDSA", how: "encoded", token: detached(t, ecKey(), ecHeader, event, true), want: verified},
		{name: "unencoded", how: "unencoded", token: over(b64False, event, false), want: verified},
		{name: "either, encoded", how: "either", token: over(edHeader, event, true), want: verified},
		{name: "either, unencoded", how: "either", token: over(b64False, event, false), want: verified},
		{name: "either, b64 true", how: "either", token: over(b64True, event, true), want: verified},

		{name: "another body", how: "encoded", token: over(edHeader, event, true), body: event + " ", want: mismatch},
		{name: "another body, unencoded", how: "unencoded", token: over(b64False, event, false), body: event + " ", want: mismatch},
		{name: "the body as it was encoded", how: "unencoded", token: over(b64False, b64(event), false), want: mismatch},
		{name: "a body that is base64url of the one", how: "encoded", token: over(edHeader, event, true), body: b64(event), want: mismatch},
		{name: "unencoded where encoded is wanted", how: "encoded", token: over(b64False, event, false), want: invalid},
		{name: "encoded where unencoded is wanted", how: "unencoded", token: over(edHeader, event, true), want: invalid},
		{name: "b64 true where unencoded is wanted", how: "unencoded", token: over(b64True, event, true), want: invalid},
		{name: "b64 true where encoded is wanted", how: "encoded", token: over(b64True, event, true), want: invalid},
		{name: "signed unencoded, said encoded", how: "either", token: over(edHeader, event, false), want: mismatch},
		{name: "signed encoded, said unencoded", how: "either", token: over(b64False, event, true), want: mismatch},
		{name: "b64 that is not critical", how: "either", token: over(`{"alg":"EdDSA","b64":false}`, event, false), want: invalid},
		{name: "critical b64 that is not there", how: "either", token: over(`{"alg":"EdDSA","crit":["b64"]}`, event, false), want: invalid},
		{name: "b64 of text", how: "either", token: over(`{"alg":"EdDSA","b64":"false","crit":["b64"]}`, event, false), want: invalid},
		{name: "b64 of null", how: "either", token: over(`{"alg":"EdDSA","b64":null,"crit":["b64"]}`, event, false), want: invalid},
		{name: "crit lists b64 twice", how: "either", token: over(`{"alg":"EdDSA","b64":false,"crit":["b64","b64"]}`, event, false), want: invalid},
		{name: "crit lists more", how: "either", token: over(`{"alg":"EdDSA","b64":false,"exp":1,"crit":["b64","exp"]}`, event, false), want: invalid},
		{name: "crit lists alg", how: "either", token: over(`{"alg":"EdDSA","b64":false,"crit":["b64","alg"]}`, event, false), want: invalid},
		{name: "crit lists a number", how: "either", token: over(`{"alg":"EdDSA","b64":false,"crit":["b64",1]}`, event, false), want: invalid},
		{name: "a payload of its own", how: "encoded", token: attached, want: malformed},
		{name: "a payload of its own, the same as the body", how: "either", token: attached, body: event, want: malformed},
		{name: "four dots", how: "encoded", token: over(edHeader, event, true) + ".." + "AA", want: malformed},
		{name: "no token", how: "encoded", want: missing},
		{name: "the body's members are the application's", how: "encoded", token: over(edHeader, `{"exp":"12/27","iat":0}`, true), body: `{"exp":"12/27","iat":0}`, want: verified},
		{name: "no JSON", how: "encoded", token: over(edHeader, "\x00\xff", true), body: "\x00\xff", want: verified},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			body := tt.body
			if body == "" {
				body = event
			}
			identity, err := newCheck(t, settings(apart(tt.how))).Verify(t.Context(), post(body, tt.token))
			authztest.WantReason(t, err, tt.want)
			if err == nil && !identity.BodySigned {
				t.Error("the body is not said to be signed")
			}
		})
	}
}

// The body of a detached token must be there, and all of it.
func TestDetachedDelivery(t *testing.T) {
	good := detached(t, keyOf("key"), edHeader, event, true)
	check := newCheck(t, settings(apart("encoded")))
	r := post(event, good)
	r.Body.Delivery = authz.DeliveryUnsaid
	_, err := check.Verify(t.Context(), r)
	authztest.WantReason(t, err, authz.ReasonBodyNotForwarded)
	r = post(event, "")
	r.Body = authz.Body{}
	_, err = check.Verify(t.Context(), r) // a missing token is told first
	authztest.WantReason(t, err, missing)

	empty := detached(t, keyOf("key"), edHeader, "", true)
	_, err = check.Verify(t.Context(), post("", empty))
	authztest.WantReason(t, err, authz.ReasonBodyEmpty)
	r = post("", empty)
	r.Rules.AllowEmpty = true
	_, err = check.Verify(t.Context(), r)
	authztest.WantReason(t, err, verified)
}

// A token in a header that holds its payload must say which body it is for.
func TestBoundByClaim(t *testing.T) {
	over := func(body any) string {
		return token(t, keyOf("key"), edHeader, payload(t, map[string]any{"body": body}))
	}
	loose := func(s *policypb.Jws) { s.Body, s.Header = nil, "X-Token" }
	accepted := func(s *policypb.Jws) { loose(s); s.UnsignedBody = "accepted" }
	read := func(s *policypb.Jws) {
		accepted(s)
		s.Assert = []*policypb.Assertion{{Value: "{json:/event}", OneOf: []string{"payment.settled"}}}
	}
	weak := func(s *policypb.Jws) {
		inHeader(s)
		s.Assert[0].Equals = "{body|md5|hex}"
	}
	tests := []struct {
		name   string
		change func(*policypb.Jws)
		token  string
		body   string
		want   authz.Reason
		part   bool // the body is not signed
	}{
		{name: "the digest of the body", change: inHeader, token: over(hash(event)), body: event, want: verified},
		{name: "the digest of another body", change: inHeader, token: over(hash("x")), body: event, want: authz.ReasonAssertionFailed},
		{name: "no digest", change: inHeader, token: over(nil), body: event, want: authz.ReasonPartMissing},
		{name: "an empty digest", change: inHeader, token: over(""), body: event, want: authz.ReasonPartMissing},
		{name: "a list of digests", change: inHeader, token: over([]string{hash(event)}), body: event, want: authz.ReasonPartMissing},
		{name: "somebody else's", change: inHeader, token: token(t, keyOf("other"), edHeader, payload(t, map[string]any{"body": hash(event)})), body: event, want: mismatch},
		{name: "nothing binds the body", change: loose, token: over(nil), body: event, want: unsigned},
		{name: "nothing binds the body, and there is none", change: loose, token: over(nil), want: verified, part: true},
		{name: "a weak digest", change: weak, token: over("x"), body: event, want: unsigned},
		{name: "accepted", change: accepted, token: over(nil), body: event, want: verified, part: true},
		{name: "accepted, and read", change: read, token: over(nil), body: event, want: verified, part: true},
		{name: "accepted, and read, and another", change: read, token: over(nil), body: `{"event":"x"}`, want: authz.ReasonAssertionFailed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			check := newCheck(t, settings(tt.change))
			identity, err := check.Verify(t.Context(), post(tt.body, tt.token))
			authztest.WantReason(t, err, tt.want)
			if err == nil && identity.BodySigned == tt.part {
				t.Errorf("BodySigned = %v", identity.BodySigned)
			}
		})
	}
}

// A header that stands twice is no token, nor is one without its prefix.
func TestHeaderPlace(t *testing.T) {
	good := token(t, keyOf("key"), edHeader, payload(t, map[string]any{"body": hash(event)}))
	bearer := settings(inHeader, func(s *policypb.Jws) { s.Header, s.Prefix = "Authorization", "Bearer " })
	tests := []struct {
		name  string
		lines []string
		want  authz.Reason
	}{
		{name: "right", lines: []string{"Bearer " + good}, want: verified},
		{name: "the scheme in another case", lines: []string{"bearer " + good}, want: verified},
		{name: "another scheme", lines: []string{"Basic YTpi"}, want: missing},
		{name: "no scheme, which reads as another", lines: []string{good}, want: missing},
		{name: "two spaces", lines: []string{"Bearer  " + good}, want: malformed},
		{name: "twice", lines: []string{"Bearer " + good, "Bearer " + good}, want: authz.ReasonDuplicateHeader},
		{name: "two tokens", lines: []string{"Bearer " + good + "," + good}, want: malformed},
		{name: "nothing", want: missing},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := authztest.Request("POST", "/hook", event)
			for _, line := range tt.lines {
				authztest.AddHeader(r, "Authorization", line)
			}
			_, err := newCheck(t, bearer).Verify(t.Context(), r)
			authztest.WantReason(t, err, tt.want)
		})
	}
}
