package config

import (
	"errors"
	"flag"

	"github.com/hookauthz/hookauthz/authz"
)

// VaultFlags are the flags by which Vault is reached, and --dev, for commands
// that read secrets and serve nothing.
type VaultFlags struct{ flags *Flags }

// NewVaultFlags registers the flags on set.
func NewVaultFlags(set *flag.FlagSet) *VaultFlags {
	f := &Flags{set: set}
	f.registerVault(set)
	set.BoolVar(&f.dev, "dev", false, "permit what is only fit for a developer's machine, as serve does with it")
	return &VaultFlags{flags: f}
}

// Load is [Flags.Load] for these flags. Of the settings, Vault and Dev are set.
func (v *VaultFlags) Load(given func(name string) bool, lookup func(string) (string, bool)) (Settings, error) {
	l := &loader{flags: v.flags, mistakes: v.flags.fromEnvironment(given, lookup)}
	s := Settings{Vault: v.flags.vault, Dev: v.flags.dev}
	s.Vault.takeToken(lookup)
	l.vault(&s)
	if err := errors.Join(l.mistakes...); err != nil {
		return Settings{}, err
	}
	return s, nil
}

// takeToken takes the token from its variable, if it is to come from there.
func (v *Vault) takeToken(lookup func(string) (string, bool)) {
	if token, ok := lookup(tokenVariable); ok && v.Auth == authToken && v.TokenFile == "" {
		v.Token = authz.NewSecret([]byte(token))
	}
}
