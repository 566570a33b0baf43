package vault_test

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/secret"
	"github.com/hookauthz/hookauthz/authz/secret/cache"
)

func issuer(name string) secret.Location {
	return secret.Location{Kind: secret.KindVaultPKI, Mount: "pki", Path: name}
}

// pki mounts the engine and makes a root in it.
func (b *bao) pki(t *testing.T, name string) {
	t.Helper()
	b.admin(t, http.MethodPost, "sys/mounts/pki", map[string]any{"type": "pki"})
	b.admin(t, http.MethodPost, "pki/root/generate/internal", map[string]any{
		"common_name": name, "issuer_name": name, "key_type": "ec", "ttl": "1h",
	})
}

// der returns the one PEM block in a field.
func der(t *testing.T, f secret.Field) []byte {
	t.Helper()
	block, rest := pem.Decode(f.Secret.Reveal())
	if !f.Text || block == nil || strings.TrimSpace(string(rest)) != "" {
		t.Fatal("the field is not one PEM block")
	}
	return block.Bytes
}

// The certificate and the list of an issuer, as the real server gives them. No
// rights are needed: the token of this test has none.
func TestIssuer(t *testing.T) {
	t.Parallel()
	b := start(t)
	b.policy(t, `path "nothing" { capabilities = ["read"] }`)
	b.pki(t, "one")
	c, events, _ := run(t, reader(b, b.token(t, nil)))

	number := func() int64 {
		t.Helper()
		reading, err := c.Read(t.Context(), issuer("one"), 0)
		if err != nil {
			t.Fatal(err)
		}
		if len(reading.Fields) != 2 || reading.Version != 0 || !reading.Created.IsZero() {
			t.Errorf("Read() = %+v", reading)
		}
		certificate, err := x509.ParseCertificate(der(t, reading.Fields[secret.FieldCertificate]))
		if err != nil || certificate.Subject.CommonName != "one" {
			t.Fatalf("certificate of %v, %v", certificate, err)
		}
		list, err := x509.ParseRevocationList(der(t, reading.Fields[secret.FieldCRL]))
		if err != nil {
			t.Fatal(err)
		}
		if err := list.CheckSignatureFrom(certificate); err != nil {
			t.Error(err)
		}
		return list.Number.Int64()
	}
	before := number()
	if n := events.requests(secret.OperationRead); n != 2 {
		t.Errorf("%d requests, want 2", n)
	}

	b.admin(t, http.MethodPost, "pki/roles/r", map[string]any{"allow_any_name": true, "key_type": "ec"})
	issued := b.admin(t, http.MethodPost, "pki/issue/r", map[string]any{"common_name": "leaf.example", "ttl": "10m"})
	b.admin(t, http.MethodPost, "pki/revoke", map[string]any{"serial_number": member(t, issued, "data", "serial_number")})
	if after := number(); after <= before {
		t.Errorf("the list's number is %d after a revocation, %d before", after, before)
	}

	tests := []struct {
		name string
		loc  secret.Location
		want string
	}{
		// The engine answers 500 for it, so it may as well be its own trouble.
		{name: "issuer unknown", loc: issuer("two"), want: "transient status"},
		{name: "mount unknown, no rights", loc: secret.Location{Kind: secret.KindVaultPKI, Mount: "nowhere", Path: "one"}, want: "denied forbidden"},
		{name: "another engine, no rights", loc: secret.Location{Kind: secret.KindVaultPKI, Mount: "secret", Path: "one"}, want: "denied forbidden"},
		{name: "issuer that goes up", loc: issuer("../../sys/health"), want: "unusable location"},
		{name: "issuer with a query", loc: issuer("one?x="), want: "unusable location"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := read(t, c, tt.loc, 0); got != tt.want {
				t.Errorf("Read() = %q, want %q", got, tt.want)
			}
		})
	}
	b.policy(t, readAll)
	for _, mount := range []string{"nowhere", "secret"} {
		if got := read(t, c, secret.Location{Kind: secret.KindVaultPKI, Mount: mount, Path: "one"}, 0); got != "gone not_found" {
			t.Errorf("Read() of mount %s = %q, want gone", mount, got)
		}
	}
}

// What stands between us and the engine, while the certificate or the list is
// asked for: there is never one without the other.
func TestIssuerFaults(t *testing.T) {
	t.Parallel()
	b := start(t)
	b.policy(t, readAll)
	b.pki(t, "one")
	p := before(t, b)
	cfg := reader(b, b.token(t, nil))
	cfg.Address = p.URL
	c, _, _ := run(t, cfg)
	if _, err := c.Read(t.Context(), issuer("one"), 0); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name  string
		fault http.HandlerFunc
		want  string
	}{
		{name: "html", fault: send(404, "text/html", "<html>"), want: "transient not_vault"},
		{name: "sealed", fault: send(503, plainJSON, `{"errors":["Vault is sealed"]}`), want: "transient status"},
		{name: "no data", fault: send(200, plainJSON, `{"request_id":"1","data":null}`), want: "transient malformed"},
		{name: "no member", fault: send(200, plainJSON, `{"request_id":"1","data":{"other":"x"}}`), want: "transient malformed"},
		{name: "null", fault: send(200, plainJSON, `{"request_id":"1","data":{"certificate":null,"crl":null}}`), want: "transient malformed"},
		{name: "too large", fault: send(200, plainJSON, `{"request_id":"1","data":{"crl":"`+strings.Repeat("x", 2<<20)+`"}}`), want: "transient too_large"},
		{name: "redirect", fault: send(307, plainJSON, "", "Location", "http://localhost:1/"), want: "transient redirect"},
		{name: "gone", fault: send(404, plainJSON, `{"errors":[]}`), want: "gone not_found"},
	}
	for _, tt := range tests {
		for _, part := range []string{"/json", "/crl"} {
			t.Run(tt.name+part, func(t *testing.T) {
				p.only(part, tt.fault)
				if got := read(t, c, issuer("one"), 0); got != tt.want {
					t.Errorf("Read() = %q, want %q", got, tt.want)
				}
			})
		}
	}
	p.only("/json", send(200, plainJSON, `{"request_id":"1","data":{"certificate":7}}`))
	reading, err := c.Read(t.Context(), issuer("one"), 0)
	if err != nil || reading.Fields[secret.FieldCertificate].Text || !reading.Fields[secret.FieldCRL].Text {
		t.Errorf("Read() of a number = %+v, %v", reading, err)
	}
}

// An issuer that is deleted stays what it was until it is too old: the engine's
// answer does not tell a deletion from its own trouble.
func TestIssuerThroughCache(t *testing.T) {
	t.Parallel()
	b := start(t)
	b.policy(t, readAll)
	b.pki(t, "one")
	c, _, _ := run(t, reader(b, b.token(t, nil)))
	kept := cache.New(cache.Config{
		Sources: map[secret.Kind]secret.Source{secret.KindVaultPKI: c}, Refresh: 50 * time.Millisecond, MaxStale: 2 * time.Second,
	})
	set := kept.Open([]secret.Declaration{
		{Name: "ca", VaultPKI: &secret.PKILocation{Issuer: "one"}},
		{Name: "ca/crl", VaultPKI: &secret.PKILocation{Issuer: "one", Field: secret.FieldCRL}},
	})
	defer set.Close()
	go func() { _ = kept.Run(t.Context()) }()
	if err := set.Settled(t.Context()); err != nil {
		t.Fatal(err)
	}
	for name, kind := range map[string]string{"ca": "CERTIFICATE", "ca/crl": "X509 CRL"} {
		v, err := set.Secrets(name).Versions(time.Now())
		if err != nil || len(v.Accepted) != 1 || !strings.Contains(string(v.Accepted[0].Secret.Reveal()), "-----BEGIN "+kind) {
			t.Errorf("%s: Versions() error = %v", name, err)
		}
	}
	b.admin(t, http.MethodDelete, "pki/issuer/one", nil)
	eventually(t, "the certificate is stale", func() bool {
		v, err := set.Secrets("ca").Versions(time.Now())
		return err == nil && v.Stale
	})
	eventually(t, "the certificate is too old", func() bool {
		_, err := set.Secrets("ca").Versions(time.Now())
		return errors.Is(err, authz.ErrUnavailable)
	})
}
