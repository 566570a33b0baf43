package clientcert

import (
	"encoding/asn1"
	"encoding/hex"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// A distinguished name is compared by its canonical text, which is made of the
// certificate's DER and of the policy's text alike: types are object identifiers,
// values are as they are with every special character escaped, and the parts of
// one relative name are sorted. Case and blanks of values count.

// attribute is AttributeTypeAndValue (RFC 5280, section 4.1.2.4). relativeSET is
// one relative name; package asn1 knows by its name that it is a SET.
type (
	attribute struct {
		Type  asn1.ObjectIdentifier
		Value asn1.RawValue
	}
	relativeSET []attribute
)

// canonicalDN returns the canonical text of a name in DER. ok is false if it
// can't be read.
func canonicalDN(der []byte) (text string, ok bool) {
	var name []relativeSET
	rest, err := asn1.Unmarshal(der, &name)
	if err != nil || len(rest) > 0 {
		return "", false
	}
	parts := make([]string, 0, len(name))
	for _, relative := range name {
		values := make([]string, 0, len(relative))
		for _, a := range relative {
			values = append(values, canonicalPart(a.Type.String(), a.Value))
		}
		parts = append(parts, joinRelative(values))
	}
	slices.Reverse(parts) // RFC 4514, section 2.1: the last comes first
	return strings.Join(parts, ","), true
}

func joinRelative(values []string) string {
	slices.Sort(values)
	return strings.Join(values, "+")
}

// canonicalPart returns one value with its type. What is no text is told apart
// by "#" and its DER.
func canonicalPart(oid string, value asn1.RawValue) string {
	if text, ok := textOf(value); ok {
		return oid + "=" + escapeDN(text)
	}
	return oid + "=#" + hex.EncodeToString(value.FullBytes)
}

// textOf returns a value that is one of the types of text.
func textOf(value asn1.RawValue) (string, bool) {
	if value.Class != asn1.ClassUniversal || value.IsCompound {
		return "", false
	}
	switch value.Tag {
	case asn1.TagUTF8String, asn1.TagPrintableString, asn1.TagIA5String, asn1.TagNumericString:
		return string(value.Bytes), utf8.Valid(value.Bytes)
	case asn1.TagBMPString:
		if len(value.Bytes)%2 != 0 {
			return "", false
		}
		units := make([]uint16, 0, len(value.Bytes)/2)
		for i := 0; i < len(value.Bytes); i += 2 {
			units = append(units, uint16(value.Bytes[i])<<8|uint16(value.Bytes[i+1]))
		}
		return string(utf16.Decode(units)), true
	}
	return "", false
}

func escapeDN(text string) string {
	return strings.NewReplacer(`\`, `\\`, ",", `\,`, "+", `\+`, "=", `\=`, "#", `\#`).Replace(text)
}

// dnTypes returns the object identifier of each type that has a short name: those
// of RFC 4514, section 3, and what OpenSSL and Go write besides.
func dnTypes() map[string]string {
	return map[string]string{
		"CN": "2.5.4.3", "L": "2.5.4.7", "ST": "2.5.4.8", "O": "2.5.4.10", "OU": "2.5.4.11", "C": "2.5.4.6",
		"STREET": "2.5.4.9", "DC": "0.9.2342.19200300.100.1.25", "UID": "0.9.2342.19200300.100.1.1",
		"SERIALNUMBER": "2.5.4.5", "POSTALCODE": "2.5.4.17", "EMAILADDRESS": "1.2.840.113549.1.9.1",
	}
}

// parseDN returns the canonical text of a name as RFC 4514 writes it. Blanks
// around "," and "=" are not part of that, and a mistake.
func parseDN(text string) (canonical string, ok bool) {
	var parts, values []string
	for rest := text; ; {
		oid, value, after, ok := cutAttribute(rest)
		if !ok {
			return "", false
		}
		values = append(values, oid+"="+value)
		if !strings.HasPrefix(after, "+") {
			parts = append(parts, joinRelative(values))
			values = nil
		}
		if after == "" {
			return strings.Join(parts, ","), true
		}
		rest = after[1:]
	}
}

// cutAttribute splits text behind its first type and value. rest is empty or
// begins with "," or "+".
func cutAttribute(text string) (oid, canonical, rest string, ok bool) {
	name, after, ok := strings.Cut(text, "=")
	if !ok {
		return "", "", "", false
	}
	oid = dnTypes()[strings.ToUpper(name)]
	if oid == "" && isOID(name) {
		oid = name
	}
	if oid == "" {
		return "", "", "", false
	}
	if strings.HasPrefix(after, "#") {
		canonical, rest, ok = cutHexValue(oid, after[1:])
		return oid, canonical, rest, ok
	}
	value, rest, ok := cutDNValue(after)
	return oid, escapeDN(value), rest, ok
}

func isOID(name string) bool {
	arcs := strings.Split(name, ".")
	for _, arc := range arcs {
		if arc == "" || len(arc) > 9 || len(arc) > 1 && arc[0] == '0' || strings.Trim(arc, "0123456789") != "" {
			return false
		}
	}
	return len(arcs) > 1
}

// cutHexValue reads a value that is written as its DER.
func cutHexValue(oid, text string) (canonical, rest string, ok bool) {
	end := strings.IndexAny(text, ",+")
	if end < 0 {
		end = len(text)
	}
	der, err := hex.DecodeString(text[:end])
	if err != nil {
		return "", "", false
	}
	var value asn1.RawValue
	if after, err := asn1.Unmarshal(der, &value); err != nil || len(after) > 0 {
		return "", "", false
	}
	return strings.TrimPrefix(canonicalPart(oid, value), oid+"="), text[end:], true
}

// cutDNValue reads a value and takes its escapes away (RFC 4514, section 2.4).
func cutDNValue(text string) (value, rest string, ok bool) {
	var plain []byte
	kept := 0 // up to here nothing is a blank that should have been escaped
	i := 0
	for ; i < len(text) && text[i] != ',' && text[i] != '+'; i++ {
		c := text[i]
		switch {
		case strings.IndexByte(`";<>`, c) >= 0 || c == 0 || c == ' ' && len(plain) == 0:
			return "", "", false // these, and a blank at the beginning, are escaped
		case c != '\\':
		case i+1 < len(text) && strings.IndexByte(` "#+,;<=>\`, text[i+1]) >= 0:
			i++
			c = text[i]
			kept = len(plain) + 1
		case i+2 < len(text) && isHex(text[i+1]) && isHex(text[i+2]):
			c = unhex(text[i+1])<<4 | unhex(text[i+2])
			i += 2
			kept = len(plain) + 1
		default:
			return "", "", false
		}
		plain = append(plain, c)
	}
	if n := len(plain); n > kept && plain[n-1] == ' ' || !utf8.Valid(plain) {
		return "", "", false
	}
	return string(plain), text[i:], true
}
