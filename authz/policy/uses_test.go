package policy_test

import (
	"slices"
	"testing"

	"github.com/hookauthz/hookauthz/authz/policy"
	"github.com/hookauthz/hookauthz/authz/policy/document"
)

func TestUses(t *testing.T) {
	const text = `
gateway: {body: raw-full, max_request_bytes: 1MiB}
secrets:
  hub: {env: {name: A}}
  crm: {env: {name: B}}
  client: {env: {name: C}}
  ca: {env: {name: D}}
  list: {env: {name: E}}
  signing: {env: {name: F}}
  unused: {env: {name: G}}
keys:
  ours: {stored: {secret: ca, format: x509, crl: list}}
  theirs: {vault_pki: {issuer: partners}}
  signer: {stored: {secret: signing, format: pem}}
  web: {jwks: {url: "https://issuer.example/keys"}}
token_endpoint:
  issuer: https://hooks.example.com
  signing_keys: [signer]
  clients: [{name: one, secrets: [client], scopes: [events]}]
policies:
  a: {require: {any_of: [{provider: {name: github, secrets: [hub]}}, {basic: {users: [{name: ali, secrets: [crm]}]}}]}}
  b: {require: {all_of: [{client_certificate: {anchors: [ours, theirs], any_name: accepted}}, {provider: {name: github, secrets: [hub]}}]}}
  c: {require: {bearer: {own: {scopes: [events]}}}}
`
	file, findings := policy.Read([]document.File{{Name: "policy.yaml", Data: []byte(text)}}, policy.Options{})
	if file == nil {
		t.Fatal(findings)
	}
	want := map[string][]string{
		"hub": {"a", "b"}, "crm": {"a"}, "client": {policy.TokenEndpointUser}, "signing": {policy.TokenEndpointUser},
		"ca": {"b"}, "list": {"b"}, "keys/theirs": {"b"}, "keys/theirs/crl": {"b"},
	}
	got := file.Uses()
	for _, declared := range file.Secrets() {
		if !slices.Equal(got[declared.Name], want[declared.Name]) {
			t.Errorf("%s is used by %q, want %q", declared.Name, got[declared.Name], want[declared.Name])
		}
	}
}
