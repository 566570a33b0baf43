package stored_test

import (
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/scheme/stored"
)

// Hashes that others have published, from the self-test of crypt_blowfish 1.3
// (https://www.openwall.com/crypt/).
func TestHashMatches(t *testing.T) {
	const long = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	tests := []struct {
		name     string
		hash     string
		password string
		want     bool
	}{
		{name: "2a", hash: "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", password: "U*U", want: true},
		{name: "2a, another", hash: "$2a$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK", password: "U*U*", want: true},
		{name: "2a, another password", hash: "$2a$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK", password: "U*U"},
		{name: "2y, no UTF-8", hash: "$2y$05$/OK.fbVrR/bpIqNJ5ianF.CE5elHaaO4EbggVDjb8P19RukzXSM3e", password: "\xff\xff\xa3", want: true},
		{name: "2b", hash: "$2b$05$/OK.fbVrR/bpIqNJ5ianF.CE5elHaaO4EbggVDjb8P19RukzXSM3e", password: "\xff\xff\xa3", want: true},
		{name: "72 bytes", hash: "$2a$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui", password: long, want: true},
		{name: "73 bytes of which 72 match", hash: "$2a$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui", password: long + "c"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h, err := stored.ParseHash(authz.Reference{Name: "ref", AcceptWeak: true}, []byte(tt.hash))
			if err != nil {
				t.Fatal(err)
			}
			if got := h.Matches([]byte(tt.password)); got != tt.want || h.Cost() != 5 || h.Work() != 32 {
				t.Errorf("Matches() = %v, cost %d, work %d, want %v, 5, 32", got, h.Cost(), h.Work(), tt.want)
			}
		})
	}
}

func TestParseHash(t *testing.T) {
	const invalid, weak, good = authz.ReasonSecretInvalid, authz.ReasonSecretWeak, authz.ReasonVerified
	const rest = "$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"
	tests := []struct {
		name   string
		value  string
		accept bool
		want   authz.Reason
	}{
		{name: "cost 10", value: "$2b$10" + rest, want: good},
		{name: "cost 14", value: "$2y$14" + rest, want: good},
		{name: "cost 15", value: "$2b$15" + rest, want: invalid},
		{name: "cost 15, weak accepted", value: "$2b$15" + rest, accept: true, want: invalid},
		{name: "cost 31", value: "$2b$31" + rest, want: invalid},
		{name: "cost 9", value: "$2b$09" + rest, want: weak},
		{name: "cost 9, weak accepted", value: "$2b$09" + rest, accept: true, want: good},
		{name: "cost 4, weak accepted", value: "$2b$04" + rest, accept: true, want: good},
		{name: "cost 3", value: "$2b$03" + rest, accept: true, want: invalid},
		{name: "cost of one digit", value: "$2b$9" + rest, accept: true, want: invalid},
		{name: "cost that is none", value: "$2b$1a" + rest, want: invalid},
		{name: "2x", value: "$2x$10" + rest, want: invalid},
		{name: "2", value: "$2$10" + rest + "x", want: invalid},
		{name: "another algorithm", value: "$6$10" + rest + "x", want: invalid},
		{name: "no version", value: "2b$10$" + rest + "x", want: invalid},
		{name: "empty", value: "", want: invalid},
		{name: "short", value: ("$2b$10" + rest)[:59], want: invalid},
		{name: "long", value: "$2b$10" + rest + ".", want: invalid},
		{name: "newline behind", value: "$2b$10" + rest + "\n", want: invalid},
		{name: "newline for the last character", value: ("$2b$10" + rest)[:59] + "\n", want: invalid},
		{name: "blank before", value: " $2b$10" + rest[:54], want: invalid},
		{name: "another alphabet", value: "$2b$10" + strings.Replace(rest, ".", "+", 1), want: invalid},
		{name: "stray bits that no hash has", value: ("$2b$10" + rest)[:59] + "X", want: invalid},
		{name: "a password", value: strings.Repeat("p4ssw0rd", 8)[:60], want: invalid},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h, err := stored.ParseHash(authz.Reference{Name: "ref", AcceptWeak: tt.accept}, []byte(tt.value))
			got := good
			if err != nil {
				got = authz.DeniedBy(err).Reason()
			}
			if got != tt.want || err != nil && h != (stored.Hash{}) {
				t.Errorf("ParseHash() = %v, %v, want %v", h, err, tt.want)
			}
			if err != nil && tt.value != "" && strings.Contains(err.Error(), tt.value) {
				t.Errorf("ParseHash() error tells the value: %v", err)
			}
		})
	}
}

func TestDummy(t *testing.T) {
	weak := authz.Reference{Name: "dummy", AcceptWeak: true}
	seen := map[stored.Hash]bool{}
	for cost := stored.MinWeakCost; cost <= stored.MaxCost; cost++ {
		h := stored.Dummy(cost)
		if h.Cost() != cost || h.Work() != 1<<cost || seen[h] {
			t.Errorf("Dummy(%d) has cost %d, work %d", cost, h.Cost(), h.Work())
		}
		seen[h] = true
	}
	if a, b := stored.Dummy(4), stored.Dummy(4); a == b || a.Matches(nil) || b.Matches([]byte("x")) {
		t.Error("Dummy(4) gives one hash twice, or one of a password")
	}
	if (stored.Hash{}).Matches(nil) || (stored.Hash{}).Work() != 0 {
		t.Error("the zero Hash matches, or takes work")
	}
	// What ParseHash takes, the library can compare with: no error but a mismatch.
	const parsed = "$2b$04$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"
	if _, err := stored.ParseHash(weak, []byte(parsed)); err != nil {
		t.Fatal(err)
	}
}

// FuzzParseHash: a value is taken exactly if it is what bcrypt itself writes for
// some password, salt and cost in the range; so the library never fails on it.
func FuzzParseHash(f *testing.F) {
	const rest = "$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"
	for _, seed := range []string{"$2b$04" + rest, "$2a$14" + rest, "$2x$10" + rest, "$2b$3" + rest, ""} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		h, err := stored.ParseHash(authz.Reference{AcceptWeak: true}, value)
		if err != nil {
			return
		}
		cost, err := bcrypt.Cost(value)
		if err != nil || cost != h.Cost() || cost < 4 || cost > 14 {
			t.Errorf("ParseHash(%q) has cost %d, the library %d, %v", value, h.Cost(), cost, err)
		}
		if cost > 4 {
			return
		}
		if err := bcrypt.CompareHashAndPassword(value, []byte("x")); err != nil && err != bcrypt.ErrMismatchedHashAndPassword { //nolint:errorlint // the library returns it unwrapped
			t.Errorf("the library can't compare with %q: %v", value, err)
		}
	})
}
