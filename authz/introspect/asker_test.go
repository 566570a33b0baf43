package introspect_test

import (
	"context"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
	"github.com/hookauthz/hookauthz/authz/introspect"
	"github.com/hookauthz/hookauthz/authz/outbound"
)

// How long verdicts count, and that a revoked token ends with its verdict.
func TestKept(t *testing.T) {
	ends := strconv.FormatInt(authztest.Received().Add(30*time.Second).Unix(), 10)
	tests := []struct {
		name  string
		body  string
		after time.Duration
		asked int64 // with the one at the start
	}{
		{name: "active", body: active, after: 53 * time.Second, asked: 1},
		{name: "active, a minute later", body: active, after: time.Minute, asked: 2},
		{name: "active, asked just before", body: active, after: -time.Second, asked: 1},
		{name: "active, the clock was set back", body: active, after: -time.Hour, asked: 2},
		{name: "not active", body: inactive, after: 8 * time.Second, asked: 1},
		{name: "not active, 10 s later", body: inactive, after: 10 * time.Second, asked: 2},
		{name: "ends soon", body: `{"active": true, "exp": ` + ends + `}`, after: 29 * time.Second, asked: 1},
		{name: "has ended", body: `{"active": true, "exp": ` + ends + `}`, after: 30 * time.Second, asked: 2},
		{name: "had ended at the start", body: `{"active": true, "exp": 1}`, after: 0, asked: 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := serve(t, says(tt.body))
			a := newIntrospection(t, introspect.Config{}).Server(s.declared())
			_, _ = ask(t, a, "token", 0) // see below
			_, _ = ask(t, a, "token", tt.after)
			s.wants(t, tt.asked)
		})
	}

	t.Run("revoked", func(t *testing.T) {
		var revoked atomic.Bool
		s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			if revoked.Load() {
				answer(w, inactive)
				return
			}
			answer(w, active)
		})
		a := newIntrospection(t, introspect.Config{}).Server(s.declared())
		_, err := ask(t, a, "token", 0)
		authztest.WantReason(t, err, authz.ReasonVerified)
		revoked.Store(true)
		_, err = ask(t, a, "token", time.Minute)
		authztest.WantReason(t, err, authz.ReasonTokenInvalid)
	})
}

// Verdicts are one check's own, and one token's.
func TestNothingShared(t *testing.T) {
	s := serve(t, says(active))
	i := newIntrospection(t, introspect.Config{})
	first, second := i.Server(s.declared()), i.Server(s.declared())
	for _, a := range []authz.Introspector{first, second} {
		for _, token := range []string{"token", "token2", "toke", "TOKEN"} {
			for range 2 {
				_, err := ask(t, a, token, 0)
				authztest.WantReason(t, err, authz.ReasonVerified)
			}
		}
	}
	s.wants(t, 8)
}

// Bad tokens don't displace good ones.
func TestFlood(t *testing.T) {
	asked := 0
	i := introspect.New(clientFunc(func(r outbound.Request) (*outbound.Response, error) {
		asked++ // one question at a time
		body := inactive
		if string(r.Body) == "token=good&token_type_hint=access_token" {
			body = active
		}
		return &outbound.Response{Status: http.StatusOK, ContentType: "application/json", Body: []byte(body)}, nil
	}), introspect.Config{})
	defer i.Close()
	a := i.Server(authz.IntrospectionServer{Secrets: clientSecret()})
	_, err := ask(t, a, "good", 0)
	authztest.WantReason(t, err, authz.ReasonVerified)
	const flood = 30_000
	for n := range flood {
		_, err := ask(t, a, strconv.Itoa(n), 0)
		authztest.WantReason(t, err, authz.ReasonTokenInvalid)
	}
	_, err = ask(t, a, "good", 0)
	authztest.WantReason(t, err, authz.ReasonVerified)
	if asked != flood+1 {
		t.Errorf("asked %d times, want %d", asked, flood+1)
	}
}

// One question serves all who wait, and doesn't end with the one who came first.
func TestOneQuestion(t *testing.T) {
	release, arrived := make(chan struct{}), make(chan struct{})
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		close(arrived)
		<-release
		answer(w, active)
	})
	a := newIntrospection(t, introspect.Config{Timeout: time.Minute}).Server(s.declared())

	ctx, cancel := context.WithCancel(t.Context())
	first := make(chan error)
	go func() {
		_, err := a.Introspect(ctx, "token", authztest.Received())
		first <- err
	}()
	<-arrived
	cancel()
	authztest.WantReason(t, <-first, authz.ReasonIntrospectionUnavailable)

	var wg sync.WaitGroup
	for n := range 20 {
		wg.Go(func() {
			if n == 0 {
				close(release)
			}
			_, err := ask(t, a, "token", 0)
			authztest.WantReason(t, err, authz.ReasonVerified)
		})
	}
	wg.Wait()
	s.wants(t, 1)
}

// A server that hangs holds up a bounded number of requests.
func TestManyQuestions(t *testing.T) {
	release := make(chan struct{})
	var arrived sync.WaitGroup
	arrived.Add(64)
	i := introspect.New(clientFunc(func(outbound.Request) (*outbound.Response, error) {
		arrived.Done()
		<-release
		return &outbound.Response{Status: http.StatusOK, ContentType: "application/json", Body: []byte(active)}, nil
	}), introspect.Config{})
	defer i.Close()
	a := i.Server(authz.IntrospectionServer{Secrets: clientSecret()})
	var wg sync.WaitGroup
	for n := range 64 {
		wg.Go(func() {
			_, err := ask(t, a, strconv.Itoa(n), 0)
			authztest.WantReason(t, err, authz.ReasonVerified)
		})
	}
	arrived.Wait()
	_, err := ask(t, a, "one more", 0)
	authztest.WantReason(t, err, authz.ReasonIntrospectionUnavailable)
	close(release)
	wg.Wait()
}

// A bug while asking denies, and the token can be asked about again.
func TestPanic(t *testing.T) {
	broken := true
	i := introspect.New(clientFunc(func(outbound.Request) (*outbound.Response, error) {
		if broken {
			panic("a bug")
		}
		return &outbound.Response{Status: http.StatusOK, ContentType: "application/json", Body: []byte(active)}, nil
	}), introspect.Config{})
	defer i.Close()
	a := i.Server(authz.IntrospectionServer{Secrets: clientSecret()})
	_, err := ask(t, a, "token", 0)
	authztest.WantReason(t, err, authz.ReasonBug)
	broken = false
	_, err = ask(t, a, "token", 0)
	authztest.WantReason(t, err, authz.ReasonVerified)
}

// After Close nobody is asked; what is known still counts.
func TestClose(t *testing.T) {
	s := serve(t, says(active))
	i := newIntrospection(t, introspect.Config{})
	a := i.Server(s.declared())
	_, err := ask(t, a, "token", 0)
	authztest.WantReason(t, err, authz.ReasonVerified)
	i.Close()
	_, err = ask(t, a, "token", 0)
	authztest.WantReason(t, err, authz.ReasonVerified)
	_, err = ask(t, a, "other", 0)
	authztest.WantReason(t, err, authz.ReasonIntrospectionUnavailable)
	s.wants(t, 1)
}

func BenchmarkKept(b *testing.B) {
	i := introspect.New(clientFunc(func(outbound.Request) (*outbound.Response, error) {
		return &outbound.Response{Status: http.StatusOK, ContentType: "application/json", Body: []byte(active)}, nil
	}), introspect.Config{})
	defer i.Close()
	a := i.Server(authz.IntrospectionServer{Secrets: clientSecret()})
	ctx, now := b.Context(), authztest.Received()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := a.Introspect(ctx, "2YotnFZFEjr1zCsicMWpAA", now); err != nil {
			b.Fatal(err)
		}
	}
}
