package authz

import (
	"fmt"
	"time"
)

// A Problem is a mistake, or a warning, in a policy file.
type Problem struct { //nolint:errname // it may be a warning
	// Path names the field below the one that was built, such as
	// "credential.header" or "users[0].secrets[1]"; empty for the whole.
	Path string
	// Message says what is wrong and, where known, what to write instead. It
	// never repeats a value that could be a secret.
	Message string
	// Code is a stable word for machines, such as "template_syntax".
	Code string
	// Column is the byte offset inside the field's text, 0 for its start.
	Column int
	// Warning says that the file may be used all the same.
	Warning bool
}

// Error implements error.
func (p Problem) Error() string { return p.Path + ": " + p.Message }

// Env is what a kind may use while it is built from its settings.
type Env struct {
	// Secret returns the reference declared under name, false if there is
	// none. Every name that the settings hold must be looked up here.
	Secret func(name string) (Reference, bool)
	// Policy is the name of the policy that the check belongs to.
	Policy string
	// Keys returns the public keys declared under name, Anchors the trust
	// anchors. They return false if there is no entry of that name, or only one
	// of the other sort. Every name that the settings hold must be looked up.
	Keys    func(name string) (KeyReference, bool)
	Anchors func(name string) (AnchorReference, bool)
	// Introspector returns who judges tokens by asking server. It is called
	// once for a check.
	Introspector func(server IntrospectionServer) Introspector
	// Own are the tokens that this product issues itself, nil if none.
	Own *OwnTokens
	// PrivateKeys returns the private keys declared under name, as Keys does.
	PrivateKeys func(name string) (PrivateKeyReference, bool)
	// Inner builds a check of another kind that this one hands a token to. The
	// problems' paths begin below settings.
	Inner func(kind string, settings any) (Part, []Problem)
	// Replay says that the policy wants [Content.Messages], Payload that it
	// wants [Content.Payload] and puts it in the body's place.
	Replay  bool
	Payload bool
}

// References looks up names and reports those that are not declared. path is
// the field they stand in, such as "secrets".
func (e *Env) References(path string, names []string) ([]Reference, []Problem) {
	var refs []Reference
	var problems []Problem
	for i, name := range names {
		ref, ok := e.Secret(name)
		if !ok {
			problems = append(problems, Problem{
				Path: fmt.Sprintf("%s[%d]", path, i), Code: CodeUndeclaredSecret,
				Message: "the secret is not declared under secrets",
			})
			continue
		}
		refs = append(refs, ref)
	}
	return refs, problems
}

// KeyReferences is [Env.References] for public keys.
func (e *Env) KeyReferences(path string, names []string) ([]KeyReference, []Problem) {
	return lookUp(path, names, e.Keys, "the key set is not declared under keys, or holds trust anchors")
}

// PrivateKeyReferences is [Env.References] for private keys.
func (e *Env) PrivateKeyReferences(path string, names []string) ([]PrivateKeyReference, []Problem) {
	return lookUp(path, names, e.PrivateKeys, "the entry is not declared under keys, or its format has no private keys")
}

// AnchorReferences is [Env.References] for trust anchors.
func (e *Env) AnchorReferences(path string, names []string) ([]AnchorReference, []Problem) {
	return lookUp(path, names, e.Anchors, "the entry is not declared under keys, or holds no certificates")
}

func lookUp[R any](path string, names []string, find func(string) (R, bool), missing string) ([]R, []Problem) {
	var refs []R
	var problems []Problem
	for i, name := range names {
		var ref R
		ok := false
		if find != nil {
			ref, ok = find(name)
		}
		if !ok {
			problems = append(problems, Problem{Path: fmt.Sprintf("%s[%d]", path, i), Code: CodeUndeclaredKeys, Message: missing})
			continue
		}
		refs = append(refs, ref)
	}
	return refs, problems
}

// CodeUndeclaredKeys is [CodeUndeclaredSecret] for an entry of keys.
const CodeUndeclaredKeys = "undeclared_keys"

// CodeUndeclaredSecret marks a [Problem] about a reference to nothing. The
// loader words it, since only it knows which names are close.
const CodeUndeclaredSecret = "undeclared_secret" //nolint:gosec // G101: a word for machines

// A Location is a place in the request that held a credential.
type Location struct {
	Header string // lower case; or
	Query  string // the parameter's raw name
}

// A Part is what a kind makes of its settings.
type Part struct {
	Check Check
	// Name tells checks of one kind apart in the decision log; may be empty.
	Name string
	// Authenticates says that passing proves who the sender is.
	Authenticates bool
	// BindsBody says that the check vouches for the body, or at least must
	// know that there is none.
	BindsBody bool
	// Signs says that every request that passes gives a message, if Env.Replay
	// asked for it. Window is how long after it was signed, at most, a message
	// passes, and how far it may be ahead: both sides of the window together. 0
	// means that no signed time is enforced.
	Signs  bool
	Window time.Duration
	// Message tells what is signed: of any request, two checks with the same
	// text give the same message. Empty if only the request tells.
	Message string
	// Payload says that every request that passes gives a payload, if
	// Env.Payload asked for it.
	Payload bool
	// Credentials are where the credential stands. SharedSecret says that it
	// is the secret itself, so that by default it doesn't reach the upstream.
	Credentials  []Location
	SharedSecret bool
	// Challenge is the WWW-Authenticate challenge, empty for none.
	Challenge string
	// TrustedHops is set if the client's address is taken from
	// X-Forwarded-For behind that many trusted proxies.
	TrustedHops *uint32
	// Captures are the route captures that the check reads.
	Captures []string
	// Unfit tells, by name, of the secrets that are there at now and that the
	// check can't use, and why: a key that is too short, say. The errors wrap
	// [ErrNotConfigured]. It may be called by many goroutines; nil if the check
	// uses no secrets.
	Unfit func(now time.Time, tell func(secret string, why error))
}

// A Kind is an entry of the list in authz/builtin.
type Kind struct {
	// Name is the field of the policy schema, such as "api_key".
	Name string
	// Folder is the last element of the kind's package path, such as "apikey".
	Folder string

	build func(settings any, env *Env) (Part, []Problem)
}

// NewKind returns the kind whose settings message is S and whose code stands in
// the folder of that name under authz/check.
//
// build returns every mistake it finds. A Part that came with a mistake is not
// used.
func NewKind[S any](name, folder string, build func(settings S, env *Env) (Part, []Problem)) Kind {
	return Kind{Name: name, Folder: folder, build: func(settings any, env *Env) (Part, []Problem) {
		s, ok := settings.(S)
		if !ok {
			return Part{}, []Problem{{Message: fmt.Sprintf("settings of kind %s have type %T", name, settings), Code: "bug"}}
		}
		return build(s, env)
	}}
}

// Build makes the check that settings describe.
func (k Kind) Build(settings any, env *Env) (Part, []Problem) {
	return k.build(settings, env)
}
