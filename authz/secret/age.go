package secret

import "time"

// Age returns how long ago then was, by the clock that says longer: a step of the
// wall clock can't prolong what is held, nor can a machine that was suspended,
// whose monotonic clock stood still.
func Age(then, now time.Time) time.Duration {
	return max(now.Sub(then), now.Round(0).Sub(then.Round(0)), 0)
}
