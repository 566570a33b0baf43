package vault

import (
	"context"

	"github.com/hookauthz/hookauthz/authz/secret"
)

// readIssuer reads the certificate of an issuer of the PKI engine, then its
// revocation list. Both are read or neither: a certificate without the list that
// belongs to it would let revoked certificates in.
//
// The engine answers status 500 where it has no such issuer, so that counts as
// no answer. Its issuers carry no version: the reading has number 0.
func (c *Client) readIssuer(ctx context.Context, s *session, loc secret.Location) (secret.Reading, *secret.Error) {
	reading := secret.Reading{Fields: map[string]secret.Field{}}
	names := []string{secret.FieldCertificate, secret.FieldCRL}
	for i, path := range loc.VaultPaths() {
		r, failure := c.get(ctx, s, path, nil)
		if failure != nil {
			return secret.Reading{}, failure
		}
		field, failure := judgeIssuer(r, names[i])
		if failure != nil {
			return secret.Reading{}, failure
		}
		reading.Fields[names[i]] = field
	}
	return reading, nil
}

// judgeIssuer returns the member of a reply's data that has that name.
func judgeIssuer(r reply, name string) (secret.Field, *secret.Error) {
	o, failure := r.verdict(secret.OperationRead)
	if failure != nil {
		return secret.Field{}, failure
	}
	data, ok := o.object("data")
	if !ok || data.null(name) {
		return secret.Field{}, r.failure(secret.OperationRead, secret.ClassTransient, secret.CauseMalformed)
	}
	return fields(object{name: data[name]})[name], nil
}
