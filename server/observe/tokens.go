package observe

// TokenRequest counts a request to the token endpoint: operation is token or
// revoke, and result what became of it. Words that are not known count as
// "other", so that no client can make a series.
func (m *Metrics) TokenRequest(operation, result string) {
	m.tokenRequests.WithLabelValues(knownOperation(operation), knownResult(result)).Inc()
}

func knownOperation(operation string) string {
	switch operation {
	case "token", "revoke":
		return operation
	}
	return labelOther
}

// knownResult knows the errors of RFC 6749, section 5.2, that the endpoint gives,
// and what else may become of a request.
func knownResult(result string) string {
	switch result {
	case "issued", "revoked", "nothing_to_revoke",
		"invalid_request", "invalid_client", "unauthorized_client", "unsupported_grant_type", "invalid_scope",
		"limited", "unavailable", "not_configured", "internal":
		return result
	}
	return labelOther
}
