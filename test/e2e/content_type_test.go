//go:build e2e

package e2e

import (
	"testing"

	"github.com/hookauthz/hookauthz/authz"
)

// A body that is a token is taken for one whatever Content-Type says, or if it says
// nothing; and the application gets what came, Content-Type too.
func TestTokenContentTypes(t *testing.T) {
	p := proofs()
	stranger := newSigner(t, "", "ES256")
	inside := func(k signer) string { return p.toEC().of(t, []byte(k.token(orderClaims()))) }
	for _, tt := range []struct {
		name      string
		good, bad request
		reason    authz.Reason // of bad
	}{
		{
			name:   "jws",
			good:   tokenBody("jws-body", owned(p.agreed).token(orderClaims())),
			bad:    tokenBody("jws-body", stranger.token(orderClaims())),
			reason: authz.ReasonSignatureMismatch,
		},
		{
			name:   "jwe",
			good:   sealedBody("jwe-sibling", p.toRSA().of(t, order())),
			bad:    sealedBody("jwe-sibling", flipped(p.toRSA().of(t, order()), 3)),
			reason: authz.ReasonDecryptionFailed,
		},
		{
			name:   "jwe, signed inside",
			good:   sealedBody("jwe-inner", inside(p.tok)),
			bad:    sealedBody("jwe-inner", inside(stranger)),
			reason: authz.ReasonSignatureMismatch,
		},
	} {
		for _, media := range []string{"application/jwt", "application/jose", "application/json", "text/plain", ""} {
			t.Run(tt.name+" as "+pick(media == "", "nothing", media), func(t *testing.T) {
				t.Parallel()
				as := func(r request) request {
					r = r.without("Content-Type")
					if media != "" {
						r = r.with("Content-Type", media)
					}
					return r
				}
				good := as(tt.good)
				for _, chunked := range []bool{false, true} {
					good.chunked = chunked
					seen, _ := p.allowed(t, p.send(t, good))
					if string(seen.body) != string(tt.good.body) {
						t.Error("the upstream saw another body")
					}
					if got := seen.header.Get("Content-Type"); got != media {
						t.Errorf("the upstream saw Content-Type %q, want %q", got, media)
					}
				}
				p.denied(t, p.send(t, as(tt.bad)), 401, tt.reason)
				p.closed(t, "JSON", p.send(t, as(func() request { r := tt.good; r.body = event; return r }())))
			})
		}
	}
}
