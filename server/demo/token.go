package demo

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/hookauthz/hookauthz/server"
)

// tokenRows show a sender that fetches a token first. password is its
// client_secret.
func (s *scenario) tokenRows(password []byte, now time.Time) error {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return fmt.Errorf("make up a signing key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return fmt.Errorf("write the signing key: %w", err)
	}
	s.put("own", "private_key", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), now)

	withToken := func(ctx context.Context, address server.Address, r *request) error {
		token, err := fetchToken(ctx, address.Token, password)
		r.headers = append(r.headers, field{"authorization", "Bearer " + token})
		return err
	}
	s.rows = append(s.rows,
		row{
			policy: "partner-orders", what: "a token of our own endpoint",
			request: post("/orders", []byte(towerBody)), complete: withToken,
			want: verdict{200, "verified"},
		},
		row{
			policy: "reseller-orders", what: "the same client, another route",
			request: post("/reseller", []byte(towerBody)), complete: withToken,
			want:    verdict{403, "claim_mismatch"},
			meaning: "The token is genuine, but it names the policies that it is good for, and\nthis is none of them.",
		},
	)
	return nil
}

// fetchToken does what a sender does: POST grant_type=client_credentials.
func fetchToken(ctx context.Context, address string, password []byte) (string, error) {
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {"partner"}, "client_secret": {string(password)}}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+address+"/token", strings.NewReader(form.Encode()))
	if err != nil {
		return "", fmt.Errorf("fetch a token: %w", err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return "", fmt.Errorf("fetch a token: %w", err)
	}
	defer resp.Body.Close() //nolint:errcheck // nothing was written
	const limit = 64 << 10
	body, err := io.ReadAll(io.LimitReader(resp.Body, limit))
	if err != nil {
		return "", fmt.Errorf("fetch a token: %w", err)
	}
	var answer struct {
		Token string `json:"access_token"`
	}
	if err := json.Unmarshal(body, &answer); err != nil || resp.StatusCode != http.StatusOK || answer.Token == "" {
		return "", fmt.Errorf("fetch a token: status %d", resp.StatusCode)
	}
	return answer.Token, nil
}
