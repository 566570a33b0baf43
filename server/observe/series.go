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
	// skew is there once a request with a signed time was allowed.
	skew func() prometheus.Observer

	mu      sync.Mutex // held to add a kind
	reasons []atomic.Pointer[[]kindCounter]
}

type kindCounter struct {
	kind    string
	counter prometheus.Counter
}

func newSeries(m *Metrics, maxPolicies int) *series {
	s := &series{metrics: m, maxPolicies: maxPolicies}
	s.none = newPolicySeries(m, labelNone)
	s.other = newPolicySeries(m, labelOther)
	s.policies.Store(&map[string]*policySeries{})
	return s
}

func newPolicySeries(m *Metrics, label string) *policySeries {
	return &policySeries{
		label: label, metrics: m,
		duration: m.duration.WithLabelValues(label),
		current:  m.accepted.WithLabelValues(label, age(false)),
		previous: m.accepted.WithLabelValues(label, age(true)),
		skew:     sync.OnceValue(func() prometheus.Observer { return m.skew.WithLabelValues(label) }),
		reasons:  make([]atomic.Pointer[[]kindCounter], len(authz.Reasons())),
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
	p.decisions(kind, reason).Inc()
	p.duration.Observe(e.Duration.Seconds())
	switch {
	case reason == authz.ReasonOverloaded:
		s.metrics.shed.Inc()
	case reason == authz.ReasonGuardTripped:
		s.metrics.guardTripped.Inc()
	case reason == authz.ReasonBug && strings.HasPrefix(e.Decision.Detail(), authz.PanicDetail):
		s.metrics.panics.Inc()
	}
	if e.Decision.Allowed() {
		p.allowed(e)
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

func (p *policySeries) decisions(kind string, reason authz.Reason) prometheus.Counter {
	if int(reason) >= len(p.reasons) {
		reason = authz.ReasonBug
	}
	slot := &p.reasons[reason]
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
	added := kindCounter{kind, p.metrics.decisions.WithLabelValues(p.label, kind, "enforce", decision, reason.String())}
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
