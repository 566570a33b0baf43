package secret

import (
	"context"
	"time"

	"github.com/hookauthz/hookauthz/authz"
)

// A Kind of location. The set is closed, so a kind may be a metric label.
type Kind string

// The kinds of location.
const (
	KindVault    Kind = "vault"     // the key-value engines of Vault
	KindVaultPKI Kind = "vault_pki" // its PKI engine
	KindFile     Kind = "file"
	KindEnv      Kind = "env"
)

// A Location is what one read returns. It is comparable: equal locations are
// read once for all declarations that name them.
type Location struct {
	Kind Kind
	// Mount is set for Vault only, KVVersion for its key-value engines only.
	Mount     string
	KVVersion int
	// Path below the mount, issuer, path of the file, or name of the variable.
	Path string
}

// VaultPaths returns the paths below /v1/ that a read of l asks Vault for, in
// the order in which it does; none for other kinds.
func (l Location) VaultPaths() []string {
	switch l.Kind {
	case KindVault:
		if l.KVVersion == 1 {
			return []string{l.Mount + "/" + l.Path}
		}
		return []string{l.Mount + "/data/" + l.Path}
	case KindVaultPKI:
		issuer := l.Mount + "/issuer/" + l.Path
		return []string{issuer + "/json", issuer + "/crl"}
	case KindFile, KindEnv:
	}
	return nil
}

// A Source reads locations of one kind.
type Source interface {
	// Read returns the version of loc that is asked for, or the newest if
	// version is 0. An error that is not an [*Error] counts as
	// [ClassTransient]. Read ends when ctx does, and may be called by many
	// goroutines.
	Read(ctx context.Context, loc Location, version int) (Reading, error)
}

// A Local source reads what is on this machine, so that its reads need no
// limit.
type Local interface {
	Source
	// Interval is how often a location is read again. 0 means that a location
	// never changes while the process runs.
	Interval() time.Duration
}

// A Reading is what a source found. The source doesn't keep it.
type Reading struct {
	// Fields by name. A source of single values uses the name "". It may be
	// empty: the location exists then, but holds nothing.
	Fields map[string]Field
	// Version counts from 1; 0 where the source keeps no versions.
	Version int
	// Created is when the version was written by the source's clock; zero if
	// not known.
	Created time.Time
	// Deletes is when the source will delete the version; zero for never.
	Deletes time.Time
}

// A Field of a [Reading].
type Field struct {
	// Secret is the value if Text is set.
	Secret authz.Secret
	// Text is false if the value is there but is no text, such as a number.
	Text bool
}
