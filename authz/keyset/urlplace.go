package keyset

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/secret"
)

// What is kept of the certificates at URLs that requests name, for each entry of
// each policy.
const (
	// keepCertificate is for how long a certificate counts without another
	// successful fetch.
	keepCertificate = 24 * time.Hour
	// renewCertificate is the age from which on it is fetched again when it is
	// asked for.
	renewCertificate = 6 * time.Hour
	// maxCertificates is how many are kept. Only what a permitted host serves as
	// a certificate takes a place; the one used longest ago makes room.
	maxCertificates = 64
)

// A place is what is remembered of one entry of one policy.
type place struct {
	by      *ByURL
	name    string
	denials placeDenials

	mu      sync.Mutex
	held    map[string]*certificate // by URL
	refused map[string]refusal      // by URL; as many as Interval admits in missingTime
	began   time.Time               // when the last fetch did
	flying  string                  // the URL that is being fetched
	landing chan struct{}           // closed when that has ended; nil if nothing is under way
	waiting int
	used    time.Time
}

// placeDenials are made once, so that to deny costs nothing.
type placeDenials struct{ untold, absent, invalid error }

// A refusal is that there was no certificate at a URL.
type refusal struct {
	at  time.Time
	err error
}

func newPlace(b *ByURL, name string) *place {
	deny := func(reason authz.Reason, why string) error {
		return authz.Deny(reason, fmt.Sprintf("key set %q: %s", name, why))
	}
	return &place{
		by: b, name: name, held: map[string]*certificate{}, refused: map[string]refusal{}, used: time.Now(),
		denials: placeDenials{
			untold:  deny(authz.ReasonKeySetUnavailable, "the certificate that the request names could not be fetched, or not now"),
			absent:  deny(authz.ReasonKidUnknown, "there is no certificate at the URL that the request names"),
			invalid: deny(authz.ReasonKidUnknown, "the certificate at the URL that the request names is not valid at this time"),
		},
	}
}

// look returns the keys at url or the error, unless it returns what is closed when
// a fetch that brings them has ended. The caller then waits and leaves.
func (p *place) look(url string, judged time.Time, fetch bool) (*authz.Keys, chan struct{}, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	p.used = now
	c := p.held[url]
	if c != nil && secret.Age(c.fetched, now) >= keepCertificate {
		delete(p.held, url)
		c = nil
	}
	if c != nil {
		c.used = now
		if c.valid(judged) {
			if fetch && c.due(now) {
				p.renew(now)
			}
			return c.keys(), nil, nil
		}
		if secret.Age(c.fetched, now) < missingTime {
			return nil, nil, p.denials.invalid
		}
	} else if r, ok := p.refused[url]; ok && secret.Age(r.at, now) < missingTime {
		return nil, nil, r.err
	}
	if !fetch || p.waiting >= maxWaiting || !p.fly(url, now) {
		return nil, nil, p.denials.untold
	}
	p.waiting++
	return nil, p.landing, nil
}

func (p *place) leave() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waiting--
}

// fly reports whether url is being fetched, and begins to if that may be. What is
// held and should be fetched again comes first: otherwise whoever names another
// URL all the time could keep that from happening until it no longer counts. p.mu
// is held.
func (p *place) fly(url string, now time.Time) bool {
	if p.landing == nil && secret.Age(p.began, now) >= Interval && p.renew(now) == "" {
		p.start(url, now)
	}
	return p.landing != nil && p.flying == url
}

// renew begins to fetch what is held and is due, if that may be, and returns its
// URL, empty if nothing is due. p.mu is held.
func (p *place) renew(now time.Time) string {
	oldest := ""
	for url, c := range p.held {
		if c.due(now) && (oldest == "" || c.tried.Before(p.held[oldest].tried)) {
			oldest = url
		}
	}
	if oldest != "" && p.landing == nil && secret.Age(p.began, now) >= Interval {
		p.held[oldest].tried = now
		p.start(oldest, now)
	}
	return oldest
}

// start begins a fetch. p.mu is held.
func (p *place) start(url string, now time.Time) {
	url = strings.Clone(url) // it may be a part of a request, which must not be kept for it
	if !p.by.begin(p, url) {
		return
	}
	p.began, p.flying, p.landing = now, url, make(chan struct{})
}

// land learns what a fetch brought, and lets those go on who waited for it.
func (p *place) land(url string, started time.Time, got landed) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	for old, r := range p.refused {
		if secret.Age(r.at, now) >= missingTime {
			delete(p.refused, old)
		}
	}
	old := p.held[url]
	switch {
	case got.err == nil:
		got.certificate.fetched, got.certificate.tried, got.certificate.used = started, started, now
		p.keep(url, got.certificate)
	case old != nil && !got.err.gone():
		old.failed = true
	case got.err.Declined():
		delete(p.held, url)
		p.refused[url] = refusal{at: now, err: p.denials.absent}
	case got.err.Cause == CauseMalformed || got.err.Cause == CauseStatus:
		p.refused[url] = refusal{at: now, err: p.denials.untold}
	}
	close(p.landing)
	p.flying, p.landing = "", nil
}

// keep holds c, in the place of what was used longest ago if there are too many.
// p.mu is held.
func (p *place) keep(url string, c *certificate) {
	if _, ok := p.held[url]; !ok && len(p.held) >= maxCertificates {
		least := ""
		for other, held := range p.held {
			if least == "" || held.used.Before(p.held[least].used) {
				least = other
			}
		}
		delete(p.held, least)
	}
	p.held[url] = c
}
