//go:build e2e

package e2e

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/hookauthz/hookauthz/authz"
)

// crossings are spellings by which somebody who may use one path tries to reach
// another. %[1]s is the path that is open to him, %[2]s the other's last part.
var crossings = []string{
	"%[1]s/../%[2]s", "%[1]s/..//%[2]s", "%[1]s//../%[2]s", "%[1]s/./../%[2]s", "%[1]s/x/../../%[2]s",
	"%[1]s/..;/%[2]s", "%[1]s;/../%[2]s", "%[1]s/..%%2f%[2]s", "%[1]s/..%%2F%[2]s", "%[1]s%%2f..%%2f%[2]s",
	"%[1]s/%%2e%%2e/%[2]s", "%[1]s/%%2E./%[2]s", "%[1]s/.%%2e/%[2]s", "%[1]s/%%252e%%252e/%[2]s", "%[1]s/..%%252f%[2]s",
	"%[1]s/..%%5c%[2]s", "%[1]s/..\\%[2]s", "%[1]s\\..\\%[2]s", "%[1]s/%%2e%%2e%%2f%[2]s", "%[1]s/..%%00/%[2]s",
	"%[1]s/..#/%[2]s", "%[1]s#/../%[2]s", "%[1]s/%%c0%%ae%%c0%%ae/%[2]s", "%[1]s/..?/../%[2]s", "%[1]s/../%[2]s/",
	"%[1]s/../%[2]s;a=b", "/%[1]s/../%[2]s", "/.%[1]s/../%[2]s", "%[1]s/..%%3b/%[2]s", "%[1]s/. ./%[2]s",
}

// final is where an application takes path that decodes it so many times: more
// than once is careless. Parameters and fragment are cut, dot segments resolved,
// backslashes turned.
func final(path string, times int) string {
	path, _, _ = strings.Cut(path, "?")
	path, _, _ = strings.Cut(path, "#")
	for range times {
		path = withoutParameters(path)
		if decoded, err := url.PathUnescape(path); err == nil {
			path = decoded
		}
	}
	path, _, _ = strings.Cut(path, "\x00")
	var segments []string
	for segment := range strings.SplitSeq(strings.ReplaceAll(path, `\`, "/"), "/") {
		switch segment {
		case "", ".":
		case "..":
			segments = segments[:max(0, len(segments)-1)]
		default:
			segments = append(segments, segment)
		}
	}
	return "/" + strings.Join(segments, "/")
}

// withoutParameters cuts ";" and what follows it off each segment.
func withoutParameters(path string) string {
	segments := strings.Split(path, "/")
	for i, segment := range segments {
		segments[i], _, _ = strings.Cut(segment, ";")
	}
	return strings.Join(segments, "/")
}

// Whoever holds the key of one path gets nothing through to another: neither with
// Envoy's normalisation, where it decides the route, nor without it, where our
// own routes do.
func TestPathTricks(t *testing.T) {
	places := []struct {
		name, listener, open, other string
		times                       int
	}{
		{name: "routes of Envoy", listener: "prefixes", open: "/doors/weak", other: "strong/x", times: 1},
		{name: "our routes, normalised", listener: "ingress", open: "/routed/weak", other: "strong/x", times: 3},
		{name: "our routes, as sent", listener: "raw-paths", open: "/routed/weak", other: "strong/x", times: 3},
	}
	for _, place := range places {
		for _, crossing := range crossings {
			path := fmt.Sprintf(crossing, place.open, place.other)
			t.Run(place.name+" "+url.PathEscape(path), func(t *testing.T) {
				r := request{listener: place.listener, path: path, body: event}.with("X-Weak-Key", key("legacy"))
				got := shared.send(t, r)
				seen, ok := shared.upstream.seen(got.id)
				if target := final(seen.path, place.times); ok && !strings.HasPrefix(target+"/", place.open+"/") {
					t.Errorf("status %d: the upstream saw %q, which may mean %q", got.status, seen.path, target)
				}
				if ok && place.listener == "raw-paths" && !strings.Contains(crossing, "?") {
					t.Errorf("the upstream saw %q, want every such spelling refused", seen.path)
				}
			})
		}
	}
	// The doors themselves are open to whoever has their key.
	for _, place := range places {
		r := request{listener: place.listener, path: place.open + "/x", body: event}.with("X-Weak-Key", key("legacy"))
		shared.allowed(t, shared.send(t, r))
		strong := strings.Replace(place.open, "weak", "strong", 1)
		shared.denied(t, shared.send(t, r.to(strong+"/x")), 401, authz.ReasonCredentialMissing)
		shared.allowed(t, shared.send(t, autify(event).on(place.listener).to(strong+"/x")))
	}
}

// Without Envoy's help what is ambiguous is named so.
func TestPathAmbiguous(t *testing.T) {
	for _, path := range []string{
		"/routed//weak", "/routed/weak//", "/routed/weak/./x", "/routed/weak/../weak", "/routed/weak%2fx", "/routed/weak;x=1",
		"/routed/we%61k", "/routed/weak/..;/x", "/routed/weak/%2e%2e/x", "/routed/weak/%5cx", "/routed/weak/%252f",
	} {
		r := request{listener: "raw-paths", path: path, body: event}.with("X-Weak-Key", key("legacy"))
		shared.denied(t, shared.send(t, r), 400, authz.ReasonPathAmbiguous)
		shared.denied(t, shared.sendFrames(t, r, frames(event, true)), 400, authz.ReasonPathAmbiguous)
	}
}

func TestHosts(t *testing.T) {
	weak := request{path: "/routed/hosted", body: event}.with("X-Weak-Key", key("legacy"))
	strong := autify(event).to("/routed/hosted")
	under := func(r request, host string) request {
		r.host = host
		return r
	}
	for _, host := range []string{"weak.example.com", "WEAK.example.com", "weak.example.com:8443", "weak.example.com.", "Weak.Example.Com.:80"} {
		_, d := shared.allowed(t, shared.send(t, under(weak, host)))
		if d.Policy != "weak-door" || d.SelectedBy != "route" {
			t.Errorf("host %q: policy %q by %q, want weak-door by route", host, d.Policy, d.SelectedBy)
		}
	}
	for _, host := range []string{"strong.example.com", "strong.example.com:80", "STRONG.example.com.", "a.strong.example.com", "a.b.strong.example.com.:1"} {
		shared.allowed(t, shared.send(t, under(strong, host)))
		d := shared.denied(t, shared.send(t, under(weak, host)), 401, authz.ReasonCredentialMissing)
		if d.Policy != "strong-door" {
			t.Errorf("host %q: policy %q, want strong-door", host, d.Policy)
		}
	}
	for _, host := range []string{"example.com", "hooks.example.com", "weak.example.com.evil.example", "xstrong.example.com", "127.0.0.1"} {
		shared.denied(t, shared.send(t, under(weak, host)), 403, authz.ReasonRouteNotFound)
	}
	// Over HTTP/1.1 Envoy refuses some of these itself.
	for _, host := range []string{
		"weak.example.com:80:80", "weak.example.com..", "weak.example.com,strong.example.com", "x@weak.example.com",
		"weak.example.com%2e", "weak..example.com", "weak.example.com:http", "[::1", "weak.example.com/x", "weak.example.com strong",
	} {
		shared.never(t, shared.send(t, under(weak, host)), 400)
	}
}

// CONNECT has no path, and what follows it is not shown.
func TestConnect(t *testing.T) {
	r := request{method: "CONNECT", path: "weak.example.com:443", host: "weak.example.com:443"}
	got := shared.send(t, r.with("X-Weak-Key", key("legacy")))
	shared.unseen(t, got)
	if got.status < 400 {
		t.Errorf("status %d, want a refusal", got.status)
	}
}
