package config

import (
	"flag"
	"strings"
	"time"
)

// EnvPrefix starts the environment variable of every flag.
const EnvPrefix = "HOOKAUTHZ_"

// EnvName returns the environment variable of a flag: HOOKAUTHZ_HEALTH_LISTEN for
// health-listen.
func EnvName(name string) string {
	return EnvPrefix + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
}

// Defaults of the flags.
const (
	defaultListen = "127.0.0.1:9191"
	// DefaultHealth is where probes are answered.
	DefaultHealth = "127.0.0.1:9192"
	// DefaultMaxBody is the largest body in bytes. Most senders' events are
	// under 64 KiB; GitHub's are up to 25 MB and want a limit of their own.
	DefaultMaxBody = 1 << 20

	defaultRefresh  = 30 * time.Second
	defaultMaxStale = time.Hour
	// A load balancer or Envoy that looks every few seconds has seen
	// NOT_SERVING after defaultDrainWait. Kubernetes kills 30 s after SIGTERM,
	// so both together stay below that.
	defaultDrainWait    = 5 * time.Second
	defaultDrainTimeout = 20 * time.Second
)

// Flags are the flags of `hookauthz serve`, as text, until [Flags.Load] checks
// them.
type Flags struct {
	set *flag.FlagSet

	config, listen, health                      string
	tlsCert, tlsKey, tlsClientCA, tlsClientSANs string
	peerUID                                     string
	maxBody                                     string
	insecure, dev                               bool
	refresh, maxStale                           time.Duration
	drainWait, drainTimeout                     time.Duration
	logLevel, logFormat                         string

	tokenListen, tokenTLSCert, tokenTLSKey string
	tokenStore, tokenStoreFile             string
	replayStore, replayStoreFile           string

	vault Vault
}

// NewFlags registers the flags on set.
func NewFlags(set *flag.FlagSet) *Flags {
	f := &Flags{set: set}
	set.StringVar(&f.config, "config", "", "policy `PATH`: a file or a directory; required")

	set.StringVar(&f.listen, "listen", defaultListen, "`ADDR` where checks are answered: host:port or unix:///path; port 0 picks one, which is logged")
	set.StringVar(&f.tlsCert, "tls-cert", "", "`FILE` with the certificate of --listen, PEM; read again when it changes")
	set.StringVar(&f.tlsKey, "tls-key", "", "`FILE` with the private key of --tls-cert, PEM")
	set.StringVar(&f.tlsClientCA, "tls-client-ca", "", "`FILE` with the authorities whose clients may connect, PEM: mutual TLS")
	set.StringVar(&f.tlsClientSANs, "tls-client-san", "", "`NAMES`, apart by commas, of which a client's certificate must hold one: DNS names or URIs")
	set.StringVar(&f.peerUID, "peer-uid", "", "`UID` of a user who may connect to a unix:// --listen besides our own")
	set.BoolVar(&f.insecure, "insecure", false, "permit plain text to or from other machines: a --listen or --token-listen without TLS, a redis:// --token-store or --replay-store")
	set.StringVar(&f.health, "health-listen", DefaultHealth, "`ADDR` where /livez, /readyz and /metrics are answered; empty turns them off")

	set.StringVar(&f.tokenListen, "token-listen", "", "`ADDR` where the policy file's token_endpoint is answered, host:port; empty turns it off")
	set.StringVar(&f.tokenTLSCert, "token-tls-cert", "", "`FILE` with the certificate of --token-listen, PEM; read again when it changes")
	set.StringVar(&f.tokenTLSKey, "token-tls-key", "", "`FILE` with the private key of --token-tls-cert, PEM")
	set.StringVar(&f.tokenStore, "token-store", "", "`URL` of the Redis that keeps opaque tokens: redis:// or rediss://host:port, without a password, which the variable or --token-store-file may hold")
	set.StringVar(&f.tokenStoreFile, "token-store-file", "", "`FILE` with the URL in place of --token-store")
	set.StringVar(&f.replayStore, "replay-store", "", "`URL` of the Redis that remembers what was claimed against replay: redis:// or rediss://host:port, unix:///path, redis+sentinel:// or redis+cluster://; a password as for --token-store")
	set.StringVar(&f.replayStoreFile, "replay-store-file", "", "`FILE` with the URL in place of --replay-store")

	set.StringVar(&f.maxBody, "max-body", FormatSize(DefaultMaxBody), "`SIZE` of the largest body, where a policy names none")
	set.DurationVar(&f.refresh, "refresh", defaultRefresh, "`DURATION` after which secrets are read again")
	set.DurationVar(&f.maxStale, "max-stale", defaultMaxStale, "`DURATION` that secrets, and keys of issuers, are good while their source can't be reached")
	f.registerVault(set)
	set.BoolVar(&f.dev, "dev", false, "permit what is only fit for a developer's machine: a root token, Vault and issuers by plain http, issuers on this machine, --vault-skip-verify")

	set.DurationVar(&f.drainWait, "drain-wait", defaultDrainWait, "`DURATION` that NOT_SERVING is announced on SIGTERM, before the listener closes")
	set.DurationVar(&f.drainTimeout, "drain-timeout", defaultDrainTimeout, "`DURATION` that requests may take to end after --drain-wait")
	set.StringVar(&f.logLevel, "log-level", "info", "`LEVEL` of the process log: debug, info, warn or error")
	set.StringVar(&f.logFormat, "log-format", "auto", "`FORMAT` of the process log: json, text, or auto, which is text on a terminal")
	return f
}

func (f *Flags) registerVault(set *flag.FlagSet) {
	v := &f.vault
	set.StringVar(&v.Address, "vault-addr", "", "`URL` of Vault")
	set.StringVar(&v.Namespace, "vault-namespace", "", "`NAME` of the Vault namespace")
	set.StringVar(&v.CACert, "vault-cacert", "", "`FILE` with the authorities of Vault's certificate, PEM")
	set.StringVar(&v.CAPath, "vault-capath", "", "`DIR` with files as for --vault-cacert")
	set.StringVar(&v.ClientCert, "vault-client-cert", "", "`FILE` with our certificate for Vault, PEM")
	set.StringVar(&v.ClientKey, "vault-client-key", "", "`FILE` with the private key of --vault-client-cert, PEM")
	set.StringVar(&v.TLSServerName, "vault-tls-server-name", "", "`NAME` that Vault's certificate must have")
	set.BoolVar(&v.SkipVerify, "vault-skip-verify", false, "don't verify Vault's certificate; needs --dev")
	set.StringVar(&v.Auth, "vault-auth", authToken, "`METHOD` to log in to Vault: token or approle")
	set.StringVar(&v.Mount, "vault-mount", authAppRole, "`PATH` where the approle method is mounted")
	set.StringVar(&v.TokenFile, "vault-token-file", "", "`FILE` with the token, read again when it changes; or the variable VAULT_TOKEN")
	set.StringVar(&v.RoleIDFile, "vault-role-id-file", "", "`FILE` with the AppRole's role id")
	set.StringVar(&v.SecretIDFile, "vault-secret-id-file", "", "`FILE` with the AppRole's secret id")
}

const (
	authToken   = "token"
	authAppRole = "approle"
)

// vaultVariables are the variables of Vault's own command line, by flag. They
// count where neither the flag nor its own variable is set.
//
// Source: https://developer.hashicorp.com/vault/docs/commands#environment-variables
func vaultVariables() map[string]string {
	return map[string]string{
		"vault-addr":            "VAULT_ADDR",
		"vault-namespace":       "VAULT_NAMESPACE",
		"vault-cacert":          "VAULT_CACERT",
		"vault-capath":          "VAULT_CAPATH",
		"vault-client-cert":     "VAULT_CLIENT_CERT",
		"vault-client-key":      "VAULT_CLIENT_KEY",
		"vault-tls-server-name": "VAULT_TLS_SERVER_NAME",
		"vault-skip-verify":     "VAULT_SKIP_VERIFY",
	}
}

// tokenVariable holds the Vault token. There is no flag for it, since every user
// of a machine can read the arguments of its processes.
const tokenVariable = "VAULT_TOKEN"
