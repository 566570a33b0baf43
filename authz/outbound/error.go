package outbound

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"strconv"
	"time"
)

// A Cause says why there is no answer. The set is closed, so a cause may be
// logged and be a metric label.
type Cause string

// The causes.
const (
	CauseURL       Cause = "url"       // the URL can't be asked
	CauseScheme    Cause = "scheme"    // the URL is not https
	CauseAddress   Cause = "address"   // the name leads to an address that is not permitted
	CauseRedirect  Cause = "redirect"  // the server sends us elsewhere
	CauseTLS       Cause = "tls"       // the server's certificate does not hold
	CauseTimeout   Cause = "timeout"   // no whole answer in time
	CauseCancelled Cause = "cancelled" // nobody waits for the answer
	CauseNetwork   Cause = "network"   // no connection, or it broke
	CauseTooLarge  Cause = "too_large" // more bytes than permitted
	CauseEncoding  Cause = "encoding"  // the answer is compressed, which was not asked for
)

// An Error is why there is no answer. It holds no address, no URL and nothing
// that a server sent.
type Error struct{ Cause Cause }

// Error implements error.
func (e *Error) Error() string { return "no answer: " + string(e.Cause) }

// cause returns why there was no answer. The library's own text quotes the URL.
func cause(err error) Cause {
	var network net.Error
	switch {
	case errors.Is(err, errTooLarge):
		return CauseTooLarge
	case errors.Is(err, errEncoding):
		return CauseEncoding
	case errors.Is(err, errRedirect):
		return CauseRedirect
	case errors.Is(err, errAddress):
		return CauseAddress
	case errors.Is(err, context.Canceled):
		return CauseCancelled
	case IsTLS(err):
		return CauseTLS
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &network) && network.Timeout():
		return CauseTimeout
	}
	return CauseNetwork
}

// IsTLS reports whether err, of any HTTP client, says that no TLS connection to
// the server came about.
func IsTLS(err error) bool {
	var (
		unverified *tls.CertificateVerificationError
		authority  x509.UnknownAuthorityError
		invalid    x509.CertificateInvalidError
		hostname   x509.HostnameError
		record     tls.RecordHeaderError
		alert      tls.AlertError
	)
	return errors.As(err, &unverified) || errors.As(err, &authority) || errors.As(err, &invalid) ||
		errors.As(err, &hostname) || errors.As(err, &record) || errors.As(err, &alert)
}

// RetryAfter returns how long an answer asks to be left alone (RFC 9110, section
// 10.2.3), 0 if it does not.
func RetryAfter(h http.Header) time.Duration {
	text := h.Get("Retry-After")
	if seconds, err := strconv.ParseUint(text, 10, 32); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(time.Until(at), 0)
	}
	return 0
}
