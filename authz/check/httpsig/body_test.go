package httpsig_test

import (
	"testing"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

func TestContentDigest(t *testing.T) {
	request := func(value string) *authz.Request {
		r := replaced(post(), "content-digest", value)
		return present(r, input, ed(input, plain()[0], plain()[1], `"content-digest": `+value))
	}
	tests := []struct {
		name  string
		value string
		want  authz.Reason
	}{
		{name: "sha-256", value: digest(body), want: verified},
		{name: "sha-512", value: digest512(body), want: verified},
		{name: "both", value: digest(body) + ", " + digest512(body), want: verified},
		{name: "both, without the blank", value: digest(body) + "," + digest512(body), want: verified},
		{name: "one that we don't know besides", value: "md5=:AAAA:, " + digest(body), want: verified},
		{name: "only one that we don't know", value: "md5=:AAAA:", want: badForm},
		{name: "first wrong", value: digest("x") + ", " + digest512(body), want: mismatch},
		{name: "second wrong", value: digest(body) + ", " + digest512("x"), want: mismatch},
		{name: "twice", value: digest("x") + ", " + digest(body), want: badForm},
		{name: "short", value: "sha-256=:AAAA:", want: badForm},
		{name: "empty", value: "sha-256=::", want: badForm},
		{name: "text", value: `sha-256="x"`, want: badForm},
		{name: "parameter", value: digest(body) + ";x", want: badForm},
		{name: "list", value: "sha-256=(:AAAA:)", want: badForm},
		{name: "nothing", value: "", want: partGone},
		{name: "as RFC 3230 has it", value: oldDigest(body), want: badForm},
		{name: "too long", value: digest(body) + `, x="` + string(make([]byte, 9000)) + `"`, want: badForm},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := verify(t, settings(), request(tt.value))
			authztest.WantReason(t, err, tt.want)
		})
	}
}

func TestBody(t *testing.T) {
	const bare = `("@method" "@path");created=` + created + `;keyid="k1"`
	over := func(edit func(*authz.Request)) *authz.Request { return change(right(), edit) }
	left := func(edit func(*authz.Request)) *authz.Request {
		return change(signed(bare, plain()[:2]...), edit)
	}
	none := func(r *authz.Request) {
		r.Body = authz.Body{}
		replaced(r, "content-length", "0")
	}
	cut := func(r *authz.Request) { r.Body.Delivery = authz.DeliveryCut }
	nothing := func(*authz.Request) {}
	optional := components("@method", "@path")
	accepted := func(s *policypb.HttpSignature) { optional(s); unsigned(s) }
	tests := []struct {
		name    string
		edit    func(*policypb.HttpSignature)
		request *authz.Request
		want    authz.Reason
		signed  bool
	}{
		{name: "covered", request: over(nothing), want: verified, signed: true},
		{name: "covered and cut", request: over(cut), want: authz.ReasonBodyTruncated},
		{name: "covered and cut, and not to be read", request: replaced(over(cut), "signature", "x"), want: authz.ReasonBodyTruncated},
		{name: "cut, without a signature", request: change(post(), cut), want: authz.ReasonCredentialMissing},
		{name: "covered and not delivered", request: over(func(r *authz.Request) { r.Body = authz.Body{Size: -1} }), want: authz.ReasonBodyNotForwarded},
		{name: "covered and as text", request: over(func(r *authz.Request) { r.Body.Text, r.Body.Raw = body, nil }), want: authz.ReasonBodyNotRaw},
		{name: "covered and empty", request: over(none), want: authz.ReasonBodyEmpty},

		{name: "need not be covered, is", edit: optional, request: over(nothing), want: verified, signed: true},
		{name: "need not be covered, is, another", edit: optional, request: over(func(r *authz.Request) { r.Body.Raw[0] ^= 1 }), want: mismatch},
		{name: "need not be covered, is, cut", edit: optional, request: over(cut), want: authz.ReasonBodyTruncated},
		{name: "need not be covered, is not", edit: optional, request: left(nothing), want: authz.ReasonBodyUnsigned},
		{name: "need not be covered, is not, none", edit: optional, request: left(none), want: verified},
		{name: "need not be covered, is not, perhaps none", edit: optional, want: authz.ReasonBodyNotForwarded, request: left(func(r *authz.Request) {
			r.Body = authz.Body{Size: -1}
			*r = *without(r, "content-length")
		})},

		{name: "unsigned accepted", edit: accepted, request: left(nothing), want: verified},
		{name: "unsigned accepted, not delivered", edit: accepted, request: left(func(r *authz.Request) { r.Body = authz.Body{Size: -1} }), want: verified},
		{name: "unsigned accepted, covered", edit: accepted, request: over(nothing), want: verified, signed: true},
		{name: "unsigned accepted, covered, another", edit: accepted, request: over(func(r *authz.Request) { r.Body.Raw[0] ^= 1 }), want: mismatch},
		{name: "unsigned accepted, covered, not delivered", edit: accepted, request: over(func(r *authz.Request) { r.Body = authz.Body{Size: -1} }), want: authz.ReasonBodyNotForwarded},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := settings()
			if tt.edit != nil {
				tt.edit(s)
			}
			identity, err := verify(t, s, tt.request)
			authztest.WantReason(t, err, tt.want)
			if identity.BodySigned != tt.signed {
				t.Errorf("BodySigned = %v, want %v", identity.BodySigned, tt.signed)
			}
		})
	}
}

func TestReplayMessage(t *testing.T) {
	const other = input + `;nonce="2"`
	part := newPart(t, settings(), func(e *authz.Env) { e.Replay = true })
	message := func(r *authz.Request) authz.Message {
		identity, err := part.Check.Verify(t.Context(), r)
		if err != nil || identity.Content == nil || len(identity.Content.Messages) != 1 {
			t.Fatalf("Verify() = %+v, %v, want one message", identity, err)
		}
		return identity.Content.Messages[0]
	}
	h := authz.NewMessage("test")
	h.Write([]byte(baseOf(input, plain()...)))
	want := authz.SumMessage(h)
	if got := message(right()); got != want {
		t.Error("the message is not the signature base")
	}
	// What is not signed does not make it another.
	if got := message(replaced(change(right(), func(r *authz.Request) { authztest.AddHeader(r, "x", "y") }), "signature-input", "sig1="+input)); got != want {
		t.Error("another header makes another message")
	}
	if got := message(signed(other, plain()...)); got == want {
		t.Error("another nonce makes the same message")
	}
	if identity, _ := verify(t, settings(), right()); identity.Content != nil {
		t.Error("there is a message that nobody asked for")
	}
}
