package bearer_test

import (
	"crypto"
	"slices"
	"time"
)

// What must happen to a token, from the facts alone.

// fault returns why d must be denied, empty if it must pass.
func (d *draft) fault() string {
	p := d.to
	switch {
	case d.broken != "":
		return d.broken
	case !d.authentic():
		return "no key of the policy signed it"
	case p.own && d.typ != "at+jwt", d.typ != "" && d.typ != "jwt" && d.typ != "at+jwt":
		return "type"
	case !d.at.Add(-p.skew).Before(d.expires):
		return "exp"
	case slices.ContainsFunc(d.starts, func(t time.Time) bool { return t.After(d.at.Add(p.skew)) }):
		return "nbf or iat"
	case d.issuer != p.issuer:
		return "iss"
	case !common(d.audiences, p.audiences):
		return "aud"
	case len(p.tiers) > 0 && !common(d.tiers, p.tiers):
		return "tier"
	case !p.own && d.principal == "":
		return "nobody"
	case p.own && ownFault(p, d.client, d.scopes):
		return "client"
	}
	return ""
}

func ownFault(p *party, client string, scopes []string) bool {
	may, declared := ownGrants[client]
	if !declared || len(p.clients) > 0 && !slices.Contains(p.clients, client) {
		return true
	}
	for _, scope := range p.scopes {
		if !slices.Contains(may, scope) || !slices.Contains(scopes, scope) {
			return true
		}
	}
	return false
}

func common(a, b []string) bool {
	return slices.ContainsFunc(a, func(text string) bool { return slices.Contains(b, text) })
}

// authentic reports whether a key that the policy takes for this token signed it.
func (d *draft) authentic() bool {
	if d.algorithm != d.signed || !slices.Contains(d.to.algorithms, d.algorithm) {
		return false
	}
	named := slices.ContainsFunc(d.to.keys, func(h held) bool { return d.kid != "" && h.id == d.kid && h.liveAt(d.at) })
	signer, ok := d.signer.key.Public().(interface {
		Equal(key crypto.PublicKey) bool
	})
	return ok && slices.ContainsFunc(d.to.keys, func(h held) bool {
		mayBe := d.kid == "" || h.id == d.kid || !named && h.id == ""
		return mayBe && h.liveAt(d.at) && (h.pin == "" || h.pin == string(d.algorithm)) && signer.Equal(h.key.Public())
	})
}

func (d *draft) principalOf() string {
	if d.to.own {
		return d.client
	}
	return d.principal
}
