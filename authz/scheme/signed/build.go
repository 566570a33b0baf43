package signed

import (
	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/scheme"
	"github.com/hookauthz/hookauthz/authz/template"
)

// A builder collects the problems of one configuration.
type builder struct {
	config   *Config
	problems []authz.Problem
}

func (b *builder) report(path string, problems []authz.Problem) {
	b.problems = append(b.problems, scheme.Below(path, problems)...)
}

// options are what templates may use. credential is nil if it has mistakes; to
// report no others because of these, any field is then permitted.
func (b *builder) options(credential *scheme.Reader) template.Options {
	c := b.config
	o := template.Options{
		Place:           template.PlaceMessage,
		PublicURL:       c.PublicURL,
		AnyField:        true,
		Timestamp:       c.Timestamp != nil,
		AcceptWeak:      c.AcceptWeak,
		AcceptAmbiguous: c.AcceptAmbiguous,
	}
	if credential != nil {
		o.Fields, o.AnyField = credential.Fields()
	}
	if o.Timestamp && !c.Timestamp.Unchecked {
		o.TimestampBounded, o.TimestampUnit = true, c.Timestamp.Unit
	}
	return o
}

// clock returns nil if no time is looked at, or if it has mistakes.
func (b *builder) clock(o template.Options) *scheme.Clock {
	if b.config.Timestamp == nil {
		return nil
	}
	clock, mistakes := scheme.NewClock(*b.config.Timestamp, o)
	b.report("timestamp", mistakes)
	if len(mistakes) > 0 {
		return nil
	}
	return clock
}

// timeIsSigned refuses a window around a time that anybody could change.
func (b *builder) timeIsSigned(clock *scheme.Clock, message *template.Template) {
	if clock == nil || message == nil || !clock.Enforced() || clock.SignedBy(message) {
		return
	}
	b.report("timestamp", []authz.Problem{{
		Code: CodeUnsignedTimestamp,
		Message: "the message does not contain the time, so anybody could change it: " +
			"add {timestamp}, or write unchecked: accepted",
	}})
}

// keyID returns nil if requests name no key, or if it has mistakes.
func (b *builder) keyID(o template.Options) *template.Template {
	if b.config.KeyID == "" {
		return nil
	}
	keyID, mistakes := template.Compile(b.config.KeyID, template.Options{
		Place: template.PlaceKey, Fields: o.Fields, AnyField: o.AnyField,
	})
	b.report("key_id", mistakes)
	return keyID
}

// bodyRule decides what a request must prove of its body, and warns where that
// is to have none.
func (b *builder) bodyRule(s *Scheme) bodyRule {
	coverage := s.message.Coverage()
	if s.assertions.BindBody(s.message) {
		coverage = template.BodyAlways
	}
	needed := b.config.NeedsBody || s.message.NeedsBody() || s.assertions.NeedsBody() ||
		s.clock != nil && s.clock.NeedsBody() || s.keyID != nil && s.keyID.NeedsBody()
	switch {
	case coverage == template.BodyAlways:
		return bodyCovered
	case b.config.AcceptUnsignedBody && needed:
		return bodyRead
	case b.config.AcceptUnsignedBody:
		return bodyIgnored
	case coverage == template.BodySometimes:
		return bodySometimes
	}
	fix := "add {body}, or write unsigned_body: accepted"
	if s.message.WeakBody() {
		fix = "take a SHA-2 digest of it, or write weak_algorithm: accepted"
	}
	b.report("message", []authz.Problem{{
		Code: CodeUnsignedBody, Warning: true,
		Message: "the message does not cover the body, so only requests that are proven to have none will pass: " + fix,
	}})
	return bodyAbsent
}
