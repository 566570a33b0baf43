package httpsig

import (
	"strings"

	"github.com/dunglas/httpsfv"
)

// maxMembers bounds the commas in a dictionary, and so what it costs to parse it.
const maxMembers = 64

// A member is one of a dictionary.
type member struct {
	name  string
	value httpsfv.Member
	text  string // what stands behind the name and the equals sign
}

// readDictionary reads a dictionary (RFC 9651, section 3.2) in the one spelling that
// serialisation gives it (section 4.1.2), but for the space after a comma, which
// gateways leave out where they join lines. So no member and no parameter can stand
// twice, of which parsers keep the last.
func readDictionary(text string) ([]member, bool) {
	if strings.Count(text, ",") >= maxMembers {
		return nil, false
	}
	dictionary, err := httpsfv.UnmarshalDictionary([]string{text})
	if err != nil {
		return nil, false
	}
	names := dictionary.Names()
	members := make([]member, 0, len(names))
	rest := text
	for i, name := range names {
		if i > 0 {
			var ok bool
			if rest, ok = strings.CutPrefix(rest, ","); !ok {
				return nil, false
			}
			rest = strings.TrimPrefix(rest, " ")
		}
		value, _ := dictionary.Get(name)
		one := httpsfv.NewDictionary()
		one.Add(name, value)
		written, err := httpsfv.Marshal(one)
		if err != nil || !strings.HasPrefix(rest, written) {
			return nil, false
		}
		rest = rest[len(written):]
		members = append(members, member{name: name, value: value, text: strings.TrimPrefix(written[len(name):], "=")})
	}
	return members, rest == "" && len(members) > 0
}

// bytesOf returns the byte sequence that m is, if it is nothing else.
func bytesOf(m httpsfv.Member) ([]byte, bool) {
	item, ok := m.(httpsfv.Item)
	if !ok || len(item.Params.Names()) > 0 {
		return nil, false
	}
	value, ok := item.Value.([]byte)
	return value, ok
}

// strictly returns lines, the values of one header, as the structured field of that
// name is serialised. It is false for headers that are not known to be one: the type
// of a structured field can't be seen from its value.
func strictly(name string, lines []string) (string, bool) {
	var field httpsfv.StructuredFieldValue
	var err error
	switch name {
	case "accept-signature", "content-digest", "priority", "repr-digest", "signature", "signature-input",
		"want-content-digest", "want-repr-digest":
		field, err = httpsfv.UnmarshalDictionary(lines)
	case "cache-status", "client-cert-chain", "proxy-status":
		field, err = httpsfv.UnmarshalList(lines)
	case "client-cert":
		field, err = httpsfv.UnmarshalItem(lines)
	default:
		return "", false
	}
	if err != nil {
		return "", false
	}
	text, err := httpsfv.Marshal(field)
	return text, err == nil
}

// memberOf returns the serialisation of one member of the dictionary in lines.
func memberOf(lines []string, key string) (text string, found, ok bool) {
	dictionary, err := httpsfv.UnmarshalDictionary(lines)
	if err != nil {
		return "", false, false
	}
	value, found := dictionary.Get(key)
	if !found {
		return "", false, true
	}
	text, err = httpsfv.Marshal(value)
	return text, true, err == nil
}

// wrapped returns a line as a byte sequence (RFC 9421, section 2.1.3).
func wrapped(line string) (string, bool) {
	text, err := httpsfv.Marshal(httpsfv.NewItem([]byte(line)))
	return text, err == nil
}
