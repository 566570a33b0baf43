package file_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/hookauthz/hookauthz/authz/secret"
	"github.com/hookauthz/hookauthz/authz/secret/file"
)

func TestRead(t *testing.T) {
	tests := []struct {
		name  string
		make  func(path string) error
		want  string
		class secret.Class
		cause secret.Cause // empty: want is the value
	}{
		{name: "text", make: text("abc"), want: "abc"},
		{name: "one newline", make: text("abc\n"), want: "abc"},
		{name: "two newlines", make: text("abc\n\n"), want: "abc\n"},
		{name: "CR LF", make: text("abc\r\n"), want: "abc"},
		{name: "CR alone", make: text("abc\r"), want: "abc\r"},
		{name: "spaces", make: text(" abc "), want: " abc "},
		{name: "no text at all", make: text("\x00\xff"), want: "\x00\xff"},
		{name: "largest", make: text(strings.Repeat("x", file.MaxBytes)), want: strings.Repeat("x", file.MaxBytes)},
		{name: "too large", make: text(strings.Repeat("x", file.MaxBytes+1)), class: secret.ClassUnusable, cause: secret.CauseTooLarge},
		{name: "missing", make: func(string) error { return nil }, class: secret.ClassGone, cause: secret.CauseNotFound},
		{name: "dangling link", make: func(p string) error { return os.Symlink(p+".none", p) }, class: secret.ClassGone, cause: secret.CauseNotFound},
		{name: "directory", make: func(p string) error { return os.Mkdir(p, 0o700) }, class: secret.ClassUnusable, cause: secret.CauseNotRegular},
		{name: "pipe that nobody writes", make: func(p string) error { return syscall.Mkfifo(p, 0o600) }, class: secret.ClassUnusable, cause: secret.CauseNotRegular},
		{name: "link to itself", make: func(p string) error { return os.Symlink(p, p) }, class: secret.ClassTransient, cause: secret.CauseStatus},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "key")
			if err := tt.make(path); err != nil {
				t.Fatal(err)
			}
			r, err := file.New().Read(t.Context(), secret.Location{Kind: secret.KindFile, Path: path}, 0)
			if tt.cause != "" {
				failure := (*secret.Error)(nil)
				if !errors.As(err, &failure) || failure.Class != tt.class || failure.Cause != tt.cause {
					t.Fatalf("Read() error = %v, want %v, %s", err, tt.class, tt.cause)
				}
				if strings.Contains(err.Error(), path) {
					t.Errorf("Read() error %q names the path", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := r.Fields[""]; !got.Text || string(got.Secret.Reveal()) != tt.want {
				t.Errorf("Read() = %q, want %q", got.Secret.Reveal(), tt.want)
			}
		})
	}
}

func text(s string) func(path string) error {
	return func(path string) error { return os.WriteFile(path, []byte(s), 0o600) }
}
