package clientcert_test

import (
	"encoding/pem"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
	"github.com/hookauthz/hookauthz/authz/check/clientcert"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

// write writes pairs as the parser must read them, every value quoted.
func write(pairs []clientcert.Pair) string {
	var text strings.Builder
	for i, p := range pairs {
		if i > 0 {
			text.WriteByte(';')
		}
		text.WriteString(p.Key + `="` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(p.Value) + `"`)
	}
	return text.String()
}

// elements counts the elements of a header in another way than the parser: it
// removes what is quoted and counts commas.
func elements(value string) int {
	value = strings.NewReplacer(`\\`, "", `\"`, "").Replace(value)
	bare := ""
	for i, piece := range strings.Split(value, `"`) {
		if i%2 == 0 {
			bare += piece
		}
	}
	return 1 + strings.Count(bare, ",")
}

// FuzzXFCC: what is accepted has one element and only keys that may stand there,
// and is read the same once it is written anew.
func FuzzXFCC(f *testing.F) {
	for _, seed := range []string{
		"", `By=a;Hash=b;Cert="c";Chain="d";Subject="e";URI=f;DNS=g`, `Hash=a,Hash=b`, `Subject="a\"b\\",By=`, `Subject="a,b;c=d"`,
		`URI=a;URI=b;DNS=;Subject="\,\+\C3"`, `Hash="`, `Hash="a"b`, `Hash=a;`, `=`, `Cert="\`, `Hash=a"b`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		pairs, err := clientcert.ParseXFCC(value)
		if err != nil {
			authztest.WantReason(t, err, authz.ReasonCredentialMalformed)
			if len(pairs) > 0 {
				t.Errorf("an error came with pairs %q", pairs)
			}
			return
		}
		if n := elements(value); n != 1 {
			t.Errorf("accepted %q, which has %d elements", value, n)
		}
		for _, key := range []string{"Hash", "Cert", "Chain", "Subject"} {
			if n := len(slices.DeleteFunc(slices.Clone(pairs), func(p clientcert.Pair) bool { return p.Key != key })); n > 1 {
				t.Errorf("accepted %q, which has %s %d times", value, key, n)
			}
		}
		again, err := clientcert.ParseXFCC(write(pairs))
		if err != nil || !slices.Equal(pairs, again) {
			t.Errorf("%q is read as %q, and written anew as %q, %v", value, pairs, again, err)
		}
	})
}

// FuzzPairs: every list of pairs that may be written is read as it is.
func FuzzPairs(f *testing.F) {
	f.Add("spiffe://example.org/a", "00ff", "CN=a\\,b,O=\"c\"", "x;URI=y,z")
	f.Add("", "", "", "")
	f.Fuzz(func(t *testing.T, by, hash, subject, uri string) {
		pairs := []clientcert.Pair{{"By", by}, {"Hash", hash}, {"Subject", subject}, {"URI", uri}, {"URI", by}}
		got, err := clientcert.ParseXFCC(write(pairs))
		printable := !strings.ContainsFunc(by+hash+subject+uri, func(r rune) bool { return r < ' ' || r > '~' })
		if printable != (err == nil) || err == nil && !slices.Equal(got, pairs) {
			t.Errorf("%q: got %q, %v", pairs, got, err)
		}
	})
}

// FuzzCertificates: what is accepted is PEM as package pem writes it, URL-encoded
// in one of the ways to do so.
func FuzzCertificates(f *testing.F) {
	block := func(der string) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte(der)}))
	}
	for _, seed := range []string{
		"", "%", url.PathEscape(block("a")), url.PathEscape(block("a") + block("b")), url.PathEscape(block(strings.Repeat("a", 48))),
		url.PathEscape(block(strings.Repeat("a", 49))), url.QueryEscape(block("ab")), url.PathEscape(strings.TrimSpace(block("abc"))),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		ders, ok := clientcert.DecodeCertificates(text, 3)
		if !ok {
			if len(ders) > 0 {
				t.Error("refused with a result")
			}
			return
		}
		want := ""
		for _, der := range ders {
			want += block(string(der))
		}
		plain, err := url.PathUnescape(text)
		if err != nil || plain != want && plain+"\n" != want || len(ders) == 0 || len(ders) > 3 {
			t.Errorf("accepted %q as %d certificates, which are %q", text, len(ders), want)
		}
	})
}

// FuzzDN: a name that is accepted is accepted in its canonical form too, and
// means the same.
func FuzzDN(f *testing.F) {
	for _, seed := range []string{"CN=a", `CN=a\,b+O=c,DC=d`, "2.5.4.3=#0c0161", "CN=#020105", `CN=\ a\ `, `O=\C3\A4`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		canonical, ok := clientcert.ParseDN(text)
		if !ok || strings.ContainsAny(canonical, "\";<>\x00") || strings.Contains(canonical, "= ") || strings.Contains(canonical, " ,") ||
			strings.Contains(canonical, " +") || strings.HasSuffix(canonical, " ") {
			return // the canonical form does not escape these
		}
		again, ok := clientcert.ParseDN(canonical)
		if !ok || again != canonical {
			t.Errorf("%q is %q, and that %q, %v", text, canonical, again, ok)
		}
	})
}

// FuzzVerify looks for a header that passes without the certificate.
func FuzzVerify(f *testing.F) {
	ca := authority(f, nil, "Root")
	client := leaf(f, ca)
	check := newCheck(f, &policypb.ClientCertificate{DnsNames: []string{"client.example.org"}, Source: "xfcc"}, trusting(ca))
	f.Add(forwarded(client), "")
	f.Add(forwarded(leaf(f, nil)), encode(client))
	f.Add("Hash="+fingerprint(client)+`;Cert="`+encode(client)+`"`, encode(client))
	f.Fuzz(func(t *testing.T, value, connection string) {
		r := proxied(value)
		r.Certificate = connection
		identity, err := check.Verify(t.Context(), r)
		if err == nil && (!strings.Contains(value, fingerprint(client)) || identity.Key != fingerprint(client)) {
			t.Errorf("passed %q as %+v", value, identity)
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	ca := authority(b, nil, "Root")
	middle := authority(b, ca, "Middle")
	client, deep := leaf(b, ca), leaf(b, middle)
	entry := trusting(ca, middle)
	entry.anchors.CRLs = append(entry.anchors.CRLs, (&listing{by: ca}).list(b), (&listing{by: middle}).list(b))
	settings := func(source string) *policypb.ClientCertificate {
		return &policypb.ClientCertificate{DnsNames: []string{"client.example.org"}, Source: source, Crl: "hard"}
	}
	benchmarks := []struct {
		name    string
		source  string
		request *authz.Request
	}{
		{name: "connection", source: "connection", request: connected(client)},
		{name: "xfcc", source: "xfcc", request: proxied(forwarded(deep, middle))},
	}
	for _, bb := range benchmarks {
		b.Run(bb.name, func(b *testing.B) {
			check := newCheck(b, settings(bb.source), entry)
			ctx := b.Context()
			b.ReportAllocs()
			for b.Loop() {
				if _, err := check.Verify(ctx, bb.request); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(bb.name+"/new", func(b *testing.B) {
			check := newCheck(b, settings(bb.source), entry)
			ctx := b.Context()
			var requests []*authz.Request
			for i := range 1 << 12 { // more than are remembered
				requests = append(requests, respelt(bb.request, i))
			}
			i := 0
			b.ReportAllocs()
			for b.Loop() {
				if _, err := check.Verify(ctx, requests[i%len(requests)]); err != nil {
					b.Fatal(err)
				}
				i++
			}
		})
	}
}

// respelt returns r with the same certificate in another spelling for each
// number.
func respelt(r *authz.Request, number int) *authz.Request {
	change := func(text string) string {
		parts := strings.Split(text, "%0A")
		for i := range parts[1:] {
			if number>>i&1 == 0 {
				parts[i] += "%0A"
			} else {
				parts[i] += "%0a"
			}
		}
		return strings.Join(parts, "")
	}
	other := *r
	other.Certificate = change(r.Certificate)
	other.Header.Fields = slices.Clone(r.Header.Fields)
	for i := range other.Header.Fields {
		other.Header.Fields[i].Value = change(other.Header.Fields[i].Value)
	}
	return &other
}
