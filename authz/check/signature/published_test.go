package signature_test

import (
	"crypto/sha512"
	"encoding/hex"
	"testing"

	"github.com/hookauthz/hookauthz/authz"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

// What senders document, with signatures by testdata/signatures.py.
func TestSenders(t *testing.T) {
	const second, iso = "1614265330", "2021-02-25T15:02:10Z"
	from := func(header, algorithm, encoding, message string, edits ...func(*policypb.Signature)) *policypb.Signature {
		s := settings(func(s *policypb.Signature) {
			s.Credential = &policypb.Credential{Header: header}
			s.Algorithm, s.Encoding, s.Message = algorithm, encoding, message
		})
		for _, edit := range edits {
			edit(s)
		}
		return s
	}
	at := func(value, unit string) func(*policypb.Signature) {
		return func(s *policypb.Signature) { s.Timestamp = &policypb.Timestamp{Value: value, Unit: unit} }
	}
	tests := []struct {
		name     string
		settings *policypb.Signature
		key      string
		request  *authz.Request
		// lossy: the body is not covered in whole.
		lossy bool
	}{
		{
			// https://discord.com/developers/docs/interactions/overview#setting-up-an-endpoint-validating-security-request-headers
			name: "Discord", key: "ed25519",
			settings: from("X-Signature-Ed25519", "ed25519", "hex", "{timestamp}{body}", at("{header:X-Signature-Timestamp}", "seconds")),
			request:  post(body, "X-Signature-Ed25519", hexOf(t, "discord"), "X-Signature-Timestamp", second),
		},
		{
			// https://developers.telnyx.com/docs/messaging/messages/receiving-webhooks
			name: "Telnyx", key: "ed25519",
			settings: from("Telnyx-Signature-Ed25519", "ed25519", "base64", "{timestamp}|{body}", at("{header:Telnyx-Timestamp}", "seconds")),
			request:  post(body, "Telnyx-Signature-Ed25519", b64Of(t, "telnyx"), "Telnyx-Timestamp", second),
		},
		{
			// https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/getting-started-event-webhook-security-features
			name: "SendGrid", key: "p256",
			settings: from("X-Twilio-Email-Event-Webhook-Signature", "ecdsa-p256-sha256", "base64", "{timestamp}{body}",
				at("{header:X-Twilio-Email-Event-Webhook-Timestamp}", "seconds")),
			request: post(body+"\r\n", "X-Twilio-Email-Event-Webhook-Signature", b64Of(t, "sendgrid"), "X-Twilio-Email-Event-Webhook-Timestamp", second),
		},
		{
			// https://docs.wise.com/api-docs/features/webhooks-notifications/event-handling
			name: "Wise", key: "rsa",
			settings: from("X-Signature-SHA256", "rsa-pkcs1-sha256", "base64", "{body}"),
			request:  post(body, "X-Signature-SHA256", b64Of(t, "pkcs1 sha256")),
		},
		{
			// https://developers.fireblocks.com/docs/webhooks-notifications
			name: "Fireblocks", key: "rsa",
			settings: from("Fireblocks-Signature", "rsa-pkcs1-sha512", "base64", "{body}"),
			request:  post(body, "Fireblocks-Signature", b64Of(t, "pkcs1 sha512")),
		},
		{
			// https://docs.fal.ai/model-endpoints/webhooks
			name: "fal", key: "ed25519",
			settings: from("X-Fal-Webhook-Signature", "ed25519", "hex",
				"{header:X-Fal-Webhook-Request-Id}\n{header:X-Fal-Webhook-User-Id}\n{timestamp}\n{body|sha256|hex}",
				at("{header:X-Fal-Webhook-Timestamp}", "seconds")),
			request: post(body, "X-Fal-Webhook-Signature", hexOf(t, "fal"), "X-Fal-Webhook-Request-Id", "req_1",
				"X-Fal-Webhook-User-Id", "user_1", "X-Fal-Webhook-Timestamp", second),
		},
		{
			name: "a key id in the message", key: "ed25519",
			settings: from("X-Signature", "ed25519", "hex", "v1.ed25519.{header:X-Key-Id}.{timestamp}.{header:X-Event-Id}.{body}",
				at("{header:X-Timestamp}", "milliseconds"), identified),
			request: post(body, "X-Signature", hexOf(t, "versioned"), "X-Key-Id", "key-2", "X-Timestamp", "1614265330123", "X-Event-Id", "evt_1"),
		},
		{
			// https://pay.weixin.qq.com/doc/v3/merchant/4012365342
			name: "WeChat Pay", key: "rsa",
			settings: from("Wechatpay-Signature", "rsa-pkcs1-sha256", "base64", "{timestamp}\n{header:Wechatpay-Nonce}\n{body}\n",
				at("{header:Wechatpay-Timestamp}", "seconds"), func(s *policypb.Signature) { s.KeyId = "{header:Wechatpay-Serial}" }),
			request: post(body, "Wechatpay-Signature", b64Of(t, "wechat"), "Wechatpay-Timestamp", second, "Wechatpay-Nonce", "n0nce", "Wechatpay-Serial", "key-2"),
		},
		{
			// https://developer.paypal.com/api/rest/webhooks/rest/ : a checksum
			// covers nothing, so the policy must accept that.
			name: "PayPal", key: "rsa", lossy: true,
			settings: from("PAYPAL-TRANSMISSION-SIG", "rsa-pkcs1-sha256", "base64", "{header:PAYPAL-TRANSMISSION-ID}|{timestamp}|WH-1|{body|crc32}",
				at("{header:PAYPAL-TRANSMISSION-TIME}", "rfc3339"), func(s *policypb.Signature) { s.UnsignedBody = "accepted" }),
			request: post(body, "PAYPAL-TRANSMISSION-SIG", b64Of(t, "paypal"), "PAYPAL-TRANSMISSION-ID", "id-1", "PAYPAL-TRANSMISSION-TIME", iso),
		},
		{
			name: "header values, one the digest of the body", key: "ed25519",
			settings: from("X-Webhook-Signature", "ed25519", "base64", "{header:X-Webhook-Digest}|{timestamp}|{header:X-Webhook-Id}",
				at("{header:X-Webhook-Time}", "rfc3339"), func(s *policypb.Signature) {
					s.Assert = []*policypb.Assertion{{Value: "{header:X-Webhook-Digest}", Equals: "{body|sha512|hex}"}}
				}),
			request: post(body, "X-Webhook-Signature", b64Of(t, "joined"), "X-Webhook-Digest", sha512Of(body), "X-Webhook-Time", iso, "X-Webhook-Id", "evt_1"),
		},
		{
			name: "a time inside of the body", key: "ed25519",
			settings: from("X-Signature", "ed25519", "base64", "{body}", at("{json:/at}", "seconds")),
			request:  post(`{"at":1614265330}`, "X-Signature", b64Of(t, "time in body")),
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			part := build(t, tt.settings, keys(set(authz.PublicKey{ID: "key-2", Key: public(t, tt.key)})))
			identity, err := part.Check.Verify(t.Context(), tt.request)
			if err != nil || identity.BodySigned == tt.lossy {
				t.Fatalf("Verify() = %+v, %v, want verified", identity, err)
			}
			for i := range tt.request.Header.Fields[1:] {
				field := &tt.request.Header.Fields[i+1]
				before := field.Value
				field.Value = "x" + before
				if _, err := part.Check.Verify(t.Context(), tt.request); err == nil {
					t.Errorf("passed with another %s", field.Name)
				}
				field.Value = before
			}
			tt.request.Body.Raw[0] ^= 1
			if _, err := part.Check.Verify(t.Context(), tt.request); err == nil {
				t.Errorf("Verify() of another body = %v", err)
			}
		})
	}
}

func sha512Of(text string) string {
	sum := sha512.Sum512([]byte(text))
	return hex.EncodeToString(sum[:])
}
