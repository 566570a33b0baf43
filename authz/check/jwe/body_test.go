package jwe_test

import (
	"testing"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

// TestBodies: where the token stands, what may stand beside it, and whether the
// check vouches for the body.
func TestBodies(t *testing.T) {
	const ok, missing, malformed, unsigned, duplicate = authz.ReasonVerified, authz.ReasonCredentialMissing, authz.ReasonCredentialMalformed,
		authz.ReasonBodyUnsigned, authz.ReasonDuplicateHeader
	accepted := func(s *policypb.Jwe) { s.Inner.Jws.UnsignedBody = "accepted" }
	token, whole, nested := toShared(t, "key", "x"), toRSA(t, "x"), toRSA(t, sign(t, signer(), "x"))
	inBody := func(text string) *authz.Request { return authztest.Request("POST", "/h", text) }
	header := func(token, text string) *authz.Request {
		r := authztest.Request("POST", "/h", text, "x-token", token)
		if text == "" {
			authztest.AddHeader(r, "content-length", "0")
		}
		return r
	}
	tests := []struct {
		name     string
		settings *policypb.Jwe
		payload  bool
		request  *authz.Request
		want     authz.Reason
		signed   bool
	}{
		{name: "body", settings: shared(), request: inBody(token), want: ok, signed: true},
		{name: "body, white space", settings: shared(), request: inBody(token + " "), want: malformed},
		{name: "json", settings: shared(inJSON), request: inBody(`{"data": {"token": "` + token + `"}}`), want: ok, signed: true},
		{name: "json and more", settings: shared(inJSON), request: inBody(`{"data": {"token": "` + token + `"}, "id": 7}`), want: unsigned},
		{name: "json and more beside it", settings: shared(inJSON), request: inBody(`{"data": {"token": "` + token + `", "id": 7}}`), want: unsigned},
		{name: "json and more, replaced", settings: shared(inJSON), payload: true, request: inBody(`{"data": {"token": "` + token + `"}, "id": 7}`), want: ok, signed: true},
		{name: "json and more, nobody authenticated", settings: public(inJSON), request: inBody(`{"data": {"token": "` + whole + `"}, "id": 7}`), want: ok},
		{name: "json, nobody authenticated", settings: public(inJSON), request: inBody(`{"data": {"token": "` + whole + `"}}`), want: ok},
		{name: "json and more around a signed one", settings: inner(inJSON), request: inBody(`{"data": {"token": "` + nested + `"}, "id": 7}`), want: unsigned},
		{name: "json around a signed one", settings: inner(inJSON), request: inBody(`{"data": {"token": "` + nested + `"}}`), want: ok, signed: true},
		{name: "json and more, accepted", settings: inner(inJSON, accepted), request: inBody(`{"data": {"token": "` + nested + `"}, "id": 7}`), want: ok},
		{name: "json without it", settings: shared(inJSON), request: inBody(`{"data": {}}`), want: missing},
		{name: "json of another type", settings: shared(inJSON), request: inBody(`{"data": {"token": 1}}`), want: malformed},
		{name: "json twice", settings: shared(inJSON), request: inBody(`{"data": {"token": "x", "token": "` + token + `"}}`), want: malformed},
		{name: "form", settings: shared(inForm), request: inBody("token=" + token), want: ok, signed: true},
		{name: "form and more", settings: shared(inForm), request: inBody("token=" + token + "&a=b"), want: unsigned},
		{name: "form twice", settings: shared(inForm), request: inBody("token=" + token + "&token=" + token), want: malformed},
		{name: "header, no body", settings: shared(inHeader), request: header(token, ""), want: ok, signed: true},
		{name: "header, body", settings: shared(inHeader), request: header(token, "body"), want: unsigned},
		{name: "header, body, replaced", settings: shared(inHeader), payload: true, request: header(token, "body"), want: unsigned},
		{name: "header, nobody authenticated", settings: public(inHeader), request: header(whole, "body"), want: ok},
		{name: "header, signed", settings: inner(inHeader), request: header(nested, "body"), want: unsigned},
		{name: "header, signed, accepted", settings: inner(inHeader, accepted), request: header(nested, "body"), want: ok},
		{name: "header missing", settings: shared(inHeader), request: inBody(token), want: missing},
		{name: "header twice", settings: shared(inHeader), request: authztest.Request("POST", "/h", "", "x-token", token, "x-token", token), want: duplicate},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := with(set(rsaKey()))
			if tt.settings.GetKeyAlgorithms()[0] == "A256KW" {
				e = with(set(sharedKey("key", 32)))
			}
			e.Payload = tt.payload
			identity, err := verify(t, tt.settings, e, tt.request)
			authztest.WantReason(t, err, tt.want)
			if identity.BodySigned != tt.signed {
				t.Errorf("BodySigned = %v, want %v", identity.BodySigned, tt.signed)
			}
		})
	}
}

// A token in a header whose signed content binds the body vouches for it.
func TestInnerBindsBody(t *testing.T) {
	e := with(set(rsaKey()))
	build := e.Inner
	e.Inner = func(name string, settings any) (authz.Part, []authz.Problem) {
		part, problems := build(name, settings)
		check, ok := part.Check.(authz.TokenCheck)
		if !ok {
			t.Fatal("not a check of tokens")
		}
		part.BindsBody, part.Check = true, binding{check}
		return part, problems
	}
	part := newPart(t, inner(inHeader), e)
	r := authztest.Request("POST", "/h", "body", "x-token", toRSA(t, sign(t, signer(), "x")))
	identity, err := part.Check.Verify(t.Context(), r)
	if err != nil || !identity.BodySigned || !part.BindsBody {
		t.Errorf("identity = %+v, %v, BindsBody %v", identity, err, part.BindsBody)
	}
}

// Where what is inside gives no payload, nothing replaces the body.
func TestInnerWithoutPayload(t *testing.T) {
	e := with(set(rsaKey()))
	e.Payload = true
	build := e.Inner
	e.Inner = func(name string, settings any) (authz.Part, []authz.Problem) {
		part, problems := build(name, settings)
		part.Payload = false
		return part, problems
	}
	r := body(`{"data": {"token": "` + toRSA(t, sign(t, signer(), "x")) + `"}, "id": 7}`)
	_, err := verify(t, inner(inJSON), e, r)
	authztest.WantReason(t, err, authz.ReasonBodyUnsigned)
	if newPart(t, inner(inJSON), e).Payload {
		t.Error("Part.Payload = true")
	}
}

// A body that did not arrive is not an absent token.
func TestBodyNotForwarded(t *testing.T) {
	r := body(toShared(t, "key", "x"))
	r.Body = authz.Body{Size: -1}
	_, err := verify(t, shared(), with(set(sharedKey("key", 32))), r)
	authztest.WantReason(t, err, authz.ReasonBodyNotForwarded)
	r = body(toShared(t, "key", "x"))
	r.Body.Delivery = authz.DeliveryCut
	_, err = verify(t, shared(), with(set(sharedKey("key", 32))), r)
	authztest.WantReason(t, err, authz.ReasonBodyTruncated)
}
