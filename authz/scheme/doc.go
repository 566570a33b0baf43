// Package scheme holds what signatures of every kind have in common: where a
// credential stands and how it is written, how signatures are decoded, how the
// signed time is read, how a secret's text becomes a key, and what must hold
// besides the signature.
//
// It is configured with plain Go values and reports every mistake in them as an
// [authz.Problem] whose path is relative to the value. It decides nothing: the
// checks that use it do.
//
// Two rules hold for all parsers here. They accept one spelling and refuse
// everything near it, since two programs that read a credential differently are
// how one is smuggled past the other. And a parser that returns an error leaves
// nothing that could be mistaken for a result.
package scheme
