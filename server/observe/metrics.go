package observe

import (
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// Label values that stand for no policy, and for the policies beyond the number
// that get series of their own.
const (
	labelNone  = "none"
	labelOther = "other"
)

// DefaultMaxPolicies is how many policies get series of their own.
const DefaultMaxPolicies = 1000

// Metrics are the process's metrics. No label holds what a
// sender wrote: all are words of the policy file or of closed sets. Its methods may be called by many
// goroutines.
type Metrics struct {
	registry *prometheus.Registry
	series   *series

	// decisions has the labels policy, kind (of the check that ran last), mode,
	// decision and reason; duration has policy; accepted has policy and version
	// (current or previous).
	decisions *prometheus.CounterVec
	duration  *prometheus.HistogramVec
	accepted  *prometheus.CounterVec
	// skew has policy; so has disagreements. watching has no labels.
	skew          *prometheus.HistogramVec
	disagreements *prometheus.CounterVec
	watching      prometheus.Gauge

	// replay has the labels policy and result: new, repeat, duplicate, error or
	// local.
	replay *prometheus.CounterVec

	// guardTripped, panics, shed and dropped have no labels.
	guardTripped prometheus.Counter
	panics       prometheus.Counter
	shed         prometheus.Counter
	dropped      prometheus.Counter

	// vaultDuration has the label operation, refreshErrors and regressed have
	// reference.
	vaultDuration *prometheus.HistogramVec
	refreshErrors *prometheus.CounterVec
	regressed     *prometheus.CounterVec
	tokenEnd      atomic.Int64 // in seconds since 1970, 0 if unknown

	// keySetErrors has the label keyset, tokenRequests has operation and result.
	keySetErrors  *prometheus.CounterVec
	tokenRequests *prometheus.CounterVec

	// reloadGood and reloadTime have no labels, configInfo has hash.
	reloadGood prometheus.Gauge
	reloadTime prometheus.Gauge
	configInfo *prometheus.GaugeVec
}

// Histogram bounds in seconds. A decision takes tens of microseconds and Envoy
// waits 200 ms by default; a read of Vault takes milliseconds and at most two
// seconds.
func checkBuckets() []float64 {
	return []float64{25e-6, 50e-6, 100e-6, 250e-6, 500e-6, 1e-3, 2.5e-3, 5e-3, 10e-3, 25e-3, 50e-3, 100e-3, 200e-3}
}

// skewBuckets reach from clocks that agree to the widest usual window: most
// senders and policies permit 300 s.
func skewBuckets() []float64 { return []float64{1, 2, 5, 10, 30, 60, 120, 300, 600} }

func vaultBuckets() []float64 {
	return []float64{1e-3, 2.5e-3, 5e-3, 10e-3, 25e-3, 50e-3, 100e-3, 250e-3, 500e-3, 1, 2}
}

// NewMetrics returns metrics on a registry of their own, beside those of the Go
// runtime and of the process. maxPolicies is [DefaultMaxPolicies] if 0.
func NewMetrics(maxPolicies int) *Metrics {
	if maxPolicies <= 0 {
		maxPolicies = DefaultMaxPolicies
	}
	m := &Metrics{registry: prometheus.NewRegistry()}
	m.registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	m.decisions = m.counters("decisions_total", "Requests decided.", "policy", "kind", "mode", "decision", "reason")
	m.duration = m.histograms("check_duration_seconds", "Time from receipt to verdict.", checkBuckets(), "policy")
	m.accepted = m.counters("accepted_total", "Requests allowed, by the age of the secret's version that matched.", "policy", "version")

	m.skew = m.histograms("timestamp_skew_seconds", "How far signed times were from the server's clock, either way, in requests allowed.", skewBuckets(), "policy")

	m.replay = m.counters("replay_total", "Claims that a request is no replay, by what became of them.", "policy", "result")

	m.disagreements = m.counters("monitor_disagreements_total", "Requests that passed because their policy only watched, and that it would have denied.", "policy")
	m.watching = m.gauge("monitored_policies", "Policies that only watch.")

	m.guardTripped = m.counter("guard_tripped_total", "Answers that the last guard before the wire turned into a denial; any is a bug.")
	m.panics = m.counter("panics_total", "Panics that were recovered; any is a bug.")
	m.shed = m.counter("shed_total", "Requests denied because of overload.")
	m.dropped = m.counter("decision_log_dropped_total", "Lines of the decision log that were lost because standard output did not take them.")

	m.vaultDuration = m.histograms("vault_request_duration_seconds", "Time that requests to Vault took.", vaultBuckets(), "operation")
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Namespace: namespace, Name: "vault_token_ttl_seconds",
		Help: "Time that the Vault token has left; 0 if unknown, or if it does not expire.",
	}, m.tokenTTL))
	m.refreshErrors = m.counters("secret_refresh_errors_total", "Reads of a secret that failed for want of an answer.", "reference")
	m.regressed = m.counters("secret_version_regressed_total", "Times that a secret's version number fell.", "reference")
	m.keySetErrors = m.counters("keyset_refresh_errors_total", "Fetches of a key set that failed.", "keyset")
	m.tokenRequests = m.counters("token_requests_total", "Requests to the token endpoint.", "operation", "result")

	m.reloadGood = m.gauge("config_last_reload_successful", "Whether the last attempt to load the policy file succeeded.")
	m.reloadTime = m.gauge("config_last_reload_success_timestamp_seconds", "When the policy file in use was loaded.")
	m.configInfo = m.gauges("config_info", "The policy file in use, by hash.", "hash")
	m.series = newSeries(m, maxPolicies)
	return m
}

// Registry returns the registry that the metrics are on.
func (m *Metrics) Registry() *prometheus.Registry { return m.registry }

// Panicked counts a panic that was recovered outside of a decision. Those inside
// one are counted when it is recorded.
func (m *Metrics) Panicked() { m.panics.Inc() }

// WatchInflight adds the metrics inflight_checks and inflight_body_bytes, which
// have no labels. Both functions are called at each scrape.
func (m *Metrics) WatchInflight(checks, bytes func() int64) {
	watch := func(name, help string, value func() int64) {
		m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: namespace, Name: name, Help: help},
			func() float64 { return float64(value()) }))
	}
	watch("inflight_checks", "Checks being answered.", checks)
	watch("inflight_body_bytes", "Bytes of the checks being answered; nearly all of it are bodies.", bytes)
}

// Monitored records how many policies of the file in use only watch.
func (m *Metrics) Monitored(policies int) { m.watching.Set(float64(policies)) }

// Dropped counts lost lines of the decision log.
func (m *Metrics) Dropped(lines int) { m.dropped.Add(float64(lines)) }

// VaultRequest records one request to Vault. operation is of a closed set.
func (m *Metrics) VaultRequest(operation string, took time.Duration) {
	m.vaultDuration.WithLabelValues(operation).Observe(took.Seconds())
}

// VaultTokenEnds records until when the Vault token lives; the zero time means
// that it does not end.
func (m *Metrics) VaultTokenEnds(at time.Time) {
	if at.IsZero() {
		m.tokenEnd.Store(0)
		return
	}
	m.tokenEnd.Store(at.Unix())
}

func (m *Metrics) tokenTTL() float64 {
	end := m.tokenEnd.Load()
	if end == 0 {
		return 0
	}
	return max(0, time.Until(time.Unix(end, 0)).Seconds())
}

// SecretRefreshFailed counts a read of a secret that got no answer.
func (m *Metrics) SecretRefreshFailed(reference string) {
	m.refreshErrors.WithLabelValues(reference).Inc()
}

// KeySetRefreshFailed counts a fetch of the key set of that name that failed. The
// name must come from the policy file: it becomes a metric label.
func (m *Metrics) KeySetRefreshFailed(name string) { m.keySetErrors.WithLabelValues(name).Inc() }

// SecretVersionRegressed counts that a secret's version number fell.
func (m *Metrics) SecretVersionRegressed(reference string) {
	m.regressed.WithLabelValues(reference).Inc()
}

// Reloaded records that the policy file with this hash is in use since at.
func (m *Metrics) Reloaded(hash string, at time.Time) {
	m.reloadGood.Set(1)
	m.reloadTime.Set(float64(at.UnixMilli()) / 1e3)
	m.configInfo.Reset()
	m.configInfo.WithLabelValues(hash).Set(1)
}

// ReloadFailed records that the policy file could not be loaded and the one
// before stays in use.
func (m *Metrics) ReloadFailed() { m.reloadGood.Set(0) }

const namespace = "hookauthz"

func (m *Metrics) counter(name, help string) prometheus.Counter {
	c := prometheus.NewCounter(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help})
	m.registry.MustRegister(c)
	return c
}

func (m *Metrics) counters(name, help string, labels ...string) *prometheus.CounterVec {
	c := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help}, labels)
	m.registry.MustRegister(c)
	return c
}

func (m *Metrics) gauge(name, help string) prometheus.Gauge {
	g := prometheus.NewGauge(prometheus.GaugeOpts{Namespace: namespace, Name: name, Help: help})
	m.registry.MustRegister(g)
	return g
}

func (m *Metrics) gauges(name, help string, labels ...string) *prometheus.GaugeVec {
	g := prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: namespace, Name: name, Help: help}, labels)
	m.registry.MustRegister(g)
	return g
}

func (m *Metrics) histograms(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	h := prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: namespace, Name: name, Help: help, Buckets: buckets}, labels)
	m.registry.MustRegister(h)
	return h
}
