package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// versionInfo is what `version` tells.
type versionInfo struct {
	// Schema counts the form of the JSON, not the product.
	Schema  int    `json:"schema"`
	Version string `json:"version"`
	Commit  string `json:"commit"`
	Changed bool   `json:"changed"` // built from files that were not committed
	Go      string `json:"go"`
	System  string `json:"system"`
}

func (c *command) version() *cobra.Command {
	var format string
	cmd := newCommand("version [flags]", words{
		short:   "Print version, commit and Go version",
		long:    "Print the version, the commit it was built from, and the Go version.",
		example: "  hookauthz version\n  hookauthz version --format json",
	}, func(context.Context, []string) error {
		info := readVersion()
		switch format {
		case formatText:
			fmt.Fprintf(c.out, "hookauthz %s\ncommit %s\n%s %s\n", info.Version, info.commit(), info.Go, info.System)
			return nil
		case formatJSON:
			if err := json.NewEncoder(c.out).Encode(info); err != nil {
				return failed(exitInternal, err)
			}
			return nil
		}
		return fmt.Errorf("--format: want %s or %s", formatText, formatJSON)
	})
	cmd.Flags().StringVar(&format, "format", formatText, "`FORMAT`: text or json")
	completeWords(cmd, "format", formatText, formatJSON)
	c.variables(cmd)
	return cmd
}

const (
	formatText   = "text"
	formatJSON   = "json"
	formatGitHub = "github"
)

// readVersion takes what Go notes in the binary.
func readVersion() versionInfo {
	info := versionInfo{
		Schema: 1, Version: "(devel)", Commit: "unknown",
		Go: runtime.Version(), System: runtime.GOOS + "/" + runtime.GOARCH,
	}
	build, ok := debug.ReadBuildInfo()
	if !ok {
		return info
	}
	if build.Main.Version != "" {
		info.Version = build.Main.Version
	}
	for _, s := range build.Settings {
		switch s.Key {
		case "vcs.revision":
			info.Commit = s.Value
		case "vcs.modified":
			info.Changed = s.Value == "true"
		}
	}
	return info
}

func (v versionInfo) commit() string {
	if v.Changed {
		return v.Commit + " (with changes)"
	}
	return v.Commit
}
