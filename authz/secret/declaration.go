// Package secret says where secrets are and what reading one may end in.
//
// A [Declaration] is what a policy file says about a secret. A [Source] reads
// one [Location]; there is one for each [Kind] of location, in the packages
// below. Package cache keeps what they read in memory and answers for it while
// a source is unreachable. An [Observer] is told what happens on the way.
package secret

import "time"

// Defaults of a [VaultLocation].
const (
	DefaultMount     = "secret"
	DefaultKVVersion = 2
)

// A Declaration is a secret as a policy file declares it. Exactly one of the
// locations is set.
type Declaration struct {
	// Name is the reference that policies use.
	Name string
	// Vault, VaultPKI, File and Env say where the secret is.
	Vault    *VaultLocation
	VaultPKI *PKILocation
	File     *FileLocation
	Env      *EnvLocation
	// AcceptWeak permits keys under authz.MinKeyBytes. Readers of secrets
	// don't judge strength, the checks do.
	AcceptWeak bool
}

// A VaultLocation is a field of a key-value secret in Vault or OpenBao.
type VaultLocation struct {
	// Mount of the engine; empty means [DefaultMount].
	Mount string
	// Path below the mount, without the "data/" of version 2.
	Path string
	// Field of the secret. Its value must be a JSON string.
	Field string
	// KVVersion of the engine, 1 or 2; 0 means [DefaultKVVersion].
	KVVersion int
	// PreviousFor is how long the version before the newest stays good.
	PreviousFor time.Duration
}

// DefaultPKIMount is the default of a [PKILocation].
const DefaultPKIMount = "pki"

// The fields of an issuer of the PKI engine.
const (
	FieldCertificate = "certificate" // of the issuer, PEM
	FieldCRL         = "crl"         // its revocation list, PEM
)

// A PKILocation is an issuer of the PKI engine in Vault or OpenBao.
type PKILocation struct {
	// Mount of the engine; empty means [DefaultPKIMount].
	Mount string
	// Issuer is a name or id.
	Issuer string
	// Field is [FieldCertificate] or [FieldCRL]; empty means the former.
	Field string
}

// A FileLocation is a file that holds one secret.
type FileLocation struct{ Path string }

// An EnvLocation is an environment variable that holds one secret.
type EnvLocation struct{ Name string }

// Location returns the place to read. Declarations of several fields of one
// secret in Vault share it.
func (d Declaration) Location() Location {
	switch {
	case d.Vault != nil:
		l := Location{Kind: KindVault, Mount: d.Vault.Mount, Path: d.Vault.Path, KVVersion: d.Vault.KVVersion}
		if l.Mount == "" {
			l.Mount = DefaultMount
		}
		if l.KVVersion == 0 {
			l.KVVersion = DefaultKVVersion
		}
		return l
	case d.VaultPKI != nil:
		l := Location{Kind: KindVaultPKI, Mount: d.VaultPKI.Mount, Path: d.VaultPKI.Issuer}
		if l.Mount == "" {
			l.Mount = DefaultPKIMount
		}
		return l
	case d.File != nil:
		return Location{Kind: KindFile, Path: d.File.Path}
	case d.Env != nil:
		return Location{Kind: KindEnv, Path: d.Env.Name}
	}
	return Location{}
}

// Field returns the field of the location that holds the secret, empty where
// the location holds only one value.
func (d Declaration) Field() string {
	switch {
	case d.Vault != nil:
		return d.Vault.Field
	case d.VaultPKI != nil && d.VaultPKI.Field == "":
		return FieldCertificate
	case d.VaultPKI != nil:
		return d.VaultPKI.Field
	}
	return ""
}

// PreviousFor returns how long the version before the newest stays good.
func (d Declaration) PreviousFor() time.Duration {
	if d.Vault != nil {
		return d.Vault.PreviousFor
	}
	return 0
}
