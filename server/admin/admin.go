// Package admin answers probes and scrapes over HTTP: /livez, /readyz and
// /metrics.
//
// It tells names from the policy file, states and numbers. Nothing in it is
// secret, it changes nothing, and it reads nothing from a request but the method,
// the path and the word "verbose", so it may face the cluster.
package admin

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// A Report says whether checks are answered.
type Report struct {
	Ready bool
	// Why explains in a few words why not.
	Why string
	// Items are what readiness hangs on, and what else is good to know.
	Items []Item
}

// An Item is one line of a verbose report.
type Item struct {
	Good bool
	Text string
}

// Bounds of the HTTP listener. Probes and scrapes are small and quick: whoever
// needs longer is not one.
const (
	headerTimeout  = 5 * time.Second
	readTimeout    = 5 * time.Second
	writeTimeout   = 30 * time.Second
	idleTimeout    = time.Minute
	maxHeaderBytes = 16 << 10
	maxScrapes     = 4
)

// NewServer returns the HTTP server. report is called for each /readyz.
func NewServer(report func() Report, metrics prometheus.Gatherer) *http.Server {
	return &http.Server{
		Handler:           Handler(report, metrics),
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
	}
}

// Handler returns the handler of [NewServer].
//
//	/livez            200 while the process runs
//	/readyz           200 while checks are answered, else 503 and why
//	/readyz?verbose   the same, with the state of each secret and more
//	/metrics          Prometheus metrics
func Handler(report func() Report, metrics prometheus.Gatherer) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, "alive\n")
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		_, verbose := r.URL.Query()["verbose"]
		readyz(w, report(), verbose)
	})
	mux.Handle("GET /metrics", promhttp.HandlerFor(metrics, promhttp.HandlerOpts{MaxRequestsInFlight: maxScrapes}))
	return mux
}

func readyz(w http.ResponseWriter, r Report, verbose bool) {
	var text strings.Builder
	if verbose {
		for _, item := range r.Items {
			mark := "+"
			if !item.Good {
				mark = "-"
			}
			fmt.Fprintf(&text, "[%s] %s\n", mark, item.Text)
		}
	}
	if r.Ready {
		answer(w, http.StatusOK, text.String()+"ready\n")
		return
	}
	answer(w, http.StatusServiceUnavailable, text.String()+"not ready: "+r.Why+"\n")
}

func answer(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text) // whoever asked is gone: nothing to do
}
