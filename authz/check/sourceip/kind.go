package sourceip

import (
	"fmt"
	"slices"

	"github.com/hookauthz/hookauthz/authz"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

// Kind returns what authz/builtin lists for this package.
func Kind() authz.Kind { return authz.NewKind("source_ip", "sourceip", build) }

// maxHops is the most trusted proxies. Its only purpose is that a mistyped
// number is noticed.
const maxHops = 16

func build(settings *policypb.SourceIp, _ *authz.Env) (authz.Part, []authz.Problem) {
	var problems []authz.Problem
	var ranges []addressRange
	for i, text := range settings.GetAllow() {
		prefix, message := parsePrefix(text)
		if message != "" {
			problems = append(problems, mistake(fmt.Sprintf("allow[%d]", i), message))
			continue
		}
		if prefix.Bits() == 0 {
			problem := mistake(fmt.Sprintf("allow[%d]", i), "holds every address of its family, so it keeps nobody out")
			problem.Warning = true
			problems = append(problems, problem)
		}
		ranges = append(ranges, rangeOf(prefix))
	}
	if len(settings.GetAllow()) == 0 {
		problems = append(problems, mistake("allow", "required: an empty list would let nobody pass"))
	}

	check := &Check{allow: unite(ranges)}
	part := authz.Part{Check: check}
	if forwarded := settings.GetForwardedFor(); forwarded != nil {
		hops := forwarded.GetTrustedHops()
		if hops > maxHops {
			problems = append(problems, mistake("forwarded_for.trusted_hops", fmt.Sprintf("want 0 to %d", maxHops)))
		}
		check.forwarded, check.hops = true, hops
		part.TrustedHops = &hops
	}
	if slices.ContainsFunc(problems, func(p authz.Problem) bool { return !p.Warning }) {
		return authz.Part{}, problems
	}
	return part, problems
}

func mistake(path, message string) authz.Problem {
	return authz.Problem{Path: path, Message: message, Code: "source_ip"}
}
