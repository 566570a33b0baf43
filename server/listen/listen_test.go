package listen_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookauthz/hookauthz/server/config"
	"github.com/hookauthz/hookauthz/server/listen"
)

var quiet = slog.New(slog.DiscardHandler)

// An authority issues certificates for tests.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  []byte
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	key := newKey(t)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &authority{cert, key, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})}
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// issue returns a certificate and its key, PEM. A name with "://" is a URI.
func (a *authority) issue(t *testing.T, usage x509.ExtKeyUsage, names ...string) (cert, key []byte) {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{usage},
	}
	for _, name := range names {
		if strings.Contains(name, "://") {
			u, err := url.Parse(name)
			if err != nil {
				t.Fatal(err)
			}
			template.URIs = append(template.URIs, u)
			continue
		}
		template.DNSNames = append(template.DNSNames, name)
	}
	private := newKey(t)
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &private.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw})
}

func write(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// handshake connects to a listener with these credentials and returns the
// server's certificate, or the error of either side.
func handshake(t *testing.T, creds *listen.Credentials, client *tls.Config) (*x509.Certificate, error) {
	t.Helper()
	ours, theirs := net.Pipe()
	defer func() { _ = ours.Close() }()
	defer func() { _ = theirs.Close() }()
	server := tls.Server(ours, creds.Config())
	failed := make(chan error, 1)
	go func() {
		err := server.Handshake()
		if err == nil {
			_, err = server.Write([]byte("x"))
		}
		failed <- err
		_ = ours.Close()
	}()
	conn := tls.Client(theirs, client)
	_, err := io.ReadFull(conn, make([]byte, 1)) // TLS 1.3 refuses a client after its handshake
	_ = theirs.Close()
	serverErr := <-failed
	if err == nil && serverErr == nil {
		return conn.ConnectionState().PeerCertificates[0], nil
	}
	return nil, errors.Join(err, serverErr)
}

func TestClientsAreChosenByCertificate(t *testing.T) {
	ca, stranger := newAuthority(t), newAuthority(t)
	dir := t.TempDir()
	cert, key := ca.issue(t, x509.ExtKeyUsageServerAuth, "hookauthz.example")
	write(t, dir+"/tls.crt", cert)
	write(t, dir+"/tls.key", key)
	write(t, dir+"/ca.crt", ca.pem)
	files := config.TLS{Cert: dir + "/tls.crt", Key: dir + "/tls.key", ClientCA: dir + "/ca.crt"}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca.pem)

	tests := []struct {
		name   string
		pins   []string
		issuer *authority // nil: no certificate
		usage  x509.ExtKeyUsage
		names  []string
		max    uint16
		want   bool
	}{
		{name: "any client of the authority", issuer: ca, usage: x509.ExtKeyUsageClientAuth, names: []string{"other.example"}, want: true},
		{name: "no certificate", pins: []string{"envoy.example"}},
		{name: "no certificate, nothing pinned"},
		{name: "another authority", issuer: stranger, usage: x509.ExtKeyUsageClientAuth, names: []string{"envoy.example"}},
		{name: "a server's certificate", issuer: ca, usage: x509.ExtKeyUsageServerAuth, names: []string{"envoy.example"}},
		{name: "pinned DNS name", pins: []string{"envoy.example"}, issuer: ca, usage: x509.ExtKeyUsageClientAuth, names: []string{"envoy.example"}, want: true},
		{name: "pinned URI", pins: []string{"spiffe://example/envoy"}, issuer: ca, usage: x509.ExtKeyUsageClientAuth, names: []string{"spiffe://example/envoy"}, want: true},
		{name: "one of several pins", pins: []string{"a.example", "b.example"}, issuer: ca, usage: x509.ExtKeyUsageClientAuth, names: []string{"b.example"}, want: true},
		{name: "not pinned", pins: []string{"envoy.example"}, issuer: ca, usage: x509.ExtKeyUsageClientAuth, names: []string{"other.example"}},
		{name: "below a pinned name", pins: []string{"envoy.example"}, issuer: ca, usage: x509.ExtKeyUsageClientAuth, names: []string{"x.envoy.example"}},
		{name: "a wildcard that covers the pin", pins: []string{"envoy.example"}, issuer: ca, usage: x509.ExtKeyUsageClientAuth, names: []string{"*.example"}},
		{name: "no name at all", pins: []string{"envoy.example"}, issuer: ca, usage: x509.ExtKeyUsageClientAuth},
		{name: "TLS 1.2", pins: []string{"envoy.example"}, issuer: ca, usage: x509.ExtKeyUsageClientAuth, names: []string{"envoy.example"}, max: tls.VersionTLS12, want: true},
		{name: "TLS 1.2, not pinned", pins: []string{"envoy.example"}, issuer: ca, usage: x509.ExtKeyUsageClientAuth, names: []string{"a.example"}, max: tls.VersionTLS12},
		{name: "TLS 1.1", issuer: ca, usage: x509.ExtKeyUsageClientAuth, names: []string{"envoy.example"}, max: tls.VersionTLS11},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			files.ClientSANs = tt.pins
			creds, err := listen.NewCredentials(files, quiet)
			if err != nil {
				t.Fatal(err)
			}
			client := &tls.Config{RootCAs: roots, ServerName: "hookauthz.example", MinVersion: tls.VersionTLS10, MaxVersion: tt.max, NextProtos: []string{"h2"}}
			if tt.issuer != nil {
				pair, err := tls.X509KeyPair(tt.issuer.issue(t, tt.usage, tt.names...))
				if err != nil {
					t.Fatal(err)
				}
				client.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil }
			}
			_, err = handshake(t, creds, client)
			if (err == nil) != tt.want {
				t.Errorf("got %v, want connected %v", err, tt.want)
			}
		})
	}
}

func TestCredentialsFollowTheirFiles(t *testing.T) {
	ca := newAuthority(t)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca.pem)
	dir := t.TempDir()
	files := config.TLS{Cert: dir + "/tls.crt", Key: dir + "/tls.key"}
	first, firstKey := ca.issue(t, x509.ExtKeyUsageServerAuth, "hookauthz.example")
	second, secondKey := ca.issue(t, x509.ExtKeyUsageServerAuth, "hookauthz.example")
	write(t, files.Cert, first)
	write(t, files.Key, firstKey)

	synctest.Test(t, func(t *testing.T) {
		var logged bytes.Buffer
		creds, err := listen.NewCredentials(files, slog.New(slog.NewTextHandler(&logged, nil)))
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); creds.Run(ctx) }()
		defer func() { stop(); <-done }()
		serves := func(want []byte) bool {
			got, err := creds.Config().GetConfigForClient(nil)
			if err != nil {
				t.Fatal(err)
			}
			block, _ := pem.Decode(want)
			return bytes.Equal(got.Certificates[0].Certificate[0], block.Bytes)
		}

		write(t, files.Cert, second) // the key does not fit yet
		time.Sleep(listen.PollEvery + time.Second)
		synctest.Wait()
		if !serves(first) {
			t.Error("a half-changed pair replaced the one before")
		}
		if !strings.Contains(logged.String(), "can't be used") {
			t.Errorf("the mistake was not logged: %s", &logged)
		}
		write(t, files.Key, secondKey)
		time.Sleep(listen.PollEvery + time.Second)
		synctest.Wait()
		if !serves(second) {
			t.Error("the new pair is not used")
		}
	})
}

// gRPC wants HTTP/2 and nothing else; another listener may offer something else.
func TestProtocolsAreOffered(t *testing.T) {
	ca := newAuthority(t)
	dir := t.TempDir()
	cert, key := ca.issue(t, x509.ExtKeyUsageServerAuth, "hookauthz.example")
	files := config.TLS{Cert: dir + "/tls.crt", Key: dir + "/tls.key"}
	write(t, files.Cert, cert)
	write(t, files.Key, key)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca.pem)
	tests := []struct {
		name   string
		offers []string
		want   string
	}{
		{name: "by default", want: listen.HTTP2},
		{name: "the older one", offers: []string{listen.HTTP1}, want: listen.HTTP1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			creds, err := listen.NewCredentials(files, quiet, tt.offers...)
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			served, err := handshake(t, creds, &tls.Config{
				RootCAs: roots, ServerName: "hookauthz.example", NextProtos: []string{listen.HTTP1, listen.HTTP2},
				VerifyConnection: func(state tls.ConnectionState) error {
					got = state.NegotiatedProtocol
					return nil
				},
			})
			if err != nil || got != tt.want || served.VerifyHostname("hookauthz.example") != nil {
				t.Errorf("got %q, %v, %v, want %q", got, served, err, tt.want)
			}
		})
	}
}

func TestBadTLSFiles(t *testing.T) {
	ca := newAuthority(t)
	dir := t.TempDir()
	cert, key := ca.issue(t, x509.ExtKeyUsageServerAuth, "a")
	write(t, dir+"/cert", cert)
	write(t, dir+"/key", key)
	write(t, dir+"/empty", nil)
	for _, files := range []config.TLS{
		{Cert: dir + "/none", Key: dir + "/key"},
		{Cert: dir + "/cert", Key: dir + "/none"},
		{Cert: dir + "/cert", Key: dir + "/cert"},
		{Cert: dir + "/cert", Key: dir + "/key", ClientCA: dir + "/none"},
		{Cert: dir + "/cert", Key: dir + "/key", ClientCA: dir + "/empty"},
		{Cert: dir + "/cert", Key: dir + "/key", ClientCA: dir + "/key"},
	} {
		_, err := listen.NewCredentials(files, quiet)
		if err == nil {
			t.Errorf("%+v was taken", files)
			continue
		}
		if strings.Contains(err.Error(), "PRIVATE") {
			t.Errorf("the error quotes a file: %v", err)
		}
	}
}

func open(t *testing.T, path string) (net.Listener, error) {
	t.Helper()
	return listen.Open(t.Context(), config.Address{Network: "unix", Address: path}, nil, 0, quiet)
}

func TestUnixSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "grpc.sock")
	lis, err := open(t, path)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Mode().Perm(); got != 0o600 {
		t.Errorf("mode = %o, want 600", got)
	}
	if _, err := open(t, path); err == nil {
		t.Error("a second process could take the socket")
	}
	if err := lis.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the socket is still there: %v", err)
	}
}

func TestUnixSocketLeftBehind(t *testing.T) {
	path := filepath.Join(t.TempDir(), "grpc.sock")
	dead, err := net.ListenUnix("unix", &net.UnixAddr{Net: "unix", Name: path})
	if err != nil {
		t.Fatal(err)
	}
	dead.SetUnlinkOnClose(false)
	if err := dead.Close(); err != nil {
		t.Fatal(err)
	}
	lis, err := open(t, path)
	if err != nil {
		t.Fatalf("a dead socket is in the way: %v", err)
	}
	defer func() { _ = lis.Close() }()
}

func TestUnixSocketOfSomebodyElse(t *testing.T) {
	path := filepath.Join(t.TempDir(), "grpc.sock")
	alive, err := net.ListenUnix("unix", &net.UnixAddr{Net: "unix", Name: path})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = alive.Close() }()
	if _, err := open(t, path); err == nil {
		t.Error("the socket of a living process was taken")
	}
	file := filepath.Join(t.TempDir(), "precious")
	write(t, file, []byte("data"))
	if _, err := open(t, file); err == nil {
		t.Error("a file was taken for a socket")
	}
	if data, err := os.ReadFile(file); err != nil || string(data) != "data" {
		t.Errorf("the file was touched: %q, %v", data, err)
	}
}

func TestConnectionsAreLimited(t *testing.T) {
	lis, err := listen.Open(t.Context(), config.Address{Network: "tcp", Address: "127.0.0.1:0"}, nil, 2, quiet)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = lis.Close() }()
	accepted := make(chan net.Conn)
	go func() {
		for {
			conn, err := lis.Accept()
			if err != nil {
				return
			}
			accepted <- conn
		}
	}()
	dial := func() net.Conn {
		conn, err := net.Dial("tcp", lis.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		return conn
	}
	dial()
	first := <-accepted
	dial()
	<-accepted
	refused := dial()
	_ = refused.SetReadDeadline(time.Now().Add(10 * time.Second))
	if _, err := refused.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the third connection: got %v, want it closed", err)
	}
	_ = first.Close()
	_ = first.Close() // twice counts once
	dial()
	<-accepted
	again := dial()
	_ = again.SetReadDeadline(time.Now().Add(10 * time.Second))
	if _, err := again.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a place was given back twice: %v", err)
	}
}
