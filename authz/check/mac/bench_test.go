package mac_test

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"hash"
	"strings"
	"testing"

	"github.com/hookauthz/hookauthz/authz"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

// A subject is a scheme and a request of 1 KiB that passes.
type subject struct {
	name    string
	mac     *policypb.Mac
	secret  string
	request *authz.Request
}

func subjects() []subject {
	content := strings.Repeat("x", 1024)
	const when = "1614265330"
	sum := func(h func() hash.Hash, key, message string) []byte {
		state := hmac.New(h, []byte(key))
		state.Write([]byte(message))
		return state.Sum(nil)
	}
	plain := func(name string, h func() hash.Hash) subject {
		m := settings(func(m *policypb.Mac) { m.Algorithm, m.WeakAlgorithm = name, "accepted" })
		return subject{name, m, secret, post(content, "x-signature", hex.EncodeToString(sum(h, secret, content)))}
	}
	timedCode := hex.EncodeToString(sum(sha256.New, secret, when+"."+content))
	key, err := base64.StdEncoding.DecodeString(whsec[len("whsec_"):])
	if err != nil {
		return nil
	}
	webhook := base64.StdEncoding.EncodeToString(sum(sha256.New, string(key), "msg_1."+when+"."+content))
	bodyCode := hex.EncodeToString(sum(sha256.New, secret, content))

	list := settings(func(m *policypb.Mac) { m.Credential.List = &policypb.ListGrammar{} })
	positional := stripe(func(m *policypb.Mac) {
		m.Credential.Fields = nil
		m.Credential.Positional = &policypb.PositionalGrammar{Names: []string{"t"}}
	})
	return []subject{
		plain("hmac-sha1", sha1.New),
		plain("hmac-sha256", sha256.New),
		plain("hmac-sha384", sha512.New384),
		plain("hmac-sha512", sha512.New),
		{"fields", stripe(), secret, post(content, "x-signature", "t="+when+",v1="+timedCode)},
		{"tagged", standardWebhooks(), whsec, post(content, "webhook-id", "msg_1", "webhook-timestamp", when, "webhook-signature", "v1,"+webhook)},
		{"list", list, secret, post(content, "x-signature", strings.Repeat("0", 64)+","+bodyCode)},
		{"positional", positional, secret, post(content, "x-signature", when+","+timedCode)},
	}
}

func BenchmarkVerify(b *testing.B) {
	for _, s := range subjects() {
		check := build(b, s.mac, map[string]*store{"key": live(s.secret)}).Check
		b.Run(s.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := check.Verify(b.Context(), s.request); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkMismatch is what a forger costs: sixteen codes and two keys.
func BenchmarkMismatch(b *testing.B) {
	content := strings.Repeat("x", 1024)
	m := settings(func(m *policypb.Mac) { m.Credential.List = &policypb.ListGrammar{} })
	check := build(b, m, map[string]*store{"key": live(secret, oldSecret)}).Check
	r := post(content, "x-signature", strings.Repeat(strings.Repeat("0", 64)+",", 15)+strings.Repeat("1", 64))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := check.Verify(b.Context(), r); reasonOf(err) != mismatch {
			b.Fatal(err)
		}
	}
}
