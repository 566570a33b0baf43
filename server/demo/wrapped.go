package demo

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"strconv"
	"time"

	"github.com/hookauthz/hookauthz/authz/scheme/jose"
	"github.com/hookauthz/hookauthz/authz/scheme/jwe"
	"github.com/hookauthz/hookauthz/server"
)

const claimBody = `{"claim":"C-77","amount":1250,"currency":"eur"}`

// wrappedRows show senders whose body is a signed token, and one who encrypts it
// as well.
func (s *scenario) wrappedRows(now time.Time) error {
	wallet, err := s.publish("wallet", "public_key", now)
	if err != nil {
		return err
	}
	insurer, err := s.publish("insurer", "public_key", now)
	if err != nil {
		return err
	}
	const bits = 2048
	ours, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		return fmt.Errorf("make up a key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(ours)
	if err != nil {
		return fmt.Errorf("write a key: %w", err)
	}
	s.put("mailbox", "private_key", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), now)

	event := `{"iss":"wallet.example","iat":` + strconv.FormatInt(now.Unix(), 10) + `,"order":"A-1","amount":990}`
	good, err := jose.Sign(wallet, jose.ES256, "", "JWT", []byte(event))
	if err != nil {
		return fmt.Errorf("sign: %w", err)
	}
	other, err := jose.Sign(insurer, jose.ES256, "", "JWT", []byte(event))
	if err != nil {
		return fmt.Errorf("sign: %w", err)
	}
	sealed, open, err := seal(&ours.PublicKey, insurer)
	if err != nil {
		return err
	}
	s.rows = append(s.rows,
		row{
			policy: "wallet-events", what: "the body is a signed token",
			request: post("/wallet", []byte(good)), want: verdict{200, "verified"},
		},
		row{
			policy: "wallet-events", what: "the same, signed by another",
			request: post("/wallet", []byte(other)), want: verdict{401, "signature_mismatch"},
			meaning: "The token is sound and its claims are the same, but the key is not the\nwallet's.",
		},
		row{
			policy: "insurer-claims", what: "signed, then encrypted to us",
			request: post("/claims", []byte(sealed)), processed: true, want: verdict{200, "verified"},
		},
		row{
			policy: "insurer-claims", what: "encrypted to us, not signed",
			request: post("/claims", []byte(open)), processed: true, want: verdict{401, "credential_malformed"},
			meaning: "Anybody can encrypt to a public key. What is inside must be signed, and\nhere it is not.",
		},
	)
	return nil
}

// publish makes up a key, writes its public half, and returns the private one.
func (s *scenario) publish(name, field string, now time.Time) (crypto.Signer, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make up a key: %w", err)
	}
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return nil, fmt.Errorf("write a key: %w", err)
	}
	s.put(name, field, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), now)
	return key, nil
}

// seal encrypts a claim to us, signed by signer and not signed at all.
func seal(to *rsa.PublicKey, signer crypto.Signer) (signed, unsigned string, err error) {
	inner, err := jose.Sign(signer, jose.ES256, "", "", []byte(claimBody))
	if err != nil {
		return "", "", fmt.Errorf("sign: %w", err)
	}
	if signed, err = jwe.Encrypt(to, "RSA-OAEP-256", "A256GCM", "", "JWT", []byte(inner)); err != nil {
		return "", "", fmt.Errorf("encrypt: %w", err)
	}
	if unsigned, err = jwe.Encrypt(to, "RSA-OAEP-256", "A256GCM", "", "", []byte(claimBody)); err != nil {
		return "", "", fmt.Errorf("encrypt: %w", err)
	}
	return signed, unsigned, nil
}

// replayRows show a request that is captured and sent again.
func (s *scenario) replayRows(now time.Time) error {
	courier, err := s.create("courier", "signing_key", "", now)
	if err != nil {
		return err
	}
	// What was signed before the server ran might have been here before, so this is
	// signed when it is sent.
	var captured []field
	capture := func(_ context.Context, _ server.Address, r *request) error {
		if captured == nil {
			t := strconv.FormatInt(time.Now().UnixMilli(), 10)
			captured = []field{{"x-timestamp", t}, {"x-signature", sign(courier, t+"."+towerBody)}}
		}
		r.headers = append(r.headers, captured...)
		return nil
	}
	s.rows = append(s.rows,
		row{
			policy: "courier-events", what: "signed, for the first time",
			request: post("/courier", []byte(towerBody)), complete: capture, want: verdict{200, "verified"},
		},
		row{
			policy: "courier-events", what: "captured and sent again",
			request: post("/courier", []byte(towerBody)), complete: capture, want: verdict{409, "replayed"},
			meaning: "Every byte is as it was, and the time is still good. But what was signed\nhas been here before.",
		},
	)
	return nil
}
