//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"
)

// What users start from, and its like for senders with certificates.
const (
	shippedEnvoy     = "../../deploy/envoy/envoy.yaml"
	shippedPolicy    = "../../deploy/envoy/policy.yaml"
	shippedTLSEnvoy  = "../../deploy/envoy/mtls.yaml"
	shippedTLSPolicy = "../../deploy/envoy/mtls-policy.yaml"
)

// A tree is a part of a configuration.
type tree = map[string]any

// An envoy is a running Envoy, whose listeners are found by name.
type envoy struct {
	*process

	admin     string
	listeners map[string]string
}

// A variant is the shipped listener with something changed.
type variant struct {
	name   string
	change func(l listener)
}

// readEnvoy reads a shipped configuration.
func readEnvoy(s scope, file string) tree {
	s.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		s.Fatalf("%v", err)
	}
	var config tree
	if err := yaml.Unmarshal(text, &config); err != nil {
		s.Fatalf("%s: %v", file, err)
	}
	return config
}

// at returns what a path such as "listeners.0.name" leads to.
func at(node any, path string) any {
	for step := range strings.SplitSeq(path, ".") {
		switch parent := node.(type) {
		case []any:
			i, _ := strconv.Atoi(step)
			node = parent[i]
		case tree:
			node = parent[step]
		}
	}
	return node
}

func treeAt(node any, path string) tree {
	found, _ := at(node, path).(tree) // nil can't be changed: the test that wants to panics
	return found
}

func listAt(node any, path string) []any {
	found, _ := at(node, path).([]any)
	return found
}

// clone returns a copy of node that shares nothing with it.
func clone(node tree) tree {
	text, _ := json.Marshal(node)
	var same tree
	_ = json.Unmarshal(text, &same)
	return same
}

// A listener is the configuration of one, with names for the parts that tests
// change.
type listener tree

func (l listener) http() tree   { return treeAt(tree(l), "filter_chains.0.filters.0.typed_config") }
func (l listener) filter() tree { return treeAt(l.http(), "http_filters.0.typed_config") }
func (l listener) body() tree   { return treeAt(l.filter(), "with_request_body") }
func (l listener) host() tree   { return treeAt(l.http(), "route_config.virtual_hosts.0") }

// add puts a route before those that are there. Its match is such as path or
// prefix; a nil settings leaves the choice of the policy to hookauthz.
func (l listener) add(kind, path string, settings tree) {
	route := tree{"match": tree{kind: path}, "route": tree{"cluster": "app"}}
	if settings != nil {
		route["typed_per_filter_config"] = tree{"envoy.filters.http.ext_authz": tree{
			"@type":          "type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute",
			"check_settings": settings,
		}}
	}
	l.host()["routes"] = append([]any{route}, listAt(l.host(), "routes")...)
}

// named are the settings of a route that names its policy.
func named(policy string) tree {
	return tree{"context_extensions": tree{"hookauthz.policy": policy}}
}

// envoyConfig returns the shipped configuration for this machine: free ports, the
// given listeners, and clusters that lead to servers and upstream.
func envoyConfig(s scope, o setup, servers []string, upstream string) tree {
	s.Helper()
	if o.envoy == "" {
		o.envoy = shippedEnvoy
	}
	config := readEnvoy(s, o.envoy)
	treeAt(config, "admin.address.socket_address")["port_value"] = 0
	shipped := treeAt(config, "static_resources.listeners.0")
	var listeners []any
	for _, v := range append([]variant{{name: "ingress", change: o.ingress}}, o.listeners...) {
		l := listener(clone(shipped))
		l["name"] = v.name
		treeAt(tree(l), "address.socket_address")["port_value"] = 0
		l.http()["stat_prefix"] = v.name
		treeAt(l.http(), "access_log.0.typed_config.log_format.json_format")["id"] = "%REQ(X-E2E-ID)%"
		// A verdict takes a millisecond, but a busy machine may stall for longer
		// than the shipped timeout.
		treeAt(l.filter(), "grpc_service")["timeout"] = "5s"
		for _, policy := range o.policies {
			l.add("path", "/e2e/"+policy, named(policy))
		}
		if v.change != nil {
			v.change(l)
		}
		listeners = append(listeners, tree(l))
	}
	treeAt(config, "static_resources")["listeners"] = listeners

	hookauthz := treeAt(config, "static_resources.clusters.0")
	check := treeAt(hookauthz, "health_checks.0")
	check["interval"], check["no_traffic_interval"] = "0.2s", "0.2s"
	var endpoints []any
	for _, server := range servers {
		endpoints = append(endpoints, endpoint(s, server))
		if strings.HasPrefix(server, "unix://") {
			hookauthz["type"] = "STATIC"
		}
	}
	treeAt(hookauthz, "load_assignment.endpoints.0")["lb_endpoints"] = endpoints
	if o.cluster != nil {
		o.cluster(hookauthz)
	}
	treeAt(config, "static_resources.clusters.1.load_assignment.endpoints.0")["lb_endpoints"] = []any{endpoint(s, upstream)}
	treeAt(config, "static_resources")["clusters"] = append(listAt(config, "static_resources.clusters"), o.clusters...)
	return config
}

func endpoint(s scope, address string) tree {
	s.Helper()
	if path, ok := strings.CutPrefix(address, "unix://"); ok {
		return tree{"endpoint": tree{"address": tree{"pipe": tree{"path": path}}}}
	}
	host, text, err := net.SplitHostPort(address)
	port, _ := strconv.Atoi(text)
	if err != nil || port == 0 {
		s.Fatalf("address %q: %v", address, err)
	}
	return tree{"endpoint": tree{"address": tree{"socket_address": tree{"address": host, "port_value": port}}}}
}

// startEnvoy starts Envoy and waits until it is live.
func startEnvoy(s scope, config tree) *envoy {
	s.Helper()
	text, err := json.MarshalIndent(config, "", "  ")
	if err != nil {
		s.Fatalf("%v", err)
	}
	file := writeFile(s, "envoy.json", string(text))
	adminFile := filepath.Join(run.folder, fmt.Sprintf("%d-admin", run.number.Add(1)))
	e := &envoy{listeners: map[string]string{}}
	e.process = start(s, program(s, "HOOKAUTHZ_ENVOY", "make tools"), nil,
		"-c", file, "--concurrency", "2", "--disable-hot-restart", "--log-level", "warning",
		"--admin-address-path", adminFile, "--file-flush-interval-msec", "50")
	eventually(s, 20*time.Second, "Envoy is live", func() bool {
		address, err := os.ReadFile(adminFile)
		if e.ended(0) {
			s.Fatalf("Envoy ended: %s", e.stderr.tail(5))
		}
		if err != nil || len(address) == 0 {
			return false
		}
		e.admin = string(address)
		status, _ := e.ask("/ready")
		return status == http.StatusOK
	})
	_, listing := e.ask("/listeners?format=json")
	var found struct {
		Statuses []struct {
			Name    string `json:"name"`
			Address struct {
				Socket struct {
					Address string `json:"address"`
					Port    int    `json:"port_value"`
				} `json:"socket_address"`
			} `json:"local_address"`
		} `json:"listener_statuses"`
	}
	if err := json.Unmarshal([]byte(listing), &found); err != nil {
		s.Fatalf("Envoy's listeners: %v", err)
	}
	for _, l := range found.Statuses {
		e.listeners[l.Name] = net.JoinHostPort(l.Address.Socket.Address, strconv.Itoa(l.Address.Socket.Port))
	}
	return e
}

// ask asks Envoy's admin interface.
func (e *envoy) ask(path string) (status int, body string) {
	response, err := (&http.Client{Timeout: 5 * time.Second}).Get("http://" + e.admin + path)
	if err != nil {
		return 0, ""
	}
	defer func() { _ = response.Body.Close() }() // it was read
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, ""
	}
	return response.StatusCode, string(text)
}
