package conformance

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
	"github.com/hookauthz/hookauthz/authz/check/httpsig"
	"github.com/hookauthz/hookauthz/authz/scheme/jose"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

// The keys of RFC 9421, appendix B.1, and what appendices B.2 and B.3 sign.
const (
	messageRSAPSS = `-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAr4tmm3r20Wd/PbqvP1s2
+QEtvpuRaV8Yq40gjUR8y2Rjxa6dpG2GXHbPfvMs8ct+Lh1GH45x28Rw3Ry53mm+
oAXjyQ86OnDkZ5N8lYbggD4O3w6M6pAvLkhk95AndTrifbIFPNU8PPMO7OyrFAHq
gDsznjPFmTOtCEcN2Z1FpWgchwuYLPL+Wokqltd11nqqzi+bJ9cvSKADYdUAAN5W
Utzdpiy6LbTgSxP7ociU4Tn0g5I6aDZJ7A8Lzo0KSyZYoA485mqcO0GVAdVw9lq4
aOT9v6d+nb4bnNkQVklLQ3fVAvJm+xdDOp9LCNCN48V2pnDOkFV6+U9nV5oyc6XI
2wIDAQAB
-----END PUBLIC KEY-----`
	messageP256 = `-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEqIVYZVLCrPZHGHjP17CTW0/+D9Lf
w0EkjqF7xB4FivAxzic30tMM4GF+hR6Dxh71Z50VGGdldkkDXZCnTNnoXQ==
-----END PUBLIC KEY-----`
	messageEd25519 = `-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAJrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs=
-----END PUBLIC KEY-----`
	messageShared = "uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBtbmHhIDi6pcl8jsasjlTMtDQ=="

	messageBody   = `{"hello": "world"}`
	messageDigest = "sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:"
	messageCert   = "MIIBqDCCAU6gAwIBAgIBBzAKBggqhkjOPQQDAjA6MRswGQYDVQQKDBJMZXQncyBBdXRoZW50aWNhdGUxGzAZBgNVBAMMEkxBIEludGVybWVkaWF0ZSBDQT" +
		"AeFw0yMDAxMTQyMjU1MzNaFw0yMTAxMjMyMjU1MzNaMA0xCzAJBgNVBAMMAkJDMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE8YnXXfaUgmnMtOXU/IncWalRhebrX" +
		"mckC8vdgJ1p5Be5F/3YC8OthxM4+k1M6aEAEFcGzkJiNy6J84y7uzo9M6NyMHAwCQYDVR0TBAIwADAfBgNVHSMEGDAWgBRm3WjLa38lbEYCuiCPct0ZaSED2DAOBgNV" +
		"HQ8BAf8EBAMCBsAwEwYDVR0lBAwwCgYIKwYBBQUHAwIwHQYDVR0RAQH/BBMwEYEPYmRjQGV4YW1wbGUuY29tMAoGCCqGSM49BAMCA0gAMEUCIBHda/r1vaL6G3VliL4" +
		"/Di6YK0Q6bMjeSkC3dFCOOB8TAiEAx/kHSB4urmiZ0NX5r5XarmPk0wmuydBVoU4hBVZ1yhk="
)

// A messageExample is a signature that an RFC or a draft shows.
type messageExample struct {
	name      string
	label     string
	input     string
	signature string
	algorithm string
	required  []string
	unsigned  bool
	host      string
	headers   []string // besides those of all
}

// messageExamples are those of requests. B.2.4 signs a response, which nobody
// verifies here: see TestMessageResponse.
var messageExamples = []messageExample{
	{
		name: "RFC 9421 B.2.1", label: "sig-b21", algorithm: "rsa-pss-sha512", unsigned: true,
		input: `();created=1618884473;keyid="test-key-rsa-pss";nonce="b3k2pp5k7z-50gnwp.yemd"`,
		signature: "d2pmTvmbncD3xQm8E9ZV2828BjQWGgiwAaw5bAkgibUopemLJcWDy/lkbbHAve4cRAtx31Iq786U7it++wgGxbtRxf8Udx7zFZsckzXaJMkA7ChG52eSkFxy" +
			"kJeNqsrWH5S+oxNFlD4dzVuwe8DhTSja8xxbR/Z2cOGdCbzR72rgFWhzx2VjBqJzsPLMIQKhO4DGezXehhWwE56YCE+O6c0mKZsfxVrogUvA4HELjVKWmAvtl6UnCh" +
			"8jYzuVG5WSb/QEVPnP5TmcAnLH1g+s++v6d4s8m0gCw1fV5/SITLq9mhho8K3+7EPYTU8IU1bLhdxO5Nyt8C8ssinQ98Xw9Q==",
	},
	{
		name: "RFC 9421 B.2.2", label: "sig-b22", algorithm: "rsa-pss-sha512", required: []string{"@authority", "content-digest"},
		input: `("@authority" "content-digest" "@query-param";name="Pet");created=1618884473;keyid="test-key-rsa-pss";tag="header-example"`,
		signature: "LjbtqUbfmvjj5C5kr1Ugj4PmLYvx9wVjZvD9GsTT4F7GrcQEdJzgI9qHxICagShLRiLMlAJjtq6N4CDfKtjvuJyE5qH7KT8UCMkSowOB4+ECxCmT8rtAmj/0" +
			"PIXxi0A0nxKyB09RNrCQibbUjsLS/2YyFYXEu4TRJQzRw1rLEuEfY17SARYhpTlaqwZVtR8NV7+4UKkjqpcAoFqWFQh62s7Cl+H2fjBSpqfZUJcsIk4N6wiKYd4je2" +
			"U/lankenQ99PZfB4jY3I5rSV2DSBVkSFsURIjYErOs0tFTQosMTAoxk//0RoKUqiYY8Bh0aaUEb0rQl3/XaVe4bXTugEjHSw==",
	},
	{
		name: "RFC 9421 B.2.3", label: "sig-b23", algorithm: "rsa-pss-sha512",
		required: []string{"date", "@method", "@path", "@query", "@authority", "content-type", "content-digest", "content-length"},
		input:    `("date" "@method" "@path" "@query" "@authority" "content-type" "content-digest" "content-length");created=1618884473;keyid="test-key-rsa-pss"`,
		signature: "bbN8oArOxYoyylQQUU6QYwrTuaxLwjAC9fbY2F6SVWvh0yBiMIRGOnMYwZ/5MR6fb0Kh1rIRASVxFkeGt683+qRpRRU5p2voTp768ZrCUb38K0fUxN0O0iC5" +
			"9DzYx8DFll5GmydPxSmme9v6ULbMFkl+V5B1TP/yPViV7KsLNmvKiLJH1pFkh/aYA2HXXZzNBXmIkoQoLd7YfW91kE9o/CCoC1xMy7JA1ipwvKvfrs65ldmlu9bpG6" +
			"A9BmzhuzF8Eim5f8ui9eH8LZH896+QIF61ka39VBrohr9iyMUJpvRX2Zbhl5ZJzSRxpJyoEZAFL2FUo5fTIztsDZKEgM4cUA==",
	},
	{
		name: "RFC 9421 B.2.5", label: "sig-b25", algorithm: "hmac-sha256", required: []string{"date", "@authority", "content-type"}, unsigned: true,
		input:     `("date" "@authority" "content-type");created=1618884473;keyid="test-shared-secret"`,
		signature: "pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8=",
	},
	{
		name: "RFC 9421 B.2.6", label: "sig-b26", algorithm: "ed25519", unsigned: true,
		required:  []string{"date", "@method", "@path", "@authority", "content-type", "content-length"},
		input:     `("date" "@method" "@path" "@authority" "content-type" "content-length");created=1618884473;keyid="test-key-ed25519"`,
		signature: "wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==",
	},
	{
		name: "RFC 9421 B.3", label: "ttrp", algorithm: "ecdsa-p256-sha256", unsigned: true, host: "service.internal.example",
		required:  []string{"@path", "@query", "@method", "@authority", "client-cert"},
		input:     `("@path" "@query" "@method" "@authority" "client-cert");created=1618884473;keyid="test-key-ecc-p256"`,
		signature: "xVMHVpawaAC/0SbHrKRs9i8I3eOs5RtTMGCWXm/9nvZzoHsIg6Mce9315T6xoklyy0yzhD9ah4JHRwMLOgmizw==",
		headers:   []string{"client-cert", ":" + messageCert + ":"},
	},
}

// request is the test-request of RFC 9421, appendix B.2, with the signature.
func (x *messageExample) request() *authz.Request {
	r := authztest.Request("POST", "/foo?param=Value&Pet=dog", messageBody, append(x.headers,
		"date", "Tue, 20 Apr 2021 02:07:55 GMT", "content-type", "application/json", "content-digest", messageDigest,
		"signature-input", x.label+"="+x.input, "signature", x.label+"=:"+x.signature+":")...)
	r.Received = time.Unix(1618884475, 0)
	return r
}

func (x *messageExample) settings() *policypb.HttpSignature {
	s := &policypb.HttpSignature{Components: x.required, Algorithms: []string{x.algorithm}, PublicUrl: "https://example.com"}
	if x.host != "" {
		s.PublicUrl = "https://" + x.host
	}
	if x.required == nil {
		// B.2.1 covers nothing. A policy must name something, and so refuses it.
		s.Components = []string{"@method"}
	}
	if x.unsigned {
		s.UnsignedBody = "accepted"
	}
	if x.algorithm == "hmac-sha256" {
		s.Secrets, s.Key = []string{"test-shared-secret"}, &policypb.Key{Decode: "base64"}
		return s
	}
	s.Keys = []string{"keys"}
	return s
}

// messageCheck builds a check with the keys of both documents.
func messageCheck(t *testing.T, s *policypb.HttpSignature) authz.Check {
	t.Helper()
	e := authztest.Env(map[string]authz.Secrets{"test-shared-secret": authztest.Values(messageShared)})
	set := &authztest.KeySet{}
	for id, text := range map[string]string{"test-key-rsa-pss": messageRSAPSS, "test-key-ecc-p256": messageP256, "test-key-ed25519": messageEd25519} {
		keys, err := jose.ParsePEM([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		keys[0].ID = id
		set.Accepted = append(set.Accepted, keys...)
	}
	e.Keys = func(name string) (authz.KeyReference, bool) { return authz.KeyReference{Name: name, Set: set}, true }
	part, problems := httpsig.Kind().Build(proto.Clone(s), e)
	if part.Check == nil {
		t.Fatalf("Build: %v", problems)
	}
	return part.Check
}

func TestMessageExamples(t *testing.T) {
	for _, x := range messageExamples {
		t.Run(x.name, func(t *testing.T) {
			check := messageCheck(t, x.settings())
			want := authz.ReasonVerified
			if x.required == nil {
				want = authz.ReasonCredentialMalformed
			}
			_, err := check.Verify(t.Context(), x.request())
			authztest.WantReason(t, err, want)

			r := x.request()
			r.Received = r.Received.Add(time.Hour)
			_, err = check.Verify(t.Context(), r)
			if want == authz.ReasonVerified {
				authztest.WantReason(t, err, authz.ReasonTimestampStale)
			}
		})
	}
}

// B.2.1 is a good signature of nothing but its own parameters. Nothing that a policy
// can say takes it, so what is shown is that it fails for no other cause.
func TestMessageMinimal(t *testing.T) {
	x := messageExamples[0]
	raw, err := base64.StdEncoding.DecodeString(x.signature)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := jose.ParsePEM([]byte(messageRSAPSS))
	if err != nil {
		t.Fatal(err)
	}
	if err := jose.PS512.Verify(keys[0].Key, []byte(`"@signature-params": `+x.input), raw); err != nil {
		t.Errorf("B.2.1: %v", err)
	}
}

// Each covered part that changes is noticed, and none of the others.
func TestMessageChanges(t *testing.T) {
	changes := map[string]func(r *authz.Request){
		`"@method"`: func(r *authz.Request) { r.Method = "PUT" },
		`"@path"`:   func(r *authz.Request) { r.Path = strings.Replace(r.Path, "/foo", "/bar", 1) },
		`"@query"`:  func(r *authz.Request) { r.Path += "&x" },
		`"Pet"`:     func(r *authz.Request) { r.Path = strings.Replace(r.Path, "dog", "cat", 1) },
	}
	for _, name := range []string{"date", "content-type", "content-digest", "client-cert"} {
		changes[`"`+name+`"`] = func(r *authz.Request) {
			for i := range r.Header.Fields {
				if r.Header.Fields[i].Name == name {
					r.Header.Fields[i].Value = "x" + r.Header.Fields[i].Value
				}
			}
		}
	}
	for _, x := range messageExamples[1:] {
		check := messageCheck(t, x.settings())
		for name, change := range changes {
			r := x.request()
			change(r)
			covered := strings.Contains(x.input, name) || name == `"Pet"` && strings.Contains(x.input, `"@query"`)
			if _, err := check.Verify(t.Context(), r); (err != nil) != covered {
				t.Errorf("%s, another %s: error = %v", x.name, name, err)
			}
		}
	}
}

// B.2.4 covers the status, which requests don't have.
func TestMessageResponse(t *testing.T) {
	x := messageExample{
		label: "sig-b24", algorithm: "ecdsa-p256-sha256", required: []string{"content-type", "content-digest", "content-length"},
		input:     `("@status" "content-type" "content-digest" "content-length");created=1618884473;keyid="test-key-ecc-p256"`,
		signature: "wNmSUAhwb5LxtOtOpNa6W5xj067m5hFrj0XQ4fvpaCLx0NKocgPquLgyahnzDnDAUy5eCdlYUEkLIj+32oiasw==",
	}
	_, err := messageCheck(t, x.settings()).Verify(t.Context(), x.request())
	authztest.WantReason(t, err, authz.ReasonCredentialMalformed)
}

// draftKey is that of draft-cavage-http-signatures-12, appendix C. It has 1024 bits,
// so no key set would take it.
const draftKey = `-----BEGIN PUBLIC KEY-----
MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDCFENGw33yGihy92pDjZQhl0C3
6rPJj+CvfSC8+q28hxA161QFNUd13wuCTUcq0Qd2qsBe/2hFyc2DCJJg0h1L78+6
Z4UMR7EOcpfdUE9Hf3m/hs+FUR45uBJeDK1HSFHD8bHKD6kv8FPGfJTotc+2xjJw
oYi+1hqp1fIekaxsyQIDAQAB
-----END PUBLIC KEY-----`

func TestDraftExamples(t *testing.T) {
	const (
		basic = `keyId="Test",algorithm="rsa-sha256",headers="(request-target) host date",` +
			`signature="qdx+H7PHHDZgy4y/Ahn9Tny9V3GP6YgBPyUXMmoxWtLbHpUnXS2mg2+SbrQDMCJypxBLSPQR2aAjn7ndmw2iicw3HMbe8VfEdKFYRqzic+efkb3nndiv/x1xSHDJ` +
			`WeSWkx3ButlYSuBskLu6kd9Fswtemr3lgdDEmn04swr2Os0="`
		all = `keyId="Test",algorithm="rsa-sha256",headers="(request-target) host date content-type digest content-length",` +
			`signature="vSdrb+dS3EceC9bcwHSo4MlyKS59iFIrhgYkz8+oVLEEzmYZZvRs8rgOp+63LEM3v+MFHB32NfpB2bEKBIvB1q52LaEUHFv120V01IL+TAD48XaERZFukWgHoBTL` +
			`MhYS2Gb51gWxpeIq8knRmPnYePbF5MOkR0Zkly4zKH7s1dE="`
	)
	tests := []struct {
		name       string
		components []string
		unsigned   string
		value      string
	}{
		{
			name: "C.1", components: []string{"date"}, unsigned: "accepted",
			value: `keyId="Test",algorithm="rsa-sha256",signature="SjWJWbWN7i0wzBvtPl8rbASWz5xQW6mcJmn+ibttBqtifLN7Sazz6m79cNfwwb8DMJ5cou1s7uEGKKCs+` +
				`FLEEaDV5lp7q25WqS+lavg7T8hc0GppauB6hbgEKTwblDHYGEtbGmtdHgVCk9SuS13F0hZ8FD0k/5OxEPXe5WozsbM="`,
		},
		{name: "C.2", components: []string{"(request-target)", "host", "date"}, unsigned: "accepted", value: basic},
		{name: "C.3", components: []string{"(request-target)", "host", "date", "content-type", "digest", "content-length"}, value: all},
	}
	for _, tt := range tests {
		for _, header := range []string{"signature", "authorization"} {
			t.Run(tt.name+" "+header, func(t *testing.T) {
				e := authztest.Env(nil)
				set := &authztest.KeySet{Accepted: []authz.PublicKey{{ID: "Test", Key: weakKey(t)}}}
				e.Keys = func(name string) (authz.KeyReference, bool) { return authz.KeyReference{Name: name, Set: set}, true }
				part, problems := httpsig.Kind().Build(&policypb.HttpSignature{
					Version: "cavage", Header: header, Components: tt.components, Algorithms: []string{"rsa-v1_5-sha256"},
					Keys: []string{"keys"}, UnsignedBody: tt.unsigned,
				}, e)
				if part.Check == nil {
					t.Fatalf("Build: %v", problems)
				}
				value := tt.value
				if header == "authorization" {
					value = "Signature " + value
				}
				request := func() *authz.Request {
					r := authztest.Request("POST", "/foo?param=value&pet=dog", messageBody, "date", "Sun, 05 Jan 2014 21:31:40 GMT",
						"content-type", "application/json", "digest", "SHA-256=X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=", header, value)
					r.Host, r.Received = "example.com", time.Date(2014, time.January, 5, 21, 31, 42, 0, time.UTC)
					return r
				}
				_, err := part.Check.Verify(t.Context(), request())
				authztest.WantReason(t, err, authz.ReasonVerified)
				r := request()
				r.Header.Fields[0].Value = "Sun, 05 Jan 2014 21:31:41 GMT"
				_, err = part.Check.Verify(t.Context(), r)
				authztest.WantReason(t, err, authz.ReasonSignatureMismatch)
			})
		}
	}
}

// weakKey reads draftKey, which the readers of keys refuse.
func weakKey(t *testing.T) *rsa.PublicKey {
	t.Helper()
	block, _ := pem.Decode([]byte(draftKey))
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := jose.ParsePEM([]byte(draftKey)); err == nil {
		t.Error("a key of 1024 bits was taken")
	}
	public, ok := key.(*rsa.PublicKey)
	if !ok {
		t.Fatalf("a key of type %T, want RSA", key)
	}
	return public
}
