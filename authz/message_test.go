package authz_test

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
)

func messageOf(policy, signed string) authz.Message {
	h := authz.NewMessage(policy)
	h.Write([]byte(signed))
	return authz.SumMessage(h)
}

// The digest is part of what replicas of two releases share, so its form is fixed.
func TestMessage(t *testing.T) {
	plain := binary.BigEndian.AppendUint64(nil, uint64(len("github")))
	plain = append(plain, "github1614265330.{}"...)
	if got := messageOf("github", "1614265330.{}"); got != sha256.Sum256(plain) {
		t.Errorf("message = %x, want the SHA-256 of length, policy and what was signed", got)
	}
	seen := map[authz.Message]string{}
	for _, one := range [][2]string{{"a", "bc"}, {"ab", "c"}, {"", "abc"}, {"abc", ""}, {"a", "bcd"}} {
		m := messageOf(one[0], one[1])
		if other, ok := seen[m]; ok {
			t.Errorf("%q and %q have one message", one, other)
		}
		seen[m] = one[0] + "/" + one[1]
	}
}

// A check that tells of the request what it is told.
type telling struct{ identity authz.Identity }

func (c telling) Verify(context.Context, *authz.Request) (authz.Identity, error) {
	return c.identity, nil
}

// Of an all_of everything that was signed is told, the oldest of the times, and
// the first payload. Of an any_of only what the member that passed read.
func TestContentsAreJoined(t *testing.T) {
	older, newer := authztest.Received().Add(-time.Minute), authztest.Received()
	one, two := messageOf("p", "one"), messageOf("p", "two")
	first := telling{authz.Identity{
		Credential: true, Signed: newer, Content: &authz.Content{Messages: []authz.Message{one}},
	}}
	second := telling{authz.Identity{
		Credential: true, Signed: older, BodySigned: true, Decrypted: true,
		Content: &authz.Content{Messages: []authz.Message{two}, HasPayload: true},
	}}
	plain := telling{authz.Identity{Principal: "sender", Credential: true}}
	check := func(c authz.Check) authz.Requirement { return authz.Require("kind", "", c) }
	decide := func(q authz.Requirement) authz.Identity {
		d := authz.Decide(t.Context(), authztest.Request("POST", "/", ""), q, nil)
		if !d.Allowed() {
			t.Fatalf("Decide() = %v", d.Reason())
		}
		return d.Identity()
	}

	both := decide(authz.AllOf(check(plain), check(first), check(second)))
	if c := both.Content; c == nil || len(c.Messages) != 2 || c.Messages[0] != one || c.Messages[1] != two || !c.HasPayload {
		t.Errorf("content of all_of = %+v, want both messages and the payload", both.Content)
	}
	if !both.Signed.Equal(older) || !both.BodySigned || !both.Decrypted || both.Principal != "sender" {
		t.Errorf("identity of all_of = %+v, want the older time, signed, decrypted", both)
	}
	if c := first.identity.Content; len(c.Messages) != 1 {
		t.Errorf("a check's own content was changed: %+v", c)
	}
	one1 := decide(authz.AnyOf(false, check(first), check(second)))
	if c := one1.Content; c == nil || len(c.Messages) != 1 || c.Messages[0] != one || c.HasPayload {
		t.Errorf("content of any_of = %+v, want that of its first member", c)
	}
	if got := decide(check(plain)).Content; got != nil {
		t.Errorf("content = %+v, want none", got)
	}
}
