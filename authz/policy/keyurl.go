package policy

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/keyset"
	"github.com/hookauthz/hookauthz/authz/template"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

// A CertificateFinder finds the keys of certificates by their URL; see
// [keyset.ByURL.Find].
type CertificateFinder interface {
	Find(ctx context.Context, entry keyset.URLEntry, url string, now time.Time, fetch bool) (*authz.Keys, error)
}

// keyURL is an entry by_url as one policy uses it.
type keyURL struct {
	value  *template.Template
	entry  keyset.URLEntry
	finder CertificateFinder
}

var _ authz.NamedKeys = (*keyURL)(nil)

// Find implements [authz.NamedKeys].
func (k *keyURL) Find(ctx context.Context, r *authz.Request, body []byte, fetch bool) (*authz.Keys, error) {
	url, err := k.value.Append(nil, &template.Input{Request: r, Body: body})
	if err != nil {
		return nil, err //nolint:wrapcheck // the template's denial is the answer
	}
	return k.finder.Find(ctx, k.entry, string(url), r.Received, fetch) //nolint:wrapcheck // the finder's denial is the answer
}

// NeedsBody implements [authz.NamedKeys].
func (k *keyURL) NeedsBody() bool { return k.value.NeedsBody() }

// keyURLValue compiles where requests name the URL of an entry, nil after a
// mistake.
func (c *compiler) keyURLValue(path, text string) *template.Template {
	value, problems := template.Compile(text, template.Options{Place: template.PlaceKey})
	for _, problem := range problems {
		c.add(c.file.document.At(path, problem.Column), problem.Code, problem.Message, problem.Warning)
	}
	return value
}

// keyURLHosts reports hosts that are addresses: whatever ends in a number is read as
// one (https://url.spec.whatwg.org/#ends-in-a-number-checker).
func (c *compiler) keyURLHosts(path string, hosts []string) {
	for i, host := range hosts {
		last := host[strings.LastIndexByte(host, '.')+1:]
		number := strings.Trim(last, "0123456789") == "" || strings.HasPrefix(last, "0x")
		if number && !c.file.options.Dev {
			c.mistake(fmt.Sprintf("%s[%d]", path, i), "address_host", "is an address: write the host's name (--dev permits it)")
		}
	}
}

// kindSignature is the kind that can use keys of entries by_url.
const kindSignature = "signature"

// keysFor returns that of [authz.Env] for checks of kind.
func (c *compiler) keysFor(kind string) func(name string) (authz.KeyReference, bool) {
	return func(name string) (authz.KeyReference, bool) {
		entry, ok := c.keyEntry(name)
		switch {
		case !ok:
			return authz.KeyReference{}, false
		case entry.url != nil && kind == kindSignature:
			return authz.KeyReference{Name: name, Named: c.keyURL(name, entry.url)}, true
		case entry.keys == nil:
			return authz.KeyReference{}, false
		}
		return *entry.keys, true
	}
}

// keyURL returns the keys of an entry for the policy in hand.
func (c *compiler) keyURL(name string, from *policypb.KeyUrl) *keyURL {
	value, _ := template.Compile(from.GetValue(), template.Options{Place: template.PlaceKey})
	if value == nil {
		value = &template.Template{} // the mistake is told by keySources
	}
	return &keyURL{
		value: value, finder: c.sources.ByURL,
		entry: keyset.URLEntry{
			Policy: c.policyName, Name: name, Hosts: slices.Clone(from.GetHosts()), PathPrefix: from.GetPathPrefix(),
		},
	}
}

// closedFinder stands in for a finder while a file is only checked.
type closedFinder struct{}

// Find implements [CertificateFinder].
func (closedFinder) Find(context.Context, keyset.URLEntry, string, time.Time, bool) (*authz.Keys, error) {
	return nil, authz.Deny(authz.ReasonKeySetUnavailable, "keys are not fetched while a file is checked")
}
