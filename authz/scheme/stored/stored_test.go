package stored_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/scheme"
	"github.com/hookauthz/hookauthz/authz/scheme/stored"
)

func TestParseForm(t *testing.T) {
	tests := []struct {
		word string
		want stored.Form
		ok   bool
	}{
		{word: "", want: stored.Plain, ok: true},
		{word: "plain", want: stored.Plain, ok: true},
		{word: "sha256", want: stored.SHA256, ok: true},
		{word: "SHA256"},
		{word: "md5"},
	}
	for _, tt := range tests {
		if got, ok := stored.ParseForm(tt.word); got != tt.want || ok != tt.ok {
			t.Errorf("ParseForm(%q) = %v, %v, want %v, %v", tt.word, got, ok, tt.want, tt.ok)
		}
	}
}

func TestFormDigest(t *testing.T) {
	key := sha256.Sum256([]byte("key"))
	empty := sha256.Sum256(nil)
	nothing := hex.EncodeToString(empty[:])
	digits := hex.EncodeToString(key[:])
	taken := func([]byte) error { return nil }
	refused := func([]byte) error { return authz.Deny(authz.ReasonSecretWeak, "") }
	tests := []struct {
		name  string
		form  stored.Form
		value string
		check func([]byte) error
		want  authz.Reason // ReasonVerified: the digest of "key"
	}{
		{name: "plain", form: stored.Plain, value: "key", check: taken, want: authz.ReasonVerified},
		{name: "plain, refused", form: stored.Plain, value: "key", check: refused, want: authz.ReasonSecretWeak},
		{name: "digest", form: stored.SHA256, value: digits, check: refused, want: authz.ReasonVerified},
		{name: "digest in mixed case", form: stored.SHA256, value: strings.ToUpper(digits[:9]) + digits[9:], check: refused, want: authz.ReasonVerified},
		{name: "short", form: stored.SHA256, value: digits[2:], check: taken, want: authz.ReasonSecretInvalid},
		{name: "long", form: stored.SHA256, value: digits + "00", check: taken, want: authz.ReasonSecretInvalid},
		{name: "of nothing", form: stored.SHA256, value: nothing, check: taken, want: authz.ReasonSecretInvalid},
		{name: "not hex", form: stored.SHA256, value: digits[1:] + "g", check: taken, want: authz.ReasonSecretInvalid},
		{name: "the zero form", value: "key", check: taken, want: authz.ReasonBug},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tt.form.Digest(authz.Reference{Name: "ref"}, []byte(tt.value), tt.check)
			switch {
			case tt.want == authz.ReasonVerified && (err != nil || got != key):
				t.Errorf("Digest() = %x, %v, want %x", got, err, key)
			case tt.want != authz.ReasonVerified && (err == nil || authz.DeniedBy(err).Reason() != tt.want || got != (stored.Digest{})):
				t.Errorf("Digest() = %x, %v, want %v", got, err, tt.want)
			case err != nil && strings.Contains(err.Error(), tt.value):
				t.Errorf("Digest() error tells the secret: %v", err)
			}
		})
	}
}

func TestTags(t *testing.T) {
	a, b := sha256.Sum256([]byte("a")), sha256.Sum256([]byte("b"))
	sealer, second := stored.NewSealer(), stored.NewSealer()
	equal := func(x, y stored.Tag) bool { return x.Equal(&y) }
	tests := []struct {
		name string
		x, y stored.Tag
		want bool
	}{
		{name: "the same digest", x: sealer.Seal(a), y: sealer.Seal(a), want: true},
		{name: "a text and its digest", x: sealer.SealText("a"), y: sealer.Seal(a), want: true},
		{name: "another digest", x: sealer.Seal(a), y: sealer.Seal(b)},
		{name: "two digests", x: sealer.Seal(a, b), y: sealer.Seal(a, b), want: true},
		{name: "two in another order", x: sealer.Seal(a, b), y: sealer.Seal(b, a)},
		{name: "two and one", x: sealer.Seal(a, b), y: sealer.Seal(a)},
		{name: "the key of another sealer", x: sealer.Seal(a), y: second.Seal(a)},
		{name: "zero and zero"},
		{name: "zero and another", y: sealer.Seal(a)},
	}
	for _, tt := range tests {
		if equal(tt.x, tt.y) != tt.want || equal(tt.y, tt.x) != tt.want {
			t.Errorf("%s: Equal() = %v, want %v", tt.name, !tt.want, tt.want)
		}
	}
}

func TestSealAtOnce(t *testing.T) {
	sealer := stored.NewSealer()
	want := map[string]stored.Tag{"a": sealer.SealText("a"), "bb": sealer.SealText("bb")}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 500 {
				for text, tag := range want {
					if got := sealer.SealText(text); !got.Equal(&tag) {
						t.Errorf("SealText(%q) differs", text)
					}
				}
			}
		})
	}
	wg.Wait()
}

type fixed struct {
	versions *authz.Versions
	err      error
	reads    *int
}

func (f fixed) Versions(time.Time) (*authz.Versions, error) {
	*f.reads++
	return f.versions, f.err
}

// Every secret is read and every key compared, wherever the match is.
func TestMatchDoesTheSameWork(t *testing.T) {
	sealer := stored.NewSealer()
	for match := -1; match < 3; match++ {
		reads := 0
		var rings []*scheme.Keyring[stored.Known]
		for i := range 3 {
			text := "other"
			if i == match {
				text = "right"
			}
			ref := authz.Reference{Name: string(rune('a' + i)), Secrets: fixed{reads: &reads, versions: &authz.Versions{
				Accepted: []authz.Version{{Number: 1, Secret: authz.NewSecret([]byte(text))}},
			}}}
			rings = append(rings, scheme.NewKeyring([]authz.Reference{ref}, func(ref authz.Reference, secret authz.Secret) (stored.Known, error) {
				return stored.Known{Tag: sealer.SealText(string(secret.Reveal())), Principal: ref.Name}, nil
			}))
		}
		identity, err := stored.Match(rings, sealer.SealText("right"), time.Time{}, authz.ReasonBasicInvalid)
		matched := err == nil
		if matched != (match >= 0) || !matched && authz.DeniedBy(err).Reason() != authz.ReasonBasicInvalid || reads != 3 {
			t.Errorf("match at %d: Match() = %v, %v, %d secrets read", match, identity, err, reads)
		}
		if matched && (identity.Principal != string(rune('a'+match)) || !identity.Credential) || !matched && identity != (authz.Identity{}) {
			t.Errorf("match at %d: identity = %+v", match, identity)
		}
	}
}

func TestMatchTrouble(t *testing.T) {
	errBug := errors.New("not known")
	unavailable, missing := authz.Deny(authz.ReasonSecretUnavailable, ""), authz.Deny(authz.ReasonSecretMissing, "")
	for _, order := range [][]error{{missing, unavailable, nil}, {unavailable, nil, missing}, {nil, missing, unavailable}} {
		reads := 0
		var refs []authz.Reference
		for _, err := range order {
			refs = append(refs, authz.Reference{Name: "x", Secrets: fixed{reads: &reads, err: err}})
		}
		ring := scheme.NewKeyring(refs, func(authz.Reference, authz.Secret) (stored.Known, error) { return stored.Known{}, errBug })
		if _, err := stored.Match([]*scheme.Keyring[stored.Known]{ring}, stored.Tag{}, time.Time{}, authz.ReasonBasicInvalid); !errors.Is(err, authz.ErrUnavailable) {
			t.Errorf("Match() = %v, want %v", err, authz.ErrUnavailable)
		}
	}
}
