package cli

import (
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/hookauthz/hookauthz/authz/policy/document"
)

const rootLong = `hookauthz authenticates webhooks at the gateway. Envoy asks it about each
request (ext_authz or ext_proc over gRPC) and is told to allow or to deny. The
policy of the route says which signature, key, password, token or certificate
must hold; the secrets for it come from Vault.

First steps:
  hookauthz demo                 see it work, without Envoy and Vault
  hookauthz check policy.yaml    find the mistakes in a policy file
  hookauthz secrets check policy.yaml
                                 see whether its secrets are there and any good
  hookauthz serve --config policy.yaml

` + exitHelp

// root returns the command tree.
func (c *command) root() *cobra.Command {
	root := &cobra.Command{
		Use:           "hookauthz",
		Short:         "Authenticate webhooks at the gateway",
		Long:          rootLong,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          unknownCommand,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return cmd.Help() //nolint:wrapcheck // it writes to the output
		},
	}
	root.AddCommand(c.serve(), c.check(), c.secrets(), c.vault(), c.demo(), c.healthcheck(), c.version())
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	for _, sub := range root.Commands() {
		if sub.Name() == "completion" {
			sub.Args, sub.RunE = unknownCommand, root.RunE // else an unknown shell gets help and exit code 0
		}
	}
	return root
}

// noArguments refuses words behind a command that takes none.
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return fmt.Errorf("%s takes no arguments", cmd.Name())
}

// unknownCommand refuses a word that is no command and says which is close.
func unknownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var names []string
	for _, sub := range cmd.Commands() {
		names = append(names, sub.Name())
	}
	if near, ok := document.Closest(args[0], names); ok {
		return fmt.Errorf("unknown command %q, did you mean %q?", args[0], near)
	}
	return fmt.Errorf("unknown command %q", args[0])
}

// flagNames returns the names of a command's flags.
func flagNames(cmd *cobra.Command) []string {
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	return names
}
