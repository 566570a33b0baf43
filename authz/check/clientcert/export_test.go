package clientcert

// A Pair is a key of X-Forwarded-Client-Cert with its value.
type Pair struct{ Key, Value string }

// ParseXFCC is the header's parser.
func ParseXFCC(value string) ([]Pair, error) {
	pairs, err := parseXFCC(value)
	var all []Pair
	for _, p := range pairs {
		all = append(all, Pair{p.key, p.value})
	}
	return all, err
}

// DecodeCertificates decodes URL-encoded PEM.
func DecodeCertificates(text string, most int) ([][]byte, bool) {
	return decodeCertificates(text, most)
}

// ParseDN returns the canonical text of a name as a policy writes it.
func ParseDN(text string) (string, bool) { return parseDN(text) }

// CanonicalDN returns the canonical text of a name in DER.
func CanonicalDN(der []byte) (string, bool) { return canonicalDN(der) }
