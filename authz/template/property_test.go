package template_test

import (
	"maps"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/template"
)

// units are the spellings that the scheme enforces before a bounded timestamp
// counts, and times a few that are written so.
func units() map[string]*regexp.Regexp {
	return map[string]*regexp.Regexp{
		"seconds": regexp.MustCompile(`^[1-9][0-9]{9}$`),
		"rfc3339": regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$`),
		"":        nil,
	}
}

func times(unit string) []string {
	switch unit {
	case "seconds":
		return []string{"1000000000", "1111111111", "1010101010"}
	case "rfc3339":
		return []string{"2000-01-01T00:00:00Z", "2000-01-01T00:00:00.1Z", "2000-01-01T00:00:00-01:00"}
	}
	return []string{"1", "11", "1.1", "a", "-"}
}

// A maker makes templates and worlds. Everything is small, so that what can
// collide does.
type maker struct {
	*rand.Rand
	unit string
}

func pick[T any](m maker, from ...T) T { return from[m.IntN(len(from))] }

func (m maker) text() piece {
	return piece{text: pick(m, ".", "-", "--", "a", "a-", "aba", "ab", ":", "0", "a.a", "..", "\n")}
}

func (m maker) value() piece {
	p := piece{name: pick(m, "header", "header", "header", "body", "body", "timestamp", "query", "credential", "match", "method", "path")}
	switch p.name {
	case "header", "query", "credential", "match":
		p.arg = pick(m, "a", "b", "c")
	}
	for m.IntN(3) == 0 && len(p.filters) < 3 {
		p.filters = append(p.filters, pick(m,
			[]string{"only:a-z"}, []string{"only:0-9"}, []string{"only:a."}, []string{"only:-"}, []string{"only:A-Za-z0-9_-"},
			[]string{"lower"}, []string{"upper"}, []string{"hex"}, []string{"base64"}, []string{"base64url"},
			[]string{"md5", "hex"}, []string{"sha256", "base64"}, []string{"crc32"},
		)...)
	}
	return p
}

func (m maker) pieces(n int, groups bool) []piece {
	var all []piece
	for range n {
		switch k := m.IntN(10); {
		case k < 4:
			all = append(all, m.text())
		case k < 6 && groups:
			all = append(all, piece{group: m.pieces(1+m.IntN(3), false)})
		default:
			all = append(all, m.value())
		}
	}
	return all
}

// world picks values of up to three bytes.
func (m maker) world(pieces []piece) world {
	w := world{"method:": pick(m, "A", "AB", "B-A"), "path:": "/" + pick(m, "", "a", "a.b", "-", ":a")}
	for _, p := range flat(pieces) {
		switch p.name {
		case "", "method", "path":
		case "timestamp":
			w[p.key()] = pick(m, times(m.unit)...)
		default:
			value := ""
			for range m.IntN(4) {
				value += pick(m, "a", "b", ".", "-", "0", ":", "aba", "\n", times(m.unit)[0])
			}
			w[p.key()] = value
		}
	}
	return w
}

// readings calls yield with worlds that may give text: every way to cut text
// into the pieces. It stops after a number of steps.
func (m maker) readings(pieces []piece, text string, w world, yield func(world)) {
	steps := 4000
	var walk func(rest []piece, text string, found world)
	walk = func(rest []piece, text string, found world) {
		if steps--; steps < 0 {
			return
		}
		if len(rest) == 0 {
			if text == "" {
				yield(found)
			}
			return
		}
		p := rest[0]
		switch {
		case p.group != nil:
			walk(slices.Concat(p.group, rest[1:]), text, found)
			walk(rest[1:], text, found)
		case p.name == "":
			if after, ok := strings.CutPrefix(text, p.text); ok {
				walk(rest[1:], after, found)
			}
		default:
			for end := 0; end <= len(text); end++ {
				raw, ok := unfiltered(text[:end], p.filters, w.raw(p))
				if !ok {
					continue
				}
				if p.name == "path" {
					if raw, ok = strings.CutPrefix(raw, "/p"); !ok {
						continue
					}
				}
				before, known := found[p.key()]
				if known && before != raw {
					continue
				}
				next := maps.Clone(found)
				next[p.key()] = raw
				walk(rest[1:], text[end:], next)
			}
		}
	}
	walk(pieces, text, world{})
}

// property checks one template that a seed gives. It reports whether it compiled.
func property(t *testing.T, seed1, seed2 uint64) bool {
	t.Helper()
	m := maker{Rand: rand.New(rand.NewPCG(seed1, seed2))}
	m.unit = pick(m, "", "seconds", "rfc3339")
	pieces := m.pieces(1+m.IntN(6), true)
	text := source(pieces)
	o := template.Options{
		PublicURL: publicURL, AnyField: true, Timestamp: true,
		TimestampBounded: m.unit != "", TimestampUnit: m.unit,
	}
	compiled, problems := template.Compile(text, o)
	if compiled == nil {
		o.AcceptAmbiguous = true
		if compiled, _ = template.Compile(text, o); compiled == nil {
			return false
		}
		// Only the oracle can be held against an ambiguous message.
		m.agrees(t, compiled, text, pieces, m.world(pieces), false)
		return false
	}
	if len(problems) > 0 {
		t.Fatalf("Compile(%q) = a template and problems %v", text, problems)
	}

	seen := map[string][]string{}
	for range 30 {
		w := m.world(pieces)
		out, covered, ok := m.agrees(t, compiled, text, pieces, w, true)
		if !ok {
			continue
		}
		if before, found := seen[out]; found && !slices.Equal(before, covered) {
			t.Fatalf("%q: %q covers both %q and %q", text, out, before, covered)
		}
		seen[out] = covered
		m.readings(pieces, out, w, func(other world) {
			if grammar := units()[m.unit]; grammar != nil && other["timestamp:"] != "" && !grammar.MatchString(other["timestamp:"]) {
				return // the scheme refuses it
			}
			for _, key := range []string{"method:", "path:"} {
				if _, known := other[key]; !known {
					other[key] = w[key]
				}
			}
			again, err := compiled.Append(nil, other.request())
			if err != nil || string(again) != out {
				return
			}
			naive, values, _ := rendered(pieces, other, true)
			if naive != out {
				t.Fatalf("%q of %q = %q, want %q", text, other, out, naive)
			}
			if !slices.Equal(values, covered) {
				t.Fatalf("%q: %q covers both %q and %q", text, out, covered, values)
			}
		})
	}
	return true
}

// agrees renders a world twice and compares. It reports whether there is a text.
func (m maker) agrees(t *testing.T, compiled *template.Template, text string, pieces []piece, w world, strict bool) (string, []string, bool) {
	t.Helper()
	in := w.request()
	got, err := compiled.Append([]byte("x"), in)
	h := &recorder{}
	if hashErr := compiled.WriteTo(h, in); (hashErr == nil) != (err == nil) {
		t.Fatalf("%q of %q: Append: %v, WriteTo: %v", text, w, err, hashErr)
	}
	want, covered, ok := rendered(pieces, w, strict)
	if err != nil {
		if ok && reason(err) == authz.ReasonPartMissing {
			t.Fatalf("%q of %q: %v, want %q", text, w, err, want)
		}
		return "", nil, false
	}
	if !ok {
		t.Fatalf("%q of %q = %q, want none", text, w, got)
	}
	if string(got) != "x"+want {
		t.Fatalf("%q of %q = %q, want x%q", text, w, got, want)
	}
	if string(h.data) != want {
		t.Fatalf("%q of %q hashes %q, want %q", text, w, h.data, want)
	}
	return want, covered, true
}

// Templates that compile must not give one text for different values.
func TestNoTwoInputsGiveOneMessage(t *testing.T) {
	const seeds = 2000
	compiled := 0
	for i := range uint64(seeds) {
		if property(t, 1, i) {
			compiled++
		}
	}
	if compiled < seeds/4 {
		t.Errorf("got %d templates that compile of %d, want more to learn anything", compiled, seeds)
	}
}
