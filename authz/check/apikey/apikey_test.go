package apikey_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
	"github.com/hookauthz/hookauthz/authz/check/apikey"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

const (
	key   = "kB7-first.key+of/tests=1"
	other = "zQ9_other.one*of!tests~2"
)

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

func settings(change func(*policypb.ApiKey)) *policypb.ApiKey {
	s := &policypb.ApiKey{Header: "X-Api-Key", Secrets: []string{"one"}}
	if change != nil {
		change(s)
	}
	return s
}

func newCheck(tb testing.TB, s *policypb.ApiKey, secrets map[string]authz.Secrets) authz.Check {
	tb.Helper()
	part, problems := apikey.Kind().Build(s, authztest.Env(secrets))
	if len(problems) > 0 {
		tb.Fatalf("Build: %v", problems)
	}
	return part.Check
}

func one(values ...string) map[string]authz.Secrets {
	return map[string]authz.Secrets{"one": authztest.Values(values...)}
}

func TestVerifyHeader(t *testing.T) {
	const malformed, invalid = authz.ReasonCredentialMalformed, authz.ReasonAPIKeyInvalid
	long := strings.Repeat("k", 8<<10)
	tests := []struct {
		name   string
		header string // default X-Api-Key
		prefix string
		secret string // default key
		lines  []string
		merged bool
		want   authz.Reason
	}{
		{name: "right", lines: []string{key}, want: authz.ReasonVerified},
		{name: "absent", want: authz.ReasonCredentialMissing},
		{name: "empty", lines: []string{""}, want: authz.ReasonCredentialMissing},
		{name: "wrong", lines: []string{other}, want: invalid},
		{name: "first byte differs", lines: []string{"x" + key[1:]}, want: invalid},
		{name: "last byte differs", lines: []string{key[:len(key)-1] + "x"}, want: invalid},
		{name: "other case", lines: []string{strings.ToUpper(key)}, want: invalid},
		{name: "a prefix of it", lines: []string{key[:16]}, want: invalid},
		{name: "more follows", lines: []string{key + "x"}, want: invalid},
		{name: "blank before", lines: []string{" " + key}, want: invalid},
		{name: "blank after", lines: []string{key + " "}, want: invalid},
		{name: "tab after", lines: []string{key + "\t"}, want: invalid},
		{name: "NUL after", lines: []string{key + "\x00"}, want: invalid},
		{name: "twice", lines: []string{key, key}, want: authz.ReasonDuplicateHeader},
		{name: "right, then empty", lines: []string{key, ""}, want: authz.ReasonDuplicateHeader},
		{name: "merged: one", lines: []string{key}, merged: true, want: authz.ReasonVerified},
		{name: "merged: two", lines: []string{key + "," + key}, merged: true, want: authz.ReasonDuplicateHeader},
		{name: "merged: an exclamation mark is a byte like others", secret: other, lines: []string{other}, merged: true, want: authz.ReasonVerified},
		{name: "longest", lines: []string{long}, want: invalid},
		{name: "too long", lines: []string{long + "k"}, want: malformed},
		{name: "prefix", prefix: "Token ", lines: []string{"Token " + key}, want: authz.ReasonVerified},
		{name: "prefix missing", prefix: "Token ", lines: []string{key}, want: malformed},
		{name: "prefix in another case", prefix: "Token ", lines: []string{"token " + key}, want: malformed},
		{name: "prefix with another blank", prefix: "Token ", lines: []string{"Token\t" + key}, want: malformed},
		{name: "prefix and two blanks", prefix: "Token ", lines: []string{"Token  " + key}, want: invalid},
		{name: "prefix alone", prefix: "Token ", lines: []string{"Token "}, want: malformed},
		{name: "prefix is not optional where it is part of the key", prefix: "kB7", lines: []string{key}, want: invalid},
		{name: "Authorization, our scheme", header: "Authorization", prefix: "Token ", lines: []string{"Token " + key}, want: authz.ReasonVerified},
		{name: "Authorization, another scheme", header: "Authorization", prefix: "Token ", lines: []string{"Basic YTpi"}, want: authz.ReasonCredentialMissing},
		{name: "Authorization, our scheme in another case", header: "Authorization", prefix: "Token ", lines: []string{"TOKEN " + key}, want: malformed},
		{name: "Authorization, our scheme alone", header: "Authorization", prefix: "Token ", lines: []string{"Token"}, want: malformed},
		{name: "Authorization, no scheme wanted", header: "Authorization", lines: []string{key}, want: authz.ReasonVerified},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := settings(func(s *policypb.ApiKey) {
				s.Prefix = tt.prefix
				if tt.header != "" {
					s.Header = tt.header
				}
			})
			secret := key
			if tt.secret != "" {
				secret = tt.secret
			}
			r := authztest.Request("POST", "/hook", "")
			r.Header.Merged = tt.merged
			for _, line := range tt.lines {
				authztest.AddHeader(r, s.GetHeader(), line)
			}
			identity, err := newCheck(t, s, one(secret)).Verify(t.Context(), r)
			authztest.WantReason(t, err, tt.want)
			if err == nil && (identity != authz.Identity{Principal: "one", Secret: "one", Version: 1, Credential: true}) {
				t.Errorf("identity = %+v", identity)
			}
			if err != nil && identity != (authz.Identity{}) {
				t.Errorf("identity = %+v beside an error", identity)
			}
		})
	}
}

func TestVerifyQuery(t *testing.T) {
	const malformed, invalid, missing = authz.ReasonCredentialMalformed, authz.ReasonAPIKeyInvalid, authz.ReasonCredentialMissing
	encoded := strings.NewReplacer("+", "%2B", "/", "%2f", "=", "%3D").Replace(key)
	tests := []struct {
		name   string
		path   string
		prefix string
		want   authz.Reason
	}{
		{name: "raw", path: "/h?key=" + key, want: authz.ReasonVerified},
		{name: "percent-encoded value", path: "/h?a=b&key=" + encoded + "&c", want: authz.ReasonVerified},
		{name: "no query", path: "/h", want: missing},
		{name: "empty query", path: "/h?", want: missing},
		{name: "in the path", path: "/key=" + key, want: missing},
		{name: "without value", path: "/h?key", want: missing},
		{name: "empty value", path: "/h?key=", want: missing},
		{name: "wrong", path: "/h?key=" + other, want: invalid},
		{name: "encoded name", path: "/h?k%65y=" + key, want: malformed},
		{name: "encoded name beside the raw one", path: "/h?key=" + key + "&%6bey=x", want: malformed},
		{name: "name in another case", path: "/h?KEY=" + key, want: missing},
		{name: "brackets", path: "/h?key[]=" + key, want: missing},
		{name: "longer name", path: "/h?apikey=" + key, want: missing},
		{name: "semicolon", path: "/h?a=1;key=" + key, want: missing},
		{name: "twice", path: "/h?key=" + key + "&key=" + key, want: malformed},
		{name: "twice, once empty", path: "/h?key=" + key + "&key", want: malformed},
		{name: "bad encoding", path: "/h?key=%zz" + key, want: malformed},
		{name: "cut encoding", path: "/h?key=" + key + "%4", want: malformed},
		{name: "encoded twice", path: "/h?key=" + strings.ReplaceAll(encoded, "%", "%25"), want: invalid},
		{name: "plus is no blank", path: "/h?key=" + strings.ReplaceAll(key, "+", "%20"), want: invalid},
		{name: "second question mark", path: "/h?x=1?key=" + key, want: missing},
		{name: "longest", path: "/h?key=" + strings.Repeat("k", 8<<10), want: invalid},
		{name: "too long", path: "/h?key=" + strings.Repeat("k", 8<<10+1), want: malformed},
		{name: "prefix", prefix: "v1:", path: "/h?key=v1%3A" + encoded, want: authz.ReasonVerified},
		{name: "prefix missing", prefix: "v1:", path: "/h?key=" + encoded, want: malformed},
		{name: "header does not count", path: "/h", want: missing},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := &policypb.ApiKey{Query: "key", Prefix: tt.prefix, Secrets: []string{"one"}}
			r := authztest.Request("POST", tt.path, "", "key", key)
			_, err := newCheck(t, s, one(key)).Verify(t.Context(), r)
			authztest.WantReason(t, err, tt.want)
		})
	}
}

func TestStored(t *testing.T) {
	const invalid, useless = authz.ReasonAPIKeyInvalid, authz.ReasonSecretInvalid
	tests := []struct {
		name   string
		form   string
		store  string
		header string
		want   authz.Reason
	}{
		{name: "plain", form: "plain", store: key, header: key, want: authz.ReasonVerified},
		{name: "plain: the digest is no key", store: key, header: digest(key), want: invalid},
		{name: "sha256", form: "sha256", store: digest(key), header: key, want: authz.ReasonVerified},
		{name: "sha256 in upper case", form: "sha256", store: strings.ToUpper(digest(key)), header: key, want: authz.ReasonVerified},
		{name: "sha256: what the store holds is no key", form: "sha256", store: digest(key), header: digest(key), want: invalid},
		{name: "sha256: wrong", form: "sha256", store: digest(key), header: other, want: invalid},
		{name: "sha256: short keys can't be told", form: "sha256", store: digest("ab"), header: "ab", want: authz.ReasonVerified},
		{name: "sha256: 63 digits", form: "sha256", store: digest(key)[1:], header: key, want: useless},
		{name: "sha256: newline", form: "sha256", store: digest(key) + "\n", header: key, want: useless},
		{name: "sha256: 0x", form: "sha256", store: "0x" + digest(key)[2:], header: key, want: useless},
		{name: "sha256: not hex", form: "sha256", store: "g" + digest(key)[1:], header: key, want: useless},
		{name: "sha256: the key itself", form: "sha256", store: key, header: key, want: useless},
		{name: "sha256 of nothing", form: "sha256", store: digest(""), header: key, want: useless},
		{name: "plain: weak", store: "0123456789abcde", header: "0123456789abcde", want: authz.ReasonSecretWeak},
		{name: "plain: repeated", store: strings.Repeat("a", 20), header: strings.Repeat("a", 20), want: useless},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := settings(func(s *policypb.ApiKey) { s.Stored = tt.form })
			r := authztest.Request("POST", "/h", "", "X-Api-Key", tt.header)
			_, err := newCheck(t, s, one(tt.store)).Verify(t.Context(), r)
			authztest.WantReason(t, err, tt.want)
		})
	}
}

// Any of several secrets may match, in spite of trouble with others; trouble
// comes before a mismatch.
func TestSeveralSecrets(t *testing.T) {
	unavailable := authz.Deny(authz.ReasonSecretUnavailable, "")
	missing := authz.Deny(authz.ReasonSecretMissing, "")
	versions := &authz.Versions{
		Accepted: []authz.Version{{Number: 4, Previous: true, Secret: authz.NewSecret([]byte(key))}},
		Unusable: authz.Deny(authz.ReasonSecretWeak, ""),
	}
	unusable := &authztest.Secrets{}
	unusable.SetVersions(versions)
	tests := []struct {
		name    string
		a, b, c authz.Secrets
		header  string
		want    authz.Reason
		secret  string
		version int
	}{
		{name: "the first", a: authztest.Values(key), b: authztest.Values(other), c: authztest.Values("third-key-of-tests"), header: key, want: authz.ReasonVerified, secret: "a", version: 1},
		{name: "the last", a: authztest.Values(other), b: authztest.Values("third-key-of-tests"), c: authztest.Values(key), header: key, want: authz.ReasonVerified, secret: "c", version: 1},
		{name: "none", a: authztest.Values(other), b: authztest.Values(other), c: authztest.Values(other), header: key, want: authz.ReasonAPIKeyInvalid},
		{name: "in two: the first", a: authztest.Values(other), b: authztest.Values(key), c: authztest.Values(key), header: key, want: authz.ReasonVerified, secret: "b", version: 1},
		{name: "matches beside trouble", a: authztest.Failing(unavailable), b: authztest.Failing(missing), c: authztest.Values(key), header: key, want: authz.ReasonVerified, secret: "c", version: 1},
		{name: "unavailable before missing", a: authztest.Failing(missing), b: authztest.Failing(unavailable), c: authztest.Values(key), header: other, want: authz.ReasonSecretUnavailable},
		{name: "missing before mismatch", a: authztest.Values(key), b: authztest.Failing(missing), c: authztest.Values(key), header: other, want: authz.ReasonSecretMissing},
		{name: "weak before mismatch", a: authztest.Values(key), b: authztest.Values("weak"), c: authztest.Values(key), header: other, want: authz.ReasonSecretWeak},
		{name: "a weak one never matches", a: authztest.Values(key), b: authztest.Values("weak"), c: authztest.Values(key), header: "weak", want: authz.ReasonSecretWeak},
		{name: "older version beside an unusable one", a: unusable, b: authztest.Values(other), c: authztest.Values(other), header: key, want: authz.ReasonVerified, secret: "a", version: 4},
		{name: "unusable before mismatch", a: unusable, b: authztest.Values(other), c: authztest.Values(other), header: "third-key-of-tests", want: authz.ReasonSecretWeak},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := settings(func(s *policypb.ApiKey) { s.Secrets = []string{"a", "b", "c"} })
			check := newCheck(t, s, map[string]authz.Secrets{"a": tt.a, "b": tt.b, "c": tt.c})
			identity, err := check.Verify(t.Context(), authztest.Request("POST", "/h", "", "X-Api-Key", tt.header))
			authztest.WantReason(t, err, tt.want)
			if identity.Principal != tt.secret || identity.Secret != tt.secret || identity.Version != tt.version {
				t.Errorf("identity = %+v, want %s version %d", identity, tt.secret, tt.version)
			}
		})
	}
}

func TestBuild(t *testing.T) {
	tests := []struct {
		name string
		s    *policypb.ApiKey
		want string // path of the problem
	}{
		{name: "nothing", s: &policypb.ApiKey{}, want: "secrets"},
		{name: "no place", s: &policypb.ApiKey{Secrets: []string{"one"}}, want: ""},
		{name: "two places", s: &policypb.ApiKey{Header: "A", Query: "b", Secrets: []string{"one"}}, want: ""},
		{name: "undeclared", s: settings(func(s *policypb.ApiKey) { s.Secrets = []string{"one", "two"} }), want: "secrets[1]"},
		{name: "unknown form", s: settings(func(s *policypb.ApiKey) { s.Stored = "md5" }), want: "stored"},
		{name: "prefix begins with a blank", s: settings(func(s *policypb.ApiKey) { s.Prefix = " a" }), want: "prefix"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			part, problems := apikey.Kind().Build(tt.s, authztest.Env(one(key)))
			if part.Check != nil || len(problems) == 0 || problems[0].Path != tt.want {
				t.Errorf("Build() = %v, %v, want a problem at %q", part.Check, problems, tt.want)
			}
		})
	}
}

func TestPart(t *testing.T) {
	part, problems := apikey.Kind().Build(settings(nil), authztest.Env(one(key)))
	if len(problems) > 0 || !part.Authenticates || !part.SharedSecret || part.BindsBody || part.Challenge != `ApiKey realm="webhook"` {
		t.Errorf("Build() = %+v, %v", part, problems)
	}
	if len(part.Credentials) != 1 || part.Credentials[0] != (authz.Location{Header: "x-api-key"}) {
		t.Errorf("Credentials = %+v, want x-api-key", part.Credentials)
	}
	part, _ = apikey.Kind().Build(&policypb.ApiKey{Query: "Key", Secrets: []string{"one"}}, authztest.Env(one(key)))
	if len(part.Credentials) != 1 || part.Credentials[0] != (authz.Location{Query: "Key"}) {
		t.Errorf("Credentials = %+v, want Key in the query", part.Credentials)
	}
}

// Verify looks at the secrets of the moment, not at those it was built with.
func TestRotation(t *testing.T) {
	secrets := authztest.Values(key)
	check := newCheck(t, settings(nil), map[string]authz.Secrets{"one": secrets})
	verify := func(k string) error {
		_, err := check.Verify(context.Background(), authztest.Request("POST", "/h", "", "X-Api-Key", k))
		return err
	}
	authztest.WantReason(t, verify(key), authz.ReasonVerified)
	secrets.Set(other, key)
	authztest.WantReason(t, verify(key), authz.ReasonVerified)
	authztest.WantReason(t, verify(other), authz.ReasonVerified)
	secrets.Set(other)
	authztest.WantReason(t, verify(key), authz.ReasonAPIKeyInvalid)
	secrets.Fail(authz.Deny(authz.ReasonSecretMissing, ""))
	if err := verify(other); !errors.Is(err, authz.ErrNotConfigured) {
		t.Errorf("after the secret was deleted: error = %v, want %v", err, authz.ErrNotConfigured)
	}
}
