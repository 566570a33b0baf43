// Package token is the token endpoint: senders trade the secret that they share
// with us for a token that lives minutes and names the policies that take it.
//
// It is OAuth 2.0's client credentials grant (RFC 6749, section 4.4) and nothing
// else of it. A token is a JWT (RFC 9068), whose keys are published (RFC 7517), or
// random text that a Redis keeps and that its owner may revoke (RFC 7009). Where
// the parts are is published too (RFC 8414). What a token is good for is judged
// elsewhere, by the bearer check.
package token
