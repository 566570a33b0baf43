package mac

import (
	"slices"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/scheme"
	"github.com/hookauthz/hookauthz/authz/template"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

// A builder collects the problems of one message.
type builder struct {
	settings *policypb.Mac
	problems []authz.Problem
}

func (b *builder) report(path string, problems []authz.Problem) {
	b.problems = append(b.problems, scheme.Below(path, problems)...)
}

// mistaken reports whether there is a problem that is no warning.
func (b *builder) mistaken() bool {
	return slices.ContainsFunc(b.problems, func(p authz.Problem) bool { return !p.Warning })
}

func (b *builder) algorithm() algorithm {
	a, ok := algorithms(b.settings.GetAlgorithm())
	switch {
	case !ok:
		b.report("algorithm", []authz.Problem{{
			Code: scheme.CodeSetting, Message: "unknown algorithm, want hmac-sha256, hmac-sha384, hmac-sha512 or hmac-sha1",
		}})
	case a.weak && b.settings.GetWeakAlgorithm() != accepted:
		b.report("algorithm", []authz.Problem{{
			Code: CodeWeakAlgorithm, Message: "hmac-sha1 needs weak_algorithm: accepted",
		}})
	}
	return a
}

// options are what templates may use. credential is nil if it has mistakes; to
// report no others because of these, any field is then permitted.
func (b *builder) options(credential *scheme.Reader) template.Options {
	m := b.settings
	o := template.Options{
		Place:           template.PlaceMessage,
		PublicURL:       m.GetPublicUrl(),
		AnyField:        true,
		Timestamp:       m.GetTimestamp() != nil,
		AcceptWeak:      m.GetWeakAlgorithm() == accepted,
		AcceptAmbiguous: m.GetAmbiguousMessage() == accepted,
	}
	if credential != nil {
		o.Fields, o.AnyField = credential.Fields()
	}
	if o.Timestamp && m.GetTimestamp().GetUnchecked() != accepted {
		o.TimestampBounded, o.TimestampUnit = true, m.GetTimestamp().GetUnit()
	}
	return o
}

// clock returns nil if no time is looked at, or if it has mistakes.
func (b *builder) clock(o template.Options) *scheme.Clock {
	t := b.settings.GetTimestamp()
	if t == nil {
		return nil
	}
	clock, mistakes := scheme.NewClock(scheme.Timestamp{
		Value:           t.GetValue(),
		Unit:            t.GetUnit(),
		Tolerance:       duration(t.GetTolerance()),
		FutureTolerance: duration(t.GetFutureTolerance()),
		Unchecked:       t.GetUnchecked() == accepted,
	}, o)
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

func (b *builder) derivation() scheme.Derivation {
	settings := b.settings.GetKey()
	decode, mistakes := scheme.ParseDecoding(settings.GetDecode())
	b.report("key.decode", mistakes)
	return scheme.Derivation{StripPrefix: settings.GetStripPrefix(), Decode: decode}
}

func (b *builder) references(env *authz.Env) []authz.Reference {
	names := b.settings.GetSecrets()
	if len(names) == 0 {
		b.report("secrets", []authz.Problem{{Code: CodeSecretsRequired, Message: "want at least one secret"}})
		return nil
	}
	if env == nil || env.Secret == nil {
		env = &authz.Env{Secret: func(string) (authz.Reference, bool) { return authz.Reference{}, false }}
	}
	refs, mistakes := env.References("secrets", names)
	b.problems = append(b.problems, mistakes...)
	return refs
}

// bodyRule decides what a request must prove of its body, and warns where that
// is to have none.
func (b *builder) bodyRule(clock *scheme.Clock, message *template.Template, assertions *scheme.Assertions) bodyRule {
	coverage := message.Coverage()
	if assertions.BindBody(message) {
		coverage = template.BodyAlways
	}
	needed := message.NeedsBody() || assertions.NeedsBody() || clock != nil && clock.NeedsBody()
	switch {
	case coverage == template.BodyAlways:
		return bodyCovered
	case b.settings.GetUnsignedBody() == accepted && needed:
		return bodyRead
	case b.settings.GetUnsignedBody() == accepted:
		return bodyIgnored
	case coverage == template.BodySometimes:
		return bodySometimes
	}
	fix := "add {body}, or write unsigned_body: accepted"
	if message.WeakBody() {
		fix = "take a SHA-2 digest of it, or write weak_algorithm: accepted"
	}
	b.report("message", []authz.Problem{{
		Code: CodeUnsignedBody, Warning: true,
		Message: "the message does not cover the body, so only requests that are proven to have none will pass: " + fix,
	}})
	return bodyAbsent
}
