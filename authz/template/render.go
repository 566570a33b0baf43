package template

import (
	"hash"

	"github.com/hookauthz/hookauthz/authz"
)

// A sink takes the text that is rendered and holds the memory for it.
type sink struct {
	h   hash.Hash // nil: everything stays in out
	out []byte    // what is not in h yet
	// run is where in out the run began whose separator is still to come, -1
	// if there is none. Meanwhile everything stays in out.
	run int

	decoded     []byte // a value that had to be decoded
	work, spare []byte // a value between two filters
	pooled      []byte // memory for out while h is set
}

const (
	maxPooled = 64 << 10 // bytes of a buffer that is kept for the next request
	direct    = 256      // bytes above which a value goes to the hash uncopied
)

// sink returns an empty sink. It belongs to the caller until release.
func (t *Template) sink(h hash.Hash) *sink {
	s, ok := t.sinks.Get().(*sink)
	if !ok {
		s = &sink{}
	}
	s.h, s.run = h, -1
	if h != nil {
		s.out = s.pooled[:0]
	}
	return s
}

// release keeps the memory of s, but not what is the caller's.
func (t *Template) release(s *sink) {
	if s.h != nil {
		s.pooled = kept(s.out)
	}
	s.h, s.out = nil, nil
	s.decoded, s.work, s.spare = kept(s.decoded), kept(s.work), kept(s.spare)
	t.sinks.Put(s)
}

func kept(b []byte) []byte {
	if cap(b) > maxPooled {
		return nil
	}
	return b[:0]
}

// flush moves what is pending into the hash.
func (s *sink) flush() {
	if s.h != nil {
		s.h.Write(s.out)
		s.out = s.out[:0]
	}
}

// write adds b, which may be large.
func (s *sink) write(b []byte) {
	if s.h == nil || s.run >= 0 || len(b) <= direct {
		s.out = append(s.out, b...)
		return
	}
	s.flush()
	s.h.Write(b)
}

// render writes the text to s.
func (t *Template) render(s *sink, in *Input) error {
	if in.Request == nil {
		return authz.Deny(authz.ReasonBug, "a template is rendered without a request")
	}
	start := len(s.out)
	if t.place == PlaceUpstream {
		s.run = start // the whole is looked at in the end
	}
	for i := 0; i < len(t.parts); i++ {
		p := &t.parts[i]
		switch p.kind {
		case partText:
			s.out = append(s.out, p.text...)
		case partValue:
			if err := t.renderValue(s, p, in); err != nil {
				return err
			}
		case partOpen:
			present, err := t.present(s, t.parts[i+1:p.end], in)
			if err != nil {
				return err
			}
			if !present {
				i = p.end
			}
		case partClose:
		}
	}
	if t.place == PlaceUpstream {
		return checkHeaderValue(s.out[start:])
	}
	return nil
}

// renderValue writes one value. The run that it belongs to is checked once its
// last value is written.
func (t *Template) renderValue(s *sink, p *part, in *Input) error {
	v := p.value
	f, err := t.read(s, v, in)
	if err != nil {
		return err
	}
	if f.empty() && v.source != sourceBody {
		return authz.Deny(authz.ReasonPartMissing, v.label)
	}

	// A large value alone is checked where it lies.
	lone := p.run && p.check != nil && len(v.filters) == 0 && len(f.data) > direct
	if p.run && !lone {
		s.run = len(s.out)
	}
	switch {
	case len(v.filters) > 0:
		if err := s.filtered(v, f); err != nil {
			return err
		}
	case f.data != nil:
		s.write(f.data)
	default:
		s.out = append(s.out, f.text...)
	}

	if p.check == nil || (s.run < 0 && !lone) { // the run's group was dropped
		return nil
	}
	whole := f.data
	if !lone {
		whole = s.out[s.run:]
		s.run = -1
	}
	if !p.check.clear(whole) {
		return authz.Deny(authz.ReasonValueAmbiguous, p.check.label+" holds the text that ends it")
	}
	return nil
}

// filtered writes f under the filters of v.
func (s *sink) filtered(v *value, f field) error {
	from := f.data
	if from == nil {
		s.work = append(s.work[:0], f.text...)
		from = s.work
		s.work, s.spare = s.spare, s.work
	}
	last := len(v.filters) - 1
	var ok bool
	for _, step := range v.filters[:last] {
		s.work, ok = step.append(s.work[:0], from)
		if !ok {
			return malformed(v, "is outside its alphabet")
		}
		from = s.work
		s.work, s.spare = s.spare, s.work
	}
	if s.out, ok = v.filters[last].append(s.out, from); !ok {
		return malformed(v, "is outside its alphabet")
	}
	return nil
}

// present reports whether every value of a group is there. In a message, a group
// of which the request shows some values and lacks others is refused: dropping it
// would leave those that are there unsigned.
func (t *Template) present(s *sink, group []part, in *Input) (bool, error) {
	all, some := true, ""
	for i := range group {
		v := group[i].value
		if group[i].kind != partValue {
			continue
		}
		f, err := t.read(s, v, in)
		if err != nil {
			return false, err
		}
		switch {
		case f.empty():
			all = false
		case v.source.named():
			some = v.label
		}
	}
	if !all && some != "" && t.place == PlaceMessage && !t.vague {
		return false, authz.Deny(authz.ReasonValueAmbiguous, some+" is there without the rest of its optional group")
	}
	return all, nil
}

func malformed(v *value, what string) error {
	return authz.Deny(authz.ReasonCredentialMalformed, v.label+" "+what)
}

// checkHeaderValue returns nil if b may be the value of a header: printable
// ASCII, not empty, and no space at its ends, which receivers drop.
func checkHeaderValue(b []byte) error {
	if len(b) == 0 {
		return authz.Deny(authz.ReasonPartMissing, "the header for the upstream is empty")
	}
	ok := b[0] != ' ' && b[len(b)-1] != ' '
	for _, c := range b {
		ok = ok && c >= ' ' && c <= '~'
	}
	if !ok {
		return authz.Deny(authz.ReasonCredentialMalformed, "the header for the upstream would not be printable ASCII")
	}
	return nil
}
