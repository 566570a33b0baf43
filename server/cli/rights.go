package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/hookauthz/hookauthz/authz/policy"
	"github.com/hookauthz/hookauthz/authz/secret"
)

// A right is what a Vault policy permits at one path.
type right struct {
	path       string
	capability string
	// comment says what it is for.
	comment string
}

// rights are what serve needs in Vault for a policy file: the secrets, sorted by
// path, then what the token itself wants. They are empty if nothing is in Vault.
type rights struct {
	paths []right
	// public are the entries of keys that everybody may read.
	public []string
}

// vaultRights returns the rights for file. The certificates and revocation lists
// of the PKI engine's issuers are given to everybody, without a token even, so
// they need none.
//
// Source: https://developer.hashicorp.com/vault/api-docs/secret/pki#read-issuer-certificate
func vaultRights(file *policy.File) (rights, error) {
	type need struct{ names, users []string }
	needs := map[string]*need{}
	uses := file.Uses()
	var all rights
	for _, declared := range file.Secrets() {
		if declared.VaultPKI != nil && declared.Field() != secret.FieldCRL {
			all.public = append(all.public, declared.Name)
		}
		if declared.Vault == nil {
			continue
		}
		for _, path := range declared.Location().VaultPaths() {
			if !literal(path) {
				return rights{}, fmt.Errorf("secret %q is at a path that a Vault policy would read as a pattern", declared.Name)
			}
			if needs[path] == nil {
				needs[path] = &need{}
			}
			needs[path].names = append(needs[path].names, declared.Name)
			needs[path].users = append(needs[path].users, uses[declared.Name]...)
		}
	}
	if len(needs) == 0 && len(all.public) == 0 {
		return rights{}, nil
	}
	for _, path := range slices.Sorted(maps.Keys(needs)) {
		users := "no policy uses it"
		if distinct := sorted(needs[path].users); len(distinct) > 0 {
			users = "for " + listed(distinct)
		}
		all.paths = append(all.paths, right{
			path: path, capability: "read", comment: listed(sorted(needs[path].names)) + ": " + users,
		})
	}
	all.paths = append(all.paths,
		right{path: "auth/token/lookup-self", capability: "read", comment: "to see when the token ends, and whether it is still good"},
		right{path: "auth/token/renew-self", capability: "update", comment: "to keep it"},
		right{path: "auth/token/revoke-self", capability: "update", comment: "to give it back at the end, after a login by AppRole"},
	)
	return all, nil
}

// literal reports whether path stands for itself alone in a Vault policy, where a
// "*" at the end and a "+" for a segment are patterns, and in HCL, where quotes,
// backslashes and "${" are not what they look like.
func literal(path string) bool {
	if path == "" || strings.ContainsAny(path, `*+"\$%{}`) {
		return false
	}
	return !strings.ContainsFunc(path, func(r rune) bool { return r < ' ' || r > '~' })
}

func sorted(names []string) []string {
	return slices.Compact(slices.Sorted(slices.Values(names)))
}

// maxListed is how many names a comment holds.
const maxListed = 8

func listed(names []string) string {
	if len(names) > maxListed {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:maxListed], ", "), len(names)-maxListed)
	}
	return strings.Join(names, ", ")
}

func writeHCL(w io.Writer, all rights) {
	if len(all.paths) == 0 {
		fmt.Fprintln(w, "# The policy file names nothing in Vault.")
		return
	}
	fmt.Fprintln(w, "# Least rights of hookauthz, written by `hookauthz vault policy`.")
	if len(all.public) > 0 {
		fmt.Fprintf(w, "# No right is needed for %s: everybody may read the PKI engine's issuers.\n", listed(all.public))
	}
	for _, r := range all.paths {
		fmt.Fprintf(w, "\n# %s\npath \"%s\" {\n  capabilities = [\"%s\"]\n}\n", r.comment, r.path, r.capability)
	}
}

// writeRightsJSON writes the JSON form of a policy, which has no comments.
func writeRightsJSON(w io.Writer, all rights) error {
	type capabilities struct {
		Capabilities []string `json:"capabilities"`
	}
	paths := map[string]capabilities{}
	for _, r := range all.paths {
		paths[r.path] = capabilities{[]string{r.capability}}
	}
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(map[string]map[string]capabilities{"path": paths}) //nolint:wrapcheck // nothing to add
}
