// Package builtin lists the kinds of checks that a policy may require. A kind
// whose folder stands under authz/check but not here is not in the server.
package builtin

import (
	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/check/apikey"
	"github.com/hookauthz/hookauthz/authz/check/basic"
	"github.com/hookauthz/hookauthz/authz/check/bearer"
	"github.com/hookauthz/hookauthz/authz/check/clientcert"
	"github.com/hookauthz/hookauthz/authz/check/httpsig"
	"github.com/hookauthz/hookauthz/authz/check/jwe"
	"github.com/hookauthz/hookauthz/authz/check/jws"
	"github.com/hookauthz/hookauthz/authz/check/mac"
	"github.com/hookauthz/hookauthz/authz/check/signature"
	"github.com/hookauthz/hookauthz/authz/check/sourceip"
)

// Kinds returns all kinds, in the order of their names.
func Kinds() []authz.Kind {
	return []authz.Kind{
		apikey.Kind(),
		basic.Kind(),
		bearer.Kind(),
		clientcert.Kind(),
		httpsig.Kind(),
		jwe.Kind(),
		jws.Kind(),
		mac.Kind(),
		signature.Kind(),
		sourceip.Kind(),
	}
}
