package vault

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/hashicorp/vault/api"
)

// The limits of what a server may send.
const (
	maxBodyBytes   = 1 << 20
	maxHeaderBytes = 64 << 10
)

var errTooLarge = errors.New("answer is too large")

// newTransport returns a transport that takes nothing from the environment, not
// even a proxy.
func newTransport(cfg Config) (*http.Transport, error) {
	conf := &tls.Config{
		MinVersion:         tls.VersionTLS12,
		ServerName:         cfg.TLSServerName,
		InsecureSkipVerify: cfg.SkipVerify && cfg.Dev, //nolint:gosec // development mode only
	}
	if cfg.CACert != "" || cfg.CAPath != "" {
		pool, err := authorities(cfg.CACert, cfg.CAPath)
		if err != nil {
			return nil, err
		}
		conf.RootCAs = pool
	}
	if cfg.ClientCert != "" {
		conf.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			pair, err := tls.LoadX509KeyPair(cfg.ClientCert, cfg.ClientKey)
			return &pair, err
		}
		if _, err := conf.GetClientCertificate(nil); err != nil {
			return nil, fmt.Errorf("read client certificate: %w", err)
		}
	}
	dialer := &net.Dialer{Timeout: cfg.Timeout}
	return &http.Transport{
		DialContext:            dialer.DialContext,
		TLSClientConfig:        conf,
		TLSHandshakeTimeout:    cfg.Timeout,
		ResponseHeaderTimeout:  cfg.Timeout,
		MaxIdleConnsPerHost:    16,
		MaxConnsPerHost:        32,
		IdleConnTimeout:        90 * time.Second, // as in net/http
		MaxResponseHeaderBytes: maxHeaderBytes,
		DisableCompression:     true,
	}, nil
}

func authorities(file, dir string) (*x509.CertPool, error) {
	pool := x509.NewCertPool()
	files := []string{}
	if file != "" {
		files = append(files, file)
	}
	if dir != "" {
		entries, err := os.ReadDir(dir)
		if err != nil {
			return nil, fmt.Errorf("read directory of CA certificates: %w", err)
		}
		for _, e := range entries {
			if !e.IsDir() {
				files = append(files, filepath.Join(dir, e.Name()))
			}
		}
	}
	found := false
	for _, name := range files {
		text, err := os.ReadFile(name) //nolint:gosec // the operator names it
		if err != nil {
			return nil, fmt.Errorf("read CA certificates: %w", err)
		}
		ok := pool.AppendCertsFromPEM(text)
		if !ok && name == file {
			return nil, fmt.Errorf("read CA certificates: no certificate in %s", name)
		}
		found = found || ok
	}
	if !found {
		return nil, errors.New("read CA certificates: no certificate in the directory")
	}
	return pool, nil
}

// A limiter cuts bodies. It stands below the library, which reads the body of
// an error whole before anybody can look at it.
type limiter struct{ next http.RoundTripper }

// RoundTrip implements [http.RoundTripper].
func (l limiter) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := l.next.RoundTrip(r)
	if err != nil {
		return nil, err //nolint:wrapcheck // net/http wants it as it is
	}
	resp.Body = &limited{body: resp.Body, left: maxBodyBytes}
	return resp, nil
}

type limited struct {
	body io.ReadCloser
	left int
}

// Read implements [io.Reader].
func (l *limited) Read(p []byte) (int, error) {
	if len(p) > l.left+1 {
		p = p[:l.left+1]
	}
	n, err := l.body.Read(p)
	if n > l.left {
		return 0, errTooLarge
	}
	l.left -= n
	return n, err //nolint:wrapcheck // an io.Reader returns io.EOF itself
}

// Close implements [io.Closer].
func (l *limited) Close() error { return l.body.Close() } //nolint:wrapcheck // nothing to add

// newAPI returns a client of the library for one token. A client is never
// changed afterwards, since that would race with its requests.
func newAPI(cfg Config, transport http.RoundTripper, token string) (*api.Client, error) {
	client, err := api.NewClient(&api.Config{
		Address: cfg.Address,
		HttpClient: &http.Client{
			Transport:     transport,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		DisableRedirects: true,
		Timeout:          cfg.Timeout,
		MaxRetries:       0,
		// The library's own policy closes all idle connections after a 503.
		CheckRetry: func(context.Context, *http.Response, error) (bool, error) { return false, nil },
	})
	if err != nil {
		// It may quote a variable, and so a password.
		return nil, errors.New("make a client: the Vault library can't read one of the VAULT_ variables " +
			"of the environment, such as VAULT_MAX_RETRIES, VAULT_CLIENT_TIMEOUT, VAULT_CACERT or VAULT_HEADERS")
	}
	// NewClient took token, namespace and headers from the environment.
	client.SetHeaders(http.Header{api.RequestHeaderName: {"true"}})
	if cfg.Namespace != "" {
		client.SetNamespace(cfg.Namespace)
	}
	client.SetToken(token)
	client.SetWrappingLookupFunc(func(string, string) string { return "" })
	return client, nil
}
