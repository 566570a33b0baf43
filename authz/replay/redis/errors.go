package redis

import (
	"errors"
	"strings"

	"github.com/redis/go-redis/v9"
)

// What a server may say, in words of ours. Those of the client and of the server may
// hold an address, a user or what was sent, and are not passed on.
var (
	errSilent   = errors.New("it does not answer")
	errLogin    = errors.New("it does not accept the user or the password")
	errNoRight  = errors.New("the user lacks the right to a command or a key: see docs/replay.md")
	errReadOnly = errors.New("it is a replica, which can't be written")
	errFull     = errors.New("its memory is full")
	errLoading  = errors.New("it is still starting")
	errRefuses  = errors.New("it refuses the command")
	errClock    = errors.New("its clock and ours differ by over a minute")
)

// ours reports whether an error is in words of ours already.
func ours(err error) bool {
	for _, one := range []error{ErrEvicts, errAnswer, errSilent, errLogin, errNoRight, errReadOnly, errFull, errLoading, errRefuses, errClock} {
		if errors.Is(err, one) {
			return true
		}
	}
	return false
}

// said returns what an error of the client means, never nil.
func said(err error) error {
	var answer redis.Error
	if !errors.As(err, &answer) || errors.Is(err, redis.Nil) {
		return errSilent
	}
	text := answer.Error()
	for _, known := range []struct {
		part string
		err  error
	}{
		{"NOAUTH", errLogin},
		{"WRONGPASS", errLogin},
		{"invalid password", errLogin},
		{"NOPERM", errNoRight},
		{"can't access", errNoRight},
		{"can't run this command", errNoRight},
		{"READONLY", errReadOnly},
		{"OOM", errFull},
		{"LOADING", errLoading},
	} {
		if strings.Contains(text, known.part) {
			return known.err
		}
	}
	return errRefuses
}
