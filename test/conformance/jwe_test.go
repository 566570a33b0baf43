package conformance

import (
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
	"testing"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/scheme/jose"
	"github.com/hookauthz/hookauthz/authz/scheme/jwe"
)

const (
	gcmKeyWrap = "A128GCMKW, A192GCMKW and A256GCMKW are not among our algorithms: no sender is known that uses them"
	pkcs15     = "RSA1_5 is not among our algorithms: its padding has told attackers the content's key"
	compressed = "zip is refused: what is small can become large"
)

// encryptedExceptions are the tokens that are valid and that we refuse. There is
// none that we open and Wycheproof refuses.
var encryptedExceptions = map[string]map[int]string{
	"json_web_encryption": {
		71: gcmKeyWrap, 72: gcmKeyWrap, 73: gcmKeyWrap, 74: gcmKeyWrap, 75: gcmKeyWrap, 133: gcmKeyWrap,
		100: pkcs15, 101: pkcs15, 102: pkcs15, 103: pkcs15, 104: pkcs15, 105: pkcs15, 112: pkcs15, 128: pkcs15,
		135: compressed,
	},
}

// allEncrypted are the algorithms of a policy that restricts nothing.
var allEncrypted = jwe.Allowed{
	Key: []jwe.KeyAlgorithm{
		jwe.RSAOAEP, jwe.RSAOAEP256, jwe.ECDHES, jwe.ECDHESA128KW, jwe.ECDHESA192KW, jwe.ECDHESA256KW,
		jwe.A128KW, jwe.A192KW, jwe.A256KW, jwe.Dir,
	},
	Content: []jwe.ContentAlgorithm{jwe.A128GCM, jwe.A192GCM, jwe.A256GCM, jwe.A128CBCHS256, jwe.A192CBCHS384, jwe.A256CBCHS512},
}

// open does what a jwe check does with a token and the text of its key.
func open(text string, key []byte) ([]byte, error) {
	token, err := jwe.Parse(text, allEncrypted)
	if err != nil {
		return nil, err
	}
	keys, err := jose.ParseDecryptionJWK(key)
	if err != nil {
		return nil, err
	}
	if !token.Fits(&keys[0]) || token.KeyID() != "" && keys[0].ID != "" && token.KeyID() != keys[0].ID {
		return nil, authz.Deny(authz.ReasonKidUnknown, "the key is not for the token")
	}
	return token.Decrypt(&keys[0])
}

type encryptedGroup struct {
	Comment string          `json:"comment"`
	Private json.RawMessage `json:"private"`
	Tests   []struct {
		ID        int             `json:"tcId"`
		Comment   string          `json:"comment"`
		JWE       json.RawMessage `json:"jwe"`
		Plaintext *string         `json:"pt"`
		Result    string          `json:"result"`
	} `json:"tests"`
}

func TestEncryptedTokens(t *testing.T) {
	tests := []struct {
		file           string
		accept, refuse int
	}{
		{file: "json_web_encryption", accept: 65, refuse: 74},
		{file: "json_web_crypto", accept: 2, refuse: 32}, // the rest is signed: see TestTokens
	}
	for _, tt := range tests {
		t.Run(tt.file, func(t *testing.T) {
			accept, refuse := 0, 0
			var found []int
			for _, g := range load[encryptedGroup](t, tt.file).TestGroups {
				for _, v := range g.Tests {
					if v.JWE == nil {
						continue
					}
					valid := v.Result == "valid"
					if valid {
						accept++
					} else {
						refuse++
					}
					plaintext, err := open(token(v.JWE), g.Private)
					why, excepted := encryptedExceptions[tt.file][v.ID]
					switch {
					case excepted:
						found = append(found, v.ID)
						if err == nil || !valid {
							t.Errorf("%d (%s) is no exception: %s", v.ID, v.Comment, why)
						}
					case valid != (err == nil):
						t.Errorf("%d (%s: %s) is %s: %v", v.ID, g.Comment, v.Comment, v.Result, err)
					case valid && v.Plaintext != nil && hex.EncodeToString(plaintext) != *v.Plaintext:
						t.Errorf("%d (%s): got %x, want %s", v.ID, v.Comment, plaintext, *v.Plaintext)
					}
				}
			}
			slices.Sort(found)
			if want := slices.Sorted(maps.Keys(encryptedExceptions[tt.file])); !slices.Equal(found, want) {
				t.Errorf("exceptions tried = %v, want %v", found, want)
			}
			if accept != tt.accept || refuse != tt.refuse {
				t.Errorf("tried %d to accept and %d to refuse, want %d and %d", accept, refuse, tt.accept, tt.refuse)
			}
		})
	}
}
