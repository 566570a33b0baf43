package keyset_test

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"net/http"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/keyset"
	"github.com/hookauthz/hookauthz/authz/outbound"
)

const certURL = "https://certs.example.com/v1/certs/one"

// entry is what certURL is within the bounds of.
func entry(policy string) keyset.URLEntry {
	return keyset.URLEntry{Policy: policy, Name: "k", Hosts: []string{"certs.example.com", "certs.example.net"}, PathPrefix: "/v1/certs/"}
}

// certify returns a certificate of key's public half, signed by itself.
func certify(tb testing.TB, key crypto.Signer, from, to time.Time, usage x509.KeyUsage) string {
	tb.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "sender"}, NotBefore: from, NotAfter: to, KeyUsage: usage,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		tb.Fatal(err)
	}
	return block("CERTIFICATE", der)
}

// lasting returns a new key and a certificate of it that no test outlives.
func lasting(t *testing.T) (crypto.Signer, string) {
	t.Helper()
	key, _ := private(t)
	return key, certify(t, key, time.Unix(0, 0), time.Now().AddDate(100, 0, 0), x509.KeyUsageDigitalSignature)
}

// open returns a ByURL that asks client and that the test closes.
func open(tb testing.TB, client keyset.Client) *keyset.ByURL {
	tb.Helper()
	b := keyset.NewByURL(keyset.URLConfig{Client: client})
	tb.Cleanup(b.Close)
	return b
}

// find asks b, with all the time there is.
func find(t *testing.T, b *keyset.ByURL, e keyset.URLEntry, url string, fetch bool) (*authz.Keys, error) {
	t.Helper()
	keys, err := b.Find(t.Context(), e, url, time.Now(), fetch)
	if (keys == nil) == (err == nil) {
		t.Errorf("Find(%s) = %v, %v", url, keys, err)
	}
	return keys, err
}

// wantKey asserts that url has that key.
func wantKey(t *testing.T, b *keyset.ByURL, e keyset.URLEntry, url string, want crypto.PublicKey) *authz.Keys {
	t.Helper()
	keys, err := find(t, b, e, url, true)
	if err != nil {
		t.Errorf("Find(%s) = %v", url, err)
		return nil
	}
	got, ok := keys.Accepted[0].Key.(interface{ Equal(crypto.PublicKey) bool })
	if len(keys.Accepted) != 1 || !ok || !got.Equal(want) || keys.Accepted[0].ID != "" || keys.Accepted[0].Secret != "" {
		t.Errorf("Find(%s) = %+v", url, keys.Accepted)
	}
	return keys
}

// wantDenied asserts that url is denied for that reason.
func wantDenied(t *testing.T, b *keyset.ByURL, e keyset.URLEntry, url string, want authz.Reason) {
	t.Helper()
	_, err := find(t, b, e, url, true)
	wantReason(t, err, want)
	if unavailable := want == authz.ReasonKeySetUnavailable; errors.Is(err, authz.ErrUnavailable) != unavailable {
		t.Errorf("errors.Is(%v, ErrUnavailable) = %v", err, !unavailable)
	}
}

// serveAt has f answer what stands at each URL, and 404 elsewhere.
func (f *fake) serveAt(at map[string]string) {
	f.set(func(_ context.Context, r outbound.Request) (*outbound.Response, error) {
		if body, ok := at[r.URL]; ok {
			return answer(http.StatusOK, body), nil
		}
		return answer(http.StatusNotFound, ""), nil
	})
}

// hold has f answer body when released, or when the fetch is ended.
func (f *fake) hold(body string) (release func()) {
	gate := make(chan struct{})
	f.set(func(ctx context.Context, _ outbound.Request) (*outbound.Response, error) {
		select {
		case <-gate:
			return answer(http.StatusOK, body), nil
		case <-ctx.Done():
			return nil, &outbound.Error{Cause: outbound.CauseCancelled}
		}
	})
	return func() { close(gate) }
}
