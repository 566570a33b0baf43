package signature_test

import (
	"context"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
	"github.com/hookauthz/hookauthz/authz/check/signature"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

// An address finds keys as a gateway to the web would.
type address struct {
	held     *authz.Keys // at hand
	keys     *authz.Keys // once fetched
	err      error
	inBody   bool
	peeked   int
	fetched  int
	renewed  int // asked for with permission to fetch, though at hand
	lastBody string
}

var _ authz.NamedKeys = (*address)(nil)

func (a *address) Find(_ context.Context, _ *authz.Request, body []byte, fetch bool) (*authz.Keys, error) {
	a.lastBody = string(body)
	if !fetch {
		a.peeked++
		if a.held == nil && a.err == nil {
			return nil, authz.Deny(authz.ReasonKeySetUnavailable, "not at hand")
		}
		return a.held, a.err
	}
	if a.held != nil {
		a.renewed++
		return a.held, nil
	}
	a.fetched++
	if a.keys == nil {
		return nil, authz.Deny(authz.ReasonKeySetUnavailable, "")
	}
	a.held = a.keys
	return a.keys, nil
}

func (a *address) NeedsBody() bool { return a.inBody }

// addressed declares a as "key" and s as "more".
func addressed(a *address, s authz.KeySet) *authz.Env {
	e := authztest.Env(nil)
	e.Keys = func(name string) (authz.KeyReference, bool) {
		if name == "more" {
			return authz.KeyReference{Name: name, Set: s}, true
		}
		return authz.KeyReference{Name: name, Named: a}, true
	}
	return e
}

func TestKeysByAddress(t *testing.T) {
	good := &authz.Keys{Accepted: []authz.PublicKey{{Key: public(t, "ed25519")}}}
	other := &authz.Keys{Accepted: []authz.PublicKey{{Key: public(t, "ed25519 other")}}}
	request := func(signature string) *authz.Request {
		return post(body, "x-signature", signature, "x-timestamp", "1614265330")
	}
	right := request(b64Of(t, "telnyx"))
	cut := request(b64Of(t, "telnyx"))
	cut.Body.Delivery = authz.DeliveryCut
	tests := []struct {
		name    string
		keys    address
		more    *keySet
		request *authz.Request
		want    authz.Reason
		fetched int
	}{
		{name: "at hand", keys: address{held: good}, request: right, want: verified},
		{name: "fetched", keys: address{keys: good}, request: right, want: verified, fetched: 1},
		{name: "fetched, another's", keys: address{keys: other}, request: right, want: mismatch, fetched: 1},
		{name: "at hand, another's", keys: address{held: other}, request: right, want: mismatch},
		{name: "can't be fetched", keys: address{}, request: right, want: authz.ReasonKeySetUnavailable, fetched: 1},
		{name: "out of bounds", keys: address{err: authz.Deny(authz.ReasonKidUnknown, "")}, request: right, want: authz.ReasonKidUnknown},
		{name: "not named", keys: address{err: authz.Deny(authz.ReasonPartMissing, "")}, request: right, want: authz.ReasonPartMissing},

		// Nothing is fetched for what can't pass anyway.
		{name: "no signature", keys: address{keys: good}, request: post(body, "x-timestamp", "1614265330"), want: missing},
		{name: "malformed", keys: address{keys: good}, request: request("AA=="), want: malformed},
		{name: "body cut", keys: address{keys: good}, request: cut, want: authz.ReasonBodyTruncated},
		{name: "too old", keys: address{keys: good}, request: later(301*time.Second, request(b64Of(t, "telnyx"))), want: mismatch},
		{name: "too far ahead", keys: address{keys: good}, request: later(-301*time.Second, request(b64Of(t, "telnyx"))), want: mismatch},
		{name: "too old, at hand", keys: address{held: good}, request: later(301*time.Second, request(b64Of(t, "telnyx"))), want: authz.ReasonTimestampStale},

		{name: "another set has it", keys: address{keys: other}, more: recordedSet(t, "ed25519"), request: right, want: verified},
		{name: "another set has not", keys: address{keys: good}, more: recordedSet(t, "ed25519 other"), request: right, want: verified, fetched: 1},
		{name: "neither has", keys: address{keys: other}, more: recordedSet(t, "ed25519 other"), request: right, want: mismatch, fetched: 1},
		{name: "another set has not, too old", keys: address{keys: good}, more: recordedSet(t, "ed25519 other"), request: later(301*time.Second, request(b64Of(t, "telnyx"))), want: mismatch},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := telnyx()
			if tt.more != nil {
				s.Keys = []string{"key", "more"}
			}
			identity, err := build(t, s, addressed(&tt.keys, tt.more)).Check.Verify(t.Context(), tt.request)
			if reasonOf(err) != tt.want || tt.keys.fetched != tt.fetched {
				t.Errorf("Verify() = %v after %d fetches, want %v after %d", err, tt.keys.fetched, tt.want, tt.fetched)
			}
			if err == nil && tt.more == nil && (identity.Principal != "key" || identity.Key != "key") {
				t.Errorf("identity = %+v", identity)
			}
			if tt.keys.peeked > 0 && tt.keys.lastBody != body {
				t.Errorf("Find() was given the body %q", tt.keys.lastBody)
			}
		})
	}
}

// Without a window there is no time to look at.
func TestAddressWithoutAWindow(t *testing.T) {
	for name, s := range map[string]*policypb.Signature{
		"no time": settings(),
		"unchecked": settings(func(s *policypb.Signature) {
			s.Timestamp = &policypb.Timestamp{Value: "{header:X-Timestamp}", Unit: "seconds", Unchecked: "accepted"}
		}),
	} {
		a := &address{keys: &authz.Keys{Accepted: []authz.PublicKey{{Key: public(t, "ed25519")}}}}
		r := later(time.Hour, post(body, "x-signature", b64Of(t, "ed25519"), "x-timestamp", "1614265330"))
		if _, err := build(t, s, addressed(a, nil)).Check.Verify(t.Context(), r); err != nil || a.fetched != 1 {
			t.Errorf("%s: Verify() = %v after %d fetches", name, err, a.fetched)
		}
	}
}

// Where the address stands in the body, that must be here even if nobody signs
// it.
func TestAddressInTheBody(t *testing.T) {
	s := settings(func(s *policypb.Signature) { s.Message, s.UnsignedBody = "{header:X-Id}", "accepted" })
	for _, inBody := range []bool{false, true} {
		part := build(t, s, addressed(&address{inBody: inBody}, nil))
		r := post(body, "x-signature", b64Of(t, "ed25519"), "x-id", "1")
		r.Body = authz.Body{Size: -1}
		want := authz.ReasonKeySetUnavailable
		if inBody {
			want = authz.ReasonBodyNotForwarded
		}
		if _, err := part.Check.Verify(t.Context(), r); reasonOf(err) != want || part.BindsBody != inBody {
			t.Errorf("in the body %v: Verify() = %v, BindsBody = %v, want %v", inBody, err, part.BindsBody, want)
		}
	}
}

func TestAddressAndKeyID(t *testing.T) {
	_, problems := signature.Kind().Build(settings(identified), addressed(&address{}, nil))
	if len(problems) != 1 || problems[0].Path != "keys[0]" {
		t.Errorf("Build() problems = %v, want one of keys[0]", problems)
	}
}

// What is at hand is asked for once more where it may be fetched again, for
// messages that are proven and recent only: otherwise it would grow too old in use.
func TestAddressIsRenewed(t *testing.T) {
	request := func(signature string) *authz.Request {
		return post(body, "x-signature", signature, "x-timestamp", "1614265330")
	}
	for _, tt := range []struct {
		name    string
		request *authz.Request
		want    authz.Reason
		renewed int
	}{
		{name: "good", request: request(b64Of(t, "telnyx")), want: verified, renewed: 1},
		{name: "too old", request: later(301*time.Second, request(b64Of(t, "telnyx"))), want: authz.ReasonTimestampStale},
		{name: "forged", request: request(b64Of(t, "ed25519")), want: mismatch},
	} {
		a := &address{held: &authz.Keys{Accepted: []authz.PublicKey{{Key: public(t, "ed25519")}}}}
		_, err := build(t, telnyx(), addressed(a, nil)).Check.Verify(t.Context(), tt.request)
		if reasonOf(err) != tt.want || a.renewed != tt.renewed {
			t.Errorf("%s: Verify() = %v, renewed %d times, want %v, %d", tt.name, err, a.renewed, tt.want, tt.renewed)
		}
	}
}

// However many groups a request has, its address is looked up once: it may stand
// in a large body.
func TestAddressIsReadOnce(t *testing.T) {
	s := settings(func(s *policypb.Signature) {
		s.Credential.Fields = &policypb.FieldsGrammar{Signature: "s", GroupSeparator: " "}
	})
	for name, a := range map[string]*address{
		"at hand":     {held: &authz.Keys{Accepted: []authz.PublicKey{{Key: public(t, "ed25519 other")}}}},
		"not at hand": {},
		"refused":     {err: authz.Deny(authz.ReasonKidUnknown, "")},
	} {
		group := "s=" + b64Of(t, "telnyx")
		_, err := build(t, s, addressed(a, nil)).Check.Verify(t.Context(), post(body, "x-signature", group+" "+group+" "+group))
		if err == nil || a.peeked != 1 {
			t.Errorf("%s: Verify() = %v, looked up %d times", name, err, a.peeked)
		}
	}
}
