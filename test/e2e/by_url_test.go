//go:build e2e

package e2e

import (
	"crypto"
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
)

// A certificate whose address the request names, within bounds.
func TestSignatureByURL(t *testing.T) {
	p := proofs()
	made := func(pair crypto.Signer, url string, at time.Time, body []byte) request {
		message := fmt.Appendf(nil, "e-1|%d|%x", at.Unix(), sha256.Sum256(body))
		return request{path: "/e2e/sig-by-url", body: body}.
			with("X-Signature", std64(hushed(pkcs1(pair, message)))).
			with("X-Id", "e-1").with("X-Timestamp", fmt.Sprint(at.Unix())).with("X-Cert-Url", url)
	}
	ours, here := p.pairs["by-url"], p.certs.url+"/certs/ours.pem"
	stranger := newPair(t, "rsa")
	p.certs.serve("/certs/to-elsewhere.pem", leadsTo(p.certs.url+"/theirs.pem"))
	p.certs.serve("/theirs.pem", says(200, "application/x-pem-file", certificateOf(t, signer{key: stranger})))
	before := p.certs.asked()
	byName := strings.Replace(p.certs.url, "127.0.0.1", "localhost", 1)

	// Nothing is fetched for an address that is out of bounds, or a message that
	// would not pass anyway.
	for name, url := range map[string]string{
		"another host":       byName + "/certs/ours.pem",
		"outside the prefix": p.certs.url + "/theirs.pem",
		"dots":               p.certs.url + "/certs/../theirs.pem",
		"encoded dots":       p.certs.url + "/certs/%2e%2e/theirs.pem",
		"a user":             strings.Replace(p.certs.url, "http://", "http://127.0.0.1@", 1) + "/certs/ours.pem",
		"a query":            here + "?x=/theirs.pem",
		"a fragment":         here + "#x",
		"no URL":             "ours.pem",
		"a file":             "file:///certs/ours.pem",
	} {
		t.Run(name, func(t *testing.T) {
			p.denied(t, p.send(t, made(stranger, url, time.Now(), event)), 401, authz.ReasonKidUnknown)
		})
	}
	unread := p.certs.url + "/certs/" + random() + ".pem"
	p.denied(t, p.send(t, made(ours, unread, time.Now().Add(-400*time.Second), event)), 401, authz.ReasonSignatureMismatch)
	p.denied(t, p.send(t, made(ours, here, time.Now(), event).without("X-Cert-Url")), 401, authz.ReasonPartMissing)
	if n := p.certs.asked(); n != before {
		t.Errorf("%d certificates were fetched, want none", n-before)
	}

	good := made(ours, here, time.Now(), event)
	p.allowed(t, p.send(t, good))
	for range 5 {
		p.allowed(t, p.send(t, made(ours, here, time.Now(), event)))
	}
	changed := good
	changed.body = paid
	p.denied(t, p.send(t, changed), 401, authz.ReasonSignatureMismatch)
	p.denied(t, p.send(t, made(stranger, here, time.Now(), event)), 401, authz.ReasonSignatureMismatch)
	p.denied(t, p.send(t, made(ours, here, time.Now().Add(-400*time.Second), event)), 401, authz.ReasonTimestampStale)
	p.denied(t, p.send(t, good.with("X-Cert-Url", here)), 401, authz.ReasonDuplicateHeader)

	// What senders name makes us ask once in a while at most, and a redirect leads
	// nowhere.
	for i := range 10 {
		for _, url := range []string{fmt.Sprintf("%s/certs/%d.pem", p.certs.url, i), p.certs.url + "/certs/to-elsewhere.pem"} {
			got := p.send(t, made(stranger, url, time.Now(), event))
			p.unseen(t, got)
			if got.status != 401 && got.status != 503 {
				t.Errorf("%s: status %d, want 401 or 503; %s", url, got.status, p.why(got))
			}
		}
	}
	p.allowed(t, p.send(t, good))
	if n := p.certs.asked() - before; n > 2 {
		t.Errorf("%d certificates were fetched, want one, and one more at most", n)
	}
}

// A certificateHost serves certificates to whoever asks, and counts who does.
type certificateHost struct {
	url string

	mu    sync.Mutex
	pages map[string]http.HandlerFunc
	count map[string]int
}

// startCertificateHost starts a host with a certificate of pair at /certs/ours.pem.
func startCertificateHost(s scope, pair crypto.Signer) *certificateHost {
	s.Helper()
	h := &certificateHost{pages: map[string]http.HandlerFunc{}, count: map[string]int{}}
	server := httptest.NewServer(h)
	s.Cleanup(server.Close)
	h.url = server.URL
	h.serve("/certs/ours.pem", says(http.StatusOK, "application/x-pem-file", certificateOf(s, signer{key: pair})))
	return h
}

func (h *certificateHost) serve(path string, page http.HandlerFunc) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.pages[path] = page
}

// asked returns how often any page was asked for.
func (h *certificateHost) asked() (n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, times := range h.count {
		n += times
	}
	return n
}

// ServeHTTP implements [http.Handler].
func (h *certificateHost) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	h.count[r.URL.Path]++
	page := h.pages[r.URL.Path]
	h.mu.Unlock()
	if page == nil {
		page = http.NotFound
	}
	page(w, r)
}
