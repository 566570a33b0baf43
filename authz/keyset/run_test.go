package keyset_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/keyset"
	"github.com/hookauthz/hookauthz/authz/outbound"
)

// The next policy file keeps what is declared alike; what has another name or
// other words has keys of its own, even from the same place.
func TestReload(t *testing.T) {
	virtual(t, func(w *world) {
		t := w.t
		before := w.issuer.count()
		next := w.cache.Open([]keyset.Declaration{{Name: "k", URL: setURL}})
		w.set.Close()
		w.set.Close() // once is enough
		pass(time.Second)
		if n := w.issuer.count() - before; n != 0 || next.Keys("k") != w.keys {
			t.Errorf("%d fetches for an unchanged declaration", n)
		}
		other := w.cache.Open([]keyset.Declaration{{Name: "l", URL: setURL}, {Name: "k", URL: setURL, Private: true}})
		pass(time.Second)
		if n := w.issuer.count() - before; n != 2 || other.Keys("k") == w.keys || other.Keys("l") == w.keys {
			t.Errorf("%d fetches for two other declarations", n)
		}
		next.Close()
		other.Close()
		before = w.issuer.count()
		pass(time.Hour)
		if n := w.issuer.count() - before; n != 0 {
			t.Errorf("%d fetches for nobody", n)
		}
		_, err := next.Keys("other").Keys(time.Now())
		wantReason(t, err, authz.ReasonKeySetUnavailable)
		_, err = next.Keys("other").Refresh(t.Context(), "a", time.Now())
		wantReason(t, err, authz.ReasonKeySetUnavailable)
	})
}

// Panics of a client or an observer end one fetch and nothing else.
func TestPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer := &fake{}
		issuer.set(func(context.Context, outbound.Request) (*outbound.Response, error) { panic("s3cr3t") })
		cache := keyset.New(keyset.Config{Client: issuer, Observer: spiteful{}})
		set := cache.Open([]keyset.Declaration{{Name: "k", URL: setURL}})
		run(t, cache)
		pass(time.Second)
		if err := set.Status()[0].Err; err == nil || err.Error() != "fetch: bug" {
			t.Errorf("Err = %v", err)
		}
		issuer.serve(jwks("a"))
		pass(time.Minute + time.Second)
		wantKeys(t, set.Keys("k"), time.Now(), "a ")
	})
}

type spiteful struct{}

func (spiteful) Observe(keyset.Event) { panic("spiteful") }

// Run ends what it began, and begins once.
func TestRunEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer := &fake{}
		var ended atomic.Int32
		issuer.set(func(ctx context.Context, _ outbound.Request) (*outbound.Response, error) {
			<-ctx.Done()
			time.Sleep(time.Second)
			ended.Add(1)
			return nil, &outbound.Error{Cause: outbound.CauseCancelled}
		})
		cache := keyset.New(keyset.Config{Client: issuer})
		var declared []keyset.Declaration
		for i := range 40 {
			declared = append(declared, keyset.Declaration{Name: fmt.Sprint(i), URL: setURL})
		}
		cache.Open(declared)
		stop := run(t, cache)
		synctest.Wait()
		if n := issuer.count(); n != keyset.MaxInFlight {
			t.Errorf("%d fetches at once", n)
		}
		stop()
		if n := ended.Load(); n != keyset.MaxInFlight {
			t.Errorf("%d fetches ended before Run did", n)
		}
		if err := cache.Run(t.Context()); err == nil {
			t.Error("Run() = nil the second time")
		}
	})
}
