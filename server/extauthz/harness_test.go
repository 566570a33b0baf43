package extauthz_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	corepb "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authpb "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/proto"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
	"github.com/hookauthz/hookauthz/authz/policy"
	"github.com/hookauthz/hookauthz/authz/policy/document"
	"github.com/hookauthz/hookauthz/server/extauthz"
	"github.com/hookauthz/hookauthz/server/gate"
	"github.com/hookauthz/hookauthz/server/observe"
)

const (
	githubKey = "0123456789abcdef0123456789abcdef"
	apiKey    = "an-api-key-that-nobody-guesses"
	password  = "a password of some length"
)

const testPolicies = `
gateway: {body: raw-full, max_request_bytes: 1MiB}
secrets:
  github: {env: {name: GITHUB}}
  key: {env: {name: KEY}}
  password: {env: {name: PASSWORD}}
  gone: {env: {name: GONE}}
  down: {env: {name: DOWN}}
  panics: {env: {name: PANICS}}
  slow: {env: {name: SLOW}}
  signer: {env: {name: SIGNER}}
keys:
  signer: {stored: {secret: signer, format: pem}}
policies:
  github:
    require: {provider: {name: github, secrets: [github]}}
    body: {max: 512KiB}
  key:
    require: {api_key: {header: X-Api-Key, secrets: [key]}}
    upstream: {headers: {X-Sender: "{principal}", X-Kind: "webhook"}}
  echo:
    require: {api_key: {header: X-Api-Key, secrets: [key]}}
    upstream: {headers: {X-Echo: "{header:X-From}"}}
  query:
    require: {api_key: {query: token, secrets: [key]}}
  basic:
    require: {basic: {users: [{name: ann, secrets: [password]}]}}
  addresses:
    require: {all_of: [{api_key: {header: X-Api-Key, secrets: [key]}}, {source_ip: {allow: [192.0.2.0/24]}}]}
  behind:
    require: {all_of: [{api_key: {header: X-Api-Key, secrets: [key]}}, {source_ip: {allow: [198.51.100.0/24], forwarded_for: {trusted_hops: 0}}}]}
  payload:
    require: {jws: {body: {}, algorithms: [ES256], keys: [signer]}}
    upstream: {payload: {}}
  payload-watched:
    mode: monitor
    require: {jws: {body: {}, algorithms: [ES256], keys: [signer]}}
    upstream: {payload: {}}
  put:
    require: {api_key: {header: X-Api-Key, secrets: [key]}}
    methods: [PUT]
  own-answers:
    require: {api_key: {header: X-Api-Key, secrets: [key]}}
    answers: {missing: {status: 404, body: "nothing here", headers: {X-Why: "because"}}, invalid: {status: 424}}
  gone: {require: {api_key: {header: X-Api-Key, secrets: [gone]}}}
  down: {require: {api_key: {header: X-Api-Key, secrets: [down]}}}
  panics: {require: {api_key: {header: X-Api-Key, secrets: [panics]}}}
  slow: {require: {api_key: {header: X-Api-Key, secrets: [slow]}}}
routes:
  - match: {path: /routed}
    policy: key
  - match: {path: "/routed/{tenant}"}
    policy: key
`

// secretsFunc reads a secret by calling itself.
type secretsFunc func() (*authz.Versions, error)

func (f secretsFunc) Versions(time.Time) (*authz.Versions, error) { return f() }

// slowness is how long the policy "slow" takes.
const slowness = 50 * time.Millisecond

func testTable(tb testing.TB) *policy.Table {
	tb.Helper()
	return tableOf(tb, testPolicies)
}

func tableOf(tb testing.TB, text string) *policy.Table {
	tb.Helper()
	file, findings := policy.Read([]document.File{{Name: "test.yaml", Data: []byte(text)}}, policy.Options{})
	if file == nil {
		for _, finding := range findings {
			tb.Errorf("%s:%d: %s", finding.Path, finding.Line, finding.Message)
		}
		tb.FailNow()
	}
	key := authztest.Values(apiKey)
	return file.Table(policy.Sources{Secret: func(name string) authz.Secrets {
		switch name {
		case "github":
			return authztest.Values(githubKey)
		case "password":
			return authztest.Values(password)
		case "gone":
			return authztest.Failing(authz.Deny(authz.ReasonSecretMissing, "gone"))
		case "down":
			return authztest.Failing(authz.Deny(authz.ReasonSecretUnavailable, "down"))
		case "panics":
			return secretsFunc(func() (*authz.Versions, error) { panic("secret in a panic: " + apiKey) })
		case "slow":
			return secretsFunc(func() (*authz.Versions, error) {
				time.Sleep(slowness)
				return key.Versions(time.Time{})
			})
		default:
			return key
		}
	}})
}

// A recorder counts what was recorded and keeps the latest, its strings copied.
type recorder struct {
	mu     sync.Mutex
	events int
	latest observe.Event
}

func (r *recorder) Record(e *observe.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	kept := *e
	kept.Checks = append([]authz.CheckResult(nil), e.Checks...)
	kept.Body = append([]byte(nil), e.Body...)
	kept.Method, kept.Host, kept.Path = strings.Clone(e.Method), strings.Clone(e.Host), strings.Clone(e.Path)
	kept.StreamID, kept.RequestID = strings.Clone(e.StreamID), strings.Clone(e.RequestID)
	r.events++
	r.latest = kept
}

// last returns the last event and fails if there is none.
func (r *recorder) last(tb testing.TB) observe.Event {
	tb.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.events == 0 {
		tb.Fatal("nothing was recorded")
	}
	return r.latest
}

func (r *recorder) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.events
}

// A lab is a server and what it recorded.
type lab struct {
	server *extauthz.Server
	*recorder
	log *syncBuffer
}

func newLab(tb testing.TB, change func(*extauthz.Config)) *lab {
	tb.Helper()
	table := testTable(tb)
	l := &lab{recorder: &recorder{}, log: &syncBuffer{}}
	config := extauthz.Config{
		Tables:   func() *policy.Table { return table },
		Recorder: l.recorder,
		Logger:   slog.New(slog.NewJSONHandler(l.log, nil)),
	}
	if change != nil {
		change(&config)
	}
	server, err := extauthz.New(config)
	if err != nil {
		tb.Fatal(err)
	}
	l.server = server
	return l
}

type syncBuffer struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// A stream is a call without a network.
type stream struct {
	grpc.ServerStream
	ctx     context.Context
	request []byte // nil: the call brings no message
	reply   []byte
}

func (s *stream) Context() context.Context { return s.ctx }

func (s *stream) RecvMsg(m any) error {
	if s.request == nil {
		return io.EOF
	}
	half := len(s.request) / 2 // the transport may hand over several pieces
	return extauthz.Codec().Unmarshal(mem.BufferSlice{mem.SliceBuffer(s.request[:half]), mem.SliceBuffer(s.request[half:])}, m)
}

func (s *stream) SendMsg(m any) error {
	out, err := extauthz.Codec().Marshal(m)
	if err != nil {
		return err
	}
	s.reply = out.Materialize()
	return nil
}

// raw makes one call with message as it is and returns the response.
func (l *lab) raw(ctx context.Context, tb testing.TB, message []byte) *authpb.CheckResponse {
	tb.Helper()
	before := l.count()
	s := &stream{ctx: ctx, request: message}
	if err := extauthz.Serve(l.server, s); err != nil {
		tb.Fatalf("Check: a gRPC error: %v", err)
	}
	var response authpb.CheckResponse
	if err := proto.Unmarshal(s.reply, &response); err != nil {
		tb.Fatalf("the response can't be decoded: %v", err)
	}
	if got := l.count(); got != before+1 {
		tb.Errorf("recorded %d decisions, want 1", got-before)
	}
	if got := l.server.InflightBytes(); got != 0 {
		tb.Errorf("bytes in flight after the call = %d, want 0", got)
	}
	obeys(tb, &response)
	event := l.last(tb)
	same(tb, "recorded passing", event.Decision.Passes(), response.GetStatus().GetCode() == 0)
	same(tb, "recorded mode", event.Decision.IsMonitored(), metadatum(&response, "mode") == "monitor")
	same(tb, "recorded id", event.DecisionID, metadatum(&response, "decision_id"))
	same(tb, "recorded reason", event.Decision.Reason().String(), metadatum(&response, "reason"))
	if denied := response.GetDeniedResponse(); denied != nil {
		same(tb, "recorded status", event.Status, int(denied.GetStatus().GetCode()))
	} else {
		same(tb, "recorded status", event.Status, 200)
	}
	return &response
}

func (l *lab) check(tb testing.TB, request *authpb.CheckRequest) *authpb.CheckResponse {
	tb.Helper()
	return l.checkWith(tb.Context(), tb, request)
}

func (l *lab) checkWith(ctx context.Context, tb testing.TB, request *authpb.CheckRequest) *authpb.CheckResponse {
	tb.Helper()
	message, err := proto.Marshal(request)
	if err != nil {
		tb.Fatal(err)
	}
	if message == nil {
		message = []byte{}
	}
	return l.raw(ctx, tb, message)
}

// dial serves l over a connection in memory and returns a generated client.
func (l *lab) dial(tb testing.TB, receiveLimit int64) authpb.AuthorizationClient {
	tb.Helper()
	return authpb.NewAuthorizationClient(l.connect(tb, receiveLimit))
}

func (l *lab) connect(tb testing.TB, receiveLimit int64, services ...func(*grpc.Server)) *grpc.ClientConn {
	tb.Helper()
	listener := bufconn.Listen(1 << 20)
	server := grpc.NewServer(gate.ServerOptions(receiveLimit)...)
	l.server.Register(server)
	for _, register := range services {
		register(server)
	}
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	conn, err := grpc.NewClient("passthrough:///bufconn",
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		closed := conn.Close()
		server.Stop()
		if err := errors.Join(closed, <-done); err != nil && !errors.Is(err, grpc.ErrServerStopped) {
			tb.Error(err)
		}
	})
	return conn
}

// request is a Check for policy as Envoy writes it with encode_raw_headers.
func request(policy, body string, header ...string) *authpb.CheckRequest {
	if body != "" {
		header = append(header, "content-length", strconv.Itoa(len(body)), "x-envoy-auth-partial-body", "false")
	}
	header = append(header, ":path", "/hooks?a=b", ":method", "POST", "x-request-id", "the-request")
	lines := make([]*corepb.HeaderValue, 0, len(header)/2)
	for i := 0; i < len(header); i += 2 {
		lines = append(lines, &corepb.HeaderValue{Key: header[i], RawValue: []byte(header[i+1])})
	}
	extensions := map[string]string{}
	if policy != "" {
		extensions["hookauthz.policy"] = policy
	}
	return &authpb.CheckRequest{Attributes: &authpb.AttributeContext{
		Source: &authpb.AttributeContext_Peer{Address: socket("192.0.2.7")},
		Request: &authpb.AttributeContext_Request{Http: &authpb.AttributeContext_HttpRequest{
			Id: "the-stream", Method: "POST", Path: "/hooks?a=b", Host: "hooks.example.com", Scheme: "https",
			Protocol: "HTTP/1.1", Size: int64(len(body)), RawBody: []byte(body), HeaderMap: &corepb.HeaderMap{Headers: lines},
		}},
		ContextExtensions: extensions,
	}}
}

// signed is a GitHub delivery.
func signed(body string) *authpb.CheckRequest {
	return request("github", body, "x-hub-signature-256", "sha256="+sign(body))
}

func sign(body string) string {
	mac := hmac.New(sha256.New, []byte(githubKey))
	mac.Write([]byte(body))
	return hex.EncodeToString(mac.Sum(nil))
}

// keyed is a request with the right API key.
func keyed(policy string, header ...string) *authpb.CheckRequest {
	return request(policy, "", append(header, "x-api-key", apiKey)...)
}

func incoming(ctx context.Context, pairs ...string) context.Context {
	return metadata.NewIncomingContext(ctx, metadata.Pairs(pairs...))
}
