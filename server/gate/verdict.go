package gate

import (
	"errors"
	"slices"
	"unicode/utf8"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/policy"
)

// What an answer may hold. Envoy's own limits are higher; a policy that is above
// these has something wrong.
const (
	MaxAnswerHeaders = 64
	MaxAnswerValue   = 8 << 10
	maxAnswerBody    = 64 << 10
)

// DecisionIDHeader tells the sender under which id the decision is logged.
const DecisionIDHeader = "x-hookauthz-decision-id"

// ErrNotPlain says that an answer can't be sent as it is.
var ErrNotPlain = errors.New("a part of the response is empty, too long or not printable ASCII")

var (
	errNoProof = errors.New("an allow was wanted for a decision that denies")
	errWatches = errors.New("a decision says that its policy only watches, and the policy enforces")
)

// A Verdict is a decision and what its answer is made of. Its zero value denies.
type Verdict struct {
	Decision authz.Decision
	ID       string
	Table    *policy.Table  // nil: none is loaded
	Policy   *policy.Policy // nil: none was found
	Headers  []authz.Field  // for the upstream, if allowed
}

// PolicyName returns the name of the policy, empty without one.
func (v *Verdict) PolicyName() string {
	if v.Policy == nil {
		return ""
	}
	return v.Policy.Name()
}

// Answer returns how a denial is answered. The caller must not modify it.
func (v *Verdict) Answer() *policy.Answer {
	if v.Policy != nil {
		return v.Policy.Answer(v.Decision.Class())
	}
	return v.Table.DefaultAnswer(v.Decision.Class())
}

// Proof returns nil if v may let its request through: the decision verified it,
// or is one of a policy that says itself that it only watches. Whatever makes an
// answer that lets a request through asks for it.
func (v *Verdict) Proof() error {
	if !v.Decision.Passes() || v.Policy == nil || v.Table == nil {
		return errNoProof
	}
	if v.Decision.IsMonitored() && !v.Policy.Monitored() {
		return errWatches
	}
	return nil
}

// Gains returns the headers that the request gets on its way upstream: none if
// its policy only watches.
func (v *Verdict) Gains() []authz.Field {
	if v.Decision.IsMonitored() {
		return nil
	}
	return v.Headers
}

// Losses calls lose for each header that the request loses on its way upstream,
// and returns false as soon as a name is none or lose returns false. A name that
// the request gets is not among them. Under a policy that only watches these are
// the names by which policies tell the upstream who was verified, since here
// nobody was, and a sender could write them.
func (v *Verdict) Losses(lose func(name string) bool) bool {
	gains, names := v.Gains(), v.Table.Reserved()
	if !v.Decision.IsMonitored() {
		names = v.Policy.RemoveHeaders()
	}
	for _, name := range names {
		if Classify(name) != NameLower {
			return false
		}
		if !HasName(gains, name) && !lose(name) {
			return false
		}
	}
	// Whatever the policy says: what only the gateway and this server may say.
	for _, name := range [...]string{PartialBody, DecisionIDHeader} {
		if !slices.Contains(names, name) && !HasName(gains, name) && !lose(name) {
			return false
		}
	}
	return true
}

// Sound reports whether a denial may be answered as a says: an HTTP status that
// denies, and texts that no gateway stumbles over. Headers are looked at where
// they are written, by [Plain].
func Sound(a *policy.Answer) bool {
	// 410 has senders of the Standard Webhooks kind disable the endpoint.
	const lowest, highest, gone = 400, 599, 410
	return a.Status >= lowest && a.Status <= highest && a.Status != gone && len(a.Headers) <= MaxAnswerHeaders &&
		(!a.HasBody || len(a.Body) <= maxAnswerBody && utf8.ValidString(a.Body))
}

// Plain reports whether a header can be written: a name in lower case, and a
// value of printable ASCII that is neither empty nor too long.
func Plain(name, value string) bool {
	if Classify(name) != NameLower || len(name) > MaxAnswerValue || value == "" || len(value) > MaxAnswerValue {
		return false
	}
	for i := range len(value) {
		if value[i] < ' ' || value[i] > '~' {
			return false
		}
	}
	return true
}

// Describe calls tell for each thing that the gateway's access log and the
// filters after this one may read. Of a policy that only watches it tells the
// verdict, not that the request passes. It returns false if a value is not UTF-8
// or too long, or if tell returns false.
func (v *Verdict) Describe(tell func(name, value string) bool) bool {
	word, class, version, mode := "deny", v.Decision.Class().String(), "", "enforce"
	identity := v.Decision.Identity()
	if v.Decision.Allowed() {
		word, class = "allow", ""
	}
	if v.Decision.IsMonitored() {
		mode = "monitor"
	}
	if identity.Secret != "" {
		version = "current"
		if identity.Previous {
			version = "previous"
		}
	}
	for _, entry := range [...][2]string{
		{"decision_id", v.ID},
		{"policy", v.PolicyName()},
		{"mode", mode},
		{"decision", word},
		{"class", class},
		{"reason", v.Decision.Reason().String()},
		{"principal", identity.Principal},
		{"secret_version", version},
	} {
		if len(entry[1]) > MaxAnswerValue || !utf8.ValidString(entry[1]) || !tell(entry[0], entry[1]) {
			return false
		}
	}
	return true
}
