//go:build e2e

package e2e

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
)

// ownWorld starts a world of its own with a token endpoint.
func ownWorld(t *testing.T, flags ...string) *identityWorld {
	t.Helper()
	b := startBao(t)
	b.put(t, "token-key", map[string]string{"pem": string(newSigner(t, "", "EdDSA").privatePEM())})
	i := &identityWorld{tokens: "http://" + freeAddress(t)}
	folder := fill(t, map[string]string{"TOKENS": i.tokens}, "endpoint.yaml")
	i.world = newWorld(t, setup{
		bao: b, config: folder, policies: policyNames(t, folder),
		flags: append([]string{"--dev", "--token-listen=" + strings.TrimPrefix(i.tokens, "http://")}, flags...),
	})
	return i
}

// A server that is about to stop issues tokens as long as it answers checks.
func TestTokenEndpointDrains(t *testing.T) {
	t.Parallel()
	w := ownWorld(t, "--drain-wait=2s")
	h := w.servers[0]
	h.signal(t, syscall.SIGTERM)
	if h.stderr.find(5*time.Second, func(line string) bool { return strings.Contains(line, "stopping: not serving any more") }) == "" {
		t.Fatalf("hookauthz does not say that it stops:\n%s", h.stderr.tail(5))
	}
	got := trade(t, w.tokens+"/token", "", "", credentials("acme"))
	if got.status != http.StatusOK {
		t.Fatalf("status %d while it drains, want 200", got.status)
	}
	w.allowed(t, w.send(t, bearing("own-acme", got.Token)))
	if !h.ended(15 * time.Second) {
		t.Fatal("hookauthz does not end after SIGTERM")
	}
	if code := h.cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("exit code %d after SIGTERM, want 0", code)
	}
}

// Where senders reach it without a proxy it speaks TLS, with a certificate that is
// read again when it changes.
func TestTokenEndpointTLS(t *testing.T) {
	t.Parallel()
	ours := newAuthority(t, nil)
	first, second := ours.issue(t, dns("hooks.example.com")), ours.issue(t, dns("hooks.example.com"))
	folder := fill(t, map[string]string{"TOKENS": "https://hooks.example.com"}, "endpoint.yaml")
	identity() // puts the signing key into Vault
	w := newWorld(t, setup{
		config: folder, policies: policyNames(t, folder),
		flags: []string{"--token-listen=127.0.0.1:0", "--token-tls-cert=" + first.cert, "--token-tls-key=" + first.key},
	})
	served := func() *certificate {
		t.Helper()
		roots := x509.NewCertPool()
		roots.AddCert(ours.cert)
		conn, err := tls.Dial("tcp", w.servers[0].token, &tls.Config{RootCAs: roots, ServerName: "hooks.example.com"})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }() // what it shows was seen
		for _, c := range []*certificate{first, second} {
			if conn.ConnectionState().PeerCertificates[0].Equal(c.leaf) {
				return c
			}
		}
		return nil
	}
	if served() != first {
		t.Error("another certificate is shown")
	}
	_, port, _ := net.SplitHostPort(w.servers[0].token)
	token := curl(t, "https://hooks.example.com:"+port+"/token", "acme", "--cacert", ours.file, "--resolve", "hooks.example.com:"+port+":127.0.0.1").Token
	w.allowed(t, w.send(t, bearing("own-acme", token)))
	if response, err := http.Get("http://" + w.servers[0].token + "/token"); err == nil {
		_ = response.Body.Close()
		if response.StatusCode < http.StatusBadRequest {
			t.Errorf("plain text: status %d", response.StatusCode)
		}
	}
	replaceFile(t, first.key, readText(t, second.key))
	replaceFile(t, first.cert, readText(t, second.cert))
	eventually(t, 20*time.Second, "the new certificate is shown", func() bool { return served() == second })
}

func readText(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// The key that signs is replaced: the new one is published at once, and does not
// sign before everybody had time to read it. The old one goes on to, and its
// tokens stay good, as long as previous_for lets it; here that is the shorter time.
func TestSigningKeyRotation(t *testing.T) {
	t.Parallel()
	w := ownWorld(t)
	issue := func() string { return trade(t, w.tokens+"/token", "", "", credentials("acme")).Token }
	before := issue()
	old := kidOf(t, before)
	w.allowed(t, w.send(t, bearing("own-acme", before)))
	if published := w.published(t); len(published) != 1 || published[0] != old {
		t.Errorf("published keys %q, want %q", published, old)
	}

	w.bao.put(t, "token-key", map[string]string{"pem": string(newSigner(t, "", "EdDSA").privatePEM())})
	eventually(t, 10*time.Second, "the new key is published", func() bool { return len(w.published(t)) == 2 })
	for range 3 {
		token := issue()
		if id := kidOf(t, token); id != old {
			t.Errorf("key %s signs at once", id)
		}
		w.allowed(t, w.send(t, bearing("own-acme", token)))
		w.allowed(t, w.send(t, bearing("own-acme", before)))
		time.Sleep(time.Second)
	}
	var fresh string
	eventually(t, 30*time.Second, "the new key signs", func() bool {
		time.Sleep(300 * time.Millisecond) // one client may ask so often
		fresh = issue()
		return kidOf(t, fresh) != old
	})
	w.denied(t, w.turns(t, 30*time.Second, bearing("own-acme", before), 200, 401), 401, authz.ReasonKidUnknown)
	w.allowed(t, w.send(t, bearing("own-acme", fresh)))
	if published := w.published(t); len(published) != 1 || published[0] == old {
		t.Errorf("published keys %q, want the new one only", published)
	}
}

func kidOf(t *testing.T, token string) string {
	t.Helper()
	header, _, _ := strings.Cut(token, ".")
	text, err := base64.RawURLEncoding.DecodeString(header)
	var members struct{ Kid, Typ string }
	if err == nil {
		err = json.Unmarshal(text, &members)
	}
	if err != nil || members.Kid == "" || members.Typ != "at+jwt" {
		t.Fatalf("header of a token: kid %q, typ %q, %v", members.Kid, members.Typ, err)
	}
	return members.Kid
}

// published returns the ids of the keys by which others may verify our tokens.
func (i *identityWorld) published(t *testing.T) []string {
	t.Helper()
	var metadata struct {
		Issuer string `json:"issuer"`
		Keys   string `json:"jwks_uri"`
	}
	i.fetch(t, i.tokens+"/.well-known/oauth-authorization-server", &metadata)
	if metadata.Issuer != i.tokens || !strings.HasPrefix(metadata.Keys, i.tokens+"/") {
		t.Fatalf("metadata of the token endpoint: %+v", metadata)
	}
	var set struct{ Keys []map[string]any }
	i.fetch(t, metadata.Keys, &set)
	var ids []string
	for _, jwk := range set.Keys {
		if jwk["d"] != nil {
			t.Error("a private key is published")
		}
		ids = append(ids, fmt.Sprint(jwk["kid"]))
	}
	return ids
}

func (*identityWorld) fetch(t *testing.T, from string, into any) {
	t.Helper()
	response, err := (&http.Client{Timeout: patience}).Get(from)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }() // it was read
	if err := json.NewDecoder(response.Body).Decode(into); err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s: status %d, %v", from, response.StatusCode, err)
	}
}
