package redis

import (
	"errors"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Bounds of a URL.
const (
	maxURL   = 4 << 10
	maxHosts = 16
)

// errURL quotes nothing, since there may be a password.
var errURL = errors.New("want redis://host:port, rediss:// for TLS, unix:///path, redis+sentinel://host:port,host:port/?master=NAME or " +
	"redis+cluster://host:port,host:port, with user:password@ before and /DATABASE behind the hosts if need be, and nothing else")

// A form is how the servers of a URL belong together.
type form uint8

const (
	formServer form = iota
	formSocket
	formSentinel
	formCluster
)

// An Address says where the Redis of a URL is. It holds a password, if the URL
// has one.
type Address struct {
	// Hosts are host:port, of the Sentinels if there are any; none with a socket.
	Hosts []string
	// TLS says that the connections are encrypted.
	TLS bool
	// Password says that the URL holds a user or a password, be it the Sentinels'.
	Password bool

	form               form
	path               string // of a socket
	user, password     string
	database           int
	master             string
	sentinelUser, word string // of the Sentinels
}

// ParseURL reads a URL, strictly. The error holds nothing of it.
func ParseURL(text string) (Address, error) {
	scheme, rest, ok := strings.Cut(text, "://")
	if !ok || len(text) > maxURL || strings.ContainsAny(rest, "#\\ ") {
		return Address{}, errURL
	}
	var a Address
	port := "6379"
	switch scheme {
	case "redis", "rediss":
	case "unix":
		a.form = formSocket
	case "redis+sentinel", "rediss+sentinel":
		a.form, port = formSentinel, "26379"
	case "redis+cluster", "rediss+cluster":
		a.form = formCluster
	default:
		return Address{}, errURL
	}
	a.TLS = strings.HasPrefix(scheme, "rediss")
	rest, query, hasQuery := strings.Cut(rest, "?")
	hosts, path := rest, ""
	if i := strings.IndexByte(rest, '/'); i >= 0 {
		hosts, path = rest[:i], rest[i:]
	}
	hosts, ok = a.login(hosts)
	if !ok || hasQuery && query == "" || !a.query(query) {
		return Address{}, errURL
	}
	if a.form == formSocket {
		a.path = path
		ok = hosts == "" && len(path) > 1 && !strings.Contains(path, "%")
	} else {
		ok = a.hosts(hosts, port) && a.number(strings.TrimPrefix(path, "/"))
	}
	if !ok || (a.form == formSentinel) != (a.master != "") {
		return Address{}, errURL
	}
	return a, nil
}

// login takes user and password off the front of the hosts.
func (a *Address) login(hosts string) (rest string, ok bool) {
	i := strings.LastIndexByte(hosts, '@')
	if i < 0 {
		return hosts, true
	}
	a.Password = true
	user, password, _ := strings.Cut(hosts[:i], ":")
	var one, two error
	a.user, one = url.PathUnescape(user)
	a.password, two = url.PathUnescape(password)
	return hosts[i+1:], one == nil && two == nil && !strings.Contains(password, ":")
}

// hosts reads host:port,host:port.
func (a *Address) hosts(list, port string) bool {
	for one := range strings.SplitSeq(list, ",") {
		// A name without a port is given the default one, and so is [::1].
		if !strings.Contains(one, ":") || strings.HasSuffix(one, "]") {
			one += ":" + port
		}
		host, number, err := net.SplitHostPort(one)
		n, bad := strconv.ParseUint(number, 10, 16)
		if err != nil || bad != nil || n == 0 || host == "" || strings.ContainsAny(host, "%@/[]") {
			return false
		}
		a.Hosts = append(a.Hosts, net.JoinHostPort(host, number))
	}
	return len(a.Hosts) <= maxHosts && (a.form != formServer || len(a.Hosts) == 1)
}

// number reads a database, which a cluster has none of.
func (a *Address) number(text string) bool {
	if text == "" {
		return true
	}
	n, err := strconv.ParseUint(text, 10, 16)
	a.database = int(n)
	return err == nil && strconv.Itoa(a.database) == text && a.form != formCluster
}

// query reads what the form permits there, each once: anything else could turn off
// what is set for safety.
func (a *Address) query(text string) bool {
	values, err := url.ParseQuery(text)
	if err != nil {
		return false
	}
	allowed := map[form][]string{
		formSocket:   {"db"},
		formSentinel: {"master", "sentinel_user", "sentinel_password"},
	}[a.form]
	for name, list := range values {
		if len(list) != 1 || list[0] == "" || !slices.Contains(allowed, name) {
			return false
		}
	}
	a.master, a.sentinelUser, a.word = values.Get("master"), values.Get("sentinel_user"), values.Get("sentinel_password")
	a.Password = a.Password || a.sentinelUser != "" || a.word != ""
	return a.number(values.Get("db"))
}
