package scheme_test

import (
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/scheme"
)

func TestDerive(t *testing.T) {
	const text = "It's a Secret to Everybody"
	tests := []struct {
		name   string
		derive scheme.Derivation
		secret string
		weak   bool
		want   string // hex
		reason authz.Reason
	}{
		{name: "as it is", secret: text, want: hex.EncodeToString([]byte(text))},
		{name: "prefix kept", secret: "whsec_0123456789abcdef", want: hex.EncodeToString([]byte("whsec_0123456789abcdef"))},
		{
			// base64 -d <<< MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw | xxd -p
			name:   "Standard Webhooks",
			derive: scheme.Derivation{StripPrefix: "whsec_", Decode: scheme.DecodeBase64},
			secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
			want:   "31f290f6bf06298aab4f08d43c3f082cf648a362da2da4b0",
		},
		{
			name:   "prefix not there",
			derive: scheme.Derivation{StripPrefix: "whsec_", Decode: scheme.DecodeBase64},
			secret: "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
			want:   "31f290f6bf06298aab4f08d43c3f082cf648a362da2da4b0",
		},
		{name: "hex", derive: scheme.Derivation{Decode: scheme.DecodeHex}, secret: "00112233445566778899AABBCCDDEEFF", want: "00112233445566778899aabbccddeeff"},
		{
			// printf %s "It's a Secret to Everybody" | sha1sum
			name: "sha1", derive: scheme.Derivation{Decode: scheme.DecodeSHA1}, secret: text,
			want: "e10dbddc440b94e804c9d30fd49bf55887a597fc",
		},
		{
			// printf %s "It's a Secret to Everybody" | sha256sum
			name: "sha256", derive: scheme.Derivation{Decode: scheme.DecodeSHA256}, secret: text,
			want: "2f8894d90ffb75600928464c7839208284c8687671dc831cc2667a7ae04aa455",
		},
		{name: "binary key that begins with a line end", derive: scheme.Derivation{Decode: scheme.DecodeHex}, secret: "0a112233445566778899aabbccddee20", want: "0a112233445566778899aabbccddee20"},
		{name: "weak, accepted", secret: "short", weak: true, want: hex.EncodeToString([]byte("short"))},

		{name: "empty", secret: "", weak: true, reason: authz.ReasonSecretInvalid},
		{name: "blank", secret: "                    ", weak: true, reason: authz.ReasonSecretInvalid},
		{name: "line end", secret: text + "\n", weak: true, reason: authz.ReasonSecretInvalid},
		{name: "all equal", secret: strings.Repeat("0", 40), weak: true, reason: authz.ReasonSecretInvalid},
		{name: "all zero", secret: strings.Repeat("\x00", 40), weak: true, reason: authz.ReasonSecretInvalid},
		{name: "weak", secret: "fifteen bytes..", reason: authz.ReasonSecretWeak},
		{name: "nothing after the prefix", derive: scheme.Derivation{StripPrefix: "whsec_"}, secret: "whsec_", weak: true, reason: authz.ReasonSecretInvalid},
		{name: "weak after the prefix", derive: scheme.Derivation{StripPrefix: "whsec_"}, secret: "whsec_0123456789", reason: authz.ReasonSecretWeak},
		{name: "weak once decoded", derive: scheme.Derivation{Decode: scheme.DecodeBase64}, secret: "MDEyMzQ1Njc4OWFiY2Rl", reason: authz.ReasonSecretWeak},
		{name: "weak once decoded, accepted", derive: scheme.Derivation{Decode: scheme.DecodeBase64}, secret: "MDEyMzQ1Njc4OWFiY2Rl", weak: true, want: hex.EncodeToString([]byte("0123456789abcde"))},
		{name: "placeholder once decoded", derive: scheme.Derivation{Decode: scheme.DecodeBase64}, secret: "Y2hhbmdlbWUtY2hhbmdlbWU=", reason: authz.ReasonSecretInvalid},
		{name: "zero once decoded", derive: scheme.Derivation{Decode: scheme.DecodeBase64}, secret: "AAAAAAAAAAAAAAAAAAAAAAAAAAA=", weak: true, reason: authz.ReasonSecretInvalid},
		{name: "equal once decoded", derive: scheme.Derivation{Decode: scheme.DecodeHex}, secret: strings.Repeat("5a", 16), weak: true, reason: authz.ReasonSecretInvalid},
		{name: "blank once decoded", derive: scheme.Derivation{Decode: scheme.DecodeHex}, secret: strings.Repeat("20", 15) + "0a", weak: true, reason: authz.ReasonSecretInvalid},
		{name: "not base64", derive: scheme.Derivation{Decode: scheme.DecodeBase64}, secret: "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa-_", reason: authz.ReasonSecretInvalid},
		{name: "base64 with a line end inside", derive: scheme.Derivation{Decode: scheme.DecodeBase64}, secret: "MfKQ9r8GKYqrTwjU\nPD8ILPZIo2LaLaSw", reason: authz.ReasonSecretInvalid},
		{name: "not hex", derive: scheme.Derivation{Decode: scheme.DecodeHex}, secret: text, reason: authz.ReasonSecretInvalid},
		{name: "short text under a digest", derive: scheme.Derivation{Decode: scheme.DecodeSHA256}, secret: "fifteen bytes..", reason: authz.ReasonSecretWeak},
		{name: "empty text under a digest", derive: scheme.Derivation{Decode: scheme.DecodeSHA1}, secret: "", weak: true, reason: authz.ReasonSecretInvalid},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ref := authz.Reference{Name: "ref", AcceptWeak: tt.weak}
			key, err := tt.derive.Derive(ref, authz.NewSecret([]byte(tt.secret)))
			if tt.reason == 0 {
				tt.reason = authz.ReasonVerified
			}
			if got := hex.EncodeToString(key); got != tt.want || reasonOf(err) != tt.reason {
				t.Errorf("Derive() = %s, %v, want %s, %v", got, err, tt.want, tt.reason)
			}
			if err != nil && len(tt.secret) > 4 && strings.Contains(err.Error(), tt.secret[:4]) {
				t.Errorf("the error tells the secret: %v", err)
			}
		})
	}
}

// source is an [authz.Secrets] whose answer a test sets.
type source struct {
	versions *authz.Versions
	err      error
}

func (s *source) Versions(time.Time) (*authz.Versions, error) { return s.versions, s.err }

func versions(unusable error, values ...string) *authz.Versions {
	v := &authz.Versions{Unusable: unusable}
	for i, value := range values {
		v.Accepted = append(v.Accepted, authz.Version{Number: len(values) - i, Previous: i > 0, Secret: authz.NewSecret([]byte(value))})
	}
	return v
}

func TestKeyring(t *testing.T) {
	made := 0
	bad := authz.Deny(authz.ReasonSecretInvalid, "bad")
	src := &source{}
	ring := scheme.NewKeyring([]authz.Reference{{Name: "a", Secrets: src}}, func(_ authz.Reference, s authz.Secret) (string, error) {
		made++
		if string(s.Reveal()) == "bad" {
			return "", bad
		}
		return string(s.Reveal()), nil
	})
	down := authz.Deny(authz.ReasonSecretUnavailable, "")
	gone := authz.Deny(authz.ReasonSecretMissing, "")
	first := versions(nil, "new", "old")
	tests := []struct {
		name     string
		versions *authz.Versions
		err      error
		want     string
		trouble  authz.Reason
		made     int
	}{
		{name: "first", versions: first, want: "a new 2 false, a old 1 true", made: 2},
		{name: "the same again", versions: first, want: "a new 2 false, a old 1 true"},
		{name: "rotated", versions: versions(nil, "newer"), want: "a newer 1 false", made: 1},
		{name: "unusable newest", versions: versions(gone, "old"), want: "a old 1 false", trouble: authz.ReasonSecretMissing, made: 1},
		{name: "newest can't be a key", versions: versions(nil, "bad", "old"), want: "a old 1 true", trouble: authz.ReasonSecretInvalid, made: 2},
		{name: "none is a key", versions: versions(nil, "bad"), trouble: authz.ReasonSecretInvalid, made: 1},
		{name: "unavailable outweighs", versions: versions(down, "bad"), trouble: authz.ReasonSecretUnavailable, made: 1},
		{name: "no version", versions: versions(nil), trouble: authz.ReasonSecretMissing},
		{name: "nothing at all", trouble: authz.ReasonSecretMissing},
		{name: "unreadable", err: down, trouble: authz.ReasonSecretUnavailable},
		{name: "readable again", versions: first, want: "a new 2 false, a old 1 true", made: 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			made, src.versions, src.err = 0, tt.versions, tt.err
			keys, trouble := ring.At(0, time.Time{})
			if tt.trouble == 0 {
				tt.trouble = authz.ReasonVerified
			}
			if got := showKeys(keys); got != tt.want || reasonOf(trouble) != tt.trouble || made != tt.made {
				t.Errorf("At() = %s, %v with %d derived, want %s, %v with %d", got, trouble, made, tt.want, tt.trouble, tt.made)
			}
		})
	}
}

func showKeys(keys []scheme.Key[string]) string {
	var all []string
	for _, k := range keys {
		previous := "false"
		if k.Previous {
			previous = "true"
		}
		all = append(all, strings.Join([]string{k.Secret, k.Value, string(rune('0' + k.Version)), previous}, " "))
	}
	return strings.Join(all, ", ")
}

func TestWorseTrouble(t *testing.T) {
	down := authz.Deny(authz.ReasonSecretUnavailable, "")
	gone := authz.Deny(authz.ReasonSecretMissing, "")
	weak := authz.Deny(authz.ReasonSecretWeak, "")
	bug := errors.New("who knows")
	tests := []struct {
		name                string
		first, second, want error
	}{
		{name: "none"},
		{name: "one", first: gone, want: gone},
		{name: "other", second: gone, want: gone},
		{name: "unavailable second", first: gone, second: down, want: down},
		{name: "unavailable first", first: down, second: gone, want: down},
		{name: "alike", first: gone, second: weak, want: gone},
		{name: "unknown", first: down, second: bug, want: bug},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := scheme.WorseTrouble(tt.first, tt.second); !errors.Is(got, tt.want) {
				t.Errorf("WorseTrouble() = %v, want %v", got, tt.want)
			}
		})
	}
}
