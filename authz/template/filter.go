package template

import (
	"crypto/md5"  //nolint:gosec // some senders put an md5 digest into their messages
	"crypto/sha1" //nolint:gosec // likewise sha1
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"hash/crc32"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A filterKind is one of the filters.
type filterKind uint8

const (
	filterMD5 filterKind = iota
	filterSHA1
	filterSHA256
	filterSHA384
	filterSHA512
	filterCRC32
	filterHex
	filterBase64
	filterBase64URL
	filterLower
	filterUpper
	filterJSON
	filterOnly
)

// filterNames are the filters in the order of their kinds.
func filterNames() []string {
	return []string{
		"md5", "sha1", "sha256", "sha384", "sha512", "crc32",
		"hex", "base64", "base64url", "lower", "upper", "json", "only",
	}
}

func (k filterKind) digest() bool   { return k <= filterSHA512 }
func (k filterKind) encoding() bool { return k >= filterHex && k <= filterBase64URL }

// A filter changes a value's text. Two filters are equal if they always do the
// same.
type filter struct {
	kind filterKind
	set  alphabet // for only
}

// growth returns by how much a value may be longer after f that was before times
// as long: a byte is two hex digits, or six characters such as \u001f in JSON. A
// digest has one length, whatever came before.
func (f filter) growth(before int) int {
	switch f.kind {
	case filterMD5, filterSHA1, filterSHA256, filterSHA384, filterSHA512, filterCRC32:
		return 1
	case filterHex, filterBase64, filterBase64URL:
		return 2 * before
	case filterJSON:
		return 6 * before
	case filterLower, filterUpper, filterOnly:
	}
	return before
}

// A grade is how much of a value its filters keep.
type grade uint8

const (
	gradeLossy grade = iota // several values give one text, and they are easy to find
	gradeWeak               // they can be made, with effort: md5 and sha1
	gradeWhole              // no one can find two
)

// apply returns what f makes of a shape and a grade.
func (f filter) apply(s shape, g grade) (shape, grade) {
	out := shape{length: s.length, nonEmpty: s.nonEmpty}
	switch f.kind {
	case filterMD5, filterSHA1:
		out.set, out.length, out.nonEmpty = allBytes(), md5.Size, true
		if f.kind == filterSHA1 {
			out.length = sha1.Size
		}
		g = min(g, gradeWeak)
	case filterSHA256, filterSHA384, filterSHA512:
		out.set, out.nonEmpty = allBytes(), true
		out.length = sha256.Size + int(f.kind-filterSHA256)*(sha512.Size384-sha256.Size)
	case filterCRC32:
		out.set, out.length, out.nonEmpty = digits(), variable, true
		g = gradeLossy
	case filterHex:
		out.set = union(digits(), span('a', 'f'))
		out.length = scaled(s.length, hex.EncodedLen)
	case filterBase64:
		out.set = union(letters(), digits(), of("+/="))
		out.length = scaled(s.length, base64.StdEncoding.EncodedLen)
	case filterBase64URL:
		out.set = union(letters(), digits(), of("-_"))
		out.length = scaled(s.length, base64.RawURLEncoding.EncodedLen)
	case filterLower, filterUpper:
		to := toLower
		if f.kind == filterUpper {
			to = toUpper
		}
		// Where a letter stands in one case only, nothing is lost: hex digits.
		if lower := s.set.and(span('a', 'z')); !lower.each(toUpper).disjoint(s.set) {
			g = gradeLossy
		}
		out.set, out.first = s.set.each(to), s.first.each(to)
		return out, g
	case filterJSON:
		out.set, out.length = allBytes().without(span(0, 0x1f)), variable
	case filterOnly:
		out = s // a bounded value stays so
		out.set, out.first = s.set.and(f.set), s.first.and(f.set)
		return out, g
	}
	out.first = out.set
	return out, g
}

func letters() alphabet { return union(capitals(), span('a', 'z')) }

func scaled(length int, by func(int) int) int {
	if length == variable {
		return variable
	}
	return by(length)
}

// append appends to dst what f makes of src, which must not overlap it. It
// reports false if src is not in the alphabet, or is no text that JSON can hold.
func (f filter) append(dst, src []byte) ([]byte, bool) {
	switch f.kind {
	case filterMD5:
		sum := md5.Sum(src) //nolint:gosec // see the import
		return append(dst, sum[:]...), true
	case filterSHA1:
		sum := sha1.Sum(src) //nolint:gosec // see the import
		return append(dst, sum[:]...), true
	case filterSHA256:
		sum := sha256.Sum256(src)
		return append(dst, sum[:]...), true
	case filterSHA384:
		sum := sha512.Sum384(src)
		return append(dst, sum[:]...), true
	case filterSHA512:
		sum := sha512.Sum512(src)
		return append(dst, sum[:]...), true
	case filterCRC32:
		return strconv.AppendUint(dst, uint64(crc32.ChecksumIEEE(src)), 10), true
	case filterHex:
		return hex.AppendEncode(dst, src), true
	case filterBase64:
		return base64.StdEncoding.AppendEncode(dst, src), true
	case filterBase64URL:
		return base64.RawURLEncoding.AppendEncode(dst, src), true
	case filterLower:
		return appendMapped(dst, src, toLower), true
	case filterUpper:
		return appendMapped(dst, src, toUpper), true
	case filterJSON:
		return appendJSON(dst, src)
	case filterOnly:
		for _, b := range src {
			if !f.set.has(b) {
				return dst, false
			}
		}
		return append(dst, src...), true
	}
	return dst, false
}

func appendMapped(dst, src []byte, to func(byte) byte) []byte {
	for _, b := range src {
		dst = append(dst, to(b))
	}
	return dst
}

// appendJSON escapes src for the inside of a JSON string: quotation mark,
// backslash and control characters, and nothing else. No two texts come out
// alike, which is why it refuses what is not UTF-8 instead of replacing it.
func appendJSON(dst, src []byte) ([]byte, bool) {
	if !utf8.Valid(src) {
		return dst, false
	}
	const short = "\b\f\n\r\t\"\\"
	const names = "bfnrt\"\\"
	for _, b := range src {
		if b >= ' ' && b != '"' && b != '\\' {
			dst = append(dst, b)
			continue
		}
		if i := strings.IndexByte(short, b); i >= 0 {
			dst = append(dst, '\\', names[i])
			continue
		}
		dst = append(dst, '\\', 'u', '0', '0', '0'+b>>4, "0123456789abcdef"[b&15])
	}
	return dst, true
}
