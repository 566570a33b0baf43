package server

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/keyset"
	"github.com/hookauthz/hookauthz/authz/outbound"
	"github.com/hookauthz/hookauthz/authz/secret"
	"github.com/hookauthz/hookauthz/authz/secret/cache"
)

// The states of a [Reference].
const (
	StateOK       = "ok"
	StateGone     = "gone"     // its source says that it does not exist
	StateDenied   = "denied"   // its source says that we may not read it
	StateUnusable = "unusable" // it is there, and no check can use it
	StateRefused  = "refused"  // the source does not let us in
	StateNoAnswer = "no_answer"
)

// A Reference is what came of reading a secret or fetching a key set. It holds no
// value, so all of it may be shown.
type Reference struct {
	// Name in the policy file; an entry of keys is keys/NAME.
	Name string
	// Source is vault, vault_pki, file, env, discovery or jwks, Place what is
	// read there.
	Source, Place string
	// State is one of the states above.
	State string
	// Version is the newest, 0 where its source counts none. Previous says that
	// the version before is accepted too.
	Version  int
	Previous bool
	// Age is the time since the version was written, 0 where nobody knows.
	Age time.Duration
	// Keys is how many keys a key set has.
	Keys int
	// Fingerprint tells values apart, see [Fingerprint]; empty if there is none.
	Fingerprint string
	// Why says what is wrong, Fix what to do about it. Both are empty if nothing
	// is.
	Why, Fix string
}

// Fingerprint returns the first 8 hex digits of a value's HMAC-SHA-256 under the
// key "hookauthz", by which people see whether two values are the same. It is
// empty for values that could be guessed by it: those under 16 bytes, and of
// user:password those whose password has under 16.
func Fingerprint(value []byte) string {
	guessable := value
	if _, password, ok := bytes.Cut(value, []byte(":")); ok {
		guessable = password
	}
	if len(guessable) < authz.MinKeyBytes {
		return ""
	}
	mac := hmac.New(sha256.New, []byte("hookauthz"))
	mac.Write(value)
	return hex.EncodeToString(mac.Sum(nil)[:4])
}

func newReference(d secret.Declaration) Reference {
	return Reference{Name: d.Name, Source: string(d.Location().Kind), Place: placeOf(d), State: StateNoAnswer}
}

// describe notes what is accepted, newest first.
func (r *Reference) describe(d secret.Declaration, accepted []authz.Version, now time.Time) {
	newest := &accepted[0]
	r.Version, r.Previous = newest.Number, len(accepted) > 1
	if !newest.Created.IsZero() {
		r.Age = max(now.Sub(newest.Created), 0)
	}
	if d.VaultPKI == nil && !newest.Previous {
		r.Fingerprint = Fingerprint(newest.Secret.Reveal())
	}
}

// judge sets state, reason and advice from what a cache knows.
func (r *Reference) judge(d secret.Declaration, status cache.Status, failure *secret.Error) {
	switch status.State {
	case secret.StateFresh:
		r.State = StateOK
		return
	case secret.StateGone:
		r.State, r.Why = StateGone, "there is nothing at "+r.Place
	case secret.StateDenied:
		r.State, r.Why = StateDenied, "may not be read: "+r.Place
	case secret.StateUnusable:
		r.State, r.Why = StateUnusable, "can't be a secret: "+r.Place
		if failure != nil {
			r.Why += " (" + causeWords(failure.Cause) + ")"
		}
	default:
		r.noAnswer(failure)
		return
	}
	r.Fix = advice(d, status.State)
	if d.VaultPKI != nil {
		r.Fix = "look whether Vault's PKI engine is mounted at " + d.Location().Mount + ": everybody may read its issuers"
	}
}

// noAnswer tells apart a source that does not let us in from one that can't be
// asked.
func (r *Reference) noAnswer(failure *secret.Error) {
	r.Why, r.Fix = "no answer in time", "try again, or give it a longer --timeout"
	if failure == nil {
		return
	}
	r.Why = causeWords(failure.Cause)
	if failure.Status != 0 {
		r.Why += fmt.Sprintf(" (status %d)", failure.Status)
	}
	r.Fix = "see to it that Vault at --vault-addr can be reached from here and is unsealed"
	switch failure.Cause {
	case secret.CauseRefused, secret.CauseToken:
		r.State, r.Fix = StateRefused, "give a token or an AppRole that Vault accepts: VAULT_TOKEN, --vault-token-file or --vault-auth approle"
	case secret.CauseCredential:
		r.State, r.Fix = StateRefused, "the files of --vault-token-file, --vault-role-id-file and --vault-secret-id-file must be there and hold one line"
	case secret.CauseRootToken, secret.CauseUses, secret.CauseLease:
		r.State, r.Fix = StateRefused, "make a token for this: without the policy root, not limited in uses, with a time to live"
	case secret.CauseTLS:
		r.Fix = "give the authority of Vault's certificate by --vault-cacert, and its name by --vault-tls-server-name if it has another"
	case secret.CauseNotVault, secret.CauseRedirect:
		r.Fix = "--vault-addr must lead to Vault itself, not to a page or another address"
	case secret.CauseMalformed, secret.CauseStatus:
		if r.Source == string(secret.KindVaultPKI) {
			r.Fix = "look whether Vault's PKI engine is mounted there and has an issuer of this name: Vault answers 500 where it has none"
		}
	default:
	}
}

// unfit notes why no check can use what is there.
func (r *Reference) unfit(why error) {
	decision := authz.DeniedBy(why)
	r.State, r.Why = StateUnusable, decision.Detail()
	r.Fix = "write another value"
	if decision.Reason() == authz.ReasonSecretWeak {
		r.Fix = "write a longer one, or take it on yourself with weak: accepted"
	}
}

// causeWords puts the causes of package secret into words.
func causeWords(cause secret.Cause) string {
	switch cause {
	case secret.CauseTimeout:
		return "no answer in time"
	case secret.CauseNetwork:
		return "no connection"
	case secret.CauseTLS:
		return "the server's certificate does not hold"
	case secret.CauseNotVault:
		return "the answer is not Vault's"
	case secret.CauseRedirect:
		return "sent elsewhere, which is not followed"
	case secret.CauseStatus:
		return "Vault is in trouble, or sealed"
	case secret.CauseRefused, secret.CauseToken:
		return "Vault does not accept our token or login"
	case secret.CauseCredential:
		return "our own credential for Vault can't be read"
	case secret.CauseRootToken:
		return "the token may do everything, which is refused without --dev"
	case secret.CauseUses:
		return "the token ends after some uses, which is refused without --dev"
	case secret.CauseLease:
		return "the token has no time to live"
	case secret.CauseFieldMissing:
		return "the field is missing"
	case secret.CauseFieldType:
		return "the field is no text"
	case secret.CauseFieldEmpty:
		return "the field is empty"
	case secret.CauseWrongEngine:
		return "the engine there is another than kv_version says"
	case secret.CauseNotRegular:
		return "no regular file"
	default:
		return "the cause is " + string(cause)
	}
}

// keySetReference reports on a key set of the web.
func keySetReference(d keyset.Declaration, status keyset.Status) Reference {
	r := Reference{Name: "keys/" + d.Name, Source: "jwks", Place: d.URL, State: StateNoAnswer, Keys: status.Keys}
	if d.Issuer != "" {
		r.Source, r.Place = "discovery", d.Issuer
	}
	failure, failed := errors.AsType[*keyset.Error](status.Err)
	failed = failed && failure != nil
	switch {
	case status.State == secret.StateFresh && status.Keys > 0:
		r.State = StateOK
	case failed && refuses(failure):
		r.State = StateUnusable
		r.Why, r.Fix = keySetWords(failure), "docs/keys.md says what must be published there"
		if failure.Cause == outbound.CauseAddress {
			r.Fix = "private_network: accepted permits addresses of private networks; those of this machine want --dev"
		}
	case failed:
		r.Why, r.Fix = keySetWords(failure), "see to it that it can be reached from here, without a proxy"
	case status.State == secret.StateLoading:
		r.Why, r.Fix = "no answer in time", "try again, or give it a longer --timeout"
	default:
		r.State, r.Why = StateUnusable, "there is no key that could verify a signature"
		r.Fix = "docs/keys.md says what must be published there"
	}
	return r
}

// keySetWords puts a failed fetch into words.
func keySetWords(failure *keyset.Error) string {
	what := map[keyset.Cause]string{
		outbound.CauseAddress:   "the name leads to an address that is not on the public internet",
		outbound.CauseTLS:       "the server's certificate does not hold",
		outbound.CauseTimeout:   "no answer in time",
		outbound.CauseNetwork:   "no connection",
		outbound.CauseRedirect:  "the server sends us elsewhere",
		outbound.CauseTooLarge:  "the answer is too large",
		keyset.CauseContentType: "the answer does not say that it is JSON",
		keyset.CauseMalformed:   "the answer is not what it should be",
		keyset.CauseIssuer:      "the document is of another issuer",
		keyset.CauseJWKSURI:     "the document names no URL of keys that may be asked",
		keyset.CauseStatus:      fmt.Sprintf("status %d", failure.Status),
	}[failure.Cause]
	if what == "" {
		what = "the cause is " + string(failure.Cause)
	}
	if failure.Step == keyset.StepDiscovery {
		return "looking for its keys: " + what
	}
	return what
}
