package authztest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"

	"github.com/hookauthz/hookauthz/authz"
)

// credential returns the value that r has at place. A query's is as it stands.
func credential(r *authz.Request, place authz.Location) string {
	if place.Header != "" {
		value, _ := r.Header.Line(place.Header)
		return value
	}
	query, _ := r.Query()
	for item := range strings.SplitSeq(query, "&") {
		if name, value, _ := strings.Cut(item, "="); name == place.Query {
			return value
		}
	}
	return ""
}

// replace gives r another value at place, where it has one.
func replace(r *authz.Request, place authz.Location, value string) {
	for i := range r.Header.Fields {
		if place.Header != "" && r.Header.Fields[i].Name == place.Header {
			r.Header.Fields[i].Value = value
		}
	}
	if place.Query != "" {
		path, query, _ := strings.Cut(r.Path, "?")
		items := strings.Split(query, "&")
		for i, item := range items {
			if strings.HasPrefix(item, place.Query+"=") {
				items[i] = place.Query + "=" + value
			}
		}
		r.Path = path + "?" + strings.Join(items, "&")
	}
}

func refusesDuplicates(ctx context.Context, p *probe) []string {
	for _, place := range p.part.Credentials {
		right := credential(p.Present(p.Secret), place)
		if right == "" {
			continue
		}
		wrong := credential(p.Present(p.Other), place)
		for _, pair := range [][2]string{{right, right}, {right, wrong}, {wrong, right}, {"", right}, {right, ""}} {
			for _, r := range p.twice(place, pair) {
				_, err := p.verify(ctx, r)
				if place.Header != "" && !r.Header.Merged {
					var denial *authz.Denial
					if !errors.As(err, &denial) || denial.Reason() != authz.ReasonDuplicateHeader {
						p.fail("%+v twice: error = %v, want %v", place, err, authz.ReasonDuplicateHeader)
					}
					continue
				}
				p.wants(fmt.Sprintf("%+v twice, merged %v", place, r.Header.Merged), err, authz.ErrRejected)
			}
		}
	}
	return p.problems
}

// twice returns requests that have both values at place.
func (p *probe) twice(place authz.Location, pair [2]string) []*authz.Request {
	first := p.Present(p.Secret)
	replace(first, place, pair[0])
	if place.Query != "" {
		first.Path += "&" + place.Query + "=" + pair[1]
		return []*authz.Request{first}
	}
	AddHeader(first, place.Header, pair[1])
	merged := p.Present(p.Secret)
	merged.Header.Merged = true
	replace(merged, place, pair[0]+","+pair[1])
	return []*authz.Request{first, merged}
}

// tries is how many random credentials a law looks at.
const tries = 500

// passesNothingElse: random bytes never pass, nor a credential of which a byte
// was changed. Only other case may mean the same, as in hex and scheme names.
func passesNothingElse(ctx context.Context, p *probe) []string {
	source := rand.NewChaCha8([32]byte{})
	random := rand.New(source) //nolint:gosec // it is to be the same in every run
	for _, place := range p.part.Credentials {
		right := credential(p.Present(p.Secret), place)
		try := func(value string) {
			r := p.Present(p.Secret)
			replace(r, place, value)
			if _, err := p.verify(ctx, r); err == nil && !strings.EqualFold(value, right) {
				p.fail("%+v: passed a credential that is not right", place)
			}
		}
		for range tries {
			noise := make([]byte, random.IntN(2*len(right)+2))
			_, _ = source.Read(noise) // never fails, by its documentation
			try(string(noise))
		}
		for i := range len(right) {
			for bit := range 8 {
				changed := []byte(right)
				changed[i] ^= 1 << bit
				try(string(changed))
			}
			try(right[:i])
			try(right[:i] + right[i+1:])
			try(right[:i] + " " + right[i:])
			try(right[:i] + "\x00" + right[i:])
		}
		for _, around := range []string{" ", "\t", "\n", "\x00", ",", "=", "a"} {
			try(right + around)
			try(around + right)
		}
	}
	return p.problems
}

// bindsBody: a check that says it binds the body passes no other body, nor one
// that is not proven whole.
func bindsBody(ctx context.Context, p *probe) []string {
	if !p.part.BindsBody || len(p.Present(p.Secret).Body.Raw) == 0 {
		return nil
	}
	changes := map[string]func(r *authz.Request){
		"bit":       func(r *authz.Request) { r.Body.Raw[0] ^= 1 },
		"cut":       func(r *authz.Request) { r.Body.Delivery = authz.DeliveryCut },
		"unsaid":    func(r *authz.Request) { r.Body.Delivery = authz.DeliveryUnsaid },
		"shorter":   func(r *authz.Request) { r.Body.Raw = r.Body.Raw[:len(r.Body.Raw)-1] },
		"gone":      func(r *authz.Request) { r.Body = authz.Body{} },
		"as text":   func(r *authz.Request) { r.Body.Text, r.Body.Raw = string(r.Body.Raw), nil },
		"twice":     func(r *authz.Request) { r.Body.Text = string(r.Body.Raw) },
		"was large": func(r *authz.Request) { r.Body.Size++ },
	}
	for name, change := range changes {
		r := p.Present(p.Secret)
		change(r)
		if _, err := p.verify(ctx, r); err == nil {
			p.fail("body %s: passed", name)
		}
	}
	return p.problems
}

// leavesRequest: the check changes nothing in the request.
func leavesRequest(ctx context.Context, p *probe) []string {
	for name, request := range map[string]func() *authz.Request{
		"right": func() *authz.Request { return p.Present(p.Secret) },
		"wrong": func() *authz.Request { return p.Present(p.Other) },
		"bare":  p.Bare,
	} {
		r := request()
		before := fmt.Sprintf("%#v", *r)
		_, _ = p.verify(ctx, r) // whatever it says
		if after := fmt.Sprintf("%#v", *r); after != before {
			p.fail("%s: the request was changed from %s to %s", name, before, after)
		}
	}
	return p.problems
}

// servesMany: requests share nothing, also while the secret changes.
func servesMany(ctx context.Context, p *probe) []string {
	const workers, rounds = 8, 200
	var mu sync.Mutex
	var wg sync.WaitGroup
	check := p.part.Check
	// Both are accepted all the time, in changing order.
	p.secrets.Set(p.Store(p.Other), p.Store(p.Secret))
	for worker := range workers {
		wg.Go(func() {
			for round := range rounds {
				if worker == 0 && !p.Place {
					if round%2 == 0 {
						p.secrets.Set(p.Store(p.Secret), p.Store(p.Other))
					} else {
						p.secrets.Set(p.Store(p.Other), p.Store(p.Secret))
					}
				}
				wrong := round%3 == 0
				r := p.Present(p.Secret)
				if wrong && p.Place {
					r = p.Bare()
				} else if wrong {
					r = p.Present(p.Secret + "x")
				}
				if _, err := check.Verify(ctx, r); (err == nil) == wrong {
					mu.Lock()
					p.fail("at once: error = %v, presented a wrong one: %v", err, wrong)
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	return p.problems
}

// window is how many bytes in a row give something away.
const window = 8

// tellsNothing runs the other laws and looks through all that was returned.
func tellsNothing(ctx context.Context, p *probe) []string {
	for _, law := range []func(context.Context, *probe) []string{
		passesRight, rejectsOther, tellsAbsent, usesNoUseless, answersTrouble, refusesDuplicates, passesNothingElse,
	} {
		if p.Place {
			break
		}
		p.secrets.Set(p.Store(p.Secret))
		law(ctx, p)
	}
	_, _ = p.verify(ctx, p.Present(p.Secret)) // looked at below
	_, _ = p.verify(ctx, p.Bare())            // as well

	p.problems = nil
	parts := map[string]bool{}
	texts := append([]string{p.Secret, p.Other, p.Store(p.Secret), p.Store(p.Other)}, p.Canaries...)
	for _, place := range p.part.Credentials {
		if p.Public {
			break
		}
		texts = append(texts, credential(p.Present(p.Secret), place), credential(p.Present(p.Other), place))
	}
	for _, text := range texts {
		for i := 0; i+window <= len(text); i++ {
			parts[text[i:i+window]] = true
		}
	}
	told := map[string]bool{}
	for _, result := range p.seen {
		text := fmt.Sprintf("%+v", result.identity)
		if result.err != nil {
			text += " " + result.err.Error()
		}
		if told[text] {
			continue
		}
		told[text] = true
		for i := 0; i+window <= len(text); i++ {
			if parts[text[i:i+window]] {
				p.fail("gives away part of a secret or a credential: %s", text)
				break
			}
		}
	}
	return p.problems
}
