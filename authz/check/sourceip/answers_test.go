package sourceip_test

import (
	"flag"
	"strings"
	"testing"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

var update = flag.Bool("update", false, "write the table of answers into the page of this kind")

func TestAnswers(t *testing.T) {
	fails := func(forwarded *policypb.ForwardedFor, r *authz.Request) func(*testing.T) error {
		return func(t *testing.T) error {
			t.Helper()
			_, err := newCheck(t, &policypb.SourceIp{Allow: []string{"203.0.113.0/24"}, ForwardedFor: forwarded}).Verify(t.Context(), r)
			return err
		}
	}
	behind := func(header string) *authz.Request {
		r := from("203.0.113.1")
		r.Gateway.XFFAppended = true
		authztest.AddHeader(r, "x-forwarded-for", header)
		return r
	}
	one := &policypb.ForwardedFor{TrustedHops: 1}

	const unknown = "an address that can't be told: no IP connection, too few or unreadable entries"
	authztest.AnswerTable(t, "../../../docs/checks/source_ip.md", *update, []authztest.AnswerRow{
		{Failure: "an address that is not in the list", Verify: fails(nil, from("192.0.2.1"))},
		{Failure: unknown, Verify: fails(nil, from(""))},
		{Failure: unknown, Verify: fails(one, behind("203.0.113.7"))},
		{Failure: unknown, Verify: fails(one, behind("203.0.113.7:80, 203.0.113.8"))},
		{Failure: unknown, Verify: fails(one, behind(strings.Repeat("203.0.113.7, ", 64)+"203.0.113.8"))},
		{Failure: "`forwarded_for`, and `xff` is not stated for this route", Verify: fails(one, from("203.0.113.1"))},
	})
}
