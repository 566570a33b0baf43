package extauthz_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	corepb "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authpb "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/server/extauthz"
)

// FuzzDecode holds the decoder equal to the generated one: on every input that
// both accept, and on the canonical form of whatever the generated one accepts,
// which the decoder must accept too.
func FuzzDecode(f *testing.F) {
	for _, seed := range wireSeeds(f) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, message []byte) {
		var want authpb.CheckRequest
		err := proto.UnmarshalOptions{DiscardUnknown: true}.Unmarshal(message, &want)
		got, ours := extauthz.Decode(message)
		if ours == nil && err == nil {
			equal(t, got, &want)
		}
		if err != nil {
			return
		}
		canonical, err := proto.Marshal(&want)
		if err != nil {
			t.Fatal(err)
		}
		got, err = extauthz.Decode(canonical)
		if err != nil {
			t.Fatalf("Decode of what Envoy would write: %v", err)
		}
		equal(t, got, &want)
	})
}

func equal(t *testing.T, got *extauthz.Decoded, want *authpb.CheckRequest) {
	t.Helper()
	attributes := want.GetAttributes()
	http := attributes.GetRequest().GetHttp()
	same(t, "attributes", got.HasAttributes, attributes != nil)
	same(t, "request", got.HasRequest, attributes.GetRequest() != nil)
	same(t, "http", got.HasHTTP, http != nil)
	same(t, "id", got.ID, http.GetId())
	same(t, "method", got.Method, http.GetMethod())
	same(t, "path", got.Path, http.GetPath())
	same(t, "host", got.Host, http.GetHost())
	same(t, "scheme", got.Scheme, http.GetScheme())
	same(t, "protocol", got.Protocol, http.GetProtocol())
	same(t, "body", got.Body, http.GetBody())
	same(t, "size", got.Size, http.GetSize())
	if !bytes.Equal(got.RawBody, http.GetRawBody()) {
		t.Errorf("raw_body: got %q, want %q", got.RawBody, http.GetRawBody())
	}

	address := attributes.GetSource().GetAddress()
	kind := 0
	switch address.GetAddress().(type) {
	case *corepb.Address_SocketAddress:
		kind = 1
	case *corepb.Address_Pipe:
		kind = 2
	case *corepb.Address_EnvoyInternalAddress:
		kind = 3
	}
	same(t, "kind of address", got.SourceKind, kind)
	same(t, "socket address", got.SourceSocket, address.GetSocketAddress().GetAddress())

	same(t, "certificate", got.Certificate, attributes.GetSource().GetCertificate())

	equalHeaders(t, got, http)
	equalExtensions(t, got, attributes.GetContextExtensions())

	value, present := attributes.GetRouteMetadataContext().GetFilterMetadata()["hookauthz"].GetFields()["policy"]
	_, isString := value.GetKind().(*structpb.Value_StringValue)
	same(t, "route policy present", got.RoutePolicyPresent, present)
	same(t, "route policy is a string", got.RoutePolicyString, isString)
	same(t, "route policy", got.RoutePolicy, value.GetStringValue())
}

func equalHeaders(t *testing.T, got *extauthz.Decoded, http *authpb.AttributeContext_HttpRequest) {
	t.Helper()
	if got.TooLarge {
		return // refused later: what is left out doesn't matter
	}
	same(t, "headers", len(got.Merged), len(http.GetHeaders()))
	for _, field := range got.Merged {
		value, ok := http.GetHeaders()[field.Name]
		if !ok || value != field.Value {
			t.Errorf("header %q: got %q, want %q", field.Name, field.Value, value)
		}
	}
	lines := http.GetHeaderMap().GetHeaders()
	same(t, "header_map", len(got.Lines), len(lines))
	conflict := false
	for i, line := range lines {
		value := string(line.GetRawValue())
		if value == "" {
			value = line.GetValue()
		}
		conflict = conflict || line.GetValue() != "" && line.GetValue() != value
		if i < len(got.Lines) {
			same(t, "line", got.Lines[i], authz.Field{Name: line.GetKey(), Value: value})
		}
	}
	same(t, "conflict", got.Conflict, conflict)
}

func equalExtensions(t *testing.T, got *extauthz.Decoded, all map[string]string) {
	t.Helper()
	known := []string{"hookauthz.policy", "hookauthz.body", "hookauthz.max_request_bytes", "hookauthz.xff", "hookauthz.xfcc"}
	unknown, found := false, 0
	for name, value := range all {
		if !strings.HasPrefix(name, "hookauthz.") {
			continue
		}
		if !slices.Contains(known, name) {
			unknown = true
			continue
		}
		found++
		there, ok := got.Extensions[name]
		same(t, name+" is there", ok, true)
		same(t, name, there, value)
	}
	same(t, "extensions", len(got.Extensions), found)
	same(t, "unknown extension", got.UnknownExtension, unknown)
}

func same[T comparable](tb testing.TB, what string, got, want T) {
	tb.Helper()
	if got != want {
		tb.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// wireSeeds are messages as gateways write them and some that none writes.
func wireSeeds(tb testing.TB) map[string][]byte {
	tb.Helper()
	http := func(change func(*authpb.AttributeContext_HttpRequest)) *authpb.CheckRequest {
		h := &authpb.AttributeContext_HttpRequest{
			Id: "1", Method: "POST", Path: "/a?b", Host: "example.com", Scheme: "https", Protocol: "HTTP/2", Size: -1,
			Headers: map[string]string{"a": "1", ":path": "/a?b", "content-length": "3"},
		}
		change(h)
		return &authpb.CheckRequest{Attributes: &authpb.AttributeContext{
			Request: &authpb.AttributeContext_Request{Time: timestamppb.Now(), Http: h},
		}}
	}
	messages := map[string]*authpb.CheckRequest{
		"empty":      {},
		"attributes": {Attributes: &authpb.AttributeContext{}},
		"request":    {Attributes: &authpb.AttributeContext{Request: &authpb.AttributeContext_Request{}}},
		"http":       {Attributes: &authpb.AttributeContext{Request: &authpb.AttributeContext_Request{Http: &authpb.AttributeContext_HttpRequest{}}}},
		"headers":    http(func(*authpb.AttributeContext_HttpRequest) {}),
		"header_map": http(func(h *authpb.AttributeContext_HttpRequest) {
			h.HeaderMap = &corepb.HeaderMap{Headers: []*corepb.HeaderValue{
				{Key: "x", RawValue: []byte{0xff, 'a'}}, {Key: "x", Value: "b"}, {Key: "y", Value: "c", RawValue: []byte("d")},
			}}
			h.RawBody = []byte{0, 1, 2}
			h.Body = "text"
		}),
	}
	full := http(func(*authpb.AttributeContext_HttpRequest) {})
	full.Attributes.Source = &authpb.AttributeContext_Peer{
		Address: socket("::ffff:192.0.2.1"), Service: "x", Labels: map[string]string{"a": "b"}, Principal: "y",
		Certificate: "-----BEGIN%20CERTIFICATE-----%0A",
	}
	full.Attributes.ContextExtensions = map[string]string{
		"hookauthz.policy": "a", "hookauthz.body": "none", "hookauthz.xfcc": "sanitize_set", "hookauthz.odd": "", "other": "b",
	}
	policyName, err := structpb.NewStruct(map[string]any{"policy": "github", "other": []any{1.5, true, nil}})
	if err != nil {
		tb.Fatal(err)
	}
	full.Attributes.RouteMetadataContext = &corepb.Metadata{FilterMetadata: map[string]*structpb.Struct{"hookauthz": policyName, "x": policyName}}
	messages["full"] = full
	messages["pipe"] = &authpb.CheckRequest{Attributes: &authpb.AttributeContext{Source: &authpb.AttributeContext_Peer{
		Address: &corepb.Address{Address: &corepb.Address_Pipe{Pipe: &corepb.Pipe{Path: "/run/x"}}},
	}}}

	seeds := map[string][]byte{}
	for name, message := range messages {
		raw, err := proto.Marshal(message)
		if err != nil {
			tb.Fatal(err)
		}
		seeds[name] = raw
	}
	// Merging: a message that stands twice is one whose fields stand twice.
	again := http(func(h *authpb.AttributeContext_HttpRequest) {
		h.Headers, h.Path, h.Method = map[string]string{"b": "2"}, "/again", ""
	})
	raw, err := proto.Marshal(again)
	if err != nil {
		tb.Fatal(err)
	}
	seeds["twice"] = slices.Concat(seeds["full"], raw, seeds["http"])
	for _, fields := range [][]protowire.Number{
		nil,
		{1},
		{1, 1},
		{1, 1, 1},
		{1, 1, 1, 1},
		{1, 4},
		{1, 4, 2},
		{1, 4, 2, 3},
		{1, 4, 2, 13},
		{1, 4, 2, 13, 1},
		{1, 10},
		{1, 13},
		{1, 13, 1},
	} {
		seeds[fmt.Sprint("unknown fields in ", fields)] = slices.Concat(seeds["pipe"], nest(unknown(), fields...))
	}
	inMetadata := slices.Concat(text(1, "hookauthz"), nest(slices.Concat(unknown(), nest(slices.Concat(text(1, "policy"), nest(unknown(), 2), unknown()), 1)), 2))
	seeds["unknown fields in the namespace"] = nest(inMetadata, 1, 13, 1)
	// The pipe's peer has no certificate, so that of the first stays.
	seeds["twice, pipe last"] = slices.Concat(seeds["full"], seeds["pipe"])
	return seeds
}

// unknown returns fields of every type that no message has.
func unknown() []byte {
	const number = 1000
	b := protowire.AppendVarint(protowire.AppendTag(nil, number, protowire.VarintType), 1<<63)
	b = protowire.AppendFixed64(protowire.AppendTag(b, number, protowire.Fixed64Type), 1)
	b = protowire.AppendBytes(protowire.AppendTag(b, number, protowire.BytesType), make([]byte, 200))
	return protowire.AppendFixed32(protowire.AppendTag(b, number, protowire.Fixed32Type), 1)
}

func socket(ip string) *corepb.Address {
	return &corepb.Address{Address: &corepb.Address_SocketAddress{SocketAddress: &corepb.SocketAddress{
		Address: ip, PortSpecifier: &corepb.SocketAddress_PortValue{PortValue: 1},
	}}}
}

func TestDecodeSeeds(t *testing.T) {
	for name, seed := range wireSeeds(t) {
		t.Run(name, func(t *testing.T) {
			var want authpb.CheckRequest
			if err := proto.Unmarshal(seed, &want); err != nil {
				t.Fatal(err)
			}
			got, err := extauthz.Decode(seed)
			if err != nil {
				t.Fatalf("Decode: %v", err)
			}
			equal(t, got, &want)
		})
	}
}

// nest wraps message in the fields given, the outermost first.
func nest(message []byte, fields ...protowire.Number) []byte {
	for _, field := range slices.Backward(fields) {
		message = protowire.AppendBytes(protowire.AppendTag(nil, field, protowire.BytesType), message)
	}
	return message
}

func text(field protowire.Number, s string) []byte { return nest([]byte(s), field) }

func TestDecodeRefuses(t *testing.T) {
	entry := func(key, value string) []byte { return slices.Concat(text(1, key), text(2, value)) }
	inHTTP := func(message []byte) []byte { return nest(message, 1, 4, 2) }
	value := func(message []byte) []byte {
		fields := nest(slices.Concat(text(1, "policy"), nest(message, 2)), 1)
		return nest(slices.Concat(text(1, "hookauthz"), nest(fields, 2)), 1, 13, 1)
	}
	tests := []struct {
		name    string
		message []byte
	}{
		{name: "cut inside a tag", message: []byte{0x80}},
		{name: "cut inside a length", message: []byte{0x0a, 0x80}},
		{name: "length over the end", message: []byte{0x0a, 0x05, 0x00}},
		{name: "field number 0", message: []byte{0x02, 0x00}},
		{name: "field number too large", message: protowire.AppendVarint(protowire.AppendVarint(nil, 1<<29<<3), 0)},
		{name: "varint of 11 bytes", message: inHTTP(append([]byte{9 << 3}, bytes.Repeat([]byte{0x80}, 10)...))},
		{name: "varint over 64 bits", message: inHTTP(append([]byte{9 << 3}, append(bytes.Repeat([]byte{0xff}, 9), 2)...))},
		{name: "cut inside a fixed32", message: []byte{2<<3 | 5, 0, 0, 0}},
		{name: "cut inside a fixed64", message: []byte{2<<3 | 1, 0, 0, 0, 0, 0, 0, 0}},
		{name: "field longer than its message", message: nest([]byte{4 << 3 & 0x7f, 0x80}, 1, 4, 2)},
		{name: "group", message: []byte{0x0b, 0x0c}},
		{name: "unknown group", message: inHTTP([]byte{99<<3&0x7f | 3})},
		{name: "attributes as a number", message: []byte{0x08, 0x01}},
		{name: "path as a number", message: inHTTP([]byte{4 << 3, 1})},
		{name: "certificate as a number", message: nest([]byte{5 << 3, 1}, 1, 1)},
		{name: "certificate is not UTF-8", message: nest(text(5, "\xff"), 1, 1)},
		{name: "size as a string", message: inHTTP(text(9, "1"))},
		{name: "path is not UTF-8", message: inHTTP(text(4, "/\xff"))},
		{name: "header value is not UTF-8", message: inHTTP(nest(entry("a", "\xff"), 3))},
		{name: "header twice in the map", message: inHTTP(slices.Concat(nest(entry("a", "1"), 3), nest(entry("a", "2"), 3)))},
		{name: "header name is not UTF-8", message: inHTTP(nest(entry("\xff", "1"), 13, 1))},
		{name: "extension twice", message: nest(slices.Concat(nest(entry("hookauthz.policy", "a"), 10), nest(entry("hookauthz.policy", "a"), 10)), 1)},
		{name: "policy in the metadata as bytes of no string", message: value(text(3, "\xff"))},
		{name: "policy in the metadata, number as a string", message: value(text(2, "1"))},
		{name: "namespace twice", message: slices.Concat(value(text(3, "a")), value(text(3, "a")))},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got, err := extauthz.Decode(tt.message); err == nil {
				t.Errorf("Decode = %+v, want an error", got)
			}
		})
	}

	many := make([][]byte, 0, 100)
	for i := range 100 {
		many = append(many, inHTTP(nest(entry(strings.Repeat("a", 1+i%99), ""), 3)))
	}
	if _, err := extauthz.Decode(slices.Concat(many...)); err == nil {
		t.Error("Decode of 100 headers with one repeated: got no error")
	}
	if _, err := extauthz.Decode(slices.Concat(many[:99]...)); err != nil {
		t.Errorf("Decode of 99 headers: got %v", err)
	}
}

func BenchmarkDecode(b *testing.B) {
	message := benchRequest(b)
	b.Run("ours", func(b *testing.B) {
		var bench extauthz.Bench
		b.ReportAllocs()
		for b.Loop() {
			if err := bench.Decode(slices.Clone(message)); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("generated", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var request authpb.CheckRequest
			if err := proto.Unmarshal(message, &request); err != nil {
				b.Fatal(err)
			}
		}
	})
}
