package policy_test

import (
	"os"
	"strings"
	"testing"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/policy"
	"github.com/hookauthz/hookauthz/authz/policy/document"
)

// FuzzRead holds that every content is either a table whose policies all have a
// requirement that denies an empty request, or a list of mistakes that says where.
func FuzzRead(f *testing.F) {
	shipped, err := os.ReadFile("../../deploy/envoy/policy.yaml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(shipped)
	for _, seed := range []string{
		somePolicies("a") + routed, declared + "policies: {a: {require: {}}}", declared + "policies: {a: {require: {provider: {nam: x}}}}",
		declared + "policies: {a: {require: {any_of: [{mac: {}}, {mac: {credential: {}, message: \"{\"}}], on_rejected: x}}}",
		declared + "policies: {a: 3, b: {require: {basic: {users: [{}, {name: x}]}, mac: {}}}}\nroutes: [{}, {match: {path: a}}, {policy: b}]",
		"policies: {a: {require: {source_ip: {allow: [x], forwarded_for: {}}}, answers: {missing: {headers: {a: b}}}, upstream: {headers: {x: \"{\"}}}}",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		file, findings := policy.Read([]document.File{{Name: "f.yaml", Data: content}}, policy.Options{})
		if (file == nil) != (document.Mistakes(findings) > 0) {
			t.Fatalf("file = %v with findings %+v", file, findings)
		}
		for _, finding := range findings {
			if finding.Message == "" || finding.Line > strings.Count(string(content), "\n")+1 {
				t.Errorf("finding %+v tells nothing or lies outside", finding)
			}
		}
		if file == nil {
			return
		}
		table := file.Table(policy.Sources{Secret: func(string) authz.Secrets { return fixed(goodKey) }})
		for _, p := range table.Policies() {
			if p.Decide(t.Context(), &authz.Request{}, nil).Allowed() {
				t.Errorf("policy %s allows an empty request", p.Name())
			}
		}
	})
}
