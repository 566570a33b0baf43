package cli_test

import (
	"flag"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/hookauthz/hookauthz/server/cli"
)

var update = flag.Bool("update", false, "rewrite the expected outputs in the scripts")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"hookauthz": func() { os.Exit(cli.Main()) }})
}

// The scripts run the program as people do. Besides testscript's commands they
// have:
//
//	port NAME              put a free port's number into $NAME
//	get URL PATTERN        ask until the answer matches
//	signal HUP|TERM        send it to what runs in the background
//	code N ARGS...         run hookauthz and want exit code N
//	bao                    start an OpenBao server, see there
//	token NAME             put the last output into $NAME
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("NO_COLOR", "")
			e.Setenv("SECRET", "canary-c4n4ry-of-a-secret-0123456789")
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"port": port, "get": get, "signal": send, "code": code, "bao": bao, "token": token,
		},
	})
}

func port(ts *testscript.TestScript, _ bool, args []string) {
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	_, number, err := net.SplitHostPort(lis.Addr().String())
	ts.Check(err)
	ts.Check(lis.Close())
	ts.Setenv(args[0], number)
}

func get(ts *testscript.TestScript, neg bool, args []string) {
	pattern, err := regexp.Compile("(?m)" + args[1])
	ts.Check(err)
	last := ""
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		r, err := http.Get(args[0])
		if err != nil {
			last = err.Error()
			continue
		}
		text, err := io.ReadAll(r.Body)
		ts.Check(err)
		ts.Check(r.Body.Close())
		last = string(text)
		if strings.Contains(last, ts.Getenv("SECRET")) {
			ts.Fatalf("%s shows the secret", args[0])
		}
		if pattern.MatchString(last) != neg {
			return
		}
	}
	ts.Fatalf("%s never matched %s; the last answer was %s", args[0], args[1], last)
}

func send(ts *testscript.TestScript, _ bool, args []string) {
	s := map[string]os.Signal{"HUP": syscall.SIGHUP, "TERM": syscall.SIGTERM}[args[0]]
	for _, cmd := range ts.BackgroundCmds() {
		ts.Check(cmd.Process.Signal(s))
	}
}

func code(ts *testscript.TestScript, _ bool, args []string) {
	err := ts.Exec("hookauthz", args[1:]...)
	got := "0"
	if err != nil {
		got = strings.TrimPrefix(err.Error(), "exit status ")
	}
	if got != args[0] {
		ts.Fatalf("hookauthz %s: exit code %s, want %s", strings.Join(args[1:], " "), got, args[0])
	}
}

func token(ts *testscript.TestScript, _ bool, args []string) {
	ts.Setenv(args[0], strings.TrimSpace(ts.ReadFile("stdout")))
}
