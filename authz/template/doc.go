// Package template is the small language in which policies compose values from
// a request: the message that was signed, where a timestamp stands, what an
// assertion compares, a header for the upstream.
//
//	v0:{timestamp}:{body}                         text and values
//	{body|sha256|hex}                             filters, left to right
//	[id:{query:data.id|lower};]ts:{timestamp};    an optional group
//	{{"id":"{header:X-Id|json}"}}                 {{ }} [[ ]] are the brackets themselves
//
// A template is compiled when the policy is loaded, into a closed list of typed
// parts. Nothing that a request holds is ever interpreted.
//
// The values are {body}, {timestamp}, {method}, {header:NAME}, {query:NAME},
// {form:NAME}, {json:POINTER}, {credential:FIELD}, {match:NAME}, {principal} and
// the URL forms {url}, {origin}, {path} and {path_query}, which are built on the
// public URL of the policy. They come as they were received: nothing is trimmed
// and no number is written anew. {query:NAME} and {form:NAME} are decoded, a plus
// being a space, and so are the strings that {json:POINTER} finds. {method} must
// be in capitals. A value that is absent or empty is a missing part, except in an
// optional group, which is then dropped as a whole: what else stands in that
// group is not part of the text.
//
// The filters are md5, sha1, sha256, sha384 and sha512, after which an encoding
// must stand; crc32 in decimal; hex in small letters, base64 with its padding and
// base64url without; lower and upper for ASCII letters; json, which escapes for
// the inside of a JSON string and refuses what is not UTF-8; and only:ALPHABET,
// which refuses everything outside of an alphabet such as A-Za-z0-9_-. In an
// argument a backslash precedes |, }, { and itself.
//
// No two requests may give one message. At load the compiler proves that every
// value can be read back from the text (the proof is in ambiguity.go); where the
// proof needs that a value is free of the text behind it, a request that breaks
// this is refused. What a lossy filter leaves is covered, what it drops is not:
// {query:id|lower} covers the id but for its case.
package template
