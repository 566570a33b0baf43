package vault

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/secret"
)

// The methods of authentication.
const (
	AuthToken   = "token"
	AuthAppRole = "approle"
)

// DefaultTimeout is how long one request may take.
const DefaultTimeout = 2 * time.Second

// A Config says where Vault is and who we are. Nothing is taken from the
// environment.
type Config struct {
	// Address such as https://vault.example:8200, with a path if Vault is
	// below one.
	Address string
	// Namespace for all requests, empty for none.
	Namespace string

	// CACert is a file of PEM certificates that the server's must lead to,
	// CAPath a directory of such files. If both are empty the system's count.
	CACert string
	CAPath string
	// ClientCert and ClientKey are PEM files, read anew at each handshake.
	ClientCert string
	ClientKey  string
	// TLSServerName is the name that the server's certificate must hold, if it
	// is not the address's.
	TLSServerName string
	// SkipVerify takes any certificate. Only with Dev.
	SkipVerify bool

	// Auth is [AuthToken], the default, or [AuthAppRole].
	Auth string
	// Token is used with AuthToken. It is renewed where it can be, and never
	// revoked.
	Token authz.Secret
	// TokenFile is used with AuthToken in place of Token, and read again when
	// it changes. Whoever writes it keeps the token alive: we neither renew
	// nor revoke it.
	TokenFile string
	// AuthMount is where the method is mounted; empty means its own name.
	AuthMount string
	// RoleIDFile and SecretIDFile are used with AuthAppRole. They are read
	// anew at each login. The token is renewed, and revoked at the end.
	RoleIDFile   string
	SecretIDFile string

	// Dev permits what must not be in production: plain http to other
	// machines, SkipVerify, a token whose policies include root or whose uses
	// are counted.
	Dev bool
	// Timeout for one request; 0 means DefaultTimeout.
	Timeout time.Duration
	// Observer is told what happens; nil for nobody.
	Observer secret.Observer
}

func (c Config) filled() Config {
	if c.Auth == "" {
		c.Auth = AuthToken
	}
	if c.AuthMount == "" {
		c.AuthMount = c.Auth
	}
	if c.Timeout <= 0 {
		c.Timeout = DefaultTimeout
	}
	if c.Observer == nil {
		c.Observer = secret.Ignore{}
	}
	return c
}

// check returns all mistakes joined.
func (c Config) check() error {
	errs := []error{c.checkAddress()}
	if c.SkipVerify && !c.Dev {
		errs = append(errs, errors.New("the server's certificate must be verified, except in development mode"))
	}
	if (c.ClientCert == "") != (c.ClientKey == "") {
		errs = append(errs, errors.New("a client certificate and its key go together"))
	}
	switch c.Auth {
	case AuthToken:
		if c.Token.Empty() == (c.TokenFile == "") {
			errs = append(errs, errors.New("authentication by token wants a token or a token file"))
		}
	case AuthAppRole:
		if c.RoleIDFile == "" || c.SecretIDFile == "" {
			errs = append(errs, errors.New("authentication by approle wants a role ID file and a secret ID file"))
		}
	default:
		errs = append(errs, fmt.Errorf("unknown method of authentication %q, known are %q and %q",
			c.Auth, AuthToken, AuthAppRole))
	}
	if !plainPath(c.AuthMount) {
		errs = append(errs, errors.New("the mount of the authentication method is not a plain path"))
	}
	for _, r := range c.Namespace {
		if r <= ' ' || r > '~' {
			errs = append(errs, errors.New("the namespace holds characters that a header can't"))
			break
		}
	}
	return errors.Join(errs...)
}

// checkAddress never repeats the address, which may hold a password.
func (c Config) checkAddress() error {
	u, err := url.Parse(c.Address)
	switch {
	case c.Address == "":
		return errors.New("the address is missing")
	case err != nil, u.Host == "", u.Scheme != "http" && u.Scheme != "https":
		return errors.New("the address is not of the form https://host:port")
	case u.User != nil, u.RawQuery != "", u.Fragment != "":
		return errors.New("the address holds more than scheme, host, port and path")
	case u.Scheme == "http" && !c.Dev && !loopback(u.Hostname()):
		return errors.New("plain http to another machine is for development mode only, use https")
	}
	return nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// plainPath reports whether p can only mean itself in a URL: segments that are
// neither empty nor dots, of characters that nobody decodes or cleans.
func plainPath(p string) bool {
	for segment := range strings.SplitSeq(p, "/") {
		if segment == "" || segment == "." || segment == ".." {
			return false
		}
		for _, r := range segment {
			if r < ' ' || r > '~' || strings.ContainsRune(`%\?#`, r) {
				return false
			}
		}
	}
	return true
}
