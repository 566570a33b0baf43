package config

import (
	"errors"
	"flag"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"
)

// Load reads the environment for the flags that were not given and checks
// everything. given tells which were, lookup is os.LookupEnv. The error joins all
// mistakes; each names its flag and none repeats a value.
func (f *Flags) Load(given func(name string) bool, lookup func(string) (string, bool)) (Settings, error) {
	mistakes := f.fromEnvironment(given, lookup)
	l := &loader{flags: f, mistakes: mistakes}
	s := Settings{
		Config: f.config, TLS: TLS{Cert: f.tlsCert, Key: f.tlsKey, ClientCA: f.tlsClientCA, ClientSANs: list(f.tlsClientSANs)},
		Refresh: f.refresh, MaxStale: f.maxStale, Dev: f.dev,
		DrainWait: f.drainWait, DrainTimeout: f.drainTimeout, LogFormat: f.logFormat,
		Vault: f.vault,
	}
	s.Vault.takeToken(lookup)
	if s.TLS.ClientSANs == nil && (f.tlsClientSANs != "" || given("tls-client-san")) {
		// Every certificate of the authorities would do, which nobody asked for.
		l.mistake("tls-client-san", "holds no name: write one or leave it out")
	}
	l.listeners(&s)
	l.tokens(&s, given)
	l.replay(&s, given)
	l.limits(&s)
	l.vault(&s)
	l.logs(&s)
	if err := errors.Join(l.mistakes...); err != nil {
		return Settings{}, err
	}
	return s, nil
}

// fromEnvironment sets the flags that were not given. An empty variable counts
// as not set, except for health-listen, where empty has a meaning.
func (f *Flags) fromEnvironment(given func(string) bool, lookup func(string) (string, bool)) []error {
	others := vaultVariables()
	var mistakes []error
	f.set.VisitAll(func(fl *flag.Flag) {
		if given(fl.Name) {
			return
		}
		for _, variable := range []string{EnvName(fl.Name), others[fl.Name]} {
			value, ok := "", false
			if variable != "" {
				value, ok = lookup(variable)
			}
			if !ok || value == "" && fl.Name != "health-listen" {
				continue
			}
			if err := f.set.Set(fl.Name, value); err != nil {
				mistakes = append(mistakes, fmt.Errorf("%s: not a value for --%s", variable, fl.Name))
			}
			return
		}
	})
	return mistakes
}

// loader collects mistakes.
type loader struct {
	flags    *Flags
	mistakes []error
}

func (l *loader) mistake(name, format string, args ...any) {
	l.mistakes = append(l.mistakes, fmt.Errorf("--%s: "+format, append([]any{name}, args...)...))
}

// check records err, if there is one, as a mistake of a flag.
func (l *loader) check(name string, err error) {
	if err != nil {
		l.mistake(name, "%w", err)
	}
}

// pair records a mistake if only one of two flags has a value: neither has a use
// without the other.
func (l *loader) pair(one, oneValue, other, otherValue string) {
	switch {
	case oneValue != "" && otherValue == "":
		l.mistake(one, "wants --%s", other)
	case oneValue == "" && otherValue != "":
		l.mistake(other, "wants --%s", one)
	}
}

func (l *loader) listeners(s *Settings) {
	if s.Config == "" {
		l.mistake("config", "required: the policy file or directory")
	}
	var err error
	s.Listen, err = parseAddress(l.flags.listen)
	l.check("listen", err)
	if l.flags.health != "" {
		s.Health, err = parseAddress(l.flags.health)
		l.check("health-listen", err)
		if s.Health.Network == networkUnix {
			l.mistake("health-listen", "want host:port: probes don't speak to Unix sockets")
		}
	}
	if l.flags.peerUID != "" {
		uid, err := parseUID(l.flags.peerUID)
		l.check("peer-uid", err)
		s.PeerUID = &uid
		if s.Listen.Network != networkUnix {
			l.mistake("peer-uid", "wants a unix:// --listen")
		}
	}
	l.tls(s)
}

func (l *loader) tls(s *Settings) {
	t := &s.TLS
	l.pair("tls-cert", t.Cert, "tls-key", t.Key)
	if t.ClientCA != "" && t.Cert == "" {
		l.mistake("tls-client-ca", "wants --tls-cert and --tls-key")
	}
	if len(t.ClientSANs) > 0 && t.ClientCA == "" {
		l.mistake("tls-client-san", "wants --tls-client-ca")
	}
	if t.Cert != "" && s.Listen.Network == networkUnix {
		l.mistake("tls-cert", "has no meaning on a Unix socket")
	}
	if s.Listen.Network == networkTCP && !s.Listen.Loopback() && !t.Enabled() && !l.flags.insecure {
		l.mistake("listen", "%s can be reached by other machines: give --tls-cert and --tls-key, or permit plain text with --insecure", s.Listen)
	}
}

// Bounds of the limits. A refresh below a second would be load without use; a
// secret that is good for more than a day without its source outlives a
// revocation.
const (
	minRefresh  = time.Second
	maxRefresh  = time.Hour
	maxMaxStale = 24 * time.Hour
	maxDrain    = 10 * time.Minute
	// maxMaxBody is what one request may take of our memory.
	maxMaxBody = 256 << 20
)

func (l *loader) limits(s *Settings) {
	var err error
	s.MaxBody, err = ParseSize(l.flags.maxBody)
	l.check("max-body", err)
	if err == nil && (s.MaxBody < 1 || s.MaxBody > maxMaxBody) {
		l.mistake("max-body", "want 1B to %s", FormatSize(maxMaxBody))
	}
	l.within("refresh", s.Refresh, minRefresh, maxRefresh)
	l.within("max-stale", s.MaxStale, minRefresh, maxMaxStale)
	if s.MaxStale < s.Refresh {
		l.mistake("max-stale", "is shorter than --refresh: every secret would run out between two reads")
	}
	l.within("drain-wait", s.DrainWait, 0, maxDrain)
	l.within("drain-timeout", s.DrainTimeout, 0, maxDrain)
}

func (l *loader) within(name string, d, low, high time.Duration) {
	if d < low || d > high {
		l.mistake(name, "want %v to %v", low, high)
	}
}

func (l *loader) vault(s *Settings) {
	v := &s.Vault
	l.check("vault-auth", oneOf(v.Auth, authToken, authAppRole))
	if v.Auth == authAppRole {
		if v.RoleIDFile == "" {
			l.mistake("vault-role-id-file", "required with --vault-auth approle")
		}
		if v.SecretIDFile == "" {
			l.mistake("vault-secret-id-file", "required with --vault-auth approle")
		}
	}
	l.pair("vault-client-cert", v.ClientCert, "vault-client-key", v.ClientKey)
	if v.SkipVerify && !s.Dev {
		l.mistake("vault-skip-verify", "whoever answers for Vault would get our token: wants --dev")
	}
	if v.Address == "" {
		return
	}
	u, err := url.Parse(v.Address)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.Scheme != "https" && u.Scheme != "http" {
		l.mistake("vault-addr", "want https://host:port, without user or query")
		return
	}
	port := u.Port()
	if port == "" {
		port = "0"
	}
	host := Address{networkTCP, net.JoinHostPort(u.Hostname(), port)}
	if u.Scheme == "http" && !host.Loopback() && !s.Dev {
		l.mistake("vault-addr", "plain http off this machine shows secrets to the network: use https, or --dev")
	}
}

func (l *loader) logs(s *Settings) {
	l.check("log-format", oneOf(s.LogFormat, "auto", "json", "text"))
	if err := oneOf(l.flags.logLevel, "debug", "info", "warn", "error"); err != nil {
		l.check("log-level", err)
		return
	}
	l.check("log-level", s.LogLevel.UnmarshalText([]byte(l.flags.logLevel)))
}

// list splits a comma-separated list and drops empty entries.
func list(text string) []string {
	var entries []string
	for entry := range strings.SplitSeq(text, ",") {
		if entry = strings.TrimSpace(entry); entry != "" {
			entries = append(entries, entry)
		}
	}
	return entries
}

// Unknown returns the variables of environ (os.Environ) that begin as ours and
// belong to no flag, sorted as given. Kubernetes adds such variables for a
// Service named hookauthz, so they are no mistake.
func (f *Flags) Unknown(environ []string) []string {
	var unknown []string
	for _, entry := range environ {
		name, _, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(name, EnvPrefix) {
			continue
		}
		known := false
		f.set.VisitAll(func(fl *flag.Flag) { known = known || EnvName(fl.Name) == name })
		if !known {
			unknown = append(unknown, name)
		}
	}
	return unknown
}
