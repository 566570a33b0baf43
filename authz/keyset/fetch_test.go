package keyset_test

import (
	"context"
	"crypto/x509"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/keyset"
	"github.com/hookauthz/hookauthz/authz/outbound"
)

// An issuer is a real https server. What it serves at a path a test may change.
type issuer struct {
	*httptest.Server
	mu    sync.Mutex
	paths map[string]http.HandlerFunc
	asked []string
}

func newIssuer(t *testing.T) *issuer {
	t.Helper()
	i := &issuer{paths: map[string]http.HandlerFunc{}}
	i.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		i.mu.Lock()
		i.asked = append(i.asked, r.URL.Path)
		handle := i.paths[r.URL.Path]
		i.mu.Unlock()
		if handle == nil {
			http.NotFound(w, r)
			return
		}
		handle(w, r)
	}))
	t.Cleanup(i.Close)
	return i
}

func (i *issuer) at(path string, handle http.HandlerFunc) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.paths[path] = handle
}

// seen returns the paths that were asked for.
func (i *issuer) seen() []string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return slices.Clone(i.asked)
}

// json serves body as JSON.
func json(body string) http.HandlerFunc { return typed("application/json", body) }

func typed(contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		fmt.Fprint(w, body)
	}
}

// client asks the test's servers, which are on this machine.
func (i *issuer) client(t *testing.T) *outbound.Client {
	t.Helper()
	roots := x509.NewCertPool()
	roots.AddCert(i.Certificate())
	c := outbound.New(outbound.Config{Dev: true, Roots: roots})
	t.Cleanup(c.Close)
	return c
}

// fetch returns what one fetch of a declaration brings.
func (i *issuer) fetch(t *testing.T, d keyset.Declaration) (*authz.Keys, *keyset.Error) {
	t.Helper()
	observer := make(observed, 10)
	cache := keyset.New(keyset.Config{Client: i.client(t), Observer: observer})
	d.Name = "k"
	set := cache.Open([]keyset.Declaration{d})
	stop := run(t, cache)
	defer stop()
	e := <-observer
	keys, _ := set.Keys("k").Keys(time.Now())
	return keys, e.Err
}

// observed passes on the events of fetches.
type observed chan keyset.Event

func (o observed) Observe(e keyset.Event) {
	if e.Type != keyset.EventStateChanged {
		select {
		case o <- e:
		default:
		}
	}
}

// What an issuer may answer where its keys are, and what comes of it.
func TestFetchKeys(t *testing.T) {
	var many []string
	for n := range 101 {
		many = append(many, fmt.Sprintf("k%d", n))
	}
	hang := make(chan struct{})
	tests := []struct {
		name   string
		handle http.HandlerFunc
		want   string // keys
		cause  keyset.Cause
		status int
	}{
		{name: "keys", handle: json(jwks("a", "b")), want: "a b "},
		{name: "their own type", handle: typed("application/jwk-set+json; charset=utf-8", jwks("a")), want: "a "},
		{name: "plain text", handle: typed("text/plain; charset=utf-8", jwks("a")), want: "a "},
		{name: "a web page by its type", handle: typed("text/html", jwks("a")), cause: keyset.CauseContentType, status: 200},
		{name: "a file of any sort", handle: typed("application/octet-stream", jwks("a")), cause: keyset.CauseContentType, status: 200},
		{name: "no type", handle: typed("", jwks("a")), cause: keyset.CauseContentType, status: 200},
		{name: "cut", handle: json(jwks("a")[:40]), cause: keyset.CauseMalformed, status: 200},
		{name: "something after it", handle: json(jwks("a") + "{}"), cause: keyset.CauseMalformed, status: 200},
		{name: "nothing", handle: json(""), cause: keyset.CauseMalformed, status: 200},
		{name: "no set", handle: json(`{"issuer":"x"}`), cause: keyset.CauseMalformed, status: 200},
		{name: "too many keys", handle: json(jwks(many...)), cause: keyset.CauseMalformed, status: 200},
		{name: "as many as may be", handle: json(jwks(many[:100]...)), want: strings.Join(many[:100], " ") + " "},
		{name: "too large", handle: json(jwks("a") + strings.Repeat(" ", 512<<10)), cause: outbound.CauseTooLarge},
		{name: "missing", cause: keyset.CauseStatus, status: 404},
		{name: "broken", handle: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }, cause: keyset.CauseStatus, status: 500},
		{name: "not changed", handle: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(304) }, cause: outbound.CauseRedirect},
		{name: "elsewhere", handle: func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://localhost:1/keys", http.StatusFound)
		}, cause: outbound.CauseRedirect},
		{name: "another place of the same server", handle: func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/moved", http.StatusFound)
		}, want: "m "},
		{name: "no answer", handle: func(http.ResponseWriter, *http.Request) { <-hang }, cause: outbound.CauseTimeout},
	}
	i := newIssuer(t)
	defer close(hang)
	i.at("/moved", json(jwks("m")))
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			i.at("/keys", tt.handle)
			keys, err := i.fetch(t, keyset.Declaration{URL: i.URL + "/keys"})
			wantFetch(t, keys, err, tt.want, keyset.StepKeys, tt.cause, tt.status)
		})
	}
}

func wantFetch(
	t *testing.T, keys *authz.Keys, err *keyset.Error, want string, step keyset.Step, cause keyset.Cause, status int,
) {
	t.Helper()
	if cause == "" {
		if err != nil || ids(keys) != want {
			t.Errorf("fetched %s, %v, want %s", ids(keys), err, want)
		}
		return
	}
	if err == nil || *err != (keyset.Error{Step: step, Cause: cause, Status: status}) || keys != nil {
		t.Errorf("fetched %s, %v, want %s: %s (status %d)", ids(keys), err, step, cause, status)
	}
}

// An issuer inside our network is asked only where the policy file permits it,
// and one on this machine not even then.
func TestIssuerInsideOurNetwork(t *testing.T) {
	i := newIssuer(t)
	i.at("/keys", json(jwks("a")))
	roots := x509.NewCertPool()
	roots.AddCert(i.Certificate())
	for _, private := range []bool{false, true} {
		observer := make(observed, 10)
		client := outbound.New(outbound.Config{Roots: roots})
		cache := keyset.New(keyset.Config{Client: client, Observer: observer})
		cache.Open([]keyset.Declaration{{Name: "k", URL: i.URL + "/keys", Private: private}})
		stop := run(t, cache)
		if e := <-observer; e.Err == nil || e.Err.Cause != outbound.CauseAddress {
			t.Errorf("private = %v: event %+v", private, e)
		}
		stop()
	}
	if seen := i.seen(); len(seen) != 0 {
		t.Errorf("asked for %q", seen)
	}
}

// What is asked of an issuer has limits, and only what the policy file says.
func TestRequest(t *testing.T) {
	for _, private := range []bool{false, true} {
		asked := make(chan outbound.Request, 10)
		issuer := &fake{}
		issuer.set(func(_ context.Context, r outbound.Request) (*outbound.Response, error) {
			asked <- r
			return answer(http.StatusOK, jwks("a")), nil
		})
		cache := keyset.New(keyset.Config{Client: issuer})
		cache.Open([]keyset.Declaration{{Name: "k", URL: setURL, Private: private}})
		stop := run(t, cache)
		r := <-asked
		stop()
		if r.URL != setURL || r.Private != private || r.Method != "" || r.Body != nil || r.MaxBytes != 512<<10 || r.Timeout != 2*time.Second {
			t.Errorf("asked %+v", r)
		}
	}
}
