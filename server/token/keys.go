package token

import (
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/scheme/jose"
)

// How long others may keep what is published. A new key signs after more than
// keysAge.
const (
	keysAge     = time.Minute
	metadataAge = 5 * time.Minute
)

// A publication is a set of keys as it is published.
type publication struct {
	of   *authz.Keys
	text []byte
}

// keys publishes the public halves of the signing keys.
func (h *Handler) keys(w http.ResponseWriter, p *prepared) {
	now := time.Now()
	text, bad := p.keySet(now)
	if bad != nil {
		if h.mayLog(now) {
			h.Log.Warn("the signing keys can't be published", slog.String("reason", bad.why()))
		}
		refuse(w, bad)
		return
	}
	publish(w, keysAge, "application/jwk-set+json", text)
}

// keySet returns the set as JSON (RFC 7517, section 5).
func (p *prepared) keySet(now time.Time) ([]byte, *refusal) {
	if p.endpoint.Signer == nil {
		return nil, internal("there is no signer")
	}
	keys, err := p.endpoint.Signer.Set().Keys(now)
	if err == nil && len(keys.Accepted) == 0 {
		err = keys.Unusable
	}
	if err != nil {
		return nil, troubled(err)
	}
	if last := p.published.Load(); last != nil && last.of == keys {
		return last.text, nil
	}
	text, err := jose.MarshalJWKSet(keys.Accepted)
	if err != nil {
		return nil, internal("the keys can't be written")
	}
	p.published.Store(&publication{of: keys, text: text})
	return text, nil
}

// publish writes what everybody may see and keep for a while.
func publish(w http.ResponseWriter, age time.Duration, contentType string, text []byte) {
	w.Header().Set("Cache-Control", "public, max-age="+strconv.Itoa(int(age/time.Second)))
	write(w, http.StatusOK, contentType, text)
}
