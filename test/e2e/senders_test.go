//go:build e2e

package e2e

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
)

// What the first senders were promised, each with the statuses it documents.
func TestSenders(t *testing.T) {
	const wrongKey = "not-the-key-of-anybody-at-all"
	other := []byte(`{"event":"order.paid","id":7}`)
	tests := []struct {
		name    string
		request request
		status  int
		reason  authz.Reason
	}{
		{name: "tower", request: tower(event), status: 200},
		{name: "tower without key", request: tower(event).without("X-Api-Key"), status: 401, reason: authz.ReasonCredentialMissing},
		{name: "tower with a wrong key", request: tower(event).replaced("X-Api-Key", wrongKey), status: 401, reason: authz.ReasonAPIKeyInvalid},
		{name: "tower with an empty key", request: tower(event).replaced("X-Api-Key", ""), status: 401, reason: authz.ReasonCredentialMissing},
		{name: "tower by GET", request: request{method: "GET", path: "/hooks/cetmix-tower"}.with("X-Api-Key", key("tower")), status: 200},
		{name: "tower by PUT", request: request{method: "PUT", path: "/hooks/cetmix-tower", body: event}.with("X-Api-Key", key("tower")), status: 403, reason: authz.ReasonMethodNotAllowed},
		{name: "tower without a secret in Vault", request: tower(event).to("/e2e/no-secret"), status: 500, reason: authz.ReasonSecretMissing},

		{name: "autify", request: autify(event), status: 200},
		{name: "autify without signature", request: autify(event).without("X-Autify-Signature"), status: 401, reason: authz.ReasonCredentialMissing},
		{name: "autify of another body", request: autify(event).replaced("X-Autify-Signature", autify(other).value("X-Autify-Signature")), status: 401, reason: authz.ReasonSignatureMismatch},
		{name: "autify without prefix", request: autify(event).replaced("X-Autify-Signature", strings.Repeat("ab", 20)), status: 401, reason: authz.ReasonCredentialMalformed},

		{name: "begini", request: begini(event), status: 200},
		{name: "begini without signature", request: begini(event).without("X-Signature"), status: 403, reason: authz.ReasonCredentialMissing},
		{name: "begini of another body", request: begini(event).replaced("X-Signature", begini(other).value("X-Signature")), status: 403, reason: authz.ReasonSignatureMismatch},
		{name: "begini cut", request: begini(event).replaced("X-Signature", begini(event).value("X-Signature")[:64]), status: 403, reason: authz.ReasonCredentialMalformed},

		{name: "begini's test", request: beginiTest(event), status: 200},
		{name: "begini's test without key", request: beginiTest(event).without("Api-key"), status: 400, reason: authz.ReasonCredentialMissing},
		{name: "begini's test with a wrong key", request: beginiTest(event).replaced("Api-key", wrongKey), status: 403, reason: authz.ReasonAPIKeyInvalid},

		{name: "easytools", request: easytools(event), status: 200},
		{name: "easytools in capitals", request: easytools(event).replaced("X-Webhook-Signature", strings.ToUpper(easytools(event).value("X-Webhook-Signature"))), status: 200},
		{name: "easytools without signature", request: easytools(event).without("X-Webhook-Signature"), status: 401, reason: authz.ReasonCredentialMissing},
		{name: "easytools of another body", request: easytools(other).with("X", "y").replaced("X-Webhook-Signature", easytools(event).value("X-Webhook-Signature")), status: 401, reason: authz.ReasonSignatureMismatch},

		{name: "stripe", request: stripe(event, time.Now()), status: 200},
		{name: "stripe, stale", request: stripe(event, time.Now().Add(-400*time.Second)), status: 401, reason: authz.ReasonTimestampStale},
		{name: "stripe, from the future", request: stripe(event, time.Now().Add(400*time.Second)), status: 401, reason: authz.ReasonTimestampFuture},
		{name: "stripe, stale and wrong", request: stripe(event, time.Now().Add(-400*time.Second)).replaced("Stripe-Signature", "t=1700000000,v1="+strings.Repeat("ab", 32)), status: 401, reason: authz.ReasonSignatureMismatch},

		{name: "basic", request: crm("crm", key("crm")), status: 200},
		{name: "basic with a wrong password", request: crm("crm", wrongKey), status: 401, reason: authz.ReasonBasicInvalid},
		{name: "basic with a wrong user", request: crm("mrc", key("crm")), status: 401, reason: authz.ReasonBasicInvalid},
		{name: "basic without", request: crm("crm", wrongKey).without("Authorization"), status: 401, reason: authz.ReasonCredentialMissing},

		{name: "key in the query", request: legacy(), status: 200},
		{name: "key in the query twice", request: legacy().to("/hooks/legacy?key=" + key("legacy") + "&key=" + key("legacy")), status: 401, reason: authz.ReasonCredentialMalformed},
		{name: "wrong key in the query", request: legacy().to("/hooks/legacy?key=" + wrongKey), status: 401, reason: authz.ReasonAPIKeyInvalid},
		{name: "no key in the query", request: legacy().to("/hooks/legacy"), status: 401, reason: authz.ReasonCredentialMissing},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := shared.send(t, tt.request)
			if tt.status != http.StatusOK {
				d := shared.denied(t, r, tt.status, tt.reason)
				if d.SelectedBy != "context_extension" {
					t.Errorf("policy selected by %q, want the context extension", d.SelectedBy)
				}
				if !strings.Contains(r.body, d.DecisionID) || strings.Contains(r.body, d.Reason) {
					t.Errorf("body %q, want the decision's id and not its reason", r.body)
				}
				return
			}
			if seen, _ := shared.allowed(t, r); string(seen.body) != string(tt.request.body) {
				t.Errorf("the upstream saw body %q, want %q", seen.body, tt.request.body)
			}
		})
	}
}

// Begini's test endpoint says 424 where no key was set up. In a world of its own,
// since its secret goes away.
func TestBeginiTestWithoutSecret(t *testing.T) {
	t.Parallel()
	b := startBao(t)
	b.remove(t, "begini")
	w := newWorld(t, setup{bao: b})
	w.denied(t, w.send(t, beginiTest(event)), http.StatusFailedDependency, authz.ReasonSecretMissing)
	w.denied(t, w.send(t, begini(event)), http.StatusInternalServerError, authz.ReasonSecretMissing)
	w.allowed(t, w.send(t, tower(event)))
}

// A delivery as GitHub sends it.
func TestGitHubPush(t *testing.T) {
	body := push(t)
	good := github(body).with("X-GitHub-Event", "push").with("Content-Type", "application/json")
	seen, d := shared.allowed(t, shared.send(t, good))
	if string(seen.body) != string(body) {
		t.Error("the upstream saw another body")
	}
	if got := seen.header.Get("X-Webhook-Sender"); got != "github" {
		t.Errorf("X-Webhook-Sender = %q, want github", got)
	}
	if seen.header.Get(githubHeader) == "" {
		t.Error("the signature did not reach the upstream, though it is no secret")
	}
	if d.Policy != "github" || d.BodyBytes != len(body) || d.BodyForm != "raw" || d.SecretAge != "current" {
		t.Errorf("decision log: %+v", d)
	}

	tampered := append([]byte(nil), body...)
	tampered[len(tampered)/2] ^= 1
	changed := good
	changed.body = tampered
	shared.denied(t, shared.send(t, changed), 401, authz.ReasonSignatureMismatch)
	shared.denied(t, shared.send(t, good.without(githubHeader)), 401, authz.ReasonCredentialMissing)
}
