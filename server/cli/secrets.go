package cli

import (
	"context"
	"flag"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/hookauthz/hookauthz/authz/policy"
	"github.com/hookauthz/hookauthz/authz/policy/document"
	"github.com/hookauthz/hookauthz/server"
	"github.com/hookauthz/hookauthz/server/config"
)

const resolveLong = `Read every secret that a policy file names, and every key set, from where serve
would and with the same rights, and say of each whether it can be used. Values are
never shown.

  state        ok; gone or denied, by the word of its source; unusable: it is
               there, and the checks that name it can't use it; refused: Vault
               does not let us in; no_answer
  version      the newest in Vault; +1 says that the one before is accepted too
  age          since that version was written
  fingerprint  to compare with what a sender has: the first 8 digits of
               printf %s "$SECRET" | openssl dgst -sha256 -hmac hookauthz
               None for values under 16 bytes, which it would give away. To
               confirm a guess of a longer one it is enough: don't publish it.

Exit codes: 1 for mistakes in the file, and for references that can't be used,
each with what to do about it; 3 if all that is wrong is that somebody did not
answer.`

func (c *command) secrets() *cobra.Command {
	cmd := newParent("secrets", "Look after the secrets that a policy file names",
		"Look after the secrets that a policy file names. It names where they are; no\ncommand takes a secret as an argument or shows one.")
	cmd.AddCommand(c.secretsCheck())
	return cmd
}

// newParent returns a command that only has others below it.
func newParent(use, short, long string) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short, Long: long, Args: unknownCommand, DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return cmd.Help() //nolint:wrapcheck // it writes to the output
		},
	}
}

// defaultTimeout is long enough for a Vault that has to elect a leader.
const defaultTimeout = 15 * time.Second

func (c *command) secretsCheck() *cobra.Command {
	set := flag.NewFlagSet("check", flag.ContinueOnError)
	flags := config.NewVaultFlags(set)
	var format string
	var timeout time.Duration
	var cmd *cobra.Command
	cmd = newCommand("check PATH [flags]", words{
		short: "Read every secret once and say what is wrong with it",
		long:  resolveLong,
		example: `  hookauthz secrets check policy.yaml
  VAULT_ADDR=https://vault.example:8200 hookauthz secrets check policies/ --vault-token-file ~/.vault-token`,
	}, func(ctx context.Context, args []string) error {
		if format != formatTable && format != formatJSON {
			return fmt.Errorf("--format: want %s or %s", formatTable, formatJSON)
		}
		if timeout <= 0 {
			return fmt.Errorf("--timeout: want more than 0")
		}
		settings, err := flags.Load(cmd.Flags().Changed, c.lookup)
		if err != nil {
			return err //nolint:wrapcheck // it names the flags
		}
		file, err := c.readPolicy(args[0], policy.Options{Dev: settings.Dev})
		if err != nil {
			return err
		}
		return c.resolve(ctx, server.Resolution{Settings: settings, File: file, Timeout: timeout}, format)
	})
	cmd.Args = onePath
	cmd.ValidArgsFunction = completePolicy
	cmd.Flags().StringVar(&format, "format", formatTable, "`FORMAT`: table or json")
	cmd.Flags().DurationVar(&timeout, "timeout", defaultTimeout, "`DURATION` to wait for those that don't answer")
	cmd.Flags().AddGoFlagSet(set)
	cmd.Flags().SortFlags = false
	completeWords(cmd, "format", formatTable, formatJSON)
	completeWords(cmd, "vault-auth", "token", "approle")
	c.variables(cmd)
	return cmd
}

const formatTable = "table"

// onePath wants the policy file and nothing else.
func onePath(_ *cobra.Command, args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("which policy file? give one file or directory")
	}
	return nil
}

func completePolicy(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return []string{"yaml", "json"}, cobra.ShellCompDirectiveFilterFileExt
}

// readPolicy reads a policy file. Its mistakes are shown as check shows them, its
// warnings are left to check.
func (c *command) readPolicy(path string, options policy.Options) (*policy.File, error) {
	file, findings := policy.ReadPath(path, options)
	if file != nil && document.Mistakes(findings) == 0 {
		return file, nil
	}
	if err := document.Render(c.err, findings, document.FormatText, c.style(), filesIn(path)); err != nil {
		return nil, failed(exitInternal, err)
	}
	return nil, failed(exitMistakes, nil)
}

// resolve reads all references and shows what came of each.
func (c *command) resolve(ctx context.Context, r server.Resolution, format string) error {
	if c.terminal {
		r.Progress = c.progress()
	}
	all, err := server.Resolve(ctx, r)
	if c.terminal {
		fmt.Fprint(c.err, "\r\x1b[K")
	}
	if err != nil {
		return failed(exitMistakes, err)
	}
	if format == formatJSON {
		if err := writeReferencesJSON(c.out, r.File.Hash(), all); err != nil {
			return failed(exitInternal, err)
		}
	} else {
		writeReferences(c.out, all)
	}
	bad, silent := 0, 0
	for i := range all {
		switch all[i].State {
		case server.StateOK:
		case server.StateNoAnswer:
			silent++
		default:
			bad++
		}
	}
	refs := count(len(all), "reference", "references")
	switch {
	case bad > 0 && silent > 0:
		return failed(exitMistakes, fmt.Errorf("of %s %d can't be used, and %d got no answer", refs, bad, silent))
	case bad > 0:
		return failed(exitMistakes, fmt.Errorf("of %s %d can't be used", refs, bad))
	case silent > 0:
		return failed(exitRemote, fmt.Errorf("of %s %d got no answer", refs, silent))
	}
	return nil
}

// manyReferences is from how many on the progress is shown.
const manyReferences = 20

func (c *command) progress() func(answered, all int) {
	return func(answered, all int) {
		if all >= manyReferences {
			fmt.Fprintf(c.err, "\rread %d of %d", answered, all)
		}
	}
}
