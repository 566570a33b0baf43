package authz

// A Class groups reasons that a sender is answered alike. For each but
// [ClassInternal] and [ClassUnavailable] a policy may choose another status.
type Class uint8

// The classes of denial. The zero Class is internal, so that a denial nobody
// classified is our own trouble.
const (
	ClassInternal      Class = iota // a bug, or a gateway that is not set up as the policy says
	ClassMissing                    // no credential, or no value for a part of the signed message
	ClassMalformed                  // a credential that can't be read, or stands twice
	ClassInvalid                    // a credential that does not hold
	ClassStale                      // authentic, but outside its time window
	ClassForbidden                  // authentic or not, this may not come from there
	ClassNoPolicy                   // no route matches
	ClassAmbiguous                  // the request has more than one reading
	ClassTooLarge                   // the body is over the limit, or was cut
	ClassNotConfigured              // a secret that the policy names is missing, or no good
	ClassUnavailable                // no verdict could be reached; the sender may retry
	ClassLimited                    // this sender, or this policy, asks too often
	ClassReplayed                   // authentic, and here before
	classCount
)

var classNames = [classCount]string{ //nolint:gochecknoglobals // a table that nobody writes
	ClassInternal:      "internal",
	ClassMissing:       "missing",
	ClassMalformed:     "malformed",
	ClassInvalid:       "invalid",
	ClassStale:         "stale",
	ClassForbidden:     "forbidden",
	ClassNoPolicy:      "no_policy",
	ClassAmbiguous:     "ambiguous",
	ClassTooLarge:      "too_large",
	ClassNotConfigured: "not_configured",
	ClassUnavailable:   "unavailable",
	ClassLimited:       "limited",
	ClassReplayed:      "replayed",
}

// String returns the word that policy files, logs and metrics use.
func (c Class) String() string {
	if c < classCount {
		return classNames[c]
	}
	return classNames[ClassInternal]
}

// Classes returns every class in the order of their numbers.
func Classes() []Class {
	all := make([]Class, classCount)
	for i := range all {
		all[i] = Class(i)
	}
	return all
}

// A Reason is why a request was decided as it was. The set is closed, so a
// reason may be a metric label. Its zero value is [ReasonBug].
type Reason uint8

// The reasons, in the order of their classes. docs/decision-log.md has the
// cause, the check and the fix for each.
const (
	ReasonBug Reason = iota
	ReasonGuardTripped
	ReasonPolicyNotFound
	ReasonBodyNotForwarded
	ReasonBodyNotRaw
	ReasonGatewayNotAttested

	ReasonCredentialMissing
	ReasonPartMissing

	ReasonCredentialMalformed
	ReasonDuplicateHeader
	ReasonValueAmbiguous
	ReasonBodyUnsigned
	ReasonBodyEmpty

	ReasonSignatureMismatch
	ReasonAssertionFailed
	ReasonAPIKeyInvalid
	ReasonBasicInvalid
	ReasonAlgNotAllowed
	ReasonKidUnknown
	ReasonTokenInvalid
	ReasonDecryptionFailed

	ReasonTimestampStale
	ReasonTimestampFuture
	ReasonTokenExpired
	ReasonTokenNotYetValid

	ReasonMethodNotAllowed
	ReasonIPNotAllowed
	ReasonPolicyNotAllowed
	ReasonClaimMismatch
	ReasonCertificateUntrusted
	ReasonCertificateExpired
	ReasonCertificateRevoked
	ReasonCertificateNotAllowed

	ReasonReplayed

	ReasonSenderLimit

	ReasonRouteNotFound

	ReasonPathAmbiguous
	ReasonHostAmbiguous
	ReasonShapeAmbiguous

	ReasonBodyTooLarge
	ReasonBodyTruncated

	ReasonSecretMissing
	ReasonSecretForbidden
	ReasonSecretWeak
	ReasonSecretInvalid

	ReasonNotReady
	ReasonSecretUnavailable
	ReasonKeySetUnavailable
	ReasonIntrospectionUnavailable
	ReasonTokenStoreUnavailable
	ReasonCRLUnavailable
	ReasonReplayStoreUnavailable
	ReasonDeadline
	ReasonOverloaded

	// ReasonVerified is the only reason of an allow.
	ReasonVerified
	reasonCount
)

// reasons gives each reason its word, its class and the sentinel that an error
// with this reason matches. A nil sentinel is internal trouble.
var reasons = [reasonCount]struct { //nolint:gochecknoglobals // a table that nobody writes
	text  string
	class Class
	group error
}{
	ReasonBug:                {"bug", ClassInternal, nil},
	ReasonGuardTripped:       {"guard_tripped", ClassInternal, nil},
	ReasonPolicyNotFound:     {"policy_not_found", ClassInternal, nil},
	ReasonBodyNotForwarded:   {"body_not_forwarded", ClassInternal, nil},
	ReasonBodyNotRaw:         {"body_not_raw", ClassInternal, nil},
	ReasonGatewayNotAttested: {"gateway_not_attested", ClassInternal, nil},

	ReasonCredentialMissing: {"credential_missing", ClassMissing, ErrAbsent},
	ReasonPartMissing:       {"part_missing", ClassMissing, ErrRejected},

	ReasonCredentialMalformed: {"credential_malformed", ClassMalformed, ErrRejected},
	ReasonDuplicateHeader:     {"duplicate_header", ClassMalformed, ErrRejected},
	ReasonValueAmbiguous:      {"value_ambiguous", ClassMalformed, ErrRejected},
	ReasonBodyUnsigned:        {"body_unsigned", ClassMalformed, ErrRejected},
	ReasonBodyEmpty:           {"body_empty", ClassMalformed, ErrRejected},

	ReasonSignatureMismatch: {"signature_mismatch", ClassInvalid, ErrRejected},
	ReasonAssertionFailed:   {"assertion_failed", ClassInvalid, ErrRejected},
	ReasonAPIKeyInvalid:     {"api_key_invalid", ClassInvalid, ErrRejected},
	ReasonBasicInvalid:      {"basic_invalid", ClassInvalid, ErrRejected},
	ReasonAlgNotAllowed:     {"alg_not_allowed", ClassInvalid, ErrRejected},
	ReasonKidUnknown:        {"kid_unknown", ClassInvalid, ErrRejected},
	ReasonTokenInvalid:      {"token_invalid", ClassInvalid, ErrRejected},
	ReasonDecryptionFailed:  {"decryption_failed", ClassInvalid, ErrRejected},

	ReasonTimestampStale:   {"timestamp_stale", ClassStale, ErrRejected},
	ReasonTimestampFuture:  {"timestamp_future", ClassStale, ErrRejected},
	ReasonTokenExpired:     {"token_expired", ClassStale, ErrRejected},
	ReasonTokenNotYetValid: {"token_not_yet_valid", ClassStale, ErrRejected},

	ReasonMethodNotAllowed:      {"method_not_allowed", ClassForbidden, ErrRejected},
	ReasonIPNotAllowed:          {"ip_not_allowed", ClassForbidden, ErrUnmatched},
	ReasonPolicyNotAllowed:      {"policy_not_allowed", ClassForbidden, ErrRejected},
	ReasonClaimMismatch:         {"claim_mismatch", ClassForbidden, ErrRejected},
	ReasonCertificateUntrusted:  {"certificate_untrusted", ClassForbidden, ErrRejected},
	ReasonCertificateExpired:    {"certificate_expired", ClassForbidden, ErrRejected},
	ReasonCertificateRevoked:    {"certificate_revoked", ClassForbidden, ErrRejected},
	ReasonCertificateNotAllowed: {"certificate_not_allowed", ClassForbidden, ErrRejected},

	ReasonReplayed: {"replayed", ClassReplayed, ErrRejected},

	ReasonSenderLimit: {"sender_limit", ClassLimited, ErrRejected},

	ReasonRouteNotFound: {"route_not_found", ClassNoPolicy, ErrRejected},

	ReasonPathAmbiguous:  {"path_ambiguous", ClassAmbiguous, ErrRejected},
	ReasonHostAmbiguous:  {"host_ambiguous", ClassAmbiguous, ErrRejected},
	ReasonShapeAmbiguous: {"shape_ambiguous", ClassAmbiguous, ErrRejected},

	ReasonBodyTooLarge:  {"body_too_large", ClassTooLarge, ErrRejected},
	ReasonBodyTruncated: {"body_truncated", ClassTooLarge, ErrRejected},

	ReasonSecretMissing:   {"secret_missing", ClassNotConfigured, ErrNotConfigured},
	ReasonSecretForbidden: {"secret_forbidden", ClassNotConfigured, ErrNotConfigured},
	ReasonSecretWeak:      {"secret_weak", ClassNotConfigured, ErrNotConfigured},
	ReasonSecretInvalid:   {"secret_invalid", ClassNotConfigured, ErrNotConfigured},

	ReasonNotReady:                 {"not_ready", ClassUnavailable, ErrUnavailable},
	ReasonSecretUnavailable:        {"secret_unavailable", ClassUnavailable, ErrUnavailable},
	ReasonKeySetUnavailable:        {"keyset_unavailable", ClassUnavailable, ErrUnavailable},
	ReasonIntrospectionUnavailable: {"introspection_unavailable", ClassUnavailable, ErrUnavailable},
	ReasonTokenStoreUnavailable:    {"token_store_unavailable", ClassUnavailable, ErrUnavailable},
	ReasonCRLUnavailable:           {"crl_unavailable", ClassUnavailable, ErrUnavailable},
	ReasonReplayStoreUnavailable:   {"replay_store_unavailable", ClassUnavailable, ErrUnavailable},
	ReasonDeadline:                 {"deadline", ClassUnavailable, ErrUnavailable},
	ReasonOverloaded:               {"overloaded", ClassUnavailable, ErrUnavailable},

	// An allow has no class. Asked for one all the same, it is our trouble.
	ReasonVerified: {"verified", ClassInternal, nil},
}

// String returns the word that logs, metrics and documentation use.
func (r Reason) String() string { return r.row().text }

// Class returns the answer class of r. An unknown reason is internal.
func (r Reason) Class() Class { return r.row().class }

func (r Reason) row() *struct {
	text  string
	class Class
	group error
} {
	if r >= reasonCount {
		r = ReasonBug
	}
	return &reasons[r]
}

// Reasons returns every reason in the order of their numbers.
func Reasons() []Reason {
	all := make([]Reason, reasonCount)
	for i := range all {
		all[i] = Reason(i)
	}
	return all
}
