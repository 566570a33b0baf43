package redis

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// ErrEvicts is in an error about a server that forgets claims to make room for
// others: its maxmemory-policy is not noeviction.
var ErrEvicts = errors.New("it evicts keys when its memory is full: set maxmemory-policy to noeviction")

// errAnswer is of a server that answers, but not what is asked.
var errAnswer = errors.New("it does not answer as a Redis does")

// How long what was seen of a server's settings is believed. Somebody may change
// them at any time.
const (
	goodFor = 10 * time.Second
	badFor  = time.Second
)

// looks are what was seen of servers, by the id of their process: whatever answers
// after a restart or a failover was not looked at yet.
type looks struct {
	mu   sync.Mutex
	seen map[string]look
}

type look struct {
	at  time.Time
	err error
}

// recall returns what was seen of a process; known is false if nothing was lately.
func (l *looks) recall(process string) (known bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	found, ok := l.seen[process]
	limit := goodFor
	if found.err != nil {
		limit = badFor
	}
	return ok && time.Since(found.at) < limit, found.err
}

func (l *looks) remember(process string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	for other, old := range l.seen {
		if now.Sub(old.at) > goodFor {
			delete(l.seen, other)
		}
	}
	l.seen[process] = look{at: now, err: err}
}

// ask looks at a server's settings. The error is not of the server if it is nil,
// [ErrEvicts] or errAnswer.
func (l *looks) ask(ctx context.Context, server *redis.Client) error {
	text, err := server.Info(ctx).Result()
	if err != nil {
		return said(err)
	}
	process := field(text, "run_id")
	limit, policy := field(text, "maxmemory"), field(text, "maxmemory_policy")
	switch {
	case process == "" || limit == "" || policy == "":
		return errAnswer
	case field(text, "role") == "slave":
		return errReadOnly
	case limit != "0" && policy != "noeviction":
		err = ErrEvicts
	}
	l.remember(process, err)
	return err
}

// field returns a value of what INFO tells, "" if it tells none.
func field(info, name string) string {
	for line := range strings.Lines(info) {
		if value, ok := strings.CutPrefix(line, name+":"); ok {
			return strings.TrimRight(value, "\r\n")
		}
	}
	return ""
}
