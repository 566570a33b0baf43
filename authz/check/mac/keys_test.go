package mac_test

import (
	"context"
	"encoding/hex"
	"testing"

	"github.com/hookauthz/hookauthz/authz"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

func TestSecrets(t *testing.T) {
	down := &store{err: authz.Deny(authz.ReasonSecretUnavailable, "vault is down")}
	gone := &store{err: authz.Deny(authz.ReasonSecretMissing, "no such path")}
	none := &store{versions: &authz.Versions{}}
	unusable := live(oldSecret)
	unusable.versions.Unusable = authz.Deny(authz.ReasonSecretInvalid, "not a string")
	waiting := live(oldSecret)
	waiting.versions.Unusable = authz.Deny(authz.ReasonSecretUnavailable, "")

	const other = "a secret that signs nothing here"
	tests := []struct {
		name    string
		secrets map[string]*store // "key" is the first, "more" the second
		code    string
		want    authz.Reason
		matched authz.Identity
	}{
		{
			name: "newest", secrets: map[string]*store{"key": live(secret, oldSecret)}, code: "body",
			want: verified, matched: authz.Identity{Principal: "key", Secret: "key", Version: 2, Credential: true},
		},
		{
			name: "previous", secrets: map[string]*store{"key": live(secret, oldSecret)}, code: "body old",
			want: verified, matched: authz.Identity{Principal: "key", Secret: "key", Version: 1, Previous: true, Credential: true},
		},
		{
			name: "second secret", secrets: map[string]*store{"key": live(other), "more": live(secret)}, code: "body",
			want: verified, matched: authz.Identity{Principal: "more", Secret: "more", Version: 1, Credential: true},
		},
		{name: "previous that ended", secrets: map[string]*store{"key": live(secret)}, code: "body old", want: mismatch},

		{name: "unavailable", secrets: map[string]*store{"key": down}, code: "body", want: authz.ReasonSecretUnavailable},
		{name: "missing", secrets: map[string]*store{"key": gone}, code: "body", want: authz.ReasonSecretMissing},
		{name: "no version", secrets: map[string]*store{"key": none}, code: "body", want: authz.ReasonSecretMissing},
		{name: "nothing at all", secrets: map[string]*store{"key": {}}, code: "body", want: authz.ReasonSecretMissing},
		{name: "missing, and the code of an empty key", secrets: map[string]*store{"key": gone}, code: "body no key", want: authz.ReasonSecretMissing},
		{name: "empty", secrets: map[string]*store{"key": live("")}, code: "body no key", want: authz.ReasonSecretInvalid},
		{name: "zeros", secrets: map[string]*store{"key": live(string(make([]byte, 32)))}, code: "body zero key", want: authz.ReasonSecretInvalid},
		{name: "weak", secrets: map[string]*store{"key": live("short")}, code: "body", want: authz.ReasonSecretWeak},
		{name: "line end", secrets: map[string]*store{"key": live(secret + "\n")}, code: "body", want: authz.ReasonSecretInvalid},

		{name: "one unavailable, other matches", secrets: map[string]*store{"key": down, "more": live(secret)}, code: "body", want: verified, matched: authz.Identity{Principal: "more", Secret: "more", Version: 1, Credential: true}},
		{name: "one missing, other matches", secrets: map[string]*store{"key": gone, "more": live(secret)}, code: "body", want: verified, matched: authz.Identity{Principal: "more", Secret: "more", Version: 1, Credential: true}},
		{name: "one unavailable, other differs", secrets: map[string]*store{"key": live(other), "more": down}, code: "body", want: authz.ReasonSecretUnavailable},
		{name: "one missing, other differs", secrets: map[string]*store{"key": gone, "more": live(other)}, code: "body", want: authz.ReasonSecretMissing},
		{name: "unavailable outweighs missing", secrets: map[string]*store{"key": gone, "more": down}, code: "body", want: authz.ReasonSecretUnavailable},
		{name: "newest unusable, previous matches", secrets: map[string]*store{"key": unusable}, code: "body old", want: verified, matched: authz.Identity{Principal: "key", Secret: "key", Version: 1, Credential: true}},
		{name: "newest unusable, nothing matches", secrets: map[string]*store{"key": unusable}, code: "body", want: authz.ReasonSecretInvalid},
		{name: "newest waited for, nothing matches", secrets: map[string]*store{"key": waiting}, code: "body", want: authz.ReasonSecretUnavailable},
		{name: "newest weak, previous matches", secrets: map[string]*store{"key": live("short", secret)}, code: "body", want: verified, matched: authz.Identity{Principal: "key", Secret: "key", Version: 1, Previous: true, Credential: true}},
		{name: "newest weak, nothing matches", secrets: map[string]*store{"key": live("short", other)}, code: "body", want: authz.ReasonSecretWeak},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := settings()
			if tt.secrets["more"] != nil {
				m.Secrets = []string{"key", "more"}
			}
			part := build(t, m, tt.secrets)
			got, err := part.Check.Verify(t.Context(), post(body, "x-signature", code(t, tt.code)))
			if tt.want == verified {
				tt.matched.BodySigned = true
			}
			if reasonOf(err) != tt.want || got != tt.matched {
				t.Errorf("Verify() = %+v, %v, want %+v, %v", got, err, tt.matched, tt.want)
			}
		})
	}
}

func TestKeyDerivation(t *testing.T) {
	tests := []struct {
		name   string
		key    *policypb.Key
		secret string
		code   string
		want   authz.Reason
	}{
		{name: "text", secret: whsec, code: "body whsec text", want: verified},
		{name: "sha1", key: &policypb.Key{Decode: "sha1"}, secret: secret, code: "body by sha1 of secret", want: verified},
		{name: "sha256", key: &policypb.Key{Decode: "sha256"}, secret: secret, code: "body by sha256 of secret", want: verified},
		{name: "hex", key: &policypb.Key{Decode: "hex"}, secret: hex.EncodeToString([]byte(secret)), code: "body", want: verified},
		{name: "hex with a blank", key: &policypb.Key{Decode: "hex"}, secret: hex.EncodeToString([]byte(secret[:25])) + " 79", code: "body", want: authz.ReasonSecretInvalid},
		{name: "prefix removed", key: &policypb.Key{StripPrefix: "pre_"}, secret: "pre_" + secret, code: "body", want: verified},
		{name: "not base64", key: &policypb.Key{Decode: "base64"}, secret: secret, code: "body", want: authz.ReasonSecretInvalid},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			part := build(t, settings(func(m *policypb.Mac) { m.Key = tt.key }), map[string]*store{"key": live(tt.secret)})
			_, err := part.Check.Verify(t.Context(), post(body, "x-signature", code(t, tt.code)))
			if reasonOf(err) != tt.want {
				t.Errorf("Verify() = %v, want %v", err, tt.want)
			}
		})
	}
}

// A secret that is replaced must count at once, and the one before no longer.
func TestRotation(t *testing.T) {
	source := live(oldSecret)
	part := build(t, settings(), map[string]*store{"key": source})
	verify := func(name string) authz.Reason {
		_, err := part.Check.Verify(t.Context(), post(body, "x-signature", code(t, name)))
		return reasonOf(err)
	}
	if got := verify("body old"); got != verified {
		t.Errorf("before: %v, want verified", got)
	}
	source.versions = live(secret).versions
	if got := verify("body"); got != verified {
		t.Errorf("after: %v, want verified", got)
	}
	if got := verify("body old"); got != mismatch {
		t.Errorf("after, by the secret before: %v, want %v", got, mismatch)
	}
}

func TestDeadline(t *testing.T) {
	part := build(t, settings(), map[string]*store{"key": live(secret)})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := part.Check.Verify(ctx, post(body, "x-signature", code(t, "body")))
	if reasonOf(err) != authz.ReasonDeadline {
		t.Errorf("Verify() = %v, want %v", err, authz.ReasonDeadline)
	}
}
