package keyset_test

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"strings"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/keyset"
)

func TestLists(t *testing.T) {
	one, two, stranger := newCA(t, "one"), newCA(t, "two"), newCA(t, "stranger")
	namesake, alias := newCA(t, "one"), makeCA(t, "alias", one.key)
	critical := func(l *x509.RevocationList) {
		l.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 28}, Critical: true, Value: []byte{0x30, 0}}}
	}
	forged := one.list(t, 5)
	forged[len(forged)-1] ^= 1
	tests := []struct {
		name, text, want string
		trouble          authz.Reason // bug: none
	}{
		{name: "PEM", text: one.pemList(t, 5), want: "one two #5 "},
		{name: "DER", text: string(one.list(t, 5)), want: "one two #5 "},
		{name: "of both", text: one.pemList(t, 5) + two.pemList(t, 5), want: "one two #5 #5 "},
		{name: "twice: the newer", text: one.pemList(t, 6) + one.pemList(t, 5), want: "one two #6 "},
		{name: "of a stranger", text: stranger.pemList(t, 5), want: "one two ", trouble: authz.ReasonSecretInvalid},
		{name: "of a namesake", text: namesake.pemList(t, 5), want: "one two ", trouble: authz.ReasonSecretInvalid},
		{name: "of the same key by another name", text: alias.pemList(t, 5), want: "one two ", trouble: authz.ReasonSecretInvalid},
		{name: "one good and a stranger's", text: one.pemList(t, 5) + stranger.pemList(t, 5), want: "one two #5 ", trouble: authz.ReasonSecretInvalid},
		{name: "forged", text: string(forged), want: "one two ", trouble: authz.ReasonSecretInvalid},
		{name: "a part of a list", text: string(one.list(t, 5, critical)), want: "one two ", trouble: authz.ReasonSecretInvalid},
		{name: "a certificate", text: one.pem, want: "one two ", trouble: authz.ReasonSecretInvalid},
		{name: "words", text: "words", want: "one two ", trouble: authz.ReasonSecretInvalid},
		{name: "expired: the check's to judge", text: string(one.list(t, 5, func(l *x509.RevocationList) { l.NextUpdate = l.ThisUpdate.Add(1) })), want: "one two #5 "},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			crl := reference("crl", holding(tt.text))
			set := keyset.StoredAnchors(reference("ca", holding(one.pem+two.pem)), &crl)
			anchors := wantAnchors(t, set, tt.want)
			unfit := told(set.Unfit)
			if tt.trouble == authz.ReasonBug {
				if anchors.CRLTrouble != nil || len(unfit) != 0 {
					t.Errorf("trouble = %v, unfit = %v", anchors.CRLTrouble, unfit)
				}
				return
			}
			wantReason(t, anchors.CRLTrouble, tt.trouble)
			wantReason(t, unfit["crl"], tt.trouble)
		})
	}
}

// An authority that is not for signing lists does not sign them.
func TestListOfAnAuthorityWithoutLists(t *testing.T) {
	signs := newCA(t, "one")
	mute := makeCA(t, "one", signs.key, func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageCertSign })
	crl := reference("crl", holding(signs.pemList(t, 5)))
	wantAnchors(t, keyset.StoredAnchors(reference("ca", holding(signs.pem)), &crl), "one #5 ")
	set := keyset.StoredAnchors(reference("ca", holding(mute.pem)), &crl)
	wantReason(t, wantAnchors(t, set, "one ").CRLTrouble, authz.ReasonSecretInvalid)
}

// Who reads a file takes its last line end for the editor's. Of a list in DER it
// may be the last byte.
func TestListWithoutItsLastByte(t *testing.T) {
	one := newCA(t, "one")
	for range 5000 {
		der := string(one.list(t, 5))
		cut, ok := strings.CutSuffix(der, "\n")
		if !ok {
			continue
		}
		crl := reference("crl", holding(strings.TrimSuffix(cut, "\r")))
		wantAnchors(t, keyset.StoredAnchors(reference("ca", holding(one.pem)), &crl), "one #5 ")
		return
	}
	t.Fatal("no list ends with that byte")
}

// A list that goes back does not count, even if the store lost it meanwhile; one
// that goes on does.
func TestListNumbers(t *testing.T) {
	one, two := newCA(t, "one"), newCA(t, "two")
	authorities, lists := holding(one.pem), holding(one.pemList(t, 5))
	crl := reference("crl", lists)
	set := keyset.StoredAnchors(reference("ca", authorities), &crl)
	write := func(text string) { lists.versions, lists.err = holding(text).versions, nil }

	first := wantAnchors(t, set, "one #5 ")
	if wantAnchors(t, set, "one #5 ") != first {
		t.Error("another pointer although nothing changed")
	}
	write(one.pemList(t, 4))
	anchors := wantAnchors(t, set, "one #5 ")
	if anchors.CRLTrouble != nil {
		t.Errorf("trouble = %v", anchors.CRLTrouble)
	}
	wantReason(t, told(set.Unfit)["crl"], authz.ReasonSecretInvalid)

	for _, reason := range []authz.Reason{authz.ReasonSecretMissing, authz.ReasonSecretUnavailable} {
		lists.versions, lists.err = nil, authz.Deny(reason, "")
		wantReason(t, wantAnchors(t, set, "one #5 ").CRLTrouble, reason)
	}
	for _, text := range []string{"garbage", two.pemList(t, 9)} {
		write(text)
		wantReason(t, wantAnchors(t, set, "one #5 ").CRLTrouble, authz.ReasonSecretInvalid)
	}
	write(one.pemList(t, 4))
	wantAnchors(t, set, "one #5 ")
	write(string(one.list(t, 5, func(l *x509.RevocationList) { l.ThisUpdate = l.ThisUpdate.Add(-time.Second) })))
	wantAnchors(t, set, "one #5 ")
	if got := wantAnchors(t, set, "one #5 "); !got.CRLs[0].ThisUpdate.Equal(first.CRLs[0].ThisUpdate) {
		t.Error("a list of the same number and an earlier time counts")
	}
	write(one.pemList(t, 6))
	wantAnchors(t, set, "one #6 ")
	if unfit := told(set.Unfit); len(unfit) != 0 {
		t.Errorf("unfit = %v", unfit)
	}

	// Another authority counts from its own beginning.
	authorities.versions = holding(one.pem + two.pem).versions
	write(two.pemList(t, 1) + one.pemList(t, 5))
	anchors = wantAnchors(t, set, "one two "+listed(set))
	if text := listed(set); text != "#1 #6 " && text != "#6 #1 " {
		t.Errorf("lists %s", text)
	}
	if anchors.CRLTrouble != nil {
		t.Errorf("trouble = %v", anchors.CRLTrouble)
	}
}

// Anchors that can't be read for a while don't make us forget what was revoked;
// one that is taken out is forgotten.
func TestListsOutliveDamagedAnchors(t *testing.T) {
	one, two := newCA(t, "one"), newCA(t, "two")
	authorities, lists := holding(one.pem), holding(one.pemList(t, 5))
	crl := reference("crl", lists)
	set := keyset.StoredAnchors(reference("ca", authorities), &crl)
	wantAnchors(t, set, "one #5 ")

	authorities.versions = holding("garbage").versions
	_, err := set.Anchors(time.Now())
	wantReason(t, err, authz.ReasonSecretInvalid)
	lists.versions = holding(one.pemList(t, 4)).versions
	_, err = set.Anchors(time.Now())
	wantReason(t, err, authz.ReasonSecretInvalid)
	authorities.versions = holding(one.pem).versions
	wantAnchors(t, set, "one #5 ")

	authorities.versions = holding(two.pem).versions
	wantAnchors(t, set, "two ")
	authorities.versions = holding(one.pem).versions
	wantAnchors(t, set, "one #4 ")
}

// An older list beside the one that counts is no step back, in whichever order.
func TestOlderListBesideTheNewest(t *testing.T) {
	one := newCA(t, "one")
	newest, older := one.pemList(t, 6), one.pemList(t, 5)
	lists := holding(newest)
	crl := reference("crl", lists)
	set := keyset.StoredAnchors(reference("ca", holding(one.pem)), &crl)
	wantAnchors(t, set, "one #6 ")
	for _, text := range []string{newest + older, older + newest} {
		lists.versions = holding(text).versions
		wantAnchors(t, set, "one #6 ")
		if unfit := told(set.Unfit); len(unfit) != 0 {
			t.Errorf("unfit = %v", unfit)
		}
	}
	lists.versions = holding(older).versions
	wantAnchors(t, set, "one #6 ")
	wantReason(t, told(set.Unfit)["crl"], authz.ReasonSecretInvalid)
}

func listed(set *keyset.AnchorSet) string {
	anchors, err := set.Anchors(time.Now())
	if err != nil {
		return err.Error()
	}
	return names(&authz.Anchors{CRLs: anchors.CRLs})
}

// Lists have no grace: a version that is not the newest does not count.
func TestListOfThePreviousVersion(t *testing.T) {
	one := newCA(t, "one")
	crl := reference("crl", holding("garbage", one.pemList(t, 5)))
	set := keyset.StoredAnchors(reference("ca", holding(one.pem)), &crl)
	wantReason(t, wantAnchors(t, set, "one ").CRLTrouble, authz.ReasonSecretInvalid)
}

// genuineTBS returns what is signed of a list.
func genuineTBS(t *testing.T, der []byte) []byte {
	t.Helper()
	list, err := x509.ParseRevocationList(der)
	if err != nil {
		t.Fatal(err)
	}
	return list.RawTBSRevocationList
}
