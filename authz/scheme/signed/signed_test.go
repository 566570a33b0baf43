package signed_test

import (
	"crypto/sha256"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
	"github.com/hookauthz/hookauthz/authz/scheme"
	"github.com/hookauthz/hookauthz/authz/scheme/signed"
)

func newScheme(t *testing.T, edit func(*signed.Config)) *signed.Scheme {
	t.Helper()
	c := signed.Config{
		Credential: scheme.Credential{Header: "X-Signature", Grammar: scheme.Fields{Signature: "s", GroupSeparator: " "}},
		Encoding:   "hex", Least: 1, Most: 2, Message: "{timestamp}.{body}",
		Timestamp: &scheme.Timestamp{Value: "{credential:t}", Unit: "seconds"},
	}
	if edit != nil {
		edit(&c)
	}
	s, problems := signed.New(c)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return s
}

func at(offset time.Duration) string {
	return "t=" + strconv.FormatInt(authztest.Received().Add(offset).Unix(), 10)
}

// Nothing of one request is left for the next that has the same memory.
func TestWorkIsEmptyAgain(t *testing.T) {
	s := newScheme(t, nil)
	w := s.Begin()
	first := authztest.Request("POST", "/h", "first", "X-Signature", at(0)+",s=0001,s=02 "+at(time.Second)+",s=03")
	if err := s.Read(w, first); err != nil {
		t.Fatal(err)
	}
	if first, end := w.Signatures(0); w.Groups() != 2 || first != 0 || end != 2 || string(w.Signature(0)) != "\x00\x01" || string(w.Signature(1)) != "\x02" {
		t.Errorf("group 0 of %d: %d to %d, %x, %x", w.Groups(), first, end, w.Signature(0), w.Signature(1))
	}
	if first, end := w.Signatures(1); first != 2 || end != 3 || string(w.Signature(2)) != "\x03" {
		t.Errorf("group 1: %d to %d, %x", first, end, w.Signature(2))
	}
	s.End(w)
	if w.Groups() != 0 || w.Body() != nil {
		t.Errorf("after End: %d groups, body %q", w.Groups(), w.Body())
	}
	if err := s.Read(w, authztest.Request("POST", "/h", "second", "X-Signature", at(0)+",s=04")); err != nil {
		t.Fatal(err)
	}
	if first, end := w.Signatures(0); w.Groups() != 1 || first != 0 || end != 1 || string(w.Signature(0)) != "\x04" || string(w.Body()) != "second" {
		t.Errorf("group 0 of %d: %d to %d, %x, body %q", w.Groups(), first, end, w.Signature(0), w.Body())
	}
}

// The message may be had in two ways, which are one.
func TestMessage(t *testing.T) {
	s := newScheme(t, nil)
	w := s.Begin()
	defer s.End(w)
	if err := s.Read(w, authztest.Request("POST", "/h", "body", "X-Signature", at(0)+",s=00 "+at(time.Minute)+",s=01")); err != nil {
		t.Fatal(err)
	}
	for group, offset := range []time.Duration{0, time.Minute} {
		text, err := s.AppendMessage([]byte("-"), w, group)
		want := "-" + at(offset)[2:] + ".body"
		h := sha256.New()
		written := s.WriteMessage(w, group, h)
		if sum := sha256.Sum256([]byte(want[1:])); string(text) != want || err != nil || written != nil || string(h.Sum(nil)) != string(sum[:]) {
			t.Errorf("group %d: %q, %v, %v, want %q", group, text, err, written, want)
		}
	}
}

func TestRecent(t *testing.T) {
	plain := func(c *signed.Config) {
		c.Credential.Grammar, c.Message, c.Timestamp = nil, "{body}", nil
	}
	unchecked := func(c *signed.Config) { c.Timestamp.Unchecked = true }
	for _, tt := range []struct {
		name  string
		edit  func(*signed.Config)
		value string
		want  bool
	}{
		{name: "now", value: at(0) + ",s=00", want: true},
		{name: "old", value: at(-301*time.Second) + ",s=00"},
		{name: "ahead", value: at(301*time.Second) + ",s=00"},
		{name: "one of two", value: at(-time.Hour) + ",s=00 " + at(300*time.Second) + ",s=00", want: true},
		{name: "unchecked", edit: unchecked, value: at(-time.Hour) + ",s=00", want: true},
		{name: "no time", edit: plain, value: "00", want: true},
	} {
		s := newScheme(t, tt.edit)
		w := s.Begin()
		if err := s.Read(w, authztest.Request("POST", "/h", "body", "X-Signature", tt.value)); err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		if got := s.Recent(w, authztest.Received()); got != tt.want {
			t.Errorf("%s: Recent() = %v", tt.name, got)
		}
		s.End(w)
	}
}

// What Finish refuses was proven before.
func TestFinish(t *testing.T) {
	s := newScheme(t, func(c *signed.Config) {
		c.Assertions = []scheme.Assertion{{Value: "{credential:t}.{timestamp}", OneOf: []string{at(0)[2:] + "." + at(0)[2:]}}}
	})
	w := s.Begin()
	defer s.End(w)
	r := authztest.Request("POST", "/h", "body", "X-Signature", at(-time.Hour)+",s=00 "+at(0)+",s=00 "+at(time.Second)+",s=00")
	if err := s.Read(w, r); err != nil {
		t.Fatal(err)
	}
	for group, want := range []authz.Reason{authz.ReasonTimestampStale, authz.ReasonVerified, authz.ReasonAssertionFailed} {
		identity := authz.Identity{}
		err := s.Finish(w, group, r, &identity)
		got := authz.ReasonVerified
		if err != nil {
			got = authz.DeniedBy(err).Reason()
		}
		if got != want || err == nil && (!identity.BodySigned || !identity.Signed.Equal(authztest.Received())) {
			t.Errorf("group %d: %v, %+v, want %v", group, err, identity, want)
		}
	}
}

// A time that no window is enforced around is nobody's word.
func TestUncheckedTimeIsNotTold(t *testing.T) {
	s := newScheme(t, func(c *signed.Config) { c.Timestamp.Unchecked, c.Message = true, "{body}" })
	w := s.Begin()
	defer s.End(w)
	r := authztest.Request("POST", "/h", "body", "X-Signature", at(-time.Hour)+",s=00")
	identity := authz.Identity{}
	if err := s.Read(w, r); err != nil {
		t.Fatal(err)
	}
	if err := s.Finish(w, 0, r, &identity); err != nil || !identity.Signed.IsZero() {
		t.Errorf("Finish() = %v, signed at %v", err, identity.Signed)
	}
}

// Many groups can't make us read a large body many times.
func TestGroupsAreBounded(t *testing.T) {
	s := newScheme(t, nil)
	for _, tt := range []struct {
		groups, size int
		want         bool
	}{
		{groups: 1, size: 9 << 20, want: true},
		{groups: 2, size: 9 << 20, want: true},
		{groups: 3, size: 1 << 20},
		{groups: 16, size: 128 << 10, want: true},
		{groups: 16, size: 128<<10 + 1},
		{groups: 17, size: 1}, // over max_candidates
	} {
		w := s.Begin()
		value := strings.Repeat(" "+at(0)+",s=00", tt.groups)[1:]
		err := s.Read(w, authztest.Request("POST", "/h", strings.Repeat("x", tt.size), "X-Signature", value))
		if (err == nil) != tt.want || err != nil && authz.DeniedBy(err).Reason() != authz.ReasonCredentialMalformed {
			t.Errorf("%d groups, %d bytes: %v", tt.groups, tt.size, err)
		}
		s.End(w)
	}
}
