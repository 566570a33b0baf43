package demo

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/protowire"
)

const processMethod = "/envoy.service.ext_proc.v3.ExternalProcessor/Process"

// The fields of ProcessingRequest and ProcessingResponse that are used.
//
// Source of the numbers: envoy/service/ext_proc/v3/external_processor.proto of
// Envoy 1.40.
const (
	askHeaders    = 2
	askBody       = 4
	askProtocol   = 11
	toldHeaders   = 1
	toldBody      = 3
	toldImmediate = 7

	modeBuffered = 2 // of ProcessingMode.BodySendMode
)

// process asks the server as Envoy's external processor does, body and all. It
// returns what the application would get, too.
func process(ctx context.Context, conn *grpc.ClientConn, r request) (answer, error) {
	ctx, end := context.WithCancel(ctx)
	defer end()
	stream, err := conn.NewStream(ctx, &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, processMethod, grpc.ForceCodecV2(raw{}))
	if err != nil {
		return answer{}, err //nolint:wrapcheck // the caller says what was attempted
	}
	lines := append([]field{
		{":method", r.method},
		{":scheme", "https"},
		{":authority", r.host},
		{":path", r.path},
		{"content-length", strconv.Itoa(r.length)},
	}, r.headers...)
	var headers []byte
	for _, line := range lines {
		headers = append(headers, nested(1, message(text(1, line.name), text(3, line.value)))...)
	}
	questions := [][]byte{
		message(nested(askHeaders, nested(1, headers)), nested(askProtocol, number(1, modeBuffered))),
		nested(askBody, message(text(1, string(r.body)), number(2, 1))),
	}
	var got answer
	for _, question := range questions {
		var reply []byte
		if err := stream.SendMsg(question); err != nil {
			return answer{}, err //nolint:wrapcheck // as above
		}
		if err := stream.RecvMsg(&reply); err != nil {
			return answer{}, err //nolint:wrapcheck // as above
		}
		got, err = decodeProcess(reply)
		if err != nil || got.status != 0 {
			return got, err
		}
	}
	return answer{}, errors.New("the server gives no verdict on a body")
}

// decodeProcess reads a ProcessingResponse: an immediate response, which denies,
// with its status and headers, or what becomes of the body. The status is 0 as long
// as there is no verdict.
func decodeProcess(reply []byte) (answer, error) {
	fields, err := fieldsOf(reply)
	if err != nil {
		return answer{}, err
	}
	switch {
	case len(fields[toldImmediate].all) > 0:
		denied, err := fieldsOf(fields[toldImmediate].first())
		if err != nil {
			return answer{}, err
		}
		code, err := fieldsOf(denied[1].first())
		if err != nil {
			return answer{}, err
		}
		mutation, err := fieldsOf(denied[2].first())
		return answer{status: int(code[1].number), id: header(mutation[1].all, "x-hookauthz-decision-id")}, err //nolint:gosec // an HTTP status
	case len(fields[toldBody].all) > 0:
		body := fields[toldBody].first()
		for _, number := range []protowire.Number{1, 3, 1} { // BodyResponse.response, CommonResponse.body_mutation, BodyMutation.body
			inner, err := fieldsOf(body)
			if err != nil {
				return answer{}, err
			}
			body = inner[number].first()
		}
		return answer{status: 200, payload: string(body)}, nil
	case len(fields[toldHeaders].all) > 0:
		return answer{}, nil
	}
	return answer{}, fmt.Errorf("an answer of %d bytes says nothing", len(reply))
}
