package httpsig_test

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

const date = "Fri, 02 Jan 2026 03:04:05 GMT" // authztest.Received

// draft are settings of the draft.
func draft(edits ...func(*policypb.HttpSignature)) *policypb.HttpSignature {
	s := settings(func(s *policypb.HttpSignature) {
		s.Version, s.Components = "cavage", []string{"(request-target)", "digest"}
	})
	for _, edit := range edits {
		edit(s)
	}
	return s
}

func inAuthorization(s *policypb.HttpSignature) { s.Header = "authorization" }

// old returns a request with a signature of the draft; params stand before it.
func old(params string, raw []byte) *authz.Request {
	return authztest.Request("POST", "/h?a=1&b=x+y", body, "date", date, "digest", oldDigest(body),
		"signature", params+`,signature="`+base64.StdEncoding.EncodeToString(raw)+`"`)
}

// oldLines are what the parameters oldParams cover.
func oldLines() []string {
	return []string{"(request-target): post /h?a=1&b=x+y", "(created): " + created, "digest: " + oldDigest(body)}
}

const oldParams = `keyId="k1",algorithm="hs2019",created=` + created + `,headers="(request-target) (created) digest"`

func oldSigned(params string, lines ...string) *authz.Request {
	return old(params, signatureOver(lines...))
}

func signatureOver(lines ...string) []byte {
	return ed25519Sign(strings.Join(lines, "\n"))
}

func oldRight() *authz.Request { return oldSigned(oldParams, oldLines()...) }

func TestDraft(t *testing.T) {
	const dated = `keyId="k1",headers="(request-target) date digest"`
	byDate := []string{"(request-target): post /h?a=1&b=x+y", "date: " + date, "digest: " + oldDigest(body)}
	value, _ := oldRight().Header.Line("signature")
	with := func(value string) *authz.Request { return replaced(oldRight(), "signature", value) }
	onlyDate := []func(*policypb.HttpSignature){components("date"), unsigned}
	tests := []struct {
		name    string
		edits   []func(*policypb.HttpSignature)
		request *authz.Request
		want    authz.Reason
	}{
		{name: "right", request: oldRight(), want: verified},
		{name: "blank behind commas", request: with(strings.ReplaceAll(value, `",`, `", `)), want: verified},
		{name: "more blanks", request: with(strings.ReplaceAll(value, `",`, `",  `)), want: badForm},
		{name: "blank before commas", request: with(strings.ReplaceAll(value, `",`, `" ,`)), want: badForm},
		{name: "created in quotes", request: with(strings.Replace(value, created, `"`+created+`"`, 1)), want: verified},
		{name: "unknown parameter", request: with(value + `,opaque="x"`), want: verified},
		{name: "parameter in another case", request: with(value + `,KeyID="x"`), want: badForm},
		{name: "parameter alone in another case", request: with(strings.Replace(value, "keyId", "keyid", 1)), want: badForm},
		{name: "parameter twice", request: with(value + `,keyId="k1"`), want: badForm},
		{name: "signature twice", request: with(value + "," + value), want: badForm},
		{name: "no signature", request: with(oldParams), want: badForm},
		{name: "no key id", request: with(strings.Replace(value, `keyId="k1",`, "", 1)), want: badForm},
		{name: "escape", request: with(strings.Replace(value, `"k1"`, `"k\1"`, 1)), want: badForm},
		{name: "no quote at the end", request: with(strings.TrimSuffix(value, `"`)), want: badForm},
		{name: "comma at the end", request: with(value + ","), want: badForm},
		{name: "comma at the start", request: with("," + value), want: badForm},
		{name: "no parameters", request: with("AAAA"), want: badForm},
		{name: "33 parameters", request: with(value + strings.Repeat(",x=1", 1) + manyParameters(28)), want: badForm},
		{name: "not base64", request: with(oldParams + `,signature="*"`), want: badForm},
		{name: "header twice", request: change(oldRight(), func(r *authz.Request) { authztest.AddHeader(r, "signature", value) }), want: authz.ReasonDuplicateHeader},
		{name: "nothing", request: without(oldRight(), "signature"), want: authz.ReasonCredentialMissing},
		{name: "RFC 9421", request: right(), want: authz.ReasonCredentialMissing},

		{name: "uncovered", request: oldSigned(`keyId="k1",created=`+created+`,headers="(created) digest"`, oldLines()[1:]...), want: badForm},
		{name: "header covered twice", request: oldSigned(`keyId="k1",created=`+created+`,headers="(request-target) (created) digest digest"`, oldLines()...), want: badForm},
		{name: "headers in capitals", request: with(strings.Replace(value, " digest", " Digest", 1)), want: badForm},
		{name: "two blanks between headers", request: with(strings.Replace(value, " digest", "  digest", 1)), want: badForm},
		{name: "no headers in headers", request: with(strings.Replace(value, "(request-target) (created) digest", "", 1)), want: badForm},
		{name: "unknown special header", request: with(strings.Replace(value, "(created)", "(method)", 1)), want: badForm},
		{name: "derived component of RFC 9421", request: with(strings.Replace(value, "(created)", "@method", 1)), want: badForm},
		{name: "covered header missing", request: with(strings.Replace(value, " digest", " digest x-gone", 1)), want: partGone},
		{name: "another path", request: change(oldRight(), func(r *authz.Request) { r.Path = "/h?a=2" }), want: mismatch},
		{name: "another method", request: change(oldRight(), func(r *authz.Request) { r.Method = "PUT" }), want: mismatch},
		{name: "the method in another case", request: change(oldRight(), func(r *authz.Request) { r.Method = "Post" }), want: badForm},
		{name: "another body", request: change(oldRight(), func(r *authz.Request) { r.Body.Raw = []byte(`{"id":2}`) }), want: mismatch},
		{
			name: "public_url", edits: []func(*policypb.HttpSignature){func(s *policypb.HttpSignature) { s.PublicUrl = "https://h/in" }}, want: verified,
			request: oldSigned(oldParams, strings.Replace(oldLines()[0], "/h", "/in/h", 1), oldLines()[1], oldLines()[2]),
		},

		{name: "unknown key", request: with(strings.Replace(value, "k1", "k2", 1)), want: authz.ReasonKidUnknown},
		{name: "algorithm of another key", request: with(strings.Replace(value, "hs2019", "rsa-sha256", 1)), want: authz.ReasonAlgNotAllowed},
		{name: "algorithm of the key", request: with(strings.Replace(value, "hs2019", "ed25519", 1)), want: verified},
		{name: "weak algorithm", request: with(strings.Replace(value, "hs2019", "rsa-sha1", 1)), want: authz.ReasonAlgNotAllowed},
		{name: "no algorithm", request: with(strings.Replace(value, `algorithm="hs2019",`, "", 1)), want: verified},

		{name: "too old", request: later(oldRight(), 301*time.Second), want: authz.ReasonTimestampStale},
		{name: "in the future", request: later(oldRight(), -301*time.Second), want: authz.ReasonTimestampFuture},
		{name: "created is not signed", request: with(strings.Replace(value, created, "1767323046", 1)), want: mismatch},
		{name: "created missing", request: with(strings.Replace(value, "created="+created+",", "", 1)), want: badForm},
		{name: "created not in seconds", request: with(strings.Replace(value, created, created+"000", 1)), want: badForm},
		{name: "expired", request: oldSigned(oldParams+",expires="+created, oldLines()...), want: authz.ReasonTimestampStale},
		{name: "not expired, covered", want: verified, request: oldSigned(strings.Replace(oldParams, " digest", " digest (expires)", 1)+",expires=1767323046",
			append(oldLines(), "(expires): 1767323046")...)},
		{name: "expires covered and not there", request: with(strings.Replace(value, " digest", " digest (expires)", 1)), want: badForm},
		{name: "expires with a fraction", request: with(value + ",expires=1767323046.5"), want: badForm},

		{name: "by date", request: oldSigned(dated, byDate...), want: verified},
		{name: "by date, too old", request: later(oldSigned(dated, byDate...), 301*time.Second), want: authz.ReasonTimestampStale},
		{name: "by date, and a created that is not signed", request: later(oldSigned(dated+",created=1767323345", byDate...), 301*time.Second), want: authz.ReasonTimestampStale},
		{name: "by date, none there", request: without(oldSigned(dated, byDate...), "date"), want: partGone},
		{name: "by date, spelt otherwise", request: replaced(oldSigned(dated, byDate...), "date", "Fri, 2 Jan 2026 03:04:05 GMT"), want: badForm},
		{name: "by date, twice", request: change(oldSigned(dated, byDate...), func(r *authz.Request) { authztest.AddHeader(r, "date", date) }), want: authz.ReasonDuplicateHeader},
		{name: "undated", request: oldSigned(`keyId="k1",headers="(request-target) digest"`, byDate[0], byDate[2]), want: partGone},

		{name: "no headers: date", edits: onlyDate, request: oldSigned(`keyId="k1",algorithm="ed25519"`, byDate[1]), want: verified},
		{name: "no headers, created, hs2019: created", edits: []func(*policypb.HttpSignature){components("(created)"), unsigned}, request: oldSigned(`keyId="k1",algorithm="hs2019",created=`+created, oldLines()[1]), want: verified},
		{name: "no headers, created, older algorithm: date", edits: onlyDate, request: oldSigned(`keyId="k1",algorithm="ed25519",created=`+created, byDate[1]), want: verified},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := verify(t, draft(tt.edits...), tt.request)
			authztest.WantReason(t, err, tt.want)
		})
	}
}

func manyParameters(count int) string {
	var text strings.Builder
	for i := range count {
		text.WriteString(",y" + strings.Repeat("z", i) + "=1")
	}
	return text.String()
}

func TestDraftAuthorization(t *testing.T) {
	value, _ := oldRight().Header.Line("signature")
	request := func(value string) *authz.Request {
		r := without(oldRight(), "signature")
		authztest.AddHeader(r, "authorization", value)
		return r
	}
	tests := []struct {
		name    string
		request *authz.Request
		want    authz.Reason
	}{
		{name: "right", request: request("Signature " + value), want: verified},
		{name: "case of the scheme", request: request("signature " + value), want: verified},
		{name: "another scheme", request: request("Basic YTpi"), want: authz.ReasonCredentialMissing},
		{name: "hmac of some gateways", request: request(`hmac username="a",algorithm="hmac-sha256",headers="date",signature="AA=="`), want: authz.ReasonCredentialMissing},
		{name: "scheme alone", request: request("Signature"), want: badForm},
		{name: "two blanks", request: request("Signature  " + value), want: badForm},
		{name: "in the other header", request: oldRight(), want: authz.ReasonCredentialMissing},
		{name: "beside RFC 9421", request: change(request("Signature "+value), func(r *authz.Request) { authztest.AddHeader(r, "signature-input", "x=()") }), want: verified},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := verify(t, draft(inAuthorization), tt.request)
			authztest.WantReason(t, err, tt.want)
		})
	}
}

func TestDraftAlgorithms(t *testing.T) {
	for _, tt := range []struct{ algorithm, stated, id string }{
		{"ecdsa-p256-sha256", "ecdsa-sha256", "ec"},
		{"ecdsa-der", "ecdsa-sha256", "ec"},
		{"ecdsa-der", "hs2019", "ec"},
		{"rsa-v1_5-sha256", "rsa-sha256", "rsa"},
		{"rsa-v1_5-sha256", "hs2019", "rsa"},
		{"rsa-pss-sha512", "hs2019", "rsa"},
	} {
		key := map[string]any{"ec": p256(), "rsa": rsaKey()}[tt.id]
		params := `keyId="` + tt.id + `",algorithm="` + tt.stated + `",created=` + created + `,headers="(request-target) (created) digest"`
		_, err := verify(t, draft(), old(params, signature(t, key, tt.algorithm, strings.Join(oldLines(), "\n"))))
		if err != nil {
			t.Errorf("%s as %s: %v", tt.algorithm, tt.stated, err)
		}
	}
	params := `keyId="acme",algorithm="hmac-sha256",created=` + created + `,headers="(request-target) (created) digest"`
	_, err := verify(t, draft(shared), old(params, signature(t, secret(sharedKey), "hmac-sha256", strings.Join(oldLines(), "\n"))))
	authztest.WantReason(t, err, verified)
}

func TestDigest(t *testing.T) {
	tests := []struct {
		name  string
		value string
		want  authz.Reason
	}{
		{name: "in small letters", value: strings.Replace(oldDigest(body), "SHA", "sha", 1), want: verified},
		{name: "one that we don't know besides", value: "MD5=AAAA," + oldDigest(body), want: verified},
		{name: "blank behind the comma", value: oldDigest(body) + ", unixsum=1", want: verified},
		{name: "only one that we don't know", value: "MD5=AAAA", want: badForm},
		{name: "twice", value: oldDigest("x") + "," + oldDigest(body), want: badForm},
		{name: "wrong", value: oldDigest("x"), want: mismatch},
		{name: "wrong besides", value: oldDigest(body) + ",SHA-512=" + strings.Trim(digest512("x")[len("sha-512="):], ":"), want: mismatch},
		{name: "short", value: "SHA-256=AAAA", want: badForm},
		{name: "empty", value: "SHA-256=", want: badForm},
		{name: "as RFC 9530 has it", value: digest(body), want: badForm},
		{name: "comma at the end", value: oldDigest(body) + ",", want: badForm},
		{name: "nothing", value: "", want: partGone},
		{name: "too long", value: oldDigest(body) + ",x=" + strings.Repeat("1", 9000), want: badForm},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := replaced(oldSigned(oldParams, oldLines()[0], oldLines()[1], "digest: "+tt.value), "digest", tt.value)
			_, err := verify(t, draft(), r)
			authztest.WantReason(t, err, tt.want)
		})
	}
}
