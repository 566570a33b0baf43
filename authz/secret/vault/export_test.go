package vault

import (
	"net/http"
	"time"

	"github.com/hookauthz/hookauthz/authz/secret"
)

// NewOver returns a Client that sends its requests through transport.
func NewOver(cfg Config, transport http.RoundTripper) (*Client, error) {
	return newClient(cfg.filled(), transport)
}

// Judge decodes and classifies a reply to a read.
func Judge(status int, contentType string, body []byte, loc secret.Location, version int) (secret.Reading, error) {
	r := reply{status: status, contentType: contentType, body: body}
	reading, failure := judge(r, loc, version, time.Unix(1_800_000_000, 0))
	if failure != nil {
		return reading, failure
	}
	return reading, nil
}
