package jose

import (
	"crypto"
	"crypto/ed25519"
	"encoding/base64"
	"io"
	"slices"
	"strings"
)

// A Detachment says whether a token holds what is signed.
type Detachment uint8

// The detachments. The payload of a token that is not attached is empty, and what
// was signed stands elsewhere: as base64url, as usual (RFC 7515, appendix F), or as
// it is, if the header says "b64": false and lists that in "crit" (RFC 7797).
const (
	Attached Detachment = iota
	Encoded
	Unencoded
	EncodedOrNot
)

// A Form says what tokens may be. Unlike those of [ParseCompact] they may be long,
// detached and bring certificates along; all the rest is as strict. It is immutable
// and may be used by many goroutines.
type Form struct {
	// Max is the longest token, in bytes. Its header has at most 64 KiB.
	Max      int
	Detached Detachment
	// Certificates permits "x5c".
	Certificates bool
	// Understood are names that "crit" may list, because whoever verifies the
	// token looks at them. "b64" is understood where Detached needs it.
	Understood []string
}

// Parse reads a token without verifying it. A token that is not attached must be
// given its payload with [Token.Over] before it is verified. The error is that of
// [ParseCompact].
func (f *Form) Parse(text string) (*Token, error) { return parseCompact(text, f, f) }

// IsHeaderName reports whether JOSE itself gives the header member of that name a
// meaning, so that nobody else can.
func IsHeaderName(name string) bool {
	return slices.ContainsFunc(headerNames, func(own string) bool { return strings.EqualFold(own, name) })
}

// readCritical reads "crit" (RFC 7515, section 4.1.11) and "b64" (RFC 7797,
// section 3). What is critical must be understood, there, and none of JOSE's own;
// "b64" means nothing unless it is critical.
func (t *Token) readCritical(f *Form) error {
	crit, found := t.header.get("crit")
	b64, hasB64 := t.header.get("b64")
	listed := map[string]bool{}
	if found {
		if crit.kind != kindArray {
			return invalid("the token's crit is no array")
		}
		if err := crit.elements(func(e value) error { return t.readCriticalName(e, f, listed) }); err != nil {
			return err
		}
		if len(listed) == 0 {
			return invalid("the token's crit is empty")
		}
	}
	switch {
	case hasB64 != listed["b64"]:
		return invalid("the token's b64 is not critical")
	case hasB64 && b64.kind != kindTrue && b64.kind != kindFalse:
		return invalid("the token's b64 is neither true nor false")
	}
	t.unencoded = b64.kind == kindFalse
	if f.Detached == Unencoded && !t.unencoded {
		return invalid("the token's payload is signed as base64url, and the policy wants it as it is")
	}
	return nil
}

func (t *Token) readCriticalName(e value, f *Form, listed map[string]bool) error {
	name, isText := e.text()
	_, there := t.header.get(name)
	understood := slices.Contains(f.Understood, name) && !IsHeaderName(name) ||
		name == "b64" && (f.Detached == Unencoded || f.Detached == EncodedOrNot)
	switch {
	case !isText || listed[name]:
		return invalid("the token's crit lists what is no name, or a name twice")
	case !understood:
		return invalid("the token's crit lists what is not understood")
	case !there:
		return invalid("the token's crit lists what its header does not have")
	}
	listed[name] = true
	return nil
}

// Over makes body the payload of a token that has none of its own. The caller must
// not change it.
func (t *Token) Over(body []byte) {
	t.body, t.message, t.digest, t.payload = body, nil, nil, nil
}

// WriteSigned writes to w what was signed: the header and the payload, as RFC 7515,
// section 5.1, or RFC 7797, section 3, puts them together. It returns the error of
// w.
func (t *Token) WriteSigned(w io.Writer) error {
	if t.form == nil || t.form.Detached == Attached {
		_, err := io.WriteString(w, t.text[:strings.LastIndexByte(t.text, '.')])
		return err //nolint:wrapcheck // w's own
	}
	header, _, _ := strings.Cut(t.text, ".")
	if _, err := io.WriteString(w, header+"."); err != nil {
		return err //nolint:wrapcheck // w's own
	}
	if t.unencoded {
		_, err := w.Write(t.body)
		return err //nolint:wrapcheck // w's own
	}
	encoder := base64.NewEncoder(base64.RawURLEncoding, w)
	if _, err := encoder.Write(t.body); err != nil {
		return err //nolint:wrapcheck // w's own
	}
	return encoder.Close() //nolint:wrapcheck // w's own
}

// formSignedBy is signedBy for tokens of a form. No library reads these: what was
// signed is what [Token.WriteSigned] writes.
func (t *Token) formSignedBy(key crypto.PublicKey) (payload []byte, ok bool) {
	rest := t.text[strings.IndexByte(t.text, '.')+1:]
	part, text, _ := strings.Cut(rest, ".")
	signature, ok := decode(text)
	if !ok || !t.algorithm.Fits(key) || !t.isSigned(key, signature) {
		return nil, false
	}
	if t.form.Detached != Attached {
		return t.body, true
	}
	return decode(part)
}

func (t *Token) isSigned(key crypto.PublicKey, signature []byte) bool {
	if edKey, ok := key.(ed25519.PublicKey); ok {
		if t.message == nil {
			b := make(appender, 0, len(t.text)+base64.RawURLEncoding.EncodedLen(len(t.body)))
			_ = t.WriteSigned(&b) // which can't fail
			t.message = b
		}
		return ed25519.Verify(edKey, t.message, signature)
	}
	if t.digest == nil {
		h := t.algorithm.hash().New()
		_ = t.WriteSigned(h) // which can't fail
		t.digest = h.Sum(nil)
	}
	return t.algorithm.verifyDigest(key, t.digest, signature)
}

// An appender is memory that is written to.
type appender []byte

// Write implements [io.Writer].
func (a *appender) Write(p []byte) (int, error) {
	*a = append(*a, p...)
	return len(p), nil
}

// Header returns the members of the token's header.
func (t *Token) Header() *Claims { return &Claims{all: t.header} }

// maxCertificate is the largest certificate that is read, in bytes of DER.
const maxCertificate = 16 << 10

// Certificates returns the text of "x5c" (RFC 7515, section 4.1.6), empty if there
// is none, and what decodes it: the certificates' DER, the signer's first, at most
// most of them. The error is a denial.
func (t *Token) Certificates(most int) (text string, ders func() ([][]byte, error)) {
	v, found := t.header.get("x5c")
	if !found {
		return "", nil
	}
	return v.raw, func() ([][]byte, error) {
		if v.kind != kindArray {
			return nil, malformed("the token's x5c is no array")
		}
		var all [][]byte
		err := v.elements(func(e value) error {
			text, ok := e.text()
			if !ok || text == "" || len(text) > base64.StdEncoding.EncodedLen(maxCertificate) || strings.ContainsAny(text, "\r\n") || len(all) == most {
				return malformed("the token's x5c holds what is no certificate, or too many")
			}
			der, err := base64.StdEncoding.Strict().DecodeString(text)
			if err != nil {
				return malformed("the token's x5c holds what is not base64")
			}
			all = append(all, der)
			return nil
		})
		if err == nil && len(all) == 0 {
			err = malformed("the token's x5c is empty")
		}
		return all, err
	}
}
