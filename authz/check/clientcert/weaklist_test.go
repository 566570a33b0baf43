package clientcert_test

import (
	"encoding/pem"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
	"github.com/hookauthz/hookauthz/authz/keyset"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

// A newer list that is signed with SHA-1 counts for nothing. So it must not
// replace the one that does: what was revoked would pass.
func TestWeakListReplacesNothing(t *testing.T) {
	ca := authorityOf(t, nil, rsaKey(t, 2048), "Root")
	bad, good := leaf(t, ca), leaf(t, ca)
	text := func(der []byte) string { return string(pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: der})) }
	strong := text((&listing{by: ca, revoked: []*node{bad}}).der(t))
	weak := text(signWeakly(t, (&listing{by: ca, this: -time.Minute}).der(t), ca))

	lists := authztest.Values(strong)
	crl := authz.Reference{Name: "crl", Secrets: lists}
	anchors := authztest.Values(string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.cert.Raw})))
	set := keyset.StoredAnchors(authz.Reference{Name: "ca", Secrets: anchors}, &crl)
	for _, mode := range []string{"soft", "hard"} {
		check := newCheck(t, &policypb.ClientCertificate{AnyName: "accepted", Crl: mode}, set)
		for _, held := range []string{strong, weak, strong + weak, weak + strong, "garbage", strong} {
			lists.Set(held)
			_, err := check.Verify(t.Context(), connected(bad))
			authztest.WantReason(t, err, authz.ReasonCertificateRevoked)
			_, err = check.Verify(t.Context(), connected(good))
			authztest.WantReason(t, err, authz.ReasonVerified)
		}
	}
	lists.Set(weak)
	if told := unfitOf(set); told != authz.ReasonSecretInvalid {
		t.Errorf("a weak list is told as %v", told)
	}
}

// unfitOf returns why set can't use its revocation list.
func unfitOf(set *keyset.AnchorSet) authz.Reason {
	reason := authz.ReasonVerified
	set.Unfit(now(), func(name string, why error) {
		if name == "crl" {
			reason = authz.DeniedBy(why).Reason()
		}
	})
	return reason
}
