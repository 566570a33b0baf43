package observe

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// A SecretState is what is known of one secret, for metrics.
type SecretState struct {
	// Reference is its name in the policy file.
	Reference string
	// State is one of a closed set, such as fresh, stale or gone.
	State string
	// Age is the time since its source confirmed it, negative if it never did.
	Age time.Duration
}

// secrets collects the states of secrets at the moment of the scrape.
type secrets struct {
	states     func() []SecretState
	age, state *prometheus.Desc
}

// WatchSecrets adds the metrics secret_age_seconds (label reference) and
// secret_state (labels reference and state; 1 for the state it is in). states is
// called at each scrape.
func (m *Metrics) WatchSecrets(states func() []SecretState) {
	m.registry.MustRegister(&secrets{
		states: states,
		age:    prometheus.NewDesc(namespace+"_secret_age_seconds", "Time since the secret's source last confirmed it.", []string{"reference"}, nil),
		state:  prometheus.NewDesc(namespace+"_secret_state", "1 for the state that the secret is in.", []string{"reference", "state"}, nil),
	})
}

// Describe implements [prometheus.Collector].
func (s *secrets) Describe(descs chan<- *prometheus.Desc) {
	descs <- s.age
	descs <- s.state
}

// Collect implements [prometheus.Collector].
func (s *secrets) Collect(metrics chan<- prometheus.Metric) {
	for _, secret := range s.states() {
		if secret.Age >= 0 {
			metrics <- prometheus.MustNewConstMetric(s.age, prometheus.GaugeValue, secret.Age.Seconds(), secret.Reference)
		}
		metrics <- prometheus.MustNewConstMetric(s.state, prometheus.GaugeValue, 1, secret.Reference, secret.State)
	}
}
