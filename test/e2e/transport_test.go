//go:build e2e

package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"path/filepath"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
)

// Between machines Envoy and hookauthz know each other by certificate.
func TestMutualTLS(t *testing.T) {
	t.Parallel()
	ours, others := newAuthority(t), newAuthority(t)
	server := ours.issue(t, "hookauthz.internal")
	flags := []string{
		"--tls-cert=" + server.cert, "--tls-key=" + server.key,
		"--tls-client-ca=" + ours.file, "--tls-client-san=envoy.internal,spiffe://example/other",
	}
	client := ours.issue(t, "envoy.internal")
	tests := []struct {
		name    string
		cluster func(tree)
		refused bool
	}{
		{name: "right", cluster: tlsCluster(ours.file, &client, "hookauthz.internal")},
		{name: "client with another name", cluster: tlsCluster(ours.file, new(ours.issue(t, "somebody.internal")), "hookauthz.internal"), refused: true},
		{name: "client of another authority", cluster: tlsCluster(ours.file, new(others.issue(t, "envoy.internal")), "hookauthz.internal"), refused: true},
		{name: "client without certificate", cluster: tlsCluster(ours.file, nil, "hookauthz.internal"), refused: true},
		{name: "server with another name", cluster: tlsCluster(ours.file, &client, "vault.internal"), refused: true},
		{name: "plain text", cluster: nil, refused: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, setup{flags: flags, cluster: tt.cluster})
			got := w.send(t, github(event))
			if tt.refused {
				w.refused(t, got, 503, "ext_authz_error")
				return
			}
			w.allowed(t, got)
			w.denied(t, w.send(t, tampered(github(event))), 401, authz.ReasonSignatureMismatch)
		})
	}
}

// tlsCluster makes Envoy speak TLS with hookauthz, as the shipped file has it in
// its comments.
func tlsCluster(ca string, client *certificate, san string) func(tree) {
	return func(cluster tree) {
		common := tree{"validation_context": tree{
			"trusted_ca":                    tree{"filename": ca},
			"match_typed_subject_alt_names": []any{tree{"san_type": "DNS", "matcher": tree{"exact": san}}},
		}}
		if client != nil {
			common["tls_certificates"] = []any{tree{
				"certificate_chain": tree{"filename": client.cert}, "private_key": tree{"filename": client.key},
			}}
		}
		cluster["transport_socket"] = tree{"name": "envoy.transport_sockets.tls", "typed_config": tree{
			"@type":              "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
			"sni":                "hookauthz.internal",
			"common_tls_context": common,
		}}
	}
}

// Beside Envoy a socket in a folder of its own will do.
func TestUnixSocket(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{flags: []string{"--listen=unix://" + filepath.Join(run.folder, "grpc.sock")}})
	w.allowed(t, w.send(t, github(event)))
	w.allowed(t, w.send(t, github(large(limit-1))))
	w.denied(t, w.send(t, tampered(github(event))), 401, authz.ReasonSignatureMismatch)
	w.servers[0].kill()
	w.refused(t, w.send(t, github(event)), 503, "ext_authz_error")
}

// An authority issues certificates that are good for this test.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	file string
}

// A certificate is a pair of PEM files.
type certificate struct{ cert, key string }

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{key: newKey(t)}
	a.cert = template("authority")
	a.cert.IsCA, a.cert.BasicConstraintsValid, a.cert.KeyUsage = true, true, x509.KeyUsageCertSign
	a.file = writeFile(t, "ca.crt", a.sign(t, a.cert, a.key))
	return a
}

// issue returns a certificate for a DNS name, good for clients and servers.
func (a *authority) issue(t *testing.T, name string) certificate {
	t.Helper()
	key, leaf := newKey(t), template(name)
	leaf.DNSNames = []string{name}
	leaf.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return certificate{
		cert: writeFile(t, "tls.crt", a.sign(t, leaf, key)),
		key:  writeFile(t, "tls.key", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}))),
	}
}

func (a *authority) sign(t *testing.T, cert *x509.Certificate, key *ecdsa.PrivateKey) string {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, cert, a.cert, key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

func template(name string) *x509.Certificate {
	serial, _ := rand.Int(rand.Reader, big.NewInt(1<<62))
	return &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: fmt.Sprintf("%s %d", name, serial)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}
