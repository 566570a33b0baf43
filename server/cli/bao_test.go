package cli_test

import (
	"crypto/rand"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// baoProgram returns the path of the OpenBao server, which speaks Vault's API.
func baoProgram() string {
	if path := os.Getenv("HOOKAUTHZ_BAO"); path != "" {
		return path
	}
	path, err := filepath.Abs(filepath.Join("..", "..", ".tools", "bin", "bao"))
	if err != nil {
		return ""
	}
	return path
}

// bao starts a real server that ends with the script, and sets VAULT_ADDR, and
// BAO_ADDR and BAO_TOKEN for $BAO, which is its command line.
func bao(ts *testscript.TestScript, _ bool, _ []string) {
	program := baoProgram()
	if _, err := os.Stat(program); err != nil {
		ts.Fatalf("this test wants the OpenBao server, which is not at %s: run `make tools`", program)
	}
	root := "root-" + rand.Text()
	for range 5 { // another program may take the port between our look and the server's
		lis, err := net.Listen("tcp", "127.0.0.1:0")
		ts.Check(err)
		address := lis.Addr().String()
		ts.Check(lis.Close())
		if startBao(ts, program, address, root) {
			ts.Setenv("BAO", program)
			ts.Setenv("VAULT_ADDR", "http://"+address)
			ts.Setenv("BAO_ADDR", "http://"+address)
			ts.Setenv("BAO_TOKEN", root)
			return
		}
	}
	ts.Fatalf("no server came up")
}

func startBao(ts *testscript.TestScript, program, address, root string) bool {
	cmd := exec.Command(program, "server", "-dev", "-dev-no-store-token", "-dev-root-token-id="+root, "-dev-listen-address="+address)
	cmd.Env = []string{"HOME=" + ts.MkAbs("."), "PATH=" + os.Getenv("PATH")}
	ts.Check(cmd.Start())
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(ended)
	}()
	ts.Defer(func() {
		_ = cmd.Process.Kill()
		<-ended
	})
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		select {
		case <-ended:
			return false
		default:
		}
		request, err := http.NewRequest(http.MethodGet, "http://"+address+"/v1/auth/token/lookup-self", http.NoBody)
		ts.Check(err)
		request.Header.Set("X-Vault-Token", root)
		r, err := http.DefaultClient.Do(request)
		if err != nil {
			continue
		}
		ts.Check(r.Body.Close())
		if r.StatusCode == http.StatusOK {
			return true
		}
	}
	return false
}
