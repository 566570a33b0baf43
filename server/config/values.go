package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// ParseSize reads a size such as 1MiB: a whole number and one of B, KiB, MiB
// and GiB.
func ParseSize(text string) (int64, error) {
	units := []struct {
		suffix string
		bytes  int64
	}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"B", 1}}
	for _, u := range units {
		digits, ok := strings.CutSuffix(text, u.suffix)
		if !ok {
			continue
		}
		n, err := strconv.ParseUint(digits, 10, 32)
		if err != nil || strings.HasPrefix(digits, "+") {
			break
		}
		return int64(n) * u.bytes, nil
	}
	return 0, errors.New("want a number and a unit, such as 512KiB or 1MiB")
}

// FormatSize writes n the way [ParseSize] reads it.
func FormatSize(n int64) string {
	switch {
	case n == 0:
		return "0B"
	case n%(1<<30) == 0:
		return strconv.FormatInt(n>>30, 10) + "GiB"
	case n%(1<<20) == 0:
		return strconv.FormatInt(n>>20, 10) + "MiB"
	case n%(1<<10) == 0:
		return strconv.FormatInt(n>>10, 10) + "KiB"
	}
	return strconv.FormatInt(n, 10) + "B"
}

// parseAddress reads host:port, or unix:// and an absolute path.
func parseAddress(text string) (Address, error) {
	if path, ok := strings.CutPrefix(text, "unix:"); ok {
		path, ok = strings.CutPrefix(path, "//")
		if !ok || !filepath.IsAbs(path) {
			return Address{}, errors.New("want unix:// and an absolute path, such as unix:///run/hookauthz/grpc.sock")
		}
		return Address{networkUnix, filepath.Clean(path)}, nil
	}
	host, port, err := net.SplitHostPort(text)
	if err != nil {
		return Address{}, errors.New("want host:port, such as 127.0.0.1:9191")
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || strconv.FormatUint(n, 10) != port {
		return Address{}, errors.New("the port must be a number from 0 to 65535")
	}
	if strings.ContainsAny(host, " /") {
		return Address{}, errors.New("the host holds characters that no host has")
	}
	return Address{networkTCP, text}, nil
}

// Loopback reports whether only this machine can reach a.
func (a Address) Loopback() bool {
	if a.Network == networkUnix {
		return true
	}
	host, _, err := net.SplitHostPort(a.Address)
	if err != nil {
		return false
	}
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

func parseUID(text string) (uint32, error) {
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil {
		return 0, errors.New("want the number of a user")
	}
	return uint32(n), nil
}

// oneOf reports whether text is among words, naming them if not.
func oneOf(text string, words ...string) error {
	if slices.Contains(words, text) {
		return nil
	}
	return fmt.Errorf("want one of %s", strings.Join(words, ", "))
}
