//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// A bao is an OpenBao server in development mode. It speaks Vault's API.
type bao struct {
	*process

	url  string
	root string
	// login are the flags with which hookauthz logs in.
	login  []string
	unseal string
}

// leastPolicy is all that hookauthz needs: to read the secrets it serves. What
// else it does with its own token Vault's default policy permits; an issuer's
// certificate and its revocation list anybody may read.
const leastPolicy = `path "secret/data/webhooks/*" { capabilities = ["read"] }`

// startBao starts a server with the secrets of this file's policies and an AppRole
// for hookauthz.
func startBao(s scope) *bao {
	s.Helper()
	path := program(s, "HOOKAUTHZ_BAO", "make tools")
	for range 5 {
		b := &bao{root: random(), url: "http://" + freeAddress(s)}
		b.process = start(s, path, nil, "server", "-dev", "-dev-no-store-token",
			"-dev-root-token-id="+b.root, "-dev-listen-address="+strings.TrimPrefix(b.url, "http://"))
		if b.up() {
			b.prepare(s)
			return b
		}
		b.kill()
	}
	s.Fatalf("bao did not start; it takes a free port and the one after it")
	return nil
}

// up waits until b answers. Another server may have the port: its root token is
// not ours.
func (b *bao) up() bool {
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline) && !b.ended(10*time.Millisecond); {
		if _, status, err := b.try("GET", "auth/token/lookup-self", nil); err == nil && status == http.StatusOK {
			return true
		}
	}
	return false
}

func (b *bao) prepare(s scope) {
	s.Helper()
	line := b.stdout.find(5*time.Second, func(line string) bool { return strings.HasPrefix(line, "Unseal Key: ") })
	b.unseal = strings.TrimPrefix(line, "Unseal Key: ")
	b.permit(s)
	b.call(s, "POST", "sys/auth/approle", map[string]any{"type": "approle"})
	b.login = b.role(s, "hookauthz", map[string]any{"token_policies": "hookauthz", "token_ttl": "20m"})
	for path, fields := range secrets {
		b.put(s, path, fields)
	}
}

// role makes an AppRole and returns the flags with which hookauthz logs in by it.
func (b *bao) role(s scope, name string, settings map[string]any) []string {
	s.Helper()
	b.call(s, "POST", "auth/approle/role/"+name, settings)
	role := b.call(s, "GET", "auth/approle/role/"+name+"/role-id", nil)
	secret := b.call(s, "POST", "auth/approle/role/"+name+"/secret-id", map[string]any{})
	return []string{
		"--vault-addr=" + b.url, "--vault-auth=approle",
		"--vault-role-id-file=" + writeFile(s, "role-id", role["role_id"]),
		"--vault-secret-id-file=" + writeFile(s, "secret-id", secret["secret_id"]),
	}
}

// permit lets hookauthz read, forbid takes that back.
func (b *bao) permit(s scope) {
	s.Helper()
	b.call(s, "PUT", "sys/policies/acl/hookauthz", map[string]any{"policy": leastPolicy})
}

func (b *bao) forbid(s scope) {
	s.Helper()
	b.call(s, "PUT", "sys/policies/acl/hookauthz", map[string]any{"policy": `path "secret/data/other" { capabilities = ["read"] }`})
}

// put writes a new version of the secret at webhooks/path.
func (b *bao) put(s scope, path string, fields map[string]string) {
	s.Helper()
	for _, value := range fields {
		mustNotLeak(value)
	}
	b.call(s, "POST", "secret/data/webhooks/"+path, map[string]any{"data": fields})
}

// remove deletes the newest version of the secret at webhooks/path.
func (b *bao) remove(s scope, path string) {
	s.Helper()
	b.call(s, "DELETE", "secret/data/webhooks/"+path, nil)
}

func (b *bao) call(s scope, method, path string, body any) map[string]any {
	s.Helper()
	data, status, err := b.try(method, path, body)
	if err != nil || status >= http.StatusBadRequest {
		s.Fatalf("bao: %s %s: status %d, %v", method, path, status, err)
	}
	return data
}

func (b *bao) try(method, path string, body any) (map[string]any, int, error) {
	var content io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return nil, 0, err
		}
		content = bytes.NewReader(text)
	}
	request, err := http.NewRequest(method, b.url+"/v1/"+path, content)
	if err != nil {
		return nil, 0, err
	}
	request.Header.Set("X-Vault-Token", b.root)
	response, err := (&http.Client{Timeout: 5 * time.Second}).Do(request)
	if err != nil {
		return nil, 0, err
	}
	defer func() { _ = response.Body.Close() }() // it was read
	var answer struct{ Data map[string]any }
	text, err := io.ReadAll(response.Body)
	if err == nil && len(text) > 0 {
		err = json.Unmarshal(text, &answer)
	}
	return answer.Data, response.StatusCode, err
}

// freeAddress returns an address that was free a moment ago.
func freeAddress(s scope) string {
	s.Helper()
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.Fatalf("%v", err)
	}
	address := lis.Addr().String()
	_ = lis.Close() // somebody else takes it
	return address
}

// writeFile writes a file that only we can read, under a name of its own.
func writeFile(s scope, name string, content any) string {
	s.Helper()
	path := filepath.Join(run.folder, fmt.Sprintf("%d-%s", run.number.Add(1), name))
	if err := os.WriteFile(path, fmt.Append(nil, content), 0o600); err != nil {
		s.Fatalf("%v", err)
	}
	return path
}
