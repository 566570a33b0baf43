package introspect_test

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
	"github.com/hookauthz/hookauthz/authz/introspect"
)

// The question is that of RFC 7662, section 2.1, and the client authenticates as
// in RFC 6749, section 2.3.1.
func TestQuestion(t *testing.T) {
	const id, secret, token = "Hook: authz/ü", "p+ss wörd:%&=", "a.b-c_~+/=="
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		user, errUser := url.QueryUnescape(user)
		password, errPassword := url.QueryUnescape(password)
		if user != id || password != secret || errUser != nil || errPassword != nil {
			t.Errorf("credentials %q, %q", user, password)
		}
		if r.Method != http.MethodPost || r.URL.RequestURI() != "/introspect?tenant=a" || r.Header.Get("Accept") != "application/json" || r.Header.Get("Idempotency-Key") != "" {
			t.Errorf("asked %s %s with %v", r.Method, r.URL, r.Header)
		}
		if err := r.ParseForm(); err != nil || r.PostForm.Get("token") != token || len(r.PostForm) != 2 || r.PostForm.Get("token_type_hint") != "access_token" {
			t.Errorf("form %v", r.PostForm)
		}
		answer(w, active)
	})
	declared := s.declared(reference("own", secret))
	declared.ClientID, declared.URL = id, declared.URL+"?tenant=a"
	body, err := ask(t, newIntrospection(t, introspect.Config{}).Server(declared), token, 0)
	authztest.WantReason(t, err, authz.ReasonVerified)
	if string(body) != active {
		t.Errorf("Introspect() = %s", body)
	}
}

// All live versions of our secrets are tried, and then the one that is taken.
func TestClientSecrets(t *testing.T) {
	unusable := reference("unusable", " ")
	down := authz.Reference{Name: "down", Secrets: authztest.Failing(authz.Deny(authz.ReasonSecretUnavailable, ""))}
	tests := []struct {
		name    string
		secrets []authz.Reference
		takes   string
		status  int
		tried   []string
		want    authz.Reason
	}{
		{name: "newest", secrets: []authz.Reference{reference("a", "new", "old")}, takes: "new", tried: []string{"new", "new"}},
		{name: "previous", secrets: []authz.Reference{reference("a", "new", "old")}, takes: "old", tried: []string{"new", "old", "old"}},
		{name: "forbidden", secrets: []authz.Reference{reference("a", "new", "old")}, takes: "old", status: 403, tried: []string{"new", "old", "old"}},
		{name: "another secret", secrets: []authz.Reference{reference("a", "x"), reference("b", "y")}, takes: "y", tried: []string{"x", "y", "y"}},
		{name: "none", secrets: []authz.Reference{reference("a", "new", "old")}, tried: []string{"new", "old", "new", "old"}, want: authz.ReasonSecretInvalid},
		{name: "beside trouble", secrets: []authz.Reference{down, unusable, reference("a", "x")}, takes: "x", tried: []string{"x", "x"}},
		{name: "trouble", secrets: []authz.Reference{down, reference("a", "x")}, tried: []string{"x", "x"}, want: authz.ReasonSecretUnavailable},
		{name: "unusable", secrets: []authz.Reference{unusable}, want: authz.ReasonSecretInvalid},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.want == authz.ReasonBug {
				tt.want = authz.ReasonVerified
			}
			var tried []string
			s := serve(t, func(w http.ResponseWriter, r *http.Request) {
				_, password, _ := r.BasicAuth()
				tried = append(tried, password) // one question at a time
				if password != tt.takes {
					w.WriteHeader(max(tt.status, http.StatusUnauthorized))
					return
				}
				answer(w, active)
			})
			a := newIntrospection(t, introspect.Config{}).Server(s.declared(tt.secrets...))
			for _, token := range []string{"one", "two"} {
				_, err := ask(t, a, token, 0)
				authztest.WantReason(t, err, tt.want)
			}
			if !slices.Equal(tried, tt.tried) {
				t.Errorf("tried %q, want %q", tried, tt.tried)
			}
		})
	}
}

// A server that is down is left alone, tried once in a while, and used again.
func TestServerDown(t *testing.T) {
	var down atomic.Bool
	down.Store(true)
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		if down.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		answer(w, active)
	})
	var c clock
	a := newIntrospection(t, introspect.Config{Now: c.now}).Server(s.declared())
	n := 0
	question := func(want authz.Reason, asked int64) {
		t.Helper()
		n++
		_, err := ask(t, a, strconv.Itoa(n), 0)
		authztest.WantReason(t, err, want)
		s.wants(t, asked)
	}
	const unavailable = authz.ReasonIntrospectionUnavailable
	for asked := range int64(5) {
		question(unavailable, asked+1)
	}
	question(unavailable, 5) // spared
	c.advance(4 * time.Second)
	question(unavailable, 5)
	c.advance(time.Second)
	question(unavailable, 6) // tried
	question(unavailable, 6)
	down.Store(false)
	question(unavailable, 6)
	c.advance(5 * time.Second)
	question(authz.ReasonVerified, 7)
	question(authz.ReasonVerified, 8)
}

// Senders can't make a server seem down by tokens that it has trouble with.
func TestOddTokens(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) })
	a := newIntrospection(t, introspect.Config{}).Server(s.declared())
	for n := range int64(20) {
		_, err := ask(t, a, strconv.FormatInt(n, 10), 0)
		authztest.WantReason(t, err, authz.ReasonIntrospectionUnavailable)
		s.wants(t, n+1)
	}
}

// Nor by tokens that something in front of it blocks, or sends elsewhere, whether
// or not it took our secret before.
func TestBlockedTokens(t *testing.T) {
	tests := []struct {
		name    string
		status  int
		fresh   bool // no token was asked about before
		refused authz.Reason
	}{
		{name: "401", status: http.StatusUnauthorized, refused: authz.ReasonSecretInvalid},
		{name: "403", status: http.StatusForbidden, refused: authz.ReasonSecretInvalid},
		{name: "403 at the start", status: http.StatusForbidden, fresh: true, refused: authz.ReasonSecretInvalid},
		{name: "redirect at the start", status: http.StatusFound, fresh: true, refused: authz.ReasonIntrospectionUnavailable},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if strings.HasPrefix(r.PostFormValue("token"), "../etc/passwd") {
					w.Header().Set("Location", "/blocked")
					w.WriteHeader(tt.status)
					return
				}
				answer(w, active)
			})
			a := newIntrospection(t, introspect.Config{}).Server(s.declared())
			if !tt.fresh {
				_, err := ask(t, a, "good", 0)
				authztest.WantReason(t, err, authz.ReasonVerified)
			}
			for n := range 20 {
				_, err := ask(t, a, "../etc/passwd"+strconv.Itoa(n), 0)
				authztest.WantReason(t, err, tt.refused)
			}
			_, err := ask(t, a, "another", 0)
			authztest.WantReason(t, err, authz.ReasonVerified)
		})
	}
}

// What our secret is refused for is told while the server is spared, too.
func TestRefusedTooOften(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) })
	a := newIntrospection(t, introspect.Config{}).Server(s.declared())
	for n := range 20 {
		_, err := ask(t, a, strconv.Itoa(n), 0)
		authztest.WantReason(t, err, authz.ReasonSecretInvalid)
	}
	s.wants(t, 5)
}
