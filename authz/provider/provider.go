// Package provider is the catalogue of senders that hookauthz knows. An entry is
// data: a check without secrets, the methods that the sender uses and the
// answers that it understands. Policies take it with require.provider.
package provider

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/hookauthz/hookauthz/authz/policy/document"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

//go:embed catalog/*.yaml
var catalog embed.FS

// MaxTolerance is the widest time window that a policy may set by itself.
// Whoever captures a request can replay it that long. Some senders need more,
// and their entries say so.
const MaxTolerance = 10 * time.Minute

// ErrUnknown is returned for a name that the catalogue does not hold.
var ErrUnknown = errors.New("not in the catalogue")

// Names returns the names of all entries, sorted.
func Names() []string {
	paths, err := fs.Glob(catalog, "catalog/*.yaml")
	if err != nil {
		return nil // the pattern is a constant and well formed
	}
	names := make([]string, len(paths))
	for i, path := range paths {
		names[i] = strings.TrimSuffix(strings.TrimPrefix(path, "catalog/"), ".yaml")
	}
	return names
}

// Entry reads the entry of that name. The error wraps [ErrUnknown] if there is
// none; a test holds that every entry reads without a mistake.
func Entry(name string) (*policypb.CatalogEntry, error) {
	file := "catalog/" + name + ".yaml"
	data, err := catalog.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("provider: %w", ErrUnknown)
	}
	entry := &policypb.CatalogEntry{}
	if _, findings := document.Read([]document.File{{Name: file, Data: data}}, entry); len(findings) > 0 {
		return nil, fmt.Errorf("read %s: %s", file, findings[0].Message)
	}
	return entry, nil
}

// Expand returns the kind and the settings that p makes of entry. Neither is
// modified. It returns an error if p sets a tolerance that entry has no use for
// or that is too wide.
func Expand(entry *policypb.CatalogEntry, p *policypb.Provider) (kind string, settings proto.Message, err error) {
	if key := entry.GetApiKey(); key != nil {
		if p.GetTolerance() != nil {
			return "", nil, errors.New("this sender signs no time, so there is no window to set")
		}
		settings := proto.CloneOf(key)
		settings.Secrets = p.GetSecrets()
		return "api_key", settings, nil
	}
	mac := proto.CloneOf(entry.GetMac())
	mac.Secrets = p.GetSecrets()
	if p.GetTolerance() == nil {
		return "mac", mac, nil
	}
	if mac.GetTimestamp() == nil || mac.GetTimestamp().GetUnchecked() != "" {
		return "", nil, errors.New("this sender signs no time that could be checked, so there is no window to set")
	}
	limit := max(MaxTolerance, mac.GetTimestamp().GetTolerance().AsDuration())
	if p.GetTolerance().AsDuration() > limit {
		return "", nil, fmt.Errorf("at most %s for this sender: whoever captures a request can replay it that long", limit)
	}
	mac.Timestamp.Tolerance = durationpb.New(p.GetTolerance().AsDuration())
	mac.Timestamp.FutureTolerance = nil
	return "mac", mac, nil
}
