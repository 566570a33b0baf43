// Package config holds the settings of the process: where it listens, how it
// reaches Vault, what it limits. What requests must prove is the policy file's
// business, not this package's.
//
// Each setting is a flag and an environment variable; the flag wins. [Flags]
// registers the flags, [Flags.Load] reads the variables and returns [Settings],
// in which every value is filled in and checked.
package config
