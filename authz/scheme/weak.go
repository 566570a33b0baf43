package scheme

import "crypto/x509"

// IsWeak reports whether a signature of that algorithm on a certificate or a
// revocation list counts for nothing. Only those with SHA-256 or better, and
// Ed25519, count; what is not known does not.
func IsWeak(algorithm x509.SignatureAlgorithm) bool {
	switch algorithm {
	case x509.SHA256WithRSA, x509.SHA384WithRSA, x509.SHA512WithRSA,
		x509.SHA256WithRSAPSS, x509.SHA384WithRSAPSS, x509.SHA512WithRSAPSS,
		x509.ECDSAWithSHA256, x509.ECDSAWithSHA384, x509.ECDSAWithSHA512, x509.PureEd25519:
		return false
	default:
		return true
	}
}
