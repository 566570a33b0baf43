package conformance

import (
	"crypto/ecdh"
	"crypto/ecdsa"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"testing"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/scheme/jose"
	"github.com/hookauthz/hookauthz/authz/scheme/jwe"
)

const (
	oaepToken = "eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkEyNTZHQ00ifQ." +
		"OKOawDo13gRp2ojaHV7LFpZcgV7T6DVZKTyKOMTYUmKoTCVJRgckCL9kiMT03JGeipsEdY3mx_etLbbWSrFr05kLzcSr4qKAq7YN7e9jwQRb23nfa6c9d-StnImGyFDbSv" +
		"04uVuxIp5Zms1gNxKKK2Da14B8S4rzVRltdYwam_lDp5XnZAYpQdb76FdIKLaVmqgfwX7XWRxv2322i-vDxRfqNzo_tETKzpVLzfiwQyeyPGLBIO56YJ7eObdv0je81860" +
		"ppamavo35UgoRdbYaBcoh9QcfylQr66oc6vFWXRcZ_ZT2LawVCWTIy3brGPi6UklfCpIMfIjf7iGdXKHzg." +
		"48V1_ALb6US04U3b.5eym8TW_c8SuK0ltJ3rpYIzOeDQz7TALvtu6UG9oMo4vpzs9tX_EFShS8iB7j6jiSdiwkIr3ajwQzaBtQD_A.XFBoMYUZodetZdvTiFvSkQ"
	oaepKey = `{"kty":"RSA","e":"AQAB","n":"oahUIoWw0K0usKNuOR6H4wkf4oBUXHTxRvgb48E-BVvxkeDNjbC4he8rUWcJoZmds2h7M70imEVhRU5djINXtqllXI4DFqcI1DgjT` +
		`9LewND8MW2Krf3Spsk_ZkoFnilakGygTwpZ3uesH-PFABNIUYpOiN15dsQRkgr0vEhxN92i2asbOenSZeyaxziK72UwxrrKoExv6kc5twXTq4h-QChLOln0_mtUZwfsRaM` +
		`StPs6mS6XrgxnxbWhojf663tuEQueGC-FCMfra36C9knDFGzKsNa7LZK2djYgyD3JR_MB_4NUJW_TqOQtwHYbxevoJArm-L5StowjzGy-_bq6Gw","d":"kLdtIj6GbDks` +
		`_ApCSTYQtelcNttlKiOyPzMrXHeI-yk1F7-kpDxY4-WY5NWV5KntaEeXS1j82E375xxhWMHXyvjYecPT9fpwR_M9gV8n9Hrh2anTpTD93Dt62ypW3yDsJzBnTnrYu1iwWR` +
		`gBKrEYY46qAZIrA2xAwnm2X7uGR1hghkqDp0Vqj3kbSCz1XyfCs6_LehBwtxHIyh8Ripy40p24moOAbgxVw3rxT_vlt3UVe4WO3JkJOzlpUf-KTVI2Ptgm-dARxTEtE-id` +
		`-4OJr0h-K-VFs3VSndVTIznSxfyrj8ILL6MG_Uv8YAu7VILSB3lOW085-4qE3DzgrTjgyQ","p":"1r52Xk46c-LsfB5P442p7atdPUrxQSy4mti_tZI3Mgf2EuFVbUoDB` +
		`vaRQ-SWxkbkmoEzL7JXroSBjSrK3YIQgYdMgyAEPTPjXv_hI2_1eTSPVZfzL0lffNn03IXqWF5MDFuoUYE0hzb2vhrlN_rKrbfDIwUbTrjjgieRbwC6Cl0","q":"wLb35` +
		`x7hmQWZsWJmB_vle87ihgZ19S8lBEROLIsZG4ayZVe9Hi9gDVCOBmUDdaDYVTSNx_8Fyw1YYa9XGrGnDew00J28cRUoeBB_jKI1oma0Orv1T9aXIWxKwd4gvxFImOWr3QR` +
		`L9KEBRzk2RatUBnmDZJTIAfwTs0g68UZHvtc"}`

	kwToken = "eyJhbGciOiJBMTI4S1ciLCJlbmMiOiJBMTI4Q0JDLUhTMjU2In0.6KB707dM9YTIgHtLvtgWQ8mKwboJW3of9locizkDTHzBC2IlrT1oOQ." +
		"AxY8DCtDaGlsbGljb3RoZQ.KDlTtXchhZTGufMYmOYGS4HffxPSUrfmqCHXaI9wOGY.U0m_YmjN04DJvceFICbCVQ"
	kwKey = `{"kty":"oct","k":"GawgguFyGrWKav7AX4VKUg"}`

	pkcs15Token = "eyJhbGciOiJSU0ExXzUiLCJlbmMiOiJBMTI4Q0JDLUhTMjU2In0." +
		"UGhIOguC7IuEvf_NPVaXsGMoLOmwvc1GyqlIKOK1nN94nHPoltGRhWhw7Zx0-kFm1NJn8LE9XShH59_i8J0PH5ZZyNfGy2xGdULU7sHNF6Gp2vPLgNZ__deLKxGHZ7PcHA" +
		"LUzoOegEI-8E66jX2E4zyJKx-YxzZIItRzC5hlRirb6Y5Cl_p-ko3YvkkysZIFNPccxRU7qve1WYPxqbb2Yw8kZqa2rMWI5ng8OtvzlV7elprCbuPhcCdZ6XDP0_F8rkXd" +
		"s2vE4X-ncOIM8hAYHHi29NX0mcKiRaD0-D-ljQTP-cFPgwCp6X-nZZd9OHBv-B3oWh2TbqmScqXMR4gp_A." +
		"AxY8DCtDaGlsbGljb3RoZQ.KDlTtXchhZTGufMYmOYGS4HffxPSUrfmqCHXaI9wOGY.9hH0vgRfYgPnAHOd8stkvw"

	passwordToken = "eyJhbGciOiJQQkVTMi1IUzUxMitBMjU2S1ciLCJwMnMiOiI4UTFTemluYXNSM3hjaFl6NlpaY0hBIiwicDJjIjo4MTkyLCJjdHkiOiJqd2stc2V0K2pzb24iLCJlbmMiOi" +
		"JBMTI4Q0JDLUhTMjU2In0.d3qNhUWfqheyPp4H8sjOWsDYajoej4c5Je6rlUtFPWdgtURtmeDV1g.VBiCzVHNoLiR3F4V82uoTQ.23i-Tb1AV4n0WKVSSgcQrdg6GRqsUK" +
		"xjruHXYsTHAJLZ2nsnGIX86vMXqIi6IRsfywCRFzLxEcZBRnTvG3nhzPk0GDD7FMyXhUHpDjEYCNA_XOmzg8yZR9oyjo6lTF6si4q9FZ2EhzgFQCLO_6h5EVg3vR75_hkB" +
		"snuoqoM3dwejXBtIodN84PeqMb6asmas_dpSsz7H10fC5ni9xIz424givB1YLldF6exVmL93R3fOoOJbmk2GBQZL_SEGllv2cQsBgeprARsaQ7Bq99tT80coH8ItBjgV08" +
		"AtzXFFsx9qKvC982KLKdPQMTlVJKkqtV4Ru5LEVpBZXBnZrtViSOgyg6AiuwaS-rCrcD_ePOGSuxvgtrokAKYPqmXUeRdjFJwafkYEkiuDCV9vWGAi1DH2xTafhJwcmywI" +
		"yzi4BqRpmdn_N-zl5tuJYyuvKhjKv6ihbsV_k1hJGPGAxJ6wUpmwC4PTQ2izEm0TuSE8oMKdTw8V3kobXZ77ulMwDs4p.0HlwodAhOCILG5SQ2LQ9dg"

	generalToken = `{"protected":"eyJlbmMiOiJBMTI4Q0JDLUhTMjU2In0","unprotected":{"jku":"https://server.example.com/keys.jwks"},` +
		`"recipients":[{"header":{"alg":"A128KW","kid":"7"},"encrypted_key":"6KB707dM9YTIgHtLvtgWQ8mKwboJW3of9locizkDTHzBC2IlrT1oOQ"}],` +
		`"iv":"AxY8DCtDaGlsbGljb3RoZQ","ciphertext":"KDlTtXchhZTGufMYmOYGS4HffxPSUrfmqCHXaI9wOGY","tag":"Mz-VPPyU4RlcuYv1IwIvzw"}`
	flatToken = `{"protected":"eyJlbmMiOiJBMTI4Q0JDLUhTMjU2In0","unprotected":{"jku":"https://server.example.com/keys.jwks"},` +
		`"header":{"alg":"A128KW","kid":"7"},"encrypted_key":"6KB707dM9YTIgHtLvtgWQ8mKwboJW3of9locizkDTHzBC2IlrT1oOQ",` +
		`"iv":"AxY8DCtDaGlsbGljb3RoZQ","ciphertext":"KDlTtXchhZTGufMYmOYGS4HffxPSUrfmqCHXaI9wOGY","tag":"Mz-VPPyU4RlcuYv1IwIvzw"}`
)

// Those of RFC 7520, chapter 5, that are in compact form are among Wycheproof's:
// see TestEncryptedTokens.
func TestEncryptionExamples(t *testing.T) {
	tests := []struct {
		name, token, key, want string
		refused                authz.Reason
	}{
		{name: "RFC 7516 A.1", token: oaepToken, key: oaepKey, want: "The true sign of intelligence is not knowledge but imagination."},
		{name: "RFC 7516 A.2: RSA1_5", token: pkcs15Token, key: oaepKey, refused: authz.ReasonAlgNotAllowed},
		{name: "RFC 7516 A.3", token: kwToken, key: kwKey, want: "Live long and prosper."},
		{name: "RFC 7516 A.4: JSON, general", token: generalToken, key: kwKey, refused: authz.ReasonCredentialMalformed},
		{name: "RFC 7516 A.5: JSON, flattened", token: flatToken, key: kwKey, refused: authz.ReasonCredentialMalformed},
		{name: "RFC 7520 5.3: PBES2", token: passwordToken, key: kwKey, refused: authz.ReasonAlgNotAllowed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := open(tt.token, []byte(tt.key))
			if tt.want != "" {
				if err != nil || string(got) != tt.want {
					t.Errorf("got %q, %v, want %q", got, err, tt.want)
				}
				return
			}
			var denial *authz.Denial
			if !errors.As(err, &denial) || denial.Reason() != tt.refused {
				t.Errorf("err = %v, want %v", err, tt.refused)
			}
		})
	}
}

// RFC 7518, appendix C: the sender's half is Alice's, the key for A128GCM.
func TestAgreementExample(t *testing.T) {
	const (
		alice = `{"kty":"EC","crv":"P-256","x":"gI0GAILBdu7T53akrFmMyGcsF3n5dO7MmwNBHKW5SV0","y":"SLW_xSffzlPWrHEVI30DHM_4egVwt3NQqeUD7nMFpps"}`
		bob   = `{"kty":"EC","crv":"P-256","x":"weNJy2HscCSM6AEDTDg04biOvhFhyyWvOHQfeF_PxMQ","y":"e8lnCO-AlStT-NJVX-crhB7QRYhiix03illJOVAOyck",` +
			`"d":"VEmDZpDXXK8p8N0Cndsxs924q6nS1RXFASRl6BfUqdw"}`
	)
	key, ok := privateOf(t, bob).(*ecdsa.PrivateKey)
	if !ok {
		t.Fatal("not an EC key")
	}
	private, err := key.ECDH()
	if err != nil {
		t.Fatal(err)
	}
	got, err := jwe.DeriveECDHES(private, ephemeralOf(t, alice), "A128GCM", []byte("Alice"), []byte("Bob"), 16)
	if want := "VqqN6vgjbSBcIijNcacQGg"; err != nil || base64.RawURLEncoding.EncodeToString(got) != want {
		t.Errorf("got %x, %v, want %s", got, err, want)
	}
}

// RFC 8037, appendix A.6, whose keys are those of RFC 7748, section 6.1.
func TestX25519Example(t *testing.T) {
	const epk = `{"kty":"OKP","crv":"X25519","x":"hSDwCYkwp1R0i33ctD73Wg2_Og0mOBr066SpjqqbTmo"}`
	d := unhex(t, "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb")
	bob := `{"kty":"OKP","crv":"X25519","kid":"Bob","x":"3p7bfXt9wbTTW2HC7OQ1Nz-DQ8hbeGdNrfx-FG-IK08","d":"` + base64.RawURLEncoding.EncodeToString(d) + `"}`
	private, ok := privateOf(t, bob).(*ecdh.PrivateKey)
	if !ok {
		t.Fatal("not an X25519 key")
	}
	public := ephemeralOf(t, epk)
	z, err := private.ECDH(public)
	if want := "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742"; err != nil || hex.EncodeToString(z) != want {
		t.Fatalf("agreed on %x, %v, want %s", z, err, want)
	}
	got, err := jwe.DeriveECDHES(private, public, "ECDH-ES+A128KW", nil, nil, 16)
	if want := derive(z, "ECDH-ES+A128KW", "", "", 16); err != nil || hex.EncodeToString(got) != hex.EncodeToString(want) {
		t.Errorf("got %x, %v, want %x", got, err, want)
	}
}

func privateOf(t *testing.T, text string) any {
	t.Helper()
	keys, err := jose.ParseDecryptionJWK([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return keys[0].Key
}

func ephemeralOf(t *testing.T, epk string) *ecdh.PublicKey {
	t.Helper()
	header, err := jose.ParseEncryptedHeader(base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"ECDH-ES","enc":"A128GCM","epk":` + epk + `}`)))
	if err != nil {
		t.Fatal(err)
	}
	public, err := header.Ephemeral()
	if err != nil {
		t.Fatal(err)
	}
	return public
}
