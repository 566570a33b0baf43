// Package extproc answers Envoy's external processor,
// envoy.service.ext_proc.v3.ExternalProcessor/Process over gRPC.
//
// It decides by the same policies as package extauthz. What the processor can do
// beyond is to replace a body by the payload that a check took out of it, and to
// verify bodies larger than a gateway buffers. Each stream is one HTTP request:
//
//   - The headers, the body and the trailers are held until the whole body is
//     there and the policy has decided. Then they are let go, changed as the policy
//     says; nothing reaches the upstream before.
//   - A denial is an ImmediateResponse with a status and a body. A stream is never
//     closed without an answer before the verdict: Envoy lets a request go on whose
//     stream ends well, whatever failure_mode_allow says.
//   - The end of the stream is not the end of the body. Only what says so itself is:
//     end_of_stream, the trailers, or, in the mode BUFFERED, the one body message.
//   - What is said by the filter's settings, and by no request, is looked at first:
//     the body modes BUFFERED and FULL_DUPLEX_STREAMED hold bodies back, and no
//     other does.
//   - Each stream is recorded once.
//
// Bodies are kept in memory up to 1 MiB each and beyond that in a file without a
// name, mapped into memory for the checks.
package extproc
