//go:build e2e

package e2e

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/hookauthz/hookauthz/authz"
)

// tokenFactor is a token in a header that holds the body's digest.
func (p *proofWorld) tokenFactor() factor {
	return factor{
		name:  "jws",
		check: `{jws: {header: X-Webhook-Token, algorithms: [ES256], keys: [jws-key], assert: [{value: "{claim:digest}", equals: "{body|sha256|hex}"}]}}`,
		show: func(t *testing.T, _ *identityWorld, r request, what shown) request {
			t.Helper()
			k := p.tok
			switch what {
			case right:
			case wrong:
				k = newSigner(t, "", "ES256")
			case missing:
				return r
			}
			return r.with("X-Webhook-Token", k.token(claimsWith(orderClaims(), "digest", fmt.Sprintf("%x", sha256.Sum256(r.body)))))
		},
		status: 401, reason: authz.ReasonSignatureMismatch,
	}
}

// sealFactor encrypts the body. Where that is missing there is no body at all: any
// other would be one that can't be read.
func (p *proofWorld) sealFactor() factor {
	return factor{
		name:  "jwe",
		check: `{jwe: {body: {}, key_algorithms: [RSA-OAEP-256], content_algorithms: [A256GCM], keys: [jwe-rsa]}}`,
		show: func(t *testing.T, _ *identityWorld, r request, what shown) request {
			t.Helper()
			to := p.toRSA()
			r.body = []byte{}
			switch what {
			case right:
			case wrong:
				to.key = p.pairs["unread"].Public() // of the same kind
			case missing:
				return r
			}
			r.body = []byte(to.of(t, order()))
			return r
		},
		status: 401, reason: authz.ReasonDecryptionFailed,
	}
}

// proven are what a sender shows besides.
func (p *proofWorld) proven() []factor {
	var some []factor
	for _, one := range first {
		switch one.name {
		case "key", "basic", "bearer":
			some = append(some, one)
		}
	}
	return append(some, p.tokenFactor())
}

// payloadSuffix is what the name of a policy ends with by which the application gets
// what was encrypted.
const payloadSuffix = "-certificate-jwe-payload"

// proofPairs returns policies for each of proven with a certificate, with an
// encrypted body, and with both.
func (p *proofWorld) proofPairs() string {
	var b strings.Builder
	b.WriteString(`secrets:
  combined-key: {vault: {path: webhooks/combined-key, field: value}}
  combined-password: {vault: {path: webhooks/combined-password, field: value}}
  anchors: {file: {path: "${ANCHORS}"}}
keys:
  from-file: {stored: {secret: anchors, format: x509}}
policies:
`)
	certificate, sealed := second[0].check, p.sealFactor().check
	for _, one := range p.proven() {
		fmt.Fprintf(&b, "  %s-certificate: {require: {all_of: [%s, %s]}}\n", one.name, one.check, certificate)
		fmt.Fprintf(&b, "  %s-jwe: {require: {all_of: [%s, %s]}}\n", one.name, one.check, sealed)
		all := fmt.Sprintf("{all_of: [%s, %s, %s]}", one.check, certificate, sealed)
		fmt.Fprintf(&b, "  %s-certificate-jwe: {require: %s}\n", one.name, all)
		fmt.Fprintf(&b, "  %s%s: {require: %s, upstream: {payload: {}}}\n", one.name, payloadSuffix, all)
	}
	return b.String()
}

// Who sends, with what the connection shows, with a body that nobody else can
// read, and with both: all must hold.
func TestCombinedProofs(t *testing.T) {
	p := proofs()
	certificate, sealed := second[0], p.sealFactor()
	states := []shown{right, wrong, missing}
	for _, one := range p.proven() {
		t.Run(one.name+" and certificate", func(t *testing.T) {
			t.Parallel()
			p.combine(t, one, certificate)
		})
		t.Run(one.name+" and jwe", func(t *testing.T) {
			t.Parallel()
			for _, a := range states {
				for _, b := range states {
					r := sealed.show(t, p.identityWorld, request{path: "/e2e/" + one.name + "-jwe"}, b)
					p.judged(t, p.send(t, one.show(t, p.identityWorld, r, a)), []factor{one, sealed}, a, b)
				}
			}
		})
		t.Run(one.name+" and certificate and jwe", func(t *testing.T) {
			t.Parallel()
			for _, tt := range threefold {
				p.judged(t, p.send(t, p.showAll(t, "-certificate-jwe", one, tt)), []factor{one, certificate, sealed}, tt[:]...)
			}
		})
		t.Run(one.name+" and certificate and jwe, decrypted", func(t *testing.T) {
			t.Parallel()
			for _, tt := range threefold {
				r := p.showAll(t, payloadSuffix, one, tt)
				r.listener = processingTLS
				got := p.send(t, r)
				if tt != threefold[0] {
					p.closed(t, fmt.Sprint(tt), got)
					continue
				}
				seen, d := p.allowed(t, got)
				if !bytes.HasPrefix(seen.body, []byte(`{"event":"order.created","note":`)) || seen.header.Get("Content-Type") != "application/json" {
					t.Errorf("the upstream saw %.20q as %q, want what was encrypted", seen.body, seen.header.Get("Content-Type"))
				}
				if seen.header.Get("X-Any-Name-At-All")+seen.header.Get("Authorization") != "" {
					t.Error("the credential reached the upstream")
				}
				if signed := one.name == "jws"; d.Content != contentOf(signed) {
					t.Errorf("content %q, want %q", d.Content, contentOf(signed))
				}
			}
		})
	}
}

// threefold are states of three factors; in the first all are right.
var threefold = [][3]shown{
	{right, right, right},
	{wrong, right, right},
	{right, wrong, right},
	{right, right, wrong},
	{missing, right, right},
	{right, missing, right},
	{right, right, missing},
	{missing, missing, right},
}

// showAll is a request that shows one, a certificate and an encrypted body in the
// states of which.
func (p *proofWorld) showAll(t *testing.T, suffix string, one factor, which [3]shown) request {
	t.Helper()
	r := p.sealFactor().show(t, p.identityWorld, request{path: "/e2e/" + one.name + suffix}, which[2])
	return second[0].show(t, p.identityWorld, one.show(t, p.identityWorld, r, which[0]), which[1])
}

// judged fails t unless a request that shows factors in these states is answered
// as the first that is wrong demands.
func (p *proofWorld) judged(t *testing.T, got reply, factors []factor, states ...shown) {
	t.Helper()
	absent := slices.Contains(states, missing)
	bodiless := states[len(states)-1] == missing
	if i := slices.Index(states, wrong); i >= 0 && (factors[i].name != "jws" || !bodiless) {
		p.denied(t, got, factors[i].status, factors[i].reason)
		return
	}
	switch {
	case !absent:
		seen, d := p.allowed(t, got)
		if seen.header.Get("X-Any-Name-At-All")+seen.header.Get("Authorization") != "" {
			t.Error("the credential reached the upstream")
		}
		if d.Principal == "" {
			t.Error("nobody is told as the sender")
		}
	case factors[0].name == "jws":
		p.closed(t, fmt.Sprint(states), got)
	default:
		p.denied(t, got, 401, authz.ReasonCredentialMissing)
	}
}
