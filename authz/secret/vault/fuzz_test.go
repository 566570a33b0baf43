package vault_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/hookauthz/hookauthz/authz/secret"
	"github.com/hookauthz/hookauthz/authz/secret/vault"
)

// FuzzKVReply looks for a reply that brings a value although it is not a whole,
// well-formed reply of Vault with status 200, and for an error that repeats
// what the server sent.
func FuzzKVReply(f *testing.F) {
	f.Add(200, "application/json", []byte(goodBody), 2, 3)
	f.Add(200, "application/json", []byte(`{"request_id":"r","data":{"k":"`+canary+`"}}`), 1, 0)
	f.Add(404, "application/json", []byte(goodBody), 2, 0)
	f.Add(404, "application/json", []byte(noErrors), 2, 0)
	f.Add(403, "text/html", []byte(html), 2, 0)
	f.Add(200, "application/json", []byte(`{"request_id":"r","data":{"data":null,"metadata":{"version":1}}}`), 2, 0)
	f.Add(503, "application/json", []byte(`{"errors":["`+canary+`"]}`), 2, 0)
	f.Fuzz(func(t *testing.T, status int, contentType string, body []byte, engine, version int) {
		loc := kv2("a")
		loc.KVVersion = 1 + (engine & 1)
		reading, err := vault.Judge(status, contentType, body, loc, version)
		if err != nil {
			failure, ok := errors.AsType[*secret.Error](err)
			if !ok {
				t.Fatalf("error of type %T", err)
			}
			if reading.Fields != nil || reading.Version != 0 {
				t.Errorf("a reading beside the error %v", err)
			}
			if strings.Contains(failure.Error(), canary) {
				t.Errorf("error %q repeats the reply", err)
			}
			if failure.Class.Authoritative() && !strings.HasPrefix(strings.ToLower(strings.TrimSpace(contentType)), "application/json") {
				t.Errorf("%v from a reply of type %q", err, contentType)
			}
			return
		}
		// An independent, lenient decoder must find the same.
		var all, members map[string]json.RawMessage
		if status != 200 || json.Unmarshal(body, &all) != nil || json.Unmarshal(all["data"], &members) != nil || members == nil {
			t.Fatalf("a reading from status %d, %q", status, body)
		}
		if loc.KVVersion == 2 {
			if reading.Version < 1 || version > 0 && reading.Version != version || reading.Created.IsZero() {
				t.Errorf("version %d created %v, asked for %d", reading.Version, reading.Created, version)
			}
			inner := members["data"]
			members = nil
			if err := json.Unmarshal(inner, &members); err != nil {
				t.Fatalf("a reading from %q", body)
			}
		}
		if len(members) != len(reading.Fields) {
			t.Errorf("%d fields of %d members", len(reading.Fields), len(members))
		}
		for name, field := range reading.Fields {
			var text string
			if field.Text && (json.Unmarshal(members[name], &text) != nil || text != string(field.Secret.Reveal())) {
				t.Errorf("field %q is %q in %s", name, field.Secret.Reveal(), body)
			}
			if !field.Text && !field.Secret.Empty() {
				t.Errorf("field %q is no text and has a value", name)
			}
		}
	})
}
