package zz

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"sync/atomic"
	"net"
	"sync"
	"testing"
	"time"

	corepb "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authpb "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/policy"
	"github.com/hookauthz/hookauthz/authz/policy/document"
	"github.com/hookauthz/hookauthz/server/extauthz"
	"github.com/hookauthz/hookauthz/server/observe"
)

type vals struct{ v *authz.Versions }

func (v vals) Versions(time.Time) (*authz.Versions, error) { return v.v, nil }

func values(all ...string) authz.Secrets {
	v := &authz.Versions{}
	for i, s := range all {
		v.Accepted = append(v.Accepted, authz.Version{Number: len(all) - i, Previous: i > 0, Secret: authz.NewSecret([]byte(s))})
	}
	return vals{v}
}

type rec struct {
	mu   sync.Mutex
	last observe.Event
}

func (r *rec) Record(e *observe.Event) { r.mu.Lock(); r.last = *e; r.mu.Unlock() }
func (r *rec) reason() authz.Reason    { r.mu.Lock(); defer r.mu.Unlock(); return r.last.Decision.Reason() }
func (r *rec) detail() string          { r.mu.Lock(); defer r.mu.Unlock(); return r.last.Decision.Detail() }

func read(tb testing.TB, text string) (*policy.File, []document.Finding) {
	tb.Helper()
	return policy.Read([]document.File{{Name: "t.yaml", Data: []byte(text)}}, policy.Options{})
}

func table(tb testing.TB, text string, open func(string) authz.Secrets) *policy.Table {
	tb.Helper()
	f, fs := read(tb, text)
	if f == nil {
		for _, x := range fs {
			tb.Errorf("%d:%d %s %s %s", x.Line, x.Column, x.Path, x.Code, x.Message)
		}
		tb.FailNow()
	}
	for _, x := range fs {
		tb.Logf("warning %s %s", x.Path, x.Message)
	}
	return f.Table(open)
}

func serve(tb testing.TB, tables func() *policy.Table, r extauthz.Recorder) authpb.AuthorizationClient {
	tb.Helper()
	s, err := extauthz.New(extauthz.Config{Tables: tables, Recorder: r})
	if err != nil {
		tb.Fatal(err)
	}
	g := grpc.NewServer(extauthz.ServerOptions(4 << 20)...)
	s.Register(g)
	l := bufconn.Listen(1 << 20)
	go g.Serve(l)
	tb.Cleanup(g.Stop)
	c, err := grpc.NewClient("passthrough:b", grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return l.DialContext(ctx) }), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { c.Close() })
	return authpb.NewAuthorizationClient(c)
}

type rq struct {
	method, path, host, body string
	text                     string
	proto                    string
	size                     int64
	hdr                      []string // k,v
	merged                   map[string]string
	ext                      map[string]string
	peer                     string
}

func (q rq) pb() *authpb.CheckRequest {
	h := &authpb.AttributeContext_HttpRequest{Id: "1", Method: q.method, Path: q.path, Host: q.host, Protocol: "HTTP/1.1", Size: int64(len(q.body)), RawBody: []byte(q.body), Body: q.text}
	if h.Method == "" {
		h.Method = "POST"
	}
	if h.Path == "" {
		h.Path = "/x"
	}
	if h.Host == "" {
		h.Host = "h.example"
	}
	if q.merged != nil {
		h.Headers = q.merged
	} else {
		m := &corepb.HeaderMap{}
		for i := 0; i < len(q.hdr); i += 2 {
			m.Headers = append(m.Headers, &corepb.HeaderValue{Key: q.hdr[i], RawValue: []byte(q.hdr[i+1])})
		}
		h.HeaderMap = m
	}
	if q.peer == "" {
		q.peer = "192.0.2.7"
	}
	return &authpb.CheckRequest{Attributes: &authpb.AttributeContext{
		Source:            &authpb.AttributeContext_Peer{Address: &corepb.Address{Address: &corepb.Address_SocketAddress{SocketAddress: &corepb.SocketAddress{Address: q.peer}}}},
		Request:           &authpb.AttributeContext_Request{Http: h},
		ContextExtensions: q.ext,
	}}
}

func hv(k, v string) *corepb.HeaderValue { return &corepb.HeaderValue{Key: k, RawValue: []byte(v)} }

type dyn struct{ p *atomic.Pointer[authz.Versions] }

func (d dyn) Versions(time.Time) (*authz.Versions, error) { return d.p.Load(), nil }

func sum(s string) string { x := sha256.Sum256([]byte(s)); return hex.EncodeToString(x[:]) }
func b64(b []byte) string { return base64.StdEncoding.EncodeToString(b) }
func signRaw(k, m string) []byte {
	h := hmac.New(sha256.New, []byte(k))
	h.Write([]byte(m))
	return h.Sum(nil)
}
