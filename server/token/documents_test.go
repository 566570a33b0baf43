package token_test

import (
	"encoding/json"
	"flag"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookauthz/hookauthz/authz"
)

var update = flag.Bool("update", false, "write the golden files")

func (s *subject) get(target string) (int, http.Header, string) {
	s.tb.Helper()
	r := post(target, "")
	r.Method = http.MethodGet
	w := s.serve(r)
	return w.Code, w.Header(), w.Body.String()
}

func TestDocuments(t *testing.T) {
	jwt, opaque := build(t, jwtYAML, nil), build(t, opaqueYAML, nil)
	tests := []struct {
		name, target, contentType, age string
		of                             *subject
	}{
		{name: "metadata-jwt.json", of: jwt, target: "/.well-known/oauth-authorization-server/senders", contentType: "application/json", age: "public, max-age=300"},
		{name: "metadata-opaque.json", of: opaque, target: "/.well-known/oauth-authorization-server", contentType: "application/json", age: "public, max-age=300"},
		{name: "jwks.json", of: jwt, target: "/senders/jwks.json", contentType: "application/jwk-set+json", age: "public, max-age=60"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			status, h, body := tt.of.get(tt.target)
			if status != http.StatusOK {
				t.Fatalf("got %d %s", status, body)
			}
			wantHeader(t, h, "Content-Type", tt.contentType)
			wantHeader(t, h, "Cache-Control", tt.age)
			var indented strings.Builder
			var value any
			if err := json.Unmarshal([]byte(body), &value); err != nil {
				t.Fatal(err)
			}
			encoder := json.NewEncoder(&indented)
			encoder.SetIndent("", "  ")
			if err := encoder.Encode(value); err != nil {
				t.Fatal(err)
			}
			file := filepath.Join("testdata", tt.name)
			if *update {
				if err := os.WriteFile(file, []byte(indented.String()), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if indented.String() != string(want) {
				t.Errorf("got %s, want %s; if that is right, run the test with -update", &indented, want)
			}
		})
	}
}

// Where clients look for the metadata has one content.
func TestMetadataIsOne(t *testing.T) {
	s := build(t, jwtYAML, nil)
	_, _, inserted := s.get("/.well-known/oauth-authorization-server/senders")
	_, _, appended := s.get("/senders/.well-known/oauth-authorization-server")
	if inserted != appended {
		t.Errorf("got %s and %s", inserted, appended)
	}
}

// No private half is published, whatever it is called.
func TestNoPrivateKeyIsPublished(t *testing.T) {
	_, _, body := build(t, jwtYAML, nil).get("/senders/jwks.json")
	for _, member := range []string{`"d"`, `"p"`, `"q"`, `"dp"`, `"dq"`, `"qi"`, `"k"`} {
		if strings.Contains(body, member) {
			t.Errorf("the set holds %s: %s", member, body)
		}
	}
}

// A rotated key is published before it signs, and the old one as long as what it
// signed is good.
func TestRotation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := build(t, jwtYAML, nil)
		_, _, before := s.get("/senders/jwks.json")
		old := takeApart(t, s.issue(path, basic("acme", acmeSecret)).Token, 1).header.Key
		s.secrets["own"].SetVersions(&authz.Versions{Accepted: []authz.Version{
			{Number: 2, Secret: authz.NewSecret([]byte(key(t, 3))), Created: time.Now()},
			{Number: 1, Secret: authz.NewSecret([]byte(key(t, 1))), Previous: true, Created: time.Now().Add(-time.Hour)},
		}})
		_, _, during := s.get("/senders/jwks.json")
		if during == before || !strings.Contains(during, old) {
			t.Errorf("the new key is not published beside the old one: %s", during)
		}
		if got := takeApart(t, s.issue(path, basic("acme", acmeSecret)).Token, 1).header.Key; got != old {
			t.Errorf("signed by %s at once, want %s", got, old)
		}
		time.Sleep(3 * time.Minute)
		if got := takeApart(t, s.issue(path, basic("acme", acmeSecret)).Token, 3).header.Key; got == old || !strings.Contains(during, got) {
			t.Errorf("signed by %s, want the new key", got)
		}
	})
}

func TestKeysInTrouble(t *testing.T) {
	s := build(t, jwtYAML, nil)
	down := authz.Deny(authz.ReasonSecretUnavailable, "")
	s.secrets["own"].Fail(down)
	s.secrets["next"].Fail(down)
	if status, h, body := s.get("/senders/jwks.json"); status != http.StatusServiceUnavailable || h.Get("Retry-After") == "" || h.Get("Cache-Control") != "no-store" {
		t.Errorf("got %d %s, %v", status, body, h)
	}
}
