package policy_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/policy"
	"github.com/hookauthz/hookauthz/authz/policy/document"
)

// wantFindings compares findings with a part of each, in order.
func wantFindings(t *testing.T, text string, options policy.Options, want ...string) {
	t.Helper()
	_, findings := policy.Read([]document.File{{Name: "p.yaml", Data: []byte(text)}}, options)
	if len(findings) != len(want) {
		t.Fatalf("got %d findings %+v, want %q", len(findings), findings, want)
	}
	for i, f := range findings {
		got := f.Path + ": " + f.Message
		if f.Warning {
			got = "warning " + got
		}
		if !strings.Contains(got, want[i]) {
			t.Errorf("finding %d: got %q, want a part %q", i, got, want[i])
		}
	}
}

// jwtPolicy is a policy that takes JWTs by an entry of keys.
const jwtPolicy = `policies:
  p: {require: {bearer: {jwt: {issuer: "https://issuer.example", audiences: [hooks], keys: [issuer], algorithms: [ES256]}}}}
`

func TestKeySources(t *testing.T) {
	const secrets = "secrets: {pub: {env: {name: A}}, list: {env: {name: B}}}\n"
	const secret = "secrets: {pub: {env: {name: A}}}\n"
	const introspected = `policies: {p: {require: {bearer: {introspection: {url: "http://issuer.example", client_id: hooks, secrets: [pub], audiences: [hooks]}}}}}`
	certificate := func(more string) string {
		return "policies: {p: {require: {client_certificate: {anchors: [ca], dns_names: [a.example]" + more + "}}}}\n"
	}
	tests := []struct {
		name string
		text string
		dev  bool
		want []string
	}{
		{name: "discovery", text: jwtPolicy + `keys: {issuer: {discovery: {issuer: "https://issuer.example"}}}`},
		{name: "jwks", text: jwtPolicy + `keys: {issuer: {jwks: {url: "https://issuer.example/keys?v=2"}}}`},
		{name: "stored", text: secret + jwtPolicy + `keys: {issuer: {stored: {secret: pub, format: pem}}}`},
		{name: "http", text: jwtPolicy + `keys: {issuer: {jwks: {url: "http://issuer.example/keys"}}}`, want: []string{"keys.issuer.jwks.url: must be https"}},
		{name: "http for development", dev: true, text: jwtPolicy + `keys: {issuer: {jwks: {url: "http://issuer.example/keys"}}}`},
		{name: "no source", text: jwtPolicy + `keys: {issuer: {}}`, want: []string{"keys.issuer: exactly one of"}},
		{name: "misspelt entry", text: jwtPolicy + `keys: {isuer: {discovery: {issuer: "https://issuer.example"}}}`, want: []string{
			`policies.p.require.bearer.jwt.keys[0]: key set "issuer" is not declared, did you mean "isuer"?`, "warning keys.isuer: no policy uses these keys",
		}},
		{name: "undeclared secret", text: secret + jwtPolicy + `keys: {issuer: {stored: {secret: pubb, format: pem}}}`, want: []string{
			"warning secrets.pub: no policy uses this secret", `keys.issuer.stored.secret: secret "pubb" is not declared, did you mean "pub"?`,
		}},
		{name: "undeclared secret beside a mistake", text: secret + jwtPolicy + `keys: {issuer: {stored: {secret: pubb, format: pem}}, more: {jwks: {uri: "https://issuer.example/keys"}}}`, want: []string{
			`keys.issuer.stored.secret: secret "pubb" is not declared, did you mean "pub"?`, `keys.more.jwks: unknown field "uri", did you mean "url"?`,
		}},
		{name: "introspection by http", text: secret + introspected, want: []string{"bearer.introspection.url: must be https"}},
		{name: "introspection by http for development", dev: true, text: secret + introspected},
		{name: "anchors as keys", text: jwtPolicy + "keys: {issuer: {vault_pki: {issuer: root}}}", want: []string{"jwt.keys[0]: the key set is not declared under keys, or holds trust anchors"}},
		{name: "keys as anchors", text: certificate("") + `keys: {ca: {jwks: {url: "https://issuer.example/keys"}}}`, want: []string{"anchors[0]: the entry is not declared under keys, or holds no certificates"}},
		{name: "anchors", text: secrets + certificate(", crl: soft") + "keys: {ca: {stored: {secret: pub, format: x509, crl: list}}}"},
		{name: "anchors of Vault", text: certificate(", crl: hard") + "keys: {ca: {vault_pki: {issuer: root}}}"},
		{name: "the default issuer", text: certificate("") + "keys: {ca: {vault_pki: {issuer: default}}}", want: []string{"keys.ca.vault_pki.issuer: names another issuer after a rotation"}},
		{name: "revocation list of keys", text: secrets + jwtPolicy + "keys: {issuer: {stored: {secret: pub, format: pem, crl: list}}}", want: []string{"keys.issuer.stored.crl: a revocation list belongs to trust anchors"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { wantFindings(t, tt.text, policy.Options{Dev: tt.dev}, tt.want...) })
	}
}

// What Vault's PKI engine gives is declared like secrets, and what is fetched
// like key sets.
func TestDeclarations(t *testing.T) {
	file, findings := policy.Read([]document.File{{Name: "p.yaml", Data: []byte(`
policies:
  p: {require: {all_of: [
    {client_certificate: {anchors: [ca], dns_names: [a.example], crl: hard}},
    {bearer: {jwt: {issuer: "https://issuer.example", audiences: [hooks], keys: [issuer, more], algorithms: [ES256]}}}]}}
keys:
  ca: {vault_pki: {issuer: root-2026}}
  issuer: {discovery: {issuer: "https://issuer.example", private_network: accepted}}
  more: {jwks: {url: "https://issuer.example/keys"}}
`)}}, policy.Options{})
	if file == nil {
		t.Fatalf("findings: %+v", findings)
	}
	secrets := file.Secrets()
	if len(secrets) != 2 || secrets[0].Name != "keys/ca" || secrets[1].Name != "keys/ca/crl" ||
		secrets[0].Location().Mount != "pki" || secrets[0].VaultPKI.Issuer != "root-2026" ||
		secrets[0].Location() != secrets[1].Location() || secrets[0].Field() == secrets[1].Field() {
		t.Errorf("Secrets() = %+v", secrets)
	}
	sets := file.KeySets()
	if len(sets) != 2 || sets[0].Issuer != "https://issuer.example" || !sets[0].Private || sets[1].URL != "https://issuer.example/keys" || sets[1].Private {
		t.Errorf("KeySets() = %+v", sets)
	}
	var asked []string
	file.Table(policy.Sources{Keys: func(name string) authz.KeySet { asked = append(asked, name); return nil }})
	if strings.Join(asked, " ") != "issuer more" {
		t.Errorf("key sets asked for = %q", asked)
	}
}

func TestTokenEndpoint(t *testing.T) {
	const head = `secrets: {acme: {env: {name: A}}, bravo: {env: {name: B}}, own: {vault: {path: own, field: pem, previous_for: 1h}}}
policies:
  orders: {require: {bearer: {own: {scopes: [orders]}}}}
  acme: {require: {any_of: [{bearer: {own: {clients: [acme]}}}, {api_key: {header: X, secrets: [acme]}}]}}
`
	const keys = "keys: {own: {stored: {secret: own, format: pem}}}\n"
	endpoint := func(more string) string {
		return `token_endpoint: {issuer: "https://hooks.example", clients: [{name: acme, secrets: [acme], scopes: [orders]}, {name: bravo, secrets: [bravo]}], ` + more + "}\n"
	}
	tests := []struct {
		name    string
		text    string
		options policy.Options
		want    []string
	}{
		{name: "jwt", text: head + keys + endpoint("signing_keys: [own]")},
		{name: "opaque", text: head[:strings.Index(head, ", own:")] + "}" + head[strings.Index(head, "\n"):] + endpoint("tokens: opaque")},
		{
			name: "opaque without a store", options: policy.Options{NoTokenStore: true},
			text: head[:strings.Index(head, ", own:")] + "}" + head[strings.Index(head, "\n"):] + endpoint("tokens: opaque"),
			want: []string{"token_endpoint.tokens: opaque tokens are kept in a store: start the server with --token-store"},
		},
		{name: "opaque, signed", text: head + keys + endpoint("tokens: opaque, signing_keys: [own]"), want: []string{"warning keys.own", "token_endpoint.signing_keys: opaque tokens are not signed"}},
		{name: "unsigned", text: head + keys + endpoint("lifetime: 1m"), want: []string{"warning keys.own", "token_endpoint: signing_keys is required"}},
		{name: "misspelt key", text: head + keys + endpoint("signing_keys: [owm]"), want: []string{"warning keys.own", `token_endpoint.signing_keys[0]: key set "owm" is not declared, did you mean "own"?`}},
		{name: "key of another sort", text: head + strings.Replace(keys, "pem", "x509", 1) + endpoint("signing_keys: [own]"), want: []string{"token_endpoint.signing_keys[0]: must name an entry that is stored as pem or jwk"}},
		{name: "overlap of the lifetime alone", text: strings.Replace(head, "1h", "5m", 1) + keys + endpoint("signing_keys: [own]"), want: []string{"warning token_endpoint.signing_keys[0]: when the secret \"own\" is rotated"}},
		{name: "overlap of lifetime and signing delay", text: strings.Replace(head, "1h", "7m", 1) + keys + endpoint("signing_keys: [own]")},
		{name: "short overlap", text: strings.Replace(head, "1h", "1m", 1) + keys + endpoint("signing_keys: [own]"), want: []string{"warning token_endpoint.signing_keys[0]: when the secret \"own\" is rotated"}},
		{name: "http", text: head + keys + strings.Replace(endpoint("signing_keys: [own]"), "https", "http", 1), want: []string{"token_endpoint.issuer: must be https"}},
		{name: "client twice", text: head + keys + strings.Replace(endpoint("signing_keys: [own]"), "name: bravo", "name: acme", 1), want: []string{"warning secrets.bravo", "token_endpoint.clients[1].name: another client has this name"}},
		{name: "misspelt client", text: strings.Replace(head, "clients: [acme]", "clients: [bravo, acne]", 1) + keys + endpoint("signing_keys: [own]"), want: []string{
			`policies.acme.require.any_of[0].bearer.own.clients[1]: client "acne" is not declared under token_endpoint.clients, did you mean "acme"?`,
		}},
		{name: "misspelt scope", text: strings.Replace(head, "scopes: [orders]", "scopes: [order]", 1) + keys + endpoint("signing_keys: [own]"), want: []string{
			`policies.orders.require.bearer.own.scopes[0]: scope "order" is given to no client under token_endpoint.clients, did you mean "orders"?`,
		}},
		{name: "another name", text: strings.Replace(head, "clients: [acme]", "clients: [q8f2-pasted-secret]", 1) + keys + endpoint("signing_keys: [own]"), want: []string{
			`own.clients[0]: a client of that name is not declared under token_endpoint.clients`,
		}},
		{name: "another scope", text: strings.Replace(head, "scopes: [orders]", "scopes: [q8f2-pasted-secret]", 1) + keys + endpoint("signing_keys: [own]"), want: []string{
			`own.scopes[0]: a scope of that name is given to no client under token_endpoint.clients`,
		}},
		{name: "misspelt client beside a mistake", text: strings.Replace(head, "own: {clients: [acme]}", "own: {clients: [acne]}, headr: X", 1) + keys + endpoint("signing_keys: [own]"), want: []string{
			`own.clients[0]: client "acne" is not declared under token_endpoint.clients, did you mean "acme"?`, `unknown field "headr"`,
		}},
		{name: "a client with a mistake", text: head + keys + strings.Replace(endpoint("signing_keys: [own]"), "{name: acme", "{nme: acme", 1), want: []string{
			`token_endpoint.clients[0]: unknown field "nme", did you mean "name"?`,
		}},
		{name: "undeclared secret", text: head + keys + strings.Replace(endpoint("signing_keys: [own]"), "[bravo]", "[brave]", 1), want: []string{"warning secrets.bravo", `token_endpoint.clients[1].secrets[0]: secret "brave" is not declared`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { wantFindings(t, tt.text, tt.options, tt.want...) })
	}

	file, findings := policy.Read([]document.File{{Name: "p.yaml", Data: []byte(head + keys + endpoint("signing_keys: [own]"))}}, policy.Options{})
	if file == nil {
		t.Fatalf("findings: %+v", findings)
	}
	e := file.Table(policy.Sources{}).TokenEndpoint()
	if e == nil || e.Opaque || e.Signer == nil || e.Lifetime != 5*time.Minute || e.Client("nobody") != nil || len(e.Clients()) != 2 {
		t.Fatalf("TokenEndpoint() = %+v", e)
	}
	for _, tt := range []struct {
		client string
		scopes []string
		want   string
	}{
		{client: "acme", scopes: []string{"orders"}, want: "acme orders"},
		{client: "acme", want: "acme"},
		{client: "bravo"},
	} {
		if got := strings.Join(e.Client(tt.client).Policies(tt.scopes), " "); got != tt.want {
			t.Errorf("Policies of %s with %q = %q, want %q", tt.client, tt.scopes, got, tt.want)
		}
	}
}

// A token names each policy that takes it, and so its length is bounded.
func TestTokenAudienceIsBounded(t *testing.T) {
	file := func(policies int) string {
		var text strings.Builder
		text.WriteString("secrets: {acme: {env: {name: A}}}\ntoken_endpoint: {issuer: \"https://hooks.example\", tokens: opaque, forwarded_for: {trusted_hops: 2}, clients: [{name: acme, secrets: [acme]}]}\npolicies:\n")
		for i := range policies {
			fmt.Fprintf(&text, "  p%d: {require: {bearer: {own: {clients: [acme]}}}}\n", i)
		}
		return text.String()
	}
	wantFindings(t, file(64), policy.Options{})
	wantFindings(t, file(65), policy.Options{}, "token_endpoint.clients[0]: its tokens would name 65 policies, and may name 64")
	e := compile(t, file(64)).TokenEndpoint()
	if e.TrustedHops == nil || *e.TrustedHops != 2 || len(e.Client("acme").Policies(nil)) != 64 {
		t.Errorf("TokenEndpoint() = %+v", e)
	}
}

// A signing key that can't be used is told of, and so is what the gateway states.
func TestTableTellsOfSigningKeys(t *testing.T) {
	table := compile(t, `gateway: {xfcc: sanitize_set}
secrets: {own: {env: {name: A}}, acme: {env: {name: B}}}
keys: {own: {stored: {secret: own, format: pem}}}
token_endpoint: {issuer: "https://hooks.example", signing_keys: [own], clients: [{name: acme, secrets: [acme]}]}
policies: {p: {require: {bearer: {own: {clients: [acme]}}}}}
`)
	if why := table.Unfit(time.Now())["own"]; !errors.Is(why, authz.ErrNotConfigured) {
		t.Errorf("Unfit() of a signing key that is none = %v", why)
	}
	if !table.Gateway().XFCCSanitized {
		t.Error("Gateway() lacks xfcc")
	}
}
