// Package file reads secrets from files, such as those that an orchestrator
// mounts.
package file

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"syscall"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/secret"
)

// MaxBytes is the largest secret that is read from a file. Keys are small; lists
// of revoked certificates are not.
const MaxBytes = 1 << 20

// pollInterval is how often a file is read again. Reading a small file costs
// microseconds, is right for every way of replacing it (rename, symbolic link,
// bind mount, write in place), and needs no watch that may be lost.
const pollInterval = time.Second

var _ secret.Local = (*Source)(nil)

// A Source reads files. The zero Source is ready.
type Source struct{}

// New returns a Source.
func New() *Source { return &Source{} }

// Read implements [secret.Source]. One final newline, LF or CR LF, is not part
// of the secret. A file that does not exist is gone, one that must not be read
// is denied, anything but a regular file of at most [MaxBytes] is unusable.
func (*Source) Read(_ context.Context, loc secret.Location, _ int) (secret.Reading, error) {
	text, err := read(loc.Path)
	if err != nil {
		return secret.Reading{}, err
	}
	if rest, ok := bytes.CutSuffix(text, []byte("\n")); ok {
		text = bytes.TrimSuffix(rest, []byte("\r"))
	}
	return secret.Reading{Fields: map[string]secret.Field{
		"": {Secret: authz.NewSecret(text), Text: true},
	}}, nil
}

// Interval implements [secret.Local].
func (*Source) Interval() time.Duration { return pollInterval }

func read(path string) ([]byte, error) {
	// A pipe without a writer would block an open without O_NONBLOCK.
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0) //nolint:gosec // the operator's policy file names it
	if err != nil {
		return nil, classify(err)
	}
	defer f.Close() //nolint:errcheck // nothing was written
	info, err := f.Stat()
	if err != nil {
		return nil, classify(err)
	}
	if !info.Mode().IsRegular() {
		return nil, failure(secret.ClassUnusable, secret.CauseNotRegular)
	}
	text, err := io.ReadAll(io.LimitReader(f, MaxBytes+1))
	if err != nil {
		return nil, classify(err)
	}
	if len(text) > MaxBytes {
		return nil, failure(secret.ClassUnusable, secret.CauseTooLarge)
	}
	return text, nil
}

func classify(err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		return failure(secret.ClassGone, secret.CauseNotFound)
	case errors.Is(err, fs.ErrPermission):
		return failure(secret.ClassDenied, secret.CauseForbidden)
	}
	return failure(secret.ClassTransient, secret.CauseStatus)
}

func failure(class secret.Class, cause secret.Cause) *secret.Error {
	return &secret.Error{Class: class, Cause: cause, Operation: secret.OperationRead}
}
