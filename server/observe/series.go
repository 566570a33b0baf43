package observe

import (
	"maps"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hookauthz/hookauthz/authz"
)

// series finds the counters of an event without building label slices: each is
// resolved once and kept. Reading takes no lock. The number of series is bounded
// by the policies that get their own, the kinds and the reasons.
type series struct {
	metrics     *Metrics
	maxPolicies int
	none, other *policySeries

	mu       sync.Mutex // held to add a policy
	policies atomic.Pointer[map[string]*policySeries]
}

// policySeries are the series of one policy.
type policySeries struct {
	label    string
	metrics  *Metrics
	duration prometheus.Observer
	current  prometheus.Counter
	previous prometheus.Counter
	// skew is there once a request with a signed time was allowed, disagreements
	// once the policy only watched.
	skew          func() prometheus.Observer
	disagreements func() prometheus.Counter
	// replay has a counter for each result, there once it occurred.
	replay [len(replayResults)]func() prometheus.Counter

	mu sync.Mutex // held to add a kind
	// reasons has a slot for each reason, and after those one for each reason of
	// a policy that only watches.
	reasons []atomic.Pointer[[]kindCounter]
}

type kindCounter struct {
	kind    string
	counter prometheus.Counter
}

// modes is how many modes a policy may have.
const modes = 2

func newSeries(m *Metrics, maxPolicies int) *series {
	s := &series{metrics: m, maxPolicies: maxPolicies}
	s.none = newPolicySeries(m, labelNone)
	s.other = newPolicySeries(m, labelOther)
	s.policies.Store(&map[string]*policySeries{})
	return s
}

func newPolicySeries(m *Metrics, label string) *policySeries {
	p := &policySeries{
		label: label, metrics: m,
		duration: m.duration.WithLabelValues(label),
		current:  m.accepted.WithLabelValues(label, age(false)),
		previous: m.accepted.WithLabelValues(label, age(true)),
		skew:     sync.OnceValue(func() prometheus.Observer { return m.skew.WithLabelValues(label) }),
		reasons:  make([]atomic.Pointer[[]kindCounter], modes*len(authz.Reasons())),

		disagreements: sync.OnceValue(func() prometheus.Counter { return m.disagreements.WithLabelValues(label) }),
	}
	for i, r := range replayResults {
		p.replay[i] = sync.OnceValue(func() prometheus.Counter { return m.replay.WithLabelValues(label, r.label) })
	}
	return p
}

// replayResults are the words of [authz.Trace.Replay] and their labels.
var replayResults = [...]struct{ word, label string }{ //nolint:gochecknoglobals // a table that nobody writes
	{"new", "new"},
	{"repeat", "repeat"},
	{"replayed", "duplicate"},
	{"unavailable", "error"},
	{"local", "local"},
}

// claimed counts what became of a claim; an unknown word is none.
func (p *policySeries) claimed(word string) {
	for i := range replayResults {
		if replayResults[i].word == word {
			p.replay[i]().Inc()
		}
	}
}

// observe counts e.
func (s *series) observe(e *Event) {
	reason := e.Decision.Reason()
	p := s.none
	if e.Policy != "" && reason != authz.ReasonPolicyNotFound {
		p = s.policy(e.Policy)
	}
	kind := labelNone
	if n := len(e.Checks); n > 0 {
		kind = e.Checks[n-1].Kind
	}
	p.decisions(kind, reason, e.Decision.IsMonitored()).Inc()
	p.duration.Observe(e.Duration.Seconds())
	switch {
	case reason == authz.ReasonOverloaded:
		s.metrics.shed.Inc()
	case reason == authz.ReasonGuardTripped:
		s.metrics.guardTripped.Inc()
	case reason == authz.ReasonBug && strings.HasPrefix(e.Decision.Detail(), authz.PanicDetail):
		s.metrics.panics.Inc()
	}
	if e.Replay != "" {
		p.claimed(e.Replay)
	}
	if e.Decision.Allowed() {
		p.allowed(e)
	}
	if e.Decision.IsMonitored() {
		p.monitored(!e.Decision.Allowed())
	}
}

// monitored counts a decision of a policy that only watches: one more
// disagreement, or none, so that a policy without any shows 0.
func (p *policySeries) monitored(disagrees bool) {
	counter := p.disagreements()
	if disagrees {
		counter.Inc()
	}
}

func (p *policySeries) allowed(e *Event) {
	identity := e.Decision.Identity()
	switch {
	case identity.Secret == "":
	case identity.Previous:
		p.previous.Inc()
	default:
		p.current.Inc()
	}
	if !identity.Signed.IsZero() {
		p.skew().Observe(e.Time.Sub(identity.Signed).Abs().Seconds())
	}
}

func (s *series) policy(name string) *policySeries {
	if p, ok := (*s.policies.Load())[name]; ok {
		return p
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	known := *s.policies.Load()
	if p, ok := known[name]; ok {
		return p
	}
	if len(known) >= s.maxPolicies {
		return s.other
	}
	next := maps.Clone(known)
	name = strings.Clone(name)
	next[name] = newPolicySeries(s.metrics, name)
	s.policies.Store(&next)
	return next[name]
}

func (p *policySeries) decisions(kind string, reason authz.Reason, monitored bool) prometheus.Counter {
	at, half := int(reason), len(p.reasons)/modes
	if at >= half {
		at, reason = int(authz.ReasonBug), authz.ReasonBug
	}
	if monitored {
		at += half
	}
	slot := &p.reasons[at]
	if c := find(slot, kind); c != nil {
		return c
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if c := find(slot, kind); c != nil {
		return c
	}
	decision := "deny"
	if reason == authz.ReasonVerified {
		decision = "allow"
	}
	kind = strings.Clone(kind)
	added := kindCounter{kind, p.metrics.decisions.WithLabelValues(p.label, kind, mode(monitored), decision, reason.String())}
	var next []kindCounter
	if known := slot.Load(); known != nil {
		next = append(next, *known...)
	}
	next = append(next, added)
	slot.Store(&next)
	return added.counter
}

func find(slot *atomic.Pointer[[]kindCounter], kind string) prometheus.Counter {
	known := slot.Load()
	if known == nil {
		return nil
	}
	for i := range *known {
		if (*known)[i].kind == kind {
			return (*known)[i].counter
		}
	}
	return nil
}
