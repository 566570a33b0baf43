package extauthz_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	corepb "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authpb "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/hookauthz/hookauthz/server/extauthz"
)

// obeys fails unless Envoy of any age understands response as it is meant.
func obeys(tb testing.TB, response *authpb.CheckResponse) {
	tb.Helper()
	if response.GetStatus() == nil {
		tb.Fatal("no status: Envoy would allow")
	}
	if response.GetErrorResponse() != nil {
		tb.Error("error_response: fails open where the gateway says so")
	}
	if unknown := response.ProtoReflect().GetUnknown(); len(unknown) > 0 {
		tb.Errorf("fields that Envoy doesn't know: %x", unknown)
	}
	if _, err := proto.Marshal(response); err != nil {
		tb.Errorf("Marshal: %v", err)
	}
	describes(tb, response)
	if response.GetStatus().GetCode() == 0 {
		allowed(tb, response)
	} else {
		denied(tb, response)
	}
}

func allowed(tb testing.TB, response *authpb.CheckResponse) {
	tb.Helper()
	ok := response.GetOkResponse()
	if ok == nil || response.GetDeniedResponse() != nil {
		tb.Fatal("status 0 without an ok_response alone")
	}
	set := options(tb, ok.GetHeaders())
	removed := ok.GetHeadersToRemove()
	if !slices.Contains(removed, "x-envoy-auth-partial-body") {
		tb.Errorf("headers_to_remove = %q, want the partial-body header among them", removed)
	}
	for _, name := range removed {
		if slices.Contains(set, name) {
			tb.Errorf("header %q is set and removed", name)
		}
	}
	//nolint:staticcheck // deprecated, and must be empty: it overrides the real one
	if ok.GetDynamicMetadata() != nil || len(ok.GetQueryParametersToSet()) > 0 {
		tb.Error("ok_response has fields that must not be set")
	}
}

func denied(tb testing.TB, response *authpb.CheckResponse) {
	tb.Helper()
	answer := response.GetDeniedResponse()
	if answer == nil || response.GetOkResponse() != nil {
		tb.Fatal("a denial without a denied_response alone")
	}
	status := int(answer.GetStatus().GetCode())
	if status < 400 || status > 599 || status == 410 {
		tb.Errorf("denied_response.status = %d", status)
	}
	set := options(tb, answer.GetHeaders())
	id := metadatum(response, "decision_id")
	if got := value(answer.GetHeaders(), "x-hookauthz-decision-id"); got != id {
		tb.Errorf("x-hookauthz-decision-id = %q, want %q", got, id)
	}
	if !slices.Contains(set, "content-type") {
		tb.Error("no content-type")
	}
	if !utf8.ValidString(answer.GetBody()) {
		tb.Error("the body is not UTF-8")
	}
	if value(answer.GetHeaders(), "content-type") == "application/json" {
		var body map[string]string
		if err := json.Unmarshal([]byte(answer.GetBody()), &body); err != nil {
			tb.Errorf("body %q: %v", answer.GetBody(), err)
		}
		if len(body) != 2 || body["error"] == "" || body["decision_id"] != id {
			tb.Errorf("body = %q", answer.GetBody())
		}
	}
}

// options checks headers and returns their names.
func options(tb testing.TB, headers []*corepb.HeaderValueOption) []string {
	tb.Helper()
	var names []string
	for _, option := range headers {
		header := option.GetHeader()
		//nolint:staticcheck // append is deprecated and all that older Envoys read
		if option.GetAppend() == nil || option.GetAppend().GetValue() {
			tb.Errorf("header %q: append is not false", header.GetKey())
		}
		if option.GetAppendAction() != corepb.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD {
			tb.Errorf("header %q: append_action = %v", header.GetKey(), option.GetAppendAction())
		}
		if len(header.GetRawValue()) > 0 || header.GetValue() == "" {
			tb.Errorf("header %q: the value must be in value", header.GetKey())
		}
		if strings.ContainsFunc(header.GetValue(), func(r rune) bool { return r < ' ' || r > '~' }) {
			tb.Errorf("header %q: the value is not printable ASCII", header.GetKey())
		}
		if header.GetKey() == "" || strings.ToLower(header.GetKey()) != header.GetKey() || slices.Contains(names, header.GetKey()) {
			tb.Errorf("header %q: empty, twice or upper case", header.GetKey())
		}
		names = append(names, header.GetKey())
	}
	return names
}

func describes(tb testing.TB, response *authpb.CheckResponse) {
	tb.Helper()
	fields := response.GetDynamicMetadata().GetFields()
	names := []string{"class", "decision", "decision_id", "mode", "policy", "principal", "reason", "secret_version"}
	for _, name := range names {
		if _, ok := fields[name].GetKind().(*structpb.Value_StringValue); !ok {
			tb.Errorf("dynamic metadata %q is no string", name)
		}
	}
	same(tb, "fields of dynamic metadata", len(fields), len(names))
	allow := metadatum(response, "decision") == "allow"
	if metadatum(response, "mode") == "monitor" {
		same(tb, "code of a policy that only watches", response.GetStatus().GetCode(), 0)
	} else {
		same(tb, "mode", metadatum(response, "mode"), "enforce")
		same(tb, "decision allows", allow, response.GetStatus().GetCode() == 0)
	}
	same(tb, "reason is verified", metadatum(response, "reason") == "verified", allow)
	same(tb, "class is empty", metadatum(response, "class") == "", allow)
	if id := metadatum(response, "decision_id"); len(id) < 18 || !strings.HasPrefix(id, "d-") {
		tb.Errorf("decision_id = %q", id)
	}
}

func metadatum(response *authpb.CheckResponse, name string) string {
	return response.GetDynamicMetadata().GetFields()[name].GetStringValue()
}

// value returns the value of the header name, "" if it is not there.
func value(headers []*corepb.HeaderValueOption, name string) string {
	for _, option := range headers {
		if option.GetHeader().GetKey() == name {
			return option.GetHeader().GetValue()
		}
	}
	return ""
}

// An empty message allows, as Envoy reads it, so none is ever sent.
func TestEmptyReplyDenies(t *testing.T) {
	out, err := extauthz.Codec().Marshal(extauthz.NewMessage())
	if err != nil {
		t.Fatal(err)
	}
	var response authpb.CheckResponse
	if err := proto.Unmarshal(out.Materialize(), &response); err != nil {
		t.Fatal(err)
	}
	if response.GetStatus().GetCode() == 0 || response.GetDeniedResponse().GetStatus().GetCode() != 500 {
		t.Errorf("got %v, want a denial", &response)
	}
}
