package httpsig

import "github.com/hookauthz/hookauthz/authz"

// ReadInput parses headers Signature-Input and Signature.
func ReadInput(input, signature string) error {
	_, err := rfc9421{}.parse(presented{input: input, signature: signature})
	return err
}

// A DraftClaim is what a signature of the draft says.
type DraftClaim struct {
	KeyID, Algorithm, Created, Expires string
	Headers                            []string
	Signature                          []byte
}

// ReadDraft parses a signature of the draft.
func ReadDraft(text string) (DraftClaim, error) {
	c, err := cavage{}.parse(presented{signature: text})
	if err != nil {
		return DraftClaim{}, err
	}
	d := DraftClaim{KeyID: c.keyID, Algorithm: string(c.stated), Created: c.created, Expires: c.until, Signature: c.signature}
	for _, one := range c.components {
		d.Headers = append(d.Headers, one.name)
	}
	return d, nil
}

// Base returns what r must have signed, by the input and public_url given.
func Base(r *authz.Request, input, publicURL string) (string, error) {
	members, ok := readDictionary(input)
	if !ok {
		return "", malformed("")
	}
	c, err := readInput(&members[0])
	if err != nil {
		return "", err
	}
	check := &Check{}
	check.address, _ = parseAddress(publicURL)
	base, err := check.base(r, c)
	return string(base), err
}
