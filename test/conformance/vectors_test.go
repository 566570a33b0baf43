// Package conformance holds what other people publish about JOSE against our
// reading of it: Wycheproof's test vectors, and the examples of the RFCs.
package conformance

import (
	"encoding/json"
	"io/fs"
	"maps"
	"slices"
	"testing"

	"github.com/c2sp/wycheproof"

	"github.com/hookauthz/hookauthz/authz/scheme/jose"
)

// exceptions are the vectors that we answer otherwise, and why. Each is stricter
// than the vector: there is none that we accept and Wycheproof refuses.
var exceptions = map[string]map[int]string{
	"json_web_signature": {
		346: "RFC 7520, figure 20, in a key whose alg is PS256 though the token says PS384: a key has one algorithm",
		347: "the key's alg is ES521, which is no algorithm: RFC 7518 calls it ES512",
		350: "as 346, with key_ops",
		351: "as 347, with key_ops",
	},
}

// all are the algorithms of a policy that restricts nothing, so that what is
// refused is refused for the key or the token.
var all = []jose.Algorithm{
	jose.EdDSA, jose.ES256, jose.ES384, jose.ES512,
	jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512,
}

// A file is one of Wycheproof's. Kinds of files differ in what a group is.
type file[G any] struct {
	NumberOfTests int `json:"numberOfTests"`
	TestGroups    []G `json:"testGroups"`
}

func load[G any](t *testing.T, name string) file[G] {
	t.Helper()
	text, err := fs.ReadFile(wycheproof.TestVectors, name+"_test.json")
	if err != nil {
		t.Fatal(err)
	}
	var f file[G]
	if err := json.Unmarshal(text, &f); err != nil {
		t.Fatal(err)
	}
	return f
}

// A tally counts the vectors of a file that were tried, so that a file which
// changes its shape does not quietly test nothing.
type tally struct {
	file            string
	accept, refuse  int
	exceptionsFound []int
}

// check compares what we made of a vector with what it demands.
func (c *tally) check(t *testing.T, id int, comment string, valid bool, err error) {
	t.Helper()
	if valid {
		c.accept++
	} else {
		c.refuse++
	}
	if reason, found := exceptions[c.file][id]; found {
		c.exceptionsFound = append(c.exceptionsFound, id)
		if valid == (err == nil) {
			t.Errorf("%s %d (%s) is as Wycheproof wants it, so it is no exception any more: %s", c.file, id, comment, reason)
		}
		if err == nil {
			t.Errorf("%s %d (%s): an exception may only be stricter", c.file, id, comment)
		}
		return
	}
	if valid && err != nil {
		t.Errorf("%s %d (%s): refused: %v", c.file, id, comment, err)
	}
	if !valid && err == nil {
		t.Errorf("%s %d (%s): accepted", c.file, id, comment)
	}
}

// done holds that all vectors of the file were tried that we know of.
func (c *tally) done(t *testing.T, accept, refuse int) {
	t.Helper()
	if c.accept != accept || c.refuse != refuse {
		t.Errorf("%s: tried %d vectors to accept and %d to refuse, want %d and %d", c.file, c.accept, c.refuse, accept, refuse)
	}
	slices.Sort(c.exceptionsFound)
	if want := slices.Sorted(maps.Keys(exceptions[c.file])); !slices.Equal(c.exceptionsFound, want) {
		t.Errorf("%s: exceptions tried = %v, want %v", c.file, c.exceptionsFound, want)
	}
}
