package token_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/server/token"
)

func BenchmarkIssueJWT(b *testing.B) {
	s := build(b, jwtYAML, nil)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if i%token.ClientBurst == 0 { // limits start anew
			s.handler = token.New(s.config)
			s.logs.Reset()
		}
		if w := s.serve(post(path, grant, basic("acme", acmeSecret))); w.Code != http.StatusOK {
			b.Fatal(w.Body)
		}
	}
}

func BenchmarkRefuse(b *testing.B) {
	s := build(b, jwtYAML, nil)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if i%token.FailureBurst == 0 {
			s.handler = token.New(s.config)
			s.logs.Reset()
		}
		if w := s.serve(post(path, grant, basic("acme", "wrong"))); w.Code != http.StatusUnauthorized {
			b.Fatal(w.Body)
		}
	}
}

func BenchmarkFind(b *testing.B) {
	store := open(b, start(b).url())
	text, err := store.Put(b.Context(), grantUntil(time.Now().Add(time.Hour)), time.Now())
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := store.Find(b.Context(), text, time.Now()); err != nil {
			b.Fatal(err)
		}
	}
}
