//go:build e2e

package e2e

import (
	"crypto/rand"
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"go.yaml.in/yaml/v4"
)

// An identityWorld is a world whose senders show tokens and certificates.
type identityWorld struct {
	*world

	issuer *issuer
	keys   map[string]signer // by algorithm; all are the issuer's
	stored map[string]signer // by format: pem, x509, jwk, jwks

	ours, other  *authority // of the file that is trusted, and of none
	intermediate *authority // below ours
	pinned       *certificate
	tokens       string // URL of the token endpoint

	mu     sync.Mutex
	grants map[string]string // tokens of the token endpoint, by client
}

// identity is the world that most rows about tokens and certificates share. The
// first of them starts it.
var identity = sync.OnceValue(func() *identityWorld { return newIdentityWorld(run) })

// audience is what tokens must be meant for.
const audience = "https://hooks.example.com"

func newIdentityWorld(s scope) *identityWorld {
	s.Helper()
	i := &identityWorld{keys: map[string]signer{}, stored: map[string]signer{}}
	for _, alg := range []string{"EdDSA", "ES256", "RS256", "PS256"} {
		i.keys[alg] = newSigner(s, "of-"+alg, alg)
	}
	i.issuer = startIssuer(s, i.keys["EdDSA"], i.keys["ES256"], i.keys["RS256"], i.keys["PS256"])
	i.ours, i.other = newAuthority(s, nil), newAuthority(s, nil)
	i.intermediate = newAuthority(s, i.ours)
	i.pinned = i.ours.issue(s, dns(partnerDNS))

	jwksFile := i.storeKeys(s)
	b := shared.bao
	b.mountPKI(s, "pki", "clients", "strangers")
	for name, value := range map[string]string{"password": combinedPassword, "hash": weakHash, "strong": strongHash} {
		b.put(s, "combined-"+name, map[string]string{"value": value})
	}
	b.put(s, "anchors", map[string]string{"pem": i.ours.pem})
	b.put(s, "introspection", map[string]string{"secret": i.issuer.secret})
	b.put(s, "token-key", map[string]string{"pem": string(newSigner(s, "", "EdDSA").privatePEM())})

	i.tokens = "http://" + freeAddress(s)
	words := map[string]string{
		"ISSUER": i.issuer.url, "AUDIENCE": audience, "ANCHORS": i.ours.file, "JWKS_FILE": jwksFile,
		"TOKENS": i.tokens, "OURS": i.ours.cert.Subject.String(), "INTERMEDIATE": i.intermediate.cert.Subject.String(),
		"FINGERPRINT": i.pinned.fingerprint(), "PUBLIC_KEY": i.pinned.keyPrint(),
	}
	folder := fill(s, words, "tokens.yaml", "introspection.yaml", "endpoint.yaml", "certificates.yaml", "pins.yaml", "monitored.yaml")
	writeInto(s, folder, "combined.yaml", replaceWords(combinedPolicies(), words))
	i.world = newWorld(s, setup{
		config: folder, policies: policyNames(s, folder),
		env:       []string{"E2E_JWKS=" + string(jwks(i.stored["env"]))},
		flags:     []string{"--dev", "--token-listen=" + strings.TrimPrefix(i.tokens, "http://")},
		listeners: append(i.listeners(s), longHeaders, telling),
	})
	return i
}

// storeKeys puts one key of each format into Vault, one into a file, whose path it
// returns, and makes one for the environment.
func (i *identityWorld) storeKeys(s scope) (file string) {
	s.Helper()
	for _, format := range []string{"pem", "x509", "jwk", "jwks", "file", "env"} {
		i.stored[format] = newSigner(s, "stored-"+format, "ES256")
	}
	i.stored["pem"] = i.stored["pem"].named("") // PEM has no ids
	i.stored["x509"] = i.stored["x509"].named("")
	b := shared.bao
	b.put(s, "key-pem", map[string]string{"key": string(i.stored["pem"].publicPEM())})
	b.put(s, "key-x509", map[string]string{"key": certificateOf(s, i.stored["x509"])})
	b.put(s, "key-jwk", map[string]string{"key": string(mustJSON(i.stored["jwk"].jwk()))})
	b.put(s, "key-jwks", map[string]string{"key": string(jwks(i.stored["jwks"]))})
	return writeFile(s, "keys.json", string(jwks(i.stored["file"])))
}

// fill returns a folder with the named files of testdata, in which words such as
// ${ISSUER} are replaced.
func fill(s scope, words map[string]string, names ...string) string {
	s.Helper()
	folder, err := os.MkdirTemp(run.folder, "policies-")
	if err != nil {
		s.Fatalf("%v", err)
	}
	for _, name := range names {
		text, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			s.Fatalf("%v", err)
		}
		writeInto(s, folder, name, replaceWords(string(text), words))
	}
	return folder
}

func replaceWords(text string, words map[string]string) string {
	return os.Expand(text, func(word string) string {
		if value, ok := words[word]; ok {
			return value
		}
		return "${" + word + "}"
	})
}

func writeInto(s scope, folder, name, text string) {
	s.Helper()
	if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
		s.Fatalf("%v", err)
	}
}

// longHeaders takes headers of a size that Envoy refuses otherwise.
var longHeaders = variant{name: "long-headers", change: func(l listener) { l.http()["max_request_headers_kb"] = 512 }}

// telling writes more of what hookauthz says into the access log.
var telling = variant{name: "telling", change: func(l listener) {
	format := treeAt(l.http(), "access_log.0.typed_config.log_format.json_format")
	for _, field := range []string{"mode", "decision", "class", "principal"} {
		format[field] = fmt.Sprintf("%%DYNAMIC_METADATA(envoy.filters.http.ext_authz:%s)%%", field)
	}
}}

// policyNames returns the names of the policies in a folder.
func policyNames(s scope, folder string) []string {
	s.Helper()
	names := []string{}
	files, _ := filepath.Glob(filepath.Join(folder, "*.yaml")) // the pattern is right
	for _, file := range files {
		var content struct {
			Policies map[string]any `yaml:"policies"`
		}
		text, err := os.ReadFile(file)
		if err == nil {
			err = yaml.Unmarshal(text, &content)
		}
		if err != nil {
			s.Fatalf("%s: %v", file, err)
		}
		for name := range content.Policies {
			names = append(names, name)
		}
	}
	return names
}

// certificateOf returns a certificate of the key, PEM.
func certificateOf(s scope, k signer) string {
	s.Helper()
	cert := template("signer")
	der, err := x509.CreateCertificate(rand.Reader, cert, cert, k.key.Public(), k.key)
	if err != nil {
		s.Fatalf("%v", err)
	}
	return certificatePEM(der)
}

// replaceFile writes a file as programs do that others read meanwhile.
func replaceFile(s scope, path, text string) {
	s.Helper()
	fresh := path + ".new"
	err := os.WriteFile(fresh, []byte(text), 0o600)
	if err == nil {
		err = os.Rename(fresh, path)
	}
	if err != nil {
		s.Fatalf("%v", err)
	}
}
