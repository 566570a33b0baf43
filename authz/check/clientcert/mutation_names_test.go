package clientcert_test

import (
	"crypto/x509/pkix"
	"encoding/asn1"
	"strings"
)

// The alternative names of a certificate, right and odd.

// A san is one name of a certificate.
type san struct {
	tag      int
	text     string
	host     string // of a URI
	compound bool
	// odd says that parsers may refuse the whole certificate for it.
	odd bool
}

const (
	goodDNS = "client.example.org"
	goodURI = "https://example.org/a"
	goodID  = "spiffe://example.org/a"
)

// plainNames are well-formed.
var plainNames = []san{
	{tag: 2, text: goodDNS},
	{tag: 2, text: "CLIENT.Example.ORG"},
	{tag: 2, text: "other.example.org"},
	{tag: 2, text: "client.example.com"},
	{tag: 2, text: "a.client.example.org"},
	{tag: 2, text: "xn--mnchen-3ya.example.org"},
	{tag: 2, text: "clientexample.org"},
	{tag: 6, text: goodURI, host: "example.org"},
	{tag: 6, text: "https://example.org/b", host: "example.org"},
	{tag: 6, text: "https://example.com/a", host: "example.com"},
	{tag: 6, text: goodID, host: "example.org"},
	{tag: 6, text: "spiffe://example.org/a/b", host: "example.org"},
	{tag: 6, text: "spiffe://example.org", host: "example.org"},
	{tag: 6, text: "spiffe://example.com/a", host: "example.com"},
	{tag: 6, text: "spiffe://a.example.org/a", host: "a.example.org"},
}

// oddNames are near to what is listed, or nothing that should be there.
var oddNames = func() []san {
	var all []san
	for _, text := range []string{
		goodDNS + ".", goodDNS + "\x00", goodDNS + "\x00.example.com", goodDNS + " ", " " + goodDNS, "", ".", "." + goodDNS, "*.example.org", "*", "clıent.example.org",
		"cl\u0130ent.example.org", "münchen.example.org", "client\u3002example.org", "\xff", "192.0.2.1", "client..example.org", "-client.example.org", goodDNS + "\n", "client,example.org",
		goodDNS + ";DNS=" + goodDNS, strings.Repeat("a", 64) + ".example.org", goodURI,
	} {
		all = append(all, san{tag: 2, text: text, odd: true})
	}
	for _, text := range []string{
		"spiffe://EXAMPLE.org/a", "SPIFFE://example.org/a", goodID + "/", "spiffe://example.org//a", "spiffe://example.org/../a", "spiffe://example.org/./a", "spiffe://example.org/%61",
		"spiffe://example.org:80/a", "spiffe://u@example.org/a", goodID + "?x=y", goodID + "#", "spiffe:///a", "spiffe:/a", "spiffe://example.org./a", "spiffe://[::1]/a", "spiffe://192.0.2.1/a",
		goodURI + "\x00", goodURI + " ", " " + goodURI, goodURI + "#", goodURI + "?", "HTTPS://example.org/a", "https://EXAMPLE.org/a", "https://example.org/%61", "//example.org/a", "/a", "", "urn:uuid:7d",
		goodURI + ";URI=" + goodID, "https://\xff/", "https://ex\u0430mple.org/a", goodDNS, "https://example.org:443/a", "https://example.org./a",
	} {
		all = append(all, san{tag: 6, text: text, odd: true})
	}
	for _, plain := range plainNames {
		plain.compound, plain.odd = true, true
		all = append(all, plain)
		for _, tag := range []int{0, 1, 3, 4, 5, 7, 8, 30} { // of something else
			all = append(all, san{tag: tag, text: plain.text, odd: true})
		}
	}
	return all
}()

func (f *fact) namesExtension() pkix.Extension {
	var names []asn1.RawValue
	for _, s := range f.names {
		names = append(names, asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: s.tag, IsCompound: s.compound, Bytes: []byte(s.text)})
	}
	value, err := asn1.Marshal(names)
	if err != nil {
		panic(err)
	}
	if f.cut {
		value = value[:len(value)-1]
	}
	return pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, 17}, Value: value}
}
