package jwe

import (
	"fmt"
	"slices"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/scheme"
	"github.com/hookauthz/hookauthz/authz/scheme/jwe"
	"github.com/hookauthz/hookauthz/authz/scheme/place"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

const name = "jwe"

// innerKind is the kind of what stands inside.
const innerKind = "jws"

// CodeUnsignedBody marks a warning: the token stands in a header and says nothing
// of the body, so only requests that are proven to have none will pass.
const CodeUnsignedBody = "unsigned_body"

// challenge is of no registered scheme: none fits, and RFC 9110, section 15.5.2,
// wants one with every 401.
const challenge = `Encryption realm="webhook"`

// Kind returns what authz/builtin lists for this package. A check that it builds
// decrypts a token and, where the key or what is inside says so, knows its sender.
func Kind() authz.Kind { return authz.NewKind(name, name, build) }

func build(settings *policypb.Jwe, env *authz.Env) (authz.Part, []authz.Problem) {
	found, problems := place.New(place.Config{
		Body: settings.GetBody() != nil, JSON: settings.GetJson(), Form: settings.GetForm(),
		Header: settings.GetHeader(), Prefix: settings.GetPrefix(),
	})
	allowed, shared, wrong := algorithms(settings)
	problems = append(problems, wrong...)
	sets, wrong := env.PrivateKeyReferences("keys", settings.GetKeys())
	problems = append(problems, wrong...)
	if len(settings.GetKeys()) == 0 {
		problems = append(problems, mistake("keys", "required"))
	}
	inner, wrong := innerOf(settings.GetInner(), env)
	problems = append(problems, wrong...)
	if slices.ContainsFunc(problems, func(p authz.Problem) bool { return !p.Warning }) {
		return authz.Part{}, problems
	}

	c := &Check{
		place: found, allowed: allowed, shared: shared, inner: inner.check, unfitInner: inner.part.Unfit,
		keys: keys{sets: sets}, policy: env.Policy, replay: env.Replay,
		payload: env.Payload && found.InBody(), // in place of a body that did not hold it, it would be another's
	}
	c.body = bodyRuleOf(c, settings, &inner.part)
	if c.body == bodyAbsent {
		problems = append(problems, authz.Problem{
			Code: CodeUnsignedBody, Warning: true, Path: "header",
			Message: "the token says nothing of the body, so only requests that are proven to have none will pass",
		})
	}
	part := authz.Part{
		Check: c, Name: settings.GetName(), Credentials: found.Locations(), Challenge: challenge, Unfit: c.unfit,
		Authenticates: shared || c.inner != nil,
		BindsBody:     found.InBody() || c.body == bodyAbsent || c.body == bodyInner || c.body == bodyRead,
		// Who reads a token that is good for any body can send another one.
		SharedSecret: !found.InBody() && c.inner != nil && (c.body == bodyIgnored || c.body == bodyRead),
		Signs:        shared,
		Payload:      found.InBody(),
	}
	if c.inner != nil {
		part.Signs, part.Window, part.Captures = inner.part.Signs, inner.part.Window, inner.part.Captures
		part.Payload = part.Payload && inner.part.Payload
	}
	return part, problems
}

// algorithms returns what the settings list, and whether the keys are shared ones.
func algorithms(settings *policypb.Jwe) (allowed jwe.Allowed, shared bool, problems []authz.Problem) {
	public := false
	for i, text := range settings.GetKeyAlgorithms() {
		a, ok := jwe.ParseKeyAlgorithm(text)
		if !ok {
			problems = append(problems, mistake(fmt.Sprintf("key_algorithms[%d]", i), "unknown algorithm, want one such as RSA-OAEP-256 or ECDH-ES"))
			continue
		}
		allowed.Key = append(allowed.Key, a)
		shared = shared || a.Shared()
		public = public || !a.Shared()
	}
	for i, text := range settings.GetContentAlgorithms() {
		a, ok := jwe.ParseContentAlgorithm(text)
		if !ok {
			problems = append(problems, mistake(fmt.Sprintf("content_algorithms[%d]", i), "unknown algorithm, want one such as A256GCM"))
			continue
		}
		allowed.Content = append(allowed.Content, a)
	}
	switch {
	case len(settings.GetKeyAlgorithms()) == 0:
		problems = append(problems, mistake("key_algorithms", "required"))
	case shared && public:
		// Who sent it would depend on what the sender chooses.
		problems = append(problems, mistake("key_algorithms", "A*KW and dir have a shared key, the others a public one: list either, and write a second check for the rest"))
	}
	if len(settings.GetContentAlgorithms()) == 0 {
		problems = append(problems, mistake("content_algorithms", "required"))
	}
	return allowed, shared, problems
}

// An innerToken is what the settings of inner make.
type innerToken struct {
	check authz.TokenCheck
	part  authz.Part
}

// innerOf builds the check of what stands inside, none if settings is nil.
func innerOf(settings *policypb.InnerToken, env *authz.Env) (innerToken, []authz.Problem) {
	if settings == nil {
		return innerToken{}, nil
	}
	jws := settings.GetJws()
	if jws == nil {
		return innerToken{}, []authz.Problem{mistake("inner.jws", "required")}
	}
	problems := outside(jws)
	if env.Inner == nil {
		return innerToken{}, append(problems, authz.Problem{Path: "inner", Message: "nobody builds inner checks", Code: "bug"})
	}
	part, wrong := env.Inner(innerKind, jws)
	problems = append(problems, scheme.Below("inner.jws", wrong)...)
	if slices.ContainsFunc(problems, func(p authz.Problem) bool { return !p.Warning }) {
		return innerToken{}, problems
	}
	check, ok := part.Check.(authz.TokenCheck)
	if !ok {
		return innerToken{}, append(problems, authz.Problem{Path: "inner.jws", Message: "the check takes no tokens", Code: "bug"})
	}
	return innerToken{check: check, part: part}, problems
}

// outside finds settings that are about where a token stands, which an inner one
// does not have.
func outside(jws *policypb.Jws) []authz.Problem {
	var problems []authz.Problem
	for _, field := range [...]struct {
		name string
		set  bool
	}{
		{"body", jws.GetBody() != nil},
		{"json", jws.GetJson() != ""},
		{"form", jws.GetForm() != ""},
		{"header", jws.GetHeader() != ""},
		{"prefix", jws.GetPrefix() != ""},
		{"detached", jws.GetDetached() != ""},
	} {
		if field.set {
			problems = append(problems, mistake("inner.jws."+field.name, "the signed token is all that is encrypted: leave this out"))
		}
	}
	return problems
}

// unfit tells of keys that can't be used, and of those that fit no algorithm.
func (c *Check) unfit(now time.Time, tell func(secret string, why error)) {
	type judged interface {
		Unfit(now time.Time, tell func(secret string, why error))
	}
	if c.unfitInner != nil {
		c.unfitInner(now, tell)
	}
	for i := range c.keys.sets {
		set := c.keys.sets[i].Set
		if set, ok := set.(judged); ok {
			set.Unfit(now, tell)
		}
		held, err := set.Keys(now)
		if err != nil || held == nil {
			continue
		}
		for j := range held.Accepted {
			if key := &held.Accepted[j]; !key.Previous && key.Secret != "" && !c.everFits(key) {
				tell(key.Secret, authz.Deny(authz.ReasonSecretInvalid, "a key in it fits none of key_algorithms"))
			}
		}
	}
}

func (c *Check) everFits(key *authz.PrivateKey) bool {
	for _, a := range c.allowed.Key {
		for _, content := range c.allowed.Content {
			if jwe.Fits(key, a, content) {
				return true
			}
		}
	}
	return false
}

func mistake(path, message string) authz.Problem {
	return authz.Problem{Path: path, Message: message, Code: name}
}
