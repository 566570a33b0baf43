package scheme

import (
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/template"
)

// A Timestamp is where the signed time stands and how it is judged.
type Timestamp struct {
	// Value is a template at [template.PlaceTimestamp].
	Value string
	// Unit is a word that [ParseUnit] knows.
	Unit string
	// Tolerance and FutureTolerance are as [NewWindow] takes them.
	Tolerance, FutureTolerance *time.Duration
	// Unchecked reads the time and enforces no window.
	Unchecked bool
}

// A Clock reads and judges the signed time of requests. It is immutable and may
// be used by many goroutines.
type Clock struct {
	value     *template.Template
	unit      Unit
	window    Window
	unchecked bool
}

// NewClock returns the clock that t describes, or every mistake in t. The
// options tell which credential fields there are.
func NewClock(t Timestamp, o template.Options) (*Clock, []authz.Problem) {
	unit, problems := ParseUnit(t.Unit)
	problems = Below("unit", problems)

	window, mistakes := NewWindow(t.Tolerance, t.FutureTolerance)
	problems = append(problems, mistakes...)
	if t.Unchecked && (t.Tolerance != nil || t.FutureTolerance != nil) {
		problems = append(problems, mistake("unchecked", "a tolerance has no meaning where the time is unchecked")...)
	}

	value, mistakes := template.Compile(t.Value, template.Options{
		Place: template.PlaceTimestamp, Fields: o.Fields, AnyField: o.AnyField,
	})
	problems = append(problems, Below("value", mistakes)...)
	return &Clock{value: value, unit: unit, window: window, unchecked: t.Unchecked}, problems
}

// Enforced reports whether a window is enforced.
func (c *Clock) Enforced() bool { return !c.unchecked }

// Window returns how long after it was signed a message passes and how far it may
// be ahead, both together; 0 if no window is enforced.
func (c *Clock) Window() time.Duration {
	if c.unchecked {
		return 0
	}
	return c.window.Past + c.window.Future
}

// NeedsBody reports whether the time stands in the body.
func (c *Clock) NeedsBody() bool { return c.value.NeedsBody() }

// Captures returns the route captures that the time is read from.
func (c *Clock) Captures() []string { return c.value.Captures() }

// SignedBy reports whether message vouches for the time: it holds {timestamp},
// or else what the time is read from, such as the body.
func (c *Clock) SignedBy(message *template.Template) bool {
	return message.ContainsTimestamp() || message.ContainsValue(c.value)
}

// Read returns the time's text as it stands in the request, which is what
// senders sign, and the time it writes. buf is memory to work in, returned for
// the next call; text doesn't share it. The error is a denial: the time is not
// there, or not written in its unit.
func (c *Clock) Read(buf []byte, in *template.Input) (text string, signed time.Time, _ []byte, _ error) {
	raw, err := c.value.Append(buf[:0], in)
	if err != nil {
		return "", time.Time{}, buf, err
	}
	text = string(raw)
	signed, ok := c.unit.Parse(text)
	if !ok {
		return "", time.Time{}, raw, malformed("the timestamp is not written in its unit")
	}
	return text, signed, raw, nil
}

// Check is [Window.Check] where the window is enforced.
func (c *Clock) Check(signed, received time.Time) error {
	if c.unchecked {
		return nil
	}
	return c.window.Check(signed, received)
}

// Below returns problems with path put before theirs.
func Below(path string, problems []authz.Problem) []authz.Problem {
	below := make([]authz.Problem, len(problems))
	for i, p := range problems {
		switch {
		case p.Path == "":
			p.Path = path
		case p.Path[0] == '[':
			p.Path = path + p.Path
		default:
			p.Path = path + "." + p.Path
		}
		below[i] = p
	}
	return below
}
