package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/hookauthz/hookauthz/authz/policy"
)

const vaultPolicyLong = `Print the least policy for Vault that serve needs for a policy file: the right to
read each secret that is named, one path each, and to look after its own token.
Nothing is contacted.

Each path says in a comment which of our policies need it. Write it with

  hookauthz vault policy policy.yaml | vault policy write hookauthz -

and again when the policy file names other secrets; until then those answer 500
(secret_forbidden). The output is the same for the same file, so it can be
compared in CI.

For a Vault namespace the paths are those inside it: write the policy there.`

func (c *command) vault() *cobra.Command {
	cmd := newParent("vault", "Set up Vault", "Set up HashiCorp Vault, or OpenBao, for a policy file.")
	cmd.AddCommand(c.vaultPolicy())
	return cmd
}

func (c *command) vaultPolicy() *cobra.Command {
	var format string
	var dev bool
	cmd := newCommand("policy PATH [flags]", words{
		short: "Print the least Vault policy that a policy file needs",
		long:  vaultPolicyLong,
		example: `  hookauthz vault policy policy.yaml
  hookauthz vault policy policies/ | vault policy write hookauthz -
  hookauthz vault policy --format json policy.yaml`,
	}, func(_ context.Context, args []string) error {
		if format != formatHCL && format != formatJSON {
			return fmt.Errorf("--format: want %s or %s", formatHCL, formatJSON)
		}
		file, err := c.readPolicy(args[0], policy.Options{Dev: dev})
		if err != nil {
			return err
		}
		all, err := vaultRights(file)
		if err != nil {
			return failed(exitInternal, err)
		}
		if format == formatHCL {
			writeHCL(c.out, all)
			return nil
		}
		if err := writeRightsJSON(c.out, all); err != nil {
			return failed(exitInternal, err)
		}
		return nil
	})
	cmd.Args = onePath
	cmd.ValidArgsFunction = completePolicy
	cmd.Flags().StringVar(&format, "format", formatHCL, "`FORMAT`: hcl or json")
	cmd.Flags().BoolVar(&dev, "dev", false, "take a policy file that serve takes with --dev only")
	completeWords(cmd, "format", formatHCL, formatJSON)
	c.variables(cmd)
	return cmd
}

const formatHCL = "hcl"
