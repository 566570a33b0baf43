package document_test

import (
	"strings"
	"testing"
)

// An algorithm that tokens can't have is not taken for a misspelt one that they
// can, and what may be a secret is not shown.
func TestTokenAlgorithms(t *testing.T) {
	const (
		list   = `must be "EdDSA", "ES256", "ES384", "ES512", "RS256", "RS384", "RS512", "PS256", "PS384" or "PS512"`
		shared = "algorithms with a shared key are not supported for tokens: " + list
		none   = "tokens without a signature are not supported: " + list
	)
	tests := []struct {
		word, want string
		shown      bool // in the excerpt
	}{
		{word: "HS256", want: shared, shown: true},
		{word: "HS384", want: shared, shown: true},
		{word: "HS512", want: shared, shown: true},
		{word: "hs256", want: shared, shown: true},
		{word: "HS265", want: shared},
		{word: "HS256K-canary", want: shared},
		{word: "none", want: none, shown: true},
		{word: "None", want: none, shown: true},
		{word: "ES265", want: `unknown value "ES265", did you mean "ES256"?`, shown: true},
		{word: "es256", want: `unknown value "es256", did you mean "ES256"?`, shown: true},
		{word: "ES256K", want: "ES256K (secp256k1) is not supported: " + list},
		{word: "es256k", want: "ES256K (secp256k1) is not supported: " + list},
		{word: "canary", want: list},
	}
	for _, tt := range tests {
		t.Run(tt.word, func(t *testing.T) {
			_, _, findings := readText("policies: {p: {require: {bearer: {jwt: {issuer: i, audiences: [a], keys: [k], algorithms: [RS256,\n" + tt.word + "\n]}}}}}")
			if len(findings) != 1 {
				t.Fatalf("got %+v, want one finding", findings)
			}
			f := findings[0]
			if f.Message != tt.want || f.Path != "policies.p.require.bearer.jwt.algorithms[1]" {
				t.Errorf("got  %s: %s\nwant %s", f.Path, f.Message, tt.want)
			}
			if strings.Contains(f.Text, tt.word) != tt.shown {
				t.Errorf("the excerpt is %q", f.Text)
			}
		})
	}
}

// An algorithm of which a half is left unsaid is told what is missing.
func TestHalfAlgorithms(t *testing.T) {
	const curves, paddings = "name the curve: ecdsa-p256-sha256, ecdsa-p384-sha384 or ecdsa-p521-sha512", "name the padding: rsa-pkcs1-sha"
	tests := []struct {
		kind, word, want string
		hidden           bool // from the excerpt
	}{
		{kind: "signature", word: "ecdsa", want: curves},
		{kind: "signature", word: "ecdsa-sha256", want: curves},
		{kind: "signature", word: "ECDSA-SHA512", want: curves},
		{kind: "signature", word: "rsa-sha256", want: paddings + "256 or rsa-pss-sha256"},
		{kind: "signature", word: "rsa-sha512", want: paddings + "512 or rsa-pss-sha512"},
		{kind: "signature", word: "rsa", want: paddings + "256, rsa-pkcs1-sha384"},
		{kind: "http_signature", word: "rsa-sha256", want: "name the padding: rsa-v1_5-sha256"},
		{kind: "http_signature", word: "ecdsa-sha384", want: "name the curve: ecdsa-p256-sha256 or ecdsa-p384-sha384"},
		{kind: "signature", word: "rsa-canary", want: "must be", hidden: true},
		{kind: "signature", word: "canary-sha256", want: "must be", hidden: true},
		{kind: "signature", word: "ecdsa-p256-sha265", want: "unknown value"},
		{kind: "mac", word: "rsa-sha256", want: "must be", hidden: true},
	}
	for _, tt := range tests {
		t.Run(tt.kind+" "+tt.word, func(t *testing.T) {
			settings := "credential: {header: X}, encoding: hex, message: \"{body}\", keys: [k], algorithm:\n" + tt.word
			switch tt.kind {
			case "http_signature":
				settings = "components: [\"@method\"], keys: [k], algorithms: [\n" + tt.word + "]"
			case "mac":
				settings = strings.Replace(settings, "keys: [k]", "secrets: [k]", 1)
			}
			_, _, findings := readText("policies: {p: {require: {" + tt.kind + ": {" + settings + "\n}}}}")
			if len(findings) != 1 || !strings.HasPrefix(findings[0].Message, tt.want) {
				t.Fatalf("got %+v, want one finding: %s", findings, tt.want)
			}
			if strings.Contains(findings[0].Text, tt.word) == tt.hidden {
				t.Errorf("the excerpt is %q", findings[0].Text)
			}
		})
	}
}

// Signed and encrypted tokens of webhooks can't have every algorithm either.
func TestWebhookTokenAlgorithms(t *testing.T) {
	tests := []struct {
		settings, path, want string
	}{
		{settings: "jws: {body: {}, keys: [k], algorithms: [HS256]}", path: "jws.algorithms[0]", want: "algorithms with a shared key are not supported for tokens"},
		{settings: "jws: {body: {}, keys: [k], algorithms: [none]}", path: "jws.algorithms[0]", want: "tokens without a signature are not supported"},
		{
			settings: "jwe: {body: {}, keys: [k], key_algorithms: [RSA1_5], content_algorithms: [A256GCM]}",
			path:     "jwe.key_algorithms[0]", want: "RSA1_5 tells an attacker too much by its failures",
		},
		{
			settings: "jwe: {body: {}, keys: [k], key_algorithms: [PBES2-HS256+A128KW], content_algorithms: [A256GCM]}",
			path:     "jwe.key_algorithms[0]", want: "passwords, and work that the sender chooses, are not supported",
		},
		{
			settings: "jwe: {body: {}, keys: [k], key_algorithms: [RSA-OAEP-265], content_algorithms: [A256GCM]}",
			path:     "jwe.key_algorithms[0]", want: `unknown value "RSA-OAEP-265", did you mean "RSA-OAEP-256"?`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.settings, func(t *testing.T) {
			_, _, findings := readText("policies: {p: {require: {" + tt.settings + "}}}")
			if len(findings) != 1 || findings[0].Path != "policies.p.require."+tt.path || !strings.HasPrefix(findings[0].Message, tt.want) {
				t.Errorf("got %+v, want %s: %s", findings, tt.path, tt.want)
			}
		})
	}
}
