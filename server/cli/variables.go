package cli

import (
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/hookauthz/hookauthz/server/config"
)

// variables lets each flag of cmd be given by its environment variable too, and
// says so in its help. The flag wins.
func (c *command) variables(cmd *cobra.Command) {
	describeVariables(cmd)
	cmd.PreRunE = func(cmd *cobra.Command, _ []string) error {
		var mistake error
		cmd.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
			value, ok := c.lookup(config.EnvName(f.Name))
			if f.Changed || !ok || value == "" || f.Name == "help" || mistake != nil {
				return
			}
			if err := f.Value.Set(value); err != nil {
				mistake = fmt.Errorf("%s: not a value for --%s", config.EnvName(f.Name), f.Name)
			}
		})
		return mistake
	}
}

// describeVariables adds to the help where the environment is read.
func describeVariables(cmd *cobra.Command) {
	cmd.Long += "\n\nEach flag has an environment variable: " + config.EnvPrefix + " and its name in capitals with _\n" +
		"for -, such as " + config.EnvName(example(cmd)) + ". The flag wins."
}

// example returns the name of a flag of cmd, one of several words if there is
// one.
func example(cmd *cobra.Command) string {
	name := ""
	cmd.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
		if name == "" || f.Name == "health-listen" {
			name = f.Name
		}
	})
	return name
}
