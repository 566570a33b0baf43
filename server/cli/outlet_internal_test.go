package cli

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
)

// A stuck writer takes its first write when it is released.
type stuck struct {
	bytes.Buffer

	release chan struct{}
}

func (s *stuck) Write(p []byte) (int, error) {
	<-s.release
	return s.Buffer.Write(p)
}

func TestOutletDoesNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &stuck{release: make(chan struct{})}
		o := newOutlet(s)
		for i := range outletSize + 11 {
			if i == 1 {
				synctest.Wait() // the first is being written
			}
			fmt.Fprintf(o, "message %d\n", i)
		}
		o.close() // gives up
		close(s.release)
		<-o.done
		got := s.String()
		if n := strings.Count(got, "message "); n != outletSize+1 {
			t.Errorf("%d messages were written, want %d", n, outletSize+1)
		}
		if !strings.Contains(got, "hookauthz: 10 messages were lost") {
			t.Error("the loss is not told")
		}
	})
}

func TestOutletKeepsTheOrder(t *testing.T) {
	var out bytes.Buffer
	o := newOutlet(&out)
	var want strings.Builder
	for i := range 100 {
		fmt.Fprintln(o, i)
		fmt.Fprintln(&want, i)
	}
	o.close()
	if out.String() != want.String() {
		t.Errorf("got %q", &out)
	}
}
