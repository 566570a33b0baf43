package clientcert_test

import (
	"strings"
	"testing"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

func TestConnection(t *testing.T) {
	ca := authority(t, nil, "Root")
	client := leaf(t, ca)
	text := encode(client)
	lines := strings.Split(text, "%0A")
	tests := []struct {
		name string
		text string
		want authz.Reason
	}{
		{name: "as Envoy writes it", text: text, want: authz.ReasonVerified},
		{name: "no line end behind it", text: strings.TrimSuffix(text, "%0A"), want: authz.ReasonVerified},
		{name: "hex in lower case", text: strings.NewReplacer("%0A", "%0a", "%2B", "%2b", "%2F", "%2f", "%3D", "%3d").Replace(text), want: authz.ReasonVerified},
		{name: "plus not encoded", text: strings.NewReplacer("%2B", "+", "%2F", "/", "%3D", "=").Replace(text), want: authz.ReasonVerified},
		{name: "more encoded than need be", text: strings.ReplaceAll(text, "-", "%2D"), want: authz.ReasonVerified},
		{name: "none", want: authz.ReasonCredentialMissing},
		{name: "plus for a blank", text: strings.ReplaceAll(text, "%20", "+")},
		{name: "blank not encoded", text: strings.ReplaceAll(text, "%20", " ")},
		{name: "line ends not encoded", text: strings.ReplaceAll(text, "%0A", "\n")},
		{name: "line ends of two bytes", text: strings.ReplaceAll(text, "%0A", "%0D%0A")},
		{name: "a return alone", text: strings.Replace(text, "%0A", "%0A%0D", 2)},
		{name: "encoded twice", text: strings.ReplaceAll(text, "%", "%25")},
		{name: "cut encoding", text: text + "%"},
		{name: "cut encoding, one digit", text: text + "%0"},
		{name: "no hex", text: strings.ReplaceAll(text, "%0A", "%0G")},
		{name: "two line ends behind it", text: text + "%0A"},
		{name: "blank behind it", text: text + "%20"},
		{name: "text before it", text: "x" + text},
		{name: "line end before it", text: "%0A" + text},
		{name: "text behind it", text: text + "x"},
		{name: "twice", text: text + text},
		{name: "another behind it", text: text + encode(leaf(t, ca))},
		{name: "of another type", text: strings.ReplaceAll(text, "CERTIFICATE", "X509%20CERTIFICATE")},
		{name: "a key", text: strings.ReplaceAll(text, "CERTIFICATE", "PRIVATE%20KEY")},
		{name: "with headers", text: strings.Replace(text, "%0A", "%0AProc-Type:%204%0A%0A", 1)},
		{name: "no end", text: strings.Join(lines[:len(lines)-2], "%0A")},
		{name: "only the frame", text: lines[0] + "%0A" + lines[len(lines)-2] + "%0A"},
		{name: "empty line", text: strings.Replace(text, lines[1], lines[1]+"%0A", 1)},
		{name: "short line", text: strings.Replace(text, lines[1], lines[1][:4]+"%0A"+lines[1][4:], 1)},
		{name: "NUL", text: strings.Replace(text, lines[1], "%00"+lines[1], 1)},
		{name: "DER alone", text: lines[1]},
		{name: "no certificate inside", text: "-----BEGIN%20CERTIFICATE-----%0AAAAA%0A-----END%20CERTIFICATE-----%0A"},
		{name: "stray bits", text: "-----BEGIN%20CERTIFICATE-----%0AAAB=%0A-----END%20CERTIFICATE-----%0A"},
		{name: "bytes behind the DER", text: encode(&node{cert: withTail(client)})},
		{name: "not ASCII", text: strings.Replace(text, "BEGIN", "BEG\u0130N", 1)},
		{name: "longest", text: text + strings.Repeat("x", 64<<10-len(text))},
		{name: "too long", text: strings.Repeat("%0A", 64<<10/3+1)},
		{name: "the header's element", text: forwarded(client)},
	}
	check := newCheck(t, anyone(), trusting(ca))
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.want == 0 {
				tt.want = authz.ReasonCredentialMalformed
			}
			r := authztest.Request("POST", "/h", "body", "x-forwarded-client-cert", forwarded(client))
			r.Certificate = tt.text
			_, err := check.Verify(t.Context(), r)
			authztest.WantReason(t, err, tt.want)
		})
	}
}

func TestHeader(t *testing.T) {
	const malformed = authz.ReasonCredentialMalformed
	ca := authority(t, nil, "Root")
	middle := authority(t, ca, "Middle")
	client, other, deep := leaf(t, ca), leaf(t, ca), leaf(t, middle)
	hash, cert := "Hash="+fingerprint(client), `Cert="`+encode(client)+`"`
	otherHash, otherCert := "Hash="+fingerprint(other), `Cert="`+encode(other)+`"`
	right := hash + ";" + cert
	chain := func(nodes ...*node) string { return `Chain="` + encode(nodes...) + `"` }
	tests := []struct {
		name       string
		lines      []string
		connection string
		merged     bool
		unstated   bool
		want       authz.Reason
		says       string // in the detail
	}{
		{name: "least", lines: []string{right}},
		{name: "all that Envoy writes", lines: []string{forwarded(client)}},
		{name: "in another order", lines: []string{cert + ";" + hash}},
		{name: "not quoted", lines: []string{hash + ";Cert=" + encode(client)}},
		{name: "chain alone", lines: []string{hash + ";" + chain(client)}},
		{name: "chain of two", lines: []string{"Hash=" + fingerprint(deep) + ";" + chain(deep, middle)}},
		{name: "chain of two and certificate", lines: []string{forwarded(deep, middle)}},
		{name: "repeated names", lines: []string{"By=a;By=b;" + right + ";URI=a;URI=b;DNS=a;DNS=b"}},
		{name: "empty names", lines: []string{`By=;` + right + `;Subject="";URI=`}},
		{name: "names with the header's syntax, quoted", lines: []string{right + `;Subject="CN=a\",b;c\\";URI="x,y;Cert=z"`}},
		{name: "an equals sign in a name", lines: []string{right + ";URI=https://example.org/?a=b"}},
		{name: "merged", lines: []string{right}, merged: true},
		{name: "connection agrees", lines: []string{right}, connection: encode(client)},

		{name: "not stated", lines: []string{right}, unstated: true, want: authz.ReasonGatewayNotAttested},
		{name: "not stated, no header", unstated: true, want: authz.ReasonGatewayNotAttested},
		{name: "none", want: authz.ReasonCredentialMissing},
		{name: "empty", lines: []string{""}, want: authz.ReasonCredentialMissing},
		{name: "none, but a connection", connection: encode(client), want: authz.ReasonCredentialMissing},
		{name: "twice", lines: []string{right, right}, want: authz.ReasonDuplicateHeader},
		{name: "connection differs", lines: []string{right}, connection: encode(other), want: malformed, says: "connection"},
		{name: "connection can't be read", lines: []string{right}, connection: "x", want: malformed, says: "connection"},
		{name: "connection with two", lines: []string{right}, connection: encode(client, client), want: malformed, says: "connection"},

		{name: "two elements", lines: []string{right + "," + otherHash + ";" + otherCert}, want: malformed, says: "more than one element"},
		{name: "two elements, the first another", lines: []string{otherHash + ";" + otherCert + "," + right}, want: malformed, says: "more than one element"},
		{name: "two elements, with a blank", lines: []string{right + ", " + right}, want: malformed, says: "more than one element"},
		{name: "two elements, the second empty", lines: []string{right + ","}, want: malformed},
		{name: "two elements, the first empty", lines: []string{"," + right}, want: malformed},
		{name: "two lines, merged", lines: []string{right + "," + right}, merged: true, want: malformed},
		{name: "a comma in a name", lines: []string{right + ";URI=https://example.org/a,b"}, want: malformed, says: "more than one element"},

		{name: "a name that adds a certificate", lines: []string{right + ";URI=x;" + otherCert}, want: malformed, says: "twice"},
		{name: "a name that adds a hash", lines: []string{right + ";URI=x;" + otherHash}, want: malformed, says: "twice"},
		{name: "a name that adds all", lines: []string{hash + ";URI=x;" + otherCert}, want: malformed, says: "Hash is not"},
		{name: "a name that adds a chain", lines: []string{right + ";URI=x;" + chain(other)}, want: malformed, says: "not the first"},
		{name: "chain of another", lines: []string{right + ";" + chain(other, client)}, want: malformed, says: "not the first"},
		{name: "hash of another", lines: []string{otherHash + ";" + cert}, want: malformed, says: "Hash is not"},
		{name: "hash in upper case", lines: []string{strings.ToUpper(hash[5:]) + ";" + cert}, want: malformed},
		{name: "hash cut", lines: []string{hash[:60] + ";" + cert}, want: malformed, says: "Hash is not"},
		{name: "hash empty", lines: []string{"Hash=;" + cert}, want: malformed, says: "Hash is not"},
		{name: "no hash", lines: []string{cert}, want: malformed, says: "no Hash"},
		{name: "hash alone", lines: []string{hash}, want: malformed, says: "cert: true"},
		{name: "hash and names alone", lines: []string{hash + `;Subject="CN=a";URI=spiffe://example.org/a;DNS=client.example.org`}, want: malformed, says: "cert: true"},
		{name: "names alone", lines: []string{`Subject="CN=a";URI=spiffe://example.org/a`}, want: malformed},
		{name: "certificate empty", lines: []string{hash + `;Cert=""`}, want: malformed, says: "Cert is not"},
		{name: "chain empty", lines: []string{right + `;Chain=""`}, want: malformed, says: "Chain is not"},
		{name: "two certificates", lines: []string{hash + `;Cert="` + encode(client, other) + `"`}, want: malformed, says: "Cert is not"},
		{name: "chain can't be read", lines: []string{right + `;Chain="x"`}, want: malformed, says: "Chain is not"},

		{name: "unknown key", lines: []string{right + ";Issuer=x"}, want: malformed},
		{name: "key in other case", lines: []string{"hash" + right[4:]}, want: malformed},
		{name: "key with a blank", lines: []string{hash + "; " + cert}, want: malformed},
		{name: "no key", lines: []string{right + ";=x"}, want: malformed},
		{name: "no value", lines: []string{right + ";DNS"}, want: malformed},
		{name: "empty pair", lines: []string{right + ";"}, want: malformed},
		{name: "empty pair in the middle", lines: []string{hash + ";;" + cert}, want: malformed},
		{name: "subject twice", lines: []string{right + `;Subject="a";Subject="b"`}, want: malformed, says: "twice"},
		{name: "no closing quote", lines: []string{strings.TrimSuffix(right, `"`)}, want: malformed, says: "quoted"},
		{name: "no opening quote", lines: []string{strings.Replace(right, `"`, "", 1)}, want: malformed, says: "quoted"},
		{name: "escaped closing quote", lines: []string{strings.TrimSuffix(right, `"`) + `\"`}, want: malformed, says: "quoted"},
		{name: "quote inside", lines: []string{right + `;URI=a"b`}, want: malformed, says: "quoted"},
		{name: "text behind the quotes", lines: []string{right + "x"}, want: malformed, says: "quoted"},
		{name: "blank behind", lines: []string{right + " "}, want: malformed, says: "quoted"},
		{name: "blank in a bare value", lines: []string{right + ";URI=a b"}, want: malformed, says: "quoted"},
		{name: "control character in quotes", lines: []string{right + ";Subject=\"a\x01\""}, want: malformed, says: "quoted"},
		{name: "not ASCII", lines: []string{right + ";DNS=\u00e4"}, want: malformed, says: "quoted"},
		{name: "too many keys", lines: []string{right + strings.Repeat(";DNS=a", 127)}, want: malformed, says: "many"},
		{name: "as many keys as may be", lines: []string{right + strings.Repeat(";DNS=a", 126)}},
		{name: "too long", lines: []string{right + ";DNS=" + strings.Repeat("a", 64<<10)}, want: malformed, says: "64 KiB"},
		{name: "the certificate alone", lines: []string{encode(client)}, want: malformed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.want == 0 {
				tt.want = authz.ReasonVerified
			}
			r := authztest.Request("POST", "/h", "body")
			for _, line := range tt.lines {
				authztest.AddHeader(r, "X-Forwarded-Client-Cert", line)
			}
			r.Certificate, r.Header.Merged, r.Gateway.XFCCSanitized = tt.connection, tt.merged, !tt.unstated
			check := newCheck(t, &policypb.ClientCertificate{AnyName: "accepted", Source: "xfcc"}, trusting(ca))
			for range 2 {
				_, err := check.Verify(t.Context(), r)
				authztest.WantReason(t, err, tt.want)
				if err != nil && !strings.Contains(err.Error(), tt.says) {
					t.Errorf("error = %v, want it to say %q", err, tt.says)
				}
			}
		})
	}
}

// What is remembered of a header does not make up for the connection.
func TestRemembersBoth(t *testing.T) {
	ca := authority(t, nil, "Root")
	client, other := leaf(t, ca), leaf(t, ca)
	check := newCheck(t, &policypb.ClientCertificate{AnyName: "accepted", Source: "xfcc"}, trusting(ca))
	for range 2 {
		for connection, want := range map[string]authz.Reason{
			"": authz.ReasonVerified, encode(client): authz.ReasonVerified, encode(other): authz.ReasonCredentialMalformed,
			forwarded(client): authz.ReasonCredentialMalformed,
		} {
			r := proxied(forwarded(client))
			r.Certificate = connection
			_, err := check.Verify(t.Context(), r)
			authztest.WantReason(t, err, want)
		}
	}
}
