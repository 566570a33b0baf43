//go:build e2e

package e2e

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os/exec"
	"strings"
	"testing"
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
