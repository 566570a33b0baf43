//go:build e2e

package e2e

import (
	"encoding/base64"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/encoding/protowire"
)

// drown asks the server itself, as the gateway would, about ten thousand tokens of
// as many unknown keys at once. That costs one question to the issuer and no
// memory that stays.
func drown(t *testing.T, w *world, i *issuer, policy string, good request) {
	t.Helper()
	const tokens, workers, kilobytes = 10000, 32, 64 << 10
	h := w.servers[0]
	conn, err := grpc.NewClient(h.grpc, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.ForceCodec(bytesCodec{})))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }() // all calls have ended
	w.allowed(t, w.send(t, good))
	questions := make([][]byte, tokens)
	for n := range questions {
		questions[n] = checkRequest(policy, unsignedToken(goodClaims(i.url, audience), "of-"+random()))
	}
	memory, asked, start := h.memory(t), i.asked(jwksPath), time.Now()

	var mu sync.Mutex
	outcomes := map[string]int{}
	var senders sync.WaitGroup
	for n := range workers {
		senders.Go(func() {
			for n := n; n < tokens; n += workers {
				var answer []byte
				outcome := "no answer"
				if err := conn.Invoke(t.Context(), "/envoy.service.auth.v3.Authorization/Check", &questions[n], &answer); err == nil {
					outcome = reasonOf(answer)
				}
				mu.Lock()
				outcomes[outcome]++
				mu.Unlock()
			}
		})
	}
	senders.Wait()
	grown, windows := h.memory(t)-memory, int(time.Since(start)/(30*time.Second))+1
	t.Logf("%v in %v; %d KiB more, %d questions", outcomes, time.Since(start), grown, i.asked(jwksPath)-asked)
	// A busy machine may say of some that it has no time for them, or none to wait
	// for the issuer.
	unknown, busy := outcomes["kid_unknown"], outcomes["overloaded"]+outcomes["keyset_unavailable"]+outcomes["deadline"]
	if unknown+busy != tokens || unknown < tokens/2 {
		t.Errorf("the flood ended so: %v; want every one kid_unknown", outcomes)
	}
	if got := i.asked(jwksPath) - asked; got < 1 || got > windows {
		t.Errorf("the issuer was asked %d times, want 1 to %d", got, windows)
	}
	if grown >= kilobytes {
		t.Errorf("the server holds %d KiB more, want less than %d", grown, kilobytes)
	}
	w.allowed(t, w.send(t, good))
}

// checkRequest is what Envoy asks about a POST without a body that carries a token.
func checkRequest(policy, token string) []byte {
	text := func(message []byte, field protowire.Number, value string) []byte {
		return protowire.AppendString(protowire.AppendTag(message, field, protowire.BytesType), value)
	}
	part := func(message []byte, field protowire.Number, value []byte) []byte {
		return text(message, field, string(value))
	}
	var headers []byte
	for _, line := range [][2]string{
		{":method", "POST"},
		{":path", "/e2e/" + policy},
		{":authority", "hooks.example.com"},
		{":scheme", "http"},
		{"x-request-id", random()},
		{"content-length", "0"},
		{"authorization", "Bearer " + token},
	} {
		headers = part(headers, 1, text(text(nil, 1, line[0]), 3, line[1]))
	}
	http := text(text(text(text(nil, 2, "POST"), 4, "/e2e/"+policy), 5, "hooks.example.com"), 6, "http")
	http = part(text(http, 10, "HTTP/1.1"), 13, headers)
	extension := text(text(nil, 1, "hookauthz.policy"), 2, policy)
	return part(nil, 1, part(part(nil, 4, part(nil, 2, http)), 10, extension))
}

// reasonOf returns the reason in an answer's dynamic metadata.
func reasonOf(answer []byte) string {
	for _, entry := range fields(content(answer, 4), 1) {
		if string(content(entry, 1)) == "reason" {
			return string(content(content(entry, 2), 3))
		}
	}
	return fmt.Sprintf("%d bytes without a reason", len(answer))
}

// unsignedToken returns a token for ES256 whose signature is none.
func unsignedToken(c claims, kid string) string {
	text := base64.RawURLEncoding.EncodeToString
	header := mustJSON(map[string]any{"alg": "ES256", "typ": "JWT", "kid": kid})
	return text(header) + "." + text(mustJSON(c)) + "." + text(make([]byte, 64))
}

// memory returns how many KiB of p are in the machine's memory.
func (p *process) memory(t *testing.T) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			n, err := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(rest), " kB"))
			if err != nil {
				t.Fatalf("%q: %v", line, err)
			}
			return n
		}
	}
	t.Fatal("no VmRSS")
	return 0
}
