// Package env reads secrets from environment variables.
package env

import (
	"context"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/secret"
)

var _ secret.Local = (*Source)(nil)

// A Source reads environment variables.
type Source struct {
	lookup func(name string) (string, bool)
}

// New returns a Source that asks lookup, such as os.LookupEnv.
func New(lookup func(name string) (string, bool)) *Source { return &Source{lookup: lookup} }

// Read implements [secret.Source]. A variable that is not set is gone.
func (s *Source) Read(_ context.Context, loc secret.Location, _ int) (secret.Reading, error) {
	value, ok := s.lookup(loc.Path)
	if !ok {
		return secret.Reading{}, &secret.Error{
			Class: secret.ClassGone, Cause: secret.CauseNotFound, Operation: secret.OperationRead,
		}
	}
	return secret.Reading{Fields: map[string]secret.Field{
		"": {Secret: authz.NewSecret([]byte(value)), Text: true},
	}}, nil
}

// Interval implements [secret.Local]: the environment doesn't change.
func (*Source) Interval() time.Duration { return 0 }
