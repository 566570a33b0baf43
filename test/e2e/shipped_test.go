//go:build e2e

package e2e

import (
	"net/http"
	"os/exec"
	"strings"
	"testing"
)

// Both programs find nothing wrong with the files that users start from.
func TestShippedFiles(t *testing.T) {
	for _, command := range [][]string{
		{program(t, "HOOKAUTHZ_ENVOY", "make tools"), "--mode", "validate", "-c", shippedEnvoy},
		{program(t, "HOOKAUTHZ_BIN", "make build"), "check", shippedPolicy},
	} {
		out, err := exec.Command(command[0], command[1:]...).CombinedOutput()
		if err != nil || strings.Contains(string(out), "warning") || strings.Contains(string(out), "deprecated") {
			t.Errorf("%q: %v\n%s", command, err, out)
		}
	}
}

// Whatever route a sender tries, without a credential nothing gets through.
func TestEveryShippedRouteIsClosed(t *testing.T) {
	routes := listAt(readEnvoy(t), "static_resources.listeners.0.filter_chains.0.filters.0.typed_config.route_config.virtual_hosts.0.routes")
	checked := 0
	for _, route := range routes {
		match := treeAt(route, "match")
		path, _ := match["path"].(string)
		if prefix, ok := match["prefix"].(string); ok {
			path = prefix + "github"
		}
		if path == "/healthz" {
			continue
		}
		checked++
		for _, method := range []string{"POST", "GET", "PUT", "DELETE", "OPTIONS", "HEAD"} {
			got := shared.send(t, request{method: method, path: path, body: []byte{}})
			shared.unseen(t, got)
			if got.status < http.StatusBadRequest || got.header.Get("X-Hookauthz-Decision-Id") == "" {
				t.Errorf("%s %s: status %d, want a denial by hookauthz", method, path, got.status)
			}
		}
	}
	if checked < 10 {
		t.Errorf("%d routes checked, want 10 at least", checked)
	}
}

// The routes that are not asked about are those that say so.
func TestUnaskedRoutes(t *testing.T) {
	got := shared.send(t, request{method: "GET", path: "/healthz"})
	if _, ok := shared.upstream.seen(got.id); got.status != http.StatusOK || !ok {
		t.Errorf("/healthz: status %d, want 200 by the upstream", got.status)
	}
	shared.refused(t, shared.send(t, request{path: "/elsewhere", body: event}), 404, "route_not_found")
}
