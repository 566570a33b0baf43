package jws_test

import (
	"errors"
	"testing"

	"github.com/hookauthz/hookauthz/authz"
)

// FuzzVerify looks for a body that passes and that nobody signed, wherever the token
// is looked for.
func FuzzVerify(f *testing.F) {
	right := token(f, keyOf("key"), edHeader, payload(f, map[string]any{"body": hash(event)}))
	over := detached(f, keyOf("key"), edHeader, event, true)
	raw := detached(f, keyOf("key"), b64False, event, false)
	f.Add(right, "")
	f.Add(event, right)
	f.Add(event, over)
	f.Add(event, raw)
	f.Add(b64(event), raw)
	f.Add(`{"token":"`+right+`"}`, "")
	f.Add("token="+right, "")
	body := newCheck(f, settings())
	header := newCheck(f, settings(inHeader))
	apart := newCheck(f, settings(apart("either")))
	f.Fuzz(func(t *testing.T, text, presented string) {
		r := post(text, presented)
		r.Rules.AllowEmpty = true
		try := func(check authz.Check, right bool) {
			identity, err := check.Verify(t.Context(), r)
			switch {
			case (err == nil) != right:
				t.Errorf("body %q, header %q: %v", text, presented, err)
			case err == nil && !identity.BodySigned:
				t.Errorf("body %q, header %q: not said to be signed", text, presented)
			case err != nil && identity != (authz.Identity{}):
				t.Errorf("identity = %+v beside %v", identity, err)
			case err != nil && !errors.Is(err, authz.ErrRejected) && !errors.Is(err, authz.ErrAbsent):
				t.Errorf("body %q, header %q: %v", text, presented, err)
			}
		}
		try(body, text == right)
		try(header, text == event && presented == right)
		try(apart, text == event && (presented == over || presented == raw))
	})
}
