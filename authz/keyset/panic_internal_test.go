package keyset

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/outbound"
)

// published answers with one key.
type published struct{}

func (published) Do(context.Context, outbound.Request) (*outbound.Response, error) {
	return &outbound.Response{
		Status: 200, ContentType: "application/json",
		Body: []byte(`{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"k","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`),
	}, nil
}

// A panic after the answer, such as of a channel that is closed already, ends
// neither the process nor the key set.
func TestFetchSurvivesItself(t *testing.T) {
	c := New(Config{Client: published{}})
	r := newRemote(c, Declaration{Name: "k", URL: "https://issuer.example/keys"})
	close(r.settled)
	r.flying, r.landing = true, make(chan struct{})
	landing := r.landing
	c.fetch(t.Context(), r)
	select {
	case <-landing:
	default:
		t.Error("who waits for the fetch waits for ever")
	}
	if r.flying || r.next.IsZero() {
		t.Errorf("flying = %v, next = %v, want another attempt later", r.flying, r.next)
	}
}

// Who waited for a key while we failed is not told that there is none.
func TestAbandonedFetchTellsNothing(t *testing.T) {
	c := New(Config{Client: published{}})
	r := newRemote(c, Declaration{Name: "k", URL: "https://issuer.example/keys"})
	c.fetch(t.Context(), r)
	if _, err := r.Keys(time.Now()); err != nil {
		t.Fatal(err)
	}
	r.abandon()
	err := r.remember("new", time.Now())
	var denial *authz.Denial
	if !errors.As(err, &denial) || denial.Reason() != authz.ReasonKeySetUnavailable {
		t.Errorf("a key that nobody could look for: error = %v, want %v", err, authz.ReasonKeySetUnavailable)
	}
	if _, err := r.Keys(time.Now()); err != nil {
		t.Errorf("Keys() = %v, want those at hand", err)
	}
	c.fetch(t.Context(), r)
	if err := r.remember("new", time.Now()); err != nil {
		t.Errorf("after a good fetch: %v", err)
	}
}
