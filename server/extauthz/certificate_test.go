package extauthz_test

import (
	"strings"
	"testing"

	authpb "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/protobuf/proto"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
	"github.com/hookauthz/hookauthz/server/extauthz"
)

func encoded(tb testing.TB, request *authpb.CheckRequest) []byte {
	tb.Helper()
	message, err := proto.Marshal(request)
	if err != nil {
		tb.Fatal(err)
	}
	return message
}

func TestCertificate(t *testing.T) {
	const limit = 64 << 10
	with := func(certificate string) *authpb.CheckRequest {
		r := keyed("key")
		r.Attributes.Source.Certificate = certificate
		return r
	}
	destination := keyed("key")
	destination.Attributes.Destination = &authpb.AttributeContext_Peer{Certificate: "ours"}
	noAddress := keyed("key")
	noAddress.Attributes.Source = &authpb.AttributeContext_Peer{Certificate: "a%0A"}
	tests := []struct {
		name    string
		request *authpb.CheckRequest
		want    string
		reason  authz.Reason
	}{
		{name: "none", request: keyed("key")},
		{name: "one", request: with("-----BEGIN%20CERTIFICATE-----%0A"), want: "-----BEGIN%20CERTIFICATE-----%0A"},
		{name: "the gateway's own", request: destination},
		{name: "without an address", request: noAddress, want: "a%0A"},
		{name: "longest", request: with(strings.Repeat("a", limit)), want: strings.Repeat("a", limit)},
		{name: "too long", request: with(strings.Repeat("a", limit+1)), reason: authz.ReasonShapeAmbiguous},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.reason == 0 {
				tt.reason = authz.ReasonVerified
			}
			r, err := extauthz.Fill(encoded(t, tt.request))
			authztest.WantReason(t, err, tt.reason)
			if err == nil && r.Certificate != tt.want {
				t.Errorf("Certificate = %q, want %q", r.Certificate, tt.want)
			}
		})
	}
}

// A call's certificate is not that of the call before.
func TestCertificateIsForgotten(t *testing.T) {
	first := keyed("key")
	first.Attributes.Source.Certificate = "first"
	var bench extauthz.Bench
	for _, step := range []struct {
		request *authpb.CheckRequest
		want    string
	}{{first, "first"}, {keyed("key"), ""}} {
		if err := bench.Decode(encoded(t, step.request)); err != nil {
			t.Fatal(err)
		}
		same(t, "certificate", bench.Certificate(), step.want)
	}
}

func TestAttestHeader(t *testing.T) {
	tests := []struct {
		name       string
		extensions map[string]string
		base, want bool
	}{
		{name: "nothing"},
		{name: "by the file", base: true, want: true},
		{name: "by the route", extensions: map[string]string{"hookauthz.xfcc": "sanitize_set"}, want: true},
		{name: "taken back by the route", extensions: map[string]string{"hookauthz.xfcc": "none"}, base: true},
		{name: "something else by the route", extensions: map[string]string{"hookauthz.xff": "appended"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := &authpb.CheckRequest{Attributes: &authpb.AttributeContext{ContextExtensions: tt.extensions}}
			got, err := extauthz.Attest(encoded(t, r), authz.Gateway{XFCCSanitized: tt.base})
			if err != nil {
				t.Fatal(err)
			}
			same(t, "XFCCSanitized", got.XFCCSanitized, tt.want)
		})
	}
}
