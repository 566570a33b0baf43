package policy

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/keyset"
	"github.com/hookauthz/hookauthz/authz/scheme/stored"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

// A TokenEndpoint is what a file says of the server's own token endpoint. It is
// immutable.
type TokenEndpoint struct {
	// Issuer is the URL that senders reach it under, and the "iss" of tokens.
	Issuer string
	// Opaque says that tokens are random text that a store keeps. Otherwise they
	// are JWTs, and Signer signs them.
	Opaque bool
	Signer *keyset.Signer
	// Lifetime of a token.
	Lifetime time.Duration
	// TrustedHops is set if the client's address is taken from X-Forwarded-For
	// behind that many trusted proxies.
	TrustedHops *uint32

	clients map[string]*TokenClient
}

// Clients returns who may get tokens, sorted by name.
func (e *TokenEndpoint) Clients() []*TokenClient {
	all := make([]*TokenClient, 0, len(e.clients))
	for _, name := range slices.Sorted(maps.Keys(e.clients)) {
		all = append(all, e.clients[name])
	}
	return all
}

// Client returns the client of that name, nil if there is none.
func (e *TokenEndpoint) Client(name string) *TokenClient { return e.clients[name] }

// A TokenClient is a sender that may get tokens. It is immutable.
type TokenClient struct {
	Name string
	// Secrets hold its client_secret in the form Stored.
	Secrets []authz.Reference
	Stored  stored.Form
	// Scopes that it may get.
	Scopes []string

	// rules are what policies demand of our tokens, without those that list
	// other clients.
	rules []ownRule
}

// Policies returns the policies that take this client's token with scopes, sorted
// by name: the audience of the token.
func (c *TokenClient) Policies(scopes []string) []string {
	var names []string
	for i := range c.rules {
		if c.rules[i].takes(c.Name, scopes) {
			names = append(names, c.rules[i].policy)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// An ownRule is a bearer check of our own tokens.
type ownRule struct {
	policy string
	from   *policypb.OwnToken
}

func (r *ownRule) takes(client string, scopes []string) bool {
	if len(r.from.GetClients()) > 0 {
		return slices.Contains(r.from.GetClients(), client)
	}
	for _, scope := range r.from.GetScopes() {
		if !slices.Contains(scopes, scope) {
			return false
		}
	}
	return len(r.from.GetScopes()) > 0
}

const (
	defaultLifetime = 5 * time.Minute
	// maxAudience bounds a token's length.
	maxAudience = 64
)

// tokenEndpoint compiles token_endpoint.
func (c *compiler) tokenEndpoint() {
	const path = "token_endpoint"
	from := c.file.config.GetTokenEndpoint()
	if from == nil {
		return
	}
	// Until the form of tokens is known to be in order, checks of them are built
	// all the same: a mistake here is told once.
	c.own = &authz.OwnTokens{Issuer: from.GetIssuer(), Clients: map[string][]string{}, Grants: closed{}}
	endpoint := &TokenEndpoint{
		Issuer: from.GetIssuer(), Opaque: from.GetTokens() == "opaque",
		Lifetime: defaultLifetime, clients: map[string]*TokenClient{},
	}
	if from.GetLifetime() != nil {
		endpoint.Lifetime = from.GetLifetime().AsDuration()
	}
	if from.GetForwardedFor() != nil {
		hops := from.GetForwardedFor().GetTrustedHops()
		endpoint.TrustedHops = &hops
	}
	rules := c.ownRules()
	byClient := map[string][]ownRule{} // a file may hold thousands of both
	var byScope []ownRule
	for _, rule := range rules {
		for _, name := range rule.from.GetClients() {
			byClient[name] = append(byClient[name], rule)
		}
		if len(rule.from.GetClients()) == 0 {
			byScope = append(byScope, rule)
		}
	}
	for i, client := range from.GetClients() {
		c.tokenClient(endpoint, fmt.Sprintf("%s.clients[%d]", path, i), client, slices.Concat(byClient[client.GetName()], byScope))
	}
	if c.file.document.Sound(path) {
		c.secureURL(path+".issuer", from.GetIssuer())
		c.tokenForm(endpoint, path, from)
		if len(rules) == 0 && c.file.document.Sound("policies") {
			c.add(c.file.document.AtKey(path), "unused_token_endpoint", "no policy takes its tokens: a bearer check with own does", true)
		}
	}
	c.table.tokens = endpoint
}

// tokenForm sets what tokens are made of.
func (c *compiler) tokenForm(endpoint *TokenEndpoint, path string, from *policypb.TokenEndpoint) {
	switch {
	case endpoint.Opaque && len(from.GetSigningKeys()) > 0:
		c.mistake(path+".signing_keys", "signed_opaque", "opaque tokens are not signed: leave it out, or set tokens: jwt")
		return
	case endpoint.Opaque && c.file.options.NoTokenStore:
		c.mistake(path+".tokens", "no_token_store", "opaque tokens are kept in a store: start the server with --token-store redis://...")
		return
	case endpoint.Opaque:
		c.own.Grants = c.sources.Grants
		return
	case len(from.GetSigningKeys()) == 0:
		c.mistake(path, "unsigned_tokens", "signing_keys is required: an entry of keys that holds a private key")
		return
	}
	var keys []keyset.SignerKey
	for i, name := range from.GetSigningKeys() {
		if key, ok := c.signingKey(fmt.Sprintf("%s.signing_keys[%d]", path, i), name, endpoint.Lifetime); ok {
			keys = append(keys, key)
		}
	}
	endpoint.Signer = keyset.NewSigner(keys, c.sources.SigningDelay)
	c.own.Keys, c.own.Grants = endpoint.Signer.Set(), nil
	c.table.unfit = endpoint.Signer.Unfit
}

// signingKey returns the private key that the entry of keys holds.
func (c *compiler) signingKey(path, name string, lifetime time.Duration) (keyset.SignerKey, bool) {
	from, ok := c.file.config.GetKeys()[name]
	if !ok {
		c.undeclaredKeys(path, name, "", true)
		return keyset.SignerKey{}, false
	}
	entry := from.GetStored()
	if c.keys[name] == nil {
		c.keys[name] = &keyEntry{} // a private key is for nothing else
	}
	format := keyset.Format(entry.GetFormat())
	if format != keyset.FormatPEM && format != keyset.FormatJWK {
		c.mistake(path, "wrong_keys", "must name an entry that is stored as pem or jwk")
		return keyset.SignerKey{}, false
	}
	ref, found := c.reference(entry.GetSecret())
	if !found {
		return keyset.SignerKey{}, false // keySources tells
	}
	kv := c.file.config.GetSecrets()[entry.GetSecret()].GetVault()
	if needed := lifetime + c.sources.SigningDelay; kv != nil && kv.GetPreviousFor().AsDuration() < needed {
		c.warn(path, "short_overlap", fmt.Sprintf(
			"when the secret %q is rotated, tokens that the old key signed fail before they end: give it previous_for of %v or more",
			entry.GetSecret(), needed))
	}
	return keyset.SignerKey{Reference: ref, Format: format}, true
}

func (c *compiler) tokenClient(endpoint *TokenEndpoint, path string, from *policypb.TokenClient, rules []ownRule) {
	if endpoint.clients[from.GetName()] != nil && c.file.document.Sound(path) {
		c.mistake(path+".name", "duplicate_client", "another client has this name")
		return
	}
	form, _ := stored.ParseForm(from.GetStored())
	client := &TokenClient{Name: from.GetName(), Stored: form, Scopes: from.GetScopes(), rules: rules}
	for i, name := range from.GetSecrets() {
		if ref, ok := c.reference(name); ok {
			client.Secrets = append(client.Secrets, ref)
			continue
		}
		c.undeclared(fmt.Sprintf("%s.secrets[%d]", path, i), "secret", name, sortedKeys(c.file.config.GetSecrets()))
	}
	endpoint.clients[client.Name] = client
	c.own.Clients[client.Name] = client.Scopes
	if n := len(client.Policies(client.Scopes)); n > maxAudience {
		c.mistake(path, "wide_client", fmt.Sprintf("its tokens would name %d policies, and may name %d: split it into several clients", n, maxAudience))
	}
}

// ownRules returns the bearer checks of our own tokens, by the names of their
// policies.
func (c *compiler) ownRules() []ownRule {
	var rules []ownRule
	var walk func(policy string, q *policypb.Requirement)
	walk = func(policy string, q *policypb.Requirement) {
		for _, member := range slices.Concat(q.GetAllOf(), q.GetAnyOf()) {
			walk(policy, member)
		}
		if own := q.GetBearer().GetOwn(); own != nil {
			rules = append(rules, ownRule{policy: policy, from: own})
		}
	}
	for _, name := range sortedKeys(c.file.config.GetPolicies()) {
		walk(name, c.file.config.GetPolicies()[name].GetRequire())
	}
	return rules
}
