package authz_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/hookauthz/hookauthz/authz"
)

const payload = "payload"

// bodies are the ways a body of this size, or none, can come.
var bodies = map[string]authz.Body{
	"raw":          {Raw: []byte(payload)},
	"text":         {Text: payload},
	"doubtful":     {Text: "payl!ad"},
	"replaced":     {Text: "pay\uFFFDd"},
	"not utf-8":    {Text: "payl\xffad"},
	"none":         {},
	"both":         {Raw: []byte(payload), Text: payload},
	"both, shrunk": {Raw: []byte(payload), Text: "p"},
}

// lengths are Content-Length headers, relative to a body of 7 bytes.
var lengths = map[string][]string{
	"none": nil, "zero": {"0"}, "equal": {"7"}, "less": {"6"}, "more": {"8"}, "twice": {"7", "7"},
}

// A bodyCase is one row of the table.
type bodyCase struct {
	body     string
	delivery authz.Delivery
	size     int64
	length   string
	encoding bool // Transfer-Encoding: chunked
	upgrade  bool
	connect  bool
	protocol string
	gateway  authz.Gateway
	rules    authz.Rules
}

func (c *bodyCase) request() *authz.Request {
	r := &authz.Request{Method: "POST", Protocol: c.protocol, Body: bodies[c.body], Gateway: c.gateway, Rules: c.rules}
	r.Body.Size, r.Body.Delivery = c.size, c.delivery
	add := func(name, value string) {
		r.Header.Fields = append(r.Header.Fields, authz.Field{Name: name, Value: value})
	}
	for _, value := range lengths[c.length] {
		add("content-length", value)
	}
	if c.encoding {
		add("transfer-encoding", "chunked")
	}
	if c.upgrade {
		add("upgrade", "websocket")
	}
	if c.connect {
		r.Method = "CONNECT"
	}
	return r
}

// eachCase calls do with the whole table.
func eachCase(do func(c *bodyCase)) int {
	count := 0
	booleans := []bool{false, true}
	for _, body := range []string{"raw", "text", "doubtful", "none", "both"} {
		for length := range lengths {
			for delivery := authz.DeliveryUnsaid; delivery <= authz.DeliveryOdd+1; delivery++ {
				for _, size := range []int64{-1, 0, 7, 8} {
					for _, protocol := range []string{"HTTP/1.1", "HTTP/2"} {
						for bits := range 1 << 7 {
							bit := func(n int) bool { return booleans[bits>>n&1] }
							for _, limit := range []int64{0, 7, 8} {
								c := bodyCase{
									body: body, delivery: delivery, size: size, length: length, protocol: protocol,
									encoding: bit(0), upgrade: bit(1), connect: bit(2),
									gateway: authz.Gateway{BodyRawFull: bit(3), BodyByRoute: bit(4), MaxRequestBytes: limit},
									rules:   authz.Rules{MaxBody: 100, AllowEmpty: bit(5), AllowText: bit(6)},
								}
								do(&c)
								count++
							}
						}
					}
				}
			}
		}
	}
	return count
}

// announced returns what a Content-Length header says; ok is false if it can't
// be read and said is false if there is none.
func announced(name string) (n int64, said, ok bool) {
	switch name {
	case "none":
		return 0, false, true
	case "zero":
		return 0, true, true
	case "equal":
		return 7, true, true
	case "less":
		return 6, true, true
	case "more":
		return 8, true, true
	}
	return 0, true, false
}

// classes is a set of classes.
type classes [16]bool

// whole is the acceptance test for bodies, each rule by itself: it returns the
// classes of the rules that are broken.
func whole(c *bodyCase) (broken classes) {
	b := bodies[c.body]
	received := int64(max(len(b.Raw), len(b.Text)))
	length, said, readable := announced(c.length)
	rule := func(holds bool, class authz.Class) {
		if !holds {
			broken[class] = true
		}
	}

	rule(readable, authz.ClassAmbiguous)
	rule(c.delivery != authz.DeliveryCut, authz.ClassTooLarge)
	rule(c.delivery < authz.DeliveryOdd, authz.ClassInternal)
	if received == 0 {
		proven := readable && said && length == 0 && !c.encoding ||
			c.gateway.BodyRawFull && c.gateway.BodyByRoute
		tunnel := c.upgrade || c.connect
		awaited := readable && length > 0 || c.size > 0
		rule(proven && !tunnel && !awaited, authz.ClassInternal)
		return broken
	}
	rule(c.delivery == authz.DeliveryWhole, authz.ClassInternal)
	rule(c.size <= received, authz.ClassTooLarge)
	rule(c.gateway.MaxRequestBytes == 0 || received < c.gateway.MaxRequestBytes, authz.ClassTooLarge)
	rule(!readable || !said || length == received, authz.ClassTooLarge)
	rule(said || c.gateway.BodyRawFull, authz.ClassInternal)
	clean := c.body == "raw" || c.body == "text" && c.rules.AllowText
	rule(clean, authz.ClassInternal)
	return broken
}

// TestBodyTable compares WholeBody and NoBody with the rules over the whole
// table: they accept exactly what breaks none, and otherwise blame a rule that
// is broken.
func TestBodyTable(t *testing.T) {
	failures := 0
	fail := func(c *bodyCase, format string, args ...any) {
		if failures++; failures < 20 {
			t.Errorf("%+v: %s", *c, fmt.Sprintf(format, args...))
		}
	}
	count := eachCase(func(c *bodyCase) {
		r := c.request()
		broken := whole(c)
		empty := c.body == "none"

		body, err := r.WholeBody()
		wantErr := broken != classes{} || empty && !c.rules.AllowEmpty
		if (err != nil) != wantErr {
			fail(c, "WholeBody() error = %v, broken %v", err, broken)
		}
		if err == nil && !empty && string(body) != payload || err != nil && body != nil || empty && len(body) > 0 {
			fail(c, "WholeBody() = %q, %v", body, err)
		}
		if class := classOf(err); err != nil && !broken[class] && (broken != classes{} || class != authz.ClassMalformed) {
			fail(c, "WholeBody() error = %v, broken %v", err, broken)
		}

		err = r.NoBody()
		if (err == nil) != (empty && broken == classes{}) {
			fail(c, "NoBody() = %v, broken %v", err, broken)
		}
		if class := classOf(err); err != nil && !broken[class] && (broken != classes{} || class != authz.ClassMalformed) {
			fail(c, "NoBody() = %v, broken %v", err, broken)
		}
	})
	if want := 5 * 6 * 5 * 4 * 2 * 128 * 3; count != want {
		t.Errorf("%d cases, want %d", count, want)
	}
}

// TestCheckSizeTable compares CheckSize with its rules, for limits below, at and
// above the body.
func TestCheckSizeTable(t *testing.T) {
	failures := 0
	eachCase(func(c *bodyCase) {
		if c.rules.AllowEmpty || c.rules.AllowText || c.connect || c.upgrade || c.encoding {
			return // size is judged before any of these
		}
		for _, limit := range []int64{0, 6, 7, 100} {
			r := c.request()
			r.Rules.MaxBody = limit
			b := bodies[c.body]
			received := int64(max(len(b.Raw), len(b.Text)))
			length, _, readable := announced(c.length)
			over := received > limit || c.size > limit || readable && length > limit
			cut := c.delivery == authz.DeliveryCut || received > 0 && c.size > received ||
				c.gateway.MaxRequestBytes > 0 && received >= c.gateway.MaxRequestBytes
			err := r.CheckSize()
			got := classOf(err)
			ok := err == nil && readable && !over && !cut ||
				got == authz.ClassAmbiguous && !readable ||
				got == authz.ClassTooLarge && readable && (over || cut)
			if !ok {
				if failures++; failures < 20 {
					t.Errorf("%+v, limit %d: CheckSize() = %v, over %v, cut %v", *c, limit, err, over, cut)
				}
			}
		}
	})
}

// Lengths with more than one reading, and what is no length.
func TestContentLength(t *testing.T) {
	tests := []struct {
		name   string
		values []string
		merged bool
		want   authz.Reason
	}{
		{name: "equal", values: []string{"7"}, want: authz.ReasonVerified},
		{name: "leading zeros", values: []string{"007"}, want: authz.ReasonVerified},
		{name: "empty", values: []string{""}, want: authz.ReasonShapeAmbiguous},
		{name: "twice", values: []string{"7", "7"}, want: authz.ReasonShapeAmbiguous},
		{name: "once empty", values: []string{"", "7"}, want: authz.ReasonShapeAmbiguous},
		{name: "joined", values: []string{"7,7"}, merged: true, want: authz.ReasonShapeAmbiguous},
		{name: "joined by the sender", values: []string{"7, 7"}, merged: true, want: authz.ReasonShapeAmbiguous},
		{name: "negative", values: []string{"-7"}, want: authz.ReasonShapeAmbiguous},
		{name: "plus", values: []string{"+7"}, want: authz.ReasonShapeAmbiguous},
		{name: "hex", values: []string{"0x7"}, want: authz.ReasonShapeAmbiguous},
		{name: "blank after", values: []string{"7 "}, want: authz.ReasonShapeAmbiguous},
		{name: "blank before", values: []string{" 7"}, want: authz.ReasonShapeAmbiguous},
		{name: "words", values: []string{"seven"}, want: authz.ReasonShapeAmbiguous},
		{name: "other digits", values: []string{"\u0667"}, want: authz.ReasonShapeAmbiguous},
		{name: "19 digits", values: []string{"0000000000000000007"}, want: authz.ReasonShapeAmbiguous},
		{name: "wraps around to 7 in 64 bits", values: []string{"18446744073709551623"}, want: authz.ReasonShapeAmbiguous},
		{name: "18 digits", values: []string{"999999999999999999"}, want: authz.ReasonBodyTruncated},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := bodyCase{body: "raw", delivery: authz.DeliveryWhole, size: 7, gateway: authz.Gateway{BodyRawFull: true}, rules: authz.Rules{MaxBody: 100}}
			r := c.request()
			r.Header.Merged = tt.merged
			for _, value := range tt.values {
				r.Header.Fields = append(r.Header.Fields, authz.Field{Name: "content-length", Value: value})
			}
			if _, err := r.WholeBody(); reasonOf(err) != tt.want {
				t.Errorf("WholeBody() error = %v, want %v", err, tt.want)
			}
			if err := r.CheckSize(); (err == nil) != (tt.want == authz.ReasonVerified) {
				t.Errorf("CheckSize() = %v, want like %v", err, tt.want)
			}
		})
	}
}

func classOf(err error) authz.Class {
	var denial *authz.Denial
	if !errors.As(err, &denial) {
		return authz.ClassInternal
	}
	return denial.Reason().Class()
}

// The cases that the gateway's own behaviour makes, with their exact reasons.
func TestBodyNamedRows(t *testing.T) {
	const http1, http2 = "HTTP/1.1", "HTTP/2"
	full := authz.Gateway{BodyRawFull: true}
	route := authz.Gateway{BodyRawFull: true, BodyByRoute: true}
	both := authz.Rules{MaxBody: 100, AllowEmpty: true}
	strict := authz.Rules{MaxBody: 100}
	const accepted = authz.ReasonVerified
	tests := []struct {
		name string
		c    bodyCase
		want authz.Reason // of WholeBody
		none authz.Reason // of NoBody
	}{
		{
			name: "HTTP/1.1 with Content-Length", want: accepted, none: authz.ReasonBodyUnsigned,
			c: bodyCase{body: "raw", delivery: authz.DeliveryWhole, size: 7, length: "equal", protocol: http1, rules: strict},
		},
		{
			name: "the gateway does not say that the body is whole", want: authz.ReasonBodyNotForwarded, none: authz.ReasonBodyNotForwarded,
			c: bodyCase{body: "raw", delivery: authz.DeliveryUnsaid, size: 7, length: "equal", protocol: http1, gateway: full, rules: strict},
		},
		{
			name: "chunked, nothing attested", want: authz.ReasonGatewayNotAttested, none: authz.ReasonGatewayNotAttested,
			c: bodyCase{body: "raw", delivery: authz.DeliveryWhole, size: 7, length: "none", encoding: true, protocol: http1, rules: strict},
		},
		{
			name: "chunked, raw-full attested", want: accepted, none: authz.ReasonBodyUnsigned,
			c: bodyCase{body: "raw", delivery: authz.DeliveryWhole, size: 7, length: "none", encoding: true, protocol: http1, gateway: full, rules: strict},
		},
		{
			name: "cut at the limit over HTTP/2: partial says true and size tells more", want: authz.ReasonBodyTruncated, none: authz.ReasonBodyTruncated,
			c: bodyCase{body: "raw", delivery: authz.DeliveryCut, size: 8, length: "none", protocol: http2, gateway: full, rules: strict},
		},
		{
			name: "size tells more although partial says false", want: authz.ReasonBodyTruncated, none: authz.ReasonBodyTruncated,
			c: bodyCase{body: "raw", delivery: authz.DeliveryWhole, size: 8, length: "none", protocol: http2, gateway: full, rules: strict},
		},
		{
			name: "framed to exactly the limit: partial says false, more is to come", want: authz.ReasonBodyTruncated, none: authz.ReasonBodyTruncated,
			c: bodyCase{
				body: "raw", delivery: authz.DeliveryWhole, size: 7, length: "none", protocol: http2, rules: strict,
				gateway: authz.Gateway{BodyRawFull: true, MaxRequestBytes: 7},
			},
		},
		{
			name: "one byte under the limit", want: accepted, none: authz.ReasonBodyUnsigned,
			c: bodyCase{
				body: "raw", delivery: authz.DeliveryWhole, size: 7, length: "none", protocol: http2, rules: strict,
				gateway: authz.Gateway{BodyRawFull: true, MaxRequestBytes: 8},
			},
		},
		{
			name: "prefix allowed to pass: Content-Length tells more", want: authz.ReasonBodyTruncated, none: authz.ReasonBodyTruncated,
			c: bodyCase{body: "raw", delivery: authz.DeliveryWhole, size: 7, length: "more", protocol: http1, gateway: full, rules: strict},
		},
		{
			name: "body not packed as bytes", want: authz.ReasonBodyNotRaw, none: authz.ReasonBodyNotRaw,
			c: bodyCase{body: "text", delivery: authz.DeliveryWhole, size: 7, length: "equal", protocol: http1, rules: strict},
		},
		{
			name: "invalid bytes shown as exclamation marks", want: authz.ReasonBodyNotRaw, none: authz.ReasonBodyNotRaw,
			c: bodyCase{
				body: "doubtful", delivery: authz.DeliveryWhole, size: 7, length: "equal", protocol: http1,
				rules: authz.Rules{MaxBody: 100, AllowText: true},
			},
		},
		{
			name: "replacement characters", want: authz.ReasonBodyNotRaw, none: authz.ReasonBodyNotRaw,
			c: bodyCase{
				body: "replaced", delivery: authz.DeliveryWhole, size: 7, length: "equal", protocol: http1,
				rules: authz.Rules{MaxBody: 100, AllowText: true},
			},
		},
		{
			name: "text that is not UTF-8", want: authz.ReasonBodyNotRaw, none: authz.ReasonBodyNotRaw,
			c: bodyCase{
				body: "not utf-8", delivery: authz.DeliveryWhole, size: 7, length: "equal", protocol: http1,
				rules: authz.Rules{MaxBody: 100, AllowText: true},
			},
		},
		{
			name: "clean text where it is allowed", want: accepted, none: authz.ReasonBodyUnsigned,
			c: bodyCase{
				body: "text", delivery: authz.DeliveryWhole, size: 7, length: "equal", protocol: http1,
				rules: authz.Rules{MaxBody: 100, AllowText: true},
			},
		},
		{
			name: "bytes and other text", want: authz.ReasonBodyNotRaw, none: authz.ReasonBodyNotRaw,
			c: bodyCase{body: "both, shrunk", delivery: authz.DeliveryWhole, size: 7, length: "equal", protocol: http1, gateway: full, rules: strict},
		},
		{
			name: "buffering off: a body is announced and none came", want: authz.ReasonBodyNotForwarded, none: authz.ReasonBodyNotForwarded,
			c: bodyCase{body: "none", size: 0, length: "equal", protocol: http1, gateway: route, rules: both},
		},
		{
			name: "WebSocket upgrade with a body", want: authz.ReasonBodyNotForwarded, none: authz.ReasonBodyNotForwarded,
			c: bodyCase{body: "none", size: 0, length: "equal", upgrade: true, protocol: http1, gateway: route, rules: both},
		},
		{
			name: "WebSocket upgrade, Content-Length 0", want: authz.ReasonBodyNotForwarded, none: authz.ReasonBodyNotForwarded,
			c: bodyCase{body: "none", size: 0, length: "zero", upgrade: true, protocol: http1, gateway: route, rules: both},
		},
		{
			name: "CONNECT: the tunnel's bytes follow", want: authz.ReasonBodyNotForwarded, none: authz.ReasonBodyNotForwarded,
			c: bodyCase{body: "none", size: 0, length: "none", connect: true, protocol: http1, gateway: route, rules: both},
		},
		{
			name: "HTTP/2 without buffering looks like no body", want: authz.ReasonBodyNotForwarded, none: authz.ReasonBodyNotForwarded,
			c: bodyCase{body: "none", size: 0, length: "none", protocol: http2, gateway: full, rules: both},
		},
		{
			name: "HTTP/2, the route attests", want: accepted, none: accepted,
			c: bodyCase{body: "none", size: 0, length: "none", protocol: http2, gateway: route, rules: both},
		},
		{
			name: "HTTP/2, Content-Length 0", want: accepted, none: accepted,
			c: bodyCase{body: "none", size: 0, length: "zero", protocol: http2, rules: both},
		},
		{
			name: "HTTP/1.1 without any length: Envoy hides Transfer-Encoding", want: authz.ReasonBodyNotForwarded, none: authz.ReasonBodyNotForwarded,
			c: bodyCase{body: "none", size: 0, length: "none", protocol: http1, gateway: full, rules: both},
		},
		{
			name: "HTTP/1.1 without any length, the route attests", want: accepted, none: accepted,
			c: bodyCase{body: "none", size: 0, length: "none", protocol: http1, gateway: route, rules: both},
		},
		{
			name: "HTTP/1.1 chunked and empty", want: authz.ReasonBodyNotForwarded, none: authz.ReasonBodyNotForwarded,
			c: bodyCase{body: "none", size: 0, length: "none", encoding: true, protocol: http1, gateway: full, rules: both},
		},
		{
			name: "proven empty where a body is wanted", want: authz.ReasonBodyEmpty, none: accepted,
			c: bodyCase{body: "none", size: 0, length: "zero", protocol: http1, rules: strict},
		},
		{
			name: "proxyless: size -1, no protocol, no headers", want: authz.ReasonBodyNotForwarded, none: authz.ReasonBodyNotForwarded,
			c: bodyCase{body: "none", size: -1, length: "none", gateway: full, rules: both},
		},
		{
			name: "partial header not understood", want: authz.ReasonBodyNotForwarded, none: authz.ReasonBodyNotForwarded,
			c: bodyCase{body: "raw", delivery: authz.DeliveryOdd, size: 7, length: "equal", protocol: http1, gateway: full, rules: strict},
		},
		{
			name: "Content-Length twice", want: authz.ReasonShapeAmbiguous, none: authz.ReasonShapeAmbiguous,
			c: bodyCase{body: "raw", delivery: authz.DeliveryWhole, size: 7, length: "twice", protocol: http1, gateway: full, rules: strict},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := tt.c.request()
			_, err := r.WholeBody()
			if got := reasonOf(err); got != tt.want {
				t.Errorf("WholeBody() error = %v, want %v", err, tt.want)
			}
			if got := reasonOf(r.NoBody()); got != tt.none {
				t.Errorf("NoBody() = %v, want %v", got, tt.none)
			}
		})
	}
}

// reasonOf returns the reason of err, ReasonVerified if it is nil.
func reasonOf(err error) authz.Reason {
	if err == nil {
		return authz.ReasonVerified
	}
	var denial *authz.Denial
	if !errors.As(err, &denial) {
		return authz.ReasonBug
	}
	return denial.Reason()
}

func TestBodyForm(t *testing.T) {
	tests := []struct {
		body authz.Body
		want string
	}{
		{body: authz.Body{}, want: "absent"},
		{body: authz.Body{Size: -1}, want: "absent"},
		{body: authz.Body{Raw: []byte(payload), Size: 7, Delivery: authz.DeliveryWhole}, want: "raw"},
		{body: authz.Body{Text: payload, Size: 7, Delivery: authz.DeliveryWhole}, want: "text"},
		{body: authz.Body{Raw: []byte(payload), Size: 8, Delivery: authz.DeliveryWhole}, want: "partial"},
		{body: authz.Body{Raw: []byte(payload), Size: 7, Delivery: authz.DeliveryCut}, want: "partial"},
	}
	for _, tt := range tests {
		if got := tt.body.Form(); got != tt.want {
			t.Errorf("%+v: Form() = %q, want %q", tt.body, got, tt.want)
		}
	}
}
