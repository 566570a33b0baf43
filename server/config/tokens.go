package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"

	"github.com/hookauthz/hookauthz/authz"
)

// tokens checks the settings of the token endpoint.
func (l *loader) tokens(s *Settings, given func(name string) bool) {
	s.TokenTLS = TLS{Cert: l.flags.tokenTLSCert, Key: l.flags.tokenTLSKey}
	l.pair("token-tls-cert", s.TokenTLS.Cert, "token-tls-key", s.TokenTLS.Key)
	if l.flags.tokenListen == "" {
		if s.TokenTLS.Cert != "" {
			l.mistake("token-tls-cert", "wants --token-listen")
		}
	} else {
		l.tokenListener(s)
	}
	l.tokenStore(s, given)
}

func (l *loader) tokenListener(s *Settings) {
	var err error
	s.TokenListen, err = parseAddress(l.flags.tokenListen)
	l.check("token-listen", err)
	if s.TokenListen.Network == networkUnix {
		l.mistake("token-listen", "want host:port")
		return
	}
	if err == nil && !s.TokenListen.Loopback() && !s.TokenTLS.Enabled() && !l.flags.insecure {
		l.mistake("token-listen", "%s can be reached by other machines: give --token-tls-cert and --token-tls-key, or permit plain text with --insecure", s.TokenListen)
	}
}

func (l *loader) tokenStore(s *Settings, given func(name string) bool) {
	name, text := l.storeURL("token-store", l.flags.tokenStore, l.flags.tokenStoreFile)
	if text == "" {
		return
	}
	u, host, err := parseStoreURL(text)
	switch {
	case err != nil:
		l.check(name, err)
	case u.User != nil && name == "token-store" && given(name):
		l.visible(name)
	case u.Scheme == schemeRedis && !host.Loopback() && !l.flags.insecure:
		l.mistake(name, "plain text off this machine: whoever writes to that connection makes tokens; use rediss://, or permit it with --insecure")
	default:
		s.TokenStore = authz.NewSecret([]byte(text))
	}
}

// storeURL returns the URL that a flag or the file of its like-named flag holds,
// and which of them does. It is "" if there is none, or none to go by.
func (l *loader) storeURL(name, text, file string) (from, url string) {
	if file == "" {
		return name, text
	}
	if text != "" {
		l.mistake(name+"-file", "--%s and --%s-file exclude each other", name, name)
		return name, ""
	}
	text, err := readStoreURL(file)
	l.check(name+"-file", err)
	return name + "-file", text
}

// visible tells of a password among the arguments.
func (l *loader) visible(name string) {
	l.mistake(name, "every user of this machine can read the arguments of its processes: give a URL with a password by the variable %s or by --%s-file", EnvName(name), name)
}

const (
	schemeRedis  = "redis"
	schemeRediss = "rediss"

	maxStoreURL = 4 << 10
)

// errStoreURL quotes nothing, since there may be a password.
var errStoreURL = errors.New("want redis://host:port or rediss://host:port, with user:password@ before and /DATABASE behind it if need be, and nothing else")

// readStoreURL reads a file that holds the URL, and maybe a line end.
func readStoreURL(path string) (string, error) {
	file, err := os.Open(path) //nolint:gosec // G304: the operator names the file
	if err != nil {
		return "", fmt.Errorf("can't be read: %w", err)
	}
	defer func() { _ = file.Close() }() // nothing was written
	text, err := io.ReadAll(io.LimitReader(file, maxStoreURL+1))
	if err != nil {
		return "", fmt.Errorf("can't be read: %w", err)
	}
	text = bytes.TrimRight(text, "\r\n")
	if len(text) == 0 {
		return "", errors.New("the file is empty")
	}
	return string(text), nil
}

// parseStoreURL refuses what go-redis would read more into: options in the query,
// several hosts.
func parseStoreURL(text string) (*url.URL, Address, error) {
	u, err := url.Parse(text)
	if err != nil || len(text) > maxStoreURL || u.Scheme != schemeRedis && u.Scheme != schemeRediss ||
		u.Hostname() == "" || u.Opaque != "" || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" {
		return nil, Address{}, errStoreURL
	}
	if database := strings.TrimPrefix(u.Path, "/"); database != "" {
		if n, err := strconv.ParseUint(database, 10, 16); err != nil || strconv.FormatUint(n, 10) != database {
			return nil, Address{}, errStoreURL
		}
	}
	port := u.Port()
	if port == "" {
		port = "6379"
	}
	host := Address{networkTCP, net.JoinHostPort(u.Hostname(), port)}
	if _, err := parseAddress(host.Address); err != nil {
		return nil, Address{}, errStoreURL
	}
	return u, host, nil
}
