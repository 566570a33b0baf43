//go:build e2e

package e2e

import (
	"net/url"
	"strings"
	"testing"

	"github.com/hookauthz/hookauthz/authz"
)

const forged = "forged-by-the-sender"

// The application can rely on the headers that policies set.
func TestIdentityHeaders(t *testing.T) {
	const identity = "X-Webhook-Sender"
	tests := []struct {
		name    string
		request request
		want    string
	}{
		{name: "set", request: github(event), want: "github"},
		{name: "overwritten", request: github(event).with(identity, forged), want: "github"},
		{name: "overwritten, two lines", request: github(event).with(identity, forged).with("x-webhook-SENDER", forged), want: "github"},
		{name: "overwritten by a user's name", request: crm("crm", key("crm")).with(identity, forged), want: "crm"},
		{name: "removed where the policy does not set it", request: autify(event).with(identity, forged)},
		{name: "removed, two lines", request: tower(event).with(identity, forged).with(identity, forged)},
		{name: "removed over fail-open", request: tower(event).with(identity, forged).on("fail-open")},
		{name: "removed with merged headers", request: tower(event).with(identity, forged).with(identity, forged).on("merged-headers")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			seen, _ := shared.allowed(t, shared.send(t, tt.request))
			if got := strings.Join(seen.header.Values(identity), "|"); got != tt.want {
				t.Errorf("%s upstream = %q, want %q", identity, got, tt.want)
			}
		})
	}
	// Envoy refuses names that some applications read as the one above.
	shared.never(t, shared.send(t, tower(event).with("X_Webhook_Sender", forged)), 400)
}

// Credentials that are good for every request stay here; signatures go on.
func TestCredentialsRemoved(t *testing.T) {
	for name, r := range map[string]request{"X-Api-Key": tower(event), "Api-key": beginiTest(event), "Authorization": crm("crm", key("crm"))} {
		seen, _ := shared.allowed(t, shared.send(t, r))
		if got := seen.header.Get(name); got != "" {
			t.Errorf("header %s reached the upstream", name)
		}
	}

	seen, _ := shared.allowed(t, shared.send(t, legacy()))
	query, _ := url.ParseQuery(strings.TrimPrefix(seen.path, "/hooks/legacy?"))
	if len(query) != 2 || query.Get("topic") != "orders" || query.Get("page") != "2" {
		t.Errorf("path upstream = %q, want topic and page and no key", seen.path)
	}
}

// What Envoy says of bodies is not the sender's to say, neither to us nor to the
// application.
func TestPartialBodyHeader(t *testing.T) {
	const partial = "X-Envoy-Auth-Partial-Body"
	for _, listener := range []string{"ingress", "no-body", "fail-open"} {
		seen, _ := shared.allowed(t, shared.send(t, tower(event).on(listener).with(partial, "false").with(partial, "true")))
		if values := seen.header.Values(partial); len(values) > 0 {
			t.Errorf("listener %s: %s upstream = %q", listener, partial, values)
		}
	}
	shared.denied(t, shared.send(t, github(event).on("no-body").with(partial, "false")), 500, authz.ReasonBodyNotForwarded)
	shared.allowed(t, shared.send(t, github(event).with(partial, "true")))
}

// Two values of what is one: which of them counts, programs differ in.
func TestDuplicates(t *testing.T) {
	good := github(event)
	bad := "sha256=" + strings.Repeat("00", 32)
	for _, tt := range []struct {
		name    string
		request request
		reason  authz.Reason
	}{
		{name: "right and wrong signature", request: good.with(githubHeader, bad), reason: authz.ReasonDuplicateHeader},
		{name: "wrong and right signature", request: good.replaced(githubHeader, bad).with(githubHeader, good.value(githubHeader)), reason: authz.ReasonDuplicateHeader},
		{name: "right signature twice", request: good.with(strings.ToLower(githubHeader), good.value(githubHeader)), reason: authz.ReasonDuplicateHeader},
		{name: "right signature twice in a line", request: good.replaced(githubHeader, good.value(githubHeader)+","+good.value(githubHeader)), reason: authz.ReasonCredentialMalformed},
		{name: "key twice", request: tower(event).with("X-Api-Key", key("tower")), reason: authz.ReasonDuplicateHeader},
		// Envoy joins Authorization itself, whatever it is told of raw headers.
		{name: "right and wrong password", request: crm("crm", key("crm")).with("Authorization", "Basic Y3JtOng="), reason: authz.ReasonCredentialMalformed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			shared.denied(t, shared.send(t, tt.request), 401, tt.reason)
			shared.denied(t, shared.sendFrames(t, tt.request, frames(event, true)), 401, tt.reason)
			// Joined by Envoy, two lines look like one.
			shared.never(t, shared.send(t, tt.request.on("merged-headers")), 401)
			shared.never(t, shared.sendFrames(t, tt.request.on("merged-headers"), frames(event, true)), 401)
		})
	}
	shared.allowed(t, shared.send(t, good.on("merged-headers")))
}

// Values that are almost right.
func TestHeaderValues(t *testing.T) {
	good := github(event).value(githubHeader)
	for name, value := range map[string]string{
		"other prefix":       "SHA256=" + good[7:],
		"no prefix":          good[7:],
		"cut":                good[:len(good)-2],
		"longer":             good + "00",
		"a tab inside":       good[:20] + "\t" + good[20:],
		"not ASCII":          good + "\xff",
		"not ASCII, merged":  "\xff" + good,
		"zero x":             "sha256=0x" + good[9:],
		"another algorithm":  "sha1=" + good[7:47],
		"blank after prefix": "sha256= " + good[7:],
	} {
		t.Run(name, func(t *testing.T) {
			r := github(event).replaced(githubHeader, value)
			shared.never(t, shared.send(t, r), 401)
			shared.never(t, shared.send(t, r.on("merged-headers")), 401)
			shared.never(t, shared.send(t, r.on("fail-open")), 401)
		})
	}
}

// A gateway that repeats its question gets the same answer.
func TestRetries(t *testing.T) {
	shared.allowed(t, shared.send(t, github(event).on("retries")))
	shared.denied(t, shared.send(t, tampered(github(event)).on("retries")), 401, authz.ReasonSignatureMismatch)
}
