//go:build e2e

package e2e

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"slices"
	"sync"
)

// A proofWorld is a world whose senders sign with private keys of their own and
// encrypt to ours.
type proofWorld struct {
	*identityWorld // what is shown besides: tokens and certificates

	pairs  map[string]crypto.Signer // by the path in Vault; the senders' and ours
	tok    signer                   // of jws-key
	agreed *certificate             // both sides know it: jws-shared
	oct    []byte                   // shared: jwe-oct
	certs  *certificateHost
}

// proofs is the world that the rows about signatures, tokens and encryption
// share. The first of them starts it.
var proofs = sync.OnceValue(func() *proofWorld { return newProofWorld(run) })

// proofFiles are its policies.
var proofFiles = []string{"signatures.yaml", "jws.yaml", "jwe.yaml", "httpsig.yaml", "rotations.yaml", "once.yaml"}

func newProofWorld(s scope) *proofWorld {
	s.Helper()
	p := &proofWorld{
		identityWorld: &identityWorld{keys: map[string]signer{}, ours: newAuthority(s, nil), other: newAuthority(s, nil)},
		pairs:         map[string]crypto.Signer{},
		oct:           make([]byte, 32),
	}
	_, _ = rand.Read(p.oct) // never fails
	for _, alg := range []string{"EdDSA", "ES256", "RS256", "PS256"} {
		p.keys[alg] = newSigner(s, "of-"+alg, alg)
	}
	p.issuer = startIssuer(s, p.keys["EdDSA"], p.keys["ES256"], p.keys["RS256"], p.keys["PS256"])
	p.storePairs(s)
	p.certs = startCertificateHost(s, p.pairs["by-url"])

	words := map[string]string{"ISSUER": p.issuer.url, "AUDIENCE": audience, "ANCHORS": p.ours.file}
	folder := fill(s, words, proofFiles...)
	writeInto(s, folder, "combined.yaml", replaceWords(p.proofPairs(), words))
	p.world = newWorld(s, setup{
		config: folder, policies: policyNames(s, folder), flags: []string{"--dev"},
		listeners: slices.Concat(p.listeners(s), p.processors(s), []variant{longHeaders}),
	})
	return p
}

// storePairs makes the keys and puts what hookauthz has of them into Vault.
func (p *proofWorld) storePairs(s scope) {
	s.Helper()
	b := shared.bao
	put := func(path, text string) { b.put(s, path, map[string]string{"key": text}) }
	for _, path := range []string{"sig-raw", "sig-first", "sig-second", "hs-ed"} {
		p.pairs[path] = newPair(s, "ed25519")
	}
	for _, path := range []string{"sig-pkcs1", "sig-pss", "by-url", "hs-rsa", "jwe-rsa", "unread"} {
		p.pairs[path] = newPair(s, "rsa")
	}
	for _, path := range []string{"sig-spki", "jwe-ec"} {
		p.pairs[path] = newPair(s, "p256")
	}
	p.pairs["sig-p384"] = newPair(s, "p384")
	p.tok = newSigner(s, "", "ES256")
	p.agreed = p.ours.issue(s, dns(partnerDNS))

	raw, _ := p.pairs["sig-raw"].Public().(ed25519.PublicKey) // it is one
	put("sig-raw", hex.EncodeToString(raw))
	put("sig-spki", base64.StdEncoding.EncodeToString(spki(p.pairs["sig-spki"])))
	put("sig-p384", string(mustJSON(p384JWK(p.pairs["sig-p384"]))))
	put("sig-pss", certificateOf(s, signer{key: p.pairs["sig-pss"]}))
	for _, path := range []string{"sig-pkcs1", "sig-first", "sig-second", "hs-ed", "hs-rsa"} {
		put(path, publicPEM(p.pairs[path]))
	}
	b.put(s, "jws-shared", map[string]string{"certificate": p.agreed.pem})
	put("jws-key", string(p.tok.publicPEM()))
	put("jwe-rsa", privatePEM(p.pairs["jwe-rsa"]))
	put("jwe-ec", string(mustJSON(map[string]any{"keys": []any{privateJWK(p.pairs["jwe-ec"], "ours")}})))
	secret := base64.RawURLEncoding.EncodeToString(p.oct)
	mustNotLeak(secret)
	put("jwe-oct", string(mustJSON(map[string]any{"kty": "oct", "kid": "shared", "use": "enc", "k": secret})))
	b.put(s, "combined-password", map[string]string{"value": combinedPassword})
	b.mountPKI(s, "token-pki", "senders")
	p.rotating(s)
}
