package extauthz_test

import (
	"testing"
	"testing/synctest"
	"time"

	corepb "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authpb "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
	"github.com/hookauthz/hookauthz/authz/policy"
	"github.com/hookauthz/hookauthz/authz/policy/document"
	"github.com/hookauthz/hookauthz/server/extauthz"
)

// TestVectors sends the vectors of the catalogue through the adapter as Envoy
// would, in both views of headers: with each line of its own, and joined.
func TestVectors(t *testing.T) {
	vectors, err := authztest.ReadVectors("../../authz/provider/testdata/vectors")
	if err != nil {
		t.Fatal(err)
	}
	for _, vector := range vectors {
		t.Run(vector.Name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { replay(t, vector) })
		})
	}
}

func replay(t *testing.T, v *authztest.Vector) {
	t.Helper()
	r, err := v.Request()
	if err != nil {
		t.Fatal(err)
	}
	file, findings := policy.Read([]document.File{{Name: v.Name, Data: []byte(v.Config())}}, policy.Options{})
	if file == nil {
		t.Fatalf("the policy has mistakes: %+v", findings)
	}
	table := file.Table(policy.Sources{Secret: func(name string) authz.Secrets { return authztest.Values(v.Secrets[name]) }})
	l := newLab(t, func(c *extauthz.Config) { c.Tables = func() *policy.Table { return table } })
	time.Sleep(time.Until(r.Received)) // to when the vector was made

	response := l.check(t, checkOf(r, v))
	if got, want := response.GetStatus().GetCode() == 0, v.Allow; got != want {
		t.Errorf("allowed = %v, want %v: reason %s", got, want, metadatum(response, "reason"))
	}
	if got := metadatum(response, "reason"); !v.Allow && got != v.Reason.String() {
		t.Errorf("reason = %s, want %s", got, v.Reason)
	}

	joined := checkOf(r, v)
	join(joined.GetAttributes().GetRequest().GetHttp())
	if response := l.check(t, joined); response.GetStatus().GetCode() == 0 && !v.Allow {
		t.Error("with joined headers it is allowed, want denied")
	}
}

// checkOf is the Check by which Envoy asks about r.
func checkOf(r *authz.Request, v *authztest.Vector) *authpb.CheckRequest {
	lines := make([]*corepb.HeaderValue, 0, len(r.Header.Fields)+1)
	for _, field := range r.Header.Fields {
		lines = append(lines, &corepb.HeaderValue{Key: field.Name, RawValue: []byte(field.Value)})
	}
	if len(r.Body.Raw) > 0 {
		lines = append(lines, &corepb.HeaderValue{Key: "x-envoy-auth-partial-body", RawValue: []byte("false")})
	}
	extensions := map[string]string{"hookauthz.policy": authztest.VectorPolicy}
	if v.Gateway == "raw-full" {
		extensions["hookauthz.body"] = v.Gateway
	}
	check := &authpb.CheckRequest{Attributes: &authpb.AttributeContext{
		Request: &authpb.AttributeContext_Request{Http: &authpb.AttributeContext_HttpRequest{
			Id: "the-stream", Method: r.Method, Path: r.Path, Host: r.Host, Scheme: "https", Protocol: r.Protocol,
			Size: int64(len(r.Body.Raw)), RawBody: r.Body.Raw, HeaderMap: &corepb.HeaderMap{Headers: lines},
		}},
		ContextExtensions: extensions,
	}}
	if v.Peer.IsValid() {
		check.Attributes.Source = &authpb.AttributeContext_Peer{Address: socket(v.Peer.String())}
	}
	return check
}

// join moves the header lines of h into the older map, as Envoy does without
// encode_raw_headers: repeated lines joined, bytes that are not UTF-8 replaced.
func join(h *authpb.AttributeContext_HttpRequest) {
	h.Headers = map[string]string{}
	for _, line := range h.GetHeaderMap().GetHeaders() {
		value := toText(line.GetRawValue())
		if before, ok := h.Headers[line.GetKey()]; ok {
			value = before + "," + value
		}
		h.Headers[line.GetKey()] = value
	}
	h.HeaderMap = nil
}

// toText replaces each byte that is not UTF-8 by "!".
func toText(raw []byte) string {
	var text []byte
	for _, r := range string(raw) {
		if r == '\uFFFD' {
			text = append(text, '!')
			continue
		}
		text = append(text, string(r)...)
	}
	return string(text)
}
