package basic_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
	"github.com/hookauthz/hookauthz/authz/check/basic"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

// password makes "ali:" and it a text whose base64 ends in padding.
const password = "open sesame!"

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

func encode(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

// users is one user whose password the secret "one" holds.
func users() *policypb.Basic {
	return &policypb.Basic{Users: []*policypb.BasicUser{{Name: "ali", Secrets: []string{"one"}}}}
}

// pairs is secrets that hold user:password.
func pairs() *policypb.Basic { return &policypb.Basic{Secrets: []string{"one"}} }

func newCheck(tb testing.TB, s *policypb.Basic, secrets map[string]authz.Secrets) authz.Check {
	tb.Helper()
	part, problems := basic.Kind().Build(s, authztest.Env(secrets))
	if len(problems) > 0 {
		tb.Fatalf("Build: %v", problems)
	}
	return part.Check
}

func one(values ...string) map[string]authz.Secrets {
	return map[string]authz.Secrets{"one": authztest.Values(values...)}
}

func TestVerify(t *testing.T) {
	const malformed, invalid, missing = authz.ReasonCredentialMalformed, authz.ReasonBasicInvalid, authz.ReasonCredentialMissing
	right := encode("ali:" + password)
	tests := []struct {
		name   string
		lines  []string
		merged bool
		want   authz.Reason
	}{
		{name: "right", lines: []string{"Basic " + right}, want: authz.ReasonVerified},
		{name: "the scheme has no case", lines: []string{"bAsIC " + right}, want: authz.ReasonVerified},
		{name: "absent", want: missing},
		{name: "empty", lines: []string{""}, want: missing},
		{name: "another scheme", lines: []string{"Bearer abc"}, want: missing},
		{name: "another scheme of all characters that names may have", lines: []string{"azAZ09!#$%&'*+-.^_`|~ x"}, want: missing},
		{name: "another scheme that begins with the first of them", lines: []string{"!x y"}, want: missing},
		{name: "another scheme alone", lines: []string{"Negotiate"}, want: missing},
		{name: "a scheme that begins like ours", lines: []string{"Basics " + right}, want: missing},
		{name: "the scheme alone", lines: []string{"Basic"}, want: malformed},
		{name: "the scheme and a space", lines: []string{"Basic "}, want: malformed},
		{name: "two spaces", lines: []string{"Basic  " + right}, want: malformed},
		{name: "tab", lines: []string{"Basic\t" + right}, want: malformed},
		{name: "colon", lines: []string{"Basic: " + right}, want: malformed},
		{name: "space before", lines: []string{" Basic " + right}, want: malformed},
		{name: "space after", lines: []string{"Basic " + right + " "}, want: malformed},
		{name: "no scheme", lines: []string{right}, want: malformed},
		{name: "no scheme, could be the name of one", lines: []string{encode("ali:sesame!!")}, want: missing},
		{name: "twice", lines: []string{"Basic " + right, "Basic " + right}, want: authz.ReasonDuplicateHeader},
		{name: "beside another scheme", lines: []string{"Bearer abc", "Basic " + right}, want: authz.ReasonDuplicateHeader},
		{name: "merged: one", lines: []string{"Basic " + right}, merged: true, want: authz.ReasonVerified},
		{name: "merged: two", lines: []string{"Basic " + right + ",Basic " + right}, merged: true, want: authz.ReasonDuplicateHeader},
		{name: "two in one line", lines: []string{"Basic " + right + ", Basic " + right}, want: malformed},
		{name: "line feed in base64", lines: []string{"Basic " + right[:4] + "\n" + right[4:]}, want: malformed},
		{name: "CR LF in base64", lines: []string{"Basic " + right[:4] + "\r\n" + right[4:]}, want: malformed},
		{name: "padding missing", lines: []string{"Basic " + strings.TrimRight(right, "=")}, want: malformed},
		{name: "more padding", lines: []string{"Basic " + right + "===="}, want: malformed},
		{name: "stray bits before the padding", lines: []string{"Basic YTpiYh=="}, want: malformed},
		{name: "URL alphabet", lines: []string{"Basic " + base64.URLEncoding.EncodeToString([]byte("a:\xfb\xff"))}, want: malformed},
		{name: "not encoded", lines: []string{"Basic ali:" + password}, want: malformed},
		{name: "no colon", lines: []string{"Basic " + encode("ali")}, want: malformed},
		{name: "empty user", lines: []string{"Basic " + encode(":"+password)}, want: malformed},
		{name: "empty password", lines: []string{"Basic " + encode("ali:")}, want: malformed},
		{name: "colon only", lines: []string{"Basic " + encode(":")}, want: malformed},
		{name: "NUL after", lines: []string{"Basic " + encode("ali:"+password+"\x00")}, want: malformed},
		{name: "newline after", lines: []string{"Basic " + encode("ali:"+password+"\n")}, want: malformed},
		{name: "control character in the user", lines: []string{"Basic " + encode("al\x7fi:"+password)}, want: malformed},
		{name: "not UTF-8 is only wrong", lines: []string{"Basic " + encode("ali:\xff\xfe")}, want: invalid},
		{name: "wrong password", lines: []string{"Basic " + encode("ali:open barley")}, want: invalid},
		{name: "longer password", lines: []string{"Basic " + encode("ali:"+password+"x")}, want: invalid},
		{name: "other case", lines: []string{"Basic " + encode("ali:OPEN SESAME!")}, want: invalid},
		{name: "unknown user", lines: []string{"Basic " + encode("qasim:"+password)}, want: invalid},
		{name: "user in other case", lines: []string{"Basic " + encode("Ali:"+password)}, want: invalid},
		{name: "the colon elsewhere", lines: []string{"Basic " + encode("al:i"+password)}, want: invalid},
		{name: "longest", lines: []string{"Basic YTph" + strings.Repeat("YWFh", 2045)}, want: invalid},
		{name: "too long", lines: []string{"Basic " + encode("ali:"+strings.Repeat("x", 6<<10))}, want: malformed},
	}
	for _, form := range []struct {
		name     string
		settings *policypb.Basic
		store    string
	}{
		{name: "users", settings: users(), store: password},
		{name: "users, digest", settings: digests(users()), store: digest(password)},
		{name: "pairs", settings: pairs(), store: "ali:" + password},
		{name: "pairs, digest", settings: digests(pairs()), store: "ali:" + digest(password)},
	} {
		for _, tt := range tests {
			t.Run(form.name+"/"+tt.name, func(t *testing.T) {
				r := authztest.Request("POST", "/hook", "")
				r.Header.Merged = tt.merged
				for _, line := range tt.lines {
					authztest.AddHeader(r, "Authorization", line)
				}
				identity, err := newCheck(t, form.settings, one(form.store)).Verify(t.Context(), r)
				authztest.WantReason(t, err, tt.want)
				if err == nil && (identity != authz.Identity{Principal: "ali", Secret: "one", Version: 1, Credential: true}) {
					t.Errorf("identity = %+v", identity)
				}
			})
		}
	}
}

func digests(s *policypb.Basic) *policypb.Basic {
	s.Stored = "sha256"
	return s
}

// The password is all that follows the first colon, in any bytes but control
// characters.
func TestPasswords(t *testing.T) {
	for _, secret := range []string{"a:b:c", ":", "::", "x", "pässwörd", "\xe4\xf6\xfc", "🗝"} {
		for name, form := range map[string]struct {
			settings *policypb.Basic
			store    string
		}{"users": {users(), secret}, "pairs": {pairs(), "ali:" + secret}, "digest": {digests(users()), digest(secret)}} {
			r := authztest.Request("POST", "/h", "", "Authorization", "Basic "+encode("ali:"+secret))
			if _, err := newCheck(t, form.settings, one(form.store)).Verify(t.Context(), r); err != nil {
				t.Errorf("%s, password %q: error = %v", name, secret, err)
			}
		}
	}
}

func TestUselessSecrets(t *testing.T) {
	const useless = authz.ReasonSecretInvalid
	long := strings.Repeat("u", 129)
	tests := []struct {
		name     string
		settings *policypb.Basic
		store    string
		present  string
		want     authz.Reason
	}{
		{name: "short password", settings: users(), store: "x", present: "ali:x", want: authz.ReasonVerified},
		{name: "repeated password", settings: users(), store: "aaaa", present: "ali:aaaa", want: authz.ReasonVerified},
		{name: "newline", settings: users(), store: "x\n", present: "ali:x", want: useless},
		{name: "control character", settings: users(), store: "a\x01b", present: "ali:ab", want: useless},
		{name: "pair without colon", settings: pairs(), store: "ali", present: "ali:x", want: useless},
		{name: "pair without user", settings: pairs(), store: ":x", present: "ali:x", want: useless},
		{name: "pair without password", settings: pairs(), store: "ali:", present: "ali:x", want: useless},
		{name: "pair with a padded password", settings: pairs(), store: "ali: x", present: "ali:x", want: useless},
		{name: "pair with a padded user", settings: pairs(), store: "ali :x", present: "ali:x", want: useless},
		{name: "pair whose user is not ASCII", settings: pairs(), store: "älì:x", present: "älì:x", want: useless},
		{name: "pair whose user holds a newline", settings: pairs(), store: "a\nb:x", present: "a:x", want: useless},
		{name: "pair whose user is long", settings: pairs(), store: long + ":x", present: long + ":x", want: useless},
		{name: "pair whose user is as long as may be", settings: pairs(), store: long[1:] + ":x", present: long[1:] + ":x", want: authz.ReasonVerified},
		{name: "two lines", settings: pairs(), store: "ali:x\nbob:y", present: "ali:x", want: useless},
		{name: "digest: not hex", settings: digests(users()), store: "x", present: "ali:x", want: useless},
		{name: "digest: newline", settings: digests(users()), store: digest("x") + "\n", present: "ali:x", want: useless},
		{name: "digest: of the pair", settings: digests(pairs()), store: digest("ali:x"), present: "ali:x", want: useless},
		{name: "digest: of nothing", settings: digests(users()), store: digest(""), present: "ali:x", want: useless},
		{name: "digest: what the store holds is no password", settings: digests(users()), store: digest("x"), present: "ali:" + digest("x"), want: authz.ReasonBasicInvalid},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := authztest.Request("POST", "/h", "", "Authorization", "Basic "+encode(tt.present))
			_, err := newCheck(t, tt.settings, one(tt.store)).Verify(t.Context(), r)
			authztest.WantReason(t, err, tt.want)
		})
	}
}

// A password is good for its own user only, and each user may have several.
func TestSeveralUsers(t *testing.T) {
	s := &policypb.Basic{Header: "X-Auth", Users: []*policypb.BasicUser{
		{Name: "ali", Secrets: []string{"ali-new", "ali-old"}},
		{Name: "bob", Secrets: []string{"bob"}},
		{Name: "cat", Secrets: []string{"bob"}}, // shares bob's secret
	}}
	secrets := map[string]authz.Secrets{
		"ali-new": authztest.Values("new", "newer-but-one"), "ali-old": authztest.Values("old"), "bob": authztest.Values("bobs"),
	}
	tests := []struct {
		pair   string
		want   authz.Reason
		user   string
		secret string
	}{
		{pair: "ali:new", want: authz.ReasonVerified, user: "ali", secret: "ali-new"},
		{pair: "ali:newer-but-one", want: authz.ReasonVerified, user: "ali", secret: "ali-new"},
		{pair: "ali:old", want: authz.ReasonVerified, user: "ali", secret: "ali-old"},
		{pair: "bob:bobs", want: authz.ReasonVerified, user: "bob", secret: "bob"},
		{pair: "cat:bobs", want: authz.ReasonVerified, user: "cat", secret: "bob"},
		{pair: "ali:bobs", want: authz.ReasonBasicInvalid},
		{pair: "bob:new", want: authz.ReasonBasicInvalid},
		{pair: "eve:bobs", want: authz.ReasonBasicInvalid},
	}
	check := newCheck(t, s, secrets)
	for _, tt := range tests {
		identity, err := check.Verify(t.Context(), authztest.Request("POST", "/h", "", "X-Auth", "Basic "+encode(tt.pair)))
		t.Run(tt.pair, func(t *testing.T) {
			authztest.WantReason(t, err, tt.want)
			if identity.Principal != tt.user || identity.Secret != tt.secret {
				t.Errorf("identity = %+v, want %s by %s", identity, tt.user, tt.secret)
			}
		})
	}
}

// While some password can't be read, no mismatch is certain; answers are the
// same for all users, so that they don't show which there are.
func TestTroubleOfOneUser(t *testing.T) {
	s := &policypb.Basic{Users: []*policypb.BasicUser{{Name: "ali", Secrets: []string{"a"}}, {Name: "bob", Secrets: []string{"b"}}}}
	check := newCheck(t, s, map[string]authz.Secrets{
		"a": authztest.Failing(authz.Deny(authz.ReasonSecretUnavailable, "")), "b": authztest.Values("bobs"),
	})
	for pair, reason := range map[string]authz.Reason{
		"bob:bobs": authz.ReasonVerified, "bob:wrong": authz.ReasonSecretUnavailable,
		"ali:any": authz.ReasonSecretUnavailable, "eve:any": authz.ReasonSecretUnavailable,
	} {
		_, err := check.Verify(t.Context(), authztest.Request("POST", "/h", "", "Authorization", "Basic "+encode(pair)))
		authztest.WantReason(t, err, reason)
	}
}

func TestBuild(t *testing.T) {
	user := func(name string, secrets ...string) *policypb.BasicUser {
		return &policypb.BasicUser{Name: name, Secrets: secrets}
	}
	tests := []struct {
		name string
		s    *policypb.Basic
		want string // path of the first problem
	}{
		{name: "nothing", s: &policypb.Basic{}, want: ""},
		{name: "both", s: &policypb.Basic{Users: []*policypb.BasicUser{user("ali", "one")}, Secrets: []string{"one"}}, want: ""},
		{name: "undeclared", s: &policypb.Basic{Secrets: []string{"two"}}, want: "secrets[0]"},
		{name: "undeclared of a user", s: &policypb.Basic{Users: []*policypb.BasicUser{user("ali", "one", "two")}}, want: "users[0].secrets[1]"},
		{name: "user without secrets", s: &policypb.Basic{Users: []*policypb.BasicUser{user("ali")}}, want: "users[0].secrets"},
		{name: "user with a colon", s: &policypb.Basic{Users: []*policypb.BasicUser{user("a:b", "one")}}, want: "users[0].name"},
		{name: "user without name", s: &policypb.Basic{Users: []*policypb.BasicUser{user("", "one")}}, want: "users[0].name"},
		{name: "user twice", s: &policypb.Basic{Users: []*policypb.BasicUser{user("ali", "one"), user("ali", "one")}}, want: "users[1].name"},
		{name: "unknown form", s: &policypb.Basic{Secrets: []string{"one"}, Stored: "argon2"}, want: "stored"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			part, problems := basic.Kind().Build(tt.s, authztest.Env(one("x")))
			if part.Check != nil || len(problems) == 0 || problems[0].Path != tt.want {
				t.Errorf("Build() = %v, %v, want a problem at %q", part.Check, problems, tt.want)
			}
		})
	}
}

func TestPart(t *testing.T) {
	odd := users()
	odd.Users[0].Name = "a ~!b"
	if _, problems := basic.Kind().Build(odd, authztest.Env(one("x"))); len(problems) > 0 {
		t.Errorf("Build(user %q): %v", odd.GetUsers()[0].GetName(), problems)
	}
	for header, location := range map[string]string{"": "authorization", "X-Auth": "x-auth"} {
		s := users()
		s.Header = header
		part, problems := basic.Kind().Build(s, authztest.Env(one("x")))
		if len(problems) > 0 || !part.Authenticates || !part.SharedSecret || part.BindsBody || part.Challenge != `Basic realm="webhook", charset="UTF-8"` {
			t.Errorf("Build() = %+v, %v", part, problems)
		}
		if len(part.Credentials) != 1 || part.Credentials[0] != (authz.Location{Header: location}) {
			t.Errorf("Credentials = %+v, want %s", part.Credentials, location)
		}
	}
}
