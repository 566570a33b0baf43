package policy

import (
	"time"

	"github.com/hookauthz/hookauthz/authz"
)

// ways is what the ways through a requirement have in common. A way is a choice
// of one member of each any_of.
type ways struct {
	// authenticates says that every way holds a check that proves who sent the
	// request.
	authenticates bool
	// naked says that some way decrypts something and does not authenticate.
	naked bool
	// signs says that every way holds a check that gives a message, dated that
	// every way holds one that enforces the time at which that was signed.
	signs, dated bool
	// window is the widest window of all checks.
	window time.Duration
	// payload says that every way gives a payload, payloads how many some way
	// gives at most.
	payload  bool
	payloads int
}

// mistaken are the ways of what could not be built: nothing more is wrong with
// them.
func mistaken() ways {
	return ways{authenticates: true, signs: true, dated: true, payload: true, payloads: 1}
}

// waysOf returns the one way through a check.
func waysOf(kind string, part *authz.Part) ways {
	w := ways{
		authenticates: part.Authenticates, naked: kind == kindJWE && !part.Authenticates,
		signs: part.Signs, dated: part.Signs && part.Window > 0, window: part.Window, payload: part.Payload,
	}
	if part.Payload {
		w.payloads = 1
	}
	return w
}

// kindJWE is the kind that decrypts.
const kindJWE = "jwe"

// and returns the ways through w and then through next.
func (w ways) and(next ways) ways {
	return ways{
		authenticates: w.authenticates || next.authenticates,
		naked:         !w.authenticates && !next.authenticates && (w.naked || next.naked),
		signs:         w.signs || next.signs,
		dated:         w.dated || next.dated,
		window:        max(w.window, next.window),
		payload:       w.payload || next.payload,
		payloads:      w.payloads + next.payloads,
	}
}

// or returns the ways through w, and those through next.
func (w ways) or(next ways) ways {
	return ways{
		authenticates: w.authenticates && next.authenticates,
		naked:         w.naked || next.naked,
		signs:         w.signs && next.signs,
		dated:         w.dated && next.dated,
		window:        max(w.window, next.window),
		payload:       w.payload && next.payload,
		payloads:      max(w.payloads, next.payloads),
	}
}
