package keyset_test

import (
	"context"
	"crypto/x509"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/keyset"
	"github.com/hookauthz/hookauthz/authz/outbound"
)

// What is at hand is answered without a fetch, with the same pointer; what is not
// is fetched only with permission.
func TestFind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		key, certificate := lasting(t)
		server := &fake{}
		server.serve(certificate)
		b := open(t, server)
		_, err := find(t, b, entry("p"), certURL, false)
		wantReason(t, err, authz.ReasonKeySetUnavailable)
		if server.count() != 0 {
			t.Fatal("fetched without permission")
		}
		first := wantKey(t, b, entry("p"), certURL, key.Public())
		for range 10 {
			if again, err := find(t, b, entry("p"), certURL, false); again != first {
				t.Errorf("Find() = %v, %v", again, err)
			}
		}
		if server.count() != 1 {
			t.Errorf("%d fetches", server.count())
		}
	})
}

// A thousand requests that name a thousand URLs cause one fetch in 30 s, take
// nothing from another policy, and don't push out what is there.
func TestFloodOfURLs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		key, certificate := lasting(t)
		server := &fake{}
		server.serveAt(map[string]string{certURL: certificate})
		b := open(t, server)
		held := wantKey(t, b, entry("p"), certURL, key.Public())
		before := server.count()
		start := time.Now()
		for round := range 10 {
			time.Sleep(keyset.Interval)
			var wg sync.WaitGroup
			for i := range 100 {
				wg.Go(func() {
					_, err := b.Find(t.Context(), entry("p"), fmt.Sprintf("%s-%d-%d", certURL, round, i), time.Now(), true)
					if err == nil {
						t.Error("a certificate that is not there")
					}
				})
			}
			wg.Wait()
			if again, err := find(t, b, entry("p"), certURL, true); again != held {
				t.Errorf("round %d: Find() = %v, %v", round, again, err)
			}
		}
		if n := server.count() - before; n != 10 {
			t.Errorf("%d fetches in %v", n, time.Since(start))
		}
		// The flood took this policy's turn. Another's, and another entry's of the
		// same, it did not.
		wantDenied(t, b, entry("p"), certURL+"-new", authz.ReasonKeySetUnavailable)
		wantKey(t, b, entry("q"), certURL, key.Public())
		other := entry("p")
		other.Name = "l"
		wantKey(t, b, other, certURL, key.Public())
	})
}

// Whoever floods with other URLs can't keep a certificate that is used from being
// fetched again in time.
func TestFloodDoesNotStopRenewal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		key, certificate := lasting(t)
		server := &fake{}
		server.serveAt(map[string]string{certURL: certificate})
		b := open(t, server)
		wantKey(t, b, entry("p"), certURL, key.Public())
		for i := range 2 * 48 { // two days
			for j := range 5 {
				_, _ = find(t, b, entry("p"), fmt.Sprintf("%s-%d-%d", certURL, i, j), true)
			}
			if _, err := find(t, b, entry("p"), certURL, true); err != nil {
				t.Fatalf("after %d half hours: %v", i, err)
			}
			time.Sleep(30 * time.Minute)
		}
		renewed := 0
		for _, url := range server.urls {
			if url == certURL {
				renewed++
			}
		}
		if renewed < 7 || renewed > 9 {
			t.Errorf("fetched %d times in two days, want one in six hours", renewed)
		}
	})
}

// More certificates than are kept push out the one used longest ago.
func TestCertificatesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		key, certificate := lasting(t)
		server := &fake{}
		server.serve(certificate)
		b := open(t, server)
		name := func(i int) string { return fmt.Sprintf("%s-%d", certURL, i) }
		for i := range 70 {
			wantKey(t, b, entry("p"), name(i), key.Public())
			if _, err := find(t, b, entry("p"), name(0), false); err != nil {
				t.Fatalf("the one in use is gone after %d: %v", i, err)
			}
			time.Sleep(keyset.Interval)
		}
		kept := 0
		for i := range 70 {
			if _, err := find(t, b, entry("p"), name(i), false); err == nil {
				kept++
			}
		}
		if kept != 64 {
			t.Errorf("%d certificates are kept", kept)
		}
	})
}

// Requests that name one URL share one fetch, which goes on without those who
// leave.
func TestSingleFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		key, certificate := lasting(t)
		server := &fake{}
		release := server.hold(certificate)
		b := open(t, server)
		ctx, cancel := context.WithCancel(t.Context())
		var left sync.WaitGroup
		left.Go(func() {
			_, err := b.Find(ctx, entry("p"), certURL, time.Now(), true)
			wantReason(t, err, authz.ReasonKeySetUnavailable)
		})
		synctest.Wait()
		var stayed sync.WaitGroup
		for range 100 {
			stayed.Go(func() { wantKey(t, b, entry("p"), certURL, key.Public()) })
		}
		synctest.Wait()
		wantDenied(t, b, entry("p"), certURL+"-other", authz.ReasonKeySetUnavailable) // at once
		cancel()
		left.Wait()
		release()
		stayed.Wait()
		if server.count() != 1 {
			t.Errorf("%d fetches", server.count())
		}
	})
}

// Of those who wait for a fetch there is a limit; the others are told at once.
func TestWaitingIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, certificate := lasting(t)
		server := &fake{}
		release := server.hold(certificate)
		b := open(t, server)
		var mu sync.Mutex
		told := map[bool]int{}
		var wg sync.WaitGroup
		for range 300 {
			wg.Go(func() {
				_, err := b.Find(t.Context(), entry("p"), certURL, time.Now(), true)
				mu.Lock()
				defer mu.Unlock()
				told[err == nil]++
			})
		}
		synctest.Wait()
		release()
		wg.Wait()
		if told[true] != 256 || told[false] != 44 {
			t.Errorf("%v", told)
		}
		if _, err := find(t, b, entry("p"), certURL, true); err != nil {
			t.Errorf("afterwards: %v", err)
		}
	})
}

// What comes of each answer, and how soon it is asked for again.
func TestCertificateAnswers(t *testing.T) {
	_, good := lasting(t)
	tests := []struct {
		name   string
		do     func() (*outbound.Response, error)
		want   authz.Reason
		cause  keyset.Cause
		status int
		again  time.Duration // until it is fetched again
	}{
		{name: "not there", do: status(http.StatusNotFound, ""), want: authz.ReasonKidUnknown, cause: keyset.CauseStatus, status: 404, again: 2 * time.Minute},
		{name: "forbidden", do: status(http.StatusForbidden, good), want: authz.ReasonKidUnknown, cause: keyset.CauseStatus, status: 403, again: 2 * time.Minute},
		{name: "too often", do: status(http.StatusTooManyRequests, ""), want: authz.ReasonKeySetUnavailable, cause: keyset.CauseStatus, status: 429, again: 2 * time.Minute},
		{name: "trouble", do: status(http.StatusBadGateway, good), want: authz.ReasonKeySetUnavailable, cause: keyset.CauseStatus, status: 502, again: 2 * time.Minute},
		{name: "no certificate", do: status(http.StatusOK, "<html>"), want: authz.ReasonKeySetUnavailable, cause: keyset.CauseMalformed, status: 200, again: 2 * time.Minute},
		{name: "no answer", do: failing(outbound.CauseTimeout), want: authz.ReasonKeySetUnavailable, cause: outbound.CauseTimeout, again: keyset.Interval},
		{name: "redirect", do: failing(outbound.CauseRedirect), want: authz.ReasonKeySetUnavailable, cause: outbound.CauseRedirect, again: keyset.Interval},
		{name: "address", do: failing(outbound.CauseAddress), want: authz.ReasonKeySetUnavailable, cause: outbound.CauseAddress, again: keyset.Interval},
		{name: "bug", do: func() (*outbound.Response, error) { panic("s3cr3t") }, want: authz.ReasonKeySetUnavailable, cause: keyset.CauseBug, again: keyset.Interval},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server, seen := &fake{}, &events{}
				server.set(func(context.Context, outbound.Request) (*outbound.Response, error) { return tt.do() })
				b := keyset.NewByURL(keyset.URLConfig{Client: server, Observer: seen})
				defer b.Close()
				wantDenied(t, b, entry("p"), certURL, tt.want)
				synctest.Wait()
				e := seen.last(keyset.EventFailed)
				if e.Name != "k" || e.Err == nil || e.Err.Cause != tt.cause || e.Err.Status != tt.status || e.Err.Step != keyset.StepCertificate {
					t.Errorf("told %+v, %v", e, e.Err)
				}
				time.Sleep(tt.again - time.Second)
				wantDenied(t, b, entry("p"), certURL, tt.want)
				if server.count() != 1 {
					t.Error("asked again too soon")
				}
				time.Sleep(time.Second)
				server.serve(good)
				if _, err := find(t, b, entry("p"), certURL, true); err != nil || server.count() != 2 {
					t.Errorf("afterwards: %v, %d fetches", err, server.count())
				}
				synctest.Wait()
				if e := seen.last(keyset.EventFetched); e.Name != "k" || e.Keys != 1 {
					t.Errorf("told %+v", e)
				}
			})
		})
	}
}

func status(code int, body string) func() (*outbound.Response, error) {
	return func() (*outbound.Response, error) { return answer(code, body), nil }
}

func failing(cause outbound.Cause) func() (*outbound.Response, error) {
	return func() (*outbound.Response, error) { return nil, &outbound.Error{Cause: cause} }
}

// A certificate counts while it is valid at the time of each request, and its
// successor at the same URL is found when it no longer is.
func TestValidityIsJudgedAtEachUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		old, _ := private(t)
		from, to := time.Now().Add(time.Hour), time.Now().Add(2*time.Hour)
		server := &fake{}
		server.serve(certify(t, old, from, to, 0))
		b := open(t, server)
		at := func(when time.Time) error {
			_, err := b.Find(t.Context(), entry("p"), certURL, when, false)
			return err
		}
		wantDenied(t, b, entry("p"), certURL, authz.ReasonKidUnknown) // fetched, and not valid yet
		for _, tt := range []struct {
			when  time.Time
			valid bool
		}{
			{from.Add(-time.Second), false},
			{from, true},
			{to, true},
			{to.Add(time.Second), false},
		} {
			if err := at(tt.when); (err == nil) != tt.valid {
				t.Errorf("at %v: %v", tt.when, err)
			} else if err != nil {
				wantReason(t, err, authz.ReasonKidUnknown)
			}
		}
		time.Sleep(90 * time.Minute)
		wantKey(t, b, entry("p"), certURL, old.Public())
		time.Sleep(31 * time.Minute)
		// It may have been replaced.
		wantReason(t, at(time.Now()), authz.ReasonKeySetUnavailable)
		next, certificate := lasting(t)
		server.serve(certificate)
		wantKey(t, b, entry("p"), certURL, next.Public())
		if server.count() != 2 {
			t.Errorf("%d fetches", server.count())
		}
	})
}

// A certificate is fetched again every six hours of use, counts for a day without
// an answer, and ends at once when its server says that it is gone.
func TestRenewal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, certificate := lasting(t)
		second, replaced := lasting(t)
		server := &fake{}
		server.serve(certificate)
		b := open(t, server)
		wantKey(t, b, entry("p"), certURL, first.Public())
		time.Sleep(6 * time.Hour)
		server.serve(replaced)
		if _, err := find(t, b, entry("p"), certURL, false); err != nil || server.count() != 1 {
			t.Errorf("fetched again without permission: %v", err)
		}
		wantKey(t, b, entry("p"), certURL, first.Public()) // in the background
		synctest.Wait()
		wantKey(t, b, entry("p"), certURL, second.Public())

		server.fail(outbound.CauseNetwork)
		time.Sleep(6 * time.Hour)
		wantKey(t, b, entry("p"), certURL, second.Public())
		synctest.Wait()
		if keys := wantKey(t, b, entry("p"), certURL, second.Public()); !keys.Stale {
			t.Error("not stale")
		}
		count := server.count()
		time.Sleep(5*time.Minute - time.Second)
		wantKey(t, b, entry("p"), certURL, second.Public())
		synctest.Wait()
		if server.count() != count {
			t.Error("asked again too soon")
		}
		time.Sleep(18*time.Hour - 5*time.Minute)
		wantKey(t, b, entry("p"), certURL, second.Public())
		time.Sleep(2 * time.Second)
		wantDenied(t, b, entry("p"), certURL, authz.ReasonKeySetUnavailable)

		time.Sleep(time.Hour)
		server.serve(replaced)
		wantKey(t, b, entry("p"), certURL, second.Public())
		time.Sleep(6 * time.Hour)
		server.serveAt(nil)
		wantKey(t, b, entry("p"), certURL, second.Public())
		synctest.Wait()
		wantDenied(t, b, entry("p"), certURL, authz.ReasonKidUnknown)
	})
}

// Only what a signer's certificate is like is taken for one.
func TestCertificateContents(t *testing.T) {
	long := time.Now().AddDate(1, 0, 0)
	key, _ := private(t)
	good := certify(t, key, time.Unix(0, 0), long, x509.KeyUsageDigitalSignature)
	_, other := lasting(t)
	_, secret := private(t)
	tests := []struct {
		name, body string
		want       bool
	}{
		{name: "certificate", body: good, want: true},
		{name: "without a key usage", body: certify(t, key, time.Unix(0, 0), long, 0), want: true},
		{name: "chain", body: good + other + other, want: true},
		{name: "text around it", body: "subject: x\n" + good + "\n", want: true},
		{name: "key usage", body: certify(t, key, time.Unix(0, 0), long, x509.KeyUsageKeyEncipherment)},
		{name: "weak key", body: certify(t, weakRSA(t), time.Unix(0, 0), long, 0)},
		{name: "public key", body: public(t, key.Public())},
		{name: "private key", body: secret},
		{name: "private key beside it", body: good + secret},
		{name: "nothing"},
		{name: "a page", body: "<html>"},
		{name: "damaged", body: strings.Replace(good, "MII", "MIJ", 1)},
		{name: "damaged block behind it", body: good + "-----BEGIN CERTIFICATE-----\n"},
		{name: "eleven", body: strings.Repeat(good, 11)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			server := &fake{}
			server.serve(tt.body)
			b := open(t, server)
			if tt.want {
				wantKey(t, b, entry("p"), certURL, key.Public())
			} else {
				wantDenied(t, b, entry("p"), certURL, authz.ReasonKeySetUnavailable)
			}
		})
	}
}

// Entries of policy files that are gone take no memory for ever; those in use are
// not forgotten.
func TestEntriesAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, certificate := lasting(t)
		server := &fake{}
		server.serve(certificate)
		b := open(t, server)
		for i := range 10 {
			_, _ = find(t, b, entry(fmt.Sprintf("gone-%d", i)), certURL, true)
		}
		for range 4 {
			_, _ = find(t, b, entry("p"), certURL, true)
			time.Sleep(20 * time.Hour)
		}
		_, _ = find(t, b, entry("q"), certURL, true)
		if n := b.Places(); n != 2 {
			t.Errorf("%d entries are remembered", n)
		}
	})
}

// Close ends a fetch and leaves nothing running; what is held still counts.
func TestCloseByURL(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		key, certificate := lasting(t)
		server, seen := &fake{}, &events{}
		server.serve(certificate)
		b := keyset.NewByURL(keyset.URLConfig{Client: server, Observer: seen})
		wantKey(t, b, entry("p"), certURL, key.Public())
		server.hold(certificate)
		var wg sync.WaitGroup
		wg.Go(func() { wantDenied(t, b, entry("q"), certURL, authz.ReasonKeySetUnavailable) })
		synctest.Wait()
		b.Close()
		wg.Wait()
		if len(seen.all) != 1 {
			t.Errorf("told %v", seen.all)
		}
		wantKey(t, b, entry("p"), certURL, key.Public())
		wantDenied(t, b, entry("r"), certURL, authz.ReasonKeySetUnavailable)
		if server.count() != 2 {
			t.Errorf("%d fetches", server.count())
		}
	})
}

// An observer that panics ends neither the process nor what it was told of.
func TestObserverThatPanics(t *testing.T) {
	key, certificate := lasting(t)
	server := &fake{}
	server.serve(certificate)
	b := keyset.NewByURL(keyset.URLConfig{Client: server, Observer: panicking{}})
	defer b.Close()
	wantKey(t, b, entry("p"), certURL, key.Public())
}

type panicking struct{}

func (panicking) Observe(keyset.Event) { panic("observer") }

func BenchmarkFind(b *testing.B) {
	key, err := newSigner()
	if err != nil {
		b.Fatal(err)
	}
	server := &fake{}
	server.serve(certify(b, key, time.Unix(0, 0), time.Now().AddDate(1, 0, 0), 0))
	by := open(b, server)
	e, now := entry("p"), time.Now()
	if _, err := by.Find(b.Context(), e, certURL, now, true); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := by.Find(b.Context(), e, certURL, now, false); err != nil {
			b.Fatal(err)
		}
	}
}
