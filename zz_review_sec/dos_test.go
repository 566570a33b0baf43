package zz

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/policy"
)

const K = "0123456789abcdef0123456789abcdeX"

func sign(key, msg string) string {
	h := hmac.New(sha256.New, []byte(key))
	h.Write([]byte(msg))
	return hex.EncodeToString(h.Sum(nil))
}

const dosPol = `
gateway: {body: raw-full}
secrets: {k: {env: {name: K}}, k2: {env: {name: K}}, k3: {env: {name: K}}, k4: {env: {name: K}}, k5: {env: {name: K}}, k6: {env: {name: K}}, k7: {env: {name: K}}, k8: {env: {name: K}}}
policies:
  groups:
    require: {mac: {credential: {header: X, fields: {signature: v1, group_separator: ";"}}, algorithm: hmac-sha256, encoding: hex, message: "{credential:t}.{body}", secrets: [k]}}
  groups128:
    require: {mac: {credential: {header: X, max_candidates: 128, fields: {signature: v1, group_separator: ";"}}, algorithm: hmac-sha512, encoding: hex, message: "{credential:t}.{body}", secrets: [k,k2,k3,k4,k5,k6,k7,k8]}}
  json:
    require: {mac: {credential: {header: X}, algorithm: hmac-sha256, encoding: hex, message: "{json:/a}.{json:/b}.{json:/c}", unsigned_body: accepted, secrets: [k,k2]}}
  jsongroups:
    require: {mac: {credential: {header: X, fields: {signature: v1, group_separator: ";"}}, timestamp: {value: "{json:/a}", unit: seconds}, algorithm: hmac-sha256, encoding: hex, message: "{timestamp}.{credential:t}.{body}", secrets: [k,k2]}}
  form:
    require: {mac: {credential: {header: X}, algorithm: hmac-sha256, encoding: hex, message: "{form:a}.{form:b}", unsigned_body: accepted, secrets: [k]}}
  sep:
    require: {mac: {credential: {header: X}, algorithm: hmac-sha256, encoding: hex, message: "{body}aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab{header:Y}", secrets: [k]}}
  chain:
    require: {mac: {credential: {header: X}, algorithm: hmac-sha256, encoding: hex, message: "{body|base64|hex|base64|hex|base64|hex|sha256|hex}", secrets: [k]}}
  chain2:
    require: {mac: {credential: {header: X}, algorithm: hmac-sha256, encoding: hex, message: "{body|hex|hex|hex|hex|hex|hex|hex|hex}.{body|hex|hex|hex|hex|hex|hex|hex|hex}", ambiguous_message: accepted, secrets: [k]}}
  q:
    require: {api_key: {query: token, secrets: [k]}}
routes:
  - {match: {path_prefix: /a}, policy: q}
`

func TestDoS(t *testing.T) {
	tb := table(t, dosPol, func(string) authz.Secrets { return values(K, K+"2", K+"3") })
	r := &rec{}
	c := serve(t, func() *policy.Table { return tb }, r)
	mb := 1<<20 - 1
	grp := func(n int, size int) string {
		var g []string
		for i := range n {
			g = append(g, fmt.Sprintf("t=%d,v1=%s", i, strings.Repeat("0", size)))
		}
		return strings.Join(g, ";")
	}
	nested := strings.Repeat(`{"a":`, 60) + `1` + strings.Repeat("}", 60)
	names := func() string {
		var b strings.Builder
		b.WriteString(`{"a":1700000000`)
		for i := 0; b.Len() < mb-30; i++ {
			fmt.Fprintf(&b, `,"x%d":1`, i)
		}
		b.WriteString("}")
		return b.String()
	}()
	long := `{"a":1,"` + strings.Repeat(`\u00e9`, (mb-20)/6) + `":1}`
	for _, tt := range []struct {
		name, pol string
		q         rq
	}{
		{"groups16", "groups", rq{body: strings.Repeat("x", mb), hdr: []string{"x", grp(16, 64)}}},
		{"groups128x24", "groups128", rq{body: strings.Repeat("x", mb), hdr: []string{"x", grp(50, 128)}}},
		{"json names", "json", rq{body: names, hdr: []string{"x", strings.Repeat("0", 64)}}},
		{"json long", "json", rq{body: long, hdr: []string{"x", strings.Repeat("0", 64)}}},
		{"json nested", "json", rq{body: nested, hdr: []string{"x", strings.Repeat("0", 64)}}},
		{"json too nested", "json", rq{body: strings.Repeat("[", mb), hdr: []string{"x", strings.Repeat("0", 64)}}},
		{"json groups", "jsongroups", rq{body: names, hdr: []string{"x", grp(16, 64)}}},
		{"form", "form", rq{body: "a=1&b=" + strings.Repeat("%41", mb/3-10), hdr: []string{"x", strings.Repeat("0", 64), "content-type", "application/x-www-form-urlencoded"}}},
		{"form amp", "form", rq{body: strings.Repeat("&", mb), hdr: []string{"x", strings.Repeat("0", 64), "content-type", "application/x-www-form-urlencoded"}}},
		{"sep", "sep", rq{body: strings.Repeat("a", mb), hdr: []string{"x", strings.Repeat("0", 64), "y", "1"}}},
		{"chain", "chain", rq{body: strings.Repeat("a", mb), hdr: []string{"x", strings.Repeat("0", 64)}}},
		{"chain2", "chain2", rq{body: strings.Repeat("a", mb), hdr: []string{"x", strings.Repeat("0", 64)}}},
		{"route slashes", "", rq{path: "/a" + strings.Repeat("/b", 1<<19), hdr: []string{"content-length", "0"}}},
		{"query amp", "q", rq{path: "/a?" + strings.Repeat("a=b&", 1<<18), hdr: []string{"content-length", "0"}}},
		{"query enc", "q", rq{path: "/a?" + strings.Repeat("%61&", 1<<18), hdr: []string{"content-length", "0"}}},
	} {
		m := tt.q.pb()
		if tt.pol != "" {
			m.Attributes.ContextExtensions = map[string]string{"hookauthz.policy": tt.pol}
		}
		http := m.Attributes.Request.Http
		http.HeaderMap.Headers = append(http.HeaderMap.Headers, hv("x-envoy-auth-partial-body", "false"))
		start := time.Now()
		resp, err := c.Check(context.Background(), m)
		took := time.Since(start)
		if err != nil {
			t.Errorf("%s: gRPC error %v", tt.name, err)
			continue
		}
		t.Logf("%-16s %8v code=%d http=%d %v %s", tt.name, took.Round(time.Millisecond/10), resp.Status.GetCode(), resp.GetDeniedResponse().GetStatus().GetCode(), r.reason(), r.detail())
	}
	var hs []string
	for i := range 1024 {
		hs = append(hs, fmt.Sprintf("h%d", i), strings.Repeat("v", 200))
	}
	m := rq{hdr: hs, ext: map[string]string{"hookauthz.policy": "groups"}}.pb()
	start := time.Now()
	resp, err := c.Check(context.Background(), m)
	t.Log("headers", time.Since(start), resp.GetStatus().GetCode(), err, r.reason())
}
