package policy_test

import (
	"testing"

	"github.com/hookauthz/hookauthz/authz/policy"
)

// What decrypts needs a private key, and an entry that has none is told why.
func TestEntriesWithoutPrivateKeys(t *testing.T) {
	file := func(source, rest string) string {
		return "keys: {acme: {" + source + "}}\npolicies:\n  p: {require: {all_of: [\n" +
			"    {jwe: {body: {}, key_algorithms: [RSA-OAEP-256], content_algorithms: [A256GCM], keys: [" + rest + "}},\n" +
			"    {source_ip: {allow: [203.0.113.0/24]}}, {api_key: {header: X, secrets: [s]}}]}}\n" +
			"secrets: {s: {env: {name: S}}, k: {env: {name: K}}}\n"
	}
	stored := func(format string) string { return "stored: {secret: k, format: " + format + "}" }
	const path, unused = "policies.p.require.all_of[0].jwe.keys[0]: ", "warning secrets.k: no policy uses this secret"
	tests := []struct {
		name, text string
		want       []string
	}{
		{name: "raw", text: file(stored("raw"), "acme]"), want: []string{path + "acme has format raw, which holds no private key: use pem, jwk or jwks"}},
		{name: "spki", text: file(stored("spki"), "acme]"), want: []string{path + "acme has format spki, which holds no private key"}},
		{name: "x509", text: file(stored("x509"), "acme]"), want: []string{path + "acme has format x509, which holds no private key"}},
		{name: "pem", text: file(stored("pem"), "acme]")},
		{name: "jwks", text: file(`jwks: {url: "https://acme.example/keys"}`, "acme]"), want: []string{
			path + "acme is fetched, which gives public keys only: jwe needs a stored entry", unused,
		}},
		{name: "discovery", text: file(`discovery: {issuer: "https://acme.example"}`, "acme]"), want: []string{path + "acme is fetched", unused}},
		{name: "Vault's PKI", text: file("vault_pki: {issuer: root}", "acme]"), want: []string{path + "acme gives trust anchors only: jwe needs a stored entry", unused}},
		{name: "by URL", text: file(`by_url: {value: "{header:X}", hosts: [a.example], path_prefix: /c/}`, "acme]"), want: []string{path + "only a signature check can use", unused}},
		{name: "misspelt", text: file(stored("pem"), "acne]"), want: []string{"warning keys.acme: no policy uses these keys", path + `key set "acne" is not declared, did you mean "acme"?`}},
		{name: "undeclared", text: file(stored("pem"), "q8f2-pasted-secret]"), want: []string{"warning keys.acme", path + "a key set of that name is not declared"}},
		{
			name: "a token inside", want: []string{"policies.p.require.all_of[0].jwe.inner.jws.keys[0]: the key set is not declared under keys, or holds trust anchors", unused},
			text: file("vault_pki: {issuer: root}}, ours: {stored: {secret: s, format: pem}", "ours], inner: {jws: {algorithms: [ES256], keys: [acme]}}"),
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { wantFindings(t, tt.text, policy.Options{}, tt.want...) })
	}
}

// The format raw holds a key of one algorithm, which is known before any secret is
// read.
func TestRawKeysOfASignature(t *testing.T) {
	file := func(algorithm, format, keys string) string {
		return `policies: {p: {require: {signature: {credential: {header: X}, encoding: hex, message: "{body}", algorithm: ` + algorithm + ", keys: " + keys + `}}}}
secrets: {a: {env: {name: A}}, b: {env: {name: B}}}
keys: {acme: {stored: {secret: a, format: ` + format + "}}, bravo: {stored: {secret: b, format: pem}}}\n"
	}
	const path = "policies.p.require.signature.keys[1]: "
	tests := []struct {
		name, text string
		want       []string
	}{
		{name: "RSA", text: file("rsa-pss-sha256", "raw", "[bravo, acme]"), want: []string{path + "acme has format raw, which holds an Ed25519 key: rsa-pss-sha256 needs pem, x509, jwk, jwks or spki"}},
		{name: "ECDSA", text: file("ecdsa-p256-sha256", "raw", "[bravo, acme]"), want: []string{path + "acme has format raw, which holds an Ed25519 key: ecdsa-p256-sha256 needs"}},
		{name: "Ed25519", text: file("ed25519", "raw", "[bravo, acme]")},
		{name: "spki", text: file("rsa-pss-sha256", "spki", "[bravo, acme]")},
		{name: "misspelt algorithm", text: file("rsa-pss-sha265", "raw", "[bravo, acme]"), want: []string{`unknown value "rsa-pss-sha265"`}},
		{name: "misspelt key", text: file("rsa-pss-sha256", "raw", "[bravo, acne]"), want: []string{path + `key set "acne" is not declared`, "warning keys.acme"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { wantFindings(t, tt.text, policy.Options{}, tt.want...) })
	}
}
