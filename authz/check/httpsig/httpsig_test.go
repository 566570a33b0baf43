package httpsig_test

import (
	"context"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

func TestSignature(t *testing.T) {
	const base = `("@method" "@path" "content-digest")`
	with := func(rest string) *authz.Request { return signed(base+rest, plain()...) }
	const dated = ";created=" + created
	const good = dated + `;keyid="k1"`
	other := ed(input, `"@method": GET`, plain()[1], plain()[2])
	tests := []struct {
		name    string
		edit    func(*policypb.HttpSignature)
		request *authz.Request
		want    authz.Reason
	}{
		{name: "right", request: right(), want: verified},
		{name: "right, over everything else", request: with(good + `;alg="ed25519";expires=1767323046;nonce="n";tag="t";x="y"`), want: verified},
		{name: "key without an id, by its name in the file", request: func() *authz.Request {
			in := base + dated + `;keyid="keys"`
			return present(post(), in, signature(t, keyOf("nameless"), "ed25519", baseOf(in, plain()...)))
		}(), want: verified},

		{name: "nothing", request: post(), want: authz.ReasonCredentialMissing},
		{name: "Signature alone is somebody else's", request: without(right(), "signature-input"), want: authz.ReasonCredentialMissing},
		{name: "Signature-Input alone", request: without(right(), "signature"), want: badForm},
		{name: "Signature twice", request: change(right(), func(r *authz.Request) { authztest.AddHeader(r, "signature", "sig2=:AA==:") }), want: authz.ReasonDuplicateHeader},
		{name: "Signature-Input twice", request: change(right(), func(r *authz.Request) { authztest.AddHeader(r, "signature-input", "sig2=()") }), want: authz.ReasonDuplicateHeader},
		{name: "Content-Digest twice", request: change(right(), func(r *authz.Request) { authztest.AddHeader(r, "content-digest", digest512(body)) }), want: authz.ReasonDuplicateHeader},

		{name: "label of one header only", request: replaced(right(), "signature", "sig2="+member(ed(input, plain()...))), want: badForm},
		{name: "duplicate label in Signature-Input", request: replaced(right(), "signature-input", "sig1=(), sig1="+input), want: badForm},
		{name: "duplicate label in Signature", request: replaced(right(), "signature", "sig1=:AAAA:, sig1="+member(ed(input, plain()...))), want: badForm},
		{name: "duplicate parameter", request: with(";created=1" + good), want: badForm},
		{name: "duplicate component", request: signed(`("@method" "@path" "content-digest" "@path")`+good, append(plain(), plain()[1])...), want: badForm},
		{name: "spelt otherwise", request: replaced(right(), "signature-input", "sig1=( "+input[1:]), want: badForm},
		{name: "stray bits in base64", request: replaced(right(), "signature", "sig1="+respell(member(ed(input, plain()...)))), want: badForm},
		{name: "signature of another type", request: replaced(right(), "signature", `sig1="AAAA"`), want: badForm},
		{name: "signature with a parameter", request: replaced(right(), "signature", "sig1="+member(ed(input, plain()...))+";a"), want: badForm},
		{name: "no list", request: replaced(right(), "signature-input", `sig1="@method"`), want: badForm},
		{name: "over 8 KiB", request: replaced(right(), "signature-input", "sig1="+input+`;x="`+string(make([]byte, 9000))+`"`), want: badForm},

		{name: "uncovered component", request: signed(`("@method" "content-digest")`+good, plain()[0], plain()[2]), want: badForm},
		{name: "nothing covered", request: signed("()" + good), want: badForm},
		{name: "digest covered in part only", request: signed(`("@method" "@path" "content-digest";key="sha-256")`+good, plain()[0], plain()[1],
			`"content-digest";key="sha-256": `+digest(body)[len("sha-256="):]), want: badForm},
		{name: "digest of the structured field", request: signed(`("@method" "@path" "content-digest";sf)`+good, plain()[0], plain()[1], `"content-digest";sf: `+digest(body)), want: verified},

		{name: "signed another", request: present(post(), input, other), want: mismatch},
		{name: "signed with other parameters", request: replaced(right(), "signature-input", "sig1="+input+`;tag="x"`), want: mismatch},
		{name: "signed in another order", request: signed(`("@path" "@method" "content-digest")`+good, plain()...), want: mismatch},
		{name: "another body", request: change(right(), func(r *authz.Request) { r.Body.Raw = []byte(`{"id":2}`) }), want: mismatch},
		{name: "another body with its digest", request: replaced(change(right(), func(r *authz.Request) { r.Body.Raw = []byte(`{"id":2}`) }), "content-digest", digest(`{"id":2}`)), want: mismatch},

		{name: "no key id", request: with(dated), want: authz.ReasonKidUnknown},
		{name: "unknown key id", request: with(dated + `;keyid="k2"`), want: authz.ReasonKidUnknown},
		{name: "empty key id", request: with(dated + `;keyid=""`), want: badForm},
		{name: "id of the set, for a key that has one", request: with(dated + `;keyid="keys"`), want: mismatch},
		{name: "key of another type", request: with(dated + `;keyid="rsa"`), want: mismatch},
		{name: "alg of another type of key", request: with(good + `;alg="rsa-v1_5-sha256"`), want: authz.ReasonAlgNotAllowed},
		{name: "alg that is not listed", request: with(good + `;alg="hmac-sha256"`), want: authz.ReasonAlgNotAllowed},
		{name: "alg none", request: with(good + `;alg="none"`), want: authz.ReasonAlgNotAllowed},
		{name: "alg empty", request: with(good + `;alg=""`), want: badForm},
		{
			name: "algorithm of the key not listed", request: right(), want: authz.ReasonAlgNotAllowed,
			edit: func(s *policypb.HttpSignature) { s.Algorithms = []string{"rsa-v1_5-sha256"} },
		},

		{name: "oldest", request: later(right(), 300*time.Second), want: verified},
		{name: "too old", request: later(right(), 301*time.Second), want: authz.ReasonTimestampStale},
		{name: "furthest ahead", request: later(right(), -300*time.Second), want: verified},
		{name: "created in the future", request: later(right(), -301*time.Second), want: authz.ReasonTimestampFuture},
		{name: "too old and wrong", request: later(present(post(), input, other), 301*time.Second), want: mismatch},
		{name: "expired", request: with(good + ";expires=" + created), want: authz.ReasonTimestampStale},
		{name: "not expired", request: with(good + ";expires=1767323046"), want: verified},
		{name: "undated", request: with(`;keyid="k1"`), want: partGone},
		{name: "undated, accepted", request: with(`;keyid="k1"`), want: verified, edit: func(s *policypb.HttpSignature) { s.Undated = "accepted" }},
		{name: "dated and too old where undated is accepted", request: later(right(), 301*time.Second), want: authz.ReasonTimestampStale, edit: func(s *policypb.HttpSignature) { s.Undated = "accepted" }},
		{name: "created as text", request: with(`;created="` + created + `";keyid="k1"`), want: badForm},
		{name: "created with a fraction", request: with(";created=" + created + `.0;keyid="k1"`), want: badForm},
		{name: "created before 1970", request: with(`;created=-62135596800;keyid="k1"`), want: badForm, edit: func(s *policypb.HttpSignature) { s.Undated = "accepted" }},
		{name: "no nonce", request: right(), want: partGone, edit: func(s *policypb.HttpSignature) { s.Nonce = "required" }},
		{name: "nonce", request: with(good + `;nonce="1"`), want: verified, edit: func(s *policypb.HttpSignature) { s.Nonce = "required" }},
		{name: "empty nonce", request: with(good + `;nonce=""`), want: badForm},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := settings()
			if tt.edit != nil {
				tt.edit(s)
			}
			identity, err := verify(t, s, tt.request)
			authztest.WantReason(t, err, tt.want)
			if (identity == authz.Identity{}) != (err != nil) {
				t.Errorf("identity = %+v beside %v", identity, err)
			}
		})
	}
}

// respell sets an unused bit of a base64 text with padding, which lenient decoders
// ignore.
func respell(text string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	at := len(text) - 4 // before "==:"
	for i := range len(alphabet) {
		if alphabet[i] == text[at] {
			return text[:at] + string(alphabet[i|1]) + text[at+1:]
		}
	}
	return text
}

func TestAlgorithms(t *testing.T) {
	keys := map[string]struct {
		id  string
		key any
	}{
		"ed25519": {"k1", keyOf("key")}, "ecdsa-p256-sha256": {"ec", p256()}, "ecdsa-p384-sha384": {"ec384", p384()},
		"rsa-pss-sha512": {"rsa", rsaKey()}, "rsa-v1_5-sha256": {"rsa", rsaKey()},
	}
	for name, k := range keys {
		for _, alg := range []string{"", `;alg="` + name + `"`} {
			in := `("@method" "@path" "content-digest");created=` + created + `;keyid="` + k.id + `"` + alg
			r := present(post(), in, signature(t, k.key, name, baseOf(in, plain()...)))
			identity, err := verify(t, settings(), r)
			authztest.WantReason(t, err, verified)
			want := authz.Identity{Principal: k.id, Key: k.id, Secret: "pem", Version: 1, Credential: true, BodySigned: true, Signed: time.Unix(1767323045, 0)}
			if identity != want {
				t.Errorf("%s: identity = %+v, want %+v", name, identity, want)
			}
			only := settings(func(s *policypb.HttpSignature) { s.Algorithms = []string{name} })
			_, err = verify(t, only, r)
			authztest.WantReason(t, err, verified)
		}
	}
	// The structure that OpenSSL writes is not what RFC 9421, section 3.3.4, has.
	in := `("@method" "@path" "content-digest");created=` + created + `;keyid="ec"`
	_, err := verify(t, settings(), present(post(), in, signature(t, p256(), "ecdsa-der", baseOf(in, plain()...))))
	authztest.WantReason(t, err, mismatch)
}

// A key whose owner permits one algorithm for it is used with no other.
func TestPinnedAlgorithm(t *testing.T) {
	in := `("@method" "@path" "content-digest");created=` + created + `;keyid="k"`
	r := present(post(), in, signature(t, rsaKey(), "rsa-v1_5-sha256", baseOf(in, plain()...)))
	for pin, want := range map[string]authz.Reason{"": verified, "RS256": verified, "PS512": mismatch, "PS256": authz.ReasonAlgNotAllowed} {
		key := public("k", rsaKey())
		key.Algorithm = pin
		part := newPart(t, settings(), func(e *authz.Env) {
			e.Keys = environment(map[string]authz.KeySet{"keys": &authztest.KeySet{Accepted: []authz.PublicKey{key}}}, nil).Keys
		})
		_, err := part.Check.Verify(t.Context(), r)
		authztest.WantReason(t, err, want)
	}
}

func TestLabels(t *testing.T) {
	const proxy = `("@method");created=` + created + `;keyid="proxy"`
	tagged := input + `;tag="hooks"`
	two := func(r *authz.Request, ours, theirs string) *authz.Request {
		r = replaced(r, "signature-input", "proxy="+theirs+", sig1="+ours)
		return replaced(r, "signature", "sig1="+member(ed(ours, plain()...))+", proxy=:AAAA:")
	}
	label := func(s *policypb.HttpSignature) { s.Label = "sig1" }
	tag := func(s *policypb.HttpSignature) { s.Tag = "hooks" }
	tests := []struct {
		name    string
		edits   []func(*policypb.HttpSignature)
		request *authz.Request
		want    authz.Reason
	}{
		{name: "several, no choice", request: two(right(), input, proxy), want: badForm},
		{name: "several in Signature alone", request: replaced(right(), "signature", "sig1="+member(ed(input, plain()...))+", b=:AAAA:"), want: badForm},
		{name: "several, by label", edits: []func(*policypb.HttpSignature){label}, request: two(right(), input, proxy), want: verified},
		{name: "several, by tag", edits: []func(*policypb.HttpSignature){tag}, request: two(right(), tagged, proxy), want: verified},
		{name: "several of the tag", edits: []func(*policypb.HttpSignature){tag}, request: two(right(), tagged, proxy+`;tag="hooks"`), want: badForm},
		{name: "several of the tag, one of the label", edits: []func(*policypb.HttpSignature){label, tag}, request: two(right(), tagged, proxy+`;tag="hooks"`), want: verified},
		{name: "label without the tag", edits: []func(*policypb.HttpSignature){label, tag}, request: two(right(), input, proxy+`;tag="hooks"`), want: badForm},
		{name: "no such label", edits: []func(*policypb.HttpSignature){func(s *policypb.HttpSignature) { s.Label = "sig" }}, request: right(), want: badForm},
		{name: "tag that is a token", edits: []func(*policypb.HttpSignature){tag}, request: signed(input+";tag=hooks", plain()...), want: badForm},
		{name: "joined by the gateway", edits: []func(*policypb.HttpSignature){label}, want: verified, request: change(right(), func(r *authz.Request) {
			r.Header.Merged = true
			replaced(r, "signature-input", "sig1="+input+",proxy="+proxy)
			replaced(r, "signature", "proxy=:AAAA:,sig1="+member(ed(input, plain()...)))
		})},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := verify(t, settings(tt.edits...), tt.request)
			authztest.WantReason(t, err, tt.want)
		})
	}
}

func TestShared(t *testing.T) {
	const base = `("@method" "@path" "content-digest");created=` + created
	request := func(key, params string) *authz.Request {
		return present(post(), base+params, signature(t, secret(key), "hmac-sha256", baseOf(base+params, plain()...)))
	}
	ids := func(s *policypb.HttpSignature) { s.KeyIds = []string{"ID 1"} }
	tests := []struct {
		name    string
		edit    func(*policypb.HttpSignature)
		request *authz.Request
		want    authz.Reason
	}{
		{name: "no id", request: request(sharedKey, ""), want: verified},
		{name: "the secret's name", request: request(sharedKey, `;keyid="acme";alg="hmac-sha256"`), want: verified},
		{name: "another id", request: request(sharedKey, `;keyid="ID 1"`), want: authz.ReasonKidUnknown},
		{name: "listed id", edit: ids, request: request(sharedKey, `;keyid="ID 1"`), want: verified},
		{name: "another key", request: request("another key, 0123456789", ""), want: mismatch},
		{name: "empty key", request: request("", ""), want: mismatch},
		{name: "another alg", request: request(sharedKey, `;alg="ed25519"`), want: authz.ReasonAlgNotAllowed},
		{name: "short signature", request: replaced(request(sharedKey, ""), "signature", "sig1=:AAAA:"), want: mismatch},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := settings(shared)
			if tt.edit != nil {
				tt.edit(s)
			}
			identity, err := verify(t, s, tt.request)
			authztest.WantReason(t, err, tt.want)
			if err == nil && (identity.Principal != "acme" || identity.Secret != "acme" || identity.Key != "") {
				t.Errorf("identity = %+v", identity)
			}
		})
	}
	weak := newPart(t, settings(shared), func(e *authz.Env) {
		e.Secret = authztest.Env(map[string]authz.Secrets{"acme": authztest.Values("short")}).Secret
	})
	_, err := weak.Check.Verify(t.Context(), request("short", ""))
	authztest.WantReason(t, err, authz.ReasonSecretWeak)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = newPart(t, settings(shared)).Check.Verify(ctx, request(sharedKey, ""))
	authztest.WantReason(t, err, authz.ReasonDeadline)
	_, err = newPart(t, settings()).Check.Verify(ctx, right())
	authztest.WantReason(t, err, authz.ReasonDeadline)
}
