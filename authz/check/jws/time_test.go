package jws_test

import (
	"strconv"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

// When a token was signed is judged once it is proven who signed it.
func TestTime(t *testing.T) {
	const (
		stale  = authz.ReasonTimestampStale
		future = authz.ReasonTimestampFuture
	)
	ts := func(ts string) string {
		return token(t, keyOf("key"), `{"alg":"EdDSA","crit":["ts"],"ts":`+ts+`}`, "text")
	}
	at := func(seconds int64) string { return strconv.FormatInt(now()+seconds, 10) }
	says := func(iat any) string {
		return token(t, keyOf("key"), edHeader, payload(t, map[string]any{"iat": iat}))
	}
	header := &policypb.TokenTime{Header: "ts"}
	millis := &policypb.TokenTime{Claim: "when", Unit: "milliseconds"}
	written := &policypb.TokenTime{Claim: "when", Unit: "rfc3339", Tolerance: durationpb.New(time.Minute)}
	when := func(v any) string {
		return token(t, keyOf("key"), edHeader, payload(t, map[string]any{"when": v}))
	}
	tests := []struct {
		name  string
		time  *policypb.TokenTime
		token string
		want  authz.Reason
	}{
		{name: "now", token: says(now()), want: verified},
		{name: "with a fraction", token: says(float64(now()) + 0.25), want: verified},
		{name: "as text", token: says(at(0)), want: verified},
		{name: "the oldest", token: says(now() - 300), want: verified},
		{name: "too old", token: says(now() - 301), want: stale},
		{name: "the furthest", token: says(now() + 300), want: verified},
		{name: "too far ahead", token: says(now() + 301), want: future},
		{name: "absent", token: says(nil), want: invalid},
		{name: "milliseconds", token: says(now() * 1000), want: invalid},
		{name: "a date", token: says("2026-01-02T03:04:05Z"), want: invalid},
		{name: "true", token: says(true), want: invalid},
		{name: "negative", token: says(-1), want: invalid},
		{name: "no claims", token: token(t, keyOf("key"), edHeader, "text"), want: invalid},
		{name: "too old, and somebody else's", token: token(t, keyOf("other"), edHeader, payload(t, map[string]any{"iat": 1})), want: mismatch},

		{name: "in the header", time: header, token: ts(at(0)), want: verified},
		{name: "in the header, not critical", time: header, token: token(t, keyOf("key"), `{"alg":"EdDSA","ts":`+at(0)+`}`, "text"), want: verified},
		{name: "in the header, old", time: header, token: ts(at(-301)), want: stale},
		{name: "in the header, absent", time: header, token: token(t, keyOf("key"), edHeader, payload(t, nil)), want: invalid},
		{name: "another critical member", time: header, token: token(t, keyOf("key"), `{"alg":"EdDSA","crit":["when"],"when":1,"ts":`+at(0)+`}`, "text"), want: invalid},
		{name: "critical, and nobody looks", token: ts(at(0)), want: invalid},

		{name: "milliseconds wanted", time: millis, token: when(now() * 1000), want: verified},
		{name: "milliseconds wanted, old", time: millis, token: when((now() - 301) * 1000), want: stale},
		{name: "milliseconds wanted, seconds given", time: millis, token: when(now()), want: invalid},
		{name: "a date wanted", time: written, token: when("2026-01-02T03:04:05Z"), want: verified},
		{name: "a date wanted, old", time: written, token: when("2026-01-02T03:03:04Z"), want: stale},
		{name: "a date wanted, ahead", time: written, token: when("2026-01-02T03:05:05.1Z"), want: future},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := settings(func(s *policypb.Jws) {
				if s.Time = tt.time; s.Time == nil {
					s.Time = &policypb.TokenTime{}
				}
			})
			identity, err := newCheck(t, s).Verify(t.Context(), post(tt.token, ""))
			authztest.WantReason(t, err, tt.want)
			if (err == nil) == identity.Signed.IsZero() {
				t.Errorf("Signed = %v", identity.Signed)
			}
		})
	}
}
