package mac_test

import (
	"strings"
	"testing"

	"github.com/hookauthz/hookauthz/authz"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

// FuzzVerify tries to find a request that passes although nobody signed what it
// says. Every scheme has signed one thing.
func FuzzVerify(f *testing.F) {
	keys := map[string]*store{"key": live(secret)}
	plain := build(f, settings(func(m *policypb.Mac) { m.Credential.Prefix = "sha256=" }), keys).Check
	pairs := build(f, stripe(), keys).Check
	groups := build(f, stripe(func(m *policypb.Mac) { m.Credential.Fields.GroupSeparator = " " }), keys).Check
	headers := build(f, timed("seconds"), keys).Check
	webhooks := build(f, standardWebhooks(), map[string]*store{"key": live(whsec)}).Check

	f.Add(body, "sha256="+code(f, "body"), "1614265330", "")
	f.Add(body, "t=1614265330,v1="+code(f, "seconds"), "", "")
	f.Add(body, "t=1614265330,v1="+code(f, "seconds")+" t=1,v1=00", "", "")
	f.Add(body, code(f, "seconds"), "1614265330", "")
	f.Add(body, "v1,"+code64(f, "webhook")+" v1a,AA", "1614265330", "msg_1")
	f.Add("1614265330."+body, code(f, "body"), "1", "msg_1.1")
	f.Fuzz(func(t *testing.T, content, signature, timestamp, id string) {
		r := post(content, "x-signature", signature, "x-timestamp", timestamp,
			"webhook-signature", signature, "webhook-timestamp", timestamp, "webhook-id", id)
		passes := func(check authz.Check) bool {
			_, err := check.Verify(t.Context(), r)
			return err == nil
		}
		inside := strings.Contains(signature, "t=1614265330")
		if passes(plain) && content != body {
			t.Errorf("plain: %q passed", content)
		}
		if passes(pairs) && (content != body || !inside) {
			t.Errorf("pairs: %q, %q passed", content, signature)
		}
		if passes(groups) && (content != body || !inside) {
			t.Errorf("groups: %q, %q passed", content, signature)
		}
		if passes(headers) && (content != body || timestamp != "1614265330") {
			t.Errorf("headers: %q, %q passed", content, timestamp)
		}
		if passes(webhooks) && (content != body || timestamp != "1614265330" || id != "msg_1") {
			t.Errorf("webhooks: %q, %q, %q passed", content, timestamp, id)
		}
	})
}
