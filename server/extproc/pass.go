package extproc

import (
	extprocpb "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	"google.golang.org/protobuf/types/known/structpb"
)

// chunkBytes is how much of a body one message of ours holds.
const chunkBytes = 64 << 10

// hold answers the headers under BUFFERED: they wait for the body. They already
// lose what they lose in any case.
func hold(remove []string) *extprocpb.ProcessingResponse {
	return headersResponse(&extprocpb.CommonResponse{HeaderMutation: &extprocpb.HeaderMutation{RemoveHeaders: remove}}, nil)
}

// head lets the headers go.
func (c *changes) head() *extprocpb.ProcessingResponse {
	return headersResponse(&extprocpb.CommonResponse{HeaderMutation: c.headers}, c.metadata)
}

// buffered lets headers and body go under BUFFERED.
func (c *changes) buffered() *extprocpb.ProcessingResponse {
	common := &extprocpb.CommonResponse{HeaderMutation: c.headers}
	if c.replace {
		common.BodyMutation = bodyOf(c.payload)
	}
	return &extprocpb.ProcessingResponse{
		Response:        &extprocpb.ProcessingResponse_RequestBody{RequestBody: &extprocpb.BodyResponse{Response: common}},
		DynamicMetadata: c.metadata,
	}
}

// ending lets the trailers go.
func (c *changes) ending() *extprocpb.ProcessingResponse {
	return trailersResponse(c.trailers)
}

func headersResponse(common *extprocpb.CommonResponse, metadata *structpb.Struct) *extprocpb.ProcessingResponse {
	return &extprocpb.ProcessingResponse{
		Response:        &extprocpb.ProcessingResponse_RequestHeaders{RequestHeaders: &extprocpb.HeadersResponse{Response: common}},
		DynamicMetadata: metadata,
	}
}

func trailersResponse(remove []string) *extprocpb.ProcessingResponse {
	return &extprocpb.ProcessingResponse{Response: &extprocpb.ProcessingResponse_RequestTrailers{
		RequestTrailers: &extprocpb.TrailersResponse{HeaderMutation: &extprocpb.HeaderMutation{RemoveHeaders: remove}},
	}}
}

// chunk is a part of the body in full duplex.
func chunk(part []byte, last bool) *extprocpb.ProcessingResponse {
	return &extprocpb.ProcessingResponse{Response: &extprocpb.ProcessingResponse_RequestBody{
		RequestBody: &extprocpb.BodyResponse{Response: &extprocpb.CommonResponse{BodyMutation: &extprocpb.BodyMutation{
			Mutation: &extprocpb.BodyMutation_StreamedResponse{
				StreamedResponse: &extprocpb.StreamedBodyResponse{Body: part, EndOfStream: last},
			},
		}}},
	}}
}

func bodyOf(payload []byte) *extprocpb.BodyMutation {
	if len(payload) == 0 {
		return &extprocpb.BodyMutation{Mutation: &extprocpb.BodyMutation_ClearBody{ClearBody: true}}
	}
	return &extprocpb.BodyMutation{Mutation: &extprocpb.BodyMutation_Body{Body: payload}}
}
