package cache

import "time"

// Reached reports whether a deadline that is at by the monotonic and wall by
// the wall clock is reached at now: a real clock can't be made to disagree with
// itself.
func Reached(at time.Time, wall int64, now time.Time) bool {
	return deadline{at: at, wall: wall}.reached(now)
}
