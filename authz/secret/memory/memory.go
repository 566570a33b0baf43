// Package memory keeps secrets in memory, with versions, for demonstrations and
// tests. It can stand in for a source of any kind.
package memory

import (
	"bytes"
	"context"
	"sync"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/secret"
)

// interval is how soon a change is seen.
const interval = 50 * time.Millisecond

var _ secret.Local = (*Source)(nil)

// A Source keeps versions of secrets as Vault's versioned key-value engine
// does. Its methods may be called by many goroutines.
type Source struct {
	mu      sync.Mutex
	secrets map[secret.Location][]version
}

type version struct {
	fields  map[string][]byte
	created time.Time
	deleted bool
}

// New returns an empty Source.
func New() *Source { return &Source{secrets: map[secret.Location][]version{}} }

// Put writes a new version of loc that was created at that time, and returns
// its number. Later changes to fields are not seen.
func (s *Source) Put(loc secret.Location, fields map[string][]byte, created time.Time) int {
	kept := make(map[string][]byte, len(fields))
	for name, value := range fields {
		kept[name] = bytes.Clone(value)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.secrets[loc] = append(s.secrets[loc], version{fields: kept, created: created})
	return len(s.secrets[loc])
}

// Delete deletes one version of loc, or all that is known of loc if version is
// 0.
func (s *Source) Delete(loc secret.Location, version int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if version == 0 {
		delete(s.secrets, loc)
		return
	}
	if all := s.secrets[loc]; version > 0 && version <= len(all) {
		all[version-1].deleted = true
		all[version-1].fields = nil
	}
}

// Read implements [secret.Source].
func (s *Source) Read(_ context.Context, loc secret.Location, number int) (secret.Reading, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.secrets[loc]
	if number == 0 {
		number = len(all)
	}
	if number < 1 || number > len(all) || all[number-1].deleted {
		return secret.Reading{}, &secret.Error{
			Class: secret.ClassGone, Cause: secret.CauseNotFound, Operation: secret.OperationRead,
		}
	}
	v := all[number-1]
	fields := make(map[string]secret.Field, len(v.fields))
	for name, value := range v.fields {
		fields[name] = secret.Field{Secret: authz.NewSecret(bytes.Clone(value)), Text: true}
	}
	return secret.Reading{Fields: fields, Version: number, Created: v.created}, nil
}

// Interval implements [secret.Local].
func (*Source) Interval() time.Duration { return interval }
