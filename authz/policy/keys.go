package policy

import (
	"strings"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/keyset"
	"github.com/hookauthz/hookauthz/authz/secret"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

// What an issuer of Vault's PKI engine gives is read like a secret. Its name has
// a slash, so that no name of the file can be the same.
const (
	pkiPrefix = "keys/"
	pkiCRL    = "/crl"
)

// KeySets returns the key sets that the file has fetched, sorted by name.
func (f *File) KeySets() []keyset.Declaration {
	var declared []keyset.Declaration
	for _, name := range sortedKeys(f.config.GetKeys()) {
		from := f.config.GetKeys()[name]
		switch {
		case from.GetDiscovery() != nil:
			declared = append(declared, keyset.Declaration{
				Name: name, Issuer: from.GetDiscovery().GetIssuer(), Private: from.GetDiscovery().GetPrivateNetwork() == accepted,
			})
		case from.GetJwks() != nil:
			declared = append(declared, keyset.Declaration{
				Name: name, URL: from.GetJwks().GetUrl(), Private: from.GetJwks().GetPrivateNetwork() == accepted,
			})
		}
	}
	return declared
}

// pkiSecrets declares what Vault's PKI engine gives.
func (f *File) pkiSecrets() []secret.Declaration {
	var declared []secret.Declaration
	for _, name := range sortedKeys(f.config.GetKeys()) {
		pki := f.config.GetKeys()[name].GetVaultPki()
		if pki == nil {
			continue
		}
		declared = append(declared,
			secret.Declaration{Name: pkiPrefix + name, VaultPKI: &secret.PKILocation{Mount: pki.GetMount(), Issuer: pki.GetIssuer(), Field: secret.FieldCertificate}},
			secret.Declaration{Name: pkiPrefix + name + pkiCRL, VaultPKI: &secret.PKILocation{Mount: pki.GetMount(), Issuer: pki.GetIssuer(), Field: secret.FieldCRL}},
		)
	}
	return declared
}

// A keyEntry is an entry of keys in use.
type keyEntry struct {
	keys    *authz.KeyReference        // nil: it holds no public keys
	url     *policypb.KeyUrl           // nil: requests name no URL of a key
	anchors *authz.AnchorReference     // nil: it holds no trust anchors
	private *authz.PrivateKeyReference // nil: it holds no private keys
}

// keySources checks the entries of keys, in use or not.
func (c *compiler) keySources() {
	for _, name := range sortedKeys(c.file.config.GetKeys()) {
		from, path := c.file.config.GetKeys()[name], "keys."+name
		if !c.file.document.Sound(path) {
			continue
		}
		switch {
		case from.GetStored() != nil:
			stored := from.GetStored()
			c.look(path+".stored.secret", stored.GetSecret())
			if stored.GetCrl() != "" {
				c.look(path+".stored.crl", stored.GetCrl())
				if stored.GetFormat() != string(keyset.FormatX509) {
					c.mistake(path+".stored.crl", "crl_without_anchors", "a revocation list belongs to trust anchors, which have the format x509")
				}
			}
		case from.GetDiscovery() != nil:
			c.secureURL(path+".discovery.issuer", from.GetDiscovery().GetIssuer())
		case from.GetJwks() != nil:
			c.secureURL(path+".jwks.url", from.GetJwks().GetUrl())
		case from.GetByUrl() != nil:
			c.keyURLValue(path+".by_url.value", from.GetByUrl().GetValue())
			c.keyURLHosts(path+".by_url.hosts", from.GetByUrl().GetHosts())
		case from.GetVaultPki().GetIssuer() == "default":
			c.mistake(path+".vault_pki.issuer", "default_issuer", "names another issuer after a rotation: write the issuer's own name or id")
		}
	}
}

// secureURL reports a URL that is not https.
func (c *compiler) secureURL(path, text string) {
	if !strings.HasPrefix(text, "https://") && !c.file.options.Dev {
		c.mistake(path, "insecure_url", "must be https: what comes by http anybody between us can change (--dev permits it)")
	}
}

// keyEntry returns the entry declared under name and marks it as used.
func (c *compiler) keyEntry(name string) (*keyEntry, bool) {
	if entry, ok := c.keys[name]; ok {
		return entry, true
	}
	from, ok := c.file.config.GetKeys()[name]
	if !ok {
		return nil, false
	}
	entry := &keyEntry{}
	c.keys[name] = entry
	switch {
	case from.GetStored() != nil:
		c.storedKeys(entry, name, from.GetStored())
	case from.GetDiscovery() != nil:
		entry.keys = &authz.KeyReference{Name: name, Set: c.sources.Keys(name), Issuer: from.GetDiscovery().GetIssuer()}
	case from.GetJwks() != nil:
		entry.keys = &authz.KeyReference{Name: name, Set: c.sources.Keys(name)}
	case from.GetByUrl() != nil:
		entry.url = from.GetByUrl()
	case from.GetVaultPki() != nil:
		ca := authz.Reference{Name: pkiPrefix + name, Secrets: c.sources.Secret(pkiPrefix + name)}
		crl := authz.Reference{Name: pkiPrefix + name + pkiCRL, Secrets: c.sources.Secret(pkiPrefix + name + pkiCRL)}
		entry.anchors = &authz.AnchorReference{Name: name, Set: keyset.StoredAnchors(ca, &crl), HasCRL: true}
	default:
		unknownKeys(entry, name) // the schema tells that there is no source
	}
	return entry, true
}

// storedKeys fills the entry of keys that a secret holds.
func (c *compiler) storedKeys(entry *keyEntry, name string, from *policypb.StoredKeys) {
	ref, ok := c.reference(from.GetSecret())
	format, known := keyset.ParseFormat(from.GetFormat())
	if !ok || !known {
		unknownKeys(entry, name) // told by keySources or by the schema
		return
	}
	entry.keys = &authz.KeyReference{Name: name, Set: keyset.Stored(ref, format)}
	switch format {
	case keyset.FormatPEM, keyset.FormatJWK, keyset.FormatJWKS:
		entry.private = &authz.PrivateKeyReference{Name: name, Set: keyset.StoredPrivate(ref, format)}
	case keyset.FormatX509, keyset.FormatSPKI, keyset.FormatRaw:
	}
	if format != keyset.FormatX509 {
		return
	}
	var crl *authz.Reference
	if from.GetCrl() != "" {
		if list, ok := c.reference(from.GetCrl()); ok {
			crl = &list
		}
	}
	entry.anchors = &authz.AnchorReference{Name: name, Set: keyset.StoredAnchors(ref, crl), HasCRL: from.GetCrl() != ""}
}

// unknownKeys fills an entry with a mistake so that what names it is in order.
func unknownKeys(entry *keyEntry, name string) {
	entry.keys = &authz.KeyReference{Name: name, Set: closed{}}
	entry.anchors = &authz.AnchorReference{Name: name, Set: closed{}, HasCRL: true}
	entry.private = &authz.PrivateKeyReference{Name: name, Set: closedPrivate{}}
}

// trustAnchors is that of [authz.Env].
func (c *compiler) trustAnchors(name string) (authz.AnchorReference, bool) {
	entry, ok := c.keyEntry(name)
	if !ok || entry.anchors == nil {
		return authz.AnchorReference{}, false
	}
	return *entry.anchors, true
}

// privateKeys is that of [authz.Env].
func (c *compiler) privateKeys(name string) (authz.PrivateKeyReference, bool) {
	entry, ok := c.keyEntry(name)
	if !ok || entry.private == nil {
		return authz.PrivateKeyReference{}, false
	}
	return *entry.private, true
}
