//go:build e2e

package e2e

import (
	"fmt"
	"strings"
)

// mountPKI gives b a PKI engine at mount: a root, and below it the issuers, each
// with a role of the same name for client certificates.
func (b *bao) mountPKI(s scope, mount string, issuers ...string) {
	s.Helper()
	b.call(s, "POST", "sys/mounts/"+mount, map[string]any{"type": "pki", "config": map[string]any{"max_lease_ttl": "87600h"}})
	b.call(s, "POST", mount+"/root/generate/internal", map[string]any{
		"common_name": mount + " root", "issuer_name": "root", "key_type": "ec", "key_bits": 256, "ttl": "8760h",
	})
	b.call(s, "POST", mount+"/config/crl", map[string]any{"expiry": "72h"})
	for _, name := range issuers {
		b.addIssuer(s, mount, name)
	}
}

// addIssuer adds an intermediate authority and its role.
func (b *bao) addIssuer(s scope, mount, name string) {
	s.Helper()
	made := b.call(s, "POST", mount+"/issuers/generate/intermediate/internal", map[string]any{
		"common_name": mount + " " + name, "key_type": "ec", "key_bits": 256,
	})
	signed := b.call(s, "POST", mount+"/issuer/root/sign-intermediate", map[string]any{
		"csr": made["csr"], "common_name": mount + " " + name, "ttl": "4380h", "format": "pem",
	})
	imported := b.call(s, "POST", mount+"/intermediate/set-signed", map[string]any{"certificate": signed["certificate"]})
	ids, _ := imported["imported_issuers"].([]any)
	if len(ids) != 1 {
		s.Fatalf("bao imported issuers %v, want one", ids)
	}
	b.call(s, "POST", fmt.Sprintf("%s/issuer/%v", mount, ids[0]), map[string]any{"issuer_name": name})
	b.call(s, "POST", mount+"/roles/"+name, map[string]any{
		"issuer_ref": name, "allow_any_name": true, "enforce_hostnames": false, "allowed_uri_sans": "*", "require_cn": false,
		"client_flag": true, "server_flag": false, "key_type": "ec", "key_bits": 256, "max_ttl": "720h",
	})
}

// issue has an issuer sign a client certificate for the partner. serial is what
// revoke takes.
func (b *bao) issue(s scope, mount, issuer string) (c *certificate, serial string) {
	s.Helper()
	return b.issueTo(s, mount, issuer, partnerDNS)
}

// issueTo is issue for another name.
func (b *bao) issueTo(s scope, mount, issuer, name string) (c *certificate, serial string) {
	s.Helper()
	made := b.call(s, "POST", mount+"/issue/"+issuer, map[string]any{"common_name": name, "alt_names": name, "ttl": "24h"})
	text := func(field string) string {
		value, _ := made[field].(string)
		return strings.TrimSpace(value) + "\n"
	}
	return newCertificate(s, text("certificate"), text("private_key")), strings.TrimSpace(text("serial_number"))
}

// revoke revokes a certificate; the issuer's list says so at once.
func (b *bao) revoke(s scope, mount, serial string) {
	s.Helper()
	b.call(s, "POST", mount+"/revoke", map[string]any{"serial_number": serial})
}
