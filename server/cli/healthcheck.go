package cli

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"time"

	"github.com/spf13/cobra"

	"github.com/hookauthz/hookauthz/server/config"
)

const healthcheckLong = `Ask a server on this machine whether it answers checks, for images without a
shell. It takes the same --health-listen, or variable, as serve. The exit code is
0 if it does, 1 if not, 3 if nobody answers.`

func (c *command) healthcheck() *cobra.Command {
	var address string
	var timeout time.Duration
	cmd := newCommand("healthcheck [flags]", words{
		short: "Ask whether a server is ready; for probes",
		long:  healthcheckLong,
		example: `  hookauthz healthcheck
  hookauthz healthcheck --health-listen 127.0.0.1:9192 --timeout 1s`,
	}, func(ctx context.Context, _ []string) error {
		target, err := probeAddress(address)
		if err != nil {
			return err
		}
		if timeout <= 0 {
			return fmt.Errorf("--timeout: want more than 0")
		}
		ctx, cancel := context.WithTimeout(ctx, timeout)
		defer cancel()
		return probe(ctx, target)
	})
	cmd.Flags().StringVar(&address, "health-listen", config.DefaultHealth, "`ADDR` that serve was given")
	cmd.Flags().DurationVar(&timeout, "timeout", 2*time.Second, "`DURATION` to wait for an answer")
	c.variables(cmd)
	return cmd
}

// probeAddress returns where to connect: a server on all addresses is on
// loopback too.
func probeAddress(listen string) (string, error) {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return "", fmt.Errorf("--health-listen: want host:port")
	}
	if ip, err := netip.ParseAddr(host); host == "" || err == nil && ip.IsUnspecified() {
		host = "127.0.0.1"
		if ip.Is6() {
			host = "::1"
		}
	}
	return net.JoinHostPort(host, port), nil
}

// maxAnswer bounds what is read of an answer.
const maxAnswer = 4 << 10

// probe asks once. What the server says is the error.
func probe(ctx context.Context, address string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/readyz", http.NoBody)
	if err != nil {
		return fmt.Errorf("--health-listen: want host:port")
	}
	// No proxy of the environment stands between us and ourselves.
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		return failed(exitRemote, fmt.Errorf("no answer from %s", address))
	}
	defer response.Body.Close() //nolint:errcheck // nothing was written
	text, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return failed(exitRemote, fmt.Errorf("no whole answer from %s", address))
	}
	if response.StatusCode != http.StatusOK {
		return failed(exitMistakes, fmt.Errorf("%s", firstLine(text)))
	}
	return nil
}

func firstLine(text []byte) string {
	for i, b := range text {
		if b < ' ' || b > '~' {
			return string(text[:i])
		}
	}
	return string(text)
}
