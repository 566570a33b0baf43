package extauthz

import (
	"unicode/utf8"

	"github.com/hookauthz/hookauthz/server/gate"
)

// appendAllow is the only function that makes a response that allows. Status
// code 0 is what allows. It wants a proof.
func appendAllow(dst []byte, v *gate.Verdict) ([]byte, error) {
	if err := v.Proof(); err != nil {
		return nil, err //nolint:wrapcheck // it is worded for the decision log
	}
	w := writer{dst}
	w.close(w.open(responseStatus))
	response := w.open(responseOK)
	fits := w.changes(v)
	w.close(response)
	if !fits || !w.metadata(v) {
		return nil, gate.ErrNotPlain
	}
	return w.b, nil
}

// changes writes what the request gets and loses on its way upstream. It returns
// false if Envoy might not take it as it is. The gateway removes after it has
// set, so a name that is set is not among those that are removed.
func (w *writer) changes(v *gate.Verdict) bool {
	gains := v.Gains()
	if len(gains) > gate.MaxAnswerHeaders {
		return false
	}
	for i := range gains {
		if !w.header(gains[i].Name, gains[i].Value) {
			return false
		}
	}
	if !v.Losses(func(name string) bool { w.text(okRemoveHeaders, name); return true }) {
		return false
	}
	if v.Decision.IsMonitored() {
		return true
	}
	for _, name := range v.Policy.RemoveQuery() {
		if name == "" || !utf8.ValidString(name) {
			return false
		}
		w.text(okRemoveQuery, name)
	}
	return true
}
