package place_test

import (
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/scheme/place"
)

// FuzzJSON: what is found is what encoding/json reads there, and what is alone is
// all that it reads.
func FuzzJSON(f *testing.F) {
	f.Add(`{"a":{"b":"tok"}}`)
	f.Add(`{"a":{"b":"tok","c":1}}`)
	f.Add(`{"a":{"b":"x"},"\u0061":{"b":"tok"}}`)
	f.Add(` {"A":{"b":"tok"}} `)
	f.Add(`{"a":[{"b":"\ud83d\ude00"}]}`)
	p := newPlace(f, place.Config{JSON: "/a/b"})
	f.Fuzz(func(t *testing.T, body string) {
		token, _, alone, err := p.Find(post(body))
		var read map[string]any
		wrong := json.Unmarshal([]byte(body), &read)
		if err != nil {
			if token != "" || alone || !errors.Is(err, authz.ErrRejected) && !errors.Is(err, authz.ErrAbsent) {
				t.Errorf("Find(%q) = %q, %v, %v", body, token, alone, err)
			}
			return
		}
		above, _ := read["a"].(map[string]any)
		if wrong != nil || above["b"] != token || alone != (len(read) == 1 && len(above) == 1) {
			t.Errorf("Find(%q) = %q, %v, encoding/json reads %v (%v)", body, token, alone, read, wrong)
		}
	})
}

// FuzzForm: what is found is what net/url reads there, and what is alone is all
// that it reads.
func FuzzForm(f *testing.F) {
	f.Add("t=tok")
	f.Add("a=1&t=%74ok+")
	f.Add("t=tok&t=x")
	f.Add("t=tok;t=x")
	f.Add("T=x&t[]=y&t")
	p := newPlace(f, place.Config{Form: "t"})
	f.Fuzz(func(t *testing.T, body string) {
		token, _, alone, err := p.Find(post(body))
		if err != nil {
			if token != "" || alone || !errors.Is(err, authz.ErrRejected) && !errors.Is(err, authz.ErrAbsent) {
				t.Errorf("Find(%q) = %q, %v, %v", body, token, alone, err)
			}
			return
		}
		read, wrong := url.ParseQuery(body)
		if wrong != nil || len(read["t"]) != 1 || read["t"][0] != token || alone && len(read) != 1 {
			t.Errorf("Find(%q) = %q, %v, net/url reads %v (%v)", body, token, alone, read, wrong)
		}
	})
}

// BenchmarkFind is what it costs to find a token.
func BenchmarkFind(b *testing.B) {
	long := strings.Repeat("abcdefghijklmnop", 1<<10)
	for name, tt := range map[string]struct {
		config place.Config
		body   string
	}{
		"body": {place.Config{Body: true}, long},
		"json": {place.Config{JSON: "/signedPayload"}, `{"signedPayload":"` + long + `"}`},
		"form": {place.Config{Form: "token"}, "token=" + long},
	} {
		b.Run(name, func(b *testing.B) {
			p, r := newPlace(b, tt.config), post(tt.body)
			b.ReportAllocs()
			for b.Loop() {
				if _, _, _, err := p.Find(r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
