package jwe_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"testing"

	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
	"github.com/hookauthz/hookauthz/authz/check/jws"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

// The signed token inside is judged by the kind of signed tokens.

func nestedEnv() *authz.Env {
	e := with(set(rsaKey()))
	e.Keys = func(name string) (authz.KeyReference, bool) {
		keys := &authztest.KeySet{Accepted: []authz.PublicKey{{ID: "s1", Key: signer().Public()}}}
		return authz.KeyReference{Name: name, Set: keys}, name == "sender"
	}
	e.Inner = func(_ string, settings any) (authz.Part, []authz.Problem) { return jws.Kind().Build(settings, e) }
	return e
}

func TestNested(t *testing.T) {
	e := nestedEnv()
	e.Replay, e.Payload = true, true
	settings := inner(func(s *policypb.Jwe) {
		s.Inner.Jws.Issuer = "https://partner.example"
		s.Inner.Jws.Time = &policypb.TokenTime{Tolerance: durationpb.New(60e9)}
	})
	part := newPart(t, settings, e)
	now := authztest.Received().Unix()
	claims := func(issuer string, at int64) string { return fmt.Sprintf(`{"iss":"%s","iat":%d}`, issuer, at) }
	for _, tt := range []struct {
		name, payload string
		want          authz.Reason
	}{
		{name: "right", payload: claims("https://partner.example", now), want: authz.ReasonVerified},
		{name: "stale", payload: claims("https://partner.example", now-61), want: authz.ReasonTimestampStale},
		{name: "another issuer", payload: claims("https://evil.example", now), want: authz.ReasonClaimMismatch},
	} {
		t.Run(tt.name, func(t *testing.T) {
			identity, err := part.Check.Verify(t.Context(), body(toRSA(t, sign(t, signer(), tt.payload))))
			authztest.WantReason(t, err, tt.want)
			if err != nil {
				return
			}
			content := identity.Content
			if identity.Principal != "https://partner.example" || identity.Key != "s1" || !identity.BodySigned || !identity.Decrypted || content == nil ||
				len(content.Messages) != 1 || !content.HasPayload || string(content.Payload) != tt.payload {
				t.Errorf("identity = %+v, content %+v", identity, content)
			}
		})
	}
	if !part.Authenticates || !part.Signs || !part.Payload || part.Window != 120e9 {
		t.Errorf("part = %+v", part)
	}
}

// In a header, only a claim that is a digest of the body binds it.
func TestNestedInHeader(t *testing.T) {
	const text = `{"id":"7"}`
	sum := sha256.Sum256([]byte(text))
	payload := `{"hash":"` + hex.EncodeToString(sum[:]) + `","id":"7"}`
	request := func(body string) *authz.Request {
		return authztest.Request("POST", "/h", body, "x-token", toRSA(t, sign(t, signer(), payload)))
	}
	assert := func(value, equals string) *policypb.Jwe {
		return inner(inHeader, func(s *policypb.Jwe) {
			s.Inner.Jws.Assert = []*policypb.Assertion{{Value: value, Equals: equals}}
		})
	}
	digest, field := assert("{claim:hash}", "{body|sha256|hex}"), assert("{claim:id}", "{json:/id}")
	for _, tt := range []struct {
		name     string
		settings *policypb.Jwe
		body     string
		want     authz.Reason
	}{
		{name: "digest", settings: digest, body: text, want: authz.ReasonVerified},
		{name: "digest of another body", settings: digest, body: text + " ", want: authz.ReasonAssertionFailed},
		{name: "a field of the body", settings: field, body: text, want: authz.ReasonBodyUnsigned},
	} {
		t.Run(tt.name, func(t *testing.T) {
			identity, err := verify(t, tt.settings, nestedEnv(), request(tt.body))
			authztest.WantReason(t, err, tt.want)
			if identity.BodySigned != (err == nil) {
				t.Errorf("BodySigned = %v", identity.BodySigned)
			}
		})
	}
}

// A body that did not arrive is told before a key is used: what the answer is must
// not hang on whether the token decrypts.
func TestNestedBodyFirst(t *testing.T) {
	const text = `{"id":"7"}`
	sum := sha256.Sum256([]byte(text))
	token := toRSA(t, sign(t, signer(), `{"hash":"`+hex.EncodeToString(sum[:])+`","id":"7"}`))
	assert := func(value, equals string) change {
		return func(s *policypb.Jwe) { s.Inner.Jws.Assert = []*policypb.Assertion{{Value: value, Equals: equals}} }
	}
	accepted := func(s *policypb.Jwe) { s.Inner.Jws.UnsignedBody = "accepted" }
	for name, tt := range map[string]struct {
		settings *policypb.Jwe
		signed   bool
	}{
		"bound":    {settings: inner(inHeader, assert("{claim:hash}", "{body|sha256|hex}")), signed: true},
		"compared": {settings: inner(inHeader, assert("{claim:id}", "{json:/id}"), accepted)},
	} {
		t.Run(name, func(t *testing.T) {
			for _, token := range []string{token, flipped(t, token, 4)} {
				r := authztest.Request("POST", "/h", text, "x-token", token)
				r.Body.Delivery = authz.DeliveryCut
				_, err := verify(t, tt.settings, nestedEnv(), r)
				authztest.WantReason(t, err, authz.ReasonBodyTruncated)
			}
			part := newPart(t, tt.settings, nestedEnv())
			identity, err := part.Check.Verify(t.Context(), authztest.Request("POST", "/h", text, "x-token", token))
			if err != nil || identity.BodySigned != tt.signed || !part.BindsBody || part.SharedSecret == tt.signed {
				t.Errorf("identity = %+v, %v, part %+v", identity, err, part)
			}
		})
	}
}

// The payload of a token in a header takes no body's place, neither its own nor,
// in an all_of, that of a check that gives one.
func TestNestedInHeaderPayload(t *testing.T) {
	for _, replay := range []bool{false, true} {
		e := nestedEnv()
		e.Payload, e.Replay = true, replay
		r := authztest.Request("POST", "/h", "", "content-length", "0", "x-token", toRSA(t, sign(t, signer(), `{}`)))
		identity, err := verify(t, inner(inHeader), e, r)
		if err != nil || identity.Content != nil && (identity.Content.HasPayload || identity.Content.Payload != nil) {
			t.Errorf("content = %+v, %v", identity.Content, err)
		}
		if replay && (identity.Content == nil || len(identity.Content.Messages) != 1) {
			t.Errorf("content = %+v, want a message", identity.Content)
		}
	}
}
