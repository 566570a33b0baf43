//go:build e2e

package e2e

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"strings"
	"sync"
	"testing"
)

// canaries are the texts that no log may hold: every secret, in several
// spellings, and every signature that a test made.
var canaries struct {
	mu   sync.Mutex
	list map[string]bool
}

// mustNotLeak makes value a canary.
func mustNotLeak(value string) {
	canaries.mu.Lock()
	defer canaries.mu.Unlock()
	if canaries.list == nil {
		canaries.list = map[string]bool{}
	}
	canaries.list[value] = true
	canaries.list[hex.EncodeToString([]byte(value))] = true
	canaries.list[base64.StdEncoding.EncodeToString([]byte(value))] = true
}

// audited are the programs whose output must hold no canary.
var audited processes

type processes struct {
	mu   sync.Mutex
	list []*process
}

func (p *processes) add(one *process) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.list = append(p.list, one)
}

// auditLogs returns what is wrong with the logs of the whole run: a line of a
// decision log that is no decision in JSON, or a canary in any log of hookauthz
// or in Envoy's access log.
func auditLogs() []string {
	var mistakes []string
	decisions := 0
	for _, p := range audited.list {
		lines, _ := p.stdout.since(0)
		isServer := strings.HasSuffix(p.cmd.Path, "hookauthz")
		for _, line := range lines {
			if !isServer {
				continue
			}
			decisions++
			if flaw := decisionFlaw(line); flaw != "" {
				mistakes = append(mistakes, fmt.Sprintf("decision log: %s: %s", flaw, line))
			}
		}
		for _, log := range []*output{p.stdout, p.stderr} {
			if line := leak(log); line != "" && (isServer || log == p.stdout) {
				mistakes = append(mistakes, fmt.Sprintf("a secret or signature stands in %s: %s", log.file.Name(), line))
			}
		}
	}
	if one := flag.Lookup("test.run"); decisions == 0 && one.Value.String() == "" { // a single row may need no server
		mistakes = append(mistakes, "no decision was logged")
	}
	return mistakes
}

// The audit would be worth nothing if it overlooked what it looks for.
func TestAudit(t *testing.T) {
	token := base64.StdEncoding.EncodeToString([]byte(key("github")))
	for _, text := range []string{key("github"), `{"a":"` + key("stripe") + `"}`, "x " + hex.EncodeToString([]byte(key("tower"))), token, github(event).value(githubHeader)} {
		log := newOutput(t, t.Name())
		fmt.Fprintln(log, "harmless\n"+text)
		if leak(log) != text {
			t.Errorf("%q was overlooked", text)
		}
	}
	log := newOutput(t, t.Name())
	fmt.Fprintln(log, "harmless", strings.Repeat("e2e", 20))
	if line := leak(log); line != "" {
		t.Errorf("%q was found", line)
	}
	for _, line := range []string{"", "{}", `{"schema":"hookauthz.decision.v1"}`, "panic: x", `{"schema":"hookauthz.decision.v1","decision_id":"d","decision":"maybe","reason":"bug","status":500}`} {
		if decisionFlaw(line) == "" {
			t.Errorf("%q was taken for a decision", line)
		}
	}
}

func decisionFlaw(line string) string {
	var d struct {
		Schema   string `json:"schema"`
		ID       string `json:"decision_id"`
		Decision string `json:"decision"`
		Reason   string `json:"reason"`
		Status   int    `json:"status"`
	}
	decoder := json.NewDecoder(strings.NewReader(line))
	switch err := decoder.Decode(&d); {
	case err != nil:
		return err.Error()
	case decoder.More():
		return "something follows the object"
	case d.Schema != "hookauthz.decision.v1" || d.ID == "" || d.Reason == "" || d.Status == 0:
		return "a field is missing"
	case d.Decision != "allow" && d.Decision != "deny":
		return "neither allow nor deny"
	}
	return ""
}

// leak returns a line of log that holds a canary, "" if there is none. Canaries
// are found by how they begin, so that it takes the time of one look at the log.
func leak(log *output) string {
	const beginning = 16 // every canary is longer
	canaries.mu.Lock()
	defer canaries.mu.Unlock()
	byBeginning := map[string][]string{}
	for canary := range canaries.list {
		byBeginning[canary[:beginning]] = append(byBeginning[canary[:beginning]], canary)
	}
	lines, _ := log.since(0)
	for _, line := range lines {
		for i := range max(0, len(line)-beginning) {
			for _, canary := range byBeginning[line[i:i+beginning]] {
				if strings.HasPrefix(line[i:], canary) {
					return line
				}
			}
		}
	}
	return ""
}
