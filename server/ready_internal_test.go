package server

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// errSilent has a fakeStore say nothing until its time is over.
var errSilent = errors.New("silent")

// A fakeStore gives its answers one after the other.
type fakeStore struct {
	answers []error

	mu     sync.Mutex
	asked  int
	waited time.Duration // for the last answer
}

func (f *fakeStore) Ping(ctx context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	answer, began := f.answers[f.asked], time.Now()
	f.asked++
	if errors.Is(answer, errSilent) {
		<-ctx.Done()
	}
	f.waited = time.Since(began)
	return answer
}

func (f *fakeStore) seen() (asked int, waited time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.asked, f.waited
}

// The store is asked at once and then now and then, however often it is told of.
func TestStoreLook(t *testing.T) {
	tests := []struct {
		name   string
		answer error
		waited time.Duration
	}{
		{name: "at once"},
		{name: "refused", answer: errors.New("refused")},
		{name: "back"},
		{name: "silent", answer: errSilent, waited: storeTime},
		{name: "back again"},
	}
	synctest.Test(t, func(t *testing.T) {
		store := &fakeStore{}
		for _, tt := range tests {
			store.answers = append(store.answers, tt.answer)
		}
		store.answers = append(store.answers, errSilent)
		look := &storeLook{name: "token store", ask: store.Ping}
		if item := look.item(); item.Good || item.Text != "token store: not reachable" {
			t.Errorf("before it was asked: got %+v", item)
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			look.run(ctx)
		}()
		for i, tt := range tests {
			time.Sleep(storeTime)
			synctest.Wait()
			want := "token store: reachable"
			if tt.answer != nil {
				want = "token store: not reachable"
			}
			for range 3 {
				if item := look.item(); item.Good != (tt.answer == nil) || item.Text != want {
					t.Errorf("%s: got %+v, want %q", tt.name, item, want)
				}
			}
			if asked, waited := store.seen(); asked != i+1 || waited != tt.waited {
				t.Errorf("%s: asked %d times, waited %v; want %d, %v", tt.name, asked, waited, i+1, tt.waited)
			}
			time.Sleep(lookEvery - storeTime)
		}

		// The end of the process says nothing about the store.
		synctest.Wait()
		stop()
		<-ended
		if asked, _ := store.seen(); asked != len(store.answers) || !look.item().Good {
			t.Error("a question that was broken off counts as no answer")
		}
	})
}
