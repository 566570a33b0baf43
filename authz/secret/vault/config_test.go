package vault_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/secret"
	"github.com/hookauthz/hookauthz/authz/secret/vault"
)

// pair returns files with a certificate and its key.
func pair(t *testing.T) (cert, key string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, k.Public(), k)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	return file(t, filepath.Join(dir, "c.pem"), string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))),
		file(t, filepath.Join(dir, "k.pem"), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw})))
}

func TestConfig(t *testing.T) {
	token := authz.NewSecret([]byte("s." + canary))
	tests := []struct {
		name string
		cfg  vault.Config
		want []string // parts of the error; none: good
	}{
		{name: "https", cfg: vault.Config{Address: "https://vault.example:8200", Token: token}},
		{name: "http on loopback", cfg: vault.Config{Address: "http://127.0.0.1:8200", Token: token}},
		{name: "http on localhost", cfg: vault.Config{Address: "http://localhost:8200", Token: token}},
		{name: "http on IPv6 loopback", cfg: vault.Config{Address: "http://[::1]:8200", Token: token}},
		{name: "http elsewhere", cfg: vault.Config{Address: "http://vault.example:8200", Token: token}, want: []string{"plain http"}},
		{name: "http elsewhere, dev", cfg: vault.Config{Address: "http://vault.example:8200", Token: token, Dev: true}},
		{name: "http on a name like loopback", cfg: vault.Config{Address: "http://127.0.0.1.example:8200", Token: token}, want: []string{"plain http"}},
		{name: "no address", cfg: vault.Config{Token: token}, want: []string{"address is missing"}},
		{name: "no scheme", cfg: vault.Config{Address: "vault.example:8200", Token: token}, want: []string{"https://host:port"}},
		{name: "socket", cfg: vault.Config{Address: "unix:///run/vault.sock", Token: token}, want: []string{"https://host:port"}},
		{name: "password in the address", cfg: vault.Config{Address: "https://u:" + canary + "@vault.example", Token: token}, want: []string{"more than"}},
		{name: "unreadable address", cfg: vault.Config{Address: "https://u:" + canary + "@vault.example:%zz", Token: token}, want: []string{"https://host:port"}},
		{name: "skip verify", cfg: vault.Config{Address: "https://vault.example", Token: token, SkipVerify: true}, want: []string{"verified"}},
		{name: "no token", cfg: vault.Config{Address: "https://vault.example"}, want: []string{"token file"}},
		{name: "two tokens", cfg: vault.Config{Address: "https://vault.example", Token: token, TokenFile: "/t"}, want: []string{"token file"}},
		{name: "approle without files", cfg: vault.Config{Address: "https://vault.example", Auth: "approle"}, want: []string{"role ID"}},
		{name: "unknown method", cfg: vault.Config{Address: "https://vault.example", Auth: "ldap"}, want: []string{`"ldap"`}},
		{name: "mount that goes up", cfg: vault.Config{Address: "https://vault.example", Token: token, AuthMount: "../sys"}, want: []string{"mount"}},
		{name: "namespace with a line", cfg: vault.Config{Address: "https://vault.example", Token: token, Namespace: "a\r\nX: y"}, want: []string{"namespace"}},
		{name: "certificate without key", cfg: vault.Config{Address: "https://vault.example", Token: token, ClientCert: "/c"}, want: []string{"go together"}},
		{name: "no such CA", cfg: vault.Config{Address: "https://vault.example", Token: token, CACert: "/none"}, want: []string{"CA certificates"}},
		{name: "all at once", cfg: vault.Config{Address: "x", SkipVerify: true}, want: []string{"https://host:port", "verified", "token file"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := vault.New(tt.cfg)
			if (err == nil) != (tt.want == nil) {
				t.Fatalf("New() error = %v, want parts %q", err, tt.want)
			}
			for _, part := range tt.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("New() error = %q, want %q in it", err, part)
				}
			}
			if err != nil && strings.Contains(err.Error(), canary) {
				t.Errorf("New() error %q quotes a secret", err)
			}
			if text := fmt.Sprintf("%v %+v %#v", tt.cfg, tt.cfg, tt.cfg); strings.Contains(text, "s."+canary) {
				t.Error("a printed configuration shows the token")
			}
		})
	}
}

// The library reads the environment by itself; nothing of that may reach a
// request.
func TestEnvironmentIsNotRead(t *testing.T) {
	var got http.Header
	var path string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got, path = r.Header.Clone(), r.URL.Path
		send(200, plainJSON, `{"request_id":"r","data":{"ttl":3600}}`)(w, r)
	}))
	defer s.Close()
	for name, value := range map[string]string{
		"VAULT_ADDR": "http://127.0.0.1:1", "VAULT_AGENT_ADDR": "http://127.0.0.1:2", "VAULT_TOKEN": "s.environment",
		"VAULT_NAMESPACE": "environment", "VAULT_HEADERS": `{"X-Environment":"yes"}`, "VAULT_WRAP_TTL": "60",
		"VAULT_MAX_RETRIES": "5", "VAULT_SKIP_VERIFY": "true", "VAULT_PROXY_ADDR": "http://127.0.0.1:3",
		"HTTP_PROXY": "http://127.0.0.1:4", "VAULT_CLIENT_TIMEOUT": "1ns", "VAULT_RATE_LIMIT": "0.001:1",
	} {
		t.Setenv(name, value)
	}
	_, events, stop := run(t, vault.Config{Address: s.URL, Token: authz.NewSecret([]byte("s.ours"))})
	eventually(t, "login", func() bool { return events.results(secret.EventLogin, secret.ResultOK) == 1 })
	stop()
	if path != "/v1/auth/token/lookup-self" || got.Get("X-Vault-Token") != "s.ours" || got.Get("X-Vault-Request") != "true" {
		t.Errorf("request for %s with %v", path, got)
	}
	for _, name := range []string{"X-Vault-Namespace", "X-Environment", "X-Vault-Wrap-TTL"} {
		if got.Get(name) != "" {
			t.Errorf("header %s comes from the environment", name)
		}
	}

	t.Setenv("VAULT_MAX_RETRIES", canary)
	_, err := vault.New(vault.Config{Address: s.URL, Token: authz.NewSecret([]byte("s.ours"))})
	if err == nil || strings.Contains(err.Error(), canary) || !strings.Contains(err.Error(), "VAULT_") {
		t.Errorf("New() error = %v, want one about the environment without its values", err)
	}
}
