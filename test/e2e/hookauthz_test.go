//go:build e2e

package e2e

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// A hookauthz is a running server.
type hookauthz struct {
	*process

	grpc   string
	health string
	token  string // "" if no tokens are issued
}

// quick are flags that make a test's waiting short: secrets are read every
// second, the least there is.
var quick = []string{"--refresh=1s", "--drain-wait=0s", "--drain-timeout=5s"}

// startHookauthz starts a server on free ports. It answers 503 until its secrets
// are read; serving waits for that. Of flags that stand twice the last counts.
func startHookauthz(s scope, config string, flags ...string) *hookauthz {
	s.Helper()
	return startHookauthzIn(s, nil, config, flags...)
}

// startHookauthzIn is startHookauthz with environment variables.
func startHookauthzIn(s scope, env []string, config string, flags ...string) *hookauthz {
	s.Helper()
	args := append([]string{"serve", "--config=" + config, "--log-format=json", "--listen=127.0.0.1:0", "--health-listen=127.0.0.1:0"}, quick...)
	h := &hookauthz{process: start(s, program(s, "HOOKAUTHZ_BIN", "make build"), env, append(args, flags...)...)}
	audited.add(h.process)
	line := h.stderr.find(10*time.Second, func(line string) bool {
		return h.ended(0) || strings.Contains(line, `"msg":"listening;`)
	})
	var listening struct{ GRPC, Health, Token string }
	if err := json.Unmarshal([]byte(line), &listening); err != nil || listening.GRPC == "" {
		s.Fatalf("hookauthz does not listen:\n%s", h.stderr.tail(15))
	}
	h.grpc, h.health, h.token = listening.GRPC, listening.Health, listening.Token
	return h
}

var servingLine = regexp.MustCompile(`^serving grpc=\S+ health=\S+( token=\S+)? policies=\d+ config=sha256:\S+$`)

// serving waits until h answers checks.
func (h *hookauthz) serving(s scope) *hookauthz {
	s.Helper()
	if h.stderr.find(15*time.Second, servingLine.MatchString) == "" {
		s.Fatalf("hookauthz does not serve:\n%s", h.stderr.tail(15))
	}
	return h
}

// A decision is a line of the decision log, as far as tests look at it.
type decision struct {
	DecisionID  string `json:"decision_id"`
	RequestID   string `json:"request_id"`
	Policy      string `json:"policy"`
	SelectedBy  string `json:"selected_by"`
	Decision    string `json:"decision"`
	Status      int    `json:"status"`
	Reason      string `json:"reason"`
	Detail      string `json:"detail"`
	SecretAge   string `json:"secret_age"`
	SecretState string `json:"secret_state"`
	ClientIP    string `json:"client_ip"`
	SourceIP    string `json:"source_ip"`
	BodyBytes   int    `json:"body_bytes"`
	BodyForm    string `json:"body_form"`
	Principal   string `json:"principal"`
	Mode        string `json:"mode"`
	Class       string `json:"class"`
	Content     string `json:"content"`
	Replay      string `json:"replay"`
	DeliveryID  string `json:"delivery_id"`
}

// decision returns the line that holds id, which is a decision's or a request's.
func (h *hookauthz) decision(id string, within time.Duration) (decision, bool) {
	var d decision
	line := h.stdout.find(within, func(line string) bool { return strings.Contains(line, id) })
	return d, line != "" && json.Unmarshal([]byte(line), &d) == nil
}

// extraPolicies are the policies that only tests need; each has a route
// /e2e/NAME.
var extraPolicies = []string{
	"small", "bodiless", "no-secret", "rotating",
	"by-peer", "by-another-peer", "by-forwarded", "by-hop", "weak-door", "strong-door",
}

// policyFolder returns a folder with the shipped policies and those of the tests.
func policyFolder(s scope) string {
	s.Helper()
	folder, err := os.MkdirTemp(run.folder, "policies-")
	if err != nil {
		s.Fatalf("%v", err)
	}
	for name, from := range map[string]string{"shipped.yaml": shippedPolicy, "tests.yaml": "testdata/policy.yaml"} {
		text, err := os.ReadFile(from)
		if err == nil {
			err = os.WriteFile(filepath.Join(folder, name), text, 0o600)
		}
		if err != nil {
			s.Fatalf("%v", err)
		}
	}
	return folder
}

// decisionBy asks each of servers for the line that holds id.
func decisionBy(servers []*hookauthz, id string) (decision, bool) {
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		for _, h := range slices.Backward(servers) {
			if d, ok := h.decision(id, 0); ok {
				return d, true
			}
		}
	}
	return decision{}, false
}

// metrics asks for the metrics.
func (h *hookauthz) metrics(s scope) string {
	s.Helper()
	response, err := (&http.Client{Timeout: 5 * time.Second}).Get("http://" + h.health + "/metrics")
	if err != nil {
		s.Fatalf("%v", err)
	}
	defer func() { _ = response.Body.Close() }() // it was read
	text, err := io.ReadAll(response.Body)
	if err != nil {
		s.Fatalf("metrics: %v", err)
	}
	return string(text)
}
