package clientcert_test

import (
	"crypto/x509"
	"flag"
	"strings"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

var update = flag.Bool("update", false, "write the table of answers into the page of this kind")

func TestAnswers(t *testing.T) {
	ca := authority(t, nil, "Root")
	client := leaf(t, ca)
	header := func() *policypb.ClientCertificate {
		return &policypb.ClientCertificate{AnyName: "accepted", Source: "xfcc"}
	}
	fails := func(s *policypb.ClientCertificate, r *authz.Request, sets ...authz.AnchorSet) func(*testing.T) error {
		return func(t *testing.T) error {
			t.Helper()
			_, err := newCheck(t, s, sets...).Verify(t.Context(), r)
			return err
		}
	}
	shown := func(changes ...change) func(*testing.T) error {
		return fails(anyone(), connected(leaf(t, ca, changes...)), trusting(ca))
	}
	sent := func(value string) func(*testing.T) error { return fails(header(), proxied(value), trusting(ca)) }
	refused := func(reason authz.Reason) func(*testing.T) error {
		return fails(anyone(), connected(client), set{err: authz.Deny(reason, "")})
	}
	listed := func(lists ...*x509.RevocationList) func(*testing.T) error {
		entry := trusting(ca)
		entry.anchors.CRLs = lists
		return fails(&policypb.ClientCertificate{AnyName: "accepted", Crl: "hard"}, connected(client), entry)
	}
	unreadable, unstated, twice, other := connected(client), proxied(forwarded(client)), proxied(forwarded(client)), proxied(forwarded(client))
	unreadable.Certificate += "x"
	unstated.Gateway.XFCCSanitized = false
	authztest.AddHeader(twice, "x-forwarded-client-cert", forwarded(client))
	other.Certificate = encode(leaf(t, ca))

	const (
		absent    = "no certificate on the connection, or no header"
		text      = "not one certificate as URL-encoded PEM"
		element   = "`xfcc`: more than one element, an unknown or repeated key, quotes that don't match, over 64 KiB"
		noCert    = "`xfcc`: neither `Cert` nor `Chain`, no `Hash`, or the `Hash` of another certificate"
		untrusted = "no chain of at most 4 certificates to an anchor; not for client authentication; an authority itself; a weak key or signature; name constraints that don't permit its names"
		notNow    = "expired, or not valid yet"
		name      = "none of the listed names, issuers, fingerprints or public keys"
		noList    = "`crl: hard`: an issuer's list is missing or not current"
		unusable  = "no such secret, no right to read it, no certificate in it, and no other anchor fits"
	)
	authztest.AnswerTable(t, "../../../docs/checks/client_certificate.md", *update, []authztest.AnswerRow{
		{Failure: absent, Verify: fails(anyone(), authztest.Request("POST", "/h", ""), trusting(ca))},
		{Failure: absent, Verify: sent("")},
		{Failure: "`xfcc`, and it is not stated for this route", Verify: fails(header(), unstated, trusting(ca))},
		{Failure: "`xfcc`: header twice", Verify: fails(header(), twice, trusting(ca))},
		{Failure: text, Verify: fails(anyone(), unreadable, trusting(ca))},
		{Failure: element, Verify: sent(forwarded(client) + "," + forwarded(client))},
		{Failure: element, Verify: sent(forwarded(client) + ";Issuer=x")},
		{Failure: element, Verify: sent(forwarded(client) + `"`)},
		{Failure: element, Verify: sent(forwarded(client) + strings.Repeat("a", 64<<10))},
		{Failure: noCert, Verify: sent("Hash=" + fingerprint(client))},
		{Failure: noCert, Verify: sent(`Cert="` + encode(client) + `"`)},
		{Failure: noCert, Verify: sent("Hash=" + fingerprint(ca) + `;Cert="` + encode(client) + `"`)},
		{Failure: "`xfcc`: another certificate than that of the connection", Verify: fails(header(), other, trusting(ca))},
		{Failure: untrusted, Verify: fails(anyone(), connected(leaf(t, nil)), trusting(ca))},
		{Failure: untrusted, Verify: shown(usages(x509.ExtKeyUsageServerAuth))},
		{Failure: untrusted, Verify: shown(func(c *x509.Certificate) { c.IsCA = true })},
		{Failure: notNow, Verify: shown(between(-time.Hour, -time.Second))},
		{Failure: notNow, Verify: shown(between(time.Second, time.Hour))},
		{Failure: "on a revocation list", Verify: listed((&listing{by: ca, revoked: []*node{client}}).list(t))},
		{Failure: name, Verify: fails(&policypb.ClientCertificate{DnsNames: []string{"other.example.org"}}, connected(client), trusting(ca))},
		{Failure: name, Verify: fails(&policypb.ClientCertificate{AnyName: "accepted", Issuers: []string{"CN=Other"}}, connected(client), trusting(ca))},
		{Failure: noList, Verify: listed()},
		{Failure: noList, Verify: listed((&listing{by: ca, next: -time.Second}).list(t))},
		{Failure: unusable, Verify: refused(authz.ReasonSecretMissing)},
		{Failure: unusable, Verify: refused(authz.ReasonSecretForbidden)},
		{Failure: unusable, Verify: refused(authz.ReasonSecretInvalid)},
		{Failure: "the anchors could not be read for too long, and no other anchor fits", Verify: refused(authz.ReasonSecretUnavailable)},
	})
}
