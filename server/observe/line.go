package observe

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/hookauthz/hookauthz/authz"
)

// Schema is the first field of every decision. It changes when a field is
// renamed, removed or means something else, not when one is added.
const Schema = "hookauthz.decision.v1"

// Bounds of what the sender or the gateway wrote, in bytes before escaping. A
// longer value is cut and ends in "…". HTTP names no limits: these keep a line
// under 4 KiB, what a pipe takes in one piece on Linux, in all but odd cases.
const (
	maxID        = 128
	maxMethod    = 32
	maxHost      = 255
	maxPath      = 512
	maxPrincipal = 256
	maxDetail    = 256
	maxName      = 64
	maxChecks    = 32
)

// appendLine appends the decision as one line of JSON.
//
// Fields, in this order; those marked * are left out when empty:
//
//	schema             "hookauthz.decision.v1"
//	time               when the request came in, RFC 3339 with nanoseconds, UTC
//	decision_id        also sent to the sender and to the gateway's access log
//	trace_id *         of the trace that the decision is part of, hex
//	request_id *       the gateway's x-request-id
//	stream_id *        the gateway's id of the HTTP stream
//	policy *           the policy that decided
//	selected_by *      context_extension, grpc_metadata, route_metadata or route
//	adapter *          ext_authz or ext_proc: how the gateway asked
//	config_hash *      the policy table that decided
//	mode               "enforce", or "monitor" if the policy only watched: the
//	                   request passed, and decision, class and reason say what
//	                   would have become of it
//	decision           "allow" or "deny"
//	status             the HTTP status of the answer, 200 if the request passed
//	class *            of a denial
//	reason             one of a closed set
//	detail *           explains the reason, in words of ours
//	checks *           those that ran: kind, name *, result (passed, absent,
//	                   unmatched, rejected, trouble), reason, duration_us
//	replay *           of a policy with replay protection: new, repeat (the same
//	                   stream asked again), replayed, unavailable, or local (the
//	                   store could not tell, this process has not seen it)
//	delivery_id *      the sender's own id of the delivery, sanitised and bounded
//	principal *        who was verified
//	key *              the id or fingerprint of the public key that matched
//	secret *           the name of the secret that matched
//	secret_version *   its version in the store, a number
//	secret_age *       "current", or "previous" for a version in its grace
//	secret_state *     "fresh", or "stale" if the place where the secret, or the
//	                   key, is kept could not be read lately
//	content *          of a request that was decrypted: signed, or
//	                   authenticated-not-signed if no signature covers what was
//	                   encrypted
//	source_ip *        the address that connected to the gateway
//	client_ip *        the client, once trusted proxies are taken away
//	source_ip_from *   by which rule client_ip was found
//	method, host, path sanitised and bounded, the path without the query
//	body_bytes         received, a number
//	body_form *        raw, text, partial or absent
//	body_sha256 *      hex, on the denials that another body may explain
//	duration_us        how long the decision took, a number
func (t *texts) appendLine(dst []byte, e *Event) []byte {
	dst = append(dst, `{"schema":"`+Schema+`","time":"`...)
	dst = e.Time.UTC().AppendFormat(dst, time.RFC3339Nano)
	dst = append(dst, `","decision_id":`...)
	dst = appendString(dst, e.DecisionID, maxID)
	dst = appendField(dst, `,"trace_id":`, e.TraceID, maxID)
	dst = appendField(dst, `,"request_id":`, e.RequestID, maxID)
	dst = appendField(dst, `,"stream_id":`, e.StreamID, maxID)
	dst = appendField(dst, `,"policy":`, e.Policy, maxName)
	dst = appendField(dst, `,"selected_by":`, e.SelectedBy, maxName)
	dst = appendField(dst, `,"adapter":`, e.Adapter, maxName)
	dst = appendField(dst, `,"config_hash":`, e.ConfigHash, maxID)
	dst = t.appendVerdict(dst, e)
	dst = appendField(dst, `,"replay":`, e.Replay, maxName)
	dst = appendField(dst, `,"delivery_id":`, e.Delivery, maxID)
	dst = appendIdentity(dst, e.Decision.Identity())
	dst = appendAddress(dst, `,"source_ip":"`, e.PeerAddress)
	dst = appendAddress(dst, `,"client_ip":"`, e.ClientAddress)
	dst = appendField(dst, `,"source_ip_from":`, e.ClientAddressFrom, maxName)
	dst = append(dst, `,"method":`...)
	dst = appendString(dst, e.Method, maxMethod)
	dst = append(dst, `,"host":`...)
	dst = appendString(dst, e.Host, maxHost)
	dst = append(dst, `,"path":`...)
	dst = appendString(dst, pathOnly(e.Path), maxPath)
	dst = append(dst, `,"body_bytes":`...)
	dst = strconv.AppendInt(dst, int64(e.BodyBytes), 10)
	dst = appendField(dst, `,"body_form":`, e.BodyForm, maxName)
	if wantsDigest(e) {
		dst = append(dst, `,"body_sha256":"`...)
		digest := sha256.Sum256(e.Body)
		dst = hex.AppendEncode(dst, digest[:])
		dst = append(dst, '"')
	}
	dst = append(dst, `,"duration_us":`...)
	dst = strconv.AppendInt(dst, e.Duration.Microseconds(), 10)
	return append(dst, '}', '\n')
}

func (t *texts) appendVerdict(dst []byte, e *Event) []byte {
	dst = append(dst, `,"mode":"`...)
	dst = append(dst, mode(e.Decision.IsMonitored())...)
	dst = append(dst, `","decision":`...)
	if e.Decision.Allowed() {
		dst = append(dst, `"allow","status":`...)
		dst = strconv.AppendInt(dst, int64(e.Status), 10)
	} else {
		dst = append(dst, `"deny","status":`...)
		dst = strconv.AppendInt(dst, int64(e.Status), 10)
		dst = append(dst, `,"class":"`...)
		dst = append(dst, e.Decision.Class().String()...)
		dst = append(dst, '"')
	}
	dst = append(dst, `,"reason":"`...)
	dst = append(dst, e.Decision.Reason().String()...)
	dst = append(dst, '"')
	dst = appendField(dst, `,"detail":`, e.Decision.Detail(), maxDetail)
	if len(e.Checks) == 0 {
		return dst
	}
	dst = append(dst, `,"checks":[`...)
	for i := range min(len(e.Checks), maxChecks) {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = t.appendCheck(dst, &e.Checks[i])
	}
	return append(dst, ']')
}

func (t *texts) appendCheck(dst []byte, c *authz.CheckResult) []byte {
	dst = append(dst, `{"kind":`...)
	dst = appendString(dst, c.Kind, maxName)
	dst = appendField(dst, `,"name":`, c.Name, maxName)
	dst = append(dst, `,"result":"`...)
	dst = append(dst, t.result(c.Reason)...)
	dst = append(dst, `","reason":"`...)
	dst = append(dst, c.Reason.String()...)
	dst = append(dst, `","duration_us":`...)
	dst = strconv.AppendInt(dst, c.Took.Microseconds(), 10)
	return append(dst, '}')
}

func appendIdentity(dst []byte, id authz.Identity) []byte {
	dst = appendField(dst, `,"principal":`, id.Principal, maxPrincipal)
	dst = appendField(dst, `,"key":`, id.Key, maxID)
	if id.Secret != "" {
		dst = appendField(dst, `,"secret":`, id.Secret, maxName)
		if id.Version > 0 {
			dst = append(dst, `,"secret_version":`...)
			dst = strconv.AppendInt(dst, int64(id.Version), 10)
		}
		dst = append(dst, `,"secret_age":"`...)
		dst = append(dst, age(id.Previous)...)
		dst = append(dst, '"')
	}
	dst = appendField(dst, `,"secret_state":`, StateOf(id), maxName)
	return appendField(dst, `,"content":`, contentOf(id), maxName)
}

// contentOf says what is known of the origin of what was decrypted; empty if
// nothing was. Whoever has the public key can encrypt: it is no signature.
func contentOf(id authz.Identity) string {
	switch {
	case !id.Decrypted:
		return ""
	case id.BodySigned:
		return "signed"
	}
	return "authenticated-not-signed"
}

// StateOf says in what state the secret or the key that id names was: "fresh", or
// "stale" if the place where it is kept could not be read lately; empty if id
// names neither.
func StateOf(id authz.Identity) string {
	switch {
	case id.Secret == "" && id.Key == "":
		return ""
	case id.Stale:
		return "stale"
	}
	return "fresh"
}

// mode is the word for whether a policy only watches, in log and metrics.
func mode(monitored bool) string {
	if monitored {
		return "monitor"
	}
	return "enforce"
}

// age is the word for a secret's version, in log and metrics.
func age(previous bool) string {
	if previous {
		return "previous"
	}
	return "current"
}

func appendAddress(dst []byte, key string, a netip.Addr) []byte {
	if !a.IsValid() {
		return dst
	}
	dst = append(dst, key...)
	dst = a.WithZone("").AppendTo(dst) // a zone is free text
	return append(dst, '"')
}

// appendField appends a string unless it is empty.
func appendField(dst []byte, key, value string, limit int) []byte {
	if value == "" {
		return dst
	}
	dst = append(dst, key...)
	return appendString(dst, value, limit)
}

// pathOnly drops the query and the fragment, which may hold credentials.
func pathOnly(path string) string {
	if i := strings.IndexAny(path, "?#"); i >= 0 {
		return path[:i]
	}
	return path
}

// wantsDigest reports whether the body's digest helps to find out why e was
// denied. Overload and trouble of our own must stay cheap to answer.
func wantsDigest(e *Event) bool {
	if len(e.Body) == 0 || e.Decision.Allowed() {
		return false
	}
	switch e.Decision.Reason() {
	case authz.ReasonAlgNotAllowed, authz.ReasonKidUnknown, authz.ReasonTokenInvalid,
		authz.ReasonTokenExpired, authz.ReasonTokenNotYetValid, authz.ReasonDecryptionFailed:
		return false // a token says nothing of the body
	default:
	}
	switch e.Decision.Class() {
	case authz.ClassMissing, authz.ClassMalformed, authz.ClassInvalid, authz.ClassStale:
		return true
	default:
		return false
	}
}

// texts holds the words that are worked out once.
type texts struct{ results []string }

// newTexts finds the result that each reason means for a single check.
func newTexts() *texts {
	t := &texts{}
	for _, reason := range authz.Reasons() {
		err := authz.Deny(reason, "")
		word := "trouble"
		switch {
		case reason == authz.ReasonVerified:
			word = "passed"
		case errors.Is(err, authz.ErrAbsent):
			word = "absent"
		case errors.Is(err, authz.ErrUnmatched):
			word = "unmatched"
		case errors.Is(err, authz.ErrRejected):
			word = "rejected"
		}
		t.results = append(t.results, word)
	}
	return t
}

func (t *texts) result(reason authz.Reason) string {
	if int(reason) < len(t.results) {
		return t.results[reason]
	}
	return "trouble"
}
