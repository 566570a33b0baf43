package bearer

import (
	"fmt"
	"slices"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/scheme/jose"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

// requiredOf returns what the settings under path require. Claims that are judged
// anyway are not for them.
func requiredOf(path string, settings []*policypb.RequiredClaim, judged ...string) ([]jose.Claim, []authz.Problem) {
	var required []jose.Claim
	var problems []authz.Problem
	for i, claim := range settings {
		at := fmt.Sprintf("%s[%d]", path, i)
		name := claim.GetName()
		switch {
		case name == "":
			problems = append(problems, mistake(at+".name", "required"))
		case slices.Contains(judged, name):
			problems = append(problems, mistake(at+".name", "this claim is judged anyway: see issuer, audiences and clock_skew"))
		case slices.ContainsFunc(required, func(c jose.Claim) bool { return c.Name == name }):
			problems = append(problems, mistake(at+".name", "the claim is listed twice: list all its values in one_of"))
		}
		if (claim.GetEquals() != "") == (len(claim.GetOneOf()) > 0) {
			problems = append(problems, mistake(at, "want either equals or one_of"))
		}
		values := slices.Clone(claim.GetOneOf())
		if claim.GetEquals() != "" {
			values = []string{claim.GetEquals()}
		}
		for j, value := range values {
			if value == "" {
				problems = append(problems, mistake(fmt.Sprintf("%s.one_of[%d]", at, j), "want a value"))
			}
		}
		required = append(required, jose.Claim{Name: name, OneOf: values})
	}
	return required, problems
}

func checkAudiences(path string, audiences []string) []authz.Problem {
	var problems []authz.Problem
	for i, audience := range audiences {
		if audience == "" {
			problems = append(problems, mistake(fmt.Sprintf("%s[%d]", path, i), "want an audience"))
		}
	}
	return problems
}
