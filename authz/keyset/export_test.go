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

// Places returns how many entries of policies are remembered.
func (b *ByURL) Places() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.places)
}
