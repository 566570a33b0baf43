package authz

import (
	"context"
	"crypto"
	"crypto/x509"
	"time"
)

// A PublicKey verifies what its owner signed.
type PublicKey struct {
	// ID is what the owner calls the key ("kid"), empty if nothing.
	ID string
	// Key is an ed25519.PublicKey, an *ecdsa.PublicKey or an *rsa.PublicKey.
	Key crypto.PublicKey
	// Algorithm is the only JWS algorithm (RFC 7518, section 3.1) that the owner
	// permits for the key, empty if the owner names none.
	Algorithm string

	// Secret is the reference that holds the key, empty if it was fetched.
	// Version and Previous are those of [Version].
	Secret   string
	Version  int
	Previous bool
}

// Keys is what is accepted of one key set at one time. It is immutable, and the
// same pointer is returned as long as nothing changes.
type Keys struct {
	// Accepted holds the keys that count, newest first where that is known.
	Accepted []PublicKey
	// Unusable, if not nil, says that there is a key that can't be used and
	// that might have matched; see [Versions].
	Unusable error
	// Stale says that the source could not be read when it last should have
	// been. The keys count all the same, for as long as the set lets them.
	Stale bool
}

// A KeySet holds the public keys of one owner. Many goroutines may use it.
type KeySet interface {
	// Keys returns what is accepted at now, or an error wrapping
	// [ErrNotConfigured] or [ErrUnavailable]. It reads memory only.
	Keys(now time.Time) (*Keys, error)

	// Refresh is asked when no key of Keys has that id. Where the source may
	// have a newer set and may be asked now, it waits for the answer, but no
	// longer than ctx lives. It returns what is accepted then; an error means
	// that nobody can tell whether there is such a key.
	Refresh(ctx context.Context, id string, now time.Time) (*Keys, error)
}

// A NamedKeys finds keys at an address that requests name, within the bounds that
// the policy file sets. Many goroutines may use it.
type NamedKeys interface {
	// Find returns the keys that r names. What is at hand is returned at once;
	// else, if fetch is true, it is fetched, no longer than ctx lives. body is
	// the whole body, as far as the check has it. The error is a denial:
	// [ReasonKidUnknown] for an address that is out of bounds or has no key,
	// [ReasonPartMissing] and the like if r names none, or one wrapping
	// [ErrUnavailable] if it was not fetched, for want of time or of permission:
	// a caller that asked not to fetch then knows that it would have to.
	Find(ctx context.Context, r *Request, body []byte, fetch bool) (*Keys, error)
	// NeedsBody reports whether the address may stand in the body.
	NeedsBody() bool
}

// A PrivateKey decrypts what was encrypted to its owner: to us.
type PrivateKey struct {
	// ID is the key's "kid": that of the JWK, or else the thumbprint (RFC 7638)
	// of its public half. Empty for a shared key without one.
	ID string
	// Key is an *rsa.PrivateKey, an *ecdsa.PrivateKey, an *ecdh.PrivateKey, or a
	// []byte for a key that is shared.
	Key any
	// Algorithm is the only key management algorithm (RFC 7518, section 4.1), or
	// of a shared key the only content algorithm (section 5.1), that the key is
	// for; empty if that is not said.
	Algorithm string

	// Secret, Version and Previous are those of [PublicKey].
	Secret   string
	Version  int
	Previous bool
}

// PrivateKeys are [Keys] that decrypt.
type PrivateKeys struct {
	Accepted []PrivateKey
	Unusable error
	Stale    bool
}

// A PrivateKeySet holds private keys. Many goroutines may use it.
type PrivateKeySet interface {
	// Keys returns what is accepted at now, or an error wrapping
	// [ErrNotConfigured] or [ErrUnavailable]. It reads memory only.
	Keys(now time.Time) (*PrivateKeys, error)
}

// A PrivateKeyReference is an entry of keys as a policy file declares it.
type PrivateKeyReference struct {
	Name string
	Set  PrivateKeySet
}

// A KeyReference is a key set as a policy file declares it.
type KeyReference struct {
	Name string
	// Set holds the keys; nil where Named finds them instead, which only some
	// kinds can use.
	Set   KeySet
	Named NamedKeys
	// Issuer is the issuer whose keys these are, where the declaration says it
	// (discovery); empty otherwise.
	Issuer string
}

// An Authority is a trust anchor: a certificate whose key signs others, trusted
// by itself.
type Authority struct {
	Certificate *x509.Certificate
	// Secret, Version and Previous are those of [PublicKey].
	Secret   string
	Version  int
	Previous bool
}

// Anchors is what is accepted of one entry of trust anchors at one time. It is
// immutable, and the same pointer is returned as long as nothing changes.
type Anchors struct {
	Authorities []Authority
	// CRLs are the revocation lists that are held, each signed by one of
	// Authorities. Whether one is current is for the check to judge.
	CRLs []*x509.RevocationList
	// CRLTrouble says why a list that is declared is not among CRLs; it wraps
	// [ErrNotConfigured] or [ErrUnavailable]. nil if none is missing.
	CRLTrouble error
	// Unusable and Stale are those of [Keys].
	Unusable error
	Stale    bool
}

// An AnchorSet holds trust anchors. Many goroutines may use it.
type AnchorSet interface {
	// Anchors returns what is accepted at now, or an error wrapping
	// [ErrNotConfigured] or [ErrUnavailable]. It reads memory only.
	Anchors(now time.Time) (*Anchors, error)
}

// An AnchorReference is an entry of trust anchors as a policy file declares it.
type AnchorReference struct {
	Name string
	Set  AnchorSet
	// HasCRL says that a revocation list is declared with the anchors.
	HasCRL bool
}
