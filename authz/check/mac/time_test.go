package mac_test

import (
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/hookauthz/hookauthz/authz"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

func TestTime(t *testing.T) {
	const (
		stale  = authz.ReasonTimestampStale
		future = authz.ReasonTimestampFuture
	)
	tests := []struct {
		name   string
		mac    *policypb.Mac
		text   string
		code   string
		passed time.Duration // since the time signed
		want   authz.Reason
	}{
		{name: "now", mac: timed("seconds"), text: "1614265330", code: "seconds", want: verified},
		{name: "oldest", mac: timed("seconds"), text: "1614265330", code: "seconds", passed: 300 * time.Second, want: verified},
		{name: "too old", mac: timed("seconds"), text: "1614265330", code: "seconds", passed: 301 * time.Second, want: stale},
		{name: "furthest ahead", mac: timed("seconds"), text: "1614265330", code: "seconds", passed: -300 * time.Second, want: verified},
		{name: "too far ahead", mac: timed("seconds"), text: "1614265330", code: "seconds", passed: -301 * time.Second, want: future},
		{name: "own tolerance", mac: timed("seconds", tolerance(10*time.Second, nil)), text: "1614265330", code: "seconds", passed: 11 * time.Second, want: stale},
		{name: "own future tolerance", mac: timed("seconds", tolerance(10*time.Second, new(time.Duration))), text: "1614265330", code: "seconds", passed: -time.Second, want: future},
		{name: "unchecked", mac: timed("seconds", unchecked), text: "1614265330", code: "seconds", passed: 1000 * time.Hour, want: verified},
		{name: "unchecked, from the future", mac: timed("seconds", unchecked), text: "1614265330", code: "seconds", passed: -1000 * time.Hour, want: verified},

		// Only what is authentic is called stale.
		{name: "too old and wrong", mac: timed("seconds"), text: "1614265330", code: "body", passed: 301 * time.Second, want: mismatch},
		{name: "renewed", mac: timed("seconds"), text: "1614265390", code: "seconds", passed: 330 * time.Second, want: mismatch},

		{name: "no time", mac: timed("seconds"), text: "", code: "seconds", want: authz.ReasonPartMissing},
		{name: "no time where it is unchecked", mac: timed("seconds", unchecked), text: "", code: "seconds", want: authz.ReasonPartMissing},
		{name: "sign, not signed so", mac: timed("seconds"), text: "+1614265330", code: "seconds", want: malformed},
		{name: "sign, signed so", mac: timed("seconds"), text: "+1614265330", code: "seconds with sign", want: malformed},
		{name: "leading zero, signed so", mac: timed("seconds"), text: "01614265330", code: "seconds with zero", want: malformed},
		{name: "blank, signed so", mac: timed("seconds"), text: " 1614265330", code: "seconds with blank", want: malformed},
		{name: "milliseconds for seconds", mac: timed("seconds"), text: "1614265330123", code: "milliseconds", want: malformed},
		{name: "sign, signed so, where it is unchecked", mac: timed("seconds", unchecked), text: "+1614265330", code: "seconds with sign", want: malformed},

		{name: "milliseconds", mac: timed("milliseconds"), text: "1614265330123", code: "milliseconds", passed: 300 * time.Second, want: verified},
		{name: "rfc3339", mac: timed("rfc3339"), text: "2021-02-25T15:02:10.5Z", code: "rfc3339", passed: 300 * time.Second, want: verified},
		{name: "rfc3339 too old", mac: timed("rfc3339"), text: "2021-02-25T15:02:10.5Z", code: "rfc3339", passed: 301 * time.Second, want: stale},
		{name: "rfc3339 respelt", mac: timed("rfc3339"), text: "2021-02-25T15:02:10.50Z", code: "rfc3339", want: mismatch},
		{name: "http-date", mac: timed("http-date"), text: "Thu, 25 Feb 2021 15:02:10 GMT", code: "http-date", passed: 300 * time.Second, want: verified},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			part := build(t, tt.mac, map[string]*store{"key": live(secret)})
			r := post(body, "x-signature", code(t, tt.code), "x-timestamp", tt.text)
			r.Received = time.Unix(unix, 0).Add(tt.passed)
			if _, err := part.Check.Verify(t.Context(), r); reasonOf(err) != tt.want {
				t.Errorf("Verify() = %v, want %v", err, tt.want)
			}
		})
	}
}

func unchecked(m *policypb.Mac) { m.Timestamp.Unchecked = "accepted" }

func tolerance(past time.Duration, future *time.Duration) func(*policypb.Mac) {
	return func(m *policypb.Mac) {
		m.Timestamp.Tolerance = durationpb.New(past)
		if future != nil {
			m.Timestamp.FutureTolerance = durationpb.New(*future)
		}
	}
}

// A time inside the body is signed with it.
func TestTimeInBody(t *testing.T) {
	const event = `{"webhookTimestamp":1614265330123}`
	part := build(t, settings(func(m *policypb.Mac) {
		m.Timestamp = &policypb.Timestamp{Value: "{json:/webhookTimestamp}", Unit: "milliseconds"}
	}), map[string]*store{"key": live(secret)})

	r := post(event, "x-signature", code(t, "event"))
	if _, err := part.Check.Verify(t.Context(), r); err != nil {
		t.Errorf("Verify() = %v, want verified", err)
	}
	r.Received = r.Received.Add(301 * time.Second)
	if _, err := part.Check.Verify(t.Context(), r); reasonOf(err) != authz.ReasonTimestampStale {
		t.Errorf("Verify() later = %v, want %v", err, authz.ReasonTimestampStale)
	}
}

// The time that is judged is that of the group whose code holds.
func TestTimeOfTheMatchingGroup(t *testing.T) {
	part := build(t, stripe(func(m *policypb.Mac) {
		m.Credential.Fields.GroupSeparator = " "
	}), map[string]*store{"key": live(secret)})
	value := "t=1614265690,v1=" + code(t, "body") + " t=1614265330,v1=" + code(t, "seconds")
	r := at(1614265690, post(body, "x-signature", value))
	if _, err := part.Check.Verify(t.Context(), r); reasonOf(err) != authz.ReasonTimestampStale {
		t.Errorf("Verify() = %v, want %v", err, authz.ReasonTimestampStale)
	}
}
