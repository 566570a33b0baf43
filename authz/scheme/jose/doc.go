// Package jose verifies and signs JSON Web Tokens: JWS in compact form (RFC 7515)
// over JWT claims (RFC 7519), with public keys from JWKs (RFC 7517), PEM and
// certificates. The signatures themselves are the library's work; what may reach
// it is decided here.
//
// It is stricter than the RFCs where they leave room. One serialisation, one
// spelling of base64url, JSON objects without repeated or similar names, ten
// algorithms of which each key has at most one, and no header member that brings
// keys along or changes what is signed. Algorithms with shared keys and "none"
// can't be expressed.
package jose
