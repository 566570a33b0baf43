//go:build e2e

package e2e

import (
	"encoding/hex"
	"fmt"
	"net"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/protowire"
)

// A collector takes traces by OTLP over gRPC and remembers them.
type collector struct {
	address string
	raw     *output // all that hookauthz sent, for the search for secrets

	mu    sync.Mutex
	spans []span
}

// A span is what a test looks at of one.
type span struct {
	service, trace, id, parent, name string
	attributes                       map[string]string
}

func startCollector(s scope) *collector {
	s.Helper()
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.Fatalf("%v", err)
	}
	c := &collector{address: lis.Addr().String(), raw: newOutput(s, fmt.Sprintf("collector-%d", run.number.Add(1)))}
	server := grpc.NewServer(grpc.ForceServerCodec(bytesCodec{}), grpc.UnknownServiceHandler(c.export))
	go func() { _ = server.Serve(lis) }() // it ends by Stop
	s.Cleanup(server.Stop)
	return c
}

// bytesCodec hands messages over as they are on the wire.
type bytesCodec struct{}

func (bytesCodec) Name() string { return "proto" }

func (bytesCodec) Marshal(v any) ([]byte, error) {
	text, _ := v.(*[]byte)
	return *text, nil
}

func (bytesCodec) Unmarshal(data []byte, v any) error {
	text, _ := v.(*[]byte)
	*text = append([]byte(nil), data...)
	return nil
}

// export takes one ExportTraceServiceRequest, and answers with an empty message.
func (c *collector) export(_ any, stream grpc.ServerStream) error {
	var message, empty []byte
	if err := stream.RecvMsg(&message); err != nil {
		return err
	}
	var spans []span
	for _, resource := range fields(message, 1) {
		service := ""
		for _, of := range fields(resource, 1) {
			service = attributes(of, 1)["service.name"]
		}
		if service == "hookauthz" { // Envoy's spans hold whole URLs
			fmt.Fprintf(c.raw, "%s\n", resource)
		}
		for _, scope := range fields(resource, 2) {
			for _, text := range fields(scope, 2) {
				spans = append(spans, span{
					service: service, trace: hexOf(text, 1), id: hexOf(text, 2), parent: hexOf(text, 4),
					name: string(content(text, 5)), attributes: attributes(text, 9),
				})
			}
		}
	}
	c.mu.Lock()
	c.spans = append(c.spans, spans...)
	c.mu.Unlock()
	return stream.SendMsg(&empty)
}

// of returns the spans of a trace that a service sent.
func (c *collector) of(trace, service string) []span {
	c.mu.Lock()
	defer c.mu.Unlock()
	var found []span
	for _, one := range c.spans {
		if one.trace == trace && one.service == service {
			found = append(found, one)
		}
	}
	return found
}

// fields returns the contents of the fields with that number of a message.
func fields(message []byte, number protowire.Number) [][]byte {
	var found [][]byte
	for len(message) > 0 {
		n, kind, size := protowire.ConsumeTag(message)
		if size < 0 {
			return nil
		}
		rest := protowire.ConsumeFieldValue(n, kind, message[size:])
		if rest < 0 {
			return nil
		}
		if n == number && kind == protowire.BytesType {
			text, _ := protowire.ConsumeBytes(message[size:])
			found = append(found, text)
		}
		message = message[size+rest:]
	}
	return found
}

func content(message []byte, number protowire.Number) []byte {
	for _, text := range fields(message, number) {
		return text
	}
	return nil
}

func hexOf(message []byte, number protowire.Number) string {
	return hex.EncodeToString(content(message, number))
}

// attributes returns the KeyValues in a field, those that are texts with their
// value.
func attributes(message []byte, number protowire.Number) map[string]string {
	all := map[string]string{}
	for _, pair := range fields(message, number) {
		all[string(content(pair, 1))] = string(content(content(pair, 2), 1))
	}
	return all
}
