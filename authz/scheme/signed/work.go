package signed

import (
	"hash"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/scheme"
	"github.com/hookauthz/hookauthz/authz/template"
)

// A Work is the memory of one verification. It belongs to one goroutine between
// [Scheme.Begin] and [Scheme.End].
type Work struct {
	presented  scheme.Presented
	claims     []claim // one a group
	ends       []int   // of the signatures, in signatures
	signatures []byte  // decoded, one after the other, in the order of the groups
	buffer     []byte
	input      template.Input
	memory     [64]byte
}

// A claim is what a group of the credential claims.
type claim struct {
	timestamp string
	signed    time.Time
	end       int // of the group's signatures, in ends
}

// maxBuffer is what a Work keeps for the next request. An assertion about the
// body may need much more, once.
const maxBuffer = 16 << 10

// Each group has a message of its own, for which the body is read again. That many
// groups may have any body, as a sender writes while it changes its key; more only
// if they read no more than maxGroupBytes together.
const (
	freeGroups    = 2
	maxGroupBytes = 2 << 20
)

// Begin returns an empty Work.
func (s *Scheme) Begin() *Work {
	w, ok := s.work.Get().(*Work)
	if !ok {
		w = new(Work)
	}
	return w
}

// End takes back what Begin returned.
func (s *Scheme) End(w *Work) {
	w.presented.Reset()
	clear(w.claims)
	w.claims, w.ends = w.claims[:0], w.ends[:0]
	w.input = template.Input{}
	if cap(w.buffer) > maxBuffer {
		w.buffer = nil
	}
	if cap(w.signatures) > maxBuffer {
		w.signatures = nil
	}
	s.work.Put(w)
}

// Groups returns how many messages the request claims to have signed, each with
// at least one signature. See [scheme.Presented].
func (w *Work) Groups() int { return len(w.claims) }

// Signatures returns the range of the signatures of group, for [Work.Signature].
func (w *Work) Signatures(group int) (first, end int) {
	if group > 0 {
		first = w.claims[group-1].end
	}
	return first, w.claims[group].end
}

// Signature returns signature i, decoded.
func (w *Work) Signature(i int) []byte {
	first := 0
	if i > 0 {
		first = w.ends[i-1]
	}
	return w.signatures[first:w.ends[i]]
}

// Memory returns an empty slice in which a check may put a digest.
func (w *Work) Memory() []byte { return w.memory[:0] }

// Body returns the body as far as [Scheme.Read] was to prove it, else nil.
func (w *Work) Body() []byte { return w.input.Body }

// Read reads what r presents into w. The error is a denial: in this order, the
// credential is not there, the body is not as it must be, or something can't be
// read. One signature that can't be read makes the whole malformed, even beside
// others: no sender writes it.
func (s *Scheme) Read(w *Work, r *authz.Request) error {
	if err := s.credential.Locate(r, &w.presented); err != nil {
		return err //nolint:wrapcheck // a denial
	}
	body, err := s.body.take(r)
	if err != nil {
		return err
	}
	w.input.Request, w.input.Body = r, body
	if err := s.credential.Parse(&w.presented); err != nil {
		return err //nolint:wrapcheck // a denial
	}
	if groups := w.presented.Groups(); groups > freeGroups && groups*len(body) > maxGroupBytes {
		return authz.Deny(authz.ReasonCredentialMalformed, "too many groups of signatures beside a body of this size")
	}
	w.signatures = w.signatures[:0]
	for group := range w.presented.Groups() {
		if err := s.readGroup(w, group); err != nil {
			return err
		}
	}
	return nil
}

func (s *Scheme) readGroup(w *Work, group int) error {
	for _, text := range w.presented.Signatures(group) {
		all, ok := s.encoding.AppendSized(w.signatures, text, s.least, s.most)
		if !ok {
			return authz.Deny(authz.ReasonCredentialMalformed, "a signature is not written in its encoding or has another length")
		}
		w.signatures = all
		w.ends = append(w.ends, len(all))
	}
	w.claims = append(w.claims, claim{end: len(w.ends)})
	w.enter(group)
	if s.clock != nil {
		one := &w.claims[group]
		var err error
		if one.timestamp, one.signed, w.buffer, err = s.clock.Read(w.buffer, &w.input); err != nil {
			return err //nolint:wrapcheck // a denial
		}
		w.input.Timestamp = one.timestamp
	}
	return s.coversBody(w)
}

// coversBody refuses a body that the message of the group leaves out, where that
// depends on the request.
func (s *Scheme) coversBody(w *Work) error {
	if s.body != bodySometimes || len(w.input.Body) == 0 {
		return nil
	}
	covered, err := s.message.CoversBody(&w.input)
	if err == nil && !covered {
		return authz.Deny(authz.ReasonBodyUnsigned, "the message of this request leaves the body out")
	}
	return err //nolint:wrapcheck // a denial
}

// enter makes group the one that templates read.
func (w *Work) enter(group int) {
	w.input.Credential = w.presented.Fields(group)
	w.input.Timestamp = w.claims[group].timestamp
}

// WriteMessage writes to h what group must have signed. After an error, which is
// a denial, h holds a part of it and must not be used.
func (s *Scheme) WriteMessage(w *Work, group int, h hash.Hash) error {
	w.enter(group)
	return s.message.WriteTo(h, &w.input) //nolint:wrapcheck // a denial
}

// AppendMessage appends to dst what group must have signed. The error is a
// denial, and the slice is then nil.
func (s *Scheme) AppendMessage(dst []byte, w *Work, group int) ([]byte, error) {
	w.enter(group)
	return s.message.Append(dst, &w.input) //nolint:wrapcheck // a denial
}

// maxKeyID is how long the id of a key may be, in bytes. The longest that are
// seen are addresses.
const maxKeyID = 512

// KeyID returns how group names its key, "" if the configuration has no KeyID.
// The error is a denial.
func (s *Scheme) KeyID(w *Work, group int) (string, error) {
	if s.keyID == nil {
		return "", nil
	}
	w.enter(group)
	id, err := s.keyID.Append(w.buffer[:0], &w.input)
	if err != nil {
		return "", err //nolint:wrapcheck // a denial
	}
	w.buffer = id
	if len(id) == 0 {
		return "", authz.Deny(authz.ReasonPartMissing, "the request names no key")
	}
	if len(id) > maxKeyID {
		return "", authz.Deny(authz.ReasonCredentialMalformed, "the key's id is over 512 bytes")
	}
	return string(id), nil
}

// Recent reports whether some group has a time within its window, so that
// whoever replays an old request can be told apart before any key is looked for.
// It is true where no window is enforced.
func (s *Scheme) Recent(w *Work, received time.Time) bool {
	if s.clock == nil {
		return true
	}
	for i := range w.claims {
		if s.clock.Check(w.claims[i].signed, received) == nil {
			return true
		}
	}
	return false
}

// Finish judges, once a signature of group holds, whether the message is recent
// and the assertions hold, and writes into identity what was signed. The error is
// a denial.
func (s *Scheme) Finish(w *Work, group int, r *authz.Request, identity *authz.Identity) (err error) {
	if s.clock != nil {
		if err := s.clock.Check(w.claims[group].signed, r.Received); err != nil {
			return err //nolint:wrapcheck // a denial
		}
		if s.clock.Enforced() { // any other may be anybody's, and as old as it likes
			identity.Signed = w.claims[group].signed
		}
	}
	w.enter(group)
	if w.buffer, err = s.assertions.Check(w.buffer, &w.input); err != nil {
		return err //nolint:wrapcheck // a denial
	}
	identity.BodySigned = s.body.signs(w.input.Body)
	if !s.replay {
		return nil
	}
	signed, err := s.messageOf(w, group)
	if err != nil {
		return err
	}
	// Another group's message would not be claimed, and a copy with that group
	// alone would be new.
	for other := range w.Groups() {
		if other == group {
			continue
		}
		if also, err := s.messageOf(w, other); err != nil || also != signed {
			return authz.Deny(authz.ReasonCredentialMalformed, "groups of signatures are of several messages, and only one can be claimed")
		}
	}
	identity.Content = &authz.Content{Messages: []authz.Message{signed}}
	return nil
}

// messageOf returns what group must have signed. The error is a denial.
func (s *Scheme) messageOf(w *Work, group int) (authz.Message, error) {
	h := authz.NewMessage(s.policy)
	if err := s.WriteMessage(w, group, h); err != nil {
		return authz.Message{}, err
	}
	return authz.SumMessage(h), nil
}
