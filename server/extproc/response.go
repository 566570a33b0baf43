package extproc

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	corepb "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	extprocpb "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	typepb "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/policy"
	"github.com/hookauthz/hookauthz/server/gate"
)

// denyDetails is how Envoy's access log calls a denial of ours, in
// %RESPONSE_CODE_DETAILS%.
const denyDetails = "ext_proc_denied"

// newDenial makes the response that denies.
func newDenial(v *gate.Verdict, answer *policy.Answer) (reply, error) {
	if !gate.Sound(answer) {
		return nil, gate.ErrNotPlain
	}
	m := &extprocpb.HeaderMutation{}
	if !answer.HasBody && !gate.HasName(answer.Headers, "content-type") {
		set(m, "content-type", gate.ErrorType)
	}
	for _, h := range answer.Headers {
		if !gate.Plain(h.Name, h.Value) {
			return nil, gate.ErrNotPlain
		}
		add(m, h.Name, h.Value)
	}
	set(m, gate.DecisionIDHeader, v.ID)
	body := []byte(answer.Body)
	if !answer.HasBody {
		body = gate.AppendError(nil, answer.Status, v.ID)
	}
	metadata, err := newMetadata(v)
	if err != nil {
		return nil, err
	}
	return newReply(immediate(answer.Status, m, body, metadata))
}

// newBug makes a denial that depends on nothing that could be at fault.
func newBug(v *gate.Verdict) reply {
	m := &extprocpb.HeaderMutation{}
	set(m, "content-type", gate.ErrorType)
	set(m, gate.DecisionIDHeader, v.ID)
	metadata, _ := newMetadata(&gate.Verdict{Decision: v.Decision, ID: v.ID}) // words of ours
	raw, err := newReply(immediate(gate.BugStatus, m, gate.AppendError(nil, gate.BugStatus, v.ID), metadata))
	if err != nil {
		return nil // nothing in it can fail
	}
	return raw
}

func immediate(status int, headers *extprocpb.HeaderMutation, body []byte, metadata *structpb.Struct) *extprocpb.ProcessingResponse {
	return &extprocpb.ProcessingResponse{
		Response: &extprocpb.ProcessingResponse_ImmediateResponse{ImmediateResponse: &extprocpb.ImmediateResponse{
			Status:  &typepb.HttpStatus{Code: typepb.StatusCode(status)}, //nolint:gosec // G115: below 600
			Headers: headers,
			Body:    body,
			Details: denyDetails,
		}},
		DynamicMetadata: metadata,
	}
}

// newMetadata makes what the gateway's access log may show, if the filter's
// metadata_options let it in.
func newMetadata(v *gate.Verdict) (*structpb.Struct, error) {
	fields := map[string]*structpb.Value{}
	if !v.Describe(func(name, value string) bool { fields[name] = structpb.NewStringValue(value); return true }) {
		return nil, gate.ErrNotPlain
	}
	return &structpb.Struct{Fields: map[string]*structpb.Value{
		attributesKey: structpb.NewStructValue(&structpb.Struct{Fields: fields}),
	}}, nil
}

var errNoPayload = errors.New("a policy that replaces the body allowed a request that has no payload")

// changes is what a request gets and loses on its way upstream.
type changes struct {
	headers  *extprocpb.HeaderMutation
	trailers []string // names that trailers lose: some upstreams read them as headers
	replace  bool     // the body, by payload
	payload  []byte
	metadata *structpb.Struct
}

// changesOf is the only function that makes what lets a request through. It wants
// a proof.
func changesOf(v *gate.Verdict, r *authz.Request) (*changes, error) {
	if err := v.Proof(); err != nil {
		return nil, err //nolint:wrapcheck // it is worded for the decision log
	}
	c := &changes{headers: &extprocpb.HeaderMutation{}}
	gains := v.Gains()
	if len(gains) > gate.MaxAnswerHeaders {
		return nil, gate.ErrNotPlain
	}
	lost := v.Losses(func(name string) bool {
		// Envoy does not let the processor change these, nor a setting of ours.
		if name != gate.PartialBody {
			c.headers.RemoveHeaders = append(c.headers.RemoveHeaders, name)
		}
		return name == gate.PartialBody || isOurs(name)
	})
	if !lost {
		return nil, gate.ErrNotPlain
	}
	for i := range gains {
		if !gate.Plain(gains[i].Name, gains[i].Value) || !isOurs(gains[i].Name) {
			return nil, gate.ErrNotPlain
		}
		set(c.headers, gains[i].Name, gains[i].Value)
	}
	if !v.Decision.IsMonitored() {
		if path, changed := withoutQuery(r.Path, v.Policy.RemoveQuery()); changed {
			set(c.headers, ":path", path)
		}
		if err := c.substitute(v, gains); err != nil {
			return nil, err
		}
	}
	c.trailers = namesOf(c.headers)
	var err error
	c.metadata, err = newMetadata(v)
	return c, err
}

// namesOf returns the names that m removes or sets, without pseudo-headers.
func namesOf(m *extprocpb.HeaderMutation) []string {
	names := slices.Clone(m.GetRemoveHeaders())
	for _, option := range m.GetSetHeaders() {
		if name := option.GetHeader().GetKey(); !strings.HasPrefix(name, ":") {
			names = append(names, name)
		}
	}
	return names
}

// isOurs reports whether Envoy lets the processor change the header: it leaves
// others as they are and says nothing.
func isOurs(name string) bool { return name != "host" && !strings.HasPrefix(name, "x-envoy-") }

// substitute puts the payload in the body's place, if the policy wants that.
func (c *changes) substitute(v *gate.Verdict, gains []authz.Field) error {
	contentType, wanted := v.Policy.Payload()
	if !wanted {
		return nil
	}
	content := v.Decision.Identity().Content
	if content == nil || !content.HasPayload {
		return errNoPayload
	}
	if !gate.Plain("content-type", contentType) {
		return gate.ErrNotPlain
	}
	c.replace, c.payload = true, content.Payload
	c.headers.RemoveHeaders = append(c.headers.RemoveHeaders, "content-encoding")
	if !gate.HasName(gains, "content-type") {
		set(c.headers, "content-type", contentType)
	}
	set(c.headers, "content-length", strconv.Itoa(len(c.payload)))
	return nil
}

// withoutQuery returns path without the query parameters of those raw names, and
// whether that differs.
func withoutQuery(path string, names []string) (string, bool) {
	before, query, ok := strings.Cut(path, "?")
	if !ok || len(names) == 0 {
		return path, false
	}
	var kept []string
	changed := false
	for parameter := range strings.SplitSeq(query, "&") {
		name, _, _ := strings.Cut(parameter, "=")
		if slices.Contains(names, name) {
			changed = true
			continue
		}
		kept = append(kept, parameter)
	}
	if len(kept) == 0 {
		return before, changed
	}
	return before + "?" + strings.Join(kept, "&"), changed
}

// set makes m replace the header: raw_value, since Envoy takes value for an empty
// one, and both fields that say that it replaces.
func set(m *extprocpb.HeaderMutation, name, value string) {
	m.SetHeaders = append(m.SetHeaders, &corepb.HeaderValueOption{
		Header:       &corepb.HeaderValue{Key: name, RawValue: []byte(value)},
		Append:       wrapperspb.Bool(false), //nolint:staticcheck // older gateways read only this one
		AppendAction: corepb.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD,
	})
}

// add is set for the first line of a name, and makes m add the lines after it.
func add(m *extprocpb.HeaderMutation, name, value string) {
	for _, before := range m.GetSetHeaders() {
		if before.GetHeader().GetKey() == name {
			m.SetHeaders = append(m.SetHeaders, &corepb.HeaderValueOption{
				Header:       &corepb.HeaderValue{Key: name, RawValue: []byte(value)},
				Append:       wrapperspb.Bool(true), //nolint:staticcheck // as in set
				AppendAction: corepb.HeaderValueOption_APPEND_IF_EXISTS_OR_ADD,
			})
			return
		}
	}
	set(m, name, value)
}
