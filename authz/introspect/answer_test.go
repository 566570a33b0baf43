package introspect_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
	"github.com/hookauthz/hookauthz/authz/introspect"
	"github.com/hookauthz/hookauthz/authz/outbound"
)

// What is not exactly an answer decides nothing, and is not kept.
func TestAnswers(t *testing.T) {
	const ok, unavailable, invalid = authz.ReasonVerified, authz.ReasonIntrospectionUnavailable, authz.ReasonTokenInvalid
	with := func(status int, header, value, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set(header, value)
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
		}
	}
	media := func(value string) http.HandlerFunc { return with(http.StatusOK, "Content-Type", value, active) }
	padded := func(size int) string {
		return `{"active": true, "x": "` + strings.Repeat("x", size-len(`{"active": true, "x": ""}`)) + `"}`
	}
	hang := func(_ http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm() // only then the server sees that the client is gone
		<-r.Context().Done()
	}
	tests := []struct {
		name    string
		handler http.HandlerFunc
		want    authz.Reason
		kept    bool
	}{
		{name: "active", handler: says(active), want: ok, kept: true},
		{name: "not active", handler: says(inactive), want: invalid, kept: true},
		{name: "not active, and more", handler: says(`{"active": false, "sub": "crm", "exp": "x"}`), want: invalid, kept: true},
		{name: "charset", handler: media("application/json; charset=utf-8"), want: ok, kept: true},
		{name: "as large as may be", handler: says(padded(64 << 10)), want: ok, kept: true},
		{name: "active as text", handler: says(`{"active": "true"}`), want: unavailable},
		{name: "active as number", handler: says(`{"active": 1}`), want: unavailable},
		{name: "active as null", handler: says(`{"active": null}`), want: unavailable},
		{name: "active in a list", handler: says(`{"active": [true]}`), want: unavailable},
		{name: "no active", handler: says(`{"sub": "crm"}`), want: unavailable},
		{name: "active in other case", handler: says(`{"Active": true}`), want: unavailable},
		{name: "active deeper", handler: says(`{"token": {"active": true}}`), want: unavailable},
		{name: "active twice", handler: says(`{"active": false, "active": true}`), want: unavailable},
		{name: "active twice, in two cases", handler: says(`{"active": true, "ACTIVE": false}`), want: unavailable},
		{name: "other claim twice", handler: says(`{"active": true, "sub": "a", "sub": "b"}`), want: unavailable},
		{name: "list", handler: says(`[` + active + `]`), want: unavailable},
		{name: "text", handler: says(`true`), want: unavailable},
		{name: "empty", handler: says(``), want: unavailable},
		{name: "cut", handler: says(active[:len(active)-1]), want: unavailable},
		{name: "and more", handler: says(active + active), want: unavailable},
		{name: "not UTF-8", handler: says("{\"active\": true, \"sub\": \"\xff\"}"), want: unavailable},
		{name: "nested", handler: says(`{"active": true, "x": ` + strings.Repeat("[", 1000) + strings.Repeat("]", 1000) + `}`), want: unavailable},
		{name: "exp as text", handler: says(`{"active": true, "exp": "1767323045"}`), want: unavailable},
		{name: "exp as null", handler: says(`{"active": true, "exp": null}`), want: unavailable},
		{name: "too large", handler: says(padded(64<<10 + 1)), want: unavailable},
		{name: "huge", handler: says(padded(8 << 20)), want: unavailable},
		{name: "HTML", handler: media("text/html"), want: unavailable},
		{name: "other JSON", handler: media("application/token-introspection+jwt"), want: unavailable},
		{name: "no type", handler: media(""), want: unavailable},
		{name: "compressed", handler: with(http.StatusOK, "Content-Encoding", "gzip", active), want: unavailable},
		{name: "created", handler: with(http.StatusCreated, "X-A", "b", active), want: unavailable},
		{name: "no content", handler: with(http.StatusNoContent, "X-A", "b", ""), want: unavailable},
		{name: "bad request", handler: with(http.StatusBadRequest, "X-A", "b", inactive), want: unavailable},
		{name: "not found", handler: with(http.StatusNotFound, "X-A", "b", inactive), want: unavailable},
		{name: "too many", handler: with(http.StatusTooManyRequests, "X-A", "b", active), want: unavailable},
		{name: "server error", handler: with(http.StatusInternalServerError, "X-A", "b", active), want: unavailable},
		{name: "redirect", handler: with(http.StatusFound, "Location", "/introspect", active), want: unavailable},
		{name: "redirect that repeats the POST", handler: with(http.StatusTemporaryRedirect, "Location", "/introspect", active), want: unavailable},
		{name: "hangs", handler: hang, want: unavailable},
		{name: "breaks off", handler: func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, want: unavailable},
		{name: "refuses us", handler: with(http.StatusUnauthorized, "X-A", "b", active), want: authz.ReasonSecretInvalid},
		{name: "forbids us", handler: with(http.StatusForbidden, "X-A", "b", active), want: authz.ReasonSecretInvalid},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := serve(t, tt.handler)
			config := introspect.Config{}
			if tt.name == "hangs" {
				config.Timeout = 20 * time.Millisecond
			}
			a := newIntrospection(t, config).Server(s.declared())
			for range 2 {
				body, err := ask(t, a, "token", 0)
				authztest.WantReason(t, err, tt.want)
				if (body != nil) != (tt.want == ok) {
					t.Errorf("Introspect() = %q", body)
				}
				if err != nil && strings.Contains(err.Error(), "crm") {
					t.Errorf("error = %v, tells what the server said", err)
				}
			}
			asked := int64(2)
			if tt.kept {
				asked = 1
			}
			s.wants(t, asked)
		})
	}
}

// FuzzAnswer: a token counts as active only if every reader of the answer sees
// so.
func FuzzAnswer(f *testing.F) {
	f.Add([]byte(active), "application/json", 200)
	f.Add([]byte(`{"active":true,"exp":1767323045}`), "application/json;charset=x", 200)
	f.Add([]byte(`{"active":true,"Active":false}`), "text/json", 201)
	f.Add([]byte(`{"\u0061ctive":true}`), "application/json", 200)
	f.Fuzz(func(t *testing.T, body []byte, media string, status int) {
		i := introspect.New(clientFunc(func(outbound.Request) (*outbound.Response, error) {
			return &outbound.Response{Status: status, ContentType: media, Body: body}, nil
		}), introspect.Config{})
		defer i.Close()
		got, err := ask(t, i.Server(authz.IntrospectionServer{Secrets: clientSecret()}), "token", 0)
		if err != nil {
			if got != nil {
				t.Errorf("Introspect() = %q, %v", got, err)
			}
			return
		}
		var loose struct {
			Active json.RawMessage `json:"active"`
		}
		if err := json.Unmarshal(body, &loose); err != nil || string(loose.Active) != "true" || status != http.StatusOK || string(got) != string(body) {
			t.Errorf("answer %q with status %d passed", body, status)
		}
	})
}
