package clientcert_test

import (
	"crypto/x509/pkix"
	"encoding/asn1"
	"testing"

	"github.com/hookauthz/hookauthz/authz/check/clientcert"
)

func TestParseDN(t *testing.T) {
	tests := []struct {
		text string
		want string // empty: a mistake
	}{
		{text: "CN=Example CA,O=Example", want: "2.5.4.3=Example CA,2.5.4.10=Example"},
		{text: "cn=a", want: "2.5.4.3=a"},
		{text: "2.5.4.3=a", want: "2.5.4.3=a"},
		{text: "CN=", want: "2.5.4.3="},
		{text: `CN=a\,b`, want: `2.5.4.3=a\,b`},
		{text: `CN=a\2Cb`, want: `2.5.4.3=a\,b`},
		{text: `CN=a\3db`, want: `2.5.4.3=a\=b`},
		{text: `CN=a=b`, want: `2.5.4.3=a\=b`},
		{text: `CN=\ a\ `, want: "2.5.4.3= a "},
		{text: `CN=\#a`, want: `2.5.4.3=\#a`},
		{text: `CN=a#`, want: `2.5.4.3=a\#`},
		{text: `CN=L\C3\A4`, want: "2.5.4.3=L\u00e4"},
		{text: "CN=L\u00e4", want: "2.5.4.3=L\u00e4"},
		{text: "CN=#0c0161", want: "2.5.4.3=a"},
		{text: "CN=#0C0161,O=b", want: "2.5.4.3=a,2.5.4.10=b"},
		{text: "CN=#020105", want: "2.5.4.3=#020105"},
		{text: "CN=a+O=b", want: "2.5.4.10=b+2.5.4.3=a"},
		{text: "O=b+CN=a,C=DE", want: "2.5.4.10=b+2.5.4.3=a,2.5.4.6=DE"},
		{text: "DC=example,DC=org", want: "0.9.2342.19200300.100.1.25=example,0.9.2342.19200300.100.1.25=org"},
		{text: "emailAddress=a@example.org", want: "1.2.840.113549.1.9.1=a@example.org"},
		{text: "CN=a b", want: "2.5.4.3=a b"},
		{text: ""},
		{text: "a"},
		{text: "=a"},
		{text: "XX=a"},
		{text: "OID.2.5.4.3=a"},
		{text: "2=a"},
		{text: "2.05=a"},
		{text: "2..5=a"},
		{text: "CN=a,"},
		{text: ",CN=a"},
		{text: "CN=a+"},
		{text: "CN=a, O=b"},
		{text: "CN= a"},
		{text: "CN=a "},
		{text: "CN =a"},
		{text: "CN=a;O=b"},
		{text: `CN="a"`},
		{text: "CN=a<b"},
		{text: `CN=a\`},
		{text: `CN=a\x`},
		{text: `CN=a\4`},
		{text: `CN=\ff`},
		{text: "CN=#"},
		{text: "CN=#0c01"},
		{text: "CN=#0c016161"},
		{text: "CN=#xy"},
		{text: "CN=a\x00"},
		{text: "/O=Example/CN=Example CA"},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			got, ok := clientcert.ParseDN(tt.text)
			if got != tt.want || ok != (tt.want != "") {
				t.Errorf("ParseDN(%q) = %q, %v, want %q", tt.text, got, ok, tt.want)
			}
		})
	}
}

func TestCanonicalDN(t *testing.T) {
	der := func(value any) []byte {
		raw, err := asn1.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	cn := asn1.ObjectIdentifier{2, 5, 4, 3}
	name := func(value asn1.RawValue) []byte {
		return der(pkix.RDNSequence{{{Type: cn, Value: value}}})
	}
	tests := []struct {
		name string
		der  []byte
		want string // empty: it can't be read
	}{
		{name: "last comes first", der: der(pkix.Name{CommonName: "Example CA", Organization: []string{"Example"}}.ToRDNSequence()), want: "2.5.4.3=Example CA,2.5.4.10=Example"},
		{name: "printable", der: name(asn1.RawValue{Tag: asn1.TagPrintableString, Bytes: []byte("a")}), want: "2.5.4.3=a"},
		{name: "UTF-8", der: name(asn1.RawValue{Tag: asn1.TagUTF8String, Bytes: []byte("L\u00e4")}), want: "2.5.4.3=L\u00e4"},
		{name: "two bytes a character", der: name(asn1.RawValue{Tag: asn1.TagBMPString, Bytes: []byte("\x00L\x00\xe4")}), want: "2.5.4.3=L\u00e4"},
		{name: "special characters", der: name(asn1.RawValue{Tag: asn1.TagUTF8String, Bytes: []byte(`a,CN=b+c#\`)}), want: `2.5.4.3=a\,CN\=b\+c\#\\`},
		{name: "begins as DER does", der: name(asn1.RawValue{Tag: asn1.TagUTF8String, Bytes: []byte("#020105")}), want: `2.5.4.3=\#020105`},
		{name: "no text", der: name(asn1.RawValue{Tag: asn1.TagInteger, Bytes: []byte{5}}), want: "2.5.4.3=#020105"},
		{name: "no UTF-8", der: name(asn1.RawValue{Tag: asn1.TagUTF8String, Bytes: []byte{0xff}}), want: "2.5.4.3=#0c01ff"},
		{name: "two values", der: der(pkix.RDNSequence{{{Type: cn, Value: "a"}, {Type: asn1.ObjectIdentifier{2, 5, 4, 10}, Value: "b"}}}), want: "2.5.4.10=b+2.5.4.3=a"},
		{name: "bytes behind", der: append(name(asn1.RawValue{Tag: asn1.TagUTF8String, Bytes: []byte("a")}), 0)},
		{name: "nothing"},
		{name: "no name", der: []byte{2, 1, 5}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := clientcert.CanonicalDN(tt.der)
			if got != tt.want || ok != (tt.want != "") {
				t.Errorf("CanonicalDN = %q, %v, want %q", got, ok, tt.want)
			}
		})
	}
}
