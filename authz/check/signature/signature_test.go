package signature_test

import (
	"encoding/base64"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

// An example is an algorithm, the recorded key and signature of the body that
// belong to it, and what must not pass.
type example struct {
	algorithm, format string
	key, signature    string
	bad               []string // recorded, of the same key
}

func examples() []example {
	return []example{
		{algorithm: "ed25519", key: "ed25519", signature: "ed25519", bad: []string{"ed25519 empty", "ed25519 digest"}},
		{algorithm: "ecdsa-p256-sha256", key: "p256", signature: "p256 der", bad: []string{"p256 other hash"}},
		{algorithm: "ecdsa-p384-sha384", format: "der", key: "p384", signature: "p384 der", bad: []string{"p384 other hash"}},
		{algorithm: "ecdsa-p521-sha512", key: "p521", signature: "p521 der", bad: []string{"p521 other hash"}},
		{algorithm: "ecdsa-p256-sha256", format: "raw", key: "p256", signature: "p256 raw"},
		{algorithm: "ecdsa-p384-sha384", format: "raw", key: "p384", signature: "p384 raw"},
		{algorithm: "ecdsa-p521-sha512", format: "raw", key: "p521", signature: "p521 raw"},
		{algorithm: "rsa-pkcs1-sha256", key: "rsa", signature: "pkcs1 sha256", bad: []string{"pss sha256", "pkcs1 sha384", "pkcs1 sha512", "pkcs1 sha1"}},
		{algorithm: "rsa-pkcs1-sha384", key: "rsa", signature: "pkcs1 sha384", bad: []string{"pss sha384", "pkcs1 sha256"}},
		{algorithm: "rsa-pkcs1-sha512", key: "rsa", signature: "pkcs1 sha512", bad: []string{"pss sha512", "pkcs1 sha256"}},
		{algorithm: "rsa-pss-sha256", key: "rsa", signature: "pss sha256", bad: []string{"pss without salt sha256", "pss longest salt sha256", "pkcs1 sha256", "pss sha384"}},
		{algorithm: "rsa-pss-sha384", key: "rsa", signature: "pss sha384", bad: []string{"pss without salt sha384", "pss longest salt sha384", "pkcs1 sha384"}},
		{algorithm: "rsa-pss-sha512", key: "rsa", signature: "pss sha512", bad: []string{"pss without salt sha512", "pss longest salt sha512", "pkcs1 sha512"}},
	}
}

func (e *example) settings() *policypb.Signature {
	return settings(func(s *policypb.Signature) { s.Algorithm, s.EcdsaFormat = e.algorithm, e.format })
}

// Signatures that another implementation made pass by their own algorithm, key
// and message, and by no other.
func TestAlgorithms(t *testing.T) {
	for _, e := range examples() {
		t.Run(e.algorithm+" "+e.format, func(t *testing.T) {
			check := build(t, e.settings(), keys(recordedSet(t, e.key))).Check
			verify := func(content string, signature []byte) authz.Reason {
				_, err := check.Verify(t.Context(), post(content, "x-signature", base64.StdEncoding.EncodeToString(signature)))
				return reasonOf(err)
			}
			good := recorded(t, e.signature)
			if got := verify(body, good); got != verified {
				t.Fatalf("Verify() = %v, want verified", got)
			}
			if got := verify(body+" ", good); got != mismatch {
				t.Errorf("another body: %v, want %v", got, mismatch)
			}
			for _, name := range e.bad {
				if got := verify(body, recorded(t, name)); got != mismatch && got != malformed {
					t.Errorf("%s: %v, want a denial", name, got)
				}
			}
			for i := 0; i < len(good); i += 1 + len(good)/40 {
				changed := slices.Clone(good)
				changed[i] ^= 0x10
				if got := verify(body, changed); got != mismatch {
					t.Fatalf("byte %d changed: %v, want %v", i, got, mismatch)
				}
			}
			for what, changed := range map[string][]byte{
				"cut": good[:len(good)-1], "cut in front": good[1:], "zeros": make([]byte, len(good)),
				"longer": append(slices.Clone(good), 0), "longer in front": append([]byte{0}, good...), "twice": append(slices.Clone(good), good...),
			} {
				if got := verify(body, changed); got != mismatch && got != malformed {
					t.Errorf("%s: %v, want a denial", what, got)
				}
			}
		})
	}
}

// A key of another type, or bound to another algorithm, never verifies.
func TestWrongKeys(t *testing.T) {
	for _, e := range examples() {
		r := post(body, "x-signature", b64Of(t, e.signature))
		for _, name := range []string{"ed25519", "p256", "p384", "p521", "rsa"} {
			if name == e.key {
				continue
			}
			check := build(t, e.settings(), keys(recordedSet(t, name))).Check
			if _, err := check.Verify(t.Context(), r); reasonOf(err) != authz.ReasonAlgNotAllowed {
				t.Errorf("%s with a key of %s: %v, want %v", e.algorithm, name, err, authz.ReasonAlgNotAllowed)
			}
		}
		for _, bound := range []string{"EdDSA", "ES256", "ES384", "ES512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "none", "HS256"} {
			s := recordedSet(t, e.key)
			s.keys.Accepted[0].Algorithm = bound
			_, err := build(t, e.settings(), keys(s)).Check.Verify(t.Context(), r)
			if want := bound == joseName(e.algorithm); (err == nil) != want {
				t.Errorf("%s with a key for %s: %v, want verified %v", e.algorithm, bound, err, want)
			}
		}
	}
	// Nor does a key of the right type that is somebody else's.
	check := build(t, settings(), keys(recordedSet(t, "ed25519 other"))).Check
	if _, err := check.Verify(t.Context(), post(body, "x-signature", b64Of(t, "ed25519"))); reasonOf(err) != mismatch {
		t.Errorf("somebody else's key: %v, want %v", err, mismatch)
	}
}

func joseName(algorithm string) string {
	switch {
	case algorithm == "ed25519":
		return "EdDSA"
	case strings.HasPrefix(algorithm, "ecdsa-"):
		return "ES" + algorithm[len(algorithm)-3:]
	case strings.HasPrefix(algorithm, "rsa-pss-"):
		return "PS" + algorithm[len(algorithm)-3:]
	}
	return "RS" + algorithm[len(algorithm)-3:]
}

// The two ways to write an ECDSA signature are not taken for one another.
func TestFormatsOfECDSA(t *testing.T) {
	for _, curve := range []string{"p256", "p384", "p521"} {
		algorithm := map[string]string{"p256": "ecdsa-p256-sha256", "p384": "ecdsa-p384-sha384", "p521": "ecdsa-p521-sha512"}[curve]
		for _, format := range []string{"der", "raw"} {
			other := map[string]string{"der": "raw", "raw": "der"}[format]
			e := example{algorithm: algorithm, format: format}
			check := build(t, e.settings(), keys(recordedSet(t, curve))).Check
			_, err := check.Verify(t.Context(), post(body, "x-signature", b64Of(t, curve+" "+other)))
			if got := reasonOf(err); got != mismatch && got != malformed {
				t.Errorf("%s: %s where %s is wanted: %v", curve, other, format, err)
			}
		}
	}
}

func TestCredential(t *testing.T) {
	good := b64Of(t, "ed25519")
	list := settings(func(s *policypb.Signature) { s.Credential.List = &policypb.ListGrammar{} })
	prefixed := settings(func(s *policypb.Signature) { s.Credential.Prefix = "ed25519=" })
	query := settings(func(s *policypb.Signature) { s.Credential = &policypb.Credential{Query: "sig"} })
	other := base64.StdEncoding.EncodeToString(make([]byte, 64))
	withQuery := func(value string) *authz.Request {
		r := post(body)
		r.Path = "/h?sig=" + value
		return r
	}
	tests := []struct {
		name     string
		settings *policypb.Signature
		request  *authz.Request
		want     authz.Reason
	}{
		{name: "good", settings: settings(), request: post(body, "x-signature", good), want: verified},
		{name: "none", settings: settings(), request: post(body), want: missing},
		{name: "empty", settings: settings(), request: post(body, "x-signature", ""), want: missing},
		{name: "twice", settings: settings(), request: post(body, "x-signature", good, "x-signature", good), want: authz.ReasonDuplicateHeader},
		{name: "hex where base64 is wanted", settings: settings(), request: post(body, "x-signature", hexOf(t, "ed25519")), want: malformed},
		{name: "blank", settings: settings(), request: post(body, "x-signature", " "+good), want: malformed},
		{name: "second of a list", settings: list, request: post(body, "x-signature", other+","+good), want: verified},
		{name: "bad one in a list", settings: list, request: post(body, "x-signature", good+",AA=="), want: malformed},
		{name: "too many", settings: list, request: post(body, "x-signature", strings.Repeat(other+",", 16)+good), want: malformed},
		{name: "prefix", settings: prefixed, request: post(body, "x-signature", "ed25519="+good), want: verified},
		{name: "no prefix", settings: prefixed, request: post(body, "x-signature", good), want: malformed},
		{name: "query", settings: query, request: withQuery(good), want: verified},
		{name: "query twice", settings: query, request: withQuery(good + "&sig=" + good), want: malformed},
		{name: "body cut", settings: settings(), want: authz.ReasonBodyTruncated, request: func() *authz.Request {
			r := post(body, "x-signature", good)
			r.Body.Delivery = authz.DeliveryCut
			return r
		}()},
		{name: "body cut, and no signature", settings: settings(), want: missing, request: func() *authz.Request {
			r := post(body)
			r.Body.Delivery = authz.DeliveryCut
			return r
		}()},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			check := build(t, tt.settings, keys(recordedSet(t, "ed25519"))).Check
			if _, err := check.Verify(t.Context(), tt.request); reasonOf(err) != tt.want {
				t.Errorf("Verify() = %v, want %v", err, tt.want)
			}
		})
	}
}

// telnyx are settings of a signature over time and body.
func telnyx(edits ...func(*policypb.Signature)) *policypb.Signature {
	s := settings(func(s *policypb.Signature) {
		s.Message = "{timestamp}|{body}"
		s.Timestamp = &policypb.Timestamp{Value: "{header:X-Timestamp}", Unit: "seconds"}
	})
	for _, edit := range edits {
		edit(s)
	}
	return s
}

// Only what is authentic is stale, and assertions come last.
func TestOrder(t *testing.T) {
	good := b64Of(t, "telnyx")
	asserted := telnyx(func(s *policypb.Signature) {
		s.Assert = []*policypb.Assertion{{Value: "{header:X-Event}", OneOf: []string{"ping"}}}
	})
	tests := []struct {
		name string
		set  *keySet
		r    *authz.Request
		want authz.Reason
	}{
		{name: "good", r: post(body, "x-signature", good, "x-timestamp", "1614265330", "x-event", "ping"), want: verified},
		{name: "oldest", r: later(300*time.Second, post(body, "x-signature", good, "x-timestamp", "1614265330", "x-event", "ping")), want: verified},
		{name: "stale", r: later(301*time.Second, post(body, "x-signature", good, "x-timestamp", "1614265330", "x-event", "pong")), want: authz.ReasonTimestampStale},
		{name: "future", r: later(-301*time.Second, post(body, "x-signature", good, "x-timestamp", "1614265330", "x-event", "ping")), want: authz.ReasonTimestampFuture},
		{name: "stale and forged", r: later(301*time.Second, post(body+" ", "x-signature", good, "x-timestamp", "1614265330", "x-event", "ping")), want: mismatch},
		{name: "time changed", r: post(body, "x-signature", good, "x-timestamp", "1614265331", "x-event", "ping"), want: mismatch},
		{name: "time missing", r: post(body, "x-signature", good, "x-event", "ping"), want: authz.ReasonPartMissing},
		{name: "assertion", r: post(body, "x-signature", good, "x-timestamp", "1614265330", "x-event", "pong"), want: authz.ReasonAssertionFailed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			part := build(t, asserted, keys(recordedSet(t, "ed25519")))
			identity, err := part.Check.Verify(t.Context(), tt.r)
			if reasonOf(err) != tt.want {
				t.Fatalf("Verify() = %v, want %v", err, tt.want)
			}
			want := authz.Identity{}
			if err == nil {
				want = authz.Identity{Principal: "key", Key: "ed25519", Signed: time.Unix(unix, 0).UTC(), Credential: true, BodySigned: true}
			}
			if identity != want {
				t.Errorf("Verify() = %+v, want %+v", identity, want)
			}
		})
	}
}
