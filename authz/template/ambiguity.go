package template

// No two different inputs may give one message, or a signature made for one
// would hold for the other. So it must be possible to read every message back,
// in one way only. separate proves that it is, along these lines:
//
//   - A bounded value (a digest, a timestamp of one spelling) is read from
//     either side without its neighbours, so it never separates them either.
//   - From the left, a value ends where the text behind it is first found. A
//     request whose value holds that text earlier is refused: this is what the
//     separators are for. No check is needed where the value's alphabet, given
//     by the filter only or by the kind of value, lacks the first byte of what
//     follows.
//   - From the right, a value begins behind the last byte that its alphabet
//     lacks, if the text before it ends with such a byte.
//   - One value, the pivot, takes what remains when everything before it was
//     read from the left and everything behind it from the right. It is the
//     last value that can't be read from the right, and may hold anything.
//   - An optional group is there exactly if the message goes on as the group
//     begins. What stands behind the group must not be able to begin so, and
//     everything before the last group is read from the left, so that the place
//     to look at is known.
//
// Since each step has one outcome, equal messages have equal values.

// An analysis collects the checks that a message needs.
type analysis struct {
	parts []part
	runs  []run
	lost  map[int]bool // values whose end nothing tells
	vague map[int]bool // groups whose presence nothing tells
}

// A run is the values from first to last, which the text behind them ends.
type run struct{ first, last int }

// separate reports what makes the message ambiguous, or adds the checks that
// keep it from being so. It returns whether the message is proven to be
// unambiguous as it will be rendered.
func (c *compiler) separate() bool {
	if c.options.Place != PlaceMessage {
		return false
	}
	a := analysis{parts: c.parts, lost: map[int]bool{}, vague: map[int]bool{}}
	a.all()

	proven := len(a.lost) == 0 && len(a.vague) == 0
	if c.options.AcceptAmbiguous {
		return proven && len(a.runs) == 0
	}
	for i := range c.parts {
		switch {
		case a.lost[i]:
			c.problem(c.parts[i].column, CodeAmbiguous, "nothing tells where this value ends, so two requests could give one message: "+
				"put text behind it, or limit it with |only:ALPHABET to what can't be in what follows; "+
				"if that is how the sender signs, accept it with ambiguous_message")
		case a.vague[i]:
			c.problem(c.parts[i].column, CodeAmbiguous, "nothing tells whether this group is there, so two requests could give one message: "+
				"begin it with text that can't follow if it is dropped; "+
				"if that is how the sender signs, accept it with ambiguous_message")
		}
	}
	for _, r := range a.runs {
		c.parts[r.first].run = true
		c.parts[r.last].check = newSeparator(c.parts[r.first].value.label, c.parts[a.next(r.last)].text)
	}
	return proven
}

func (a *analysis) all() {
	last := -1
	for i := range a.parts {
		if a.parts[i].kind == partOpen {
			last = i
			a.group(i)
		}
	}
	for i := range last {
		if a.parts[i].kind == partValue {
			a.left(i)
		}
	}
	a.tail(last + 1)
}

// next returns the index of the part behind i, or the number of parts.
func (a *analysis) next(i int) int {
	i++
	for i < len(a.parts) && a.parts[i].kind == partClose {
		i++
	}
	return i
}

// tail looks at the parts from start on, in which no group begins. What stands
// before them has been read from the left. Where these are a group and what is
// behind it, the checks that both need are enough for what is behind it alone:
// it then begins at a known place instead of behind the group.
func (a *analysis) tail(start int) {
	pivot := len(a.parts) - 1
	for pivot >= start && a.right(start, pivot) {
		pivot--
	}
	for i := start; i < pivot; i++ {
		if a.parts[i].kind == partValue {
			a.left(i)
		}
	}
}

// right reports whether part i is text or a value that begins at a known place,
// if its end is known.
func (a *analysis) right(start, i int) bool {
	if a.parts[i].kind != partValue || a.parts[i].value.shape.bounded() {
		return true
	}
	set := a.parts[i].value.shape.set
	before := i - 1
	for before >= start && a.parts[before].kind == partClose {
		before--
	}
	if before < start {
		return true
	}
	if p := &a.parts[before]; p.kind == partText {
		return !set.has(p.text[len(p.text)-1])
	}
	shape := &a.parts[before].value.shape
	return shape.nonEmpty && set.disjoint(shape.set)
}

// left looks for what tells the end of value i, if its beginning is known.
func (a *analysis) left(i int) {
	s := &a.parts[i].value.shape
	if s.bounded() {
		return
	}
	next := a.next(i)
	if next == len(a.parts) {
		return
	}
	switch p := &a.parts[next]; p.kind {
	case partText:
		if !s.set.has(p.text[0]) {
			return
		}
	case partValue:
		if p.value.shape.nonEmpty && s.set.disjoint(p.value.shape.first) {
			return
		}
		// Where the timestamp behind it always leaves the alphabet at the same
		// place, its beginning is known: 2006-01-02T15 is over A-Za-z0-9_-,
		// the colon behind that is not.
		if _, ok := leaves(p.value.shape.prefix, s.set); ok && p.value.shape.framed {
			return
		}
	case partOpen:
		for _, o := range a.starts(next) {
			if !o.outside(s.set) {
				a.lost[i] = true
			}
		}
		return
	case partClose: // skipped by next
	}
	a.runFrom(i)
}

// runFrom looks for the text that ends value i, over bounded values.
func (a *analysis) runFrom(first int) {
	last, next := first, a.next(first)
	for next < len(a.parts) && a.parts[next].kind == partValue && a.parts[next].value.shape.bounded() {
		last, next = next, a.next(next)
	}
	if next == len(a.parts) || a.parts[next].kind != partText {
		a.lost[first] = true
		return
	}
	for _, r := range a.runs {
		if r.first == first {
			return
		}
	}
	a.runs = append(a.runs, run{first: first, last: last})
}

// group checks that it can be told whether the group at i is there.
func (a *analysis) group(i int) {
	for _, inside := range a.starts(i + 1) {
		for _, after := range a.starts(a.parts[i].end) {
			if inside.meets(after) {
				a.vague[i] = true
			}
		}
	}
}

// An opening is one way in which the message may go on at a place.
type opening struct {
	end  bool     // it ends
	text string   // it goes on with this; or
	set  alphabet // with one of these bytes
	any  bool     // it goes on in any way, or ends
}

// starts returns every way in which the message may go on at part i.
func (a *analysis) starts(i int) []opening {
	i = a.next(i - 1)
	if i == len(a.parts) {
		return []opening{{end: true}}
	}
	switch p := &a.parts[i]; {
	case p.kind == partText:
		return []opening{{text: p.text}}
	case p.kind == partOpen:
		return append(a.starts(i+1), a.starts(p.end)...)
	case !p.value.shape.nonEmpty:
		return []opening{{any: true}}
	default:
		return []opening{{set: p.value.shape.first}}
	}
}

// outside reports whether what goes on is surely not in set.
func (o opening) outside(set alphabet) bool {
	switch {
	case o.any:
		return false
	case o.end:
		return true
	case o.text != "":
		return !set.has(o.text[0])
	}
	return o.set.disjoint(set)
}

// meets reports whether both may be the beginning of one message.
func (o opening) meets(p opening) bool {
	switch {
	case o.any || p.any:
		return true
	case o.end || p.end:
		return o.end && p.end
	case o.text != "" && p.text != "":
		n := min(len(o.text), len(p.text))
		return o.text[:n] == p.text[:n]
	case o.text != "":
		return p.set.has(o.text[0])
	case p.text != "":
		return o.set.has(p.text[0])
	}
	return !o.set.disjoint(p.set)
}
