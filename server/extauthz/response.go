package extauthz

import (
	"errors"
	"unicode/utf8"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/policy"
)

// What a response may hold. Envoy's own limits are higher; a policy that is
// above these has something wrong.
const (
	maxResponseHeaders = 64
	maxResponseValue   = 8 << 10
	maxResponseBody    = 64 << 10
)

// decisionIDHeader tells the sender under which id the decision is logged.
const decisionIDHeader = "x-hookauthz-decision-id"

var errNotPlain = errors.New("a part of the response is empty, too long or not printable ASCII")

// A verdict is a decision and what its answer is made of.
type verdict struct {
	decision authz.Decision
	id       string
	table    *policy.Table  // nil: none is loaded
	policy   *policy.Policy // nil: none was found
	headers  []authz.Field  // for the upstream, if allowed
}

func (v *verdict) policyName() string {
	if v.policy == nil {
		return ""
	}
	return v.policy.Name()
}

// answer returns how a denial is answered.
func (v *verdict) answer() *policy.Answer {
	if v.policy != nil {
		return v.policy.Answer(v.decision.Class())
	}
	return v.table.DefaultAnswer(v.decision.Class())
}

// appendResponse appends the CheckResponse of v and returns the HTTP status it
// stands for. A response that can't be made, whatever the cause, becomes a
// denial of our own; v.decision is then changed to it.
func appendResponse(dst []byte, v *verdict) ([]byte, int) {
	const ok = 200
	if v.decision.Passes() {
		response, err := appendAllow(dst, v)
		if err == nil {
			return response, ok
		}
		v.decision = authz.Denied(authz.ReasonGuardTripped, err.Error())
	}
	answer := v.answer()
	response, err := appendDeny(dst, v, answer)
	if err == nil {
		return response, answer.Status
	}
	v.decision = authz.Denied(authz.ReasonGuardTripped, err.Error())
	return appendBug(dst, v.decision, v.id), bugStatus
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
func appendDeny(dst []byte, v *verdict, answer *policy.Answer) ([]byte, error) {
	// 410 has senders of the Standard Webhooks kind disable the endpoint.
	const lowest, highest, gone = 400, 599, 410
	if answer.Status < lowest || answer.Status > highest || answer.Status == gone || len(answer.Headers) > maxResponseHeaders {
		return nil, errNotPlain
	}
	w := writer{dst}
	w.status(grpcCode(v.decision.Class()))
	response := w.open(responseDenied)
	w.httpStatus(answer.Status)
	if !answer.HasBody && !hasName(answer.Headers, "content-type") {
		w.header("content-type", "application/json")
	}
	for i := range answer.Headers {
		if !w.header(answer.Headers[i].Name, answer.Headers[i].Value) {
			return nil, errNotPlain
		}
	}
	w.header(decisionIDHeader, v.id)
	if answer.HasBody {
		if len(answer.Body) > maxResponseBody || !utf8.ValidString(answer.Body) {
			return nil, errNotPlain
		}
		w.text(deniedBody, answer.Body)
	} else {
		w.errorBody(answer.Status, v.id)
	}
	w.close(response)
	if !w.metadata(v) {
		return nil, errNotPlain
	}
	return w.b, nil
}

const bugStatus = 500

// appendBug makes a denial that depends on nothing that could be at fault.
func appendBug(dst []byte, decision authz.Decision, id string) []byte {
	w := writer{dst}
	w.status(grpcCode(authz.ClassInternal))
	response := w.open(responseDenied)
	w.httpStatus(bugStatus)
	w.header("content-type", "application/json")
	w.header(decisionIDHeader, id)
	w.errorBody(bugStatus, id)
	w.close(response)
	w.metadata(&verdict{decision: decision, id: id})
	return w.b
}

func (w *writer) status(code uint64) {
	status := w.open(responseStatus)
	w.number(statusCode, code)
	w.close(status)
}

func (w *writer) httpStatus(status int) {
	at := w.open(deniedStatus)
	w.number(1, uint64(status)) //nolint:gosec // G115: below 600
	w.close(at)
}

// errorBody writes the body of a denial whose policy states none. It depends on
// the status and the id only, so it tells a sender nothing of the reason.
func (w *writer) errorBody(status int, id string) {
	body := w.open(deniedBody)
	w.b = append(w.b, `{"error":"`...)
	w.b = append(w.b, errorWord(status)...)
	w.b = append(w.b, `","decision_id":"`...)
	w.b = append(w.b, id...)
	w.b = append(w.b, `"}`...)
	w.close(body)
}

// errorWord is the one word that a sender is told of a status.
func errorWord(status int) string {
	switch status {
	case 400:
		return "bad_request"
	case 401:
		return "unauthorized"
	case 403:
		return "forbidden"
	case 404:
		return "not_found"
	case 413:
		return "too_large"
	case 429:
		return "limited"
	case 500:
		return "internal"
	case 503:
		return "unavailable"
	}
	return "denied"
}

// grpcCode returns the code of google.rpc.Code for a class of denials. It is
// never 0, which would allow.
func grpcCode(class authz.Class) uint64 {
	const invalidArgument, permissionDenied, resourceExhausted, internal, unavailable, unauthenticated = 3, 7, 8, 13, 14, 16
	switch class {
	case authz.ClassMissing, authz.ClassMalformed, authz.ClassInvalid, authz.ClassStale:
		return unauthenticated
	case authz.ClassForbidden, authz.ClassNoPolicy:
		return permissionDenied
	case authz.ClassAmbiguous:
		return invalidArgument
	case authz.ClassTooLarge, authz.ClassLimited:
		return resourceExhausted
	case authz.ClassUnavailable:
		return unavailable
	case authz.ClassInternal, authz.ClassNotConfigured:
	}
	return internal
}

// header writes a HeaderValueOption that replaces the header: append false for
// gateways that read only that, and the action OVERWRITE_IF_EXISTS_OR_ADD for
// those whose default became another. It returns false, having written
// nothing, if Envoy might not take name or value as they are.
func (w *writer) header(name, value string) bool {
	const overwriteIfExistsOrAdd = 2
	if classify(name) != nameLower || len(name) > maxResponseValue || !isPlain(value) {
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

// isPlain reports whether value is printable ASCII and neither empty nor too
// long.
func isPlain(value string) bool {
	if value == "" || len(value) > maxResponseValue {
		return false
	}
	for i := range len(value) {
		if value[i] < ' ' || value[i] > '~' {
			return false
		}
	}
	return true
}

// metadata writes what the gateway's access log and the filters after this one
// can read. Of a policy that only watches it tells the verdict, not that the
// request passes. It returns false if a value is not UTF-8.
func (w *writer) metadata(v *verdict) bool {
	word, class, version, mode := "deny", v.decision.Class().String(), "", "enforce"
	identity := v.decision.Identity()
	if v.decision.Allowed() {
		word, class = "allow", ""
	}
	if v.decision.IsMonitored() {
		mode = "monitor"
	}
	if identity.Secret != "" {
		version = "current"
		if identity.Previous {
			version = "previous"
		}
	}
	at := w.open(responseMetadata)
	ok := w.metadatum("decision_id", v.id) &&
		w.metadatum("policy", v.policyName()) &&
		w.metadatum("mode", mode) &&
		w.metadatum("decision", word) &&
		w.metadatum("class", class) &&
		w.metadatum("reason", v.decision.Reason().String()) &&
		w.metadatum("principal", identity.Principal) &&
		w.metadatum("secret_version", version)
	w.close(at)
	return ok
}

// metadatum writes one entry of google.protobuf.Struct.fields, a string.
func (w *writer) metadatum(name, value string) bool {
	const structFields, entryKey, entryValue, valueString = 1, 1, 2, 3
	if len(value) > maxResponseValue || !utf8.ValidString(value) {
		return false
	}
	entry := w.open(structFields)
	w.text(entryKey, name)
	at := w.open(entryValue)
	w.text(valueString, value)
	w.close(at)
	w.close(entry)
	return true
}
