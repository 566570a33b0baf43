package introspect_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
	"github.com/hookauthz/hookauthz/authz/introspect"
	"github.com/hookauthz/hookauthz/authz/outbound"
)

const (
	active   = `{"active": true, "sub": "crm", "aud": "webhook"}`
	inactive = `{"active": false}`
)

// A server is a real authorization server that counts what it is asked.
type server struct {
	*httptest.Server
	asked atomic.Int64
}

func serve(tb testing.TB, handler http.HandlerFunc) *server {
	tb.Helper()
	s := &server{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.asked.Add(1)
		handler(w, r)
	}))
	tb.Cleanup(s.Close)
	return s
}

func says(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { answer(w, body) }
}

func answer(w http.ResponseWriter, body string) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, body)
}

// wants fails the test unless s was asked so often.
func (s *server) wants(tb testing.TB, asked int64) {
	tb.Helper()
	if got := s.asked.Load(); got != asked {
		tb.Errorf("the server was asked %d times, want %d", got, asked)
	}
}

// declared is s as a policy declares it.
func (s *server) declared(secrets ...authz.Reference) authz.IntrospectionServer {
	if len(secrets) == 0 {
		secrets = clientSecret()
	}
	return authz.IntrospectionServer{Policy: "crm", URL: s.URL + "/introspect", ClientID: "hookauthz", Secrets: secrets}
}

func clientSecret() []authz.Reference { return []authz.Reference{reference("own", "client-secret")} }

func reference(name string, values ...string) authz.Reference {
	return authz.Reference{Name: name, Secrets: authztest.Values(values...)}
}

func newIntrospection(tb testing.TB, config introspect.Config) *introspect.Introspection {
	tb.Helper()
	client := outbound.New(outbound.Config{Dev: true})
	i := introspect.New(client, config)
	tb.Cleanup(func() {
		i.Close()
		client.Close()
	})
	return i
}

// ask asks about a token that came so long after the first.
func ask(tb testing.TB, a authz.Introspector, token string, after time.Duration) ([]byte, error) {
	tb.Helper()
	return a.Introspect(tb.Context(), token, authztest.Received().Add(after))
}

// A clock is set by a test.
type clock struct{ offset atomic.Int64 }

func (c *clock) now() time.Time           { return authztest.Received().Add(time.Duration(c.offset.Load())) }
func (c *clock) advance(by time.Duration) { c.offset.Add(int64(by)) }

// A clientFunc answers without a network.
type clientFunc func(r outbound.Request) (*outbound.Response, error)

func (f clientFunc) Do(_ context.Context, r outbound.Request) (*outbound.Response, error) {
	return f(r)
}
