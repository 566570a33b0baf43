package mac_test

import (
	"encoding/base64"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

const (
	verified  = authz.ReasonVerified
	missing   = authz.ReasonCredentialMissing
	malformed = authz.ReasonCredentialMalformed
	mismatch  = authz.ReasonSignatureMismatch
)

// at returns r as received at seconds.
func at(seconds int64, r *authz.Request) *authz.Request {
	r.Received = time.Unix(seconds, 0)
	return r
}

func merged(r *authz.Request) *authz.Request {
	r.Header.Merged = true
	return r
}

func path(path string, r *authz.Request) *authz.Request {
	r.Path = path
	return r
}

func TestVerify(t *testing.T) {
	good, old := code(t, "body"), code(t, "body old")
	raw, err := hex.DecodeString(good)
	if err != nil {
		t.Fatal(err)
	}
	encoded := base64.StdEncoding.EncodeToString(raw)
	signed := func(value string) *authz.Request { return post(body, "x-signature", value) }

	prefixed := settings(func(m *policypb.Mac) { m.Credential.Prefix = "sha256=" })
	base64ed := settings(func(m *policypb.Mac) { m.Encoding = "base64" })
	list := settings(func(m *policypb.Mac) { m.Credential.List = &policypb.ListGrammar{} })
	two := settings(func(m *policypb.Mac) {
		m.Credential = &policypb.Credential{Headers: []string{"X-Primary", "X-Secondary"}}
	})
	query := settings(func(m *policypb.Mac) { m.Credential = &policypb.Credential{Query: "sig"} })
	pairs := stripe()
	groups := stripe(func(m *policypb.Mac) { m.Credential.Fields.GroupSeparator = " " })
	positional := stripe(func(m *policypb.Mac) {
		m.Credential.Fields = nil
		m.Credential.Positional = &policypb.PositionalGrammar{Names: []string{"t"}}
	})
	seconds := code(t, "seconds")

	tests := []struct {
		name    string
		mac     *policypb.Mac
		request *authz.Request
		want    authz.Reason
	}{
		{name: "good", mac: settings(), request: signed(good), want: verified},
		{name: "no header", mac: settings(), request: post(body), want: missing},
		{name: "empty header", mac: settings(), request: signed(""), want: missing},
		{name: "another body", mac: settings(), request: post(body+" ", "x-signature", good), want: mismatch},
		{name: "line end after the body", mac: settings(), request: post(body+"\n", "x-signature", good), want: mismatch},
		{name: "another key", mac: settings(), request: signed(old), want: mismatch},
		{name: "empty key", mac: settings(), request: signed(code(t, "body no key")), want: mismatch},
		{name: "zero key", mac: settings(), request: signed(code(t, "body zero key")), want: mismatch},
		{name: "code of zeros", mac: settings(), request: signed(strings.Repeat("0", 64)), want: mismatch},
		{name: "upper case", mac: settings(), request: signed(strings.ToUpper(good)), want: verified},
		{name: "one digit changed", mac: settings(), request: signed(strings.Replace(good, good[:1], "f", 1)), want: mismatch},
		{name: "last digit dropped", mac: settings(), request: signed(good[:63]), want: malformed},
		{name: "truncated code", mac: settings(), request: signed(good[:32]), want: malformed},
		{name: "code and more", mac: settings(), request: signed(good + "00"), want: malformed},
		{name: "code twice in one", mac: settings(), request: signed(good + good), want: malformed},
		{name: "blank after the code", mac: settings(), request: signed(good + " "), want: malformed},
		{name: "code in another encoding", mac: settings(), request: signed(encoded), want: malformed},
		{name: "two lines", mac: settings(), request: post(body, "x-signature", good, "x-signature", good), want: authz.ReasonDuplicateHeader},
		{name: "two lines merged", mac: settings(), request: merged(signed(good + "," + good)), want: authz.ReasonDuplicateHeader},

		{name: "prefix", mac: prefixed, request: signed("sha256=" + good), want: verified},
		{name: "prefix left out", mac: prefixed, request: signed(good), want: malformed},
		{name: "prefix in upper case", mac: prefixed, request: signed("SHA256=" + good), want: malformed},
		{name: "weaker label", mac: prefixed, request: signed("sha1=" + code(t, "body sha1")), want: malformed},

		{name: "base64", mac: base64ed, request: signed(encoded), want: verified},
		{name: "base64 unpadded", mac: base64ed, request: signed(strings.TrimRight(encoded, "=")), want: verified},
		{name: "base64 without its slashes", mac: base64ed, request: signed(strings.ReplaceAll(encoded, "/", "")), want: malformed},
		{name: "base64 with its slashes changed", mac: base64ed, request: signed(strings.ReplaceAll(encoded, "/", "A")), want: mismatch},
		{name: "base64 with a line end", mac: base64ed, request: signed(encoded + "\n"), want: malformed},
		{name: "base64 with an unused bit set", mac: base64ed, request: signed(respell(encoded)), want: malformed},

		{name: "list", mac: list, request: signed(strings.Repeat("0", 64) + "," + good), want: verified},
		{name: "list, first good", mac: list, request: signed(good + "," + strings.Repeat("0", 64)), want: verified},
		{name: "list without a good one", mac: list, request: signed(strings.Repeat("0", 64) + "," + strings.Repeat("1", 64)), want: mismatch},
		{name: "list with one that can't be read", mac: list, request: signed(good + ",zz"), want: malformed},
		{name: "16 in a list", mac: list, request: signed(strings.Repeat(old+",", 15) + good), want: verified},
		{name: "17 in a list", mac: list, request: signed(strings.Repeat(old+",", 16) + good), want: malformed},

		{name: "first of two headers", mac: two, request: post(body, "x-primary", good), want: verified},
		{name: "second of two headers", mac: two, request: post(body, "x-primary", old, "x-secondary", good), want: verified},
		{name: "neither header", mac: two, request: signed(good), want: missing},

		{name: "query", mac: query, request: path("/h?sig="+good, post(body)), want: verified},
		{name: "query, name encoded", mac: query, request: path("/h?s%69g="+good, post(body)), want: malformed},
		{name: "query, twice", mac: query, request: path("/h?sig="+good+"&sig="+good, post(body)), want: malformed},

		{name: "pairs", mac: pairs, request: signed("t=1614265330,v1=" + seconds), want: verified},
		{name: "pairs, old and new", mac: pairs, request: signed("t=1614265330,v1=" + strings.Repeat("0", 64) + ",v1=" + seconds), want: verified},
		{name: "pairs, weaker label", mac: pairs, request: signed("t=1614265330,v0=" + seconds), want: malformed},
		{name: "pairs, both labels", mac: pairs, request: signed("t=1614265330,v0=zz,v1=" + seconds), want: verified},
		{name: "pairs, time changed", mac: pairs, request: signed("t=1614265331,v1=" + seconds), want: mismatch},
		{name: "pairs, time twice", mac: pairs, request: signed("t=1614265330,t=1614265330,v1=" + seconds), want: malformed},
		{name: "pairs, no time", mac: pairs, request: signed("v1=" + seconds), want: authz.ReasonPartMissing},
		{name: "pairs, two lines merged", mac: pairs, request: merged(signed("t=1614265330,v1=" + seconds + ",t=1614265330,v1=" + seconds)), want: malformed},
		{name: "positional", mac: positional, request: signed("1614265330," + old + "," + seconds), want: verified},

		{name: "groups, first good", mac: groups, request: signed("t=1614265330,v1=" + seconds + " t=1614265331,v1=" + old), want: verified},
		{name: "groups, second good", mac: groups, request: signed("t=1614265331,v1=" + old + " t=1614265330,v1=" + seconds), want: verified},
		{name: "groups, code of one with the time of the next", mac: groups, request: signed("t=1614265331,v1=" + seconds + " t=1614265330,v1=" + old), want: mismatch},
		{name: "groups, code of one with the time of another", mac: groups, request: signed("t=1614265330,v1=" + old + " t=1614265331,v1=" + seconds), want: mismatch},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			part := build(t, tt.mac, map[string]*store{"key": live(secret)})
			identity, err := part.Check.Verify(t.Context(), tt.request)
			if reasonOf(err) != tt.want {
				t.Errorf("Verify() = %v, want %v", err, tt.want)
			}
			if err == nil && tt.mac == positional && identity.Signed.Unix() != 1614265330 {
				t.Errorf("Signed = %v, want the time of the group that holds", identity.Signed)
			}
			if err != nil && identity != (authz.Identity{}) {
				t.Errorf("Verify() = %+v beside an error", identity)
			}
		})
	}
}

// respell sets an unused bit of a base64 text with one padding character, which
// lenient decoders ignore.
func respell(text string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	last := len(text) - 2
	return text[:last] + string(alphabet[strings.IndexByte(alphabet, text[last])|1]) + "="
}

func TestAlgorithms(t *testing.T) {
	for _, name := range []string{"hmac-sha1", "hmac-sha256", "hmac-sha384", "hmac-sha512"} {
		codes := map[string]string{
			"hmac-sha1": code(t, "body sha1"), "hmac-sha256": code(t, "body"),
			"hmac-sha384": code(t, "body sha384"), "hmac-sha512": code(t, "body sha512"),
		}
		part := build(t, settings(func(m *policypb.Mac) {
			m.Algorithm, m.WeakAlgorithm = name, "accepted"
		}), map[string]*store{"key": live(secret)})
		for of, text := range codes {
			want := malformed // another length
			if of == name {
				want = verified
			}
			if _, err := part.Check.Verify(t.Context(), post(body, "x-signature", text)); reasonOf(err) != want {
				t.Errorf("%s: a code of %s: %v, want %v", name, of, err, want)
			}
		}
	}
}

func TestKeyOfStandardWebhooks(t *testing.T) {
	part := build(t, standardWebhooks(), map[string]*store{"key": live(whsec)})
	request := func(signature string) *authz.Request {
		return post(body, "webhook-id", "msg_1", "webhook-timestamp", "1614265330", "webhook-signature", signature)
	}
	good := code64(t, "webhook")
	tests := []struct {
		name      string
		signature string
		want      authz.Reason
	}{
		{name: "decoded key", signature: "v1," + good, want: verified},
		{name: "undecoded key", signature: "v1," + code64(t, "webhook undecoded"), want: mismatch},
		{name: "beside another tag", signature: "v1a,AAAA v1," + good, want: verified},
		{name: "old and new", signature: "v1," + code64(t, "body old") + " v1," + good, want: verified},
		{name: "under another tag", signature: "v1a," + good, want: malformed},
		{name: "without tag", signature: good, want: malformed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := part.Check.Verify(t.Context(), request(tt.signature)); reasonOf(err) != tt.want {
				t.Errorf("Verify() = %v, want %v", err, tt.want)
			}
		})
	}
}

// standardWebhooks are settings of the Standard Webhooks specification.
func standardWebhooks() *policypb.Mac {
	return timed("seconds", func(m *policypb.Mac) {
		m.Credential = &policypb.Credential{Header: "webhook-signature", Tagged: &policypb.TaggedGrammar{Tag: "v1"}}
		m.Encoding = "base64"
		m.Message = "{header:webhook-id}.{timestamp}.{body}"
		m.Timestamp.Value = "{header:webhook-timestamp}"
		m.Key = &policypb.Key{StripPrefix: "whsec_", Decode: "base64"}
	})
}
