package cli

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/hookauthz/hookauthz/server/demo"
)

const demoLong = `Start the server on loopback with random secrets in memory, send it twelve checks
as Envoy would, and show each verdict and why. It needs no Envoy, no Vault and no
file, and leaves nothing behind.

It is a smoke test too: the exit code is 0 only if every verdict is as expected.`

func (c *command) demo() *cobra.Command {
	return newCommand("demo", words{
		short: "See it work, without Envoy and Vault", long: demoLong,
		example: "  hookauthz demo",
	}, func(ctx context.Context, _ []string) error {
		err := demo.Run(ctx, c.out, c.colorOut)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, demo.ErrVerdicts):
			return failed(exitMistakes, err)
		}
		return failed(exitInternal, err)
	})
}
