package keyset

import (
	"context"
	"errors"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/outbound"
	"github.com/hookauthz/hookauthz/authz/scheme/jose"
	"github.com/hookauthz/hookauthz/authz/secret"
)

// The limits of one request.
const (
	fetchTimeout = 2 * time.Second
	maxBody      = 512 << 10
)

// metadataTime is how long the place of an issuer's keys is remembered.
const metadataTime = time.Hour

// A result is what a fetch brought.
type result struct {
	keys     []authz.PublicKey
	refused  int
	metadata metadata
	maxAge   time.Duration // how long the issuer says that it is good, 0 if it doesn't
	err      *Error
	// retryAfter is how long the issuer asks to be left alone.
	retryAfter time.Duration
}

// fetch asks for the place of the keys where it must, then for the keys.
func (r *remote) fetch(ctx context.Context) result {
	place := metadata{keys: r.declaration.URL}
	if r.declaration.Issuer != "" {
		var failed result
		if place, failed = r.place(ctx); failed.err != nil {
			return failed
		}
	}
	answer, failed := r.get(ctx, StepKeys, place.keys)
	if failed.err != nil {
		return failed
	}
	keys, refused, err := jose.ParseJWKSet(answer.Body)
	if err != nil {
		return result{err: &Error{Step: StepKeys, Cause: CauseMalformed, Status: answer.Status}}
	}
	return result{keys: keys, refused: len(refused), metadata: place, maxAge: maxAge(answer.Header)}
}

// place returns where the issuer's keys are. It asks again after a failure: the
// keys may have moved.
func (r *remote) place(ctx context.Context) (metadata, result) {
	r.mu.Lock()
	place, failing := r.metadata, r.fails > 0
	r.mu.Unlock()
	if place.keys != "" && !failing && secret.Age(place.read, time.Now()) < metadataTime {
		return place, result{}
	}
	started := time.Now()
	var answer *outbound.Response
	var failed result
	for _, url := range wellKnown(r.declaration.Issuer) {
		if answer, failed = r.get(ctx, StepDiscovery, url); failed.err == nil || !failed.err.Declined() {
			break
		}
	}
	if failed.err != nil {
		return metadata{}, failed
	}
	keys, cause := parseMetadata(answer.Body, r.declaration.Issuer, r.cache.cfg.Dev)
	if cause != "" {
		return metadata{}, result{err: &Error{Step: StepDiscovery, Cause: cause, Status: answer.Status}}
	}
	return metadata{keys: keys, read: started}, result{}
}

// get returns an answer with status 200 that says that it is JSON.
func (r *remote) get(ctx context.Context, step Step, url string) (*outbound.Response, result) {
	answer, err := r.cache.cfg.Client.Do(ctx, outbound.Request{
		URL: url, Private: r.declaration.Private, MaxBytes: maxBody, Timeout: fetchTimeout,
		Header: http.Header{"Accept": {"application/json, application/jwk-set+json"}},
	})
	if err != nil {
		return nil, result{err: noAnswer(step, err)}
	}
	switch {
	case answer.Status != http.StatusOK:
		return nil, result{
			err: &Error{Step: step, Cause: CauseStatus, Status: answer.Status}, retryAfter: outbound.RetryAfter(answer.Header),
		}
	case !isJSON(answer.ContentType):
		return nil, result{err: &Error{Step: step, Cause: CauseContentType, Status: answer.Status}}
	}
	return answer, result{}
}

// noAnswer is the failure of a request that err ended.
func noAnswer(step Step, err error) *Error {
	failure := &Error{Step: step, Cause: outbound.CauseNetwork}
	if known, ok := errors.AsType[*outbound.Error](err); ok && known != nil {
		failure.Cause = known.Cause
	}
	return failure
}

// isJSON reports whether a body of that type may be JSON. Servers of plain files
// know no better than text/plain.
func isJSON(contentType string) bool {
	media, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		return false
	}
	return media == "application/json" || media == "text/plain" ||
		strings.HasPrefix(media, "application/") && strings.HasSuffix(media, "+json")
}

// maxAge returns for how long the answer may be kept (RFC 9111, section 5.2.2.1),
// 0 if it does not say.
func maxAge(h http.Header) time.Duration {
	for directive := range strings.SplitSeq(strings.Join(h.Values("Cache-Control"), ","), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
		if !strings.EqualFold(name, "max-age") {
			continue
		}
		if seconds, err := strconv.ParseUint(strings.Trim(value, `"`), 10, 31); err == nil {
			return time.Duration(seconds) * time.Second
		}
	}
	return 0
}
