// Package template is the small language in which policies compose values from
// a request: signed messages, the place of a time, both sides of an assertion,
// headers for the application.
//
//	v0:{timestamp}:{body}                         text and values
//	{body|sha256|hex}                             filters, left to right
//	[id:{query:data.id|lower};]ts:{timestamp};    an optional group
//	{{"id":"{header:X-Id|json}"}}                 {{ }} [[ ]] are the brackets themselves
//
// Compiling a template, once per policy, gives parts of a few known types. From
// then on requests supply values only: no byte of theirs is read as a template.
//
// The values are {body}, {timestamp}, {method}, {header:NAME}, {query:NAME},
// {form:NAME}, {json:POINTER}, {credential:FIELD}, {match:NAME}, {claim:NAME},
// {principal} and the URL forms {url}, {origin}, {path} and {path_query}, which are built on the
// public URL of the policy. They come as they were received: nothing is trimmed
// and no number is written anew. {query:NAME} and {form:NAME} are decoded, a plus
// being a space, and so are the strings that {json:POINTER} finds. {method} must
// be in capitals. A value that is absent or empty is a missing part, except in an
// optional group: that is then left out, with all else that stands in it. A message
// is refused instead if the request has some of the group's headers, parameters,
// fields or captures: they would be unsigned.
//
// The filters are md5, sha1, sha256, sha384 and sha512, after which an encoding
// must stand; crc32 in decimal; hex in small letters, base64 with its padding and
// base64url without; lower and upper for ASCII letters; json, which escapes for
// the inside of a JSON string and refuses what is not UTF-8; and only:ALPHABET,
// which refuses everything outside of an alphabet such as A-Za-z0-9_-. In an
// argument a backslash precedes |, }, { and itself.
//
// Different requests must give different messages. At load the compiler proves that every
// value can be read back from the text (the proof is in ambiguity.go); where the
// proof needs that a value is free of the text behind it, a request that breaks
// this is refused. What a lossy filter leaves is covered, what it drops is not:
// {query:id|lower} covers the id but for its case.
package template
