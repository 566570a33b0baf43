package token_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/server/token"
)

const page = "../../docs/token-endpoint.md"

// The page for users names every result and the limits as they are.
func TestPage(t *testing.T) {
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	wants := []string{
		fmt.Sprintf("| %d | %d a second |", token.AddressBurst, time.Second/token.AddressEvery),
		fmt.Sprintf("| %d | 1 in %d seconds |", token.FailureBurst, token.FailureEvery/time.Second),
		fmt.Sprintf("| tokens for one client | %d | %d a second |", token.ClientBurst, time.Second/token.ClientEvery),
		fmt.Sprintf("%d of each are remembered", token.MaxBuckets),
	}
	for _, result := range token.Results() {
		wants = append(wants, "`"+result+"`")
	}
	for _, want := range wants {
		if !strings.Contains(string(text), want) {
			t.Errorf("docs/token-endpoint.md lacks %q", want)
		}
	}
}

// A refusedRow is a way in which a request fails, for the table of the page.
type refusedRow struct {
	// failure says it in words. Rows of one failure stand side by side, and
	// become one line where they are answered alike.
	failure string
	// ask makes the failure happen.
	ask func(s *subject) *http.Request
	// of is the endpoint: one that signs tokens if nil.
	of *subject
}

// always asks r of an endpoint as it is.
func always(r *http.Request) func(*subject) *http.Request {
	return func(*subject) *http.Request { return r }
}

// refusedRows are all refusals, in the order of the page. opaque is an endpoint
// whose store answers, and away one whose store does not; foreign is a token of
// olaf's at the first.
func refusedRows(opaque, away *subject, foreign string) []refusedRow {
	acme := basic("acme", acmeSecret)
	send := func(body string, change ...func(*http.Request)) func(*subject) *http.Request {
		return always(post(path, body, change...))
	}
	set := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	fail := func(reason authz.Reason, names ...string) func(*subject) *http.Request {
		return func(s *subject) *http.Request {
			for _, name := range names {
				s.secrets[name].Fail(authz.Deny(reason, ""))
			}
			return post(path, grant, acme)
		}
	}
	const (
		twice  = "two ways of authentication at once"
		nobody = "no client, an unknown one, a wrong secret"
		scope  = "a scope that the client may not have"
		store  = "the Redis does not answer"
		unread = "secrets are still being read, or could not be for too long"
		unset  = "the client's secret or the signing key is missing or can't be used"
		limits = "over a [limit](#limits)"
	)
	rows := []refusedRow{
		{failure: "no `Content-Type`, or two", ask: send(grant, acme, header("Content-Type", "text/plain"))},
		{failure: "another `Content-Type`", ask: send("{}", acme, set("Content-Type", "application/json"))},
		{failure: "a compressed body", ask: send(grant, acme, set("Content-Encoding", "gzip"))},
		{failure: "a body that is not encoded right", ask: send(grant+"&x=%zz", acme)},
		{failure: "a body that is not encoded right", ask: send(grant+"&x=%00", acme)},
		{failure: "a bare semicolon", ask: send(grant+";x=1", acme)},
		{failure: "a body that breaks off", ask: send(grant, acme, func(r *http.Request) {
			r.ContentLength, r.Body = -1, io.NopCloser(broken{})
		})},
		{failure: "a body over 16 KiB", ask: send(strings.Repeat("x", 16<<10+1), acme)},
		{failure: "over 32 parameters", ask: send(grant+strings.Repeat("&", 32), acme)},
		{failure: "a parameter twice", ask: send(grant+"&"+grant, acme)},
		{failure: "parameters in the URL", ask: send("", acme, func(r *http.Request) { r.URL.RawQuery = grant })},
		{failure: twice, ask: send(grant+"&"+form("client_secret", "x"), acme)},
		{failure: twice, ask: send(grant + "&" + form("client_id", "acme", "client_secret", "x", "client_assertion", "x"))},
		{failure: "one client in the header, another in the body", ask: send(grant+"&"+form("client_id", "olaf"), acme)},
		{failure: "two headers `Authorization`", ask: send(grant, acme, acme)},
		{failure: nobody, ask: send(grant)},
		{failure: nobody, ask: send(grant, basic("nobody", acmeSecret))},
		{failure: nobody, ask: send(grant, basic("acme", "wrong"))},
		{failure: nobody, ask: send(grant + "&" + form("client_id", "acme"))},
		{failure: nobody, ask: send(grant, header("Authorization", "Bearer x"))},
		{failure: "`grant_type` missing", ask: send("", acme)},
		{failure: "`grant_type` is not `client_credentials`", ask: send("grant_type=password", acme)},
		{failure: scope, ask: send(grant+"&scope=admin", acme)},
		{failure: "scopes with which no policy takes the token", ask: send(grant+"&scope=unused", acme)},
		{failure: "no policy takes any token of the client", ask: send(grant, basic("idle", olafSecret))},
		{failure: "at `/revoke`, `token` missing", of: opaque, ask: always(post("/revoke", "", acme))},
		{failure: "at `/revoke`, another client's token", of: opaque, ask: always(post("/revoke", form("token", foreign), acme))},
	}
	flood := func(times int, request func() *http.Request) func(s *subject) *http.Request {
		return func(s *subject) *http.Request {
			for range times {
				s.serve(request())
			}
			return request()
		}
	}
	addresses := 0
	elsewhere := func(r *http.Request) {
		addresses++
		r.RemoteAddr = fmt.Sprintf("203.0.113.%d:1", addresses)
	}
	return append(rows, []refusedRow{
		{failure: limits, ask: flood(token.AddressBurst, func() *http.Request { return post(path, "") })},
		{failure: limits, ask: flood(token.FailureBurst, func() *http.Request { return post(path, grant, basic("acme", "wrong")) })},
		{failure: limits, ask: flood(token.ClientBurst, func() *http.Request { return post(path, grant, acme, elsewhere) })},
		{failure: unread, ask: func(s *subject) *http.Request {
			s.config.Ready = func() bool { return false }
			s.handler = token.New(s.config)
			return post(path, grant, acme)
		}},
		{failure: unread, ask: fail(authz.ReasonSecretUnavailable, "acme")},
		{failure: unread, ask: fail(authz.ReasonSecretUnavailable, "own", "next")},
		{failure: store, of: away, ask: always(post("/token", grant, acme))},
		{failure: store, of: away, ask: always(post("/revoke", form("token", strings.Repeat("A", 43)), acme))},
		{failure: unset, ask: fail(authz.ReasonSecretMissing, "acme")},
		{failure: unset, ask: fail(authz.ReasonSecretMissing, "own", "next")},
		{failure: "a bug", ask: func(s *subject) *http.Request {
			s.secrets["acme"].Fail(errors.New("unheard of"))
			return post(path, grant, acme)
		}},
		{failure: "another method", ask: always(method(http.MethodGet, path))},
		{failure: "another path", ask: always(post("/nowhere", grant, acme))},
	}...)
}

func method(name, target string) *http.Request {
	r := post(target, "")
	r.Method = name
	return r
}

// broken is a body that ends before it should.
type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// The lines of the page between which the table stands.
const (
	errorsBegin = "<!-- errors: written by `go test ./server/token -update` -->\n"
	errorsEnd   = "<!-- end of errors -->\n"
)

// The page tells of every refusal what comes of it. Run with -update to accept a
// change.
func TestPageTellsErrors(t *testing.T) {
	opaque, _ := opaqueSubject(t)
	foreign := opaque.issue("/token", basic("olaf", olafSecret)).Token
	away, redis := opaqueSubject(t)
	redis.kill(t)

	old, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(old), errorsBegin)
	_, after, closed := strings.Cut(rest, errorsEnd)
	if !ok || !closed {
		t.Fatalf("%s: no place for the table of errors", page)
	}
	table, described := errorTable(t, refusedRows(opaque, away, foreign))
	for _, text := range descriptions(t) {
		if !slices.Contains(described, text) {
			t.Errorf("no row is answered %q", text)
		}
	}
	text := before + errorsBegin + "\n" + table + "\n" + errorsEnd + after
	switch {
	case t.Failed():
	case *update:
		if err := os.WriteFile(page, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	case text != string(old):
		t.Errorf("%s: the table of errors is not what happens; run the test with -update. It would be\n%s", page, table)
	}
}

// errorTable makes every failure happen and returns the lines of the table, and
// the descriptions in it.
func errorTable(t *testing.T, rows []refusedRow) (table string, described []string) {
	t.Helper()
	lines := []string{"| failure | `error` | `error_description` | status |", "| --- | --- | --- | --- |"}
	for _, row := range rows {
		s := row.of
		if s == nil {
			s = build(t, jwtYAML, nil)
		}
		w := s.serve(row.ask(s))
		var got struct {
			Error       string `json:"error"`
			Description string `json:"error_description"`
		}
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || got.Error == "" {
			t.Errorf("%s: got %d %s, want an error", row.failure, w.Code, w.Body)
		}
		described = append(described, got.Description)
		if got.Description == "" {
			got.Description = "none"
		}
		line := fmt.Sprintf("| %s | `%s` | %s | %s |", row.failure, got.Error, got.Description, statusCell(w.Code, w.Header()))
		if !slices.Contains(lines, line) {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n") + "\n", described
}

// statusCell is a status and the headers that go with it.
func statusCell(status int, h http.Header) string {
	text := strconv.Itoa(status)
	scheme, _, _ := strings.Cut(h.Get("WWW-Authenticate"), " ")
	switch {
	case scheme != "":
		text += " with `WWW-Authenticate: " + scheme + "`"
	case h.Get("Retry-After") != "":
		text += " with `Retry-After`"
	case h.Get("Allow") != "":
		text += " with `Allow`"
	}
	return text
}

// descriptions returns the descriptions that stand in the source.
func descriptions(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	written := regexp.MustCompile(`(?:\btext: +|\bbadRequest\(|\bbadScope\()"([^"]+)"`)
	var all []string
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range written.FindAllStringSubmatch(string(text), -1) {
			all = append(all, match[1])
		}
	}
	if len(all) < 10 {
		t.Errorf("only %q are found in the source", all)
	}
	return all
}
