package clientcert_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

// The policies that certificates are shown to.

// A play is a policy, and what is shown to it.
type play struct {
	*world

	settings *policypb.ClientCertificate
	anchors  []*fact
	lists    []*listed
	shown    []*fact // besides the leaf
	check    authz.Check

	last     *authz.Request // what was shown before
	lastDone string
}

func (w *world) play(tb testing.TB) *play {
	tb.Helper()
	p := &play{world: w, settings: &policypb.ClientCertificate{Source: authztest.Pick(w.Rand, "connection", "xfcc", "xfcc"), Crl: authztest.Pick(w.Rand, "", "", "", "soft", "hard", "hard")}}
	p.anchors = []*fact{w.chain[len(w.chain)-1]}
	if w.IntN(12) == 0 {
		p.anchors = nil
	}
	if p.settings.GetSource() == "connection" && w.IntN(4) > 0 {
		p.anchors = append(p.anchors, w.chain[0])
	}
	for _, f := range w.all { // more where lists are asked for: they come from anchors
		if w.IntN(6) == 0 || p.settings.GetCrl() == "hard" && w.IntN(3) > 0 {
			p.anchors = append(p.anchors, f)
		}
	}
	if w.IntN(40) == 0 && w.leaf.cert.PublicKey != nil {
		p.anchors = append(p.anchors, w.leaf)
	}
	if len(p.anchors) == 0 {
		p.anchors = append(p.anchors, authztest.Pick(w.Rand, w.all...))
	}
	for _, l := range w.lists {
		if w.IntN(12) > 0 {
			p.lists = append(p.lists, l)
		}
	}
	p.shown = slices.Clone(w.chain[:len(w.chain)-1])
	if w.IntN(8) == 0 && len(p.shown) > 0 {
		i := w.IntN(len(p.shown))
		p.shown = slices.Delete(p.shown, i, i+1)
	}
	for w.IntN(3) == 0 {
		p.shown = append(p.shown, authztest.Pick(w.Rand, w.all...)) // one more, or once more
	}
	if w.IntN(4) == 0 {
		w.Shuffle(len(p.shown), func(i, j int) { p.shown[i], p.shown[j] = p.shown[j], p.shown[i] })
	}
	p.ask()
	var nodes []*node
	for _, f := range p.anchors {
		nodes = append(nodes, f.node)
	}
	entry := trusting(nodes...)
	for _, l := range p.lists {
		entry.anchors.CRLs = append(entry.anchors.CRLs, l.RevocationList)
	}
	p.check = newCheck(tb, p.settings, entry)
	return p
}

// ask writes what the policy asks for.
func (p *play) ask() {
	s := p.settings
	wrong := strings.Repeat("0", 64)
	pick := p.IntN(10)
	for _, n := range p.leaf.names { // mostly what the leaf has
		if p.IntN(3) > 0 {
			pick = map[bool]int{true: 1, false: 4}[n.tag == 2] + p.IntN(2)
		}
	}
	switch pick {
	case 0:
		s.AnyName = "accepted"
	case 1:
		s.DnsNames = []string{goodDNS}
	case 2:
		s.DnsNames = []string{"x.example.org", "Client.EXAMPLE.org"}
	case 3:
		s.Uris = []string{goodURI}
	case 4:
		s.Uris, s.SpiffeIds = []string{goodURI}, []string{goodID}
	case 5:
		s.SpiffeIds, s.Uris = []string{"spiffe://example.com/b", "spiffe://example.org"}, []string{goodURI}
	case 6:
		s.DnsNames, s.SpiffeIds = []string{goodDNS}, []string{"spiffe://example.org"}
	case 7:
		s.Fingerprints = []string{authztest.Pick(p.Rand, wrong, fingerprint(p.leaf.node), fingerprint(p.leaf.node))}
	case 8:
		s.PublicKeys = []string{authztest.Pick(p.Rand, wrong, p.leaf.keySum(), p.leaf.keySum())}
	case 9:
		s.DnsNames, s.Fingerprints = []string{goodDNS}, []string{authztest.Pick(p.Rand, wrong, fingerprint(p.leaf.node)), fingerprint(p.chain[0].node)}
	}
	if p.IntN(6) == 0 {
		s.Issuers = []string{authztest.Pick(p.Rand, nameText(nameRoot), nameText(nameMiddle), nameText(p.leaf.issuer), "CN=Root")}
	}
}
