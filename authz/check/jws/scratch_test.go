package jws_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestScratchPermutations(t *testing.T) {
	key, _ := ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	ca := func(c *x509.Certificate) {
		c.IsCA, c.BasicConstraintsValid = true, true
	}
	same := authority(t, nil, "X")
	_ = same
	var nodes []*node
	first := issue(t, nil, "X", key, ca, func(c *x509.Certificate) { c.DNSNames = []string{"a0"} })
	leaf := issue(t, first, "leaf", key)
	nodes = append(nodes, leaf, first)
	for i := 1; i < 4; i++ {
		nodes = append(nodes, issue(t, nil, "X", key, ca, func(c *x509.Certificate) { c.DNSNames = []string{fmt.Sprint("a", i)} }))
	}
	check := build(t, settings(certified(nil)), one(t, withRoot(t))).Check
	tok := token(t, ecKey(), x5c(t, "ES256", nodes...), "x")
	start := time.Now()
	_, err := check.Verify(t.Context(), post(tok, ""))
	t.Log(len(tok), time.Since(start), err)
	tok = token(t, ecKey(), x5c(t, "ES256", nodes[:2]...), "x")
	start = time.Now()
	_, err = check.Verify(t.Context(), post(tok, ""))
	t.Log(len(tok), time.Since(start), err)
}

func TestScratchCost(t *testing.T) {
	var b strings.Builder
	b.WriteString(`{"alg":"EdDSA"`)
	for i := 0; b.Len() < 45<<10; i++ {
		fmt.Fprintf(&b, `,"%x":1`, i)
	}
	b.WriteString("}")
	check := build(t, settings(), one(t)).Check
	tok := token(t, keyOf("zz"), b.String(), "x")
	start := time.Now()
	_, err := check.Verify(t.Context(), post(tok, ""))
	t.Log(len(tok), time.Since(start), err)
}
