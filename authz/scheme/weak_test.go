package scheme_test

import (
	"crypto/x509"
	"testing"

	"github.com/hookauthz/hookauthz/authz/scheme"
)

func TestIsWeak(t *testing.T) {
	for algorithm := x509.UnknownSignatureAlgorithm; algorithm <= x509.PureEd25519+1; algorithm++ {
		want := true
		switch algorithm {
		case x509.SHA256WithRSA, x509.SHA384WithRSA, x509.SHA512WithRSA, x509.SHA256WithRSAPSS, x509.SHA384WithRSAPSS,
			x509.SHA512WithRSAPSS, x509.ECDSAWithSHA256, x509.ECDSAWithSHA384, x509.ECDSAWithSHA512, x509.PureEd25519:
			want = false
		default:
		}
		if got := scheme.IsWeak(algorithm); got != want {
			t.Errorf("IsWeak(%v) = %v, want %v", algorithm, got, want)
		}
	}
}
