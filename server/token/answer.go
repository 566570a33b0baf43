package token

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/hookauthz/hookauthz/authz"
)

// A refusal is an answer other than success (RFC 6749, section 5.2). Its texts are
// constants of ours.
type refusal struct {
	status int
	result string
	// code is "error", text "error_description".
	code, text string
	// reason is for the log, text if empty.
	reason string
	// retry is when another attempt may succeed, 0 if that does not depend on
	// time.
	retry time.Duration
	// trouble is ours, not the sender's: the log ranks it higher.
	trouble bool
}

// why is what the log is told.
func (r *refusal) why() string {
	if r.reason != "" {
		return r.reason
	}
	return r.text
}

// Codes of answers that RFC 6749 has none for at a token endpoint. Section 4.1.2.1
// has the words, for another endpoint.
const (
	codeUnavailable = "temporarily_unavailable"
	codeInternal    = "server_error"
)

func badRequest(text string) *refusal {
	return &refusal{status: http.StatusBadRequest, result: ResultInvalidRequest, code: ResultInvalidRequest, text: text}
}

// badClient says the same whatever was wrong: reason is for the log alone.
func badClient(reason string) *refusal {
	return &refusal{
		status: http.StatusUnauthorized, result: ResultInvalidClient, code: ResultInvalidClient,
		text: "client authentication failed", reason: reason,
	}
}

func tooOften(what string, wait time.Duration) *refusal {
	return &refusal{
		status: http.StatusTooManyRequests, result: ResultLimited, code: codeUnavailable,
		text: "too many requests, try again later", reason: what, retry: wait,
	}
}

// soon is when to ask again where nobody knows.
const soon = 5 * time.Second

func unavailable(reason string) *refusal {
	return &refusal{
		status: http.StatusServiceUnavailable, result: ResultUnavailable, code: codeUnavailable,
		text: "try again later", reason: reason, retry: soon, trouble: true,
	}
}

func internal(reason string) *refusal {
	return &refusal{
		status: http.StatusInternalServerError, result: ResultInternal, code: codeInternal,
		text: "this server is at fault", reason: reason, trouble: true,
	}
}

// troubled is the answer to err, a trouble of ours and none of the sender's.
func troubled(err error) *refusal {
	reason := "unknown trouble"
	if denial, ok := errors.AsType[*authz.Denial](err); ok {
		reason = denial.Error() // names of ours, and no value
	}
	switch {
	case errors.Is(err, authz.ErrUnavailable):
		return unavailable(reason)
	case errors.Is(err, authz.ErrNotConfigured):
		return &refusal{
			status: http.StatusInternalServerError, result: ResultNotConfigured, code: codeInternal,
			text: "this server is not configured", reason: reason, trouble: true,
		}
	}
	return internal(reason)
}

// challenge is the WWW-Authenticate of every 401, which RFC 9110, section 15.5.2,
// demands. A client that used Basic must get it (RFC 6749, section 5.2), and others
// may.
const challenge = `Basic realm="token", charset="UTF-8"`

// refuse writes r.
func refuse(w http.ResponseWriter, r *refusal) {
	if r.status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", challenge)
	}
	if r.retry > 0 {
		w.Header().Set("Retry-After", strconv.FormatInt(int64((r.retry+time.Second-1)/time.Second), 10))
	}
	answer(w, r.status, struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}{r.code, r.text})
}

// answer writes body as JSON that nobody may keep.
func answer(w http.ResponseWriter, status int, body any) {
	text, err := json.Marshal(body)
	if err != nil { // not with the bodies we have
		status, text = http.StatusInternalServerError, []byte(`{"error":"`+codeInternal+`"}`)
	}
	header := w.Header()
	header.Set("Cache-Control", "no-store")
	header.Set("Pragma", "no-cache")
	write(w, status, "application/json", text)
}

func write(w http.ResponseWriter, status int, contentType string, text []byte) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(text) // whoever asked is gone: nothing to do
}
