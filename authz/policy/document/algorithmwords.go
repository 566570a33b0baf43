package document

import (
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// The fields that name the algorithms of other people's tokens.
const (
	jwtAlgorithms = "hookauthz.policy.v1.Jwt.algorithms"
	jwsAlgorithms = "hookauthz.policy.v1.Jws.algorithms"
	jweAlgorithms = "hookauthz.policy.v1.Jwe.key_algorithms"
)

// leftOut says why value is not among the words of field on purpose, empty if that
// is not so: HS256 is one letter from ES256 and no slip of the pen. known is
// whether value is a registered word (RFC 7518, RFC 8812), which can't be a
// secret at the wrong place.
func leftOut(field protoreflect.FieldDescriptor, value string) (why string, known bool) {
	if field == nil {
		return "", false
	}
	word := strings.ToUpper(value)
	switch name := field.FullName(); {
	case name == jweAlgorithms && word == "RSA1_5":
		return "RSA1_5 tells an attacker too much by its failures", true
	case name == jweAlgorithms && strings.HasPrefix(word, "PBES2-"):
		return "passwords, and work that the sender chooses, are not supported", false
	case name != jwtAlgorithms && name != jwsAlgorithms:
		return "", false
	case word == "NONE":
		return "tokens without a signature are not supported", true
	case word == "ES256K":
		return "ES256K (secp256k1) is not supported", true
	case strings.HasPrefix(word, "HS"):
		return "algorithms with a shared key are not supported for tokens", word == "HS256" || word == "HS384" || word == "HS512"
	}
	return "", false
}

// unfinished says which of the words allowed value leaves half unsaid, as
// "rsa-sha256" does, empty if that is not so.
func unfinished(value string, allowed []string) string {
	family, hash, _ := strings.Cut(strings.ToLower(value), "-")
	switch hash {
	case "", "sha256", "sha384", "sha512":
	default:
		return ""
	}
	missing := "padding"
	switch family {
	case "rsa":
	case "ecdsa":
		missing, hash = "curve", "" // the hash follows from it
	default:
		return ""
	}
	var meant []string
	for _, word := range allowed {
		if strings.HasPrefix(word, family+"-") && strings.HasSuffix(word, hash) {
			meant = append(meant, word)
		}
	}
	if len(meant) == 0 {
		return ""
	}
	return "name the " + missing + ": " + list(meant, "or")
}
