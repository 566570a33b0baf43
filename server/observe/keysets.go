package observe

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// A KeySetState is what is known of one key set that is fetched, for metrics.
type KeySetState struct {
	// Name is its name in the policy file.
	Name string
	// State is one of a closed set, such as fresh, stale or expired.
	State string
	// Age is the time since it was last fetched, negative if it never was.
	Age time.Duration
}

// keySets collects the states of key sets at the moment of the scrape.
type keySets struct {
	states     func() []KeySetState
	age, state *prometheus.Desc
}

// WatchKeySets adds the metrics keyset_age_seconds (label keyset) and
// keyset_state (labels keyset and state; 1 for the state it is in). states is
// called at each scrape.
func (m *Metrics) WatchKeySets(states func() []KeySetState) {
	m.registry.MustRegister(&keySets{
		states: states,
		age:    prometheus.NewDesc(namespace+"_keyset_age_seconds", "Time since the key set was last fetched.", []string{"keyset"}, nil),
		state:  prometheus.NewDesc(namespace+"_keyset_state", "1 for the state that the key set is in.", []string{"keyset", "state"}, nil),
	})
}

// KeySetRefreshFailed counts a fetch of the key set of that name that failed. The
// name must come from the policy file: it becomes a metric label.
func (m *Metrics) KeySetRefreshFailed(name string) { m.keySetErrors.WithLabelValues(name).Inc() }

// Describe implements [prometheus.Collector].
func (k *keySets) Describe(descs chan<- *prometheus.Desc) {
	descs <- k.age
	descs <- k.state
}

// Collect implements [prometheus.Collector].
func (k *keySets) Collect(metrics chan<- prometheus.Metric) {
	for _, set := range k.states() {
		if set.Age >= 0 {
			metrics <- prometheus.MustNewConstMetric(k.age, prometheus.GaugeValue, set.Age.Seconds(), set.Name)
		}
		metrics <- prometheus.MustNewConstMetric(k.state, prometheus.GaugeValue, 1, set.Name, set.State)
	}
}
