package secret

import (
	"math/rand/v2"
	"time"
)

// The limits of [Backoff].
const (
	MinBackoff = time.Second
	MaxBackoff = time.Minute
)

// Backoff returns the pause after failures in a row, with full jitter: any time
// up to a limit that doubles from [MinBackoff] to [MaxBackoff]. It is more than
// zero.
func Backoff(failures int) time.Duration {
	limit := MaxBackoff
	if n := max(failures-1, 0); n < 6 {
		limit = MinBackoff << n
	}
	return rand.N(limit) + time.Millisecond //nolint:gosec // jitter need not be secret
}
