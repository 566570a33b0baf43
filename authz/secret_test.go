package authz_test

import (
	"bytes"
	"encoding/gob"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/hookauthz/hookauthz/authz"
)

const canary = "canary-s3cr3t-v4lue"

// told reports whether text gives canary away, in any way that fmt writes bytes.
func told(text string) bool {
	decimal := strings.Trim(fmt.Sprintf("%d", []byte(canary)), "[]")
	golang := strings.TrimSuffix(strings.TrimPrefix(fmt.Sprintf("%#v", []byte(canary)), "[]byte{"), "}")
	lower := strings.ToLower(text)
	for _, form := range []string{canary, hex.EncodeToString([]byte(canary)), fmt.Sprintf("% x", canary), decimal, golang} {
		if strings.Contains(lower, form) {
			return true
		}
	}
	return false
}

// hidden holds a Secret where fmt can't reach its methods.
type hidden struct {
	secret authz.Secret
	inner  struct{ list []authz.Secret }
	byName map[string]authz.Secret
}

func TestSecretIsNotPrinted(t *testing.T) {
	secret := authz.NewSecret([]byte(canary))
	private := hidden{secret: secret, byName: map[string]authz.Secret{"k": secret}}
	private.inner.list = []authz.Secret{secret}
	version := authz.Version{Number: 1, Secret: secret}
	values := map[string]any{
		"value": secret, "pointer": &secret, "slice": []authz.Secret{secret}, "array": [1]authz.Secret{secret},
		"map": map[string]authz.Secret{"k": secret}, "any": []any{secret},
		"struct": struct{ Secret authz.Secret }{secret}, "pointer in struct": struct{ P *authz.Secret }{&secret},
		"version": version, "versions": &authz.Versions{Accepted: []authz.Version{version}},
		"private": private, "pointer to private": &private, "private in a slice": []hidden{private},
	}
	for name, value := range values {
		t.Run(name, func(t *testing.T) {
			for verb := byte('A'); verb <= 'z'; verb++ {
				for _, flags := range []string{"", "+", "#", " ", "-40", "040", "+#", "# ", ".100"} {
					format := "%" + flags + string(verb)
					if text := fmt.Sprintf(format, value); told(text) {
						t.Errorf("Sprintf(%q) = %s", format, text)
					}
				}
			}
			if text := fmt.Sprint(value, value) + fmt.Sprintln(value); told(text) {
				t.Errorf("Sprint = %s", text)
			}
			if text := fmt.Errorf("x: %v", value).Error(); told(text) {
				t.Errorf("Errorf = %s", text)
			}
			var out bytes.Buffer
			slog.New(slog.NewTextHandler(&out, nil)).Info("m", slog.Any("v", value), slog.Group("g", slog.Any("v", value)))
			slog.New(slog.NewJSONHandler(&out, nil)).Info("m", slog.Any("v", value), slog.Group("g", slog.Any("v", value)))
			text, err := json.Marshal(value)
			if err != nil {
				t.Errorf("json.Marshal error = %v", err)
			}
			out.Write(text)
			if xml.NewEncoder(&out).Encode(value) == nil && told(out.String()) {
				t.Errorf("printed: %s", out.String())
			}
			if told(out.String()) {
				t.Errorf("printed: %s", out.String())
			}
		})
	}
	for _, got := range []string{secret.String(), secret.GoString(), secret.LogValue().String(), fmt.Sprint(secret), fmt.Sprintf("%#v", secret)} {
		if got != "[secret]" {
			t.Errorf("got %q, want [secret]", got)
		}
	}
	var out bytes.Buffer
	if err := gob.NewEncoder(&out).Encode(secret); told(out.String()) {
		t.Errorf("gob writes the secret, error = %v", err)
	}
}

func TestSecretReveal(t *testing.T) {
	var zero authz.Secret
	if !zero.Empty() || len(zero.Reveal()) != 0 || !authz.NewSecret(nil).Empty() {
		t.Error("the zero Secret is not empty")
	}
	if got := authz.NewSecret([]byte(canary)); got.Empty() || string(got.Reveal()) != canary {
		t.Error("Reveal() is not what was given")
	}
}

func TestCheckKey(t *testing.T) {
	const invalid, weak = authz.ReasonSecretInvalid, authz.ReasonSecretWeak
	tests := []struct {
		name       string
		key        string
		acceptWeak bool
		want       authz.Reason // of CheckKey; ReasonVerified: taken
		password   authz.Reason // of CheckPassword
	}{
		{name: "16 bytes", key: "0123456789abcdef", want: authz.ReasonVerified, password: authz.ReasonVerified},
		{name: "15 bytes", key: "0123456789abcde", want: weak, password: authz.ReasonVerified},
		{name: "15 bytes, weak accepted", key: "0123456789abcde", acceptWeak: true, want: authz.ReasonVerified, password: authz.ReasonVerified},
		{name: "2 bytes, weak accepted", key: "ab", acceptWeak: true, want: authz.ReasonVerified, password: authz.ReasonVerified},
		{name: "empty", key: "", acceptWeak: true, want: invalid, password: invalid},
		{name: "a space", key: " ", acceptWeak: true, want: invalid, password: invalid},
		{name: "only blanks", key: " \t\r\n\v\f            ", acceptWeak: true, want: invalid, password: invalid},
		{name: "final newline", key: "0123456789abcdef\n", want: invalid, password: invalid},
		{name: "final CR LF", key: "0123456789abcdef\r\n", want: invalid, password: invalid},
		{name: "leading tab", key: "\t0123456789abcdef", want: invalid, password: invalid},
		{name: "blank inside", key: "01234567 89abcdef", want: authz.ReasonVerified, password: authz.ReasonVerified},
		{name: "all zero", key: strings.Repeat("\x00", 32), acceptWeak: true, want: invalid, password: authz.ReasonVerified},
		{name: "all equal", key: strings.Repeat("a", 64), acceptWeak: true, want: invalid, password: authz.ReasonVerified},
		{name: "placeholder", key: "your-secret-here", acceptWeak: true, want: invalid, password: invalid},
		{name: "placeholder in capitals", key: "REPLACE_WITH_SECRET", want: invalid, password: invalid},
		{name: "placeholder inside", key: "whsec_ChangeMe_0123456789", want: invalid, password: invalid},
		{name: "unexpanded variable", key: "${WEBHOOK_SECRET}", want: invalid, password: invalid},
		{name: "angle brackets", key: "<the signing secret>", want: invalid, password: invalid},
		{name: "random text that begins and ends like a placeholder", key: "<x8Fq!2zPv0$wLm4>", want: authz.ReasonVerified, password: authz.ReasonVerified},
		{name: "half a variable", key: "${0123456789abcdef", want: authz.ReasonVerified, password: authz.ReasonVerified},
		{name: "one byte", key: "a", acceptWeak: true, want: invalid, password: authz.ReasonVerified},
		{name: "all equal but the last", key: strings.Repeat("a", 15) + "b", want: authz.ReasonVerified, password: authz.ReasonVerified},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ref := authz.Reference{Name: "ref", AcceptWeak: tt.acceptWeak}
			for what, c := range map[string]struct {
				err  error
				want authz.Reason
			}{"CheckKey": {ref.CheckKey([]byte(tt.key)), tt.want}, "CheckPassword": {ref.CheckPassword([]byte(tt.key)), tt.password}} {
				var denial *authz.Denial
				switch {
				case c.want == authz.ReasonVerified && c.err != nil:
					t.Errorf("%s() = %v, want nil", what, c.err)
				case c.want == authz.ReasonVerified:
				case !errors.As(c.err, &denial) || denial.Reason() != c.want || !errors.Is(c.err, authz.ErrNotConfigured):
					t.Errorf("%s() = %v, want %v", what, c.err, c.want)
				case len(tt.key) > 2 && strings.Contains(c.err.Error(), tt.key):
					t.Errorf("%s() tells the key: %v", what, c.err)
				}
			}
		})
	}
}
