package token_test

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/server/token"
)

// limited reports whether r is answered 429, which must say for how long.
func (s *subject) limited(r *http.Request) bool {
	s.tb.Helper()
	w := s.serve(r)
	if w.Code != http.StatusTooManyRequests {
		return false
	}
	if seconds, err := strconv.Atoi(w.Header().Get("Retry-After")); err != nil || seconds < 1 || seconds > 60 {
		s.tb.Errorf("Retry-After = %q", w.Header().Get("Retry-After"))
	}
	if s.last() != "token limited" && s.last() != "revoke limited" {
		s.tb.Errorf("counted as %q", s.last())
	}
	return true
}

func TestFailuresAreLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := build(t, jwtYAML, nil)
		stranger, other := from("203.0.113.5:1"), from("203.0.113.6:1")
		wrong, right := basic("acme", "wrong"), basic("acme", acmeSecret)
		for i := range token.FailureBurst {
			if s.limited(post(path, grant, wrong, stranger)) {
				t.Fatalf("limited at attempt %d", i)
			}
		}
		if !s.limited(post(path, grant, wrong, stranger)) || !s.limited(post(path, grant, right, stranger)) {
			t.Error("guessing is not limited")
		}
		// The client itself, elsewhere, is not locked out, nor are others here.
		if s.limited(post(path, grant, right, other)) || s.limited(post(path, grant, basic("olaf", olafSecret), stranger)) {
			t.Error("a stranger locks clients out")
		}
		time.Sleep(token.FailureEvery)
		if s.limited(post(path, grant, wrong, stranger)) || !s.limited(post(path, grant, wrong, stranger)) {
			t.Error("after a while one more attempt must be free, and only one")
		}
		time.Sleep(time.Hour)
		if s.limited(post(path, grant, right, stranger)) {
			t.Error("still limited after an hour")
		}
	})
}

// What fails for our own trouble is nobody's guess.
func TestTroubleIsNoFailure(t *testing.T) {
	s := build(t, jwtYAML, nil)
	s.secrets["acme"].Fail(authz.Deny(authz.ReasonSecretUnavailable, ""))
	for range token.FailureBurst + 1 {
		s.serve(post(path, grant, basic("acme", acmeSecret)))
	}
	s.secrets["acme"].Set(acmeSecret)
	if s.limited(post(path, grant, basic("acme", acmeSecret))) {
		t.Error("limited")
	}
}

// Unknown clients are limited like known ones: the answers don't tell which exist.
func TestUnknownClientsAreLimited(t *testing.T) {
	s := build(t, jwtYAML, nil)
	for range token.FailureBurst {
		s.serve(post(path, grant, basic("nobody", "x")))
	}
	if !s.limited(post(path, grant, basic("nobody", "x"))) {
		t.Error("not limited")
	}
}

func TestAddressesAreLimited(t *testing.T) {
	tests := []struct {
		name, text  string
		same, other func(*http.Request)
		each        func(i int) func(*http.Request)
	}{
		{name: "one address", text: jwtYAML, each: func(i int) func(*http.Request) { return from(fmt.Sprintf("203.0.113.5:%d", i+1)) }, same: from("203.0.113.5:9"), other: from("203.0.113.6:9")},
		{name: "mapped", text: jwtYAML, each: func(int) func(*http.Request) { return from("203.0.113.5:1") }, same: from("[::ffff:203.0.113.5]:9"), other: from("[::ffff:203.0.113.6]:9")},
		{name: "a network of IPv6", text: jwtYAML, each: func(i int) func(*http.Request) { return from(fmt.Sprintf("[2001:db8:1:2::%x]:1", i)) }, same: from("[2001:db8:1:2:ffff::1]:1"), other: from("[2001:db8:1:3::1]:1")},
		{name: "forwarded counts for nothing", text: jwtYAML, each: func(i int) func(*http.Request) { return header("X-Forwarded-For", fmt.Sprintf("10.0.0.%d", i)) }, same: header("X-Forwarded-For", "10.1.0.1"), other: from("203.0.113.6:9")},
		{
			name: "behind a proxy", text: strings.Replace(jwtYAML, "lifetime:", "forwarded_for: {trusted_hops: 0}\n  lifetime:", 1),
			each: func(i int) func(*http.Request) {
				return header("X-Forwarded-For", fmt.Sprintf("10.0.0.%d, 203.0.113.5", i))
			},
			same: header("X-Forwarded-For", "203.0.113.5"), other: header("X-Forwarded-For", "203.0.113.5, 203.0.113.6"),
		},
		{
			name: "behind a proxy, without its header", text: strings.Replace(jwtYAML, "lifetime:", "forwarded_for: {trusted_hops: 0}\n  lifetime:", 1),
			each: func(i int) func(*http.Request) { return header("X-Forwarded-For", fmt.Sprintf("junk%d", i)) },
			same: func(*http.Request) {}, other: header("X-Forwarded-For", "203.0.113.6"),
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := build(t, tt.text, nil)
				for i := range token.AddressBurst {
					if s.limited(post(path, "x", tt.each(i))) {
						t.Fatalf("limited at request %d", i)
					}
				}
				for range 3 {
					if !s.limited(post(path, "x", tt.same)) {
						t.Error("not limited")
					}
				}
				if s.limited(post(path, "x", tt.other)) {
					t.Error("another address is limited too")
				}
				if lines := strings.Count(s.logs.String(), `"result":"limited"`); lines != 1 {
					t.Errorf("%d lines of the log about the limit, want 1", lines)
				}
			})
		})
	}
}

// What a client gets is limited, wherever it asks from, and by nobody else.
func TestClientsAreLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := build(t, jwtYAML, nil)
		at := func(i int) func(*http.Request) { return from(fmt.Sprintf("203.0.113.%d:1", i)) }
		for i := range 2 * token.ClientBurst { // strangers spend nothing of it
			s.serve(post(path, grant, basic("acme", "wrong"), at(i)))
		}
		for i := range token.ClientBurst {
			if s.limited(post(path, grant, basic("acme", acmeSecret), at(i))) {
				t.Fatalf("limited at request %d", i)
			}
		}
		if !s.limited(post(path, grant, basic("acme", acmeSecret), at(99))) {
			t.Error("not limited")
		}
		if s.limited(post(path, grant, basic("olaf", olafSecret), at(99))) {
			t.Error("another client is limited too")
		}
		time.Sleep(time.Second)
		if s.limited(post(path, grant, basic("acme", acmeSecret), at(99))) {
			t.Error("still limited after a second")
		}
	})
}
