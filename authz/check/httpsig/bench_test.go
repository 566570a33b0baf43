package httpsig_test

import (
	"strings"
	"testing"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

func BenchmarkVerify(b *testing.B) {
	content := strings.Repeat("x", 1024)
	lines := []string{`"@method": POST`, `"@path": /h`, `"content-digest": ` + digest(content)}
	request := func(params, algorithm string, key any) *authz.Request {
		in := `("@method" "@path" "content-digest");created=` + created + params
		r := authztest.Request("POST", "/h", content, "content-digest", digest(content))
		return present(r, in, signature(b, key, algorithm, baseOf(in, lines...)))
	}
	replay := func(e *authz.Env) { e.Replay = true }
	benchmarks := []struct {
		name     string
		settings *policypb.HttpSignature
		request  *authz.Request
		env      func(*authz.Env)
	}{
		{name: "ed25519", settings: settings(), request: request(`;keyid="k1"`, "ed25519", keyOf("key"))},
		{name: "ecdsa-p256-sha256", settings: settings(), request: request(`;keyid="ec"`, "ecdsa-p256-sha256", p256())},
		{name: "rsa-pss-sha512", settings: settings(), request: request(`;keyid="rsa";alg="rsa-pss-sha512"`, "rsa-pss-sha512", rsaKey())},
		{name: "hmac-sha256", settings: settings(shared), request: request("", "hmac-sha256", secret(sharedKey))},
		{name: "hmac-sha256, replay", settings: settings(shared), request: request("", "hmac-sha256", secret(sharedKey)), env: replay},
		{name: "draft, ed25519", settings: draft(), request: oldRight()},
	}
	for _, bb := range benchmarks {
		b.Run(bb.name, func(b *testing.B) {
			env := bb.env
			if env == nil {
				env = func(*authz.Env) {}
			}
			check := newPart(b, bb.settings, env).Check
			b.ReportAllocs()
			for b.Loop() {
				if _, err := check.Verify(b.Context(), bb.request); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkMismatch is what a forger costs at most: a base of 64 components.
func BenchmarkMismatch(b *testing.B) {
	var names []string
	r := post()
	for i := range 61 {
		name := "x-" + strings.Repeat("y", i)
		names = append(names, `"`+name+`"`)
		authztest.AddHeader(r, name, strings.Repeat("z", 900))
	}
	in := `("@method" "@path" "content-digest" ` + strings.Join(names, " ") + ");created=" + created + `;keyid="k1"`
	check := newPart(b, settings()).Check
	present(r, in, make([]byte, 64))
	b.ReportAllocs()
	for b.Loop() {
		_, err := check.Verify(b.Context(), r)
		authztest.WantReason(b, err, mismatch)
	}
}
