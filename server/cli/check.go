package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/hookauthz/hookauthz/authz/policy"
	"github.com/hookauthz/hookauthz/authz/policy/document"
	"github.com/hookauthz/hookauthz/server/config"
)

const checkLong = `Read policy files and report every mistake at once, each with its file, line and
column. Nothing is contacted: whether the secrets are there is found out by
'hookauthz secrets check'.

A directory is read as one policy file: all *.yaml and *.json in it except
*_test.yaml. Several paths are several policy files.

Warnings are choices that are legal and weak; they don't change the exit code.
Formats: text for people, json for programs, github for annotations in GitHub's
workflows.`

func (c *command) check() *cobra.Command {
	var format, maxBody string
	var dev bool
	cmd := newCommand("check PATH... [flags]", words{
		short: "Find the mistakes in policy files",
		long:  checkLong,
		example: `  hookauthz check policy.yaml
  hookauthz check /etc/hookauthz/policies/
  hookauthz check --format github policies/*.yaml`,
	}, func(_ context.Context, args []string) error {
		size, err := config.ParseSize(maxBody)
		if err != nil || size <= 0 {
			return fmt.Errorf("--max-body: want a size such as 1MiB")
		}
		switch format {
		case formatText, formatJSON, formatGitHub:
		default:
			return fmt.Errorf("--format: want %s, %s or %s", formatText, formatJSON, formatGitHub)
		}
		return c.checkPaths(args, format, policy.Options{MaxBody: size, Dev: dev})
	})
	cmd.Args = func(_ *cobra.Command, args []string) error {
		if len(args) == 0 {
			return fmt.Errorf("which policy file? give a file or a directory")
		}
		return nil
	}
	cmd.ValidArgsFunction = func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return []string{"yaml", "json"}, cobra.ShellCompDirectiveFilterFileExt
	}
	cmd.Flags().StringVar(&format, "format", formatText, "`FORMAT`: text, json or github")
	cmd.Flags().StringVar(&maxBody, "max-body", config.FormatSize(config.DefaultMaxBody), "`SIZE` that serve is started with")
	cmd.Flags().BoolVar(&dev, "dev", false, "serve is started with --dev: issuers may be reached by plain http")
	completeWords(cmd, "format", formatText, formatJSON, formatGitHub)
	c.variables(cmd)
	return cmd
}

// checkPaths checks each path as a policy file of its own.
func (c *command) checkPaths(paths []string, format string, options policy.Options) error {
	var findings []document.Finding
	var good []string
	files := 0
	for _, path := range paths {
		file, found := policy.ReadPath(path, options)
		findings = append(findings, found...)
		files += filesIn(path)
		if file == nil || document.Mistakes(found) > 0 {
			continue
		}
		line := summary(file) + ": no mistakes"
		if len(paths) > 1 {
			line = path + ": " + line
		}
		good = append(good, line)
	}
	mistakes := document.Mistakes(findings)
	// Findings are messages for people, but the result for programs.
	to := c.err
	if format != formatText {
		to = c.out
	}
	if len(findings) > 0 || format != formatText {
		if err := document.Render(to, findings, format, c.style(), files); err != nil {
			return failed(exitInternal, err)
		}
	}
	if format == formatText {
		for _, line := range good {
			fmt.Fprintln(c.out, line)
		}
	}
	if mistakes > 0 {
		return failed(exitMistakes, nil)
	}
	return nil
}

// summary counts what a policy file holds.
func summary(file *policy.File) string {
	secrets := 0
	for _, s := range file.Secrets() {
		if s.VaultPKI == nil { // that is an entry of keys
			secrets++
		}
	}
	return count(len(file.Table(policy.Sources{}).Policies()), "policy", "policies") + ", " +
		count(secrets, "secret", "secrets") + ", " +
		count(file.Routes(), "route", "routes")
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// filesIn counts the files that a path stands for.
func filesIn(path string) int {
	info, err := os.Stat(path)
	if err != nil || !info.IsDir() {
		return 1
	}
	n := 0
	for _, pattern := range []string{"*.yaml", "*.json"} {
		names, err := filepath.Glob(filepath.Join(path, pattern))
		if err != nil {
			continue // the directory's name looks like a pattern
		}
		for _, name := range names {
			if ok, _ := filepath.Match("*_test.yaml", filepath.Base(name)); !ok && filepath.Base(name)[0] != '.' {
				n++
			}
		}
	}
	return n
}

// completeWords completes a flag that takes one of a few words.
func completeWords(cmd *cobra.Command, flag string, words ...string) {
	// The only error is that the flag does not exist or has one already.
	_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp))
}
