package demo

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strconv"

	"google.golang.org/grpc"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
)

// A request is an HTTP request as a gateway describes it.
type request struct {
	method, host, path string
	headers            []field
	body               []byte
	partial            string // what the gateway says: "false", "true", or nothing
	length             int    // Content-Length
	certificate        string // of the client: PEM, URL-encoded
}

type field struct{ name, value string }

// An answer is what the gateway was told.
type answer struct {
	status int    // 200 for an allow
	id     string // of the decision
	// payload is what the application gets in place of the body, if anything.
	payload string
}

const method = "/envoy.service.auth.v3.Authorization/Check"

// check asks the server, over the network and in Envoy's own words. Only the few
// fields that are needed are written and read, so that Envoy's generated types
// don't become part of the product.
func check(ctx context.Context, conn *grpc.ClientConn, r request) (answer, error) {
	var reply []byte
	if err := conn.Invoke(ctx, method, encode(r), &reply, grpc.ForceCodecV2(raw{})); err != nil {
		return answer{}, err //nolint:wrapcheck // the caller says what was attempted
	}
	return decode(reply)
}

// encode writes a CheckRequest. Like Envoy it gives each request an id of its own.
//
// Source of the numbers: envoy/service/auth/v3/attribute_context.proto and
// envoy/config/core/v3/{address,base}.proto of Envoy 1.40.
func encode(r request) []byte {
	socket := message(text(2, "192.0.2.10"), number(3, 44321))
	source := nested(1, message(nested(1, nested(1, socket)), text(5, r.certificate)))

	lines := append([]field{{"content-length", strconv.Itoa(r.length)}}, r.headers...)
	if r.partial != "" {
		lines = append(lines, field{"x-envoy-auth-partial-body", r.partial})
	}
	var headers []byte
	for _, line := range lines {
		headers = append(headers, nested(1, message(text(1, line.name), text(3, line.value)))...)
	}
	http := message(
		text(1, rand.Text()), text(2, r.method), text(4, r.path), text(5, r.host), text(6, "https"),
		number(9, uint64(r.length)), //nolint:gosec // a length is not negative
		text(10, "HTTP/1.1"), text(12, string(r.body)), nested(13, headers),
	)
	return nested(1, message(source, nested(4, nested(2, http))))
}

// decode reads a CheckResponse: the code of its status (field 1), and the HTTP
// status and headers of its denial (field 2).
func decode(reply []byte) (answer, error) {
	fields, err := fieldsOf(reply)
	if err != nil {
		return answer{}, err
	}
	status, err := fieldsOf(fields[1].first())
	if err != nil {
		return answer{}, err
	}
	if status[1].number == 0 {
		return answer{status: 200}, nil
	}
	denied, err := fieldsOf(fields[2].first())
	if err != nil {
		return answer{}, err
	}
	code, err := fieldsOf(denied[1].first())
	if err != nil {
		return answer{}, err
	}
	return answer{status: int(code[1].number), id: header(denied[2].all, "x-hookauthz-decision-id")}, nil //nolint:gosec // an HTTP status
}

// header finds the value of a HeaderValueOption.
func header(options [][]byte, name string) string {
	for _, option := range options {
		o, err := fieldsOf(option)
		if err != nil {
			return ""
		}
		value, err := fieldsOf(o[1].first())
		if err == nil && string(value[1].first()) == name {
			return string(value[2].first()) + string(value[3].first())
		}
	}
	return ""
}

// values are what a message holds under one number.
type values struct {
	number uint64
	all    [][]byte
}

func (v values) first() []byte {
	if len(v.all) == 0 {
		return nil
	}
	return v.all[0]
}

var errReply = errors.New("the server's answer is no CheckResponse")

func fieldsOf(b []byte) (map[protowire.Number]values, error) {
	fields := map[protowire.Number]values{}
	for len(b) > 0 {
		num, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return nil, errReply
		}
		b = b[n:]
		v := fields[num]
		switch kind {
		case protowire.VarintType:
			v.number, n = protowire.ConsumeVarint(b)
		case protowire.BytesType:
			var text []byte
			text, n = protowire.ConsumeBytes(b)
			v.all = append(v.all, text)
		default:
			n = protowire.ConsumeFieldValue(num, kind, b)
		}
		if n < 0 {
			return nil, errReply
		}
		fields[num] = v
		b = b[n:]
	}
	return fields, nil
}

func message(parts ...[]byte) []byte {
	var all []byte
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}

func nested(num protowire.Number, content []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(nil, num, protowire.BytesType), content)
}

func text(num protowire.Number, s string) []byte {
	if s == "" {
		return nil
	}
	return protowire.AppendString(protowire.AppendTag(nil, num, protowire.BytesType), s)
}

func number(num protowire.Number, n uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(nil, num, protowire.VarintType), n)
}

// raw passes bytes through as the gRPC message.
type raw struct{}

// Name implements encoding.CodecV2.
func (raw) Name() string { return "proto" }

// Marshal implements encoding.CodecV2.
func (raw) Marshal(v any) (mem.BufferSlice, error) {
	b, ok := v.([]byte)
	if !ok {
		return nil, fmt.Errorf("encode %T: want bytes", v)
	}
	return mem.BufferSlice{mem.SliceBuffer(b)}, nil
}

// Unmarshal implements encoding.CodecV2.
func (raw) Unmarshal(data mem.BufferSlice, v any) error {
	b, ok := v.(*[]byte)
	if !ok {
		return fmt.Errorf("decode into %T: want bytes", v)
	}
	*b = data.Materialize()
	return nil
}
