package extproc_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	corepb "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	modepb "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/ext_proc/v3"
	extprocpb "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/policy"
	"github.com/hookauthz/hookauthz/server/extproc"
)

// Settings by which a request could go on before the verdict, and messages that
// no such settings bring, are denied at once.
func TestSettings(t *testing.T) {
	l := newLab(t, nil)
	with := func(change func(*extprocpb.ProcessingRequest)) *extprocpb.ProcessingRequest {
		m := keyed(buffered)
		change(m)
		return m
	}
	unsaid := play{metadata: []string{"x-hookauthz-policy", "key"}}
	tests := []struct {
		name    string
		play    play
		message *extprocpb.ProcessingRequest
		want    authz.Reason
	}{
		{name: "NONE", message: keyed(modepb.ProcessingMode_NONE), want: authz.ReasonBodyNotForwarded},
		{name: "STREAMED", message: keyed(modepb.ProcessingMode_STREAMED), want: authz.ReasonBodyNotForwarded},
		{name: "BUFFERED_PARTIAL", message: keyed(modepb.ProcessingMode_BUFFERED_PARTIAL), want: authz.ReasonBodyNotForwarded},
		{name: "unknown mode", message: keyed(99), want: authz.ReasonBodyNotForwarded},
		{name: "mode untold", message: with(func(m *extprocpb.ProcessingRequest) { m.ProtocolConfig = nil }), want: authz.ReasonBodyNotForwarded},
		{name: "response bodies", message: with(func(m *extprocpb.ProcessingRequest) { m.ProtocolConfig.ResponseBodyMode = buffered }), want: authz.ReasonGatewayNotAttested},
		{name: "observability", message: with(func(m *extprocpb.ProcessingRequest) { m.ObservabilityMode = true }), want: authz.ReasonGatewayNotAttested},
		{name: "body first", message: bodyOf("x", true), want: authz.ReasonBug},
		{name: "response first", message: &extprocpb.ProcessingRequest{Request: &extprocpb.ProcessingRequest_ResponseHeaders{}}, want: authz.ReasonBug},
		{name: "empty message", message: &extprocpb.ProcessingRequest{}, want: authz.ReasonBug},
		{name: "upgrade", message: headersOf(buffered, false, "upgrade", "websocket", "x-api-key", apiKey), want: authz.ReasonBodyNotForwarded},
		{name: "upgrade in full duplex", message: headersOf(duplex, false, "upgrade", "websocket", "x-api-key", apiKey), want: authz.ReasonBodyNotForwarded},
		{name: "no length, trailers unsaid", play: unsaid, message: headersOf(buffered, false, "x-api-key", apiKey), want: authz.ReasonGatewayNotAttested},
		{name: "length 0, trailers unsaid", play: unsaid, message: headersOf(buffered, false, "x-api-key", apiKey, "content-length", "0"), want: authz.ReasonGatewayNotAttested},
		{name: "odd length, trailers unsaid", play: unsaid, message: headersOf(buffered, false, "x-api-key", apiKey, "content-length", "0x5"), want: authz.ReasonGatewayNotAttested},
		{name: "two lengths, trailers unsaid", play: unsaid, message: headersOf(buffered, false, "x-api-key", apiKey, "content-length", "5", "content-length", "5"), want: authz.ReasonGatewayNotAttested},
		{name: "trailers said otherwise", play: play{metadata: []string{"x-hookauthz-policy", "key", "x-hookauthz-trailers", "skip"}}, message: headersOf(buffered, false), want: authz.ReasonGatewayNotAttested},
		{name: "trailers said twice", play: play{metadata: []string{"x-hookauthz-policy", "key", "x-hookauthz-trailers", "send", "x-hookauthz-trailers", "send"}}, message: headersOf(buffered, false), want: authz.ReasonGatewayNotAttested},
		{name: "length, full duplex, trailers unsaid", play: unsaid, message: headersOf(duplex, false, "x-api-key", apiKey, "content-length", "5"), want: authz.ReasonGatewayNotAttested},
		{name: "ended, full duplex, trailers unsaid", play: unsaid, message: keyed(duplex), want: authz.ReasonVerified},
		{name: "ended, trailers unsaid", play: unsaid, message: keyed(buffered), want: authz.ReasonVerified},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.play.metadata == nil {
				tt.play = named("key")
			}
			tt.play.open = tt.want != authz.ReasonVerified // the answer does not wait for more
			l.run(t, tt.play, tt.message).want(t, tt.want)
		})
	}
	// A policy that only watches can't make up for such settings.
	if r := l.run(t, named("watched"), keyed(modepb.ProcessingMode_STREAMED)); r.denial == nil {
		t.Error("a policy that only watches lets a request pass that nobody holds back")
	}
}

func TestHeaders(t *testing.T) {
	l := newLab(t, nil)
	tests := []struct {
		name   string
		header []string
		want   authz.Reason
	}{
		{name: "second path", header: []string{":path", "/other"}, want: authz.ReasonShapeAmbiguous},
		{name: "second method", header: []string{":method", "GET"}, want: authz.ReasonShapeAmbiguous},
		{name: "line break", header: []string{"x-a", "b\r\nc"}, want: authz.ReasonShapeAmbiguous},
		{name: "NUL", header: []string{"x-a", "b\x00c"}, want: authz.ReasonShapeAmbiguous},
		{name: "odd name", header: []string{"x a", "b"}, want: authz.ReasonShapeAmbiguous},
		{name: "no name", header: []string{"", "b"}, want: authz.ReasonShapeAmbiguous},
		{name: "too long", header: []string{"x-a", strings.Repeat("b", 256<<10)}, want: authz.ReasonShapeAmbiguous},
		{name: "upper case", header: []string{"X-API-KEY", apiKey}, want: authz.ReasonDuplicateHeader},
		{name: "not UTF-8", header: []string{"x-a", "\xff\xfe"}, want: authz.ReasonVerified},
		{name: "another filter's", header: []string{"x-envoy-auth-partial-body", "true"}, want: authz.ReasonVerified},
		{name: "unknown pseudo-header", header: []string{":protocol", "websocket"}, want: authz.ReasonVerified},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l.run(t, named("key"), keyed(duplex, tt.header...)).want(t, tt.want)
		})
	}
	for name, change := range map[string]func(h *corepb.HeaderValue){
		"two values": func(h *corepb.HeaderValue) { h.Value = "/other" },
		"no path":    func(h *corepb.HeaderValue) { h.Key = "path" },
	} {
		m := keyed(duplex)
		change(m.GetRequestHeaders().GetHeaders().GetHeaders()[0])
		if r := l.run(t, named("key"), m); r.denial.GetStatus().GetCode() != 400 {
			t.Errorf("%s: %v", name, r.denial.GetStatus())
		}
	}
	older := keyed(duplex)
	for _, h := range older.GetRequestHeaders().GetHeaders().GetHeaders() {
		h.Value, h.RawValue = string(h.GetRawValue()), nil
	}
	r := l.run(t, named("key"), older)
	r.want(t, authz.ReasonVerified)
	if e := r.event; e.Method != "POST" || e.Host != "hooks.example.com" || e.Path != "/hooks?a=b" || e.RequestID != "the-request" {
		t.Errorf("event = %+v", e)
	}
}

func TestSelection(t *testing.T) {
	l := newLab(t, nil)
	attributes := func(m *extprocpb.ProcessingRequest, values map[string]any) *extprocpb.ProcessingRequest {
		fields, err := structpb.NewStruct(values)
		if err != nil {
			t.Fatal(err)
		}
		m.Attributes = map[string]*structpb.Struct{"envoy.filters.http.ext_proc": fields}
		return m
	}
	const route = "xds.route_metadata.filter_metadata['hookauthz'].policy"
	routed := func(m *extprocpb.ProcessingRequest) *extprocpb.ProcessingRequest {
		m.GetRequestHeaders().GetHeaders().GetHeaders()[0].RawValue = []byte("/routed")
		return m
	}
	tests := []struct {
		name     string
		metadata []string
		message  *extprocpb.ProcessingRequest
		want     authz.Reason
		by       string
	}{
		{name: "metadata", metadata: []string{"x-hookauthz-policy", "key"}, message: keyed(duplex), want: authz.ReasonVerified, by: "grpc_metadata"},
		{name: "metadata twice", metadata: []string{"x-hookauthz-policy", "key", "x-hookauthz-policy", "key"}, message: routed(keyed(duplex)), want: authz.ReasonPolicyNotFound, by: "grpc_metadata"},
		{name: "metadata misspelt", metadata: []string{"x-hookauthz-policy", "kye"}, message: routed(keyed(duplex)), want: authz.ReasonPolicyNotFound, by: "grpc_metadata"},
		{name: "metadata empty", metadata: []string{"x-hookauthz-policy", ""}, message: routed(keyed(duplex)), want: authz.ReasonPolicyNotFound, by: "grpc_metadata"},
		{name: "route metadata", message: attributes(keyed(duplex), map[string]any{route: "key"}), want: authz.ReasonVerified, by: "route_metadata"},
		{name: "route metadata misspelt", message: routed(attributes(keyed(duplex), map[string]any{route: "kye"})), want: authz.ReasonPolicyNotFound, by: "route_metadata"},
		{name: "route metadata is a number", message: routed(attributes(keyed(duplex), map[string]any{route: 7})), want: authz.ReasonPolicyNotFound, by: "route_metadata"},
		{name: "metadata before route metadata", metadata: []string{"x-hookauthz-policy", "key"}, message: attributes(keyed(duplex), map[string]any{route: "down"}), want: authz.ReasonVerified, by: "grpc_metadata"},
		{name: "routes", message: routed(keyed(duplex)), want: authz.ReasonVerified, by: "route"},
		{name: "nothing", message: keyed(duplex), want: authz.ReasonRouteNotFound},
		{name: "a header says nothing", message: keyed(duplex, "x-hookauthz-policy", "key"), want: authz.ReasonRouteNotFound},
		{name: "the peer is not believed", metadata: []string{"x-hookauthz-policy", "peer"}, message: attributes(keyed(duplex), map[string]any{"source.address": "192.0.2.7:99"}), want: authz.ReasonIPNotAllowed, by: "grpc_metadata"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := l.run(t, play{metadata: tt.metadata}, tt.message)
			r.want(t, tt.want)
			if r.event.SelectedBy != tt.by {
				t.Errorf("selected by %q, want %q", r.event.SelectedBy, tt.by)
			}
			if r.event.PeerAddress.IsValid() {
				t.Errorf("peer = %v", r.event.PeerAddress)
			}
		})
	}
}

// A stream that ends before its request does is denied and tells the gateway by an
// error, wherever it ends.
func TestCut(t *testing.T) {
	l := newLab(t, nil)
	large := strings.Repeat("x", 2<<20)
	for _, m := range []mode{buffered, duplex} {
		for _, cancel := range []bool{false, true} {
			for name, sent := range map[string]messages{
				"before the headers": nil,
				"after the headers":  {signed(m, large)},
				"in the body":        {signed(duplex, large), bodyOf(large[:1000], false)},
				"in the file":        {signed(duplex, large), bodyOf(large[:1<<20+1], false)},
				"before its end":     {signed(duplex, large), bodyOf(large, false)},
			} {
				p := named("github")
				p.cancel = cancel
				r := l.run(t, p, sent...)
				r.want(t, authz.ReasonBodyTruncated)
				if r.err == nil {
					t.Errorf("%v, %s, cancelled %v: the stream ends well", m, name, cancel)
				}
			}
		}
	}
	// A gateway that only watches gets no verdict for half a request either.
	r := l.run(t, named("watched"), signed(duplex, large), bodyOf("x", false))
	if r.event.Decision.Passes() && r.err == nil {
		t.Error("half a request passes")
	}
}

// Bytes that are no message are answered by a denial.
func TestUndecodable(t *testing.T) {
	l := newLab(t, nil)
	p := named("key")
	p.raw = [][]byte{{0xff}}
	l.run(t, p).want(t, authz.ReasonBug)
	p.raw = [][]byte{{0x12, 0x07, 0x0a, 0x05, 0x0a, 0x03, 0x0a, 0x01, 0xff}} // a name that is not UTF-8
	l.run(t, p).want(t, authz.ReasonBug)
}

// A body that comes too slowly is given up, in either mode; one that is large gets
// the time that its size takes.
func TestSlowBody(t *testing.T) {
	for _, m := range []mode{buffered, duplex} {
		synctest.Test(t, func(t *testing.T) {
			l := newLab(t, nil)
			p := named("github")
			p.open = true
			start := time.Now()
			sent := messages{signed(m, "body")}
			want := time.Minute
			if m == duplex {
				part := strings.Repeat("x", 1<<20)
				sent = messages{signed(m, part+part), bodyOf(part, false)}
				want += time.Second
			}
			r := l.run(t, p, sent...)
			r.want(t, authz.ReasonDeadline)
			if got := time.Since(start); got != want {
				t.Errorf("%v: given up after %v, want %v", m, got, want)
			}
			if set := mustSet(t, r.denial.GetHeaders()); r.denial.GetStatus().GetCode() != 503 || set["retry-after"] == "" {
				t.Errorf("answer = %v", r.denial)
			}
		})
	}
}

func TestBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, func(c *extproc.Config) { c.Budget = slowness / 2 })
		l.run(t, named("slow"), keyed(duplex)).want(t, authz.ReasonDeadline)
		l.run(t, named("key"), keyed(duplex)).want(t, authz.ReasonVerified)
	})
}

func TestNotReady(t *testing.T) {
	for name, change := range map[string]func(*extproc.Config){
		"not ready": func(c *extproc.Config) { c.Ready = func() bool { return false } },
		"no table":  func(c *extproc.Config) { c.Tables = func() *policy.Table { return nil } },
	} {
		r := newLab(t, change).run(t, named("key"), keyed(buffered))
		r.want(t, authz.ReasonNotReady)
		if r.event.Method != "POST" {
			t.Errorf("%s: the log does not know the request", name)
		}
	}
}

// A server that stops denies what is on its way, and lets go what it has decided.
func TestAbandon(t *testing.T) {
	for _, m := range []mode{buffered, duplex} {
		synctest.Test(t, func(t *testing.T) {
			l := newLab(t, nil)
			time.AfterFunc(time.Second, l.server.Abandon)
			p := named("github")
			p.open = true
			r := l.run(t, p, signed(m, "body"))
			r.want(t, authz.ReasonNotReady)
			if r.denial.GetStatus().GetCode() != 503 {
				t.Errorf("answer = %v", r.denial)
			}
			l.server.Abandon() // again
		})
	}
}

// What panics is denied, recorded once, and told without what it panicked with.
func TestPanics(t *testing.T) {
	// A recorder that panics has the decision; whoever asked gets no other.
	l := newLab(t, nil)
	l.panics = true
	ctx, cancel := context.WithCancel(incoming(t.Context(), "x-hookauthz-policy", "key"))
	defer cancel()
	s := &stream{ctx: ctx, questions: make(chan []byte, 8)}
	feed(t, s, keyed(buffered))
	err := extproc.Serve(l.server, s)
	if events := l.take(); len(events) != 1 || err == nil || len(s.replies) != 1 || s.replies[0].GetImmediateResponse().GetStatus().GetCode() != 500 {
		t.Errorf("%d events, error %v, replies %v; want one event, an error, and a denial", len(events), err, s.replies)
	}
	if log := l.log.String(); !strings.Contains(log, "panic in a stream") || strings.Contains(log, apiKey) {
		t.Errorf("log = %s", log)
	}

	broken := newLab(t, func(c *extproc.Config) { c.Tables = func() *policy.Table { panic(apiKey) } })
	r := broken.run(t, named("key"), keyed(buffered))
	r.want(t, authz.ReasonBug)
	if r.denial.GetStatus().GetCode() != 500 || r.err != nil {
		t.Errorf("denial %v, error %v", r.denial, r.err)
	}
	if log := broken.log.String(); !strings.Contains(log, "panic in a stream") || strings.Contains(log, apiKey) {
		t.Errorf("log = %s", log)
	}
}

// A policy that is loaded while a body comes decides it.
func TestReload(t *testing.T) {
	old, next := testTable(t), testTable(t)
	asked := 0
	l := newLab(t, func(c *extproc.Config) {
		c.Tables = func() *policy.Table {
			if asked++; asked == 1 {
				return old
			}
			return next
		}
	})
	r := l.run(t, named("github"), signed(duplex, "body"), bodyOf("body", true))
	r.want(t, authz.ReasonVerified)
	if asked != 2 || r.event.ConfigHash != next.Hash() {
		t.Errorf("asked %d times", asked)
	}
}

// A policy that only watched when the headers came has no say any more once it
// enforces: what it gives and takes could not be told of headers that wait for
// nothing but their trailers.
func TestReloadOfAWatchedPolicy(t *testing.T) {
	next := testTable(t)
	table := testTableOf(t, strings.Replace(testPolicies, "  bodiless:\n", "  bodiless:\n    mode: monitor\n", 1))
	l := newLab(t, func(c *extproc.Config) {
		c.Tables = func() *policy.Table {
			now := table
			table = next
			return now
		}
	})
	r := l.run(t, named("bodiless"), headersOf(buffered, false, "x-hub-signature-256", sign("")), trailersOf())
	r.want(t, authz.ReasonShapeAmbiguous)
}

// The headers of a request that waits for its body count as memory in flight.
func TestHeadersInFlight(t *testing.T) {
	l := newLab(t, nil)
	ctx, cancel := context.WithCancel(incoming(t.Context(), named("github").metadata...))
	defer cancel()
	s := &stream{ctx: ctx, questions: make(chan []byte, 2)}
	const size = 10_000
	held := int64(0)
	s.onReply = func(reply *extprocpb.ProcessingResponse) error {
		if reply.GetRequestHeaders() != nil {
			held = l.server.InflightBytes()
		}
		return nil
	}
	feed(t, s, headersOf(buffered, false, "content-length", "1", "x-large", strings.Repeat("x", size)))
	_ = extproc.Serve(l.server, s) // cut off in the body
	l.server.Wait()
	if held < size || l.server.InflightBytes() != 0 {
		t.Errorf("%d bytes while the body is waited for, %d at the end; want at least %d and 0", held, l.server.InflightBytes(), size)
	}
}

func TestConfig(t *testing.T) {
	good := extproc.Config{Tables: func() *policy.Table { return nil }, Recorder: &recorder{}}
	for name, change := range map[string]func(*extproc.Config){
		"no tables":            func(c *extproc.Config) { c.Tables = nil },
		"no recorder":          func(c *extproc.Config) { c.Recorder = nil },
		"negative budget":      func(c *extproc.Config) { c.Budget = -1 },
		"negative body time":   func(c *extproc.Config) { c.BodyTime = -1 },
		"negative bytes":       func(c *extproc.Config) { c.MaxInflightBytes = -1 },
		"negative spool bytes": func(c *extproc.Config) { c.SpoolMax = -1 },
	} {
		config := good
		change(&config)
		if _, err := extproc.New(config); err == nil {
			t.Errorf("%s: New gave no error", name)
		}
	}
	if _, err := extproc.New(good); err != nil {
		t.Error(err)
	}
}

// An answer that can't be delivered is an error of the stream.
func TestUndelivered(t *testing.T) {
	l := newLab(t, nil)
	for _, m := range []mode{buffered, duplex} {
		for after := range 3 {
			ctx, cancel := context.WithCancel(t.Context())
			s := &stream{ctx: incoming(ctx, "x-hookauthz-policy", "github", "x-hookauthz-trailers", "send"), questions: make(chan []byte, 8)}
			sent := 0
			s.onReply = func(*extprocpb.ProcessingResponse) error {
				if sent++; sent > after {
					return errGone
				}
				return nil
			}
			feed(t, s, signed(m, "body"), bodyOf("body", true))
			err := extproc.Serve(l.server, s)
			cancel()
			l.server.Wait()
			if want := sent > after; want != (err != nil) {
				t.Errorf("%v, undelivered after %d: error %v", m, after, err)
			}
			l.take()
		}
	}
}
