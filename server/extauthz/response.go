package extauthz

import (
	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/policy"
	"github.com/hookauthz/hookauthz/server/gate"
)

// appendResponse appends the CheckResponse of v and returns the HTTP status it
// stands for. A response that can't be made, whatever the cause, becomes a
// denial of our own; v.Decision is then changed to it.
func appendResponse(dst []byte, v *gate.Verdict) ([]byte, int) {
	const ok = 200
	if v.Decision.Passes() {
		response, err := appendAllow(dst, v)
		if err == nil {
			return response, ok
		}
		v.Decision = authz.Denied(authz.ReasonGuardTripped, err.Error())
	}
	answer := v.Answer()
	response, err := appendDeny(dst, v, answer)
	if err == nil {
		return response, answer.Status
	}
	v.Decision = authz.Denied(authz.ReasonGuardTripped, err.Error())
	return appendBug(dst, v.Decision, v.ID), gate.BugStatus
}

// The fields of CheckResponse, OkHttpResponse, DeniedHttpResponse,
// HeaderValueOption and HeaderValue that are written.
const (
	responseStatus   = 1
	responseDenied   = 2
	responseOK       = 3
	responseMetadata = 4

	statusCode = 1 // google.rpc.Status

	bothHeaders     = 2 // of OkHttpResponse and of DeniedHttpResponse
	okRemoveHeaders = 5
	okRemoveQuery   = 8
	deniedStatus    = 1
	deniedBody      = 3

	optionHeader = 1
	optionAppend = 2
	optionAction = 3

	headerKey   = 1
	headerValue = 2
)

// appendDeny makes a response that denies.
func appendDeny(dst []byte, v *gate.Verdict, answer *policy.Answer) ([]byte, error) {
	if !gate.Sound(answer) {
		return nil, gate.ErrNotPlain
	}
	w := writer{dst}
	w.status(gate.Code(v.Decision.Class()))
	response := w.open(responseDenied)
	w.httpStatus(answer.Status)
	if !answer.HasBody && !gate.HasName(answer.Headers, "content-type") {
		w.header("content-type", gate.ErrorType)
	}
	for i := range answer.Headers {
		if !w.header(answer.Headers[i].Name, answer.Headers[i].Value) {
			return nil, gate.ErrNotPlain
		}
	}
	w.header(gate.DecisionIDHeader, v.ID)
	if answer.HasBody {
		w.text(deniedBody, answer.Body)
	} else {
		w.errorBody(answer.Status, v.ID)
	}
	w.close(response)
	if !w.metadata(v) {
		return nil, gate.ErrNotPlain
	}
	return w.b, nil
}

// appendBug makes a denial that depends on nothing that could be at fault.
func appendBug(dst []byte, decision authz.Decision, id string) []byte {
	w := writer{dst}
	w.status(gate.Code(authz.ClassInternal))
	response := w.open(responseDenied)
	w.httpStatus(gate.BugStatus)
	w.header("content-type", gate.ErrorType)
	w.header(gate.DecisionIDHeader, id)
	w.errorBody(gate.BugStatus, id)
	w.close(response)
	w.metadata(&gate.Verdict{Decision: decision, ID: id})
	return w.b
}

func (w *writer) status(code uint32) {
	status := w.open(responseStatus)
	w.number(statusCode, uint64(code))
	w.close(status)
}

func (w *writer) httpStatus(status int) {
	at := w.open(deniedStatus)
	w.number(1, uint64(status)) //nolint:gosec // G115: below 600
	w.close(at)
}

// errorBody writes the body of a denial whose policy states none.
func (w *writer) errorBody(status int, id string) {
	body := w.open(deniedBody)
	w.b = gate.AppendError(w.b, status, id)
	w.close(body)
}

// header writes a HeaderValueOption that replaces the header: append false for
// gateways that read only that, and the action OVERWRITE_IF_EXISTS_OR_ADD for
// those whose default became another. It returns false, having written
// nothing, if Envoy might not take name or value as they are.
func (w *writer) header(name, value string) bool {
	const overwriteIfExistsOrAdd = 2
	if !gate.Plain(name, value) {
		return false
	}
	option := w.open(bothHeaders)
	header := w.open(optionHeader)
	w.text(headerKey, name)
	w.text(headerValue, value)
	w.close(header)
	w.close(w.open(optionAppend))
	w.number(optionAction, overwriteIfExistsOrAdd)
	w.close(option)
	return true
}

// metadata writes what the gateway's access log and the filters after this one
// can read. It returns false if a value can't be written.
func (w *writer) metadata(v *gate.Verdict) bool {
	at := w.open(responseMetadata)
	ok := v.Describe(w.metadatum)
	w.close(at)
	return ok
}

// metadatum writes one entry of google.protobuf.Struct.fields, a string. It
// returns true.
func (w *writer) metadatum(name, value string) bool {
	const structFields, entryKey, entryValue, valueString = 1, 1, 2, 3
	entry := w.open(structFields)
	w.text(entryKey, name)
	at := w.open(entryValue)
	w.text(valueString, value)
	w.close(at)
	w.close(entry)
	return true
}
