package listen

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync/atomic"
	"time"

	"github.com/hookauthz/hookauthz/server/config"
)

// PollEvery is how often the files of a [Credentials] are looked at.
const PollEvery = 10 * time.Second

// Credentials are the certificate of a listener and the rules for its clients.
// They follow their files: a connection made after a change sees the new ones.
// Its methods may be called by many goroutines, apart from [Credentials.Run].
type Credentials struct {
	files   config.TLS
	offers  []string // protocols, by ALPN (RFC 7301)
	log     *slog.Logger
	current atomic.Pointer[tls.Config]
	read    [sha256.Size]byte // of what current was made from; Run's alone
}

// Protocols that a listener offers to its clients.
const (
	HTTP1 = "http/1.1"
	HTTP2 = "h2"
)

// NewCredentials reads the files. Clients are offered protocols, and [HTTP2],
// which gRPC wants, if there are none.
func NewCredentials(files config.TLS, log *slog.Logger, protocols ...string) (*Credentials, error) {
	if len(protocols) == 0 {
		protocols = []string{HTTP2}
	}
	c := &Credentials{files: files, offers: protocols, log: log}
	if _, err := c.reload(); err != nil {
		return nil, err
	}
	return c, nil
}

// Config returns the configuration for a listener.
func (c *Credentials) Config() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		NextProtos: c.offers,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			return c.current.Load(), nil
		},
	}
}

// Run reads the files again when they change, until ctx is done. Files that
// can't be used leave the ones before in use.
func (c *Credentials) Run(ctx context.Context) {
	tick := time.NewTicker(PollEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		changed, err := c.reload()
		switch {
		case err != nil:
			c.log.ErrorContext(ctx, "the changed TLS files can't be used; the old ones stay in use", slog.Any("error", err))
		case changed:
			c.log.InfoContext(ctx, "TLS files were read again")
		}
	}
}

func (c *Credentials) reload() (changed bool, err error) {
	cert, errCert := os.ReadFile(c.files.Cert)
	key, errKey := os.ReadFile(c.files.Key)
	var ca []byte
	var errCA error
	if c.files.ClientCA != "" {
		ca, errCA = os.ReadFile(c.files.ClientCA)
	}
	if err := errors.Join(errCert, errKey, errCA); err != nil {
		return false, fmt.Errorf("read TLS files: %w", err)
	}
	digest := digestOf(cert, key, ca)
	if digest == c.read {
		return false, nil
	}
	next, err := c.build(cert, key, ca)
	if err != nil {
		return false, err
	}
	c.current.Store(next)
	c.read = digest
	return true, nil
}

func digestOf(parts ...[]byte) [sha256.Size]byte {
	h := sha256.New()
	for _, p := range parts {
		sum := sha256.Sum256(p)
		h.Write(sum[:])
	}
	return [sha256.Size]byte(h.Sum(nil))
}

func (c *Credentials) build(cert, key, ca []byte) (*tls.Config, error) {
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return nil, fmt.Errorf("use %s and %s: %w", c.files.Cert, c.files.Key, err)
	}
	next := &tls.Config{
		MinVersion:   tls.VersionTLS12,
		Certificates: []tls.Certificate{pair},
		NextProtos:   c.offers,
		// Connections live for minutes: resuming one would save nothing and
		// outlive a change of the authorities.
		SessionTicketsDisabled: true,
	}
	if c.files.ClientCA == "" {
		return next, nil
	}
	next.ClientCAs = x509.NewCertPool()
	if !next.ClientCAs.AppendCertsFromPEM(ca) {
		return nil, fmt.Errorf("use %s: it holds no certificate", c.files.ClientCA)
	}
	next.ClientAuth = tls.RequireAndVerifyClientCert
	if len(c.files.ClientSANs) > 0 {
		next.VerifyConnection = func(state tls.ConnectionState) error { return c.pinned(state) }
	}
	return next, nil
}

// pinned returns nil if the client's certificate holds one of the names.
func (c *Credentials) pinned(state tls.ConnectionState) error {
	if len(state.VerifiedChains) == 0 || len(state.PeerCertificates) == 0 {
		return errors.New("no verified client certificate")
	}
	leaf := state.PeerCertificates[0]
	for _, name := range leaf.DNSNames {
		if slices.Contains(c.files.ClientSANs, name) {
			return nil
		}
	}
	for _, uri := range leaf.URIs {
		if slices.Contains(c.files.ClientSANs, uri.String()) {
			return nil
		}
	}
	c.log.Warn("refused a client: none of its certificate's names is in --tls-client-san")
	return errors.New("the client certificate holds none of the permitted names")
}
