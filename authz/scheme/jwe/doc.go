// Package jwe decrypts JSON Web Encryption in compact form (RFC 7516) with the
// standard library's primitives, and encrypts for those who test it.
//
// It is stricter than the RFCs where they leave room: one serialisation, one
// spelling of base64url, no compression, no key that is derived from a password
// or wrapped with PKCS #1 v1.5, and no header member that is critical or brings
// keys along. Whatever fails once a key is used fails alike: what could not be
// unwrapped is replaced by a random key, under which the content then does not
// open, so neither the error nor the time says which of the two went wrong
// (RFC 7516, section 11.5).
package jwe
