//go:build e2e

package e2e

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/hookauthz/hookauthz/authz"
)

// Encrypted bodies whose content the application gets in their place.
func TestPayload(t *testing.T) {
	p := proofs()
	large := bytes.Repeat([]byte("<order/>"), 20_000)
	binary := []byte("\x00\xff\r\n not text")
	claims := mustJSON(orderClaims())
	inner := []byte(p.tok.raw([]byte(`{"alg":"ES256"}`), claims))
	chunked := sealedBody("jwe-payload-sibling", p.toRSA().of(t, large))
	chunked.chunked = true
	for _, tt := range []struct {
		name      string
		request   request
		plaintext []byte
		kind      string // of content
		signed    bool
	}{
		{name: "sibling", request: sealedBody("jwe-payload-sibling", p.toRSA().of(t, binary)), plaintext: binary, kind: "application/xml"},
		{name: "sibling, large", request: sealedBody("jwe-payload-sibling", p.toRSA().of(t, large)), plaintext: large, kind: "application/xml"},
		{name: "sibling, chunked", request: chunked, plaintext: large, kind: "application/xml"},
		{name: "sibling, nothing in it", request: sealedBody("jwe-payload-sibling", p.toRSA().of(t, nil)), kind: "application/xml"},
		{name: "inner", request: sealedBody("jwe-payload-inner", p.toEC().of(t, inner)), plaintext: claims, kind: "application/json", signed: true},
		{name: "shared", request: inData("jwe-payload-shared", p.toShared().of(t, event)), plaintext: event, kind: "application/json", signed: true},
		{name: "shared, something besides", request: besides(inData("jwe-payload-shared", p.toShared().of(t, event))), plaintext: event, kind: "application/json", signed: true},
		{name: "only signed", request: tokenBody("jws-payload", string(inner)), plaintext: claims, kind: "application/json; charset=utf-8", signed: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			seen, d := p.allowed(t, p.send(t, tt.request.on(processing)))
			if !bytes.Equal(seen.body, tt.plaintext) {
				t.Errorf("the upstream saw %d bytes, %.60q; want %d, %.60q", len(seen.body), seen.body, len(tt.plaintext), tt.plaintext)
			}
			if got, length := seen.header.Get("Content-Type"), seen.header.Get("Content-Length"); got != tt.kind || length != fmt.Sprint(len(tt.plaintext)) {
				t.Errorf("Content-Type %q, Content-Length %q; want %q, %d", got, length, tt.kind, len(tt.plaintext))
			}
			if tt.request.path == "/e2e/jwe-payload-sibling" && seen.header.Get("X-Any-Name-At-All") != "" {
				t.Error("the credential reached the upstream")
			}
			if tt.request.path != "/e2e/jws-payload" && d.Content != contentOf(tt.signed) {
				t.Errorf("content %q, want %q", d.Content, contentOf(tt.signed))
			}
		})
		// The filter that only says yes or no can't put anything in the body's place.
		t.Run(tt.name+" without the means", func(t *testing.T) {
			t.Parallel()
			p.denied(t, p.send(t, tt.request), 500, authz.ReasonGatewayNotAttested)
		})
	}
	good := sealedBody("jwe-payload-sibling", p.toRSA().of(t, event))
	other := p.toRSA()
	other.key = newPair(t, "rsa").Public()
	changed := good
	changed.body = []byte(flipped(string(good.body), 3))
	for _, tt := range []struct {
		name    string
		request request
		reason  authz.Reason
	}{
		{name: "nobody says who sends", request: good.without("X-Any-Name-At-All"), reason: authz.ReasonCredentialMissing},
		{name: "to another key", request: sealedBody("jwe-payload-sibling", other.of(t, order())), reason: authz.ReasonDecryptionFailed},
		{name: "changed", request: changed, reason: authz.ReasonDecryptionFailed},
		{name: "inside, another key", request: sealedBody("jwe-payload-inner", p.toEC().of(t, []byte(newSigner(t, "", "ES256").token(orderClaims())))), reason: authz.ReasonSignatureMismatch},
		{name: "only signed, another key", request: tokenBody("jws-payload", newSigner(t, "", "ES256").token(orderClaims())), reason: authz.ReasonSignatureMismatch},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p.deniedBy(t, "ext_proc_denied", p.send(t, tt.request.on(processing)), 401, tt.reason)
		})
	}
}

// A policy that only watches changes nothing, by whichever filter it is asked.
func TestPayloadWatched(t *testing.T) {
	p := proofs()
	good := sealedBody("jwe-watched", p.toRSA().of(t, order()))
	for _, listener := range []string{"", processing} {
		for _, tt := range []struct {
			request request
			reason  authz.Reason
		}{
			{request: good, reason: authz.ReasonVerified},
			{request: good.without("X-Any-Name-At-All"), reason: authz.ReasonCredentialMissing},
			{request: sealedBody("jwe-watched", string(event)), reason: authz.ReasonCredentialMalformed},
		} {
			got := p.send(t, tt.request.on(listener))
			seen, ok := p.upstream.seen(got.id)
			if !ok || got.status != 200 || !bytes.Equal(seen.body, tt.request.body) || seen.header.Get("Content-Type") != "application/jose" {
				t.Errorf("listener %q, %v: status %d, the upstream saw %.20q as %q", listener, tt.reason, got.status, seen.body, seen.header.Get("Content-Type"))
			}
			if seen.header.Get("X-Any-Name-At-All") != tt.request.value("X-Any-Name-At-All") {
				t.Error("the request was changed")
			}
			if d, _ := decisionBy(p.servers, seen.header.Get("X-Request-Id")); d.Reason != tt.reason.String() || d.Mode != "monitor" {
				t.Errorf("listener %q: reason %s in mode %q, want %v in monitor", listener, d.Reason, d.Mode, tt.reason)
			}
		}
	}
}
