package server_test

import (
	"testing"

	"github.com/hookauthz/hookauthz/server"
)

func TestFingerprint(t *testing.T) {
	tests := []struct {
		name  string
		value string
		want  string
	}{
		// printf %s canary-c4n4ry-of-a-secret-0123456789 | openssl dgst -sha256 -hmac hookauthz
		{name: "long", value: "canary-c4n4ry-of-a-secret-0123456789", want: "933aeea2"},
		{name: "empty", value: ""},
		{name: "could be guessed", value: "fifteen bytes.."},
		{name: "the password could be guessed", value: "a-user-with-a-long-name:fifteen bytes.."},
	}
	for _, tt := range tests {
		if got := server.Fingerprint([]byte(tt.value)); got != tt.want {
			t.Errorf("%s: Fingerprint() = %q, want %q", tt.name, got, tt.want)
		}
	}
	if server.Fingerprint([]byte("sixteen bytes...")) == "" || server.Fingerprint([]byte("ali:sixteen bytes...")) == "" {
		t.Error("no fingerprint of 16 bytes")
	}
}
