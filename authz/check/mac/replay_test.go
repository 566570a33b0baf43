package mac_test

import (
	"strings"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

// What was signed tells deliveries apart, whichever key signed it and however
// the code is written.
func TestMessages(t *testing.T) {
	message := func(policy, encoding, name string, r *authz.Request) authz.Message {
		t.Helper()
		env := environment(map[string]*store{"key": live(secret, oldSecret)})
		env.Replay, env.Policy = true, policy
		part, problems := kindOf(settings(func(m *policypb.Mac) { m.Encoding = encoding }), env)
		if len(problems) > 0 || !part.Signs {
			t.Fatalf("Build() = %+v, %v", part, problems)
		}
		identity, err := part.Check.Verify(t.Context(), r)
		if err != nil || identity.Content == nil || len(identity.Content.Messages) != 1 || identity.Content.HasPayload {
			t.Fatalf("%s: Verify() = %+v, %v, want one message", name, identity, err)
		}
		return identity.Content.Messages[0]
	}
	first := message("p", "hex", "first", post(body, "x-signature", code(t, "body")))
	h := authz.NewMessage("p")
	h.Write([]byte(body))
	if want := authz.SumMessage(h); first != want {
		t.Errorf("message = %x, want that of the signed bytes, %x", first, want)
	}
	if again := message("p", "base64", "base64", post(body, "x-signature", code64(t, "body"), "x-other", "1")); again != first {
		t.Error("written otherwise it is another message")
	}
	if older := message("p", "hex", "older key", post(body, "x-signature", code(t, "body old"))); older != first {
		t.Error("by another key it is another message")
	}
	if other := message("q", "hex", "policy", post(body, "x-signature", code(t, "body"))); other == first {
		t.Error("two policies share a message")
	}

	identity, err := build(t, settings(), map[string]*store{"key": live(secret)}).Check.Verify(t.Context(), post(body, "x-signature", code(t, "body")))
	if err != nil || identity.Content != nil {
		t.Errorf("where nobody asks: %+v, %v", identity, err)
	}
}

func TestWindow(t *testing.T) {
	short := time.Second
	for name, tt := range map[string]struct {
		mac  *policypb.Mac
		want time.Duration
	}{
		"no time":    {settings(), 0},
		"unchecked":  {timed("seconds", unchecked), 0},
		"default":    {timed("seconds"), 10 * time.Minute},
		"both sides": {timed("seconds", tolerance(time.Minute, &short)), 61 * time.Second},
	} {
		part := build(t, tt.mac, map[string]*store{"key": live(secret)})
		if part.Window != tt.want || !part.Signs || part.Payload {
			t.Errorf("%s: Window = %v, Signs = %v, want %v", name, part.Window, part.Signs, tt.want)
		}
	}
}

// A check vouches for a body only where the message of the request holds it.
func TestBodySigned(t *testing.T) {
	pathOnly := func(m *policypb.Mac) { m.Message, m.PublicUrl = "{path}", "https://hooks.example.com" }
	sometimes := timed("seconds", func(m *policypb.Mac) { m.Message = "{timestamp}.[{header:X-Part|only:a-z}.{body}]" })
	empty := post("", "x-timestamp", "1614265330", "x-signature", code(t, "no part"))
	empty.Rules.AllowEmpty = true
	for name, tt := range map[string]struct {
		mac  *policypb.Mac
		r    *authz.Request
		want bool
	}{
		"covered":        {settings(), post(body, "x-signature", code(t, "body")), true},
		"none there":     {settings(pathOnly), post("", "x-signature", code(t, "path")), false},
		"accepted":       {settings(pathOnly, func(m *policypb.Mac) { m.UnsignedBody = "accepted" }), post(body, "x-signature", code(t, "path")), false},
		"in a group":     {sometimes, post(body, "x-timestamp", "1614265330", "x-part", "p", "x-signature", code(t, "part")), true},
		"group left out": {sometimes, empty, false},
	} {
		identity, err := build(t, tt.mac, map[string]*store{"key": live(secret)}).Check.Verify(t.Context(), tt.r)
		if err != nil || identity.BodySigned != tt.want {
			t.Errorf("%s: BodySigned = %v, %v, want %v", name, identity.BodySigned, err, tt.want)
		}
	}
}

// Groups of several messages can't be claimed: a copy with the other group alone
// would be new.
func TestMessageOfGroups(t *testing.T) {
	env := environment(map[string]*store{"key": live(secret)})
	env.Replay, env.Policy = true, "p"
	part, problems := kindOf(stripe(func(m *policypb.Mac) { m.Credential.Fields.GroupSeparator = " " }), env)
	if len(problems) > 0 {
		t.Fatalf("Build() = %v", problems)
	}
	zeros := strings.Repeat("0", 64)
	for value, want := range map[string]authz.Reason{
		"t=1614265330,v1=" + zeros + " t=1614265330,v1=" + code(t, "seconds"): authz.ReasonVerified,
		"t=1614265330,v1=" + code(t, "seconds") + " t=1614265331,v1=" + zeros: authz.ReasonCredentialMalformed,
		"t=1614265331,v1=" + zeros + " t=1614265330,v1=" + code(t, "seconds"): authz.ReasonCredentialMalformed,
	} {
		identity, err := part.Check.Verify(t.Context(), at(1614265330, post(body, "x-signature", value)))
		if reasonOf(err) != want || err == nil && len(identity.Content.Messages) != 1 {
			t.Errorf("%s: Verify() = %+v, %v, want %v", value, identity, err, want)
		}
	}
}
