package keyset_test

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"errors"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/keyset"
	"github.com/hookauthz/hookauthz/authz/outbound"
	"github.com/hookauthz/hookauthz/authz/scheme/jose"
)

// key returns a public key by that name, the same for the same name.
func key(id string) authz.PublicKey {
	seed := make([]byte, ed25519.SeedSize)
	copy(seed, id)
	return authz.PublicKey{ID: id, Key: ed25519.NewKeyFromSeed(seed).Public()}
}

// jwks returns a JWK Set of the keys by these names.
func jwks(ids ...string) string {
	keys := []authz.PublicKey{}
	for _, id := range ids {
		keys = append(keys, key(id))
	}
	text, err := jose.MarshalJWKSet(keys)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// answer is what a fake issuer answers.
func answer(status int, body string, header ...string) *outbound.Response {
	r := &outbound.Response{Status: status, ContentType: "application/json", Header: http.Header{}, Body: []byte(body)}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return r
}

// A fake is an issuer without a network. It counts.
type fake struct {
	mu    sync.Mutex
	calls []time.Time
	urls  []string
	do    func(ctx context.Context, r outbound.Request) (*outbound.Response, error)
}

func (f *fake) Do(ctx context.Context, r outbound.Request) (*outbound.Response, error) {
	f.mu.Lock()
	f.calls = append(f.calls, time.Now())
	f.urls = append(f.urls, r.URL)
	do := f.do
	f.mu.Unlock()
	return do(ctx, r)
}

func (f *fake) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.calls)
}

// serve has f answer body from now on.
func (f *fake) serve(body string, header ...string) {
	f.set(func(context.Context, outbound.Request) (*outbound.Response, error) {
		return answer(http.StatusOK, body, header...), nil
	})
}

func (f *fake) fail(cause outbound.Cause) {
	f.set(func(context.Context, outbound.Request) (*outbound.Response, error) {
		return nil, &outbound.Error{Cause: cause}
	})
}

func (f *fake) set(do func(context.Context, outbound.Request) (*outbound.Response, error)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.do = do
}

// events collects what an observer is told.
type events struct {
	mu  sync.Mutex
	all []keyset.Event
}

func (e *events) Observe(event keyset.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.all = append(e.all, event)
}

func (e *events) last(kind keyset.EventType) keyset.Event {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, event := range slices.Backward(e.all) {
		if event.Type == kind {
			return event
		}
	}
	return keyset.Event{}
}

// run runs cache until the test, or stop, ends it.
func run(t *testing.T, cache *keyset.Cache) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := cache.Run(ctx); err != nil {
			t.Errorf("Run() = %v", err)
		}
	}()
	stop = func() {
		cancel()
		<-ended
	}
	t.Cleanup(stop)
	return stop
}

func ids(keys *authz.Keys) string {
	text := ""
	if keys == nil {
		return "nothing"
	}
	for _, k := range keys.Accepted {
		text += k.ID + " "
	}
	if keys.Stale {
		text += "stale"
	}
	return text
}

// wantKeys asserts what set answers at now.
func wantKeys(t *testing.T, set authz.KeySet, now time.Time, want string) *authz.Keys {
	t.Helper()
	keys, err := set.Keys(now)
	if err != nil || ids(keys) != want {
		t.Errorf("Keys() = %s, %v, want %s", ids(keys), err, want)
	}
	return keys
}

func wantReason(t *testing.T, err error, want authz.Reason) {
	t.Helper()
	var denial *authz.Denial
	if !errors.As(err, &denial) || denial.Reason() != want {
		t.Errorf("error = %v, want %v", err, want)
	}
}

// secrets is a secret in a test's hands.
type secrets struct {
	versions *authz.Versions
	err      error
}

func (s *secrets) Versions(time.Time) (*authz.Versions, error) { return s.versions, s.err }

func reference(name string, s *secrets) authz.Reference {
	return authz.Reference{Name: name, Secrets: s}
}

// holding is a secret with these versions, newest first.
func holding(texts ...string) *secrets {
	v := &authz.Versions{}
	for i, text := range texts {
		v.Accepted = append(v.Accepted, authz.Version{Number: len(texts) - i, Previous: i > 0, Secret: authz.NewSecret([]byte(text))})
	}
	return &secrets{versions: v}
}

// told returns what unfit tells, by secret.
func told(unfit func(time.Time, func(string, error))) map[string]error {
	all := map[string]error{}
	unfit(time.Now(), func(name string, why error) { all[name] = why })
	return all
}

// thumbprint returns a key's name where it has no other.
func thumbprint(t *testing.T, key crypto.PublicKey) string {
	t.Helper()
	id, err := jose.Thumbprint(key)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// runFor is run for benchmarks.
func runFor(b *testing.B, cache *keyset.Cache) (stop func()) {
	b.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cache.Run(ctx)
	}()
	return func() {
		cancel()
		<-ended
	}
}
