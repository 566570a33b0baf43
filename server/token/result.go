package token

// The results of requests, a closed set: they may be a metric's label. Those that
// are errors of RFC 6749, section 5.2, have its words.
const (
	ResultIssued  = "issued"
	ResultRevoked = "revoked"
	// ResultNothing is a revocation of a token that is none, any more or ever.
	ResultNothing = "nothing_to_revoke"

	ResultInvalidRequest     = "invalid_request"
	ResultInvalidClient      = "invalid_client"
	ResultUnauthorizedClient = "unauthorized_client"
	ResultUnsupportedGrant   = "unsupported_grant_type"
	ResultInvalidScope       = "invalid_scope"

	// ResultLimited: asked too often.
	ResultLimited = "limited"
	// ResultUnavailable: nobody can tell at the moment, or the token can't be
	// kept.
	ResultUnavailable = "unavailable"
	// ResultNotConfigured: a secret or a key is missing or can't be used.
	ResultNotConfigured = "not_configured"
	// ResultInternal is a bug.
	ResultInternal = "internal"
)

// Results returns every result.
func Results() []string {
	return []string{
		ResultIssued, ResultRevoked, ResultNothing,
		ResultInvalidRequest, ResultInvalidClient, ResultUnauthorizedClient, ResultUnsupportedGrant, ResultInvalidScope,
		ResultLimited, ResultUnavailable, ResultNotConfigured, ResultInternal,
	}
}

// The operations that are counted.
const (
	OperationToken  = "token"
	OperationRevoke = "revoke"
)

// A Recorder counts requests. Many goroutines may call it.
type Recorder interface {
	// TokenRequest counts a request to the token or the revocation endpoint.
	// operation is [OperationToken] or [OperationRevoke], result one of
	// [Results].
	TokenRequest(operation, result string)
}
