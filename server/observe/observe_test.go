package observe_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"net/netip"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/server/observe"
)

var update = flag.Bool("update", false, "rewrite golden files")

// golden compares got with the file, or writes it.
func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("differs from %s; got\n%s\nwant\n%s", file, got, want)
	}
}

// passing is a check that holds.
type passing struct{ identity authz.Identity }

func (p passing) Verify(context.Context, *authz.Request) (authz.Identity, error) {
	return p.identity, nil
}

func allow(tb testing.TB, identity authz.Identity) authz.Decision {
	tb.Helper()
	d := authz.Decide(tb.Context(), &authz.Request{}, authz.Require("mac", "", passing{identity}), nil)
	if !d.Allowed() {
		tb.Fatal("the decision denies")
	}
	return d
}

var noon = time.Date(2026, 1, 15, 12, 0, 0, 123456789, time.UTC)

func allowed(tb testing.TB) observe.Event {
	tb.Helper()
	return observe.Event{
		Time: noon, DecisionID: "d-1", RequestID: "r-1", StreamID: "1234",
		Policy: "stripe", SelectedBy: "route", ConfigHash: "sha256:0123456789abcdef",
		Decision:    allow(tb, authz.Identity{Principal: "stripe", Secret: "stripe", Version: 3, Credential: true}),
		Status:      200,
		Checks:      []authz.CheckResult{{Kind: "mac", Name: "v1", Reason: authz.ReasonVerified, Took: 21 * time.Microsecond}},
		PeerAddress: netip.MustParseAddr("192.0.2.7"), ClientAddress: netip.MustParseAddr("2001:db8::7"),
		ClientAddressFrom: "x-forwarded-for, 1 trusted hop",
		Method:            "POST", Host: "hooks.example.com", Path: "/stripe?token=query-canary#fragment-canary",
		BodyBytes: 143, BodyForm: "raw", Body: []byte("body-canary"), Duration: 42 * time.Microsecond,
	}
}

func denied(tb testing.TB) observe.Event {
	tb.Helper()
	e := allowed(tb)
	e.Decision = authz.Denied(authz.ReasonSignatureMismatch, "no key of 2 matches")
	e.Status = 401
	e.Checks = []authz.CheckResult{
		{Kind: "api_key", Reason: authz.ReasonCredentialMissing},
		{Kind: "source_ip", Reason: authz.ReasonIPNotAllowed},
		{Kind: "mac", Reason: authz.ReasonSignatureMismatch, Took: time.Millisecond},
	}
	return e
}

// record runs events through an observer and returns what it wrote.
func record(t *testing.T, events ...observe.Event) string {
	t.Helper()
	var out bytes.Buffer
	log := observe.NewLog(&out, 0, nil)
	o := observe.New(observe.NewMetrics(0), log)
	for i := range events {
		o.Record(&events[i])
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	log.Run(ctx)
	return out.String()
}

// The lines are a contract: programs read them.
func TestRecordWritesGoldenLines(t *testing.T) {
	none := observe.Event{
		Time: noon.Truncate(time.Second), DecisionID: "d-2",
		Decision: authz.Denied(authz.ReasonNotReady, ""), Status: 503, BodyForm: "absent",
	}
	previous := allowed(t)
	previous.Decision = allow(t, authz.Identity{Principal: "p", Secret: "github", Previous: true, Stale: true, Credential: true})
	fetched := allowed(t)
	fetched.TraceID = "4bf92f3577b34da6a3ce929d0e0e4736"
	fetched.Decision = allow(t, authz.Identity{Principal: "ci", Key: "2026-01", Stale: true, Credential: true})
	watched := denied(t)
	watched.Decision, watched.Status = authz.Monitored(watched.Decision), 200
	agreed := allowed(t)
	agreed.Decision = authz.Monitored(agreed.Decision)
	first := allowed(t)
	first.Adapter, first.Replay, first.Delivery = "ext_authz", "new", "msg_1\x1b[2J"
	first.Decision = allow(t, authz.Identity{Principal: "partner", Key: "2026-01", Credential: true, BodySigned: true, Decrypted: true})
	encrypted := allowed(t)
	encrypted.Adapter, encrypted.Replay = "ext_proc", "local"
	encrypted.Decision = allow(t, authz.Identity{Principal: "partner", Credential: true, Decrypted: true})
	golden(t, "testdata/decisions.jsonl", record(t, allowed(t), denied(t), none, previous, fetched, watched, agreed, first, encrypted))
}

func TestRecordNeverWritesQueryOrBody(t *testing.T) {
	got := record(t, allowed(t), denied(t))
	for _, canary := range []string{"query-canary", "fragment-canary", "body-canary"} {
		if strings.Contains(got, canary) {
			t.Errorf("the log holds %q", canary)
		}
	}
}

func TestRecordDigestsBodyOfSomeDenials(t *testing.T) {
	digest := sha256.Sum256([]byte("body-canary"))
	want := hex.EncodeToString(digest[:])
	tests := []struct {
		name   string
		reason authz.Reason
		want   bool
	}{
		{name: "wrong signature", reason: authz.ReasonSignatureMismatch, want: true},
		{name: "stale", reason: authz.ReasonTimestampStale, want: true},
		{name: "overload must be cheap", reason: authz.ReasonOverloaded},
		{name: "no route", reason: authz.ReasonRouteNotFound},
		{name: "too large", reason: authz.ReasonBodyTooLarge},
		{name: "no token, or no signature", reason: authz.ReasonCredentialMissing, want: true},
		{name: "wrong token", reason: authz.ReasonTokenInvalid},
		{name: "unknown key of a token", reason: authz.ReasonKidUnknown},
		{name: "algorithm of a token", reason: authz.ReasonAlgNotAllowed},
		{name: "old token", reason: authz.ReasonTokenExpired},
		{name: "encrypted to nobody", reason: authz.ReasonDecryptionFailed},
		{name: "early token", reason: authz.ReasonTokenNotYetValid},
		{name: "certificate", reason: authz.ReasonCertificateRevoked},
		{name: "too many", reason: authz.ReasonSenderLimit},
		{name: "issuer down", reason: authz.ReasonKeySetUnavailable},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := denied(t)
			e.Decision = authz.Denied(tt.reason, "")
			if got := strings.Contains(record(t, e), want); got != tt.want {
				t.Errorf("digest written = %v, want %v", got, tt.want)
			}
		})
	}
	if strings.Contains(record(t, allowed(t)), "body_sha256") {
		t.Error("an allow has a digest")
	}
}

func TestRecordEscapesAndBounds(t *testing.T) {
	tests := []struct {
		name string
		host string
		want string // the JSON text of the host
	}{
		{name: "plain", host: "a.example", want: `"a.example"`},
		{name: "quotes", host: "a\"b\\c", want: `"a\"b\\c"`},
		{name: "a forged line", host: "a\n{\"decision\":\"allow\"}", want: `"a\u000a{\"decision\":\"allow\"}"`},
		{name: "terminal commands", host: "\x1b[2J\x7f\u0085", want: `"\u001b[2J\u007f\u0085"`},
		{name: "right to left", host: "a\u202eb", want: `"a\u202eb"`},
		{name: "separators of JavaScript", host: "\u2028\u2029", want: `"\u2028\u2029"`},
		{name: "no UTF-8", host: "a\xff\xfeb", want: `"a` + "\ufffd\ufffd" + `b"`},
		{name: "letters", host: "müßig.example", want: `"müßig.example"`},
		{name: "beyond the plane", host: "\U000E0001", want: `"\udb40\udc01"`},
		{name: "long", host: strings.Repeat("a", 300), want: `"` + strings.Repeat("a", 255) + `…"`},
		{name: "long, cut at a rune", host: strings.Repeat("a", 254) + "üü", want: `"` + strings.Repeat("a", 254) + `…"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := denied(t)
			e.Host = tt.host
			got := record(t, e)
			want := `"host":` + tt.want + `,"path"`
			if tt.name == "right to left" || tt.name == "separators of JavaScript" {
				want = `"host":` + strings.NewReplacer("\u202e", `\u202e`, "\u2028", `\u2028`, "\u2029", `\u2029`).Replace(tt.want) + `,"path"`
			}
			if !strings.Contains(got, want) {
				t.Errorf("got %s, want it to hold %s", got, want)
			}
			if strings.Count(got, "\n") != 1 {
				t.Errorf("got %d lines, want 1", strings.Count(got, "\n"))
			}
		})
	}
}

// FuzzRecord looks for untrusted text that breaks out of its field or its line.
func FuzzRecord(f *testing.F) {
	f.Add("POST", "a.example", "/p?q", "id")
	f.Add("\"", "\\", "\n\x00", "\xf0\x90")
	f.Fuzz(func(t *testing.T, method, host, path, id string) {
		e := denied(t)
		e.Method, e.Host, e.Path, e.RequestID = method, host, path, id
		got := record(t, e)
		var line map[string]any
		if err := json.Unmarshal([]byte(got), &line); err != nil {
			t.Fatalf("not JSON: %v: %s", err, got)
		}
		if strings.Count(got, "\n") != 1 || !strings.HasSuffix(got, "\n") {
			t.Errorf("got %q, want one line", got)
		}
		if line["decision"] != "deny" || line["reason"] != "signature_mismatch" {
			t.Errorf("decision = %v, %v", line["decision"], line["reason"])
		}
		for _, r := range got[:len(got)-1] {
			if r < ' ' || r == 0x7f {
				t.Errorf("got a control character %q", r)
			}
		}
		if h, ok := line["host"].(string); ok && len(host) < 255 && utf8.ValidString(host) && json.Valid([]byte(`"`+host+`"`)) && h != host && !strings.ContainsAny(host, `\`) {
			t.Errorf("host = %q, want %q", h, host)
		}
	})
}

// stuck is a writer that blocks until it is released.
type stuck struct {
	release chan struct{}
	bytes.Buffer
}

func (s *stuck) Write(p []byte) (int, error) {
	<-s.release
	return s.Buffer.Write(p)
}

func TestLogDropsAndCountsWhileStuck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &stuck{release: make(chan struct{})}
		lost := 0
		log := observe.NewLog(out, 4096, func(n int) { lost += n })
		o := observe.New(observe.NewMetrics(0), log)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); log.Run(ctx) }()

		const sent = 100
		begin := time.Now()
		for range sent {
			e := allowed(t)
			o.Record(&e)
			synctest.Wait()
		}
		if took := time.Since(begin); took != 0 {
			t.Errorf("Record waited %v", took)
		}
		close(out.release)
		cancel()
		<-done
		if got := strings.Count(out.String(), "\n"); got+lost != sent || lost == 0 || got == 0 {
			t.Errorf("got %d lines and %d lost, want %d together and some of both", got, lost, sent)
		}
	})
}

func TestLogFlushesWithoutMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		log := observe.NewLog(&out, 0, nil)
		o := observe.New(observe.NewMetrics(0), log)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); log.Run(ctx) }()
		e := allowed(t)
		o.Record(&e)
		time.Sleep(200 * time.Millisecond)
		synctest.Wait()
		if out.Len() == 0 {
			t.Error("nothing was written after 200 ms")
		}
		cancel()
		<-done
	})
}

func TestLogCountsWhatAWriterRefuses(t *testing.T) {
	lost := 0
	log := observe.NewLog(refusing{}, 0, func(n int) { lost += n })
	o := observe.New(observe.NewMetrics(0), log)
	for range 3 {
		e := allowed(t)
		o.Record(&e)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	log.Run(ctx)
	if lost != 3 {
		t.Errorf("lost = %d, want 3", lost)
	}
}

// A disk that is full takes the beginning of a line. What follows once there is
// room must not be a part of it.
func TestLogEndsALineThatWasCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lost := 0
		w := &full{room: 20}
		log := observe.NewLog(w, 0, func(n int) { lost += n })
		o := observe.New(observe.NewMetrics(0), log)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); log.Run(ctx) }()
		for range 3 {
			e := allowed(t)
			o.Record(&e)
			time.Sleep(200 * time.Millisecond)
			synctest.Wait()
			w.room += 2000 // before the second, which is whole
		}
		cancel()
		<-done
		lines := strings.Split(strings.TrimSuffix(w.String(), "\n"), "\n")
		if len(lines) != 3 || len(lines[0]) != 20 || !json.Valid([]byte(lines[1])) || !json.Valid([]byte(lines[2])) {
			t.Errorf("got %q, want the beginning of a line and two whole ones", lines)
		}
		if lost != 1 {
			t.Errorf("lost = %d, want 1", lost)
		}
	})
}

// full takes as many bytes as there is room.
type full struct {
	bytes.Buffer

	room int
}

func (f *full) Write(p []byte) (int, error) {
	n := min(len(p), f.room)
	f.room -= n
	f.Buffer.Write(p[:n])
	if n < len(p) {
		return n, os.ErrClosed
	}
	return n, nil
}

type refusing struct{}

func (refusing) Write([]byte) (int, error) { return 0, os.ErrClosed }

func BenchmarkRecord(b *testing.B) {
	for _, bb := range []struct {
		name  string
		event observe.Event
	}{
		{"allow", allowed(b)},
		{"deny", denied(b)},
	} {
		b.Run(bb.name, func(b *testing.B) {
			log := observe.NewLog(discard{}, 0, nil)
			o := observe.New(observe.NewMetrics(0), log)
			ctx, cancel := context.WithCancel(b.Context())
			done := make(chan struct{})
			go func() { defer close(done); log.Run(ctx) }()
			b.ReportAllocs()
			for b.Loop() {
				o.Record(&bb.event)
			}
			cancel()
			<-done
		})
	}
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }
