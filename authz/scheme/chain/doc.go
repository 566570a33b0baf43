// Package chain proves X.509 certificates: that one leads to a policy's trust
// anchors (RFC 5280), at the time of a request, and that nobody took it back. It
// is the part that kinds share which take certificates from a handshake and those
// that take them out of a token.
//
// It is stricter than RFC 5280 where that leaves room. Weak keys and signatures
// count for nothing, an anchor is no sender, and chains are short.
package chain
