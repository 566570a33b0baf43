//go:build e2e

package e2e

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
)

// A grant is what a token endpoint answers.
type grant struct {
	status int
	header http.Header

	Token   string `json:"access_token"`
	Type    string `json:"token_type"`
	Expires int    `json:"expires_in"`
	Scope   string `json:"scope"`
	Error   string `json:"error"`
}

// trade asks for a token with a form, and with the client in the header if user is
// not empty.
func trade(t *testing.T, endpoint, user, password string, form url.Values) grant {
	t.Helper()
	request, err := http.NewRequest(http.MethodPost, endpoint, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if user != "" {
		request.SetBasicAuth(user, password)
	}
	response, err := (&http.Client{Timeout: patience}).Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }() // it was read
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return readGrant(t, response.StatusCode, response.Header, text)
}

func readGrant(t *testing.T, status int, header http.Header, text []byte) grant {
	t.Helper()
	g := grant{status: status, header: header}
	if len(text) > 0 {
		if err := json.Unmarshal(text, &g); err != nil {
			t.Fatalf("status %d: %v: %q", status, err, text)
		}
	}
	if g.Token != "" {
		mustNotLeak(g.Token)
	}
	return g
}

// credentials is the form by which a client asks for a token.
func credentials(client string, more ...string) url.Values {
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {client}, "client_secret": {key("client-" + client)}}
	for i := 0; i+1 < len(more); i += 2 {
		form.Set(more[i], more[i+1])
	}
	return form
}

// curl asks for a token as the documentation of many a sender writes it.
func curl(t *testing.T, endpoint, client string, more ...string) grant {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "curl", append([]string{
		"--silent", "--show-error", "--noproxy", "*", "--write-out", "\n%{http_code}",
		"--request", "POST", endpoint, "--header", "Content-Type: application/x-www-form-urlencoded",
		"--data", "grant_type=client_credentials&client_id=" + client + "&client_secret=" + key("client-"+client),
	}, more...)...).Output()
	if err != nil {
		t.Fatalf("curl: %v", err)
	}
	text, code, _ := strings.Cut(string(out), "\n")
	if code != "200" {
		t.Fatalf("curl got status %s: %s", code, text)
	}
	return readGrant(t, http.StatusOK, nil, []byte(text))
}

// A sender trades its secret for a token, which opens its routes and no other.
func TestTokenEndpoint(t *testing.T) {
	w := identity()
	endpoint := w.tokens + "/token"
	acme := curl(t, endpoint, "acme")
	if !strings.EqualFold(acme.Type, "Bearer") || acme.Expires != 300 {
		t.Errorf("token_type %q, expires_in %d; want Bearer, 300", acme.Type, acme.Expires)
	}
	other := trade(t, endpoint, "other", key("client-other"), url.Values{"grant_type": {"client_credentials"}})
	narrow := trade(t, endpoint, "", "", credentials("acme", "scope", "invoices"))
	for name, g := range map[string]grant{"other": other, "narrow": narrow} {
		if g.status != http.StatusOK || g.Token == "" || g.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: status %d, %s, Cache-Control %q", name, g.status, g.Error, g.header.Get("Cache-Control"))
		}
	}
	for _, tt := range []struct {
		token   string
		of      string
		opens   []string
		closed  []string
		closedS int
	}{
		{of: "acme", token: acme.Token, opens: []string{"own-acme", "own-orders", "own-invoices"}, closed: []string{"own-other"}},
		{of: "other", token: other.Token, opens: []string{"own-other", "own-orders"}, closed: []string{"own-acme", "own-invoices"}},
		{of: "acme, one scope", token: narrow.Token, opens: []string{"own-acme", "own-invoices"}, closed: []string{"own-other", "own-orders"}},
	} {
		for _, policy := range tt.opens {
			t.Run(tt.of+" opens "+policy, func(t *testing.T) {
				seen, d := w.allowed(t, w.send(t, bearing(policy, tt.token)))
				client, _, _ := strings.Cut(tt.of, ",")
				if d.Principal != client || seen.header.Get("Authorization") != "" {
					t.Errorf("principal %q, Authorization upstream %q", d.Principal, seen.header.Get("Authorization"))
				}
			})
		}
		for _, policy := range append(tt.closed, "jwt-discovery", "introspected", "cert-dns") {
			t.Run(tt.of+" does not open "+policy, func(t *testing.T) { w.closed(t, policy, w.send(t, bearing(policy, tt.token))) })
		}
	}
	// A token of somebody else's issuer that names our policy is none of ours.
	c := goodClaims(w.tokens, "own-acme")
	c["client_id"], c["sub"] = "acme", "acme"
	for name, token := range map[string]string{
		"another key":           newSigner(t, "x", "EdDSA").tokenOf(c, map[string]any{"typ": "at+jwt"}),
		"a trusted issuer's":    w.keys["EdDSA"].tokenOf(c, map[string]any{"typ": "at+jwt"}),
		"changed":               acme.Token[:len(acme.Token)-8] + "AAAAAAAA",
		"the claims of another": forgedClaims(t, acme.Token, other.Token),
	} {
		w.closed(t, name, w.send(t, bearing("own-acme", token)))
	}
}

// forgedClaims returns the signature of one token behind the claims of another.
func forgedClaims(t *testing.T, claims, signature string) string {
	t.Helper()
	a, b := strings.Split(claims, "."), strings.Split(signature, ".")
	if len(a) != 3 || len(b) != 3 {
		t.Fatal("a token is no JWT")
	}
	return a[0] + "." + a[1] + "." + b[2]
}

// Requests that get no token.
func TestTokenEndpointRefuses(t *testing.T) {
	w := identity()
	endpoint := w.tokens + "/token"
	secret := key("client-acme")
	for _, tt := range []struct {
		name           string
		user, password string
		form           url.Values
		status         int
		code           string
	}{
		{name: "wrong secret", form: credentials("acme", "client_secret", random()), status: 401, code: "invalid_client"},
		{name: "wrong secret in the header", user: "acme", password: random(), form: url.Values{"grant_type": {"client_credentials"}}, status: 401, code: "invalid_client"},
		{name: "secret of another client", form: credentials("acme", "client_secret", key("client-other")), status: 401, code: "invalid_client"},
		{name: "unknown client", form: credentials("acme", "client_id", "nobody"), status: 401, code: "invalid_client"},
		{name: "no secret", form: credentials("acme", "client_secret", ""), status: 401, code: "invalid_client"},
		{name: "nothing", form: url.Values{"grant_type": {"client_credentials"}}, status: 401, code: "invalid_client"},
		{name: "header and form", user: "acme", password: secret, form: credentials("acme"), status: 400, code: "invalid_request"},
		{name: "another grant", form: credentials("acme", "grant_type", "password"), status: 400, code: "unsupported_grant_type"},
		{name: "no grant", form: credentials("acme", "grant_type", ""), status: 400, code: "invalid_request"},
		{name: "a scope of somebody else", form: credentials("other", "scope", "invoices"), status: 400, code: "invalid_scope"},
		{name: "a scope of nobody", form: credentials("acme", "scope", "orders boss"), status: 400, code: "invalid_scope"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := trade(t, endpoint, tt.user, tt.password, tt.form)
			if got.status != tt.status || got.Error != tt.code || got.Token != "" || got.header.Get("Cache-Control") != "no-store" {
				t.Errorf("status %d, error %q, token %v, Cache-Control %q; want %d, %q, none, no-store",
					got.status, got.Error, got.Token != "", got.header.Get("Cache-Control"), tt.status, tt.code)
			}
			if tt.status == http.StatusUnauthorized && tt.user != "" && got.header.Get("WWW-Authenticate") == "" {
				t.Error("401 without a challenge")
			}
		})
	}
	if got := trade(t, endpoint+"?client_id=acme&client_secret="+secret, "", "", url.Values{"grant_type": {"client_credentials"}}); got.status != http.StatusBadRequest {
		t.Errorf("a secret in the URL: status %d, want 400", got.status)
	}
}

// Whoever guesses is told to wait; others are served.
func TestTokenEndpointLimit(t *testing.T) {
	t.Parallel()
	w := ownWorld(t)
	endpoint := w.tokens + "/token"
	statuses := map[int]int{}
	var last grant
	for range 40 {
		last = trade(t, endpoint, "", "", credentials("acme", "client_secret", random()))
		statuses[last.status]++
	}
	if statuses[401] == 0 || statuses[429] == 0 || len(statuses) != 2 || last.status != 429 || last.header.Get("Retry-After") == "" {
		t.Errorf("40 guesses were answered so: %v, the last with Retry-After %q; want 401 and then 429", statuses, last.header.Get("Retry-After"))
	}
	if got := trade(t, endpoint, "", "", credentials("acme")); got.status != 429 {
		t.Errorf("the right secret at last: status %d, want 429: else guessing pays", got.status)
	}
	if got := trade(t, endpoint, "", "", credentials("other")); got.status != 200 {
		t.Errorf("another client: status %d, want 200", got.status)
	}
}

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
	if h.stderr.find(5*time.Second, func(line string) bool { return strings.Contains(strings.ToLower(line), "stopping") }) == "" {
		t.Logf("the log after SIGTERM:\n%s", h.stderr.tail(5))
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
