package extproc_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"io"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	corepb "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	modepb "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/ext_proc/v3"
	extprocpb "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
	"github.com/hookauthz/hookauthz/authz/policy"
	"github.com/hookauthz/hookauthz/authz/policy/document"
	"github.com/hookauthz/hookauthz/server/extproc"
	"github.com/hookauthz/hookauthz/server/gate"
	"github.com/hookauthz/hookauthz/server/observe"
)

const (
	githubKey = "0123456789abcdef0123456789abcdef"
	apiKey    = "an-api-key-that-nobody-guesses"
)

const testPolicies = `
gateway: {xff: appended}
secrets:
  github: {env: {name: GITHUB}}
  key: {env: {name: KEY}}
  down: {env: {name: DOWN}}
  panics: {env: {name: PANICS}}
  slow: {env: {name: SLOW}}
  signer: {env: {name: SIGNER}}
keys:
  signer: {stored: {secret: signer, format: pem}}
policies:
  github:
    require: {provider: {name: github, secrets: [github]}}
    upstream: {headers: {X-Sender: "{principal}"}}
    body: {max: 4MiB}
  bodiless:
    require: {provider: {name: github, secrets: [github]}}
    body: {empty: allow}
  small:
    require: {provider: {name: github, secrets: [github]}}
    body: {max: 1KiB}
  key:
    require: {api_key: {header: X-Api-Key, secrets: [key]}}
    upstream: {headers: {X-Sender: "{principal}", X-Kind: "webhook"}}
  echo:
    require: {api_key: {header: X-Api-Key, secrets: [key]}}
    upstream: {headers: {X-Echo: "{header:X-From}"}}
  query:
    require: {api_key: {query: token, secrets: [key]}}
  watched:
    mode: monitor
    require: {provider: {name: github, secrets: [github]}}
    body: {max: 2KiB}
  watched-large:
    mode: monitor
    require: {provider: {name: github, secrets: [github]}}
    body: {max: 4MiB}
  watched-panics: {mode: monitor, require: {api_key: {header: X-Api-Key, secrets: [panics]}}}
  payload:
    require: {jws: {body: {}, algorithms: [ES256], keys: [signer]}}
    upstream: {payload: {content_type: application/xml}}
  peer:
    require: {all_of: [{api_key: {header: X-Api-Key, secrets: [key]}}, {source_ip: {allow: [0.0.0.0/0, "::/0"]}}]}
  behind:
    require: {all_of: [{api_key: {header: X-Api-Key, secrets: [key]}}, {source_ip: {allow: [198.51.100.0/24], forwarded_for: {trusted_hops: 0}}}]}
  own-answer:
    require: {api_key: {header: X-Api-Key, secrets: [key]}}
    answers: {missing: {status: 404, body: "nothing here", headers: {X-Why: "because"}}}
  down: {require: {api_key: {header: X-Api-Key, secrets: [down]}}}
  panics: {require: {api_key: {header: X-Api-Key, secrets: [panics]}}}
  slow: {require: {api_key: {header: X-Api-Key, secrets: [slow]}}}
routes:
  - match: {path: /routed}
    policy: key
`

// slowness is how long the policy "slow" takes.
const slowness = 50 * time.Millisecond

// secretsFunc reads a secret by calling itself.
type secretsFunc func() (*authz.Versions, error)

func (f secretsFunc) Versions(time.Time) (*authz.Versions, error) { return f() }

// signer signs the tokens of the policy "payload".
var signer = sync.OnceValue(func() *ecdsa.PrivateKey {
	key, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader) // never fails
	return key
})

func testTable(tb testing.TB) *policy.Table {
	tb.Helper()
	return testTableOf(tb, testPolicies)
}

func testTableOf(tb testing.TB, policies string) *policy.Table {
	tb.Helper()
	file, findings := policy.Read([]document.File{{Name: "test.yaml", Data: []byte(policies)}}, policy.Options{})
	if file == nil {
		for _, finding := range findings {
			tb.Errorf("%s:%d: %s", finding.Path, finding.Line, finding.Message)
		}
		tb.FailNow()
	}
	key := authztest.Values(apiKey)
	return file.Table(policy.Sources{
		Secret: func(name string) authz.Secrets {
			switch name {
			case "github":
				return authztest.Values(githubKey)
			case "signer":
				der, _ := x509.MarshalPKIXPublicKey(signer().Public()) // it is a key
				return authztest.Values(string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})))
			case "down":
				return authztest.Failing(authz.Deny(authz.ReasonSecretUnavailable, "down"))
			case "panics":
				return secretsFunc(func() (*authz.Versions, error) { panic("secret in a panic: " + apiKey) })
			case "slow":
				return secretsFunc(func() (*authz.Versions, error) {
					time.Sleep(slowness)
					return key.Versions(time.Time{})
				})
			}
			return key
		},
	})
}

// token is a signed token with that payload.
func token(payload string) string {
	message := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"ES256"}`)) + "." + base64.RawURLEncoding.EncodeToString([]byte(payload))
	digest := sha256.Sum256([]byte(message))
	r, s, _ := ecdsa.Sign(rand.Reader, signer(), digest[:]) // never fails
	signature := make([]byte, 64)
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	return message + "." + base64.RawURLEncoding.EncodeToString(signature)
}

// A recorder keeps what was recorded.
type recorder struct {
	mu     sync.Mutex
	events []observe.Event
	panics bool
}

func (r *recorder) Record(e *observe.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, *e)
	if r.panics {
		r.panics = false
		panic("a recorder that panics")
	}
}

func (r *recorder) take() []observe.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	events := r.events
	r.events = nil
	return events
}

// A lab is a server and what it recorded.
type lab struct {
	*recorder
	server *extproc.Server
	log    *strings.Builder
}

func newLab(tb testing.TB, change func(*extproc.Config)) *lab {
	tb.Helper()
	table := testTable(tb)
	l := &lab{recorder: &recorder{}, log: &strings.Builder{}}
	config := extproc.Config{
		Tables: func() *policy.Table { return table }, Recorder: l.recorder, SpoolDir: tb.TempDir(),
		Logger: slog.New(slog.NewJSONHandler(l.log, nil)),
	}
	if change != nil {
		change(&config)
	}
	server, err := extproc.New(config)
	if err != nil {
		tb.Fatal(err)
	}
	l.server = server
	return l
}

// A stream is a call without a network. Its messages come from questions, until
// that is closed.
type stream struct {
	grpc.ServerStream
	ctx       context.Context
	questions chan []byte
	replies   []*extprocpb.ProcessingResponse
	onReply   func(*extprocpb.ProcessingResponse) error
}

func (s *stream) Context() context.Context { return s.ctx }

func (s *stream) RecvMsg(m any) error {
	select {
	case <-s.ctx.Done():
		return status.FromContextError(s.ctx.Err()).Err()
	case raw, ok := <-s.questions:
		if !ok {
			return io.EOF
		}
		half := len(raw) / 2 // the transport may hand over several pieces
		return gate.NewCodec().Unmarshal(mem.BufferSlice{mem.SliceBuffer(raw[:half]), mem.SliceBuffer(raw[half:])}, m)
	}
}

func (s *stream) SendMsg(m any) error {
	if s.ctx.Err() != nil {
		return status.FromContextError(s.ctx.Err()).Err()
	}
	out, err := gate.NewCodec().Marshal(m)
	if err != nil {
		return err
	}
	reply := new(extprocpb.ProcessingResponse)
	if err := proto.Unmarshal(out.Materialize(), reply); err != nil {
		return err
	}
	s.replies = append(s.replies, reply)
	if s.onReply != nil {
		return s.onReply(reply)
	}
	return nil
}

// A result is what became of a stream.
type result struct {
	err     error
	event   observe.Event
	denial  *extprocpb.ImmediateResponse // nil if the request was let go
	head    *extprocpb.CommonResponse    // of the answer that lets headers go
	body    []byte                       // that reached the upstream
	ended   bool                         // the upstream saw the body's end
	trailer *extprocpb.TrailersResponse
}

// A play says how the gateway behaves.
type play struct {
	ctx      context.Context
	metadata []string
	open     bool // the stream stays open after the last message
	cancel   bool // it is cancelled then
	raw      [][]byte
}

// run plays messages against the server as Envoy does, and looks at what holds of
// every stream.
func (l *lab) run(tb testing.TB, p play, messages ...*extprocpb.ProcessingRequest) *result {
	tb.Helper()
	if p.ctx == nil {
		p.ctx = tb.Context()
	}
	ctx, cancel := context.WithCancel(metadata.NewIncomingContext(p.ctx, metadata.Pairs(p.metadata...)))
	s := &stream{ctx: ctx, questions: make(chan []byte)}
	for _, m := range messages {
		raw, err := proto.Marshal(m)
		if err != nil {
			tb.Fatal(err)
		}
		p.raw = append(p.raw, raw)
	}
	var feeding sync.WaitGroup
	over := make(chan struct{})
	feeding.Go(func() {
		for _, raw := range p.raw {
			select {
			case s.questions <- raw:
			case <-over:
				return
			}
		}
		if p.cancel {
			cancel()
		}
		if !p.open && !p.cancel {
			close(s.questions)
		}
	})
	err := extproc.Serve(l.server, s)
	close(over)
	feeding.Wait()
	cancel() // as gRPC does when the handler has returned
	l.server.Wait()
	events := l.take()
	if len(events) != 1 {
		tb.Fatalf("recorded %d decisions, want 1", len(events))
	}
	if l.server.InflightBytes() != 0 || l.server.SpoolBytes() != 0 || l.server.InflightStreams() != 0 {
		tb.Errorf("held after the stream: %d bytes, %d in files, %d streams", l.server.InflightBytes(), l.server.SpoolBytes(), l.server.InflightStreams())
	}
	r := assemble(tb, s.replies)
	r.err, r.event = err, events[0]
	l.obeys(tb, r, len(s.replies))
	return r
}

// assemble puts together what the gateway would make of replies.
func assemble(tb testing.TB, replies []*extprocpb.ProcessingResponse) *result {
	tb.Helper()
	r := &result{}
	for _, reply := range replies {
		if r.denial != nil {
			tb.Fatalf("an answer after the last: %v", reply)
		}
		switch a := reply.GetResponse().(type) {
		case *extprocpb.ProcessingResponse_ImmediateResponse:
			r.denial = a.ImmediateResponse
		case *extprocpb.ProcessingResponse_RequestHeaders:
			r.head = a.RequestHeaders.GetResponse()
		case *extprocpb.ProcessingResponse_RequestBody:
			common := a.RequestBody.GetResponse()
			if streamed := common.GetBodyMutation().GetStreamedResponse(); streamed != nil {
				if r.ended {
					tb.Error("a part of the body after its end")
				}
				r.body = append(r.body, streamed.GetBody()...)
				r.ended = streamed.GetEndOfStream()
				continue
			}
			r.head = common
			r.body = common.GetBodyMutation().GetBody()
		case *extprocpb.ProcessingResponse_RequestTrailers:
			r.trailer = a.RequestTrailers
		default:
			tb.Fatalf("an answer that Envoy does not expect: %v", reply)
		}
	}
	return r
}

// obeys fails unless the answers agree with what was recorded.
func (l *lab) obeys(tb testing.TB, r *result, replies int) {
	tb.Helper()
	if r.event.Adapter != "ext_proc" || r.event.DecisionID == "" {
		tb.Errorf("event: adapter %q, id %q", r.event.Adapter, r.event.DecisionID)
	}
	if r.event.Decision.Passes() {
		if r.denial != nil {
			tb.Errorf("recorded as passing and denied by %v", r.denial)
		}
		return
	}
	if r.denial == nil {
		if r.err == nil {
			tb.Fatalf("the stream ended well without an answer, after %d replies: the request would go on", replies)
		}
		return
	}
	if code := int(r.denial.GetStatus().GetCode()); code != r.event.Status || code < 400 {
		tb.Errorf("denied with %d, recorded %d", code, r.event.Status)
	}
	if got := mustSet(tb, r.denial.GetHeaders())["x-hookauthz-decision-id"]; got != r.event.DecisionID {
		tb.Errorf("decision id %q, recorded %q", got, r.event.DecisionID)
	}
	if len(r.body) > 0 {
		tb.Errorf("%d bytes of the body went on before the denial", len(r.body))
	}
}

// mustSet returns the headers that m sets, and fails if one is not set as Envoy
// wants it.
func mustSet(tb testing.TB, m *extprocpb.HeaderMutation) map[string]string {
	tb.Helper()
	set := map[string]string{}
	for _, option := range m.GetSetHeaders() {
		if option.GetHeader().GetValue() != "" || len(option.GetHeader().GetRawValue()) == 0 {
			tb.Errorf("header %s is not set by raw_value", option.GetHeader().GetKey())
		}
		//nolint:staticcheck // older gateways read only the deprecated field
		if option.GetAppend() == nil || option.GetAppend().GetValue() || option.GetAppendAction() != corepb.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD {
			tb.Errorf("header %s does not replace", option.GetHeader().GetKey())
		}
		set[option.GetHeader().GetKey()] = string(option.GetHeader().GetRawValue())
	}
	return set
}

func (r *result) want(tb testing.TB, reason authz.Reason) {
	tb.Helper()
	if got := r.event.Decision.Reason(); got != reason {
		tb.Errorf("reason = %v (%s), want %v", got, r.event.Decision.Detail(), reason)
	}
	if passes := reason == authz.ReasonVerified; passes != r.event.Decision.Passes() {
		tb.Errorf("passes = %v", !passes)
	}
}

// The gateway's messages.

const (
	buffered = modepb.ProcessingMode_BUFFERED
	duplex   = modepb.ProcessingMode_FULL_DUPLEX_STREAMED
)

type mode = modepb.ProcessingMode_BodySendMode

// headersOf is the first message of a request. Header lines come in pairs.
func headersOf(m mode, end bool, header ...string) *extprocpb.ProcessingRequest {
	header = append([]string{":path", "/hooks?a=b", ":method", "POST", ":authority", "hooks.example.com", ":scheme", "https", "x-request-id", "the-request"}, header...)
	lines := make([]*corepb.HeaderValue, 0, len(header)/2)
	for i := 0; i < len(header); i += 2 {
		lines = append(lines, &corepb.HeaderValue{Key: header[i], RawValue: []byte(header[i+1])})
	}
	return &extprocpb.ProcessingRequest{
		Request: &extprocpb.ProcessingRequest_RequestHeaders{RequestHeaders: &extprocpb.HttpHeaders{
			Headers: &corepb.HeaderMap{Headers: lines}, EndOfStream: end,
		}},
		ProtocolConfig: &extprocpb.ProtocolConfiguration{RequestBodyMode: m},
	}
}

func bodyOf(part string, end bool) *extprocpb.ProcessingRequest {
	return &extprocpb.ProcessingRequest{Request: &extprocpb.ProcessingRequest_RequestBody{
		RequestBody: &extprocpb.HttpBody{Body: []byte(part), EndOfStream: end},
	}}
}

func trailersOf() *extprocpb.ProcessingRequest {
	return &extprocpb.ProcessingRequest{Request: &extprocpb.ProcessingRequest_RequestTrailers{RequestTrailers: &extprocpb.HttpTrailers{}}}
}

func sign(body string) string {
	mac := hmac.New(sha256.New, []byte(githubKey))
	mac.Write([]byte(body))
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

// signed are the headers of a GitHub delivery.
func signed(m mode, body string) *extprocpb.ProcessingRequest {
	return headersOf(m, false, "x-hub-signature-256", sign(body), "content-length", strconv.Itoa(len(body)))
}

// keyed are headers with the right API key and no body.
func keyed(m mode, header ...string) *extprocpb.ProcessingRequest {
	return headersOf(m, true, append(header, "x-api-key", apiKey)...)
}

// named is a play whose gateway names a policy and says that it sends trailers.
func named(name string) play {
	return play{metadata: []string{"x-hookauthz-policy", name, "x-hookauthz-trailers", "send"}}
}

var errGone = status.Error(codes.Unavailable, "gone")

// feed puts messages into s, which must have room for them.
func feed(tb testing.TB, s *stream, messages ...*extprocpb.ProcessingRequest) {
	tb.Helper()
	for _, m := range messages {
		raw, err := proto.Marshal(m)
		if err != nil {
			tb.Fatal(err)
		}
		s.questions <- raw
	}
	close(s.questions)
}

func incoming(ctx context.Context, pairs ...string) context.Context {
	return metadata.NewIncomingContext(ctx, metadata.Pairs(pairs...))
}
