package clientcert_test

import (
	"crypto/x509"
	"slices"
	"strings"
	"time"
)

// What must happen to a certificate, from the facts alone.

// principal returns who the leaf is to the policy, empty if nobody.
func (p *play) principal() string {
	s, f := p.settings, p.leaf
	pins := append(slices.Clone(s.GetFingerprints()), s.GetPublicKeys()...)
	if len(pins) > 0 && !slices.Contains(s.GetFingerprints(), fingerprint(f.node)) && !slices.Contains(s.GetPublicKeys(), f.keySum()) {
		return ""
	}
	if len(s.GetIssuers()) > 0 && !slices.Contains(s.GetIssuers(), nameText(f.issuer)) {
		return ""
	}
	if len(s.GetDnsNames())+len(s.GetUris())+len(s.GetSpiffeIds()) == 0 {
		return "sha256:" + fingerprint(f.node)
	}
	var uris []string
	for _, n := range f.names {
		if n.compound && (n.tag == 2 || n.tag == 6) {
			return ""
		}
		if n.tag == 6 {
			uris = append(uris, n.text)
		}
	}
	if len(uris) == 1 {
		for _, id := range s.GetSpiffeIds() {
			plain := slices.ContainsFunc(plainNames, func(n san) bool { return n.text == uris[0] }) // of the odd none is an id
			if plain && (uris[0] == id || strings.Count(id, "/") == 2 && strings.HasPrefix(uris[0]+"/", id+"/")) {
				return uris[0]
			}
		}
	}
	for _, uri := range uris {
		if slices.Contains(s.GetUris(), uri) {
			return uri
		}
	}
	for _, n := range f.names {
		if n.tag == 2 && len(s.GetDnsNames()) > 0 && (n.text == goodDNS || n.text == "CLIENT.Example.ORG") {
			return goodDNS
		}
	}
	return ""
}

// A verdict is what must happen.
type verdict int

const (
	mustDeny verdict = iota
	mayPass          // parsers differ, or we may be stricter than the RFC
	mustPass
)

// verdict returns what must happen at that time, as the RFCs have it, with the
// certificates shown.
func (p *play) verdict(at time.Duration, shown []*fact) verdict {
	f := p.leaf
	switch {
	case p.principal() == "", f.twoExtensions, f.cut, !f.strong(), f.sha1, f.authority, slices.Contains(p.anchors, f):
		return mustDeny
	case !slices.Contains(f.purposes, x509.ExtKeyUsageClientAuth), f.usage != 0 && f.usage&x509.KeyUsageDigitalSignature == 0:
		return mustDeny
	case len(shown) > 4:
		return mustDeny
	}
	best := mustDeny
	p.walk([]*fact{f}, shown, func(path []*fact) { best = max(best, p.judge(path, at)) })
	if best == mustPass && slices.ContainsFunc(f.names, func(n san) bool { return n.odd }) {
		return mayPass
	}
	return best
}

// walk calls found with every path from the leaf to an anchor of which one signed
// the other.
func (p *play) walk(path, shown []*fact, found func(path []*fact)) {
	last := path[len(path)-1]
	if len(path) > 1 && slices.Contains(p.anchors, last) {
		found(path)
	}
	if len(path) == 4 {
		return
	}
	for _, f := range append(slices.Clone(shown), p.anchors...) {
		if !slices.Contains(path, f) && signs(f, last) && (slices.Contains(shown, f) || slices.Contains(p.anchors, f)) {
			p.walk(append(slices.Clone(path), f), shown, found)
		}
	}
}

// signs reports whether parent signed child and may.
func signs(parent, child *fact) bool {
	return parent.subject == child.issuer && parent.number == child.signer && !child.sha1 && parent.may(x509.KeyUsageCertSign)
}

func (f *fact) may(usage x509.KeyUsage) bool {
	return f.authority && f.strong() && (f.usage == 0 || f.usage&usage != 0)
}

// judge returns what a path is worth.
func (p *play) judge(path []*fact, at time.Duration) verdict {
	most := mustPass
	names := p.leaf.names
	selfIssued := 0
	for i, f := range path {
		if at < f.from || at > f.to || f.critical {
			return mustDeny
		}
		if i == 0 {
			continue
		}
		bounded := f.pathLen >= 0
		switch {
		case bounded && i-1-selfIssued > f.pathLen:
			return mustDeny
		case bounded && i-1 > f.pathLen:
			most = mayPass // package x509 counts those too that issued themselves
		}
		if f.subject == f.issuer {
			selfIssued++
		}
		if (len(f.purposes) > 0 || f.strange) && !slices.Contains(f.purposes, x509.ExtKeyUsageAny) && !slices.Contains(f.purposes, x509.ExtKeyUsageClientAuth) {
			return mustDeny
		}
		most = min(most, f.constrains(names))
	}
	return min(most, p.revocation(path, at))
}

// constrains says whether f lets through names.
func (f *fact) constrains(names []san) verdict {
	for _, n := range names {
		text, permitted, excluded := n.text, f.permitted, f.excluded
		if n.tag == 6 {
			text, permitted, excluded = n.host, f.permittedURI, f.excludedURI
		}
		if n.odd || n.tag != 2 && n.tag != 6 {
			continue // the whole may pass, or not
		}
		within := func(domain string) bool { return within(text, domain) }
		if len(permitted) > 0 && !slices.ContainsFunc(permitted, within) || slices.ContainsFunc(excluded, within) {
			return mustDeny
		}
	}
	return mustPass
}

// within reports whether name is domain or stands below it; with a dot before it,
// only below.
func within(name, domain string) bool {
	name, domain = strings.ToLower(name), strings.ToLower(domain)
	if strings.HasPrefix(domain, ".") {
		return strings.HasSuffix(name, domain)
	}
	return name == domain || strings.HasSuffix(name, "."+domain)
}

// revocation says what the lists make of a path.
func (p *play) revocation(path []*fact, at time.Duration) verdict {
	if p.settings.GetCrl() == "" {
		return mustPass
	}
	for i, f := range path[:len(path)-1] {
		current := false
		for _, l := range p.lists {
			if l.name != path[i+1].subject || l.number != path[i+1].number || !p.counts(l) {
				continue
			}
			if slices.Contains(l.serials, f.serial) {
				return mustDeny
			}
			current = current || !l.partial && l.from <= at && at < l.to
		}
		if !current && p.settings.GetCrl() == "hard" {
			return mustDeny
		}
	}
	// The anchor itself, if another one signed it.
	anchor := path[len(path)-1]
	for _, issuer := range p.anchors {
		same := issuer.number == anchor.number && issuer.subject == anchor.subject
		if same || issuer.subject != anchor.issuer || !issuer.may(x509.KeyUsageCertSign) || issuer.number != anchor.signer && !anchor.sha1 {
			continue
		}
		for _, l := range p.lists {
			if l.name == issuer.subject && l.number == issuer.number && p.counts(l) && slices.Contains(l.serials, anchor.serial) {
				return mustDeny
			}
		}
	}
	return mustPass
}

// counts reports whether an anchor made l.
func (p *play) counts(l *listed) bool {
	return !l.sha1 && slices.ContainsFunc(p.anchors, func(f *fact) bool {
		return f.subject == l.name && f.number == l.number && f.may(x509.KeyUsageCRLSign)
	})
}
