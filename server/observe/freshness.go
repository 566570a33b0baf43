package observe

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// A Freshness is what is known of one secret, or of one key set that is fetched,
// for metrics.
type Freshness struct {
	// Name is its name in the policy file.
	Name string
	// State is one of a closed set, such as fresh, stale or gone.
	State string
	// Age is the time since its source last gave or confirmed it, negative if it
	// never did.
	Age time.Duration
}

// freshness collects what is known at the moment of the scrape.
type freshness struct {
	known      func() []Freshness
	age, state *prometheus.Desc
}

// WatchSecrets adds the metrics secret_age_seconds (label reference) and
// secret_state (labels reference and state; 1 for the state it is in). known is
// called at each scrape.
func (m *Metrics) WatchSecrets(known func() []Freshness) {
	m.registry.MustRegister(&freshness{
		known: known,
		age:   prometheus.NewDesc(namespace+"_secret_age_seconds", "Time since the secret's source last confirmed it.", []string{"reference"}, nil),
		state: prometheus.NewDesc(namespace+"_secret_state", "1 for the state that the secret is in.", []string{"reference", "state"}, nil),
	})
}

// WatchKeySets adds the metrics keyset_age_seconds (label keyset) and
// keyset_state (labels keyset and state; 1 for the state it is in). known is
// called at each scrape.
func (m *Metrics) WatchKeySets(known func() []Freshness) {
	m.registry.MustRegister(&freshness{
		known: known,
		age:   prometheus.NewDesc(namespace+"_keyset_age_seconds", "Time since the key set was last fetched.", []string{"keyset"}, nil),
		state: prometheus.NewDesc(namespace+"_keyset_state", "1 for the state that the key set is in.", []string{"keyset", "state"}, nil),
	})
}

// Describe implements [prometheus.Collector].
func (f *freshness) Describe(descs chan<- *prometheus.Desc) {
	descs <- f.age
	descs <- f.state
}

// Collect implements [prometheus.Collector].
func (f *freshness) Collect(metrics chan<- prometheus.Metric) {
	for _, k := range f.known() {
		if k.Age >= 0 {
			metrics <- prometheus.MustNewConstMetric(f.age, prometheus.GaugeValue, k.Age.Seconds(), k.Name)
		}
		metrics <- prometheus.MustNewConstMetric(f.state, prometheus.GaugeValue, 1, k.Name, k.State)
	}
}
