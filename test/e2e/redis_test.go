//go:build e2e

package e2e

import (
	"net"
	"strings"
	"time"
)

// A redis is a running Redis that keeps nothing on disk.
type redis struct {
	*process

	address, password string
}

// startRedis starts Redis with a password, which ends with s.
func startRedis(s scope) *redis {
	s.Helper()
	path := program(s, "HOOKAUTHZ_REDIS", "make tools")
	for range 5 {
		r := &redis{address: freeAddress(s), password: random()}
		mustNotLeak(r.password)
		r.run(s, path)
		if r.answers() {
			return r
		}
		r.kill()
	}
	s.Fatalf("redis did not start")
	return nil
}

func (r *redis) run(s scope, path string) {
	s.Helper()
	_, port, _ := net.SplitHostPort(r.address)
	r.process = start(s, path, nil, "--bind", "127.0.0.1", "--port", port, "--save", "", "--appendonly", "no", "--requirepass", r.password)
}

// url is how hookauthz reaches r.
func (r *redis) url() string { return "redis://:" + r.password + "@" + r.address + "/0" }

func (r *redis) answers() bool {
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline) && !r.ended(10*time.Millisecond); {
		conn, err := net.Dial("tcp", r.address)
		if err != nil {
			continue
		}
		answer := make([]byte, 64)
		_ = conn.SetDeadline(time.Now().Add(time.Second))
		_, _ = conn.Write([]byte("AUTH " + r.password + "\r\nPING\r\n"))
		n, _ := conn.Read(answer)
		_ = conn.Close()
		if strings.HasPrefix(string(answer[:n]), "+OK") {
			return true
		}
	}
	return false
}
