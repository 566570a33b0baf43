package clientcert_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"math"
	"net"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

// What senders may choose costs memory by its length, and no more for being
// odd. Bytes are counted, since time depends on the machine.
func TestHostileInputCostsLittle(t *testing.T) {
	const (
		quarter, whole = 15 << 10, 60 << 10
		// little is what an input costs that is refused where it begins.
		little = 0.1
		// copied is a few copies.
		copied = 4
		// parsed is what package x509 makes of names of one letter or none: a
		// string, or a URL, for each.
		parsed = 40
		// growth is for twice the input. It is looked at over two doublings,
		// since slices grow in steps; 16 would be quadratic.
		growth = 2.5 * 2.5
	)
	s := newSmith(t)
	repeat := func(before, part, after string) func(int) *authz.Request {
		return func(size int) *authz.Request {
			return proxied(before + strings.Repeat(part, (size-len(before)-len(after))/len(part)) + after)
		}
	}
	tests := []struct {
		name string
		make func(size int) *authz.Request
		most float64 // allocated bytes for each byte of input
		says string  // in the detail
	}{
		{name: "semicolons", make: repeat("", ";", ""), most: little, says: "keys that Envoy writes"},
		{name: "commas", make: repeat("", ",", ""), most: little, says: "keys that Envoy writes"},
		{name: "equals signs", make: repeat("", "=", ""), most: little, says: "keys that Envoy writes"},
		{name: "separators of all kinds", make: repeat("By=", ";,=", ""), most: little, says: "keys that Envoy writes"},
		{name: "one value of equals signs", make: repeat("By=", "=", ""), most: little, says: "no Hash"},
		{name: "elements", make: repeat("By=a", ",By=a", ""), most: little, says: "more than one element"},
		{name: "quotes", make: repeat("", `"`, ""), most: little, says: "keys that Envoy writes"},
		{name: "quotes behind a key", make: repeat("Subject=", `"`, ""), most: little, says: "quoted"},
		{name: "a quote that does not end", make: repeat(`Subject="`, "a", ""), most: little, says: "quoted"},
		{name: "escaped quotes", make: repeat(`Subject="`, `\"`, `"`), most: copied, says: "no Hash"},
		{name: "escaped quotes without an end", make: repeat(`Subject="`, `\"`, ""), most: little, says: "quoted"},
		{name: "backslashes", make: repeat(`Subject="`, `\`, `"`), most: copied, says: "no Hash"},
		{name: "10000 pairs", make: repeat("DNS=a", ";DNS=", ""), most: 1, says: "too many keys"},
		{name: "10000 quoted pairs", make: repeat("DNS=a", `;URI=""`, ""), most: 1, says: "too many keys"},
		{name: "one long key", make: repeat("", "B", "=a"), most: little, says: "keys that Envoy writes"},
		{name: "percent signs", make: repeat(`Hash=a;Cert="`, "%", `"`), most: copied, says: "Cert is not"},
		{name: "percent signs, encoded", make: repeat(`Hash=a;Cert="`, "%25", `"`), most: copied, says: "Cert is not"},
		{name: "letters, encoded", make: repeat(`Hash=a;Chain="`, "%41", `"`), most: copied, says: "Chain is not"},
		{name: "line ends, encoded", make: repeat(`Hash=a;Chain="`, "%0A", `"`), most: copied, says: "Chain is not"},
		{name: "begin lines", make: repeat(`Hash=a;Chain="`, "-----BEGIN%20CERTIFICATE-----%0A", `"`), most: copied, says: "Chain is not"},
		{name: "empty blocks", make: repeat(`Hash=a;Chain="`, emptyBlock, `"`), most: copied, says: "Chain is not"},
		{name: "tiny blocks", make: repeat(`Hash=a;Chain="`, tinyBlock, `"`), most: copied, says: "Chain is not"},
		{name: "garbage in PEM", make: func(size int) *authz.Request { return shownOn(garbage(size)) }, most: copied, says: "can't be parsed"},
		{name: "garbage without PEM", make: func(size int) *authz.Request { return shownOn(strings.Repeat("A", size)) }, most: copied, says: "not one URL-encoded"},
		{name: "garbage in PEM in the header", make: func(size int) *authz.Request {
			return proxied(s.element([]string{garbage(size - 200)}))
		}, most: copied, says: "can't be parsed"},

		{name: "5 certificates with 10000 DNS names", make: s.chainOf(func(c *x509.Certificate, n int) { c.DNSNames = times("a", n/3) }), most: parsed, says: "no trust anchor"},
		{name: "5 certificates with empty DNS names", make: s.chainOf(func(c *x509.Certificate, n int) {
			c.ExtraExtensions = append(c.ExtraExtensions, rawNames(2, times("", n/2)...))
		}), most: parsed, says: "no trust anchor"},
		{name: "5 certificates with URIs", make: s.chainOf(func(c *x509.Certificate, n int) {
			c.ExtraExtensions = append(c.ExtraExtensions, rawNames(6, times("a:", n/4)...))
		}), most: parsed, says: "no trust anchor"},
		{name: "5 certificates with addresses", make: s.chainOf(func(c *x509.Certificate, n int) {
			for range n / 6 {
				c.IPAddresses = append(c.IPAddresses, net.IPv4(192, 0, 2, 1))
			}
		}), most: parsed, says: "no trust anchor"},
		{name: "names and constraints", make: s.constrained, most: parsed, says: "no trust anchor"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			small, smallSize := s.cost(t, tt.make(quarter), tt.says)
			large, size := s.cost(t, tt.make(whole), tt.says)
			if size > whole || size < whole*3/4 {
				t.Fatalf("the input has %d bytes", size)
			}
			if large > tt.most*float64(size) {
				t.Errorf("allocates %.0f bytes for %d, over %v for each", large, size, tt.most)
			}
			if large > growth*small {
				t.Errorf("allocates %.0f bytes for %d and %.0f for %d: more than linear", small, smallSize, large, size)
			}
			t.Logf("%.2f bytes for each of %d, %.2f times as many as for a quarter", large/float64(size), size, large/small)
		})
	}
}

// What is over the limit is not read, such as five certificates that have 10000
// names each.
func TestTooLongCostsNothing(t *testing.T) {
	s := newSmith(t)
	names := s.chain(240<<10, func(c *x509.Certificate, _, _ int) { c.DNSNames = times("a", 10000) })
	tests := []struct {
		name string
		r    *authz.Request
	}{
		{name: "a byte over", r: proxied(strings.Repeat("%", 64<<10+1))},
		{name: "names", r: names},
		{name: "16 MiB in the header", r: proxied(strings.Repeat("%", 16<<20))},
		{name: "16 MiB on the connection", r: shownOn(strings.Repeat("%", 16<<20))},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got, size := s.cost(t, tt.r, "64 KiB"); got > 1024 {
				t.Errorf("allocates %.0f for %d bytes", got, size)
			}
		})
	}
}

// shownOn is a request with that text for the connection's certificate.
func shownOn(text string) *authz.Request {
	r := authztest.Request("POST", "/h", "body")
	r.Certificate = text
	return r
}

// The PEM of no byte and of one.
const (
	emptyBlock = "-----BEGIN%20CERTIFICATE-----%0A%0A-----END%20CERTIFICATE-----%0A"
	tinyBlock  = "-----BEGIN%20CERTIFICATE-----%0AAA==%0A-----END%20CERTIFICATE-----%0A"
)

// garbage is a PEM block of about size bytes with no certificate in it.
func garbage(size int) string {
	lines := strings.Repeat(strings.Repeat("A", 64)+"%0A", (size-80)/67)
	return "-----BEGIN%20CERTIFICATE-----%0A" + lines + "-----END%20CERTIFICATE-----%0A"
}

func times(text string, n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = text
	}
	return all
}

// A smith makes certificates of a sender who has keys and no authority's trust.
type smith struct {
	tb     testing.TB
	key    ed25519.PrivateKey
	checks map[bool]authz.Check // by whether the header counts
}

func newSmith(tb testing.TB) *smith {
	tb.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	ca := authority(tb, nil, "Root")
	settings := func(source string) *policypb.ClientCertificate {
		return &policypb.ClientCertificate{DnsNames: []string{"client.example.org"}, Source: source}
	}
	return &smith{tb: tb, key: key, checks: map[bool]authz.Check{
		true: newCheck(tb, settings("xfcc"), trusting(ca)), false: newCheck(tb, settings("connection"), trusting(ca)),
	}}
}

// element is the header for certificates as they are encoded.
func (s *smith) element(texts []string) string {
	s.tb.Helper()
	lines := strings.NewReplacer("%0A", "", "-----BEGIN%20CERTIFICATE-----", "", "-----END%20CERTIFICATE-----", "", "%2B", "+", "%2F", "/", "%3D", "=").Replace(texts[0])
	der, err := base64.StdEncoding.DecodeString(lines)
	if err != nil {
		s.tb.Fatal(err)
	}
	sum := sha256.Sum256(der)
	return "Hash=" + hex.EncodeToString(sum[:]) + `;Chain="` + strings.Join(texts, "") + `"`
}

// chainOf returns a maker of headers with five certificates, each of which signed
// the one before it. fill puts names of n bytes into one.
func (s *smith) chainOf(fill func(c *x509.Certificate, n int)) func(size int) *authz.Request {
	return func(size int) *authz.Request {
		return s.chain(size, func(c *x509.Certificate, n, _ int) { fill(c, n) })
	}
}

// chain makes a header of nearly size bytes, with twice the names for twice the
// size. fill is told the place in the chain, 0 for the sender's.
func (s *smith) chain(size int, fill func(c *x509.Certificate, n, place int)) *authz.Request {
	s.tb.Helper()
	const certificates = 5
	// Base64, its lines, their escapes and the rest of a certificate add as much
	// again, nearly.
	n := size / certificates * 5 / 8
	var texts []string
	var parent *node
	for place := certificates - 1; place >= 0; place-- {
		change := func(c *x509.Certificate) {
			c.DNSNames = nil
			fill(c, n, place)
		}
		if place == 0 {
			parent = leafOf(s.tb, parent, s.key, change)
		} else {
			parent = authorityOf(s.tb, parent, s.key, "A"+strconv.Itoa(place), change)
		}
		texts = append([]string{encode(parent)}, texts...)
	}
	return proxied(s.element(texts))
}

// constrained is a sender's certificate full of names below authorities full of
// constraints, each of which must be held against each name.
func (s *smith) constrained(size int) *authz.Request {
	return s.chain(size, func(c *x509.Certificate, n, place int) {
		if place == 0 {
			c.DNSNames = times("a", n/3)
			return
		}
		c.PermittedDNSDomains, c.ExcludedDNSDomains = times("a", n/10), times("b", n/10)
	})
}

// cost returns how many bytes the check allocates to refuse r, and how many r has.
func (s *smith) cost(t *testing.T, r *authz.Request, says string) (allocated float64, size int) {
	t.Helper()
	value, _ := r.Header.Line("x-forwarded-client-cert")
	check, ctx := s.checks[value != ""], t.Context()
	_, err := check.Verify(ctx, r)
	if err == nil || !strings.Contains(err.Error(), says) {
		t.Fatalf("error = %v, want it to say %q", err, says)
	}
	// Others may allocate meanwhile: the least counts.
	allocated = math.MaxFloat64
	for range 5 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err = check.Verify(ctx, r)
		runtime.ReadMemStats(&after)
		allocated = min(allocated, float64(after.TotalAlloc-before.TotalAlloc))
	}
	if err == nil {
		t.Fatal("passed")
	}
	return allocated, len(value) + len(r.Certificate)
}
