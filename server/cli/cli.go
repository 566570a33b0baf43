// Package cli is the command line. Each command is one file. Results go to
// standard output, mistakes and messages to standard error.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"github.com/hookauthz/hookauthz/authz/policy/document"
)

// Exit codes, the same for every command.
const (
	exitOK       = 0 // success, every verdict as expected
	exitMistakes = 1 // mistakes or findings, a verdict not as expected
	exitUsage    = 2 // the command line
	exitRemote   = 3 // somebody we depend on can't be reached
	exitInternal = 4 // a bug
)

const exitHelp = `Exit codes: 0 success, 1 mistakes or a verdict not as expected, 2 usage,
3 something remote can't be reached, 4 internal error (please report it).`

// Main runs the command line of this process and returns its exit code.
func Main() int {
	// A reader of our output that goes away must not end a server.
	signal.Ignore(syscall.SIGPIPE)
	c := &command{
		out: os.Stdout, err: os.Stderr, lookup: os.LookupEnv, environ: os.Environ,
		colorOut: colorful(os.Stdout), colorErr: colorful(os.Stderr), terminal: term.IsTerminal(int(os.Stderr.Fd())),
	}
	return c.run(context.Background(), os.Args[1:])
}

// colorful reports whether to write colours to f, which is for terminals whose
// user has not set NO_COLOR (https://no-color.org).
func colorful(f *os.File) bool {
	return os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && term.IsTerminal(int(f.Fd()))
}

// command is what all commands share.
type command struct {
	out, err           io.Writer
	lookup             func(string) (string, bool)
	environ            func() []string
	colorOut, colorErr bool
	terminal           bool // standard error is a terminal
}

// style is how findings are shown on standard error.
func (c *command) style() document.Style {
	switch {
	case c.colorErr:
		return document.Colored
	case c.terminal:
		return document.Excerpt
	}
	return document.Plain
}

// exit is an error with an exit code. A nil cause has been told already.
type exit struct {
	code  int
	cause error
}

// Error implements error.
func (e *exit) Error() string {
	if e.cause == nil {
		return fmt.Sprintf("exit %d", e.code)
	}
	return e.cause.Error()
}

// Unwrap returns the cause.
func (e *exit) Unwrap() error { return e.cause }

// failed returns err with an exit code.
func failed(code int, err error) error { return &exit{code, err} }

func (c *command) run(ctx context.Context, args []string) (code int) {
	defer func() {
		if recover() != nil {
			// What was panicked with may hold what a file holds.
			fmt.Fprintf(c.err, "hookauthz: internal error, please report it:\n%s", debug.Stack())
			code = exitInternal
		}
	}()
	root := c.root()
	root.SetArgs(args)
	root.SetOut(c.out)
	root.SetErr(c.err)
	ran, err := root.ExecuteContextC(ctx)
	if err == nil {
		return exitOK
	}
	if e, ok := errors.AsType[*exit](err); ok {
		if e.cause != nil {
			c.complain(e.cause.Error())
		}
		return e.code
	}
	c.complain(usageMessage(ran, err))
	fmt.Fprintf(c.err, "Run '%s --help' for usage.\n", ran.CommandPath())
	return exitUsage
}

// complain writes what is wrong, each line marked as ours.
func (c *command) complain(message string) {
	for line := range strings.Lines(message) {
		fmt.Fprintf(c.err, "hookauthz: %s\n", strings.TrimSuffix(line, "\n"))
	}
}

// usageMessage puts what is wrong with a command line into words.
func usageMessage(ran *cobra.Command, err error) string {
	// cobra asks its questions in a paragraph of their own.
	message, _, _ := strings.Cut(err.Error(), "\n\n")
	if invalid, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
		// Without the value: it may be a secret in the wrong place.
		message = "--" + invalid.GetFlag().Name + ": want " + wanted(invalid.GetFlag().Value.Type())
	}
	if unknown, ok := errors.AsType[*pflag.NotExistError](err); ok {
		dashes := "--"
		if unknown.GetSpecifiedShortnames() != "" {
			dashes = "-"
		}
		message = "unknown flag " + dashes + unknown.GetSpecifiedName()
		if near, ok := document.Closest(unknown.GetSpecifiedName(), flagNames(ran)); ok {
			message += fmt.Sprintf(", did you mean --%s?", near)
		}
	}
	return message
}

// wanted says what a flag's value looks like.
func wanted(kind string) string {
	switch kind {
	case "bool":
		return "true or false"
	case "duration":
		return "a number and a unit, such as 5s"
	}
	return "another value"
}

// words are the help texts of a command.
type words struct {
	short, long, example string
}

// newCommand returns a command without arguments; run's error has an exit code.
func newCommand(use string, w words, run func(ctx context.Context, args []string) error) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: w.short, Long: w.long, Example: w.example,
		Args: noArguments, DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			return run(cmd.Context(), args)
		},
	}
}
