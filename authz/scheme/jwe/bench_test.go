package jwe_test

import (
	"strings"
	"testing"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/scheme/jwe"
)

// What a token of 1 KiB costs, by its key.
func BenchmarkDecrypt(b *testing.B) {
	for _, bb := range []struct {
		name    string
		key     any
		a       jwe.KeyAlgorithm
		content jwe.ContentAlgorithm
	}{
		{name: "dir A256GCM", key: shared(32), a: jwe.Dir, content: jwe.A256GCM},
		{name: "dir A128CBC-HS256", key: shared(32), a: jwe.Dir, content: jwe.A128CBCHS256},
		{name: "A256KW A256GCM", key: shared(32), a: jwe.A256KW, content: jwe.A256GCM},
		{name: "RSA-OAEP-256", key: rsaKey(), a: jwe.RSAOAEP256, content: jwe.A256GCM},
		{name: "ECDH-ES P-256", key: ecKey(), a: jwe.ECDHES, content: jwe.A256GCM},
		{name: "ECDH-ES P-521", key: p521Key(), a: jwe.ECDHES, content: jwe.A256GCM},
		{name: "ECDH-ES+A256KW X25519", key: xKey(), a: jwe.ECDHESA256KW, content: jwe.A256GCM},
	} {
		token := encrypt(b, bb.key, bb.a, bb.content, strings.Repeat("x", 1<<10))
		wrong := with(token, 4, encode(make([]byte, 16)))
		for name, text := range map[string]string{"right": token, "wrong": wrong} {
			b.Run(bb.name+"/"+name, func(b *testing.B) {
				key, allowed := &authz.PrivateKey{Key: bb.key}, all()
				b.ReportAllocs()
				for b.Loop() {
					parsed, err := jwe.Parse(text, allowed)
					if err != nil {
						b.Fatal(err)
					}
					if _, err := parsed.Decrypt(key); (err == nil) != (name == "right") {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
