package demo

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	corepb "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authpb "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	procpb "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	typepb "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	statuspb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/protobuf/proto"
)

// What is written by hand means what Envoy's own types mean.
func TestRequestsAreEnvoys(t *testing.T) {
	r := post("/stripe?a=b", []byte("\x00\xffbody"), field{"x-signature", "v1=\xff"})
	got := &authpb.CheckRequest{}
	if err := proto.Unmarshal(encode(r), got); err != nil {
		t.Fatal(err)
	}
	line := func(name, value string) *corepb.HeaderValue {
		return &corepb.HeaderValue{Key: name, RawValue: []byte(value)}
	}
	want := &authpb.CheckRequest{Attributes: &authpb.AttributeContext{
		Source: &authpb.AttributeContext_Peer{Address: &corepb.Address{Address: &corepb.Address_SocketAddress{SocketAddress: &corepb.SocketAddress{
			Address: "192.0.2.10", PortSpecifier: &corepb.SocketAddress_PortValue{PortValue: 44321},
		}}}},
		Request: &authpb.AttributeContext_Request{Http: &authpb.AttributeContext_HttpRequest{
			Method: "POST", Path: "/stripe?a=b", Host: host, Scheme: "https", Size: 6, Protocol: "HTTP/1.1", RawBody: []byte("\x00\xffbody"),
			HeaderMap: &corepb.HeaderMap{Headers: []*corepb.HeaderValue{
				line("content-length", "6"), line("content-type", "application/json"), line("x-request-id", deliverID),
				line("x-signature", "v1=\xff"), line("x-envoy-auth-partial-body", "false"),
			}},
		}},
	}}
	if got.GetAttributes().GetRequest().GetHttp().GetId() == "" {
		t.Error("the request has no id")
	}
	got.Attributes.Request.Http.Id = ""
	if !proto.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestAnswersAreEnvoys(t *testing.T) {
	denied := &authpb.CheckResponse{
		Status: &statuspb.Status{Code: 7, Message: "denied"},
		HttpResponse: &authpb.CheckResponse_DeniedResponse{DeniedResponse: &authpb.DeniedHttpResponse{
			Status: &typepb.HttpStatus{Code: typepb.StatusCode_Unauthorized},
			Headers: []*corepb.HeaderValueOption{
				{Header: &corepb.HeaderValue{Key: "www-authenticate", Value: "X"}},
				{Header: &corepb.HeaderValue{Key: "x-hookauthz-decision-id", Value: "d-1"}},
			},
			Body: "{}",
		}},
	}
	allowed := &authpb.CheckResponse{Status: &statuspb.Status{}, HttpResponse: &authpb.CheckResponse_OkResponse{OkResponse: &authpb.OkHttpResponse{}}}
	for _, tt := range []struct {
		name  string
		reply *authpb.CheckResponse
		want  answer
	}{
		{name: "denied", reply: denied, want: answer{status: 401, id: "d-1"}},
		{name: "allowed", reply: allowed, want: answer{status: 200}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b, err := proto.Marshal(tt.reply)
			if err != nil {
				t.Fatal(err)
			}
			got, err := decode(b)
			if err != nil || got != tt.want {
				t.Errorf("got %+v, %v, want %+v", got, err, tt.want)
			}
		})
	}
	if _, err := decode([]byte{0x0a}); !errors.Is(err, errReply) {
		t.Errorf("half a message: got %v, want errReply", err)
	}
}

func TestProcessorsAnswersAreEnvoys(t *testing.T) {
	body := func(mutation *procpb.BodyMutation) *procpb.ProcessingResponse {
		return &procpb.ProcessingResponse{Response: &procpb.ProcessingResponse_RequestBody{
			RequestBody: &procpb.BodyResponse{Response: &procpb.CommonResponse{BodyMutation: mutation}},
		}}
	}
	for _, tt := range []struct {
		name  string
		reply *procpb.ProcessingResponse
		want  answer
	}{
		{
			name: "denied", want: answer{status: 401, id: "d-1"},
			reply: &procpb.ProcessingResponse{Response: &procpb.ProcessingResponse_ImmediateResponse{ImmediateResponse: &procpb.ImmediateResponse{
				Status: &typepb.HttpStatus{Code: typepb.StatusCode_Unauthorized},
				Headers: &procpb.HeaderMutation{SetHeaders: []*corepb.HeaderValueOption{
					{Header: &corepb.HeaderValue{Key: "x-hookauthz-decision-id", RawValue: []byte("d-1")}},
				}},
			}}},
		},
		{
			name: "no verdict yet",
			reply: &procpb.ProcessingResponse{Response: &procpb.ProcessingResponse_RequestHeaders{
				RequestHeaders: &procpb.HeadersResponse{Response: &procpb.CommonResponse{ClearRouteCache: true}},
			}},
		},
		{name: "replaced", reply: body(&procpb.BodyMutation{Mutation: &procpb.BodyMutation_Body{Body: []byte("plain")}}), want: answer{status: 200, payload: "plain"}},
		{name: "left", reply: body(nil), want: answer{status: 200}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b, err := proto.Marshal(tt.reply)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := decodeProcess(b); err != nil || got != tt.want {
				t.Errorf("got %+v, %v, want %+v", got, err, tt.want)
			}
		})
	}
	if _, err := decodeProcess(nil); err == nil {
		t.Error("an empty answer was taken for one")
	}
}

func TestRunIsAsExpected(t *testing.T) {
	var out bytes.Buffer
	if err := Run(t.Context(), &out, true); err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	if !strings.Contains(out.String(), "18 of 18 as expected.") || !strings.Contains(out.String(), "\x1b[32mALLOW") {
		t.Errorf("got\n%s", &out)
	}
}

// refusing is a writer whose reader is gone.
type refusing struct{}

func (refusing) Write([]byte) (int, error) { return 0, errors.New("gone") }

func TestRunReportsItsWriter(t *testing.T) {
	if err := Run(t.Context(), refusing{}, false); err == nil || !strings.Contains(err.Error(), "gone") {
		t.Errorf("got %v", err)
	}
}

// A verdict that is not as expected is shown and fails the run.
func TestAWrongVerdictIsShown(t *testing.T) {
	var out bytes.Buffer
	p := &printer{out: &out}
	p.row(1, row{policy: "p", what: "w", want: verdict{401, "signature_mismatch"}}, answer{status: 200}, told{reason: "verified", kind: "mac"}, false)
	p.foot(0, 1)
	if !strings.Contains(out.String(), "NOT AS EXPECTED: want 401 signature_mismatch") || !strings.Contains(out.String(), "0 of 1") {
		t.Errorf("got\n%s", &out)
	}
}
