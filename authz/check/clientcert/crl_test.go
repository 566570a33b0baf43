package clientcert_test

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"runtime"
	"testing"
	"time"
	"weak"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

func TestRevocation(t *testing.T) {
	const (
		verified    = authz.ReasonVerified
		revoked     = authz.ReasonCertificateRevoked
		unavailable = authz.ReasonCRLUnavailable
	)
	ca, other := authority(t, nil, "Root"), authority(t, nil, "Root")
	renewed := authorityOf(t, nil, ca.key, "Root")
	rolled := authority(t, ca, "Root")
	middle := authority(t, ca, "Middle")
	second := authority(t, nil, "Second")
	crossed := authorityOf(t, second, middle.key, "Middle")
	alone := authority(t, nil, "Alone")
	good, bad := leaf(t, ca), leaf(t, ca)
	under := leaf(t, middle)
	noCRL := authority(t, nil, "Silent", func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageCertSign })
	strong := authorityOf(t, nil, rsaKey(t, 2048), "RSA")
	ofStrong := leaf(t, strong)
	ofSHA1 := authority(t, strong, "Old")
	ofSHA1.cert = parseCert(t, signWeakly(t, ofSHA1.cert.Raw, strong))
	weakList, err := x509.ParseRevocationList(signWeakly(t, (&listing{by: strong}).der(t), strong))
	if err != nil {
		t.Fatal(err)
	}
	current := &listing{by: ca, revoked: []*node{bad}}
	stale := &listing{by: ca, revoked: []*node{bad}, next: -time.Second}
	critical := func(last int) []pkix.Extension {
		return []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, last}, Critical: true, Value: []byte{2, 1, 1}}}
	}
	lists := func(all ...*listing) []*x509.RevocationList {
		var parsed []*x509.RevocationList
		for _, l := range all {
			parsed = append(parsed, l.list(t))
		}
		return parsed
	}
	signedByOther := lists(&listing{by: other})
	onlyOther := lists(&listing{by: other, revoked: []*node{good}})
	bySilent := []*x509.RevocationList{func() *x509.RevocationList {
		may := *noCRL
		template := *noCRL.cert
		template.KeyUsage |= x509.KeyUsageCRLSign
		may.cert = &template
		return (&listing{by: &may}).list(t)
	}()}

	tests := []struct {
		name       string
		anchors    []*node // default ca
		lists      []*x509.RevocationList
		trouble    error
		shown      []*node
		hard, soft authz.Reason
	}{
		{name: "not listed", lists: lists(current), shown: []*node{good}, hard: verified, soft: verified},
		{name: "listed", lists: lists(current), shown: []*node{bad}, hard: revoked, soft: revoked},
		{name: "stale, not listed", lists: lists(stale), shown: []*node{good}, hard: unavailable, soft: verified},
		{name: "stale, listed", lists: lists(stale), shown: []*node{bad}, hard: revoked, soft: revoked},
		{name: "ends now", lists: lists(&listing{by: ca, this: -time.Hour, next: -time.Nanosecond}), shown: []*node{good}, hard: unavailable, soft: verified},
		{name: "last second", lists: lists(&listing{by: ca, next: time.Second}), shown: []*node{good}, hard: verified, soft: verified},
		{name: "begins later", lists: lists(&listing{by: ca, this: time.Minute}), shown: []*node{good}, hard: unavailable, soft: verified},
		{name: "begins later, listed", lists: lists(&listing{by: ca, this: time.Minute, revoked: []*node{bad}}), shown: []*node{bad}, hard: revoked, soft: revoked},
		{name: "none", shown: []*node{bad}, hard: unavailable, soft: verified},
		{name: "none, with trouble", trouble: authz.Deny(authz.ReasonSecretMissing, ""), shown: []*node{bad}, hard: unavailable, soft: verified},
		{name: "nil", lists: []*x509.RevocationList{nil}, shown: []*node{good}, hard: unavailable, soft: verified},
		{name: "stale and current", lists: lists(stale, current), shown: []*node{good}, hard: verified, soft: verified},
		{name: "listed only by the stale one", lists: lists(stale, &listing{by: ca}), shown: []*node{bad}, hard: revoked, soft: revoked},
		{name: "signed by another of that name", lists: signedByOther, shown: []*node{good}, hard: unavailable, soft: verified},
		{name: "listed by another of that name", lists: onlyOther, shown: []*node{good}, hard: unavailable, soft: verified},
		{name: "both of that name trusted", anchors: []*node{ca, other}, lists: onlyOther, shown: []*node{good}, hard: unavailable, soft: verified},
		{name: "anchor renewed with its key", anchors: []*node{renewed}, lists: lists(current), shown: []*node{bad}, hard: revoked, soft: revoked},
		{name: "anchor may not sign lists", anchors: []*node{noCRL}, lists: bySilent, shown: []*node{leaf(t, noCRL)}, hard: unavailable, soft: verified},
		{name: "signed with SHA-1", anchors: []*node{strong}, lists: []*x509.RevocationList{weakList}, shown: []*node{ofStrong}, hard: unavailable, soft: verified},
		{name: "signed with SHA-256", anchors: []*node{strong}, lists: lists(&listing{by: strong}), shown: []*node{ofStrong}, hard: verified, soft: verified},

		{name: "a delta", lists: lists(&listing{by: ca, extensions: critical(27)}), shown: []*node{good}, hard: unavailable, soft: verified},
		{name: "a delta beside the whole", lists: lists(current, &listing{by: ca, extensions: critical(27)}), shown: []*node{good}, hard: verified, soft: verified},
		{name: "listed in a delta", lists: lists(&listing{by: ca}, &listing{by: ca, extensions: critical(27), revoked: []*node{bad}}), shown: []*node{bad}, hard: revoked, soft: revoked},
		{name: "for some certificates only", lists: lists(&listing{by: ca, extensions: critical(28)}), shown: []*node{good}, hard: unavailable, soft: verified},
		{name: "taken back", lists: lists(&listing{by: ca, revoked: []*node{bad}, reason: 8}), shown: []*node{bad}, hard: verified, soft: verified},
		{name: "on hold", lists: lists(&listing{by: ca, revoked: []*node{bad}, reason: 6}), shown: []*node{bad}, hard: revoked, soft: revoked},

		{name: "between, its own list missing", lists: lists(current), shown: []*node{under, middle}, hard: unavailable, soft: verified},
		{name: "between revoked", lists: lists(&listing{by: ca, revoked: []*node{middle}}), shown: []*node{under, middle}, hard: revoked, soft: revoked},
		{name: "between is an anchor too", anchors: []*node{ca, middle}, lists: lists(&listing{by: middle}), shown: []*node{under}, hard: verified, soft: verified},
		{name: "between is an anchor too, listed by it", anchors: []*node{ca, middle}, lists: lists(current, &listing{by: middle, revoked: []*node{under}}), shown: []*node{under, middle}, hard: revoked, soft: revoked},
		{name: "between revoked by one of two roots", anchors: []*node{ca, second}, lists: lists(&listing{by: ca, revoked: []*node{middle}}, &listing{by: second}, &listing{by: middle}), shown: []*node{under, middle, crossed}, hard: revoked, soft: verified},
		{name: "between revoked by one of two roots, and an anchor itself", anchors: []*node{ca, second, middle}, lists: lists(&listing{by: ca, revoked: []*node{middle}}, &listing{by: second}, &listing{by: middle}), shown: []*node{under, middle, crossed}, hard: verified, soft: verified},
		{name: "between revoked by both roots", anchors: []*node{ca, second}, lists: lists(&listing{by: ca, revoked: []*node{middle}}, &listing{by: second, revoked: []*node{crossed}}), shown: []*node{under, middle, crossed}, hard: revoked, soft: revoked},
		{name: "an anchor revoked by another", anchors: []*node{ca, middle}, lists: lists(&listing{by: ca, revoked: []*node{middle}}, &listing{by: middle}), shown: []*node{under}, hard: revoked, soft: revoked},
		{name: "an anchor revoked by another, shown too", anchors: []*node{ca, middle}, lists: lists(&listing{by: ca, revoked: []*node{middle}}, &listing{by: middle}), shown: []*node{under, middle}, hard: revoked, soft: revoked},
		{name: "an anchor revoked by another of its issuer's name", anchors: []*node{ca, other, middle}, lists: lists(&listing{by: other, revoked: []*node{middle}}, &listing{by: ca}, &listing{by: middle}), shown: []*node{under}, hard: verified, soft: verified},
		{name: "an anchor signed with SHA-1, revoked by another", anchors: []*node{strong, ofSHA1}, lists: lists(&listing{by: strong, revoked: []*node{ofSHA1}}, &listing{by: ofSHA1}), shown: []*node{leaf(t, ofSHA1)}, hard: revoked, soft: revoked},
		{name: "an anchor signed with SHA-1", anchors: []*node{strong, ofSHA1}, lists: lists(&listing{by: strong}, &listing{by: ofSHA1}), shown: []*node{leaf(t, ofSHA1)}, hard: verified, soft: verified},
		{name: "an anchor with a new key, signed with the old one and revoked by it", anchors: []*node{ca, rolled}, lists: lists(&listing{by: ca, revoked: []*node{rolled}}, &listing{by: rolled}), shown: []*node{leaf(t, rolled)}, hard: revoked, soft: revoked},
		{name: "an anchor with a new key, signed with the old one", anchors: []*node{ca, rolled}, lists: lists(&listing{by: ca}, &listing{by: rolled}), shown: []*node{leaf(t, rolled)}, hard: verified, soft: verified},
		{name: "an anchor that signed itself, listed by itself", anchors: []*node{alone}, lists: lists(&listing{by: alone, revoked: []*node{alone}}), shown: []*node{leaf(t, alone)}, hard: verified, soft: verified},
		{name: "number is that of another issuer's", anchors: []*node{ca, middle}, lists: lists(&listing{by: ca, revoked: []*node{under}}, &listing{by: middle}), shown: []*node{under}, hard: verified, soft: verified},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.anchors == nil {
				tt.anchors = []*node{ca}
			}
			entry := trusting(tt.anchors...)
			entry.anchors.CRLs, entry.anchors.CRLTrouble = tt.lists, tt.trouble
			for mode, want := range map[string]authz.Reason{"hard": tt.hard, "soft": tt.soft, "": verified} {
				check := newCheck(t, &policypb.ClientCertificate{AnyName: "accepted", Source: "xfcc", Crl: mode}, entry)
				for range 2 {
					_, err := check.Verify(t.Context(), proxied(forwarded(tt.shown...)))
					authztest.WantReason(t, err, want)
				}
			}
		})
	}
}

// changing is an entry whose anchors are replaced.
type changing struct{ set }

func (c *changing) Anchors(at time.Time) (*authz.Anchors, error) { return c.set.Anchors(at) }

// What a check remembers never outlives time, anchors or lists.
func TestRemembersNoLonger(t *testing.T) {
	ca := authority(t, nil, "Root")
	client := leaf(t, ca)
	entry := &changing{trusting(ca)}
	with := func(lists ...*x509.RevocationList) set {
		s := trusting(ca)
		s.anchors.CRLs = lists
		return s
	}
	check := newCheck(t, &policypb.ClientCertificate{AnyName: "accepted", Crl: "hard"}, entry)
	steps := []struct {
		name    string
		anchors set
		after   time.Duration
		want    authz.Reason
	}{
		{name: "right", anchors: with((&listing{by: ca}).list(t)), want: authz.ReasonVerified},
		{name: "list ended", anchors: with((&listing{by: ca, next: time.Minute}).list(t)), after: time.Minute, want: authz.ReasonCRLUnavailable},
		{name: "right again", anchors: with((&listing{by: ca}).list(t)), want: authz.ReasonVerified},
		{name: "revoked", anchors: with((&listing{by: ca, revoked: []*node{client}}).list(t)), want: authz.ReasonCertificateRevoked},
		{name: "right once more", anchors: with((&listing{by: ca, next: 48 * time.Hour}).list(t)), want: authz.ReasonVerified},
		{name: "certificate ended", after: time.Hour + time.Second, want: authz.ReasonCertificateExpired},
		{name: "clock went back", after: -2 * time.Hour, want: authz.ReasonCertificateExpired},
		{name: "and forth", want: authz.ReasonVerified},
		{name: "anchor gone", anchors: trusting(authority(t, nil, "Root")), want: authz.ReasonCertificateUntrusted},
		{name: "anchors unreadable", anchors: set{err: authz.Deny(authz.ReasonSecretUnavailable, "")}, want: authz.ReasonSecretUnavailable},
		{name: "anchors back", anchors: with((&listing{by: ca}).list(t)), want: authz.ReasonVerified},
		{name: "nothing", anchors: set{anchors: &authz.Anchors{}}, want: authz.ReasonSecretMissing},
		{name: "nil", anchors: set{err: nil, anchors: nil}, want: authz.ReasonSecretMissing},
	}
	for _, step := range steps {
		if step.anchors != (set{}) || step.name == "nil" {
			entry.set = step.anchors
		}
		for range 2 {
			r := connected(client)
			r.Received = r.Received.Add(step.after)
			_, err := check.Verify(t.Context(), r)
			if err != nil || step.want != authz.ReasonVerified {
				t.Run(step.name, func(t *testing.T) { authztest.WantReason(t, err, step.want) })
			}
		}
	}
}

// What was proven by lists that were replaced does not keep them in memory: of
// a large authority each takes much.
func TestForgetsOldLists(t *testing.T) {
	ca := authority(t, nil, "Root")
	entry := &changing{}
	check := newCheck(t, &policypb.ClientCertificate{AnyName: "accepted", Crl: "hard"}, entry)
	renew := func() weak.Pointer[x509.RevocationList] {
		entry.set = trusting(ca)
		entry.anchors.CRLs = []*x509.RevocationList{(&listing{by: ca}).list(t)}
		_, err := check.Verify(t.Context(), connected(leaf(t, ca)))
		authztest.WantReason(t, err, authz.ReasonVerified)
		return weak.Make(entry.anchors.CRLs[0])
	}
	var old []weak.Pointer[x509.RevocationList]
	for range 5 {
		old = append(old, renew())
	}
	renew()
	runtime.GC()
	for i, list := range old {
		if list.Value() != nil {
			t.Errorf("list %d is still held", i)
		}
	}
	runtime.KeepAlive(check)
}

func TestRotation(t *testing.T) {
	older, newer := authority(t, nil, "Root"), authority(t, nil, "Root")
	renewed := authorityOf(t, nil, newer.key, "Root")
	versions := func(current, previous *node) *authz.Anchors {
		return &authz.Anchors{Authorities: []authz.Authority{
			{Certificate: current.cert, Secret: "ca", Version: 2}, {Certificate: previous.cert, Secret: "ca", Version: 1, Previous: true},
		}}
	}
	both := set{anchors: versions(newer, older)}
	backwards := set{anchors: versions(newer, renewed)}
	backwards.anchors.Authorities[0], backwards.anchors.Authorities[1] = backwards.anchors.Authorities[1], backwards.anchors.Authorities[0]
	twice := set{anchors: versions(newer, newer)}
	stale := set{anchors: versions(newer, older)}
	stale.anchors.Stale = true
	unusable := set{anchors: versions(newer, older)}
	unusable.anchors.Unusable = authz.Deny(authz.ReasonSecretInvalid, "")
	down := set{err: authz.Deny(authz.ReasonSecretUnavailable, "")}
	gone := set{err: authz.Deny(authz.ReasonSecretMissing, "")}
	ended := authority(t, nil, "Root", between(-2*time.Hour, -time.Second))
	stranger := leaf(t, authority(t, nil, "Root"))
	tests := []struct {
		name    string
		anchors []authz.AnchorSet
		shown   *node
		want    authz.Reason
		version int
		stale   bool
	}{
		{name: "newest", anchors: []authz.AnchorSet{both}, shown: leaf(t, newer), version: 2},
		{name: "previous", anchors: []authz.AnchorSet{both}, shown: leaf(t, older), version: 1},
		{name: "both versions fit", anchors: []authz.AnchorSet{backwards}, shown: leaf(t, newer), version: 2},
		{name: "both versions are one", anchors: []authz.AnchorSet{twice}, shown: leaf(t, newer), version: 2},
		{name: "stale", anchors: []authz.AnchorSet{stale}, shown: leaf(t, newer), version: 2, stale: true},
		{name: "second entry", anchors: []authz.AnchorSet{trusting(authority(t, nil, "Other")), both}, shown: leaf(t, older), version: 1},
		{name: "beside one that can't be read", anchors: []authz.AnchorSet{down, both}, shown: leaf(t, newer), version: 2},
		{name: "beside one that can't be used", anchors: []authz.AnchorSet{unusable}, shown: leaf(t, newer), version: 2},
		{name: "a stranger", anchors: []authz.AnchorSet{both}, shown: stranger, want: authz.ReasonCertificateUntrusted},
		{name: "a stranger, one can't be read", anchors: []authz.AnchorSet{both, down}, shown: stranger, want: authz.ReasonSecretUnavailable},
		{name: "a stranger, one can't be used", anchors: []authz.AnchorSet{unusable}, shown: stranger, want: authz.ReasonSecretInvalid},
		{name: "a stranger, two troubles", anchors: []authz.AnchorSet{gone, unusable, down}, shown: stranger, want: authz.ReasonSecretUnavailable},
		{name: "expired, one can't be read", anchors: []authz.AnchorSet{both, down}, shown: leaf(t, newer, between(-2*time.Hour, -time.Hour)), want: authz.ReasonCertificateExpired},
		{name: "anchor expired, one can't be read", anchors: []authz.AnchorSet{trusting(ended), down}, shown: leaf(t, ended), want: authz.ReasonSecretUnavailable},
		{name: "no authority could make it good", anchors: []authz.AnchorSet{down}, shown: leaf(t, newer, usages(x509.ExtKeyUsageServerAuth)), want: authz.ReasonCertificateUntrusted},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.want == 0 {
				tt.want = authz.ReasonVerified
			}
			check := newCheck(t, anyone(), tt.anchors...)
			for range 2 {
				identity, err := check.Verify(t.Context(), connected(tt.shown))
				authztest.WantReason(t, err, tt.want)
				if err == nil && (identity.Secret != "ca" || identity.Version != tt.version || identity.Previous != (tt.version == 1) || identity.Stale != tt.stale) {
					t.Errorf("identity = %+v, want version %d, stale %v", identity, tt.version, tt.stale)
				}
			}
		})
	}
}
