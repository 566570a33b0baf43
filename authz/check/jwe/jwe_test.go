package jwe_test

import (
	"context"
	"strings"
	"testing"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
	"github.com/hookauthz/hookauthz/authz/scheme/jwe"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

// TestTokens: what passes and what does not, and for which reason.
func TestTokens(t *testing.T) {
	const ok, missing, malformed, alg, kid, invalid, failed = authz.ReasonVerified, authz.ReasonCredentialMissing, authz.ReasonCredentialMalformed,
		authz.ReasonAlgNotAllowed, authz.ReasonKidUnknown, authz.ReasonTokenInvalid, authz.ReasonDecryptionFailed
	right := toRSA(t, "payload")
	es := encrypt(t, ecKey(), jwe.ECDHES, jwe.A256GCM, "k2", "payload")
	header := func(text string) string { return replaced(right, 0, encode([]byte(text))) }
	tests := []struct {
		name, token string
		want        authz.Reason
	}{
		{name: "RSA", token: right, want: ok},
		{name: "EC", token: es, want: ok},
		{name: "RSA-OAEP", token: encrypt(t, rsaKey(), jwe.RSAOAEP, jwe.A128CBCHS256, "k1", ""), want: ok},
		{name: "no key id", token: encrypt(t, ecKey(), jwe.ECDHESA128KW, jwe.A256GCM, "", "payload"), want: ok},
		{name: "nothing", token: "", want: missing},
		{name: "none", token: header(`{"alg":"none","enc":"A256GCM","kid":"k1"}`), want: alg},
		{name: "RSA1_5", token: header(`{"alg":"RSA1_5","enc":"A256GCM","kid":"k1"}`), want: alg},
		{name: "PBES2 with many rounds", token: header(`{"alg":"PBES2-HS512+A256KW","enc":"A256GCM","p2s":"AAAAAAAAAAA","p2c":2147483647}`), want: alg},
		{name: "not listed", token: encrypt(t, ecKey(), jwe.ECDHESA256KW, jwe.A256GCM, "k2", ""), want: alg},
		{name: "content not listed", token: encrypt(t, rsaKey(), jwe.RSAOAEP, jwe.A128GCM, "k1", ""), want: alg},
		{name: "shared key", token: toShared(t, "key", "payload"), want: alg},
		{name: "the public key as a shared one", token: encrypt(t, sharedKey("modulus", 32), jwe.Dir, jwe.A256GCM, "k1", ""), want: alg},
		{name: "wrong type of key", token: encrypt(t, newEC(ecKey().Curve), jwe.ECDHES, jwe.A256GCM, "k1", ""), want: alg},
		{name: "compressed", token: header(`{"alg":"RSA-OAEP-256","enc":"A256GCM","kid":"k1","zip":"DEF"}`), want: invalid},
		{name: "critical", token: header(`{"alg":"RSA-OAEP-256","enc":"A256GCM","kid":"k1","crit":["exp"],"exp":1}`), want: invalid},
		{name: "count of rounds", token: header(`{"alg":"RSA-OAEP-256","enc":"A256GCM","kid":"k1","p2c":1}`), want: invalid},
		{name: "brings a key", token: header(`{"alg":"RSA-OAEP-256","enc":"A256GCM","kid":"k1","jwk":{}}`), want: invalid},
		{name: "unknown key", token: encrypt(t, rsaKey(), jwe.RSAOAEP, jwe.A256GCM, "k9", ""), want: kid},
		{name: "another's key", token: encrypt(t, newRSA(), jwe.RSAOAEP, jwe.A256GCM, "k1", ""), want: failed},
		{name: "another's key, without id", token: encrypt(t, newRSA(), jwe.RSAOAEP, jwe.A256GCM, "", ""), want: failed},
		{name: "header changed", token: header(`{"alg":"RSA-OAEP-256","enc":"A256GCM","kid":"k1" }`), want: failed},
		{name: "encrypted key changed", token: flipped(t, right, 1), want: failed},
		{name: "iv changed", token: flipped(t, right, 2), want: failed},
		{name: "ciphertext changed", token: flipped(t, right, 3), want: failed},
		{name: "tag changed", token: flipped(t, right, 4), want: failed},
		{name: "ciphertext removed", token: replaced(right, 3, ""), want: failed},
		{name: "encrypted key removed", token: replaced(right, 1, ""), want: malformed},
		{name: "encrypted key added", token: replaced(es, 1, "AAAA"), want: malformed},
		{name: "tag cut", token: right[:len(right)-4], want: malformed},
		{name: "tag removed", token: replaced(right, 4, ""), want: malformed},
		{name: "four parts", token: right[:strings.LastIndexByte(right, '.')], want: malformed},
		{name: "a part twice", token: right + right[strings.LastIndexByte(right, '.'):], want: malformed},
		{name: "twice", token: right + "." + right, want: malformed},
		{name: "JSON", token: `{"protected":"","encrypted_key":"","iv":"","ciphertext":"","tag":""}`, want: malformed},
		{name: "line end", token: right + "\r\n", want: malformed},
		{name: "huge", token: strings.Repeat("a", 1<<20), want: malformed},
		{name: "huge and dotted", token: strings.Repeat(".", 1<<20), want: malformed},
	}
	e := with(set(rsaKey(), ecKey()))
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			identity, err := verify(t, public(), e, body(tt.token))
			authztest.WantReason(t, err, tt.want)
			if err == nil && (!identity.Decrypted || !identity.Credential || identity.Principal != "" || identity.BodySigned || identity.Content != nil) {
				t.Errorf("identity = %+v", identity)
			}
		})
	}
}

// An epk on another curve than the key's opens nothing, and a point that is on
// none does not get that far.
func TestCurves(t *testing.T) {
	token := encrypt(t, ecKey(), jwe.ECDHES, jwe.A256GCM, "k1", "payload")
	other := encrypt(t, newEC(p384()), jwe.ECDHES, jwe.A256GCM, "k1", "payload")
	_, err := verify(t, public(), with(set(ecKey())), body(replaced(token, 0, other[:strings.IndexByte(other, '.')])))
	authztest.WantReason(t, err, authz.ReasonDecryptionFailed)

	zeros := encode(make([]byte, 32))
	header := `{"alg":"ECDH-ES","enc":"A256GCM","kid":"k1","epk":{"kty":"EC","crv":"P-256","x":"` + zeros + `","y":"` + zeros + `"}}`
	_, err = verify(t, public(), with(set(ecKey())), body(replaced(token, 0, encode([]byte(header)))))
	authztest.WantReason(t, err, authz.ReasonCredentialMalformed)
}

func TestShared(t *testing.T) {
	e := with(set(sharedKey("key", 32)))
	e.Replay, e.Policy = true, "policy"
	part := newPart(t, shared(), e)
	identity, err := part.Check.Verify(t.Context(), body(toShared(t, "key", "payload")))
	authztest.WantReason(t, err, authz.ReasonVerified)
	h := authz.NewMessage("policy")
	h.Write([]byte("payload"))
	if identity.Principal != "keys" || identity.Key != "k1" || !identity.BodySigned || !identity.Decrypted || identity.Secret != "secret" ||
		identity.Content == nil || len(identity.Content.Messages) != 1 || identity.Content.Messages[0] != authz.SumMessage(h) || identity.Content.HasPayload {
		t.Errorf("identity = %+v, content %+v", identity, identity.Content)
	}
	// Another encryption of the same is the same message; what is not ours is none.
	again, err := part.Check.Verify(t.Context(), body(encrypt(t, sharedKey("key", 32), jwe.Dir, jwe.A256GCM, "", "payload")))
	authztest.WantReason(t, err, authz.ReasonVerified)
	if again.Content == nil || again.Content.Messages[0] != identity.Content.Messages[0] {
		t.Error("the same plaintext is another message")
	}
	_, err = part.Check.Verify(t.Context(), body(toShared(t, "other", "payload")))
	authztest.WantReason(t, err, authz.ReasonDecryptionFailed)
	_, err = part.Check.Verify(t.Context(), body(toRSA(t, "payload")))
	authztest.WantReason(t, err, authz.ReasonAlgNotAllowed)
}

func TestInner(t *testing.T) {
	e := with(set(rsaKey()))
	e.Replay = true
	part := newPart(t, inner(), e)
	try := func(plaintext string) (authz.Identity, error) {
		return part.Check.Verify(t.Context(), body(toRSA(t, plaintext)))
	}
	identity, err := try(sign(t, signer(), "payload"))
	authztest.WantReason(t, err, authz.ReasonVerified)
	if identity.Principal != "partner" || identity.Key != "s1" || identity.Secret != "secret" || !identity.BodySigned || !identity.Decrypted ||
		identity.Signed != authztest.Received() || identity.Content == nil || len(identity.Content.Messages) != 1 {
		t.Errorf("identity = %+v", identity)
	}
	token := sign(t, signer(), "payload")
	for _, tt := range []struct {
		name, plaintext string
		want            authz.Reason
	}{
		{name: "empty", plaintext: "", want: authz.ReasonCredentialMalformed},
		{name: "no token", plaintext: "payload", want: authz.ReasonCredentialMalformed},
		{name: "JSON", plaintext: `{"payload":"x"}`, want: authz.ReasonCredentialMalformed},
		{name: "an encrypted token", plaintext: toRSA(t, token), want: authz.ReasonCredentialMalformed},
		{name: "none", plaintext: "eyJhbGciOiJub25lIn0.e30.AAAA", want: authz.ReasonAlgNotAllowed},
		{name: "another's signature", plaintext: sign(t, other(), "payload"), want: authz.ReasonSignatureMismatch},
		{name: "no signature", plaintext: token[:strings.LastIndexByte(token, '.')+1], want: authz.ReasonCredentialMalformed},
		{name: "line end", plaintext: token + "\n", want: authz.ReasonCredentialMalformed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			identity, err := try(tt.plaintext)
			authztest.WantReason(t, err, tt.want)
			if err == nil || identity.Principal != "" || identity.Decrypted {
				t.Errorf("identity = %+v", identity)
			}
		})
	}
	// Signed, but not encrypted.
	_, err = part.Check.Verify(t.Context(), body(token))
	authztest.WantReason(t, err, authz.ReasonCredentialMalformed)
}

// The payload is what was encrypted, or what was signed inside.
func TestPayload(t *testing.T) {
	tests := []struct {
		name     string
		settings *policypb.Jwe
		keys     authz.PrivateKeySet
		token    string
		messages int
		signed   bool
	}{
		{name: "public", settings: public(), keys: set(rsaKey()), token: toRSA(t, "payload")},
		{name: "shared", settings: shared(), keys: set(sharedKey("key", 32)), token: toShared(t, "key", "payload"), messages: 1, signed: true},
		{name: "inner", settings: inner(), keys: set(rsaKey()), token: toRSA(t, sign(t, signer(), "payload")), messages: 1, signed: true},
		{name: "empty", settings: public(), keys: set(rsaKey()), token: toRSA(t, "")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := with(tt.keys)
			e.Payload, e.Replay = true, true
			part := newPart(t, tt.settings, e)
			identity, err := part.Check.Verify(t.Context(), body(tt.token))
			authztest.WantReason(t, err, authz.ReasonVerified)
			want := "payload"
			if tt.name == "empty" {
				want = ""
			}
			content := identity.Content
			if content == nil || !content.HasPayload || string(content.Payload) != want || len(content.Messages) != tt.messages || identity.BodySigned != tt.signed {
				t.Errorf("identity = %+v, content %+v", identity, content)
			}
			if !part.Payload {
				t.Error("Part.Payload = false")
			}
		})
	}
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := newPart(t, public(), with(set(rsaKey()))).Check.Verify(ctx, body(toRSA(t, "payload")))
	authztest.WantReason(t, err, authz.ReasonDeadline)
}
