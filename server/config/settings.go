package config

import (
	"log/slog"
	"time"

	"github.com/hookauthz/hookauthz/authz"
)

// Settings are the checked settings of `hookauthz serve`.
type Settings struct {
	// Config is the path of the policy file or directory.
	Config string

	// Listen is where checks are answered. TLS is empty for plain text.
	Listen  Address
	TLS     TLS
	PeerUID *uint32 // who may connect to a Unix socket besides our own user
	// Health is where probes and metrics are answered; its Network is empty if
	// nowhere.
	Health Address

	// TokenListen is where the token endpoint is answered; its Network is empty
	// if nowhere. TokenTLS is empty for plain text and asks for no client
	// certificate.
	TokenListen Address
	TokenTLS    TLS
	// TokenStore is the URL of the Redis that keeps opaque tokens, empty if none.
	// It may hold a password.
	TokenStore authz.Secret
	// ReplayStore is the URL of the Redis that remembers what was claimed, as
	// authz/replay/redis takes it; empty if none. It may hold a password.
	ReplayStore authz.Secret

	// MaxBody is the largest body in bytes where a policy names none.
	MaxBody int64
	// Refresh is how often secrets are read again, MaxStale how long they are
	// good while their source can't be reached.
	Refresh  time.Duration
	MaxStale time.Duration

	Vault Vault
	// Dev permits what is only fit for a developer's machine.
	Dev bool

	// DrainWait is how long NOT_SERVING is announced before the listener
	// closes, DrainTimeout how long requests may take after that.
	DrainWait    time.Duration
	DrainTimeout time.Duration

	LogLevel  slog.Level
	LogFormat string // "json", "text" or "auto", which is text on a terminal
}

// An Address is where a listener stands.
type Address struct {
	Network string // "tcp" or "unix"
	Address string // host:port or a path
}

// String returns the address as it is written in a flag.
func (a Address) String() string {
	if a.Network == networkUnix {
		return "unix://" + a.Address
	}
	return a.Address
}

const (
	networkTCP  = "tcp"
	networkUnix = "unix"
)

// TLS names the files of a listener.
type TLS struct {
	Cert, Key string
	// ClientCA holds the authorities whose clients may connect; empty asks for
	// no client certificate.
	ClientCA string
	// ClientSANs are the names of which a client certificate must hold one.
	// Empty permits every certificate of ClientCA.
	ClientSANs []string
}

// Usable reports whether there is an address and something to log in with.
func (v *Vault) Usable() bool {
	return v.Address != "" && (v.Auth == authAppRole || v.TokenFile != "" || !v.Token.Empty())
}

// Enabled reports whether the listener speaks TLS.
func (t TLS) Enabled() bool { return t.Cert != "" }

// Vault says how Vault is reached. Where the method is token, the token stands in
// a file, or else in Token if it came by the environment.
type Vault struct {
	Address       string
	Namespace     string
	CACert        string
	CAPath        string
	ClientCert    string
	ClientKey     string
	TLSServerName string
	SkipVerify    bool

	// Auth is "token" or "approle".
	Auth         string
	Token        authz.Secret
	TokenFile    string
	Mount        string // of the auth method, such as "approle"
	RoleIDFile   string
	SecretIDFile string
}
