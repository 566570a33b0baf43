package extauthz_test

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"

	corepb "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authpb "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/protobuf/types/known/structpb"
)

func TestCheck(t *testing.T) {
	l := newLab(t, nil)
	change := func(r *authpb.CheckRequest, f func(*authpb.AttributeContext_HttpRequest)) *authpb.CheckRequest {
		f(r.GetAttributes().GetRequest().GetHttp())
		return r
	}
	headers := func(h *authpb.AttributeContext_HttpRequest) {
		h.Headers = map[string]string{}
		for _, line := range h.GetHeaderMap().GetHeaders() {
			h.Headers[line.GetKey()] = string(line.GetRawValue())
		}
		h.HeaderMap = nil
	}
	merged := func(r *authpb.CheckRequest) *authpb.CheckRequest { return change(r, headers) }
	body := `{"a":1}`

	tests := []struct {
		name    string
		request *authpb.CheckRequest
		status  int // 200: allowed
		code    int
		reason  string
	}{
		{name: "signed", request: signed(body), status: 200, reason: "verified"},
		{name: "signed, merged headers", request: merged(signed(body)), status: 200, reason: "verified"},
		{name: "api key", request: keyed("key"), status: 200, reason: "verified"},
		{name: "api key in upper case", request: request("key", "", "X-API-KEY", apiKey), status: 200, reason: "verified"},
		{name: "header line in value instead of raw_value", request: change(keyed("key"), func(h *authpb.AttributeContext_HttpRequest) {
			for _, line := range h.GetHeaderMap().GetHeaders() {
				line.Value, line.RawValue = string(line.GetRawValue()), nil
			}
		}), status: 200, reason: "verified"},
		{name: "header_map is preferred to headers", request: change(keyed("key"), func(h *authpb.AttributeContext_HttpRequest) {
			h.Headers = map[string]string{"x-api-key": "wrong"}
		}), status: 200, reason: "verified"},

		{name: "no credential", request: request("key", ""), status: 401, code: 16, reason: "credential_missing"},
		{name: "wrong credential", request: request("key", "", "x-api-key", "wrong"), status: 401, code: 16, reason: "api_key_invalid"},
		{name: "credential twice", request: keyed("key", "x-api-key", apiKey), status: 401, code: 16, reason: "duplicate_header"},
		{name: "credential twice, cases differ", request: keyed("key", "X-Api-Key", apiKey), status: 401, code: 16, reason: "duplicate_header"},
		{name: "credential twice, cases differ in the map", request: merged(keyed("key", "X-Api-Key", apiKey)), status: 401, code: 16, reason: "duplicate_header"},
		{name: "pseudo header is no header", request: request("key", "", ":x-api-key", apiKey), status: 401, code: 16, reason: "credential_missing"},
		{name: "wrong signature", request: request("github", body, "x-hub-signature-256", "sha256="+sign("other")), status: 401, code: 16, reason: "signature_mismatch"},
		{name: "body changed", request: change(signed(body), func(h *authpb.AttributeContext_HttpRequest) {
			h.RawBody = []byte(`{"a":2}`)
		}), status: 401, code: 16, reason: "signature_mismatch"},
		{name: "address not allowed", request: func() *authpb.CheckRequest {
			r := keyed("addresses")
			r.Attributes.Source.Address = socket("198.51.100.1")
			return r
		}(), status: 403, code: 7, reason: "ip_not_allowed"},
		{name: "method not permitted", request: keyed("put"), status: 403, code: 7, reason: "method_not_allowed"},
		{name: "secret missing", request: keyed("gone"), status: 500, code: 13, reason: "secret_missing"},
		{name: "secret out of reach", request: keyed("down"), status: 503, code: 14, reason: "secret_unavailable"},
		{name: "panic in a check", request: keyed("panics"), status: 500, code: 13, reason: "bug"},

		{name: "no attributes", request: &authpb.CheckRequest{}, status: 500, code: 13, reason: "bug"},
		{name: "no request", request: &authpb.CheckRequest{Attributes: &authpb.AttributeContext{}}, status: 500, code: 13, reason: "bug"},
		{name: "no http", request: &authpb.CheckRequest{Attributes: &authpb.AttributeContext{
			Request: &authpb.AttributeContext_Request{},
		}}, status: 500, code: 13, reason: "bug"},
		{name: "no path", request: change(keyed("key"), func(h *authpb.AttributeContext_HttpRequest) {
			h.Path, h.Method = "", "CONNECT"
		}), status: 400, code: 3, reason: "path_ambiguous"},
		{name: "no method", request: change(keyed("key"), func(h *authpb.AttributeContext_HttpRequest) {
			h.Method = ""
		}), status: 400, code: 3, reason: "shape_ambiguous"},
		{name: "header name with a space", request: keyed("key", "x y", "1"), status: 400, code: 3, reason: "shape_ambiguous"},
		{name: "header without a name", request: keyed("key", "", "1"), status: 400, code: 3, reason: "shape_ambiguous"},
		{name: "header with a line feed", request: keyed("key", "x", "a\nb"), status: 400, code: 3, reason: "shape_ambiguous"},
		{name: "header with NUL", request: keyed("key", "x", "a\x00b"), status: 400, code: 3, reason: "shape_ambiguous"},
		{name: "header line with two values", request: change(keyed("key"), func(h *authpb.AttributeContext_HttpRequest) {
			h.HeaderMap.Headers[0].Value = "another"
		}), status: 400, code: 3, reason: "shape_ambiguous"},
		{name: "1,024 header lines", request: keyed("key", slices.Repeat([]string{"x", "y"}, 1024-4)...), status: 200, reason: "verified"},
		{name: "1,025 header lines", request: keyed("key", slices.Repeat([]string{"x", "y"}, 1025-4)...), status: 400, code: 3, reason: "shape_ambiguous"},
		{name: "headers of 256 KiB", request: keyed("key", "x", strings.Repeat("y", 256<<10)), status: 400, code: 3, reason: "shape_ambiguous"},

		{name: "partial body true", request: change(signed(body), func(h *authpb.AttributeContext_HttpRequest) {
			setHeader(h, "x-envoy-auth-partial-body", "true")
		}), status: 413, code: 8, reason: "body_truncated"},
		{name: "partial body in an odd spelling", request: change(signed(body), func(h *authpb.AttributeContext_HttpRequest) {
			setHeader(h, "x-envoy-auth-partial-body", "False")
		}), status: 500, code: 13, reason: "body_not_forwarded"},
		{name: "partial body twice", request: change(signed(body), func(h *authpb.AttributeContext_HttpRequest) {
			h.HeaderMap.Headers = append(h.HeaderMap.Headers, &corepb.HeaderValue{Key: "x-envoy-auth-partial-body", RawValue: []byte("false")})
		}), status: 500, code: 13, reason: "body_not_forwarded"},
		{name: "partial body twice, merged", request: change(merged(signed(body)), func(h *authpb.AttributeContext_HttpRequest) {
			h.Headers["x-envoy-auth-partial-body"] = "false,false"
		}), status: 500, code: 13, reason: "body_not_forwarded"},
		{name: "partial body absent", request: change(signed(body), func(h *authpb.AttributeContext_HttpRequest) {
			dropHeader(h, "x-envoy-auth-partial-body")
		}), status: 500, code: 13, reason: "body_not_forwarded"},
		{name: "body not delivered", request: change(signed(body), func(h *authpb.AttributeContext_HttpRequest) {
			h.RawBody, h.Size = nil, 0
			dropHeader(h, "x-envoy-auth-partial-body")
		}), status: 500, code: 13, reason: "body_not_forwarded"},
		{name: "gateway buffered more than it sent", request: change(signed(body), func(h *authpb.AttributeContext_HttpRequest) {
			h.Size = 100
		}), status: 413, code: 8, reason: "body_truncated"},
		{name: "size unknown", request: change(signed(body), func(h *authpb.AttributeContext_HttpRequest) {
			h.Size = -1
		}), status: 200, reason: "verified"},
		{name: "body as text", request: change(signed(body), func(h *authpb.AttributeContext_HttpRequest) {
			h.Body, h.RawBody = string(h.GetRawBody()), nil
		}), status: 500, code: 13, reason: "body_not_raw"},
		{name: "body as bytes and text", request: change(signed(body), func(h *authpb.AttributeContext_HttpRequest) {
			h.Body = string(h.GetRawBody())
		}), status: 500, code: 13, reason: "body_not_raw"},
		{name: "body over the policy's limit", request: signed(strings.Repeat("x", 512<<10+1)), status: 413, code: 8, reason: "body_too_large"},
		{name: "body at the policy's limit", request: signed(strings.Repeat("x", 512<<10)), status: 200, reason: "verified"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			response := l.check(t, tt.request)
			status := 200
			if response.GetOkResponse() == nil {
				status = int(response.GetDeniedResponse().GetStatus().GetCode())
			}
			same(t, "status", status, tt.status)
			same(t, "code", int(response.GetStatus().GetCode()), tt.code)
			same(t, "reason", metadatum(response, "reason"), tt.reason)
		})
	}
	if log := l.log.String(); strings.Contains(log, apiKey) {
		t.Errorf("the log holds the value of a panic: %s", log)
	}
}

func setHeader(h *authpb.AttributeContext_HttpRequest, name, value string) {
	for _, line := range h.GetHeaderMap().GetHeaders() {
		if line.GetKey() == name {
			line.RawValue = []byte(value)
		}
	}
}

func dropHeader(h *authpb.AttributeContext_HttpRequest, name string) {
	h.HeaderMap.Headers = slices.DeleteFunc(h.GetHeaderMap().GetHeaders(), func(line *corepb.HeaderValue) bool {
		return line.GetKey() == name
	})
}

func TestSelection(t *testing.T) {
	l := newLab(t, nil)
	routeMetadata := func(r *authpb.CheckRequest, value any) *authpb.CheckRequest {
		fields, err := structpb.NewStruct(map[string]any{"policy": value})
		if err != nil {
			t.Fatal(err)
		}
		r.Attributes.RouteMetadataContext = &corepb.Metadata{FilterMetadata: map[string]*structpb.Struct{"hookauthz": fields}}
		return r
	}
	path := func(r *authpb.CheckRequest, path string) *authpb.CheckRequest {
		r.Attributes.Request.Http.Path = path
		return r
	}
	empty := keyed("")
	empty.Attributes.ContextExtensions["hookauthz.policy"] = ""
	tests := []struct {
		name     string
		request  *authpb.CheckRequest
		metadata []string
		by       string
		policy   string
		reason   string
	}{
		{name: "context extension", request: keyed("key"), by: "context_extension", policy: "key", reason: "verified"},
		{
			name: "context extension before all else", request: path(routeMetadata(keyed("key"), "put"), "/routed"),
			metadata: []string{"x-hookauthz-policy", "put"}, by: "context_extension", policy: "key", reason: "verified",
		},
		{
			name: "context extension, unknown", request: path(routeMetadata(keyed("other"), "key"), "/routed"),
			metadata: []string{"x-hookauthz-policy", "key"}, by: "context_extension", reason: "policy_not_found",
		},
		{name: "context extension, empty", request: path(routeMetadata(empty, "key"), "/routed"), by: "context_extension", reason: "policy_not_found"},

		{name: "gRPC metadata", request: keyed(""), metadata: []string{"x-hookauthz-policy", "key"}, by: "grpc_metadata", policy: "key", reason: "verified"},
		{
			name: "gRPC metadata before the route", request: path(routeMetadata(keyed(""), "put"), "/routed"),
			metadata: []string{"x-hookauthz-policy", "key"}, by: "grpc_metadata", policy: "key", reason: "verified",
		},
		{name: "gRPC metadata, unknown", request: path(keyed(""), "/routed"), metadata: []string{"x-hookauthz-policy", "no"}, by: "grpc_metadata", reason: "policy_not_found"},
		{name: "gRPC metadata, empty", request: path(keyed(""), "/routed"), metadata: []string{"x-hookauthz-policy", ""}, by: "grpc_metadata", reason: "policy_not_found"},
		{
			name: "gRPC metadata twice", request: path(keyed(""), "/routed"),
			metadata: []string{"x-hookauthz-policy", "key", "x-hookauthz-policy", "key"}, by: "grpc_metadata", reason: "policy_not_found",
		},

		{name: "route metadata", request: routeMetadata(keyed(""), "key"), by: "route_metadata", policy: "key", reason: "verified"},
		{name: "route metadata before routes", request: path(routeMetadata(keyed(""), "addresses"), "/routed"), by: "route_metadata", policy: "addresses", reason: "verified"},
		{name: "route metadata, unknown", request: path(routeMetadata(keyed(""), "no"), "/routed"), by: "route_metadata", reason: "policy_not_found"},
		{name: "route metadata, empty", request: path(routeMetadata(keyed(""), ""), "/routed"), by: "route_metadata", reason: "policy_not_found"},
		{name: "route metadata, number", request: path(routeMetadata(keyed(""), 1), "/routed"), by: "route_metadata", reason: "policy_not_found"},
		{name: "route metadata, null", request: path(routeMetadata(keyed(""), nil), "/routed"), by: "route_metadata", reason: "policy_not_found"},
		{name: "route metadata, list", request: path(routeMetadata(keyed(""), []any{"key"}), "/routed"), by: "route_metadata", reason: "policy_not_found"},

		{name: "route", request: path(keyed(""), "/routed?a=b"), by: "route", policy: "key", reason: "verified"},
		{name: "no route", request: keyed(""), reason: "route_not_found"},
		{name: "ambiguous path", request: path(keyed(""), "/routed/../x"), reason: "path_ambiguous"},
		{name: "header of the request names a policy", request: keyed("", "x-hookauthz-policy", "key"), reason: "route_not_found"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			response := l.checkWith(incoming(t.Context(), tt.metadata...), t, tt.request)
			event := l.last(t)
			same(t, "reason", metadatum(response, "reason"), tt.reason)
			same(t, "policy", metadatum(response, "policy"), tt.policy)
			same(t, "recorded policy", event.Policy, tt.policy)
			same(t, "selected by", event.SelectedBy, tt.by)
			if tt.reason == "policy_not_found" {
				same(t, "status", int(response.GetDeniedResponse().GetStatus().GetCode()), 500)
			}
		})
	}
}

func TestExtensions(t *testing.T) {
	l := newLab(t, nil)
	noLength := func(r *authpb.CheckRequest) *authpb.CheckRequest {
		dropHeader(r.GetAttributes().GetRequest().GetHttp(), "content-length")
		return r
	}
	forwarded := func() *authpb.CheckRequest { return keyed("behind", "x-forwarded-for", "203.0.113.1, 198.51.100.9") }
	tests := []struct {
		name       string
		request    *authpb.CheckRequest
		extensions map[string]string
		reason     string
	}{
		{name: "body from the file", request: noLength(signed("abc")), reason: "verified"},
		{name: "body taken back", request: noLength(signed("abc")), extensions: map[string]string{"hookauthz.body": "none"}, reason: "gateway_not_attested"},
		{name: "body stated", request: noLength(signed("abc")), extensions: map[string]string{"hookauthz.body": "raw-full"}, reason: "verified"},
		{name: "body in another word", request: keyed("key"), extensions: map[string]string{"hookauthz.body": "raw"}, reason: "gateway_not_attested"},
		{name: "body empty", request: keyed("key"), extensions: map[string]string{"hookauthz.body": ""}, reason: "gateway_not_attested"},
		{name: "limit above the body", request: signed("abc"), extensions: map[string]string{"hookauthz.max_request_bytes": "4"}, reason: "verified"},
		{name: "limit at the body", request: signed("abc"), extensions: map[string]string{"hookauthz.max_request_bytes": "3"}, reason: "body_truncated"},
		{name: "limit with a unit", request: keyed("key"), extensions: map[string]string{"hookauthz.max_request_bytes": "1MiB"}, reason: "gateway_not_attested"},
		{name: "limit 0", request: keyed("key"), extensions: map[string]string{"hookauthz.max_request_bytes": "0"}, reason: "gateway_not_attested"},
		{name: "limit negative", request: keyed("key"), extensions: map[string]string{"hookauthz.max_request_bytes": "-1"}, reason: "gateway_not_attested"},
		{name: "limit over 32 bits", request: keyed("key"), extensions: map[string]string{"hookauthz.max_request_bytes": "4294967296"}, reason: "gateway_not_attested"},
		{name: "limit empty", request: keyed("key"), extensions: map[string]string{"hookauthz.max_request_bytes": ""}, reason: "gateway_not_attested"},
		{name: "forwarded, nothing stated", request: forwarded(), reason: "gateway_not_attested"},
		{name: "forwarded, stated", request: forwarded(), extensions: map[string]string{"hookauthz.xff": "appended"}, reason: "verified"},
		{name: "forwarded, taken back", request: forwarded(), extensions: map[string]string{"hookauthz.xff": "none"}, reason: "gateway_not_attested"},
		{name: "forwarded, in another word", request: keyed("key"), extensions: map[string]string{"hookauthz.xff": "yes"}, reason: "gateway_not_attested"},
		{name: "client certificate in the header, stated", request: keyed("key"), extensions: map[string]string{"hookauthz.xfcc": "sanitize_set"}, reason: "verified"},
		{name: "client certificate in the header, taken back", request: keyed("key"), extensions: map[string]string{"hookauthz.xfcc": "none"}, reason: "verified"},
		{name: "client certificate in the header, in another word", request: keyed("key"), extensions: map[string]string{"hookauthz.xfcc": "SANITIZE_SET"}, reason: "gateway_not_attested"},
		{name: "client certificate in the header, empty", request: keyed("key"), extensions: map[string]string{"hookauthz.xfcc": ""}, reason: "gateway_not_attested"},
		{name: "unknown of ours", request: keyed("key"), extensions: map[string]string{"hookauthz.policies": "key"}, reason: "gateway_not_attested"},
		{name: "of others", request: keyed("key"), extensions: map[string]string{"other.body": "?", "hookauthz": "?"}, reason: "verified"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			maps.Copy(tt.request.Attributes.ContextExtensions, tt.extensions)
			response := l.check(t, tt.request)
			same(t, "reason", metadatum(response, "reason"), tt.reason)
			if tt.reason == "gateway_not_attested" {
				same(t, "status", int(response.GetDeniedResponse().GetStatus().GetCode()), 500)
				if l.last(t).Decision.Detail() == "" {
					t.Error("no detail says which")
				}
			}
		})
	}
}

// The route's own statement proves more than the file's: that a request without
// a body has none.
func TestBodyByRoute(t *testing.T) {
	l := newLab(t, nil)
	for _, byRoute := range []bool{false, true} {
		r := request("github", "", "x-hub-signature-256", "sha256="+sign(""))
		r.Attributes.Request.Http.Protocol = "HTTP/2"
		want := "body_not_forwarded"
		if byRoute {
			r.Attributes.ContextExtensions["hookauthz.body"] = "raw-full"
			want = "body_empty" // proven, and the policy wants one
		}
		same(t, "reason", metadatum(l.check(t, r), "reason"), want)
	}
}

func TestAllow(t *testing.T) {
	l := newLab(t, nil)
	response := l.check(t, keyed("key"))
	ok := response.GetOkResponse()
	same(t, "x-sender", value(ok.GetHeaders(), "x-sender"), "key")
	same(t, "x-kind", value(ok.GetHeaders(), "x-kind"), "webhook")
	removed := slices.Sorted(slices.Values(ok.GetHeadersToRemove()))
	if want := []string{"x-api-key", "x-echo", "x-envoy-auth-partial-body", "x-hookauthz-decision-id"}; !slices.Equal(removed, want) {
		t.Errorf("headers_to_remove = %q, want %q", removed, want)
	}
	same(t, "principal", metadatum(response, "principal"), "key")
	same(t, "policy", metadatum(response, "policy"), "key")
	same(t, "secret_version", metadatum(response, "secret_version"), "current")

	withToken := request("query", "")
	withToken.Attributes.Request.Http.Path = "/hooks?token=" + apiKey
	response = l.check(t, withToken)
	if got := response.GetOkResponse().GetQueryParametersToRemove(); !slices.Equal(got, []string{"token"}) {
		t.Errorf("query_parameters_to_remove = %q, want token", got)
	}
}

// What the sender wrote may not fit in a header for the upstream.
func TestAllowWithUnfitHeader(t *testing.T) {
	l := newLab(t, nil)
	same(t, "x-echo", value(l.check(t, keyed("echo", "x-from", "me")).GetOkResponse().GetHeaders(), "x-echo"), "me")
	for _, from := range []string{"\xff", "a\tb", "é", strings.Repeat("x", 9<<10), ""} {
		if response := l.check(t, keyed("echo", "x-from", from)); response.GetOkResponse() != nil {
			t.Errorf("x-from %.10q: allowed", from)
		}
	}
}

func TestEvent(t *testing.T) {
	l := newLab(t, nil)
	r := signed("abc")
	r.Attributes.Source.Address = socket("::ffff:192.0.2.9")
	response := l.check(t, r)
	e := l.last(t)
	same(t, "stream id", e.StreamID, "the-stream")
	same(t, "request id", e.RequestID, "the-request")
	same(t, "method", e.Method, "POST")
	same(t, "host", e.Host, "hooks.example.com")
	same(t, "path", e.Path, "/hooks?a=b")
	same(t, "peer", e.PeerAddress.String(), "192.0.2.9")
	same(t, "client", e.ClientAddress.String(), "192.0.2.9")
	same(t, "client from", e.ClientAddressFrom, "peer")
	same(t, "body bytes", e.BodyBytes, 3)
	same(t, "body form", e.BodyForm, "raw")
	same(t, "body", string(e.Body), "abc")
	same(t, "checks", len(e.Checks), 1)
	same(t, "policy", e.Policy, "github")
	same(t, "id", e.DecisionID, metadatum(response, "decision_id"))
	if e.Time.IsZero() || e.Duration <= 0 || e.ConfigHash == "" {
		t.Errorf("event = %+v", e)
	}
}

func TestPeer(t *testing.T) {
	l := newLab(t, nil)
	pipe := &corepb.Address{Address: &corepb.Address_Pipe{Pipe: &corepb.Pipe{Path: "/run/x"}}}
	tests := []struct {
		name    string
		address *corepb.Address
		want    string
	}{
		{name: "IPv4", address: socket("192.0.2.1"), want: "192.0.2.1"},
		{name: "IPv4-mapped", address: socket("::ffff:192.0.2.1"), want: "192.0.2.1"},
		{name: "IPv6", address: socket("2001:db8::1"), want: "2001:db8::1"},
		{name: "zone", address: socket("fe80::1%eth0"), want: "invalid IP"},
		{name: "name", address: socket("localhost"), want: "invalid IP"},
		{name: "empty", address: socket(""), want: "invalid IP"},
		{name: "pipe", address: pipe, want: "invalid IP"},
		{name: "none", want: "invalid IP"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := keyed("key")
			r.Attributes.Source.Address = tt.address
			l.check(t, r)
			same(t, "peer", l.last(t).PeerAddress.String(), tt.want)
		})
	}
}

// One memory serves many calls: nothing of one may be in the next.
func TestCallsDoNotMix(t *testing.T) {
	l := newLab(t, nil)
	for range 3 {
		same(t, "reason", metadatum(l.check(t, keyed("key", "x-a", "1", "x-b", "2")), "reason"), "verified")
		same(t, "reason", metadatum(l.check(t, &authpb.CheckRequest{}), "reason"), "bug")
		e := l.last(t)
		if e.Path != "" || e.StreamID != "" || e.RequestID != "" || e.Policy != "" || e.PeerAddress.IsValid() || len(e.Checks) != 0 {
			t.Errorf("event of an empty message = %+v", e)
		}
		same(t, "reason", metadatum(l.check(t, request("key", "")), "reason"), "credential_missing")
	}
}

func TestNotReady(t *testing.T) {
	ready := false
	l := newLab(t, func(c *extauthzConfig) { c.Ready = func() bool { return ready } })
	response := l.check(t, keyed("key"))
	same(t, "reason", metadatum(response, "reason"), "not_ready")
	same(t, "status", int(response.GetDeniedResponse().GetStatus().GetCode()), 503)
	same(t, "retry-after", value(response.GetDeniedResponse().GetHeaders(), "retry-after"), "5")
	ready = true
	same(t, "reason", metadatum(l.check(t, keyed("key")), "reason"), "verified")

	l = newLab(t, func(c *extauthzConfig) { c.Tables = noTable })
	same(t, "reason without a table", metadatum(l.check(t, keyed("key")), "reason"), "not_ready")
}

func TestUndecodable(t *testing.T) {
	l := newLab(t, nil)
	for _, message := range [][]byte{nil, {}, {0xff}, {0x0a, 0x05}, nest(text(4, "/\xff"), 1, 4, 2)} {
		response := l.raw(context.Background(), t, message)
		same(t, "status", int(response.GetDeniedResponse().GetStatus().GetCode()), 500)
	}
}
