package zz

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"


	authpb "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/policy"
)

const concPol = `
gateway: {body: raw-full, max_request_bytes: 1MiB, xff: appended}
secrets: {k: {env: {name: K}}, k2: {env: {name: K}}, b: {env: {name: B}}}
policies:
  groups:
    require: {mac: {credential: {headers: [X-A, X-B], fields: {signature: v1, group_separator: ";"}}, timestamp: {value: "{credential:t}", unit: seconds}, algorithm: hmac-sha256, encoding: hex, message: "[{header:X-Opt|only:a-z}.]{timestamp}.{body}", assert: [{value: "{header:X-Dig}", equals: "{body|sha256|hex}"}], secrets: [k, k2]}}
    upstream: {headers: {X-Echo: "{header:X-Echo-In}-{principal}"}}
  nest:
    require: {any_of: [{all_of: [{source_ip: {allow: [192.0.2.0/24]}}, {api_key: {query: tok, secrets: [k2]}}]}, {all_of: [{basic: {secrets: [b]}}, {source_ip: {allow: [198.51.100.0/24], forwarded_for: {trusted_hops: 1}}}]}], on_rejected: continue}
    upstream: {headers: {X-Who: "{principal}", X-Echo: "{query:e}"}}
  json:
    require: {mac: {credential: {header: X-A, prefix: "s="}, algorithm: hmac-sha256, encoding: base64, message: "{json:/a}.{query:q}.{body|sha256|hex}", secrets: [k]}}
    upstream: {headers: {X-T: "{match:t}"}}
routes:
  - {match: {path: "/j/{t}"}, policy: json}
  - {match: {path_prefix: /n}, policy: nest}
  - {match: {path_prefix: /g}, policy: groups}
`

func TestConc(t *testing.T) {
	var cur atomic.Pointer[authz.Versions]
	va := values(K).(vals).v
	vb := values("anotherkey-anotherkey-anotherkey").(vals).v
	cur.Store(va)
	tb := table(t, concPol, func(n string) authz.Secrets {
		switch n {
		case "b":
			return values("ann:hunter22222")
		case "k2":
			return values("k2k2k2k2k2k2k2k2k2k2k2-x", "prevprevprevprev-prev")
		}
		return dyn{&cur}
	})
	r := &rec{}
	c := serve(t, func() *policy.Table { return tb }, r)
	now := time.Now().Unix()
	mk := func(rn *rand.Rand) (*authpb.CheckRequest, string) {
		body := strings.Repeat(fmt.Sprintf("b%d", rn.IntN(1000)), 1+rn.IntN(400))
		var q rq
		want := "deny"
		switch rn.IntN(3) {
		case 0:
			ts := fmt.Sprint(now + int64(rn.IntN(100)))
			old := fmt.Sprint(now - 100000)
			opt := ""
			var h []string
			if rn.IntN(2) == 0 {
				opt = "opt."
				h = append(h, "x-opt", "opt")
			}
			key := "k2k2k2k2k2k2k2k2k2k2k2-x"
			kind := rn.IntN(6)
			sig := sign(key, opt+ts+"."+body)
			dig := sum(body)
			want = "allow"
			switch kind {
			case 0:
				sig = sign(key, opt+ts+"."+body+"x")
				want = "deny"
			case 1:
				dig = sum(body + "x")
				want = "deny"
			case 2:
				sig = sign(key, opt+old+"."+body)
				ts = old
				want = "deny"
			}
			bad := "t=" + old + ",v1=" + strings.Repeat("0", 64)
			cred := "t=" + ts + ",v1=" + sig
			if rn.IntN(2) == 0 {
				cred = bad + ";" + cred
			}
			e := fmt.Sprint("e", rn.IntN(100000))
			h = append(h, []string{"x-a", "x-b"}[rn.IntN(2)], cred, "x-dig", dig, "x-echo-in", e)
			q = rq{path: "/g/x", body: body, hdr: h}
			if want == "allow" {
				want = "allow x-echo=" + e + "-k2"
			}
		case 1:
			e := fmt.Sprint("e", rn.IntN(100000))
			switch rn.IntN(5) {
			case 0:
				q = rq{path: "/n?tok=k2k2k2k2k2k2k2k2k2k2k2-x&e=" + e}
				want = "allow x-echo=" + e + " x-who=k2"
			case 1:
				q = rq{path: "/n?tok=k2k2k2k2k2k2k2k2k2k2k2-y&e=" + e}
			case 2:
				q = rq{path: "/n?e=" + e, hdr: []string{"authorization", "Basic YW5uOmh1bnRlcjIyMjIy", "x-forwarded-for", "198.51.100.9, 10.0.0.1"}}
				want = "allow x-echo=" + e + " x-who=ann"
			case 3:
				q = rq{path: "/n?e=" + e, hdr: []string{"authorization", "Basic YW5uOmh1bnRlcjIyMjIy", "x-forwarded-for", "198.51.100.9, 10.0.0.1, 10.0.0.2"}}
			case 4:
				q = rq{path: "/n?e=" + e, hdr: []string{"authorization", "Basic YW5uOmh1bnRlcjIyMjIz", "x-forwarded-for", "198.51.100.9, 10.0.0.1"}}
			}
			q.body = body
		case 2:
			v := fmt.Sprint("v", rn.IntN(100000))
			jb := `{"z":[1,2,{"a":"n"}],"a":"` + v + `","p":"` + body + `"}`
			qq := fmt.Sprint(rn.IntN(1000))
			sig := b64(signRaw("stable-stable-stable-stable!", v+"."+qq+"."+sum(jb)))
			_ = sig
			good := rn.IntN(2) == 0
			sig = b64(signRaw(K, v+"."+qq+"."+sum(jb)))
			if !good {
				sig = b64(signRaw(K, v+"x."+qq+"."+sum(jb)))
			}
			q = rq{path: "/j/" + v + "?q=" + qq, body: jb, hdr: []string{"x-a", "s=" + sig}}
			if good {
				want = "maybe x-t=" + v
			}
		}
		m := q.pb()
		h := m.Attributes.Request.Http
		h.HeaderMap.Headers = append(h.HeaderMap.Headers, hv("x-envoy-auth-partial-body", "false"))
		if rn.IntN(2) == 0 {
			h.HeaderMap.Headers = append(h.HeaderMap.Headers, hv("content-length", fmt.Sprint(len(h.RawBody))))
		}
		return m, want
	}
	stop := make(chan struct{})
	go func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			if i%2 == 0 {
				cur.Store(vb)
			} else {
				cur.Store(va)
			}
			time.Sleep(time.Millisecond)
		}
	}()
	var wg sync.WaitGroup
	var n, al atomic.Int64
	for g := range 32 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			rn := rand.New(rand.NewPCG(uint64(g), 7))
			for range 400 {
				m, want := mk(rn)
				resp, err := c.Check(context.Background(), m)
				if err != nil {
					t.Error(err)
					return
				}
				n.Add(1)
				got := "deny"
				if resp.Status.Code == 0 {
					al.Add(1)
					got = "allow"
					for _, h := range resp.GetOkResponse().Headers {
						got += " " + h.Header.Key + "=" + h.Header.Value
					}
				} else if c := resp.GetDeniedResponse().GetStatus().GetCode(); c != 401 && c != 403 {
					t.Errorf("status %d: %v", c, m)
				}
				if strings.HasPrefix(want, "maybe ") {
					if got != "deny" && got != "allow "+want[6:] {
						t.Errorf("got %q want %q", got, want)
					}
					continue
				}
				if got != want {
					t.Errorf("got %q want %q", got, want)
				}
			}
		}()
	}
	wg.Wait()
	close(stop)
	t.Log(n.Load(), al.Load())
}
