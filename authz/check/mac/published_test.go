package mac_test

import (
	"testing"

	"github.com/hookauthz/hookauthz/authz"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

// Codes that senders, or the authors of the algorithms, have published.
func TestPublished(t *testing.T) {
	// https://api.slack.com/authentication/verifying-requests-from-slack
	const slackBody = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V" +
		"&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=" +
		"&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN" +
		"&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
	slack := timed("seconds", func(m *policypb.Mac) {
		m.Credential = &policypb.Credential{Header: "X-Slack-Signature", Prefix: "v0="}
		m.Message = "v0:{timestamp}:{body}"
		m.Timestamp.Value = "{header:X-Slack-Request-Timestamp}"
	})
	github := settings(func(m *policypb.Mac) {
		m.Credential = &policypb.Credential{Header: "X-Hub-Signature-256", Prefix: "sha256="}
	})
	algorithm := func(name string) *policypb.Mac {
		return settings(func(m *policypb.Mac) { m.Algorithm, m.WeakAlgorithm = name, "accepted" })
	}
	// RFC 4231, section 4.3 and RFC 2202, section 3, test case 2.
	const jefe, data = "Jefe", "what do ya want for nothing?"

	tests := []struct {
		name    string
		mac     *policypb.Mac
		secret  string
		request *authz.Request
	}{
		{
			// https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
			name: "GitHub", mac: github, secret: secret,
			request: post("Hello, World!", "x-hub-signature-256", "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"),
		},
		{
			name: "Slack", mac: slack, secret: "8f742231b10e8888abcd99yyyzzz85a5",
			request: at(1531420618, post(slackBody, "x-slack-request-timestamp", "1531420618",
				"x-slack-signature", "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503")),
		},
		{
			name: "RFC 4231 HMAC-SHA-256", mac: algorithm("hmac-sha256"), secret: jefe,
			request: post(data, "x-signature", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
		},
		{
			name: "RFC 4231 HMAC-SHA-384", mac: algorithm("hmac-sha384"), secret: jefe,
			request: post(data, "x-signature", "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649"),
		},
		{
			name: "RFC 4231 HMAC-SHA-512", mac: algorithm("hmac-sha512"), secret: jefe,
			request: post(data, "x-signature", "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737"),
		},
		{
			name: "RFC 2202 HMAC-SHA-1", mac: algorithm("hmac-sha1"), secret: jefe,
			request: post(data, "x-signature", "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"),
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			env := environment(map[string]*store{"key": live(tt.secret)})
			declared := env.Secret
			env.Secret = func(name string) (authz.Reference, bool) {
				ref, ok := declared(name)
				ref.AcceptWeak = true // the RFCs' key has 4 bytes
				return ref, ok
			}
			part, problems := kindOf(tt.mac, env)
			if len(problems) > 0 {
				t.Fatalf("Build() problems = %v", problems)
			}
			if _, err := part.Check.Verify(t.Context(), tt.request); err != nil {
				t.Errorf("Verify() = %v, want verified", err)
			}
			tt.request.Body.Raw[0] ^= 1
			if _, err := part.Check.Verify(t.Context(), tt.request); reasonOf(err) != mismatch {
				t.Errorf("Verify() of another body = %v, want %v", err, mismatch)
			}
		})
	}
}
