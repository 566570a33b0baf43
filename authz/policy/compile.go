package policy

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/builtin"
	"github.com/hookauthz/hookauthz/authz/policy/document"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

// accepted is the word by which a file takes a weaker choice on itself.
const accepted = "accepted"

// A compiler turns one file into a table and collects what is wrong with it.
type compiler struct {
	file     *File
	sources  Sources
	kinds    map[string]authz.Kind
	used     map[string]authz.Reference // secrets that policies name
	entries  map[string]*policypb.CatalogEntry
	findings []document.Finding
	table    *Table
	keys     map[string]*keyEntry // that something names
	own      *authz.OwnTokens     // nil without token_endpoint
	// policyName is the policy in hand. wantsReplay and wantsPayload say what it
	// wants of its checks.
	policyName                string
	wantsReplay, wantsPayload bool
	// captures are the route captures that each policy's checks read.
	captures map[string][]string
}

// compile returns the table of file. What sources lack is never available, for
// a trial. The table is to be used only if there is no mistake. Of parts in which
// the document has mistakes already only the sound fields are looked at, so that
// one run tells of both.
func compile(file *File, sources Sources) (*Table, []document.Finding) {
	c := &compiler{
		file: file, sources: sources.filled(),
		keys:     map[string]*keyEntry{},
		kinds:    map[string]authz.Kind{},
		used:     map[string]authz.Reference{},
		entries:  map[string]*policypb.CatalogEntry{},
		captures: map[string][]string{},
		table:    &Table{hash: file.hash, byName: map[string]*Policy{}, answers: defaultAnswers()},
	}
	for _, kind := range builtin.Kinds() {
		c.kinds[kind.Name] = kind
	}
	c.gateway()
	c.secrets()
	c.keySources()
	c.tokenEndpoint()
	c.reserve()
	for _, name := range sortedKeys(file.config.GetPolicies()) {
		c.policyName = name
		from := file.config.GetPolicies()[name]
		c.wantsReplay, c.wantsPayload = from.GetReplay() != nil, from.GetUpstream().GetPayload() != nil
		policy := &Policy{name: name}
		if path := document.Join("policies", name); file.document.Sound(path) {
			policy = c.policy(name, from)
		} else {
			c.require(path+".require", from.GetRequire())
		}
		c.table.policies = append(c.table.policies, policy)
		c.table.byName[name] = policy
	}
	c.routes()
	c.unused()
	return c.table, c.findings
}

func (c *compiler) gateway() {
	if !c.file.document.Sound("gateway") {
		return
	}
	stated := c.file.config.GetGateway()
	c.table.gateway = authz.Gateway{
		BodyRawFull:     stated.GetBody() == "raw-full",
		MaxRequestBytes: c.size("gateway.max_request_bytes", stated.GetMaxRequestBytes()),
		XFFAppended:     stated.GetXff() == "appended",
		XFCCSanitized:   stated.GetXfcc() == "sanitize_set",
	}
	c.table.largest = max(c.file.options.maxBody(), c.table.gateway.MaxRequestBytes)
}

func (c *compiler) secrets() {
	for _, name := range sortedKeys(c.file.config.GetSecrets()) {
		vault := c.file.config.GetSecrets()[name].GetVault()
		if !c.file.document.Sound("secrets." + name) {
			continue
		}
		if vault.GetKvVersion() == 1 && vault.GetPreviousFor().AsDuration() != 0 {
			c.mistake("secrets."+name+".vault.previous_for", "previous_without_versions",
				"version 1 of the key-value engine keeps no previous version: use version 2 or leave previous_for out")
		}
	}
}

// reserve collects the names of the headers that policies set for the upstream.
func (c *compiler) reserve() {
	names := map[string]bool{}
	for _, policy := range c.file.config.GetPolicies() {
		for name := range policy.GetUpstream().GetHeaders() {
			names[strings.ToLower(name)] = true
		}
	}
	c.table.reserved = slices.Sorted(maps.Keys(names))
}

func (c *compiler) unused() {
	for _, part := range []string{"secrets", "keys", "token_endpoint", "policies"} {
		if !c.file.document.Sound(part) {
			return // what is misspelt there may use any
		}
	}
	for _, name := range sortedKeys(c.file.config.GetSecrets()) {
		if _, ok := c.used[name]; !ok {
			c.add(c.file.document.AtKey("secrets."+name), "unused_secret", "no policy uses this secret", true)
		}
	}
	for _, name := range sortedKeys(c.file.config.GetKeys()) {
		if _, ok := c.keys[name]; !ok {
			c.add(c.file.document.AtKey("keys."+name), "unused_keys", "no policy uses these keys", true)
		}
	}
}

// reference returns the secret declared under name.
func (c *compiler) reference(name string) (authz.Reference, bool) {
	if ref, ok := c.used[name]; ok {
		return ref, true
	}
	declared, ok := c.file.config.GetSecrets()[name]
	if !ok {
		return authz.Reference{}, false
	}
	ref := authz.Reference{Name: name, AcceptWeak: declared.GetWeak() == accepted, Secrets: c.sources.Secret(name)}
	c.used[name] = ref
	return ref, true
}

// size returns the bytes of a size such as 256KiB, 0 for none. The schema has
// checked its form.
func (c *compiler) size(path, text string) int64 {
	if text == "" {
		return 0
	}
	digits := strings.TrimRight(text, "BKMGi")
	n, err := strconv.ParseInt(digits, 10, 64)
	unit := map[string]int64{"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}[text[len(digits):]]
	if err != nil || unit == 0 || n > maxSize/unit {
		c.mistake(path, "size_range", "is over 1GiB, more than a gateway can buffer")
		return 0
	}
	return n * unit
}

// maxSize bounds sizes well below what a gRPC message can hold.
const maxSize = 1 << 30

func (c *compiler) mistake(path, code, message string) {
	c.add(c.file.document.At(path, 0), code, message, false)
}

func (c *compiler) warn(path, code, message string) {
	c.add(c.file.document.At(path, 0), code, message, true)
}

func (c *compiler) add(at document.Finding, code, message string, warning bool) {
	at.Code, at.Message, at.Warning = code, message, warning
	c.findings = append(c.findings, at)
}

// undeclared reports a name that is not there. The name is told only if it is
// close to one that is: it may be a secret pasted where its name belongs.
func (c *compiler) undeclared(path, what, name string, declared []string) {
	if len(declared) == 0 && !c.file.document.Sound(map[string]string{"secret": "secrets", "policy": "policies", "keys": "keys"}[what]) {
		return // what would declare it is no map at all, which is told already
	}
	if (what == "client" || what == "scope") && !c.file.document.Sound("token_endpoint.clients") {
		return // a client with a mistake may be the one that is meant
	}
	at, label := c.file.document.At(path, 0), what
	missing := "is not declared"
	switch what {
	case "provider":
		missing = "is not in the catalogue"
	case "keys":
		label = "key set"
	case "client":
		missing = "is not declared under token_endpoint.clients"
	case "scope":
		missing = "is given to no client under token_endpoint.clients"
	}
	if near, ok := document.Closest(name, declared); ok {
		c.add(at, "undeclared_"+what, fmt.Sprintf("%s %q %s, did you mean %q?", label, name, missing, near), false)
		return
	}
	at.Text = ""
	c.add(at, "undeclared_"+what, fmt.Sprintf("a %s of that name %s", label, missing), false)
}

// undeclaredKeys reports a name that is no entry of keys, or one of another sort;
// private says that a private key is wanted.
func (c *compiler) undeclaredKeys(path, name, message string, private bool) {
	if entry, ok := c.file.config.GetKeys()[name]; ok {
		switch {
		case entry.GetByUrl() != nil:
			message = "only a signature check can use a key whose URL the request names"
		case private:
			message = noPrivateKey(name, entry)
		}
		c.mistake(path, "wrong_keys", message)
		return
	}
	c.undeclared(path, "keys", name, sortedKeys(c.file.config.GetKeys()))
}

// undeclaredGrantee reports a client, or a scope, that the token endpoint does
// not know.
func (c *compiler) undeclaredGrantee(path, what, name string) {
	declared := sortedKeys(c.own.Clients)
	if what == "scope" {
		declared = slices.Sorted(slices.Values(slices.Concat(slices.Collect(maps.Values(c.own.Clients))...)))
	}
	c.undeclared(path, what, name, declared)
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
