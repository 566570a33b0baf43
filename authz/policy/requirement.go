package policy

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/check/bearer"
	"github.com/hookauthz/hookauthz/authz/provider"
	"github.com/hookauthz/hookauthz/authz/scheme"
	"github.com/hookauthz/hookauthz/authz/template"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

// A built is a requirement with what its policy must know of it.
type built struct {
	requirement authz.Requirement
	ways
	// messages are what every way claims, so that no way lets pass again what
	// another let pass; unknown says that something could not be built.
	messages []string
	unknown  bool
	// methods are those that the catalogue knows for it; nil is any.
	methods []string
	parts   []authz.Part
	entries []*policypb.CatalogEntry
}

// require builds the requirement at path.
func (c *compiler) require(path string, q *policypb.Requirement) built {
	if q.GetOnRejected() != "" && len(q.GetAnyOf()) == 0 && c.file.document.Sound(path+".any_of") {
		c.mistake(path+".on_rejected", "on_rejected_without_any_of", "has a meaning beside any_of only")
	}
	switch {
	case len(q.GetAllOf()) > 0:
		return c.allOf(path+".all_of", q.GetAllOf())
	case len(q.GetAnyOf()) > 0:
		return c.anyOf(path+".any_of", q.GetAnyOf(), q.GetOnRejected() == "continue")
	case q.GetProvider() != nil:
		return c.provider(path+".provider", q.GetProvider())
	}
	message := q.ProtoReflect()
	field := message.WhichOneof(message.Descriptor().Oneofs().ByName("kind"))
	if field == nil {
		return failed() // the document says what is missing
	}
	name := string(field.Name())
	if from, url := q.GetBearer().GetIntrospection(), path+".bearer.introspection.url"; from != nil && c.file.document.Sound(url) {
		c.secureURL(url, from.GetUrl())
	}
	if s := q.GetSignature(); s != nil && c.file.document.Sound(path+".signature") {
		c.rawKeys(path+".signature", s)
	}
	if j := q.GetJws(); j != nil && placeless(j) && c.file.document.Sound(path+".jws") {
		c.mistake(path+".jws", "place_required", "want exactly one of body, json, form and header")
	}
	return c.kind(path+"."+name, name, message.Get(field).Message().Interface(), nil)
}

// env is what a check of that kind, of the policy in hand, is built with.
func (c *compiler) env(kind string) *authz.Env {
	env := &authz.Env{
		Secret: c.reference, Policy: c.policyName,
		Keys: c.keysFor(kind), Anchors: c.trustAnchors, PrivateKeys: c.privateKeys,
		Introspector: c.sources.Introspector, Own: c.own,
		Replay: c.wantsReplay, Payload: c.wantsPayload,
	}
	if kind == kindJWE {
		env.Inner = c.inner
	}
	return env
}

// inner builds a check that another one hands a token to.
func (c *compiler) inner(kind string, settings any) (authz.Part, []authz.Problem) {
	built, ok := c.kinds[kind]
	if !ok {
		return authz.Part{}, []authz.Problem{{Code: "unknown_kind", Message: "this kind of check is not built into this server"}}
	}
	return built.Build(settings, c.env(kind))
}

// placeless says which settings of kind jws name no place for the token.
func placeless(j *policypb.Jws) bool {
	return j.GetBody() == nil && j.GetJson() == "" && j.GetForm() == "" && j.GetHeader() == ""
}

func (c *compiler) allOf(path string, members []*policypb.Requirement) built {
	var all built
	var requirements []authz.Requirement
	for i, member := range members {
		next := c.require(fmt.Sprintf("%s[%d]", path, i), member)
		all.absorb(next)
		all.ways = all.and(next.ways)
		all.messages = append(all.messages, next.messages...)
		if next.methods != nil {
			if all.methods == nil {
				all.methods = next.methods
			} else {
				all.methods = slices.DeleteFunc(slices.Clone(all.methods), func(m string) bool { return !slices.Contains(next.methods, m) })
			}
		}
		requirements = append(requirements, next.requirement)
	}
	all.requirement = authz.AllOf(requirements...)
	return all
}

func (c *compiler) anyOf(path string, members []*policypb.Requirement, continues bool) built {
	union := built{methods: []string{}} // not nil, which is any method
	var requirements []authz.Requirement
	anyMethod := false
	for i, member := range members {
		next := c.require(fmt.Sprintf("%s[%d]", path, i), member)
		union.absorb(next)
		if i == 0 {
			union.ways, union.messages = next.ways, next.messages
		}
		union.ways = union.or(next.ways)
		union.messages = slices.DeleteFunc(slices.Clone(union.messages), func(m string) bool { return !slices.Contains(next.messages, m) })
		anyMethod = anyMethod || next.methods == nil
		union.methods = append(slices.Clone(union.methods), next.methods...)
		requirements = append(requirements, next.requirement)
	}
	if anyMethod {
		union.methods = nil
	}
	union.requirement = authz.AnyOf(continues, requirements...)
	return union
}

func (b *built) absorb(next built) {
	b.parts = append(b.parts, next.parts...)
	b.entries = append(b.entries, next.entries...)
	b.unknown = b.unknown || next.unknown
}

// failed is what could not be built.
func failed() built { return built{ways: mistaken(), unknown: true} }

// messagesOf returns what the check at path claims. Which message it is may hang on
// the check.
func messagesOf(path string, part *authz.Part) []string {
	switch {
	case !part.Signs:
		return nil
	case part.Message == "":
		return []string{"check " + path}
	}
	return []string{"message " + part.Message}
}

// provider expands an entry of the catalogue.
func (c *compiler) provider(path string, p *policypb.Provider) built {
	entry, err := c.entry(p.GetName())
	if err != nil {
		if c.file.document.Sound(path + ".name") {
			c.undeclared(path+".name", "provider", p.GetName(), provider.Names())
		}
		for i, name := range p.GetSecrets() {
			c.look(fmt.Sprintf("%s.secrets[%d]", path, i), name)
		}
		return failed()
	}
	kind, settings, err := provider.Expand(entry, p)
	if err != nil {
		c.mistake(path+".tolerance", "provider_tolerance", err.Error())
		return failed()
	}
	made := c.kind(path, kind, settings, entry)
	made.methods = entry.GetMethods()
	made.entries = []*policypb.CatalogEntry{entry}
	return made
}

// entry reads each entry of the catalogue once.
func (c *compiler) entry(name string) (*policypb.CatalogEntry, error) {
	if entry, ok := c.entries[name]; ok {
		return entry, nil
	}
	entry, err := provider.Entry(name)
	if err != nil {
		return nil, err //nolint:wrapcheck // the caller words it
	}
	c.entries[name] = entry
	return entry, nil
}

// look reports a secret that is not declared and marks one that is as used.
func (c *compiler) look(path, name string) {
	if _, ok := c.reference(name); !ok {
		c.undeclared(path, "secret", name, sortedKeys(c.file.config.GetSecrets()))
	}
}

// kind builds one check. entry is set if its settings come from the catalogue,
// so that mistakes are told of the policy's own fields.
func (c *compiler) kind(path, name string, settings proto.Message, entry *policypb.CatalogEntry) built {
	none := failed()
	kind, ok := c.kinds[name]
	if !ok {
		c.mistake(path, "unknown_kind", "this kind of check is not built into this server")
		return none
	}
	part, problems := kind.Build(settings, c.env(name))
	failed := false
	for _, problem := range problems {
		if entry != nil && problem.Code == scheme.CodeWideWindow {
			continue // the catalogue knows why; what a policy sets itself is bounded in provider.Expand
		}
		c.problem(path, settings.ProtoReflect(), problem, entry)
		failed = failed || !problem.Warning
	}
	if failed {
		return none
	}
	return built{
		requirement: authz.Require(kind.Name, part.Name, part.Check),
		ways:        waysOf(kind.Name, &part),
		parts:       []authz.Part{part},
		messages:    messagesOf(path, &part),
	}
}

func (c *compiler) problem(path string, settings protoreflect.Message, p authz.Problem, entry *policypb.CatalogEntry) {
	full := join(path, p.Path)
	if !c.file.document.Sound(path) && !c.standsAlone(path, full, p) {
		return // it may only follow from a mistake that is told already
	}
	if p.Code == authz.CodeUndeclaredSecret {
		c.undeclared(full, "secret", textAt(settings, p.Path), sortedKeys(c.file.config.GetSecrets()))
		return
	}
	if p.Code == authz.CodeUndeclaredKeys {
		_, decrypts := settings.Interface().(*policypb.Jwe)
		c.undeclaredKeys(full, textAt(settings, p.Path), p.Message, decrypts && strings.HasPrefix(p.Path, "keys"))
		return
	}
	if what, ok := map[string]string{bearer.CodeUndeclaredClient: "client", bearer.CodeUndeclaredScope: "scope"}[p.Code]; ok {
		c.undeclaredGrantee(full, what, textAt(settings, p.Path))
		return
	}
	if entry != nil && !strings.HasPrefix(p.Path, "secrets") {
		c.add(c.file.document.At(path, 0), p.Code, "catalogue entry "+entry.GetName()+": "+p.Path+": "+p.Message, p.Warning)
		return
	}
	c.add(c.file.document.At(full, p.Column), p.Code, p.Message, p.Warning)
}

// standsAlone reports whether a problem in settings that have other mistakes is
// one whatever those are: a name that is not declared, a template that can't be
// read, or a value in one that does not hang on the fields with mistakes.
func (c *compiler) standsAlone(path, field string, p authz.Problem) bool {
	sound := c.file.document.Sound
	switch p.Code {
	case authz.CodeUndeclaredSecret, authz.CodeUndeclaredKeys, bearer.CodeUndeclaredClient, bearer.CodeUndeclaredScope, template.CodeSyntax, template.CodeFilter:
		return sound(field)
	case template.CodeValue:
		return sound(field) && sound(path+".credential") && sound(path+".timestamp") && sound(path+".public_url")
	}
	return false
}

func join(path, field string) string {
	if field == "" {
		return path
	}
	return path + "." + field
}

// textAt returns the string at a path such as "users[0].secrets[1]", "" if it
// leads nowhere.
func textAt(m protoreflect.Message, path string) string {
	for {
		head, rest, more := strings.Cut(path, ".")
		name, index, isItem := strings.Cut(strings.TrimSuffix(head, "]"), "[")
		field := m.Descriptor().Fields().ByName(protoreflect.Name(name))
		if field == nil {
			return ""
		}
		value := m.Get(field)
		if isItem {
			var i int
			if _, err := fmt.Sscan(index, &i); err != nil || !field.IsList() || i >= value.List().Len() {
				return ""
			}
			value = value.List().Get(i)
		}
		if !more {
			return value.String()
		}
		if field.Message() == nil {
			return ""
		}
		m, path = value.Message(), rest
	}
}
