package scheme_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/hookauthz/hookauthz/authz/scheme"
)

func TestAppendExact(t *testing.T) {
	two := []byte{0xfb, 0xff} // "+/8" in base64, with 2 unused bits
	tests := []struct {
		name     string
		encoding scheme.Encoding
		text     string
		want     []byte // nil: refused
	}{
		{name: "hex", encoding: scheme.Hex, text: "fbff", want: two},
		{name: "hex upper case", encoding: scheme.Hex, text: "FBFF", want: two},
		{name: "hex mixed case", encoding: scheme.Hex, text: "fBFf", want: two},
		{name: "hex odd", encoding: scheme.Hex, text: "fbf"},
		{name: "hex short", encoding: scheme.Hex, text: "fb"},
		{name: "hex long", encoding: scheme.Hex, text: "fbff00"},
		{name: "hex with 0x", encoding: scheme.Hex, text: "0xfb"},
		{name: "hex with colon", encoding: scheme.Hex, text: "fb:f"},
		{name: "hex with line end", encoding: scheme.Hex, text: "fbff\n"},
		{name: "no hex digit", encoding: scheme.Hex, text: "fbfg"},
		{name: "full-width digit", encoding: scheme.Hex, text: "f\xef\xbc\x91"},
		{name: "empty", encoding: scheme.Hex, text: ""},

		{name: "base64", encoding: scheme.Base64, text: "+/8=", want: two},
		{name: "base64 unpadded", encoding: scheme.Base64, text: "+/8", want: two},
		{name: "base64 unused bits set", encoding: scheme.Base64, text: "+/9="},
		{name: "base64 unused bits set, unpadded", encoding: scheme.Base64, text: "+/+"},
		{name: "base64 too much padding", encoding: scheme.Base64, text: "+/8=="},
		{name: "base64 padding only", encoding: scheme.Base64, text: "===="},
		{name: "base64 padding inside", encoding: scheme.Base64, text: "+=/8"},
		{name: "base64 with CR", encoding: scheme.Base64, text: "+/8=\r"},
		{name: "base64 with LF inside", encoding: scheme.Base64, text: "+/\n8="},
		{name: "base64 with space", encoding: scheme.Base64, text: "+/8 "},
		{name: "base64url in base64", encoding: scheme.Base64, text: "-_8="},
		{name: "both alphabets", encoding: scheme.Base64, text: "+_8="},
		{name: "base64 short", encoding: scheme.Base64, text: "+w=="},
		{name: "base64 long", encoding: scheme.Base64, text: "+/8A"},
		{name: "base64 one character over", encoding: scheme.Base64, text: "+/8AA"},

		{name: "base64url", encoding: scheme.Base64URL, text: "-_8=", want: two},
		{name: "base64url unpadded", encoding: scheme.Base64URL, text: "-_8", want: two},
		{name: "base64 in base64url", encoding: scheme.Base64URL, text: "+/8="},
		{name: "base64url percent-encoded", encoding: scheme.Base64URL, text: "-_8%3D"},

		{name: "zero encoding", text: "fbff"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := tt.encoding.AppendExact([]byte("x"), tt.text, 2)
			if ok != (tt.want != nil) || string(got) != "x"+string(tt.want) {
				t.Errorf("AppendExact(%q) = %x, %v, want %x", tt.text, got, ok, tt.want)
			}
		})
	}
}

// encode writes b the way text is written, as to case and padding.
func encode(e scheme.Encoding, b []byte, text string) string {
	padded := strings.HasSuffix(text, "=")
	switch {
	case e == scheme.Hex:
		return hex.EncodeToString(b)
	case e == scheme.Base64 && padded:
		return base64.StdEncoding.EncodeToString(b)
	case e == scheme.Base64:
		return base64.RawStdEncoding.EncodeToString(b)
	case padded:
		return base64.URLEncoding.EncodeToString(b)
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

// FuzzEncoding looks for two spellings of the same bytes, beyond hex case and
// padding, and for bytes that can't be written.
func FuzzEncoding(f *testing.F) {
	f.Add("fbFF", []byte{0xfb, 0xff})
	f.Add("+/8=", []byte("\x00"))
	f.Add("-_8", []byte(""))
	f.Add("+/8=\r\n", []byte("abc"))
	f.Fuzz(func(t *testing.T, text string, b []byte) {
		for _, e := range []scheme.Encoding{scheme.Hex, scheme.Base64, scheme.Base64URL} {
			if got, ok := e.Append(nil, text); ok {
				want := text
				if e == scheme.Hex {
					want = strings.ToLower(text)
				}
				if again := encode(e, got, text); again != want {
					t.Errorf("encoding %d: %q decodes to %x, which is written %q", e, text, got, again)
				}
			} else if len(got) != 0 {
				t.Errorf("encoding %d: %q is refused and gives %x", e, text, got)
			}
			for _, padding := range []string{"", "="} {
				written := encode(e, b, padding)
				if got, ok := e.AppendExact(nil, written, len(b)); !ok || !bytes.Equal(got, b) {
					t.Errorf("encoding %d: %x is written %q, which decodes to %x, %v", e, b, written, got, ok)
				}
			}
		}
	})
}
