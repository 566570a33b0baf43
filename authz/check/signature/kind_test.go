package signature_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/check/signature"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

func TestProblems(t *testing.T) {
	edited := func(edits ...func(*policypb.Signature)) *policypb.Signature { return settings(edits...) }
	tests := []struct {
		name     string
		settings *policypb.Signature
		want     []string // path, code
	}{
		{name: "none", settings: settings()},
		{
			name: "empty", settings: &policypb.Signature{},
			want: []string{"algorithm setting", "encoding setting", "credential setting", "message template_syntax", "keys keys_required"},
		},
		{
			name: "several at once",
			settings: edited(func(s *policypb.Signature) {
				s.Algorithm, s.Encoding, s.Message, s.KeyId = "rsa-pkcs1-sha1", "base32", "{bdy}", "{body}"
				s.Timestamp = &policypb.Timestamp{Value: "{bdy}", Unit: "minutes"}
				s.Assert = []*policypb.Assertion{{Value: "{body}", Equals: "{x}"}}
				s.Keys = []string{"key", "nobody"}
			}),
			want: []string{
				"algorithm setting", "encoding setting", "timestamp.unit setting", "timestamp.value template_value", "message template_value",
				"assert[0].equals template_value", "key_id template_value", "keys[1] undeclared_keys",
			},
		},
		{name: "format without ecdsa", settings: edited(func(s *policypb.Signature) { s.EcdsaFormat = "raw" }), want: []string{"ecdsa_format setting"}},
		{name: "unknown format", settings: edited(func(s *policypb.Signature) { s.Algorithm, s.EcdsaFormat = "ecdsa-p256-sha256", "p1363" }), want: []string{"ecdsa_format setting"}},
		{name: "curve and hash that don't belong together", settings: edited(func(s *policypb.Signature) { s.Algorithm = "ecdsa-p256-sha512" }), want: []string{"algorithm setting"}},
		{name: "shared key", settings: edited(func(s *policypb.Signature) { s.Algorithm = "hmac-sha256" }), want: []string{"algorithm setting"}},
		{name: "none as an algorithm", settings: edited(func(s *policypb.Signature) { s.Algorithm = "none" }), want: []string{"algorithm setting"}},
		{name: "no keys", settings: edited(func(s *policypb.Signature) { s.Keys = nil }), want: []string{"keys keys_required"}},
		{name: "an entry without keys", settings: edited(func(s *policypb.Signature) { s.Keys = []string{"broken"} }), want: []string{"keys[0] bug"}},
		{name: "key id of a field that the grammar lacks", settings: edited(func(s *policypb.Signature) { s.KeyId = "{credential:k}" }), want: []string{"key_id template_value"}},
		{name: "body not covered", settings: edited(func(s *policypb.Signature) { s.Message = "{header:X-Id}" }), want: []string{"message unsigned_body warning"}},
		{name: "time not signed", settings: telnyx(func(s *policypb.Signature) { s.Message = "{body}" }), want: []string{"timestamp unsigned_timestamp"}},
		{name: "ambiguous", settings: edited(func(s *policypb.Signature) { s.Message = "{header:X-Id}{body}" }), want: []string{"message template_ambiguous"}},
		{name: "ambiguous, accepted", settings: edited(func(s *policypb.Signature) { s.Message, s.AmbiguousMessage = "{header:X-Id}{body}", "accepted" })},
		{name: "claims", settings: edited(func(s *policypb.Signature) {
			s.Assert = []*policypb.Assertion{{Value: "{claim:sub}", OneOf: []string{"a"}}}
		}), want: []string{"assert[0].value template_value"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := keys(set())
			found := e.Keys
			e.Keys = func(name string) (authz.KeyReference, bool) {
				if name == "broken" {
					return authz.KeyReference{Name: name}, true
				}
				ref, ok := found(name)
				return ref, ok
			}
			part, problems := signature.Kind().Build(tt.settings, e)
			var got []string
			mistakes := 0
			for _, p := range problems {
				entry := p.Path + " " + p.Code
				if p.Warning {
					entry += " warning"
				} else {
					mistakes++
				}
				got = append(got, entry)
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("Build() problems =\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
			}
			if (part.Check != nil) != (mistakes == 0) {
				t.Errorf("Build() check = %v beside %d mistakes", part.Check, mistakes)
			}
		})
	}
}

func TestBuildWithoutEnvironment(t *testing.T) {
	_, problems := signature.Kind().Build(settings(), (*authz.Env)(nil))
	if len(problems) != 1 || problems[0].Code != authz.CodeUndeclaredKeys {
		t.Errorf("Build() problems = %v, want one %s", problems, authz.CodeUndeclaredKeys)
	}
}

func TestPart(t *testing.T) {
	part := build(t, telnyx(func(s *policypb.Signature) {
		s.Name = "acme"
		s.Timestamp.Tolerance, s.Timestamp.FutureTolerance = durationpb.New(time.Minute), durationpb.New(5*time.Second)
	}), keys(set()))
	if part.Name != "acme" || !part.Authenticates || !part.BindsBody || part.SharedSecret || !part.Signs || part.Payload ||
		part.Challenge != `Signature realm="webhook"` || part.TrustedHops != nil || part.Unfit == nil ||
		len(part.Credentials) != 1 || part.Credentials[0].Header != "x-signature" {
		t.Errorf("Part = %+v", part)
	}
	if part.Window != 65*time.Second {
		t.Errorf("Window = %v, want both sides of it", part.Window)
	}
	for name, s := range map[string]*policypb.Signature{
		"no time":   settings(),
		"unchecked": telnyx(func(s *policypb.Signature) { s.Timestamp.Unchecked = "accepted" }),
	} {
		if part := build(t, s, keys(set())); part.Window != 0 || !part.Signs {
			t.Errorf("%s: Signs = %v, Window = %v", name, part.Signs, part.Window)
		}
	}
}

// What was signed tells deliveries apart, whoever signed it and however.
func TestMessages(t *testing.T) {
	a, b := authz.PublicKey{Key: keyOf("a").Public()}, authz.PublicKey{Key: keyOf("b").Public()}
	s := settings(func(s *policypb.Signature) { s.Encoding, s.Message = "hex", "{header:X-Id}.{body}" })
	message := func(policy, key, id, content string, extra ...string) authz.Message {
		t.Helper()
		e := keys(set(a, b))
		e.Replay, e.Policy = true, policy
		headers := append([]string{"x-id", id, "x-signature", hexSigned(key, id+"."+content)}, extra...)
		identity, err := build(t, s, e).Check.Verify(t.Context(), post(content, headers...))
		if err != nil || identity.Content == nil || len(identity.Content.Messages) != 1 || identity.Content.HasPayload {
			t.Fatalf("Verify() = %+v, %v, want one message", identity, err)
		}
		return identity.Content.Messages[0]
	}
	first := message("p", "a", "1", body)
	h := authz.NewMessage("p")
	h.Write([]byte("1." + body))
	if want := authz.SumMessage(h); first != want {
		t.Errorf("message = %x, want that of the signed bytes, %x", first, want)
	}
	for name, tt := range map[string]struct {
		got  authz.Message
		same bool
	}{
		"again":           {message("p", "a", "1", body), true},
		"by another key":  {message("p", "b", "1", body), true},
		"unsigned header": {message("p", "a", "1", body, "x-other", "1"), true},
		"another id":      {message("p", "a", "2", body), false},
		"another body":    {message("p", "a", "1", body+" "), false},
		"another policy":  {message("q", "a", "1", body), false},
	} {
		if (tt.got == first) != tt.same {
			t.Errorf("%s: same = %v, want %v", name, !tt.same, tt.same)
		}
	}
	identity, err := build(t, s, keys(set(a))).Check.Verify(t.Context(), post(body, "x-id", "1", "x-signature", hexSigned("a", "1."+body)))
	if err != nil || identity.Content != nil {
		t.Errorf("where nobody asks: %+v, %v", identity, err)
	}
}

// Two signatures of one message, both valid, are one message.
func TestMalleableSignaturesAreOneMessage(t *testing.T) {
	e := keys(recordedSet(t, "p256"))
	e.Replay = true
	check := build(t, settings(func(s *policypb.Signature) { s.Algorithm, s.EcdsaFormat = "ecdsa-p256-sha256", "raw" }), e).Check
	first, err := check.Verify(t.Context(), post(body, "x-signature", b64Of(t, "p256 raw")))
	if err != nil {
		t.Fatal(err)
	}
	second, err := check.Verify(t.Context(), post(body, "x-signature", b64(negated(recorded(t, "p256 raw")))))
	if err != nil {
		t.Fatalf("the other signature: %v", err)
	}
	if first.Content.Messages[0] != second.Content.Messages[0] {
		t.Error("two messages")
	}
}

// A check vouches for a body only where the message of the request holds it.
func TestBodySigned(t *testing.T) {
	for name, tt := range map[string]struct {
		message, unsigned string
		content, signed   string
		want              bool
	}{
		"covered":        {"{body}", "", body, body, true},
		"digest":         {"{body|sha256|hex}", "", body, sha256Of(body), true},
		"never":          {"{header:X-Id}", "", "", "id", false},
		"accepted":       {"{header:X-Id}", "accepted", body, "id", false},
		"checksum":       {"{body|crc32}", "accepted", body, "1147009221", false},
		"group":          {"{header:X-Id}[.{header:X-Part|only:a-z}.{body}]", "", body, "id.p." + body, true},
		"group, dropped": {"{header:X-Id}[.{header:X-Part|only:a-z}.{body}]", "", "", "id", false},
	} {
		s := settings(func(s *policypb.Signature) {
			s.Encoding, s.Message, s.UnsignedBody = "hex", tt.message, tt.unsigned
			if strings.Contains(tt.message, "[") {
				s.AmbiguousMessage = "accepted"
			}
		})
		r := post(tt.content, "x-id", "id", "x-signature", hexSigned("a", tt.signed))
		r.Rules.AllowEmpty = true
		if strings.Contains(tt.signed, ".p.") {
			r.Header.Fields = append(r.Header.Fields, authz.Field{Name: "x-part", Value: "p"})
		}
		identity, err := build(t, s, keys(set(authz.PublicKey{Key: keyOf("a").Public()}))).Check.Verify(t.Context(), r)
		if err != nil || identity.BodySigned != tt.want {
			t.Errorf("%s: BodySigned = %v, %v, want %v", name, identity.BodySigned, err, tt.want)
		}
	}
}
