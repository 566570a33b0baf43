package conformance

import (
	"go/ast"
	"go/parser"
	gotoken "go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/c2sp/wycheproof"
)

// ours are the names of files about what JOSE and our kinds are made of.
var ours = regexp.MustCompile(`^(ecdsa|ed25519|ed448|rsa|ecdh|x25519|x448|json_web)_|^(ed25519|ed448|x25519|x448)$|^a(128|192|256)cbc_hs|^aes_(gcm|gmac|wrap|kwp|cbc)`)

// A kept list is of files, and why they are used or not.
type kept struct {
	why   string
	files string // names, between blanks
}

// used are the files that a test of this package reads.
var used = []kept{
	{why: "signatures of JOSE and of the kind signature", files: `
		ed25519
		ecdsa_secp256r1_sha256 ecdsa_secp256r1_sha256_p1363 ecdsa_secp384r1_sha384 ecdsa_secp384r1_sha384_p1363
		ecdsa_secp521r1_sha512 ecdsa_secp521r1_sha512_p1363
		rsa_signature_2048_sha256 rsa_signature_2048_sha384 rsa_signature_2048_sha512
		rsa_signature_3072_sha256 rsa_signature_3072_sha384 rsa_signature_3072_sha512
		rsa_signature_4096_sha256 rsa_signature_4096_sha384 rsa_signature_4096_sha512
		rsa_signature_8192_sha256 rsa_signature_8192_sha384 rsa_signature_8192_sha512
		rsa_pkcs1_2048_sig_gen rsa_pkcs1_3072_sig_gen rsa_pkcs1_4096_sig_gen
		rsa_pss_2048_sha256_mgf1_32 rsa_pss_3072_sha256_mgf1_32 rsa_pss_4096_sha256_mgf1_32
		rsa_pss_2048_sha384_mgf1_48 rsa_pss_4096_sha384_mgf1_48 rsa_pss_4096_sha512_mgf1_64 rsa_pss_misc`},
	{why: "good signatures with another hash, mask or salt, of which no algorithm of ours takes one", files: `
		ecdsa_secp256r1_sha512 ecdsa_secp256r1_sha512_p1363 ecdsa_secp256r1_sha3_256 ecdsa_secp384r1_sha256
		ecdsa_secp384r1_sha512 ecdsa_secp384r1_sha512_p1363 ecdsa_secp521r1_sha3_512
		rsa_signature_2048_sha224 rsa_signature_2048_sha3_256 rsa_signature_2048_sha512_256
		rsa_pss_2048_sha1_mgf1_20 rsa_pss_2048_sha256_mgf1_0 rsa_pss_2048_sha256_mgf1sha1_20
		rsa_pss_2048_sha512_256_mgf1_32 rsa_pss_4096_sha512_mgf1_32`},
	{why: "keys that are not read: see TestKeysThatAreNotRead", files: `
		rsa_pss_2048_sha256_mgf1_32_params rsa_pss_3072_sha256_mgf1_32_params rsa_pss_4096_sha512_mgf1_64_params rsa_pss_misc_params
		ecdsa_secp224r1_sha256 ecdsa_secp256k1_sha256 ecdsa_brainpoolP256r1_sha256`},
	{why: "encryption", files: `
		aes_gcm a128cbc_hs256 a192cbc_hs384 a256cbc_hs512 aes_wrap
		rsa_oaep_2048_sha1_mgf1sha1 rsa_oaep_2048_sha256_mgf1sha256 rsa_oaep_3072_sha256_mgf1sha256 rsa_oaep_4096_sha256_mgf1sha256
		rsa_oaep_misc rsa_three_primes_oaep_2048_sha1_mgf1sha1 rsa_three_primes_oaep_4096_sha256_mgf1sha256
		ecdh_secp256r1 ecdh_secp384r1 ecdh_secp521r1 ecdh_secp256r1_ecpoint ecdh_secp384r1_ecpoint ecdh_secp521r1_ecpoint
		ecdh_secp256r1_pem ecdh_secp384r1_pem ecdh_secp521r1_pem
		ecdh_secp256r1_webcrypto ecdh_secp384r1_webcrypto ecdh_secp521r1_webcrypto
		x25519 x25519_asn x25519_jwk x25519_pem`},
	{why: "tokens and keys", files: `json_web_crypto json_web_encryption json_web_key json_web_signature`},
}

// unused are the files that none reads.
var unused = []kept{
	{why: "a curve that no algorithm of ours has; that its keys are not read is seen from one file of each family", files: `
		ecdsa_brainpoolP* ecdsa_secp160* ecdsa_secp192* ecdsa_secp224* ecdsa_secp256k1* ed448
		ecdh_brainpoolP* ecdh_secp224r1* ecdh_secp256k1* ecdh_sect* x448*`},
	{why: "a hash that no algorithm of ours has, in a file beside those that are read for it", files: `
		ecdsa_secp256r1_sha3_512 ecdsa_secp384r1_sha3_384 ecdsa_secp384r1_sha3_512 ecdsa_*_shake*
		rsa_signature_2048_sha3_224 rsa_signature_2048_sha3_384 rsa_signature_2048_sha3_512 rsa_signature_2048_sha512_224
		rsa_signature_3072_sha3_* rsa_signature_3072_sha512_256 rsa_signature_4096_sha512_256
		rsa_pss_2048_sha512_224_mgf1_28 rsa_pss_*_shake*`},
	{why: "RSASSA-PSS as the key's own algorithm: not read, which is seen from the other files of the kind", files: `
		rsa_pss_2048_sha1_mgf1_20_params rsa_pss_2048_sha256_mgf1_0_params rsa_pss_2048_sha512_mgf1sha256_32_params
		rsa_pss_4096_sha512_mgf1_32_params`},
	{why: "OAEP with hashes that JWE does not have", files: `
		rsa_oaep_*_sha224_* rsa_oaep_*_sha256_mgf1sha1 rsa_oaep_*_sha384_* rsa_oaep_*_sha512_*
		rsa_three_primes_oaep_3072_sha224_mgf1sha224`},
	{why: "decryption of PKCS #1 1.5, which we have none of", files: `rsa_pkcs1_2048 rsa_pkcs1_3072 rsa_pkcs1_4096`},
	{why: "keys below 2048 bits, which are not read", files: `rsa_pkcs1_1024_sig_gen rsa_pkcs1_1536_sig_gen`},
	{why: "a mode of AES that JWE does not have alone, or not at all", files: `aes_cbc_pkcs5 aes_gcm_siv aes_gmac aes_kwp`},
}

// Every file about what we do is used, or there is a reason why it is not. A file
// that a new version of the module brings along must be put into one of the lists.
func TestInventory(t *testing.T) {
	entries, err := fs.ReadDir(wycheproof.TestVectors, ".")
	if err != nil {
		t.Fatal(err)
	}
	read := namesRead(t)
	seen := map[string]bool{} // what stands in the lists and is there
	count := 0
	for _, entry := range entries {
		name, ok := strings.CutSuffix(entry.Name(), "_test.json")
		if !ok || !ours.MatchString(name) {
			continue
		}
		count++
		isUsed, isUnused := listed(used, name, seen), listed(unused, name, seen)
		switch {
		case isUsed && !read[name]:
			t.Errorf("%s stands among the used files, but no test reads it", name)
		case !isUsed && read[name]:
			t.Errorf("%s is read by a test, but does not stand among the used files", name)
		case !isUsed && !isUnused:
			t.Errorf("%s is neither used nor is there a reason why not", name)
		}
	}
	for _, k := range slices.Concat(used, unused) {
		for pattern := range strings.FieldsSeq(k.files) {
			if !seen[pattern] {
				t.Errorf("%s is in a list (%s), but there is no such file", pattern, k.why)
			}
		}
	}
	t.Logf("%d files, of which %d are read", count, len(read))
}

// listed reports whether name stands in one of lists, and what as.
func listed(lists []kept, name string, seen map[string]bool) bool {
	found := false
	for _, k := range lists {
		for pattern := range strings.FieldsSeq(k.files) {
			if ok, err := filepath.Match(pattern, name); ok && err == nil {
				seen[pattern], found = true, true
			}
		}
	}
	return found
}

// namesRead are the names of files in the tests of this package: those that stand
// there as a whole, and those that signatureFiles puts together.
func namesRead(t *testing.T) map[string]bool {
	t.Helper()
	sources, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	add := func(name string) {
		if _, err := fs.Stat(wycheproof.TestVectors, name+"_test.json"); err == nil && ours.MatchString(name) {
			names[name] = true
		}
	}
	for _, source := range sources {
		if source == "inventory_test.go" {
			continue
		}
		file, err := parser.ParseFile(gotoken.NewFileSet(), source, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if literal, ok := n.(*ast.BasicLit); ok && literal.Kind == gotoken.STRING {
				if name, err := strconv.Unquote(literal.Value); err == nil {
					add(name)
				}
			}
			return true
		})
	}
	for _, f := range signatureFiles() {
		add(f.file)
	}
	return names
}
