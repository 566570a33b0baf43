package demo

import (
	"fmt"
	"io"
	"strings"

	"github.com/hookauthz/hookauthz/server"
)

// A printer lays out the demonstration. The first error of its writer is kept.
type printer struct {
	out   io.Writer
	color bool
	err   error
}

// Colours of a terminal.
const (
	green = "32"
	red   = "31"
	bold  = "1"
	dim   = "2"
)

func (p *printer) printf(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.out, format, args...)
	}
}

// paint colours s where colours are wanted.
func (p *printer) paint(color, s string) string {
	if !p.color {
		return s
	}
	return "\x1b[" + color + "m" + s + "\x1b[0m"
}

const layout = "%2s  %-15s  %-31s  %s  %s\n"

func (p *printer) head(a server.Address, s *scenario) {
	var prints []string
	for _, f := range s.fingerprints {
		prints = append(prints, f.name+" "+f.text)
	}
	p.printf("%s: no Envoy, no Vault, nothing but this machine's loopback\n\n", p.paint(bold, "hookauthz demo"))
	p.printf("config     embedded demo.yaml, %d policies, no mistakes\n", a.Policies)
	p.printf("secrets    random, in memory, gone on exit; fingerprints: %s\n", strings.Join(prints, ", "))
	p.printf("ext_authz  gRPC on %s, the same server as 'hookauthz serve'; ext_proc there too\n", a.GRPC)
	p.printf("tokens     HTTP on %s, for senders that fetch a token first\n\n", a.Token)
	p.printf("%s", p.paint(dim, fmt.Sprintf(layout, "#", "policy", "request", "verdict  ", "why")))
}

func (p *printer) row(n int, r row, got answer, why told, ok bool) {
	verdict := p.paint(green, "ALLOW    ")
	if got.status != 200 {
		verdict = p.paint(red, fmt.Sprintf("DENY  %d", got.status))
	}
	p.printf(layout, fmt.Sprint(n), r.policy, r.what, verdict, reason(got, why))
	if !ok {
		p.printf("    %s\n", p.paint(red, fmt.Sprintf("NOT AS EXPECTED: want %d %s; the server says: %s", r.want.status, r.want.reason, why.detail)))
		return
	}
	if got.payload != "" {
		p.printf("    %s\n", p.paint(dim, "the application gets: "+got.payload))
	}
	if r.meaning == "" {
		return
	}
	for line := range strings.SplitSeq(r.meaning, "\n") {
		p.printf("    %s\n", p.paint(dim, line))
	}
}

// reason says in short why the verdict is what it is.
func reason(got answer, why told) string {
	if got.status != 200 {
		return why.reason
	}
	if why.kind == "jwe" {
		return "jwe opened, signed inside: " + why.principal
	}
	if why.kind == "bearer" || why.kind == "client_certificate" || why.kind == "jws" {
		return fmt.Sprintf("%s holds: %s", why.kind, why.principal)
	}
	age := "the current one"
	if why.previous {
		age = "the previous one, good for 24 h after the change"
	}
	return fmt.Sprintf("%s holds: secret %s v%d, %s", why.kind, why.secret, why.version, age)
}

func (p *printer) foot(good, all int) {
	result := p.paint(green, fmt.Sprintf("%d of %d as expected.", good, all))
	if good != all {
		result = p.paint(red, fmt.Sprintf("%d of %d as expected.", good, all))
	}
	p.printf("\n%s\n", result)
	p.printf("\nNext: write a policy file and run\n  hookauthz check policy.yaml\n  hookauthz serve --config policy.yaml\n")
}
