package policy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/policy/document"
	"github.com/hookauthz/hookauthz/authz/template"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

// policy compiles one policy.
func (c *compiler) policy(name string, from *policypb.Policy) *Policy {
	path := "policies." + name
	require := c.require(path+".require", from.GetRequire())
	switch {
	case require.naked:
		c.mistake(path+".require", "unauthenticated",
			"a way through this requirement decrypts something, and nothing authenticates the sender: anybody can encrypt to a public key, so add inner to the jwe, or a check to an all_of around it")
	case !require.authenticates && from.GetAddressOnly() != accepted:
		c.mistake(path+".require", "unauthenticated",
			"a way through this requirement only looks at the address, and nothing authenticates the sender: add a check to it, or set address_only: accepted")
	}
	policy := &Policy{
		name:    name,
		require: require.requirement,
		hosts:   c.hostsOf(path+".hosts", from.GetHosts()),
		methods: from.GetMethods(),
	}
	if len(policy.methods) == 0 {
		policy.methods = require.methods
		if require.methods != nil && len(require.methods) == 0 {
			c.mistake(path+".require", "no_method", "its catalogue entries have no method in common")
		}
	}
	c.body(policy, path+".body", from.GetBody(), require.parts)
	c.answers(policy, path+".answers", from.GetAnswers(), require)
	c.upstream(policy, path+".upstream", from.GetUpstream(), require.parts)
	c.payload(policy, path, from.GetUpstream().GetPayload(), require.ways)
	c.replay(policy, path+".replay", from.GetReplay(), require)
	c.mode(policy, path+".mode", from.GetMode())
	for _, part := range require.parts {
		if part.TrustedHops != nil {
			policy.trustedHops = part.TrustedHops
		}
		if part.Unfit != nil {
			policy.unfit = append(policy.unfit, part.Unfit)
		}
		c.captures[name] = append(c.captures[name], part.Captures...)
	}
	return policy
}

// mode sets whether the policy only watches. Then the upstream gets the request
// as it came, apart from the headers by which other policies tell who sent it: a
// sender could forge them.
func (c *compiler) mode(policy *Policy, path, mode string) {
	if mode != "monitor" {
		return
	}
	c.warn(path, "monitored", "lets every request pass, whatever the checks say: for trying a policy out")
	policy.monitored = true
	policy.upstream, policy.removeQuery, policy.removeHeaders = nil, nil, c.table.reserved
	policy.payloadType = ""
}

func (c *compiler) hostsOf(path string, patterns []string) *hostSet[bool] {
	if len(patterns) == 0 {
		return nil
	}
	set := &hostSet[bool]{}
	for i, pattern := range patterns {
		if flaw := hostFlaw(pattern); flaw != "" {
			c.mistake(fmt.Sprintf("%s[%d]", path, i), "host", flaw)
			continue
		}
		slots, key := set.slot(pattern)
		slots[key] = true
	}
	return set
}

func (c *compiler) body(policy *Policy, path string, from *policypb.BodyRules, parts []authz.Part) {
	policy.rules = authz.Rules{
		MaxBody:    c.size(path+".max", from.GetMax()),
		AllowEmpty: from.GetEmpty() == "allow",
		AllowText:  from.GetText() == "allow",
	}
	policy.checksSize = policy.rules.MaxBody > 0
	if !policy.checksSize {
		policy.rules.MaxBody = c.file.options.maxBody()
	}
	c.table.largest = max(c.table.largest, policy.rules.MaxBody)
	for _, part := range parts {
		policy.checksSize = policy.checksSize || part.BindsBody
	}
}

func (c *compiler) answers(policy *Policy, path string, from *policypb.Answers, require built) {
	before := len(c.findings)
	for class, answer := range stated(from) {
		set := map[string]bool{}
		for _, name := range sortedKeys(answer.GetHeaders()) {
			at, lower := document.Join(path+"."+class.String()+".headers", name), strings.ToLower(name)
			if flaw := answerHeaderFlaw(name); flaw != "" {
				c.mistake(at, "answer_header", flaw)
			}
			if set[lower] {
				c.mistake(at, "answer_header", "stands twice, in different case")
			}
			set[lower] = true
		}
		for _, r := range answer.GetBody() {
			if r < ' ' && r != '\n' && r != '\t' && r != '\r' || r == 0x7f {
				c.mistake(path+"."+class.String()+".body", "answer_body", "holds a control character")
				break
			}
		}
	}
	var challenges []string
	for _, part := range require.parts {
		if part.Challenge != "" && !slices.Contains(challenges, part.Challenge) {
			challenges = append(challenges, part.Challenge)
		}
	}
	statements := []*policypb.Answers{from}
	for _, entry := range require.entries {
		statements = append(statements, entry.GetAnswers())
	}
	policy.answers = compileAnswers(strings.Join(challenges, ", "), statements...)
	if len(c.findings) == before {
		c.telling(path, stated(from), &policy.answers)
	}
}

// telling warns of an answer of the file's own that differs from that of another
// class with the same status: it tells a sender which of the two it was.
func (c *compiler) telling(path string, own map[authz.Class]*policypb.Answer, answers *[maxClass]Answer) {
	for _, class := range authz.Classes() {
		if own[class] == nil {
			continue
		}
		for _, other := range authz.Classes() {
			a, b := &answers[class], &answers[other]
			if other == authz.ClassNoPolicy || a.Status != b.Status || own[other] != nil && other < class || a.same(b) {
				continue
			}
			c.warn(path+"."+class.String(), "telling_answer", fmt.Sprintf(
				"differs from the answer of class %s, which has the same status, so a sender learns which it was: give both the same headers and body",
				other))
			break
		}
	}
}

func (c *compiler) upstream(policy *Policy, path string, from *policypb.Upstream, parts []authz.Part) {
	set := map[string]bool{}
	for _, name := range sortedKeys(from.GetHeaders()) {
		at, lower := document.Join(path+".headers", name), strings.ToLower(name)
		if flaw := upstreamHeaderFlaw(lower); flaw != "" {
			c.mistake(at, "upstream_header", flaw)
			continue
		}
		if set[lower] {
			c.mistake(at, "upstream_header", "stands twice, in different case")
			continue
		}
		set[lower] = true
		value, problems := template.Compile(from.GetHeaders()[name], template.Options{Place: template.PlaceUpstream})
		for _, problem := range problems {
			c.add(c.file.document.At(at, problem.Column), problem.Code, problem.Message, problem.Warning)
		}
		if value != nil {
			policy.upstream = append(policy.upstream, upstreamHeader{name: lower, value: value})
			c.captures[policy.name] = append(c.captures[policy.name], value.Captures()...)
		}
	}
	remove := slices.DeleteFunc(slices.Clone(c.table.reserved), func(name string) bool { return set[name] })
	for _, part := range parts {
		removes := part.SharedSecret
		if from != nil && from.RemoveCredentials != nil {
			removes = from.GetRemoveCredentials()
		}
		for _, place := range part.Credentials {
			switch {
			case !removes:
			case place.Query != "":
				policy.removeQuery = append(policy.removeQuery, place.Query)
			case !set[place.Header]:
				remove = append(remove, place.Header)
			}
		}
	}
	slices.Sort(remove)
	policy.removeHeaders = slices.Compact(remove)
	slices.Sort(policy.removeQuery)
	policy.removeQuery = slices.Compact(policy.removeQuery)
}

// upstreamHeaderFlaw says why a file may not set a header for the upstream, ""
// if it may. name is lower case.
func upstreamHeaderFlaw(name string) string {
	switch name {
	case "host", "content-length", "transfer-encoding", "connection", "keep-alive", "proxy-connection", "te", "trailer", "upgrade", "expect":
		return "frames or routes the request and belongs to the gateway"
	}
	if strings.HasPrefix(name, "x-envoy-") || strings.HasPrefix(name, "x-forwarded-") {
		return "belongs to the gateway"
	}
	return ""
}
