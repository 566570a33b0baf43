package server

import "runtime/debug"

// collectAt is the garbage collector's target, GOGC. A check leaves a few
// kilobytes of garbage and the process holds a few megabytes, so by Go's default
// of 100 the collector would run hundreds of times a second under load. The
// price is memory: about four times what the process holds.
const collectAt = 400

// Tune sets the garbage collector for a server, unless the variable GOGC says
// otherwise. A limit by GOMEMLIMIT holds all the same.
func Tune(lookup func(name string) (value string, ok bool)) {
	if _, ok := lookup("GOGC"); !ok {
		debug.SetGCPercent(collectAt)
	}
}
