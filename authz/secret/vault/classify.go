package vault

import (
	"errors"
	"net/http"
	"time"

	"github.com/hookauthz/hookauthz/authz/secret"
)

// judge returns what the reply to a read says. The class is [secret.ClassDenied]
// for every 403 of Vault, since only the token's own state tells what it means.
func judge(r reply, loc secret.Location, version int, now time.Time) (secret.Reading, *secret.Error) {
	o, failure := r.verdict(secret.OperationRead)
	if failure != nil {
		return secret.Reading{}, failure
	}
	var reading secret.Reading
	var err error
	if loc.KVVersion == 1 {
		reading, err = decodeV1(o)
	} else {
		reading, err = decodeV2(o, version, now)
	}
	switch {
	case err == nil:
		return reading, nil
	case errors.Is(err, errEngine):
		return secret.Reading{}, r.failure(secret.OperationRead, secret.ClassUnusable, secret.CauseWrongEngine)
	case errors.Is(err, errDeleted):
		return secret.Reading{}, r.failure(secret.OperationRead, secret.ClassGone, secret.CauseNotFound)
	}
	return secret.Reading{}, r.failure(secret.OperationRead, secret.ClassTransient, secret.CauseMalformed)
}

// verdict returns the object of a reply with status 200 that is Vault's own, or
// the class of any other reply. It goes by the status, never by the text.
func (r reply) verdict(operation string) (object, *secret.Error) {
	if r.status >= 300 && r.status < 400 {
		return nil, r.failure(operation, secret.ClassTransient, secret.CauseRedirect)
	}
	o, ours := r.fromVault()
	if !ours {
		if r.status == http.StatusOK && isJSON(r.body) {
			return nil, r.failure(operation, secret.ClassTransient, secret.CauseMalformed)
		}
		if r.status >= 500 || r.status == http.StatusTooManyRequests {
			return nil, r.failure(operation, secret.ClassTransient, secret.CauseStatus)
		}
		return nil, r.failure(operation, secret.ClassTransient, secret.CauseNotVault)
	}
	switch r.status {
	case http.StatusOK:
		if !o.null("errors") {
			return nil, r.failure(operation, secret.ClassTransient, secret.CauseMalformed)
		}
		return o, nil
	case http.StatusNotFound:
		return nil, r.failure(operation, secret.ClassGone, secret.CauseNotFound)
	case http.StatusMethodNotAllowed:
		return nil, r.failure(operation, secret.ClassGone, secret.CauseWrongEngine)
	case http.StatusForbidden:
		return nil, r.failure(operation, secret.ClassDenied, secret.CauseForbidden)
	case http.StatusBadRequest:
		return nil, r.failure(operation, secret.ClassTransient, secret.CauseUpgrading)
	}
	return nil, r.failure(operation, secret.ClassTransient, secret.CauseStatus)
}

func isJSON(body []byte) bool {
	_, err := parseObject(body)
	return err == nil
}

func (r reply) failure(operation string, class secret.Class, cause secret.Cause) *secret.Error {
	e := &secret.Error{Class: class, Cause: cause, Operation: operation, Status: r.status}
	if !class.Authoritative() {
		e.RetryAfter = r.retryAfter
	}
	return e
}
