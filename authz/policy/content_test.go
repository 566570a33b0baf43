package policy_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/hookauthz/hookauthz/authz/policy"
	"github.com/hookauthz/hookauthz/authz/policy/document"
)

// What a policy may hand on, and who vouches for what was encrypted, is decided
// when the file is read.
func TestPayloadAndEncryption(t *testing.T) {
	const jwe = `jwe: {body: {}, key_algorithms: [RSA-OAEP-256], content_algorithms: [A256GCM], keys: [ours]`
	const inner = jwe + `, inner: {jws: {algorithms: [ES256], keys: [theirs]}}}`
	const shared = `jwe: {body: {}, key_algorithms: [A256KW], content_algorithms: [A256GCM], keys: [ours]}`
	const jws = `jws: {body: {}, algorithms: [ES256], keys: [theirs]}`
	const detached = `jws: {header: X-Sig, detached: encoded, algorithms: [ES256], keys: [theirs]}`
	const key, place = "api_key: {header: X-Key, secrets: [s]}", "source_ip: {allow: [203.0.113.0/24]}"
	file := func(require, more string) string {
		return "secrets: {s: {env: {name: S}}, a: {env: {name: A}}, b: {env: {name: B}}}\n" +
			"keys: {ours: {stored: {secret: a, format: pem}}, theirs: {stored: {secret: b, format: pem}}}\n" +
			"policies:\n  p:\n    require: " + require + "\n" + more
	}
	const payload, address = "    upstream: {payload: {}}\n", "    address_only: accepted\n"
	tests := []struct {
		name, require, more string
		want                string // a part of the mistake, empty for none
		contentType         string
	}{
		{name: "jwe with inner", require: "{" + inner + "}"},
		{name: "jwe with a shared key", require: "{" + shared + "}"},
		{name: "jwe and a key", require: "{all_of: [{" + jwe + "}}, {" + key + "}]}"},
		{name: "a key and jwe", require: "{all_of: [{" + key + "}, {" + jwe + "}}]}"},
		{name: "jwe alone", require: "{" + jwe + "}}", want: "require: a way through this requirement decrypts"},
		{name: "jwe and an address", require: "{all_of: [{" + jwe + "}}, {" + place + "}]}", want: "require: a way through this requirement decrypts"},
		{name: "jwe and an address, accepted", require: "{all_of: [{" + jwe + "}}, {" + place + "}]}", more: address, want: "require: a way through this requirement decrypts"},
		{name: "jwe or a key", require: "{any_of: [{" + jwe + "}}, {" + key + "}]}", want: "require: a way through this requirement decrypts"},
		{name: "a sibling on one way only", require: "{all_of: [{" + jwe + "}}, {any_of: [{" + key + "}, {" + place + "}]}]}", want: "require: a way through this requirement decrypts"},
		{name: "an address, or jwe and a key, accepted", require: "{any_of: [{" + place + "}, {all_of: [{" + jwe + "}}, {" + key + "}]}]}", more: address},
		{name: "jws without a place", require: "{jws: {algorithms: [ES256], keys: [theirs]}}", want: "require.jws: want exactly one of body, json, form and header"},

		{name: "payload of jwe", require: "{" + inner + "}", more: payload, contentType: "application/json"},
		{name: "payload of jws", require: "{" + jws + "}", more: "    upstream: {payload: {content_type: text/plain}}\n", contentType: "text/plain"},
		{name: "payload beside a key", require: "{all_of: [{" + jws + "}, {" + key + "}]}", more: payload, contentType: "application/json"},
		{name: "payload of either", require: "{any_of: [{" + jws + "}, {" + inner + "}]}", more: payload, contentType: "application/json"},
		{name: "no payload on one way", require: "{any_of: [{" + jws + "}, {" + key + "}]}", more: payload, want: "upstream.payload: needs a jws or jwe check"},
		{name: "two payloads", require: "{all_of: [{" + jws + "}, {" + inner + "}]}", more: payload, want: "upstream.payload: more than one check"},
		{name: "nothing to take out", require: "{" + key + "}", more: payload, want: "upstream.payload: needs a jws or jwe check"},
		{name: "a detached token holds none", require: "{" + detached + "}", more: payload, want: "upstream.payload: needs a jws or jwe check"},
		{name: "a policy that only watches changes nothing", require: "{" + jws + "}", more: payload + "    mode: monitor\n", want: "warning"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			text := file(tt.require, tt.more)
			switch {
			case tt.want == "warning":
			case tt.want != "":
				wantMistake(t, text, "policies.p."+tt.want)
				return
			}
			got, wanted := compile(t, text).Named("p").Payload()
			if got != tt.contentType || wanted != (tt.contentType != "") {
				t.Errorf("Payload() = %q, %v; want %q", got, wanted, tt.contentType)
			}
		})
	}
}

// Only a signature can use a key whose URL the request names.
func TestKeyURL(t *testing.T) {
	file := func(keys, require string) string {
		return "keys:\n  k: {by_url: " + keys + "}\npolicies:\n  p:\n    require: " + require + "\n"
	}
	const good = `{value: "{header:X-Cert-Url}", hosts: [api.example.com], path_prefix: /certs/}`
	const signature = `{signature: {credential: {header: X-Sig}, algorithm: rsa-pkcs1-sha256, encoding: base64, message: "{body}", keys: [k]}}`
	compile(t, file(good, signature))
	tests := []struct{ name, text, want string }{
		{
			name: "by jws", want: "policies.p.require.jws.keys[0]: only a signature check can use",
			text: file(good, "{jws: {body: {}, algorithms: [ES256], keys: [k]}}"),
		},
		{name: "unknown value", text: file(`{value: "{headr:X}", hosts: [a.example], path_prefix: /c/}`, signature), want: "keys.k.by_url.value: unknown value"},
		{name: "the secret", text: file(`{value: "{principal}", hosts: [a.example], path_prefix: /c/}`, signature), want: "keys.k.by_url.value: "},
		{name: "any path", text: file(`{value: "{header:X}", hosts: [a.example], path_prefix: /}`, signature), want: "keys.k.by_url.path_prefix: "},
		{name: "a host by suffix", text: file(`{value: "{header:X}", hosts: ["*.example.com"], path_prefix: /c/}`, signature), want: "keys.k.by_url.hosts[0]: "},
		{name: "an address", text: file(`{value: "{header:X}", hosts: [a.example, 203.0.113.7], path_prefix: /c/}`, signature), want: "keys.k.by_url.hosts[1]: is an address: write the host's name"},
		{name: "a short address", text: file(`{value: "{header:X}", hosts: [127.1], path_prefix: /c/}`, signature), want: "keys.k.by_url.hosts[0]: "},
		{name: "an address in hex", text: file(`{value: "{header:X}", hosts: [0x7f.0x1], path_prefix: /c/}`, signature), want: "keys.k.by_url.hosts[0]: is an address"},
		{name: "a value of another place", text: file(`{value: "{body}", hosts: [a.example], path_prefix: /c/}`, signature), want: "keys.k.by_url.value: {body} can't stand in this field, which may hold header, query, "},
		{name: "a host with a port", text: file(`{value: "{header:X}", hosts: ["a.example:443"], path_prefix: /c/}`, signature), want: "keys.k.by_url.hosts[0]: "},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { wantMistake(t, tt.text, tt.want) })
	}
}

// On a developer's machine a host may have no name.
func TestKeyURLOfAnAddress(t *testing.T) {
	wantFindings(t, `keys: {k: {by_url: {value: "{header:X-Cert-Url}", hosts: [127.0.0.1, 7.example.com], path_prefix: /certs/}}}
policies:
  p: {require: {signature: {credential: {header: X-Sig}, algorithm: rsa-pkcs1-sha256, encoding: base64, message: "{body}", keys: [k]}}}
`, policy.Options{Dev: true})
}

// wantMistake fails the test unless text has that mistake, and no other.
func wantMistake(t *testing.T, text, want string) {
	t.Helper()
	file, findings := policy.Read([]document.File{{Name: "p.yaml", Data: []byte(text)}}, policy.Options{})
	findings = slices.DeleteFunc(findings, func(f document.Finding) bool { return f.Warning })
	if file != nil || len(findings) != 1 || !strings.Contains(findings[0].Path+": "+findings[0].Message, want) {
		t.Errorf("mistakes = %+v, want one: %s", findings, want)
	}
}
