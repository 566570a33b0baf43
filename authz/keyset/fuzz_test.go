package keyset_test

import (
	encoding "encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz/keyset"
)

// FuzzMetadata looks for a document that is taken for the issuer's although its
// own word, as any JSON parser reads it, is another; and for a place of keys that
// is not https.
func FuzzMetadata(f *testing.F) {
	const name = "https://issuer.example/tenant"
	f.Add([]byte(document(name, "https://issuer.example/keys")))
	f.Add([]byte(`{"issuer":"` + name + `","Issuer":"https://other.example","jwks_uri":"https://a/"}`))
	f.Add([]byte(`{"issuer":"` + name + `","jwks_uri":"https://a@b/"} `))
	f.Fuzz(func(t *testing.T, text []byte) {
		keys, ok := keyset.ParseMetadata(text, name)
		if !ok {
			if keys != "" {
				t.Errorf("a place of keys beside an error: %q", keys)
			}
			return
		}
		var loose struct {
			Issuer string `json:"issuer"`
			Keys   string `json:"jwks_uri"`
		}
		if err := encoding.Unmarshal(text, &loose); err != nil || loose.Issuer != name || loose.Keys != keys {
			t.Errorf("keys at %q of issuer %q, %v", loose.Keys, loose.Issuer, err)
		}
		if u, err := url.Parse(keys); err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil {
			t.Errorf("keys at %q", keys)
		}
	})
}

// FuzzAnchors looks for a bundle of which a part is lost in silence, or whose
// anchors are no authorities.
func FuzzAnchors(f *testing.F) {
	one := newCA(f, "one")
	f.Add([]byte(one.pem))
	f.Add([]byte("words\n" + one.pem + "\n" + one.pem))
	f.Add([]byte(one.pem + "-----BEGIN CERTIFICATE-----\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		anchors, err := keyset.StoredAnchors(reference("s", holding(string(text))), nil).Anchors(time.Now())
		if err != nil {
			return
		}
		if begun := strings.Count(string(text), "-----BEGIN"); len(anchors.Authorities) > begun || len(anchors.Authorities) == 0 {
			t.Errorf("%d authorities of %d blocks", len(anchors.Authorities), begun)
		}
		for _, a := range anchors.Authorities {
			if !a.Certificate.IsCA || !a.Certificate.BasicConstraintsValid {
				t.Error("a leaf is an anchor")
			}
		}
	})
}

// FuzzLists looks for a revocation list that counts although its authority did
// not sign it as it is.
func FuzzLists(f *testing.F) {
	one := newCA(f, "one")
	genuine := one.list(f, 5)
	f.Add(genuine)
	f.Add([]byte(block("X509 CRL", genuine)))
	f.Add(append([]byte("words\n"), block("X509 CRL", genuine)...))
	f.Fuzz(func(t *testing.T, text []byte) {
		crl := reference("crl", holding(string(text)))
		anchors, err := keyset.StoredAnchors(reference("ca", holding(one.pem)), &crl).Anchors(time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if anchors.CRLTrouble == nil && len(anchors.CRLs) == 0 {
			t.Error("no list and no trouble")
		}
		for _, list := range anchors.CRLs {
			if string(list.RawTBSRevocationList) != string(genuineTBS(t, genuine)) {
				t.Error("a list counts that nobody signed")
			}
		}
	})
}
