package demo

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"time"

	"github.com/hookauthz/hookauthz/authz/secret"
	"github.com/hookauthz/hookauthz/authz/secret/memory"
	"github.com/hookauthz/hookauthz/server"
)

// A scenario is the requests of the demonstration and the secrets behind them.
type scenario struct {
	secrets      *memory.Source
	fingerprints []fingerprint
	rows         []row
}

// A fingerprint tells secrets apart without showing them.
type fingerprint struct{ name, text string }

// A row is one request and what must come of it.
type row struct {
	policy  string
	what    string
	request request
	// complete, if not nil, adds to request what only the running server gives.
	complete func(ctx context.Context, address server.Address, r *request) error
	want     verdict
	// processed says that the gateway asks as an external processor.
	processed bool
	// meaning says in words why a denial is right, or what else is worth knowing.
	meaning string
}

// A verdict is the status, 200 for an allow, and the reason.
type verdict struct {
	status int
	reason string
}

const (
	host       = "hooks.example.com"
	keyBytes   = 32
	staleBy    = 10 * time.Minute
	deliverID  = "3f1b0a5e-0000-4000-8000-000000000000"
	stripeBody = `{"id":"evt_1","object":"event","type":"payment_intent.succeeded","data":{"object":{"id":"pi_1","amount":4200,"currency":"eur"}}}`
	githubBody = `{"ref":"refs/heads/main","repository":{"full_name":"octo/hello"},"head_commit":{"id":"6dcb09b5"}}`
	towerBody  = `{"event":"backup.finished","server":"db-1"}`
)

// newScenario makes up secrets and the requests that they sign.
func newScenario(now time.Time) (*scenario, error) {
	s := &scenario{secrets: memory.New()}
	stripe, err := s.create("stripe", "signing_secret", "whsec_", now)
	if err != nil {
		return nil, err
	}
	previous, err := s.create("github", "secret", "", now.Add(-time.Hour))
	if err != nil {
		return nil, err
	}
	if _, err := s.create("github", "secret", "", now); err != nil {
		return nil, err
	}
	tower, err := s.create("tower", "api_key", "", now)
	if err != nil {
		return nil, err
	}
	partner, err := s.create("partner", "client_secret", "", now)
	if err != nil {
		return nil, err
	}
	s.stripeRows(stripe, now)
	s.githubRows(previous)
	if err := s.tokenRows(partner, now); err != nil {
		return nil, err
	}
	if err := s.certificateRows(now); err != nil {
		return nil, err
	}
	if err := s.wrappedRows(now); err != nil {
		return nil, err
	}
	if err := s.replayRows(now); err != nil {
		return nil, err
	}
	s.otherRows(tower, stripe, now)
	return s, nil
}

// create writes a random secret and returns it.
func (s *scenario) create(name, field, prefix string, created time.Time) ([]byte, error) {
	random := make([]byte, keyBytes)
	if _, err := rand.Read(random); err != nil {
		return nil, fmt.Errorf("make up a secret: %w", err)
	}
	value := append([]byte(prefix), hex.EncodeToString(random)...)
	s.put(name, field, value, created)
	return value, nil
}

// put writes a secret.
func (s *scenario) put(name, field string, value []byte, created time.Time) {
	loc := secret.Location{Kind: secret.KindVault, Mount: secret.DefaultMount, KVVersion: secret.DefaultKVVersion, Path: "demo/" + name}
	version := s.secrets.Put(loc, map[string][]byte{field: value}, created)
	sum := sha256.Sum256(value)
	s.fingerprints = append(s.fingerprints, fingerprint{fmt.Sprintf("%s v%d", name, version), hex.EncodeToString(sum[:2]) + "…"})
}

func (s *scenario) stripeRows(key []byte, now time.Time) {
	changed := []byte(stripeBody)
	changed[bytes.Index(changed, []byte("4200"))] = '1'
	old := now.Add(-staleBy)
	s.rows = append(s.rows,
		row{
			policy: "stripe-payments", what: "correctly signed",
			request: post("/stripe", []byte(stripeBody), stripeSignature(key, now)),
			want:    verdict{200, "verified"},
		},
		row{
			policy: "stripe-payments", what: "one byte of the body changed",
			request: post("/stripe", changed, stripeSignature(key, now)),
			want:    verdict{401, "signature_mismatch"},
			meaning: "The body arrived whole and on time, but it is not what was signed:\nthe amount 4200 became 1200 on the way.",
		},
		row{
			policy: "stripe-payments", what: "the first one, 10 minutes old",
			request: post("/stripe", []byte(stripeBody), stripeSignature(key, old)),
			want:    verdict{401, "timestamp_stale"},
			meaning: "The signature holds, but it was made 600 s ago and 300 s are permitted:\nsomebody may be sending a captured request again.",
		},
	)
}

func (s *scenario) githubRows(previous []byte) {
	signature := field{"x-hub-signature-256", "sha256=" + sign(previous, githubBody)}
	absent := post("/github", []byte(githubBody), signature)
	absent.body, absent.partial = nil, ""
	s.rows = append(s.rows,
		row{
			policy: "github-ci", what: "signed with the previous secret",
			request: post("/github", []byte(githubBody), signature),
			want:    verdict{200, "verified"},
		},
		row{
			policy: "github-ci", what: "the gateway forwards no body",
			request: absent,
			want:    verdict{500, "body_not_forwarded"},
			meaning: "Without the body nothing can be verified. That is the gateway's fault,\nnot the sender's: set with_request_body on Envoy's ext_authz filter.",
		},
	)
}

func (s *scenario) otherRows(key, stripe []byte, now time.Time) {
	wrong := bytes.Clone(key)
	wrong[0] ^= 1
	cut := post("/stripe", []byte(stripeBody)[:64], stripeSignature(stripe, now))
	cut.partial, cut.length = "true", len(stripeBody)
	s.rows = append(s.rows,
		row{
			policy: "tower-events", what: "wrong API key",
			request: post("/tower", []byte(towerBody), field{"x-api-key", string(wrong)}),
			want:    verdict{401, "api_key_invalid"},
			meaning: "A key is there and is not ours. What is compared does not depend on how\nmany of its characters are right.",
		},
		row{
			policy: "stripe-payments", what: "the gateway cut the body",
			request: cut,
			want:    verdict{413, "body_truncated"},
			meaning: "Only a part of the body came. Set allow_partial_message: false, and\nmax_request_bytes above the largest body.",
		},
		row{
			policy: "-", what: "a route without a policy",
			request: post("/unknown", []byte(towerBody)),
			want:    verdict{403, "route_not_found"},
			meaning: "What no policy names is denied: there is no default that allows.",
		},
	)
}

// post returns a request the way Envoy describes it.
func post(path string, body []byte, more ...field) request {
	return request{
		method: "POST", host: host, path: path, body: body, partial: "false", length: len(body),
		headers: append([]field{{"content-type", "application/json"}, {"x-request-id", deliverID}}, more...),
	}
}

func stripeSignature(key []byte, at time.Time) field {
	t := strconv.FormatInt(at.Unix(), 10)
	return field{"stripe-signature", "t=" + t + ",v1=" + sign(key, t+"."+stripeBody)}
}

func sign(key []byte, message string) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(message))
	return hex.EncodeToString(mac.Sum(nil))
}
