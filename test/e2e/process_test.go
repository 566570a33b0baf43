//go:build e2e

package e2e

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// A scope is what a program lives for: a test, or the whole run.
type scope interface {
	Helper()
	Name() string
	Cleanup(func())
	Failed() bool
	Logf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// A process is a program that was started for a scope and ends with it.
type process struct {
	cmd            *exec.Cmd
	stdout, stderr *output
	done           chan struct{}
}

// program returns the path in an environment variable that the Makefile sets.
func program(s scope, variable, install string) string {
	s.Helper()
	path := os.Getenv(variable)
	if path == "" {
		s.Fatalf("%s is not set: run the tests with `make test-e2e`, or set it after `%s`", variable, install)
	}
	if _, err := os.Stat(path); err != nil {
		s.Fatalf("%s: %v: run `%s`", variable, err, install)
	}
	return path
}

// start runs a program whose environment holds nothing but vars. Its output goes
// to files in the run's folder, which is kept if a test fails.
func start(s scope, path string, vars []string, args ...string) *process {
	s.Helper()
	name := fmt.Sprintf("%s-%s-%d", strings.ReplaceAll(s.Name(), "/", "-"), filepath.Base(path), run.number.Add(1))
	p := &process{
		cmd:    exec.Command(path, args...),
		stdout: newOutput(s, name+".out"),
		stderr: newOutput(s, name+".err"),
		done:   make(chan struct{}),
	}
	p.cmd.Dir = run.folder
	p.cmd.Env = append([]string{"HOME=" + run.folder}, vars...)
	p.cmd.Stdout, p.cmd.Stderr = p.stdout, p.stderr
	if err := p.cmd.Start(); err != nil {
		s.Fatalf("start %s: %v", path, err)
	}
	go func() {
		_ = p.cmd.Wait() // how it ended is in its output
		close(p.done)
	}()
	s.Cleanup(func() {
		p.kill()
		if s.Failed() {
			s.Logf("%s wrote at last:\n%s", name, p.stderr.tail(15))
		}
	})
	return p
}

// kill ends p at once, also while it is frozen.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // it may have ended
	<-p.done
}

// signal sends sig, which p must be alive to get.
func (p *process) signal(s scope, sig syscall.Signal) {
	s.Helper()
	if err := p.cmd.Process.Signal(sig); err != nil {
		s.Fatalf("signal %v: %v", sig, err)
	}
}

// ended reports whether p ends within d.
func (p *process) ended(d time.Duration) bool {
	select {
	case <-p.done:
		return true
	case <-time.After(d):
		return false
	}
}

// An output keeps what a program writes, in memory and in a file.
type output struct {
	mu   sync.Mutex
	file *os.File
	text bytes.Buffer
}

func newOutput(s scope, name string) *output {
	s.Helper()
	file, err := os.Create(filepath.Join(run.folder, name))
	if err != nil {
		s.Fatalf("keep the output: %v", err)
	}
	return &output{file: file}
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.text.Write(b)
	return o.file.Write(b)
}

// since returns the whole lines from offset on, and the offset after them.
func (o *output) since(offset int) (lines []string, next int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	text := o.text.String()[offset:]
	end := strings.LastIndexByte(text, '\n') + 1
	if end == 0 {
		return nil, offset
	}
	return strings.Split(text[:end-1], "\n"), offset + end
}

func (o *output) tail(n int) string {
	lines, _ := o.since(0)
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// find waits for a line for which match holds, "" if none comes.
func (o *output) find(within time.Duration, match func(line string) bool) string {
	deadline := time.Now().Add(within)
	offset := 0
	for {
		var lines []string
		lines, offset = o.since(offset)
		for _, line := range lines {
			if match(line) {
				return line
			}
		}
		if time.Now().After(deadline) {
			return ""
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// eventually waits until holds, and fails if it does not within the time.
func eventually(s scope, within time.Duration, what string, holds func() bool) {
	s.Helper()
	for deadline := time.Now().Add(within); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			s.Fatalf("waited %v in vain: %s", within, what)
		}
	}
}
