package keyset

import (
	"crypto/x509"
	"net/http"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/outbound"
	"github.com/hookauthz/hookauthz/authz/scheme/jose"
	"github.com/hookauthz/hookauthz/authz/secret"
)

// maxCertificateBody is how large what is at a URL may be, in bytes, and maxChain
// how many certificates it may hold.
const (
	maxCertificateBody = 64 << 10
	maxChain           = 10
)

// A certificate is what was fetched from a URL. What it is made of is not changed.
type certificate struct {
	notBefore, notAfter time.Time
	fresh, stale        *authz.Keys

	fetched time.Time // when the last good fetch began
	tried   time.Time // when the last fetch did
	failed  bool      // the last one failed
	used    time.Time
}

// valid reports whether the certificate counts at now, by its own word.
func (c *certificate) valid(now time.Time) bool {
	return !now.Before(c.notBefore) && !now.After(c.notAfter)
}

// due reports whether it should be fetched again.
func (c *certificate) due(now time.Time) bool {
	every := renewCertificate
	if c.failed {
		every = maxPause
	}
	return secret.Age(c.fetched, now) >= renewCertificate && secret.Age(c.tried, now) >= every
}

func (c *certificate) keys() *authz.Keys {
	if c.failed {
		return c.stale
	}
	return c.fresh
}

// A landed is what a fetch brought.
type landed struct {
	certificate *certificate
	err         *Error
}

// gone reports whether the server says that nothing is there any more. What it
// served before was withdrawn.
func (e *Error) gone() bool {
	return e.Status == http.StatusNotFound || e.Status == http.StatusGone
}

// ask fetches the certificate at url. What the server says of the content's type
// does not matter: no two servers write the same.
func (b *ByURL) ask(url string) landed {
	answer, err := b.cfg.Client.Do(b.ctx, outbound.Request{
		URL: url, Direct: true, MaxBytes: maxCertificateBody, Timeout: fetchTimeout,
	})
	if err != nil {
		return landed{err: noAnswer(StepCertificate, err)}
	}
	if answer.Status != http.StatusOK {
		return landed{err: &Error{Step: StepCertificate, Cause: CauseStatus, Status: answer.Status}}
	}
	c, ok := parseCertificate(answer.Body)
	if !ok {
		return landed{err: &Error{Step: StepCertificate, Cause: CauseMalformed, Status: answer.Status}}
	}
	return landed{certificate: c}
}

// parseCertificate reads a PEM chain whose first certificate is the signer's. The
// others are not looked at: what makes the certificate trusted is the host that
// serves it. It is false if the key can't verify signatures.
func parseCertificate(text []byte) (*certificate, bool) {
	chain, err := blocks(text, "CERTIFICATE")
	if err != nil || len(chain) > maxChain {
		return nil, false
	}
	leaf, err := x509.ParseCertificate(chain[0])
	if err != nil || leaf.KeyUsage != 0 && leaf.KeyUsage&x509.KeyUsageDigitalSignature == 0 || jose.CheckKey(leaf.PublicKey) != nil {
		return nil, false
	}
	keys := []authz.PublicKey{{Key: leaf.PublicKey}}
	return &certificate{
		notBefore: leaf.NotBefore, notAfter: leaf.NotAfter,
		fresh: &authz.Keys{Accepted: keys}, stale: &authz.Keys{Accepted: keys, Stale: true},
	}, true
}
