// Package outbound makes the requests that go to servers which somebody else
// runs: issuers of tokens, and servers that judge tokens.
//
// A [Client] is careful about where it connects to. The address is checked when
// the connection is made, after the name was resolved, so a name that leads into
// our own network, or comes to lead there later, leads nowhere. Nothing is taken
// from the environment, not even a proxy: behind one the address could not be
// checked.
package outbound

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Defaults of a [Request], and what a server may send besides the body.
const (
	DefaultTimeout  = 2 * time.Second
	DefaultMaxBytes = 512 << 10
	maxHeaderBytes  = 64 << 10
	maxRedirects    = 3
)

// A Config says what a [Client] may do.
type Config struct {
	// Dev permits what must not be in production: plain http, and addresses of
	// this machine and of private networks.
	Dev bool
	// Roots are the authorities that servers' certificates must lead to; nil
	// means the system's.
	Roots *x509.CertPool
}

// A Client makes requests. Its methods may be called by many goroutines.
type Client struct {
	dev bool
	// Connections of requests that may reach private networks are kept apart,
	// so that no other request is served over one of them.
	public, private *http.Client
}

// New returns a Client.
func New(cfg Config) *Client {
	return &Client{dev: cfg.Dev, public: newHTTP(cfg, false), private: newHTTP(cfg, true)}
}

func newHTTP(cfg Config, private bool) *http.Client {
	gate := gate{private: private || cfg.Dev, loopback: cfg.Dev}
	dialer := &net.Dialer{Timeout: DefaultTimeout, ControlContext: gate.control}
	return &http.Client{
		CheckRedirect: checkRedirect,
		Transport: &http.Transport{
			DialContext:            dialer.DialContext,
			TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: cfg.Roots},
			MaxIdleConnsPerHost:    16,
			MaxConnsPerHost:        64,
			IdleConnTimeout:        90 * time.Second, // as in net/http
			MaxResponseHeaderBytes: maxHeaderBytes,
			DisableCompression:     true,
		},
	}
}

// A Request is what is asked of a server.
type Request struct {
	// Method, empty for GET. URL is an https URL without user and fragment.
	Method string
	URL    string
	// Header is sent as it is; nil for nothing of ours.
	Header http.Header
	Body   []byte
	// Private permits addresses of private networks. Those of this machine and
	// of its link are not permitted by it.
	Private bool
	// Direct makes every redirect an error.
	Direct bool
	// MaxBytes is how large the answer's body may be; 0 means
	// [DefaultMaxBytes].
	MaxBytes int64
	// Timeout ends the request, with all its redirects; 0 means
	// [DefaultTimeout].
	Timeout time.Duration
}

// A Response is what a server answered, whatever its status, unless that is a
// redirect.
type Response struct {
	Status int
	// ContentType is the header as it came, empty if there was none.
	ContentType string
	Header      http.Header
	Body        []byte
}

// Do makes one request and returns the whole answer. It ends when ctx does, or
// before. Unless r is Direct, redirects of a GET are followed within the same
// scheme, host and port, three at most; others are errors. The error is an
// [*Error].
func (c *Client) Do(ctx context.Context, r Request) (*Response, error) {
	u, err := c.parse(r.URL)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, positive(r.Timeout, DefaultTimeout))
	defer cancel()
	method := r.Method
	if method == "" {
		method = http.MethodGet
	}
	request, err := http.NewRequestWithContext(ctx, method, u.String(), bytes.NewReader(r.Body))
	if err != nil {
		return nil, &Error{Cause: CauseURL}
	}
	if r.Header != nil {
		request.Header = r.Header.Clone()
	}
	if request.Header.Get("User-Agent") == "" {
		request.Header.Set("User-Agent", "hookauthz")
	}
	client := c.public
	if r.Private {
		client = c.private
	}
	if r.Direct {
		direct := *client // the connections stay the same
		direct.CheckRedirect = refuseRedirect
		client = &direct
	}
	response, err := receive(client, request, positive(r.MaxBytes, DefaultMaxBytes))
	if err != nil {
		return nil, &Error{Cause: cause(err)}
	}
	return response, nil
}

// parse refuses what can't be asked safely, before any connection.
func (c *Client) parse(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil, u.Hostname() == "", u.User != nil, u.Fragment != "", u.Opaque != "":
		return nil, &Error{Cause: CauseURL}
	case u.Scheme != "https" && (!c.dev || u.Scheme != "http"):
		return nil, &Error{Cause: CauseScheme}
	}
	return u, nil
}

func receive(client *http.Client, request *http.Request, limit int64) (*Response, error) {
	resp, err := client.Do(request)
	if err != nil {
		return nil, err //nolint:wrapcheck // only classified
	}
	defer resp.Body.Close()       //nolint:errcheck // all that counts was read
	if resp.StatusCode/100 == 3 { // without a place to go on
		return nil, errRedirect
	}
	if encoding := resp.Header.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return nil, errEncoding
	}
	if resp.ContentLength > limit {
		return nil, errTooLarge
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	if err != nil {
		return nil, err //nolint:wrapcheck // only classified
	}
	if int64(len(body)) > limit {
		return nil, errTooLarge
	}
	return &Response{
		Status: resp.StatusCode, ContentType: resp.Header.Get("Content-Type"), Header: resp.Header, Body: body,
	}, nil
}

// checkRedirect is [http.Client.CheckRedirect]. What was asked by another method
// than GET is not asked elsewhere: the body may hold a credential.
func checkRedirect(next *http.Request, via []*http.Request) error {
	first := via[0]
	if first.Method != http.MethodGet || len(via) > maxRedirects ||
		next.URL.Scheme != first.URL.Scheme || !strings.EqualFold(next.URL.Host, first.URL.Host) || next.URL.User != nil {
		return errRedirect
	}
	return nil
}

func refuseRedirect(*http.Request, []*http.Request) error { return errRedirect }

// Close closes the connections that no request uses. The client still works
// afterwards.
func (c *Client) Close() {
	c.public.CloseIdleConnections()
	c.private.CloseIdleConnections()
}

func positive[T ~int64](value, fallback T) T {
	if value > 0 {
		return value
	}
	return fallback
}

var (
	errTooLarge = errors.New("answer is too large")
	errEncoding = errors.New("answer is compressed")
	errRedirect = errors.New("redirect is not followed")
	errAddress  = errors.New("address is not permitted")
)
