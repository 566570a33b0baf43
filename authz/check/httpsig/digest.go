package httpsig

import (
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"strings"

	"github.com/hookauthz/hookauthz/authz/scheme"
)

const (
	headerContentDigest = "content-digest"
	headerDigest        = "digest"
)

// digests are those of the body that a request states and that we know; nil for one
// that it doesn't.
type digests struct{ sha256, sha512 []byte }

// match reports whether all of them are those of body.
func (d *digests) match(body []byte) bool {
	good := d.sha256 != nil || d.sha512 != nil
	if d.sha256 != nil {
		sum := sha256.Sum256(body)
		good = subtle.ConstantTimeCompare(sum[:], d.sha256) == 1
	}
	if d.sha512 != nil {
		sum := sha512.Sum512(body)
		good = subtle.ConstantTimeCompare(sum[:], d.sha512) == 1 && good
	}
	return good
}

// set keeps a digest of that name. Others than these two are weak, or not known, and
// say nothing. It is false if the digest has the wrong length.
func (d *digests) set(name string, sum []byte) bool {
	switch name {
	case "sha-256":
		d.sha256 = sum
		return len(sum) == sha256.Size
	case "sha-512":
		d.sha512 = sum
		return len(sum) == sha512.Size
	}
	return true
}

func (d *digests) empty() bool { return d.sha256 == nil && d.sha512 == nil }

func (rfc9421) digest() string { return headerContentDigest }

// readDigests reads Content-Digest (RFC 9530, section 2).
func (rfc9421) readDigests(value string) (digests, error) {
	var d digests
	if len(value) > maxHeader {
		return digests{}, malformed("header content-digest is over 8 KiB")
	}
	members, ok := readDictionary(value)
	if !ok {
		return digests{}, malformed("header content-digest is not a dictionary, or not in its one spelling")
	}
	for _, m := range members {
		sum, ok := bytesOf(m.value)
		if !ok || !d.set(m.name, sum) {
			return digests{}, malformed("header content-digest holds no digest where one belongs")
		}
	}
	if d.empty() {
		return digests{}, malformed("header content-digest has neither sha-256 nor sha-512")
	}
	return d, nil
}

func (cavage) digest() string { return headerDigest }

// readDigests reads Digest (RFC 3230, section 4.3.2), whose algorithms are named in
// any case.
func (cavage) readDigests(value string) (digests, error) {
	if len(value) > maxHeader {
		return digests{}, malformed("header digest is over 8 KiB")
	}
	var d digests
	for rest, more := value, true; more; {
		var instance string
		instance, rest, more = strings.Cut(rest, ",")
		name, text, ok := strings.Cut(strings.TrimPrefix(instance, " "), "=")
		if !ok || !isHeaderName(strings.ToLower(name)) {
			return digests{}, malformed("header digest is not a list of digests")
		}
		name = strings.ToLower(name)
		if name == "sha-256" && d.sha256 != nil || name == "sha-512" && d.sha512 != nil {
			return digests{}, malformed("header digest has a digest twice")
		}
		if name != "sha-256" && name != "sha-512" {
			continue
		}
		sum, ok := scheme.Base64.Append(nil, text)
		if !ok || !d.set(name, sum) {
			return digests{}, malformed("header digest holds no digest where one belongs")
		}
	}
	if d.empty() {
		return digests{}, malformed("header digest has neither SHA-256 nor SHA-512")
	}
	return d, nil
}
