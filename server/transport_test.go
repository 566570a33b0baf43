package server_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/hookauthz/hookauthz/server/config"
)

// selfSigned writes a certificate for both ends of a connection and its key.
func selfSigned(t *testing.T, dir string) (config.TLS, tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{"hookauthz.example"}, IsCA: true, BasicConstraintsValid: true,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	files := config.TLS{Cert: filepath.Join(dir, "tls.crt"), Key: filepath.Join(dir, "tls.key"), ClientCA: filepath.Join(dir, "tls.crt"), ClientSANs: []string{"hookauthz.example"}}
	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	keyPEM := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw})
	for path, data := range map[string][]byte{files.Cert: certPEM, files.Key: keyPEM} {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pair, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(certPEM)
	return files, pair, roots
}

// reaches reports whether a client with these credentials gets an answer.
func (p *process) reaches(target string, creds credentials.TransportCredentials) bool {
	p.t.Helper()
	conn, err := grpc.NewClient(target, grpc.WithTransportCredentials(creds))
	if err != nil {
		p.t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	ctx, cancel := context.WithTimeout(p.t.Context(), 5*time.Second)
	defer cancel()
	_, err = healthpb.NewHealthClient(conn).Check(ctx, &healthpb.HealthCheckRequest{Service: service})
	return err == nil
}

func TestMutualTLS(t *testing.T) {
	files, pair, roots := selfSigned(t, t.TempDir())
	p := start(t, github, memorySecrets(), func(s *config.Settings) { s.TLS = files }).ready()
	target := "passthrough:///" + p.address.GRPC
	client := &tls.Config{RootCAs: roots, ServerName: "hookauthz.example", Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	if !p.reaches(target, credentials.NewTLS(client)) {
		t.Error("the pinned client does not get through")
	}
	client = client.Clone()
	client.Certificates = nil
	if p.reaches(target, credentials.NewTLS(client)) {
		t.Error("a client without a certificate gets through")
	}
	if p.reaches(target, insecure.NewCredentials()) {
		t.Error("plain text gets through")
	}
}

func TestUnixSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "grpc.sock")
	p := start(t, github, memorySecrets(), func(s *config.Settings) { s.Listen = config.Address{Network: "unix", Address: path} }).listening()
	select {
	case p.address = <-p.serving:
	case <-time.After(20 * time.Second):
		t.Fatalf("not ready\n%s", &p.logs)
	}
	if p.address.GRPC != "unix://"+path {
		t.Errorf("address = %q", p.address.GRPC)
	}
	if !p.reaches("unix://"+path, insecure.NewCredentials()) {
		t.Error("our own user does not get through")
	}
}
