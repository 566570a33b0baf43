package keyset

// For tests of the limits.
const (
	MaxWaiting  = maxWaiting
	MaxInFlight = maxInFlight
)

// ParseMetadata is parseMetadata.
func ParseMetadata(text []byte, issuer string) (keys string, ok bool) {
	keys, cause := parseMetadata(text, issuer, false)
	return keys, cause == ""
}

// WellKnown is wellKnown.
func WellKnown(issuer string) []string { return wellKnown(issuer) }
