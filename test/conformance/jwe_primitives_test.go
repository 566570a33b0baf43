package conformance

import (
	"bytes"
	"crypto/rsa"
	"encoding/hex"
	"testing"

	"github.com/hookauthz/hookauthz/authz/scheme/jose"
	"github.com/hookauthz/hookauthz/authz/scheme/jwe"
)

// What the tokens are made of, vector by vector.

// A cipherGroup has vectors of a cipher that authenticates.
type cipherGroup struct {
	IVSize  int `json:"ivSize"`
	TagSize int `json:"tagSize"`
	KeySize int `json:"keySize"`
	Tests   []struct {
		ID         int    `json:"tcId"`
		Comment    string `json:"comment"`
		Key        string `json:"key"`
		IV         string `json:"iv"`
		AAD        string `json:"aad"`
		Message    string `json:"msg"`
		Ciphertext string `json:"ct"`
		Tag        string `json:"tag"`
		Result     string `json:"result"`
	} `json:"tests"`
}

func TestContentEncryption(t *testing.T) {
	gcm := map[int]jwe.ContentAlgorithm{128: jwe.A128GCM, 192: jwe.A192GCM, 256: jwe.A256GCM}
	tests := []struct {
		file           string
		algorithm      func(keySize int) jwe.ContentAlgorithm
		accept, refuse int
		// lengths are vectors with an iv or tag that RFC 7518 does not permit.
		// They are refused, valid or not.
		lengths int
	}{
		{file: "aes_gcm", algorithm: func(size int) jwe.ContentAlgorithm { return gcm[size] }, accept: 116, refuse: 81, lengths: 119},
		{file: "a128cbc_hs256", algorithm: func(int) jwe.ContentAlgorithm { return jwe.A128CBCHS256 }, accept: 67, refuse: 27},
		{file: "a192cbc_hs384", algorithm: func(int) jwe.ContentAlgorithm { return jwe.A192CBCHS384 }, accept: 67, refuse: 27},
		{file: "a256cbc_hs512", algorithm: func(int) jwe.ContentAlgorithm { return jwe.A256CBCHS512 }, accept: 67, refuse: 27},
	}
	for _, tt := range tests {
		t.Run(tt.file, func(t *testing.T) {
			accept, refuse, lengths := 0, 0, 0
			for _, g := range load[cipherGroup](t, tt.file).TestGroups {
				a := tt.algorithm(g.KeySize)
				for _, v := range g.Tests {
					key, iv, aad, want := unhex(t, v.Key), unhex(t, v.IV), unhex(t, v.AAD), unhex(t, v.Message)
					got, err := jwe.Open(a, key, iv, aad, unhex(t, v.Ciphertext), unhex(t, v.Tag))
					switch {
					case tt.file == "aes_gcm" && (g.IVSize != 96 || g.TagSize != 128):
						lengths++
						if err == nil {
							t.Errorf("%d (%s): an iv of %d bits and a tag of %d were taken", v.ID, v.Comment, g.IVSize, g.TagSize)
						}
						continue
					case v.Result == "valid":
						accept++
					default:
						refuse++
						if err == nil {
							t.Errorf("%d (%s): opened", v.ID, v.Comment)
						}
						continue
					}
					if err != nil || !bytes.Equal(got, want) {
						t.Errorf("%d (%s): got %x, %v, want %x", v.ID, v.Comment, got, err, want)
					}
					ciphertext, tag, err := jwe.Seal(a, key, iv, aad, want)
					if err != nil || hex.EncodeToString(ciphertext) != v.Ciphertext || hex.EncodeToString(tag) != v.Tag {
						t.Errorf("%d (%s): sealed as %x, %x, %v", v.ID, v.Comment, ciphertext, tag, err)
					}
				}
			}
			if accept != tt.accept || refuse != tt.refuse || lengths != tt.lengths {
				t.Errorf("tried %d to accept, %d to refuse, %d of other lengths; want %d, %d, %d", accept, refuse, lengths, tt.accept, tt.refuse, tt.lengths)
			}
		})
	}
}

type wrapGroup struct {
	Tests []struct {
		ID      int      `json:"tcId"`
		Comment string   `json:"comment"`
		Flags   []string `json:"flags"`
		Key     string   `json:"key"`
		Message string   `json:"msg"`
		Wrapped string   `json:"ct"`
		Result  string   `json:"result"`
	} `json:"tests"`
}

func TestKeyWrap(t *testing.T) {
	accept, refuse, acceptable := 0, 0, 0
	for _, g := range load[wrapGroup](t, "aes_wrap").TestGroups {
		for _, v := range g.Tests {
			kek, want := unhex(t, v.Key), unhex(t, v.Message)
			got, err := jwe.Unwrap(kek, unhex(t, v.Wrapped))
			switch v.Result {
			case "valid":
				accept++
				wrapped, wrapErr := jwe.Wrap(kek, want)
				if err != nil || !bytes.Equal(got, want) || wrapErr != nil || hex.EncodeToString(wrapped) != v.Wrapped {
					t.Errorf("%d (%s): got %x, %v; wrapped as %x, %v", v.ID, v.Comment, got, err, wrapped, wrapErr)
				}
			case "acceptable":
				// A key of 8 bytes: RFC 3394 has none so short.
				acceptable++
				if err == nil {
					t.Errorf("%d (%s): a key of %d bytes was unwrapped", v.ID, v.Comment, len(want))
				}
			default:
				refuse++
				if err == nil {
					t.Errorf("%d (%s): unwrapped", v.ID, v.Comment)
				}
			}
		}
	}
	if accept != 36 || refuse != 126 || acceptable != 3 {
		t.Errorf("tried %d to accept, %d to refuse, %d acceptable", accept, refuse, acceptable)
	}
}

type oaepGroup struct {
	SHA     string `json:"sha"`
	MGFSHA  string `json:"mgfSha"`
	KeySize int    `json:"keySize"`
	PEM     string `json:"privateKeyPem"`
	Tests   []struct {
		ID      int    `json:"tcId"`
		Comment string `json:"comment"`
		Message string `json:"msg"`
		Wrapped string `json:"ct"`
		Label   string `json:"label"`
		Result  string `json:"result"`
	} `json:"tests"`
}

func TestOAEP(t *testing.T) {
	tests := []struct {
		file           string
		accept, refuse int
		// labels are vectors with a label, of which JWE knows none; weak those
		// with a key that is too short for us or has three primes; hashes those
		// with hashes that JWE does not have.
		labels, weak, hashes int
	}{
		{file: "rsa_oaep_2048_sha1_mgf1sha1", accept: 10, refuse: 19, labels: 7},
		{file: "rsa_oaep_2048_sha256_mgf1sha256", accept: 10, refuse: 19, labels: 8},
		{file: "rsa_oaep_3072_sha256_mgf1sha256", accept: 10, refuse: 19, labels: 8},
		{file: "rsa_oaep_4096_sha256_mgf1sha256", accept: 10, refuse: 19, labels: 8},
		{file: "rsa_oaep_misc", accept: 21, labels: 16, weak: 9, hashes: 349},
		{file: "rsa_three_primes_oaep_2048_sha1_mgf1sha1", weak: 36},
		{file: "rsa_three_primes_oaep_4096_sha256_mgf1sha256", weak: 36},
	}
	for _, tt := range tests {
		t.Run(tt.file, func(t *testing.T) {
			accept, refuse, labels, weak, hashes := 0, 0, 0, 0, 0
			for _, g := range load[oaepGroup](t, tt.file).TestGroups {
				a, known := map[string]jwe.KeyAlgorithm{"SHA-1": jwe.RSAOAEP, "SHA-256": jwe.RSAOAEP256}[g.SHA]
				if !known || g.SHA != g.MGFSHA {
					hashes += len(g.Tests)
					continue
				}
				key, ok := rsaOf(g.PEM)
				if !ok {
					weak += len(g.Tests)
					continue
				}
				for _, v := range g.Tests {
					got, err := jwe.UnwrapRSA(a, key, unhex(t, v.Wrapped))
					switch {
					case v.Label != "":
						labels++
						if err == nil {
							t.Errorf("%d (%s): a label was not looked at", v.ID, v.Comment)
						}
					case v.Result == "invalid":
						refuse++
						if err == nil {
							t.Errorf("%d (%s): unwrapped", v.ID, v.Comment)
						}
					default:
						accept++
						if err != nil || hex.EncodeToString(got) != v.Message {
							t.Errorf("%d (%s): got %x, %v, want %s", v.ID, v.Comment, got, err, v.Message)
						}
					}
				}
			}
			if accept != tt.accept || refuse != tt.refuse || labels != tt.labels || weak != tt.weak || hashes != tt.hashes {
				t.Errorf("tried %d to accept, %d to refuse, %d labels, %d weak, %d hashes; want %d, %d, %d, %d, %d",
					accept, refuse, labels, weak, hashes, tt.accept, tt.refuse, tt.labels, tt.weak, tt.hashes)
			}
		})
	}
}

// rsaOf reads a key as those of policies are read.
func rsaOf(text string) (*rsa.PrivateKey, bool) {
	keys, err := jose.ParseDecryptionPEM([]byte(text))
	if err != nil {
		return nil, false
	}
	key, ok := keys[0].Key.(*rsa.PrivateKey)
	return key, ok
}
