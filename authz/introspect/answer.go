package introspect

import (
	"mime"
	"net/http"
	"time"

	"github.com/hookauthz/hookauthz/authz/outbound"
	"github.com/hookauthz/hookauthz/authz/scheme/jose"
)

const jsonType = "application/json"

// An answer is what a server said (RFC 7662, section 2.2).
type answer struct {
	body   []byte // nil: the token is not active
	exp    time.Time
	bounds bool // exp is set
}

// read takes an answer apart. What is not exactly one is no answer, and so trouble
// of the server's: a member spelt twice, or "active" as a text.
func read(response *outbound.Response) (answer, error) {
	if response.Status != http.StatusOK {
		return answer{}, refused(response.Status)
	}
	if media, _, err := mime.ParseMediaType(response.ContentType); err != nil || media != jsonType {
		return answer{}, unavailable("the authorization server's answer is not application/json")
	}
	claims, err := jose.ParseClaims(response.Body)
	if err != nil {
		return answer{}, unavailable("the authorization server's answer is no JSON object with one reading")
	}
	active, ok := claims.Bool("active")
	switch {
	case !ok:
		return answer{}, unavailable(`the authorization server's answer has no "active" that is true or false`)
	case !active:
		return answer{}, nil
	}
	exp, ok := claims.Time("exp")
	if !ok && claims.Has("exp") {
		return answer{}, unavailable(`the authorization server's answer has an "exp" that is no time`)
	}
	return answer{body: response.Body, exp: exp, bounds: ok}, nil
}

// keptFor returns the verdict of an answer to what was asked at now.
func (a *answer) keptFor(now time.Time) *verdict {
	if a.body == nil {
		return &verdict{asked: now, keep: spread(keepInactive)}
	}
	keep := spread(keepActive)
	if a.bounds {
		keep = min(keep, a.exp.Sub(now))
	}
	return &verdict{answer: a.body, asked: now, keep: keep}
}
