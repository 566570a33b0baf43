//go:build e2e

package e2e

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash"
	"os"
	"testing"
	"time"
)

// random returns a text that nobody has used or will guess.
func random() string { return "e2e" + rand.Text() }

// secrets are what is in Vault below webhooks/, made anew for each run.
var secrets = map[string]map[string]string{
	"tower":     {"api_key": random()},
	"autify":    {"secret": random()},
	"begini":    {"api_key": random()},
	"easytools": {"secret": random()},
	"github":    {"secret": random()},
	"stripe":    {"signing_secret": "whsec_" + random()},
	"crm":       {"password": random()},
	"legacy":    {"api_key": random()},
	"rotating":  {"secret": random()},

	"client-acme":  {"secret": random()},
	"client-other": {"secret": random()},
	"combined-key": {"value": random()},
	"combined-mac": {"value": random()},
	"hs-mac":       {"secret": random()},
}

// key returns the only field of a secret.
func key(path string) string {
	for _, value := range secrets[path] {
		return value
	}
	return ""
}

// mac returns the HMAC of message as hex digits.
func mac(h func() hash.Hash, key string, message []byte) string {
	m := hmac.New(h, []byte(key))
	m.Write(message)
	text := hex.EncodeToString(m.Sum(nil))
	mustNotLeak(text)
	return text
}

// Requests that hold, of one sender each.

func tower(body []byte) request {
	return request{path: "/hooks/cetmix-tower", body: body}.with("X-Api-Key", key("tower"))
}

func autify(body []byte) request {
	return request{path: "/hooks/autify", body: body}.with("X-Autify-Signature", "sha1="+mac(sha1.New, key("autify"), body))
}

func begini(body []byte) request {
	return request{path: "/hooks/begini", body: body}.with("X-Signature", mac(sha512.New, key("begini"), body))
}

func beginiTest(body []byte) request {
	return request{path: "/hooks/begini/test", body: body}.with("Api-key", key("begini"))
}

func easytools(body []byte) request {
	return request{path: "/hooks/easytools", body: body}.with("X-Webhook-Signature", mac(sha256.New, key("easytools"), body))
}

func github(body []byte) request { return githubBy(key("github"), "/hooks/github", body) }

func githubBy(key, path string, body []byte) request {
	return request{path: path, body: body}.with(githubHeader, "sha256="+mac(sha256.New, key, body))
}

const githubHeader = "X-Hub-Signature-256"

func stripe(body []byte, at time.Time) request {
	message := fmt.Appendf(nil, "%d.%s", at.Unix(), body)
	value := fmt.Sprintf("t=%d,v1=%s", at.Unix(), mac(sha256.New, key("stripe"), message))
	return request{path: "/hooks/stripe", body: body}.with("Stripe-Signature", value)
}

func crm(user, password string) request {
	token := base64.StdEncoding.EncodeToString([]byte(user + ":" + password))
	mustNotLeak(token)
	return request{path: "/hooks/crm", body: event}.with("Authorization", "Basic "+token)
}

func legacy() request {
	return request{path: "/hooks/legacy?topic=orders&key=" + key("legacy") + "&page=2", body: event}
}

// event is a body where its content does not matter.
var event = []byte(`{"event":"order.created","id":7}`)

// push is a delivery of GitHub, as it was sent.
func push(t *testing.T) []byte {
	t.Helper()
	body, err := os.ReadFile("testdata/github-push.json")
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// without returns r without the header line of that name.
func (r request) without(name string) request {
	var kept [][2]string
	for _, line := range r.header {
		if line[0] != name {
			kept = append(kept, line)
		}
	}
	r.header = kept
	return r
}

// replaced returns r with the header line of that name changed.
func (r request) replaced(name, value string) request { return r.without(name).with(name, value) }

// value returns the header line of that name.
func (r request) value(name string) string {
	for _, line := range r.header {
		if line[0] == name {
			return line[1]
		}
	}
	return ""
}
