package token_test

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/hookauthz/hookauthz/server/token"
)

// A server is a real Redis on a loopback port. It keeps nothing on disk.
type server struct {
	path     string
	address  string
	password string
	secure   string // a folder with a certificate; empty: plain text
	process  *os.Process
	ended    chan struct{}
}

// program returns the path of the server's binary.
func program(tb testing.TB) string {
	tb.Helper()
	path := os.Getenv("HOOKAUTHZ_REDIS")
	if path == "" {
		path = filepath.Join("..", "..", ".tools", "bin", "redis-server")
	}
	if _, err := os.Stat(path); err != nil {
		tb.Fatalf("these tests want a Redis, which is not at %s: run `make tools`", path)
	}
	return path
}

// start starts a server that ends with the test.
func start(tb testing.TB) *server {
	tb.Helper()
	return begin(tb, &server{path: program(tb), password: rand.Text()})
}

func begin(tb testing.TB, s *server) *server {
	tb.Helper()
	for range 5 { // another program may take the port between our look and the server's
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			tb.Fatal(err)
		}
		s.address = l.Addr().String()
		if err := l.Close(); err != nil {
			tb.Fatal(err)
		}
		if s.up(tb) {
			return s
		}
	}
	tb.Fatal("no server came up")
	return nil
}

// up starts the server at its address and reports whether it answers.
func (s *server) up(tb testing.TB) bool {
	tb.Helper()
	_, port, _ := net.SplitHostPort(s.address)
	args := []string{"--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--requirepass", s.password, "--dir", tb.TempDir()}
	if s.secure == "" {
		args = append(args, "--port", port)
	} else {
		args = append(args, "--port", "0", "--tls-port", port, "--tls-auth-clients", "no",
			"--tls-cert-file", s.secure+"/tls.crt", "--tls-key-file", s.secure+"/tls.key")
	}
	cmd := exec.Command(s.path, args...)
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	ended := make(chan struct{})
	s.process, s.ended = cmd.Process, ended
	go func() {
		_ = cmd.Wait()
		close(ended)
	}()
	tb.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-ended
	})
	client := s.client(tb)
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); {
		select {
		case <-ended:
			return false
		case <-time.After(10 * time.Millisecond):
		}
		if client.Ping(context.Background()).Err() == nil {
			return true
		}
	}
	return false
}

func (s *server) signal(tb testing.TB, what syscall.Signal) {
	tb.Helper()
	if err := s.process.Signal(what); err != nil {
		tb.Fatal(err)
	}
}

func (s *server) kill(tb testing.TB) {
	tb.Helper()
	s.signal(tb, syscall.SIGKILL)
	<-s.ended
}

// client is a look from the side.
func (s *server) client(tb testing.TB) *redis.Client {
	tb.Helper()
	options := &redis.Options{Addr: s.address, Password: s.password, MaxRetries: -1}
	if s.secure != "" {
		options.TLSConfig = &tls.Config{InsecureSkipVerify: true}
	}
	c := redis.NewClient(options)
	tb.Cleanup(func() { _ = c.Close() })
	return c
}

func (s *server) url() string { return "redis://:" + s.password + "@" + s.address + "/0" }

// open returns a store that ends with the test.
func open(tb testing.TB, url string) *token.Store {
	tb.Helper()
	store, err := token.OpenStore(url)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := store.Close(); err != nil {
			tb.Error(err)
		}
	})
	return store
}
