package admin_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hookauthz/hookauthz/server/admin"
)

func TestHandler(t *testing.T) {
	ready := admin.Report{Ready: true, Items: []admin.Item{{Good: true, Text: "secret github: fresh"}, {Text: "secret tower: gone"}}}
	waiting := admin.Report{Why: "secrets are being read", Items: []admin.Item{{Text: "secret github: loading"}}}
	tests := []struct {
		name, method, target string
		report               admin.Report
		status               int
		want                 string
	}{
		{name: "alive while not ready", target: "/livez", report: waiting, status: 200, want: "alive\n"},
		{name: "ready", target: "/readyz", report: ready, status: 200, want: "ready\n"},
		{name: "ready in full", target: "/readyz?verbose", report: ready, status: 200, want: "[+] secret github: fresh\n[-] secret tower: gone\nready\n"},
		{name: "not ready", target: "/readyz", report: waiting, status: 503, want: "not ready: secrets are being read\n"},
		{name: "not ready in full", target: "/readyz?verbose=1", report: waiting, status: 503, want: "[-] secret github: loading\nnot ready: secrets are being read\n"},
		{name: "a probe with HEAD", method: "HEAD", target: "/readyz", report: ready, status: 200, want: "ready\n"},
		{name: "nothing else", target: "/debug/pprof/", report: ready, status: 404},
		{name: "nothing at the root", target: "/", report: ready, status: 404},
		{name: "no writing", method: "POST", target: "/readyz", report: ready, status: 405},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			method := tt.method
			if method == "" {
				method = http.MethodGet
			}
			w := httptest.NewRecorder()
			admin.Handler(func() admin.Report { return tt.report }, prometheus.NewRegistry()).
				ServeHTTP(w, httptest.NewRequest(method, tt.target, nil))
			if w.Code != tt.status {
				t.Errorf("status = %d, want %d", w.Code, tt.status)
			}
			if tt.want != "" && w.Body.String() != tt.want {
				t.Errorf("body = %q, want %q", w.Body, tt.want)
			}
		})
	}
}

func TestMetricsAreServed(t *testing.T) {
	registry := prometheus.NewRegistry()
	counter := prometheus.NewCounter(prometheus.CounterOpts{Name: "x_total", Help: "X."})
	registry.MustRegister(counter)
	counter.Inc()
	w := httptest.NewRecorder()
	admin.Handler(func() admin.Report { return admin.Report{} }, registry).ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if w.Code != 200 || !strings.Contains(w.Body.String(), "x_total 1") {
		t.Errorf("got %d, %s", w.Code, w.Body)
	}
}

// A slow client must not hold a connection for ever.
func TestServerHasTimeouts(t *testing.T) {
	s := admin.NewServer(func() admin.Report { return admin.Report{} }, prometheus.NewRegistry())
	if s.ReadHeaderTimeout <= 0 || s.ReadTimeout <= 0 || s.WriteTimeout <= 0 || s.IdleTimeout <= 0 || s.MaxHeaderBytes <= 0 {
		t.Errorf("a bound is missing: %+v", s)
	}
}
