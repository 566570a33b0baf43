package extproc_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	extprocpb "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/server/extproc"
)

type messages = []*extprocpb.ProcessingRequest

// The same requests in both modes, with the same verdicts.
func TestVerdicts(t *testing.T) {
	l := newLab(t, nil)
	const body = `{"a":1}`
	large := strings.Repeat("0123456789abcdef", 150_000) // over what stays in memory
	for _, m := range []mode{buffered, duplex} {
		tests := []struct {
			name, policy string
			messages     messages
			want         authz.Reason
			body         string
		}{
			{name: "right", policy: "github", messages: messages{signed(m, body), bodyOf(body, true)}, want: authz.ReasonVerified, body: body},
			{name: "large", policy: "github", messages: messages{signed(m, large), bodyOf(large, true)}, want: authz.ReasonVerified, body: large},
			{name: "another body", policy: "github", messages: messages{signed(m, body), bodyOf(`{"a":2}`, true)}, want: authz.ReasonSignatureMismatch},
			{name: "another length", policy: "github", messages: messages{signed(m, body), bodyOf(body+" ", true)}, want: authz.ReasonBodyTruncated},
			{name: "no signature", policy: "github", messages: messages{headersOf(m, false, "content-length", "7"), bodyOf(body, true)}, want: authz.ReasonCredentialMissing},
			{name: "no length", policy: "github", messages: messages{headersOf(m, false, "x-hub-signature-256", sign(body)), bodyOf(body, true)}, want: authz.ReasonVerified, body: body},
			{name: "empty", policy: "github", messages: messages{headersOf(m, true, "x-hub-signature-256", sign(""))}, want: authz.ReasonBodyEmpty},
			{name: "empty and welcome", policy: "bodiless", messages: messages{headersOf(m, true, "x-hub-signature-256", sign(""))}, want: authz.ReasonVerified},
			{name: "empty by a frame", policy: "bodiless", messages: messages{headersOf(m, false, "x-hub-signature-256", sign("")), bodyOf("", true)}, want: authz.ReasonVerified},
			{name: "too large", policy: "small", messages: messages{signed(m, large[:1025]), bodyOf(large[:1025], true)}, want: authz.ReasonBodyTooLarge},
			{name: "too large, no length", policy: "small", messages: messages{headersOf(m, false, "x-hub-signature-256", sign(large[:1025])), bodyOf(large[:1025], true)}, want: authz.ReasonBodyTooLarge},
			{name: "key", policy: "key", messages: messages{keyed(m)}, want: authz.ReasonVerified},
			{name: "wrong key", policy: "key", messages: messages{headersOf(m, true, "x-api-key", "no")}, want: authz.ReasonAPIKeyInvalid},
			{name: "two keys", policy: "key", messages: messages{keyed(m, "x-api-key", apiKey)}, want: authz.ReasonDuplicateHeader},
			{name: "no such policy", policy: "kex", messages: messages{keyed(m)}, want: authz.ReasonPolicyNotFound},
			{name: "our trouble", policy: "down", messages: messages{keyed(m)}, want: authz.ReasonSecretUnavailable},
			{name: "panic in a check", policy: "panics", messages: messages{keyed(m)}, want: authz.ReasonBug},
			{name: "no header to tell", policy: "echo", messages: messages{keyed(m)}, want: authz.ReasonPartMissing},
			{name: "no peer is known", policy: "peer", messages: messages{keyed(m, "x-forwarded-for", "192.0.2.1")}, want: authz.ReasonIPNotAllowed},
			{name: "forwarded", policy: "behind", messages: messages{keyed(m, "x-forwarded-for", "198.51.100.7")}, want: authz.ReasonVerified},
			{name: "forwarded by another", policy: "behind", messages: messages{keyed(m, "x-forwarded-for", "198.51.100.7, 192.0.2.1")}, want: authz.ReasonIPNotAllowed},
		}
		for _, tt := range tests {
			t.Run(m.String()+" "+tt.name, func(t *testing.T) {
				r := l.run(t, named(tt.policy), tt.messages...)
				r.want(t, tt.want)
				if m == duplex && tt.body != string(r.body) {
					t.Errorf("the upstream gets %d bytes, want %d", len(r.body), len(tt.body))
				}
				if m == buffered && r.head.GetBodyMutation() != nil {
					t.Error("the body is replaced")
				}
				if m == duplex && tt.body != "" && !r.ended {
					t.Error("the body does not end")
				}
				if tt.want == authz.ReasonVerified && r.err != nil {
					t.Errorf("the stream ended by %v", r.err)
				}
			})
		}
	}
}

// The body comes and goes in parts; where they are cut does not matter.
func TestParts(t *testing.T) {
	l := newLab(t, nil)
	body := strings.Repeat("0123456789", 130_000)
	for _, size := range []int{1 << 20, 1<<20 + 1, 65536, 9999, len(body)} {
		for _, last := range []string{"with the last part", "by an empty part", "by trailers"} {
			t.Run(strconv.Itoa(size)+" "+last, func(t *testing.T) {
				sent := messages{signed(duplex, body)}
				for part := range slices.Chunk([]byte(body), size) {
					sent = append(sent, bodyOf(string(part), false))
				}
				switch last {
				case "with the last part":
					sent[len(sent)-1].GetRequestBody().EndOfStream = true
				case "by an empty part":
					sent = append(sent, bodyOf("", true))
				default:
					sent = append(sent, trailersOf())
				}
				r := l.run(t, named("github"), sent...)
				r.want(t, authz.ReasonVerified)
				if string(r.body) != body || r.ended == (last == "by trailers") || (r.trailer != nil) != (last == "by trailers") {
					t.Errorf("%d bytes, ended %v, trailers %v", len(r.body), r.ended, r.trailer)
				}
				if r.trailer != nil && !slices.Contains(r.trailer.GetHeaderMutation().GetRemoveHeaders(), "x-sender") {
					t.Error("the trailers keep x-sender")
				}
			})
		}
	}
}

// Whatever comes after the end of the body is not looked at.
func TestSecondEnd(t *testing.T) {
	l := newLab(t, nil)
	for _, m := range []mode{buffered, duplex} {
		for name, more := range map[string]*extprocpb.ProcessingRequest{
			"an end": bodyOf("", true), "a part": bodyOf("more", false), "trailers": trailersOf(), "headers": signed(m, "x"),
		} {
			r := l.run(t, named("github"), signed(m, "body"), bodyOf("body", true), more)
			r.want(t, authz.ReasonVerified)
			if m == duplex && string(r.body) != "body" {
				t.Errorf("%v, %s: the upstream gets %q", m, name, r.body)
			}
		}
	}
}

// Under BUFFERED the body message is the whole body, also where it says that
// something follows: these are trailers.
func TestBufferedTrailers(t *testing.T) {
	l := newLab(t, nil)
	r := l.run(t, named("github"), signed(buffered, "body"), bodyOf("body", false), trailersOf())
	r.want(t, authz.ReasonVerified)
	if r.trailer == nil || r.err != nil {
		t.Errorf("trailers = %v, error %v", r.trailer, r.err)
	}
	r = l.run(t, named("github"), signed(buffered, "body"), bodyOf("bodx", false), trailersOf())
	r.want(t, authz.ReasonSignatureMismatch)
	r = l.run(t, named("bodiless"), headersOf(buffered, false, "x-hub-signature-256", sign("")), trailersOf())
	r.want(t, authz.ReasonShapeAmbiguous)
	r = l.run(t, named("bodiless"), headersOf(duplex, false, "x-hub-signature-256", sign("")), trailersOf())
	r.want(t, authz.ReasonVerified)
	if r.trailer == nil || r.err != nil || len(r.body) > 0 {
		t.Errorf("trailers = %v, error %v, %d bytes", r.trailer, r.err, len(r.body))
	}
}

// What a verified request gets and loses.
func TestChanges(t *testing.T) {
	l := newLab(t, nil)
	for _, m := range []mode{buffered, duplex} {
		r := l.run(t, named("key"), keyed(m, "x-sender", "forged"))
		r.want(t, authz.ReasonVerified)
		set := mustSet(t, r.head.GetHeaderMutation())
		if set["x-sender"] == "" || set["x-kind"] != "webhook" {
			t.Errorf("set = %v", set)
		}
		removed := r.head.GetHeaderMutation().GetRemoveHeaders()
		for name, want := range map[string]bool{"x-api-key": true, "x-echo": true, "x-hookauthz-decision-id": true, "x-sender": false, "x-envoy-auth-partial-body": false} {
			if slices.Contains(removed, name) != want {
				t.Errorf("removed = %q, %s among them: want %v", removed, name, want)
			}
		}
	}
}

func TestPayload(t *testing.T) {
	l := newLab(t, nil)
	for _, m := range []mode{buffered, duplex} {
		for _, payload := range []string{`{"a":1}`, "", strings.Repeat("x", 200_000)} {
			sent := token(payload)
			r := l.run(t, named("payload"), headersOf(m, false, "content-length", strconv.Itoa(len(sent)), "content-encoding", "gzip", "content-type", "application/jose"), bodyOf(sent, true))
			r.want(t, authz.ReasonVerified)
			if string(r.body) != payload {
				t.Errorf("%v: the upstream gets %d bytes, want %d", m, len(r.body), len(payload))
			}
			if m == buffered && payload == "" && !r.head.GetBodyMutation().GetClearBody() {
				t.Error("the body is not cleared")
			}
			set := mustSet(t, r.head.GetHeaderMutation())
			if set["content-type"] != "application/xml" || set["content-length"] != strconv.Itoa(len(payload)) {
				t.Errorf("%v: set = %v", m, set)
			}
			if !slices.Contains(r.head.GetHeaderMutation().GetRemoveHeaders(), "content-encoding") {
				t.Errorf("%v: content-encoding stays", m)
			}
		}
		sent := token("{}")
		trailing := l.run(t, named("payload"), headersOf(m, false, "content-length", strconv.Itoa(len(sent))), bodyOf(sent, false), trailersOf())
		for _, name := range []string{"content-type", "content-encoding"} {
			if !slices.Contains(trailing.trailer.GetHeaderMutation().GetRemoveHeaders(), name) {
				t.Errorf("%v: the trailers keep %s", m, name)
			}
		}
		r := l.run(t, named("payload"), headersOf(m, false, "content-length", "7"), bodyOf("a.b.c.d", true))
		r.want(t, authz.ReasonCredentialMalformed)
	}
	over := l.run(t, named("payload"), headersOf(duplex, false, "content-length", strconv.Itoa(2<<20)), bodyOf("a", false))
	over.want(t, authz.ReasonBodyTooLarge)
}

// A key in the URL does not reach the upstream.
func TestQuery(t *testing.T) {
	l := newLab(t, nil)
	sent := headersOf(duplex, true)
	sent.GetRequestHeaders().GetHeaders().GetHeaders()[0].RawValue = []byte("/hooks?a=b&token=" + apiKey)
	r := l.run(t, named("query"), sent)
	r.want(t, authz.ReasonVerified)
	if got := mustSet(t, r.head.GetHeaderMutation())[":path"]; got != "/hooks?a=b" {
		t.Errorf(":path = %q", got)
	}
	for _, tt := range []struct {
		path  string
		names []string
		want  string
	}{
		{path: "/", names: []string{"k"}, want: "/"},
		{path: "/?k", names: []string{"k"}, want: "/"},
		{path: "/?k=1&k=2&l=3", names: []string{"k"}, want: "/?l=3"},
		{path: "/?l=k=1", names: []string{"k"}, want: "/?l=k=1"},
		{path: "/?K=1&%6B=2", names: []string{"k"}, want: "/?K=1&%6B=2"},
		{path: "/?a?k=1&k=2?k=3&b", names: []string{"k"}, want: "/?a?k=1&b"},
		{path: "/?k=1&m=2", names: nil, want: "/?k=1&m=2"},
	} {
		got, changed := extproc.WithoutQuery(tt.path, tt.names)
		if got != tt.want || changed != (tt.path != tt.want) {
			t.Errorf("WithoutQuery(%q, %q) = %q, %v; want %q", tt.path, tt.names, got, changed, tt.want)
		}
	}
}

func TestAnswers(t *testing.T) {
	l := newLab(t, nil)
	r := l.run(t, named("own-answer"), headersOf(buffered, true))
	r.want(t, authz.ReasonCredentialMissing)
	if set := mustSet(t, r.denial.GetHeaders()); r.denial.GetStatus().GetCode() != 404 || string(r.denial.GetBody()) != "nothing here" || set["x-why"] != "because" {
		t.Errorf("answer = %v", r.denial)
	}
	r = l.run(t, named("key"), headersOf(buffered, true))
	want := `{"error":"unauthorized","decision_id":"` + r.event.DecisionID + `"}`
	if set := mustSet(t, r.denial.GetHeaders()); r.denial.GetStatus().GetCode() != 401 || string(r.denial.GetBody()) != want || set["content-type"] != "application/json" {
		t.Errorf("answer = %v", r.denial)
	}
}
