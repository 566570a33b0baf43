// Command hookauthz authenticates webhooks at the gateway: Envoy asks it about
// each request, and it allows or denies by a policy file and secrets from Vault.
// Run `hookauthz demo` to see it work and `hookauthz help` for the rest.
package main

import (
	"os"

	"github.com/hookauthz/hookauthz/server/cli"
)

func main() {
	os.Exit(cli.Main())
}
