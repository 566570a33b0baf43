package keyset

import (
	"context"
	"testing"

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
