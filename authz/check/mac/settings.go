package mac

import (
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/hookauthz/hookauthz/authz/scheme"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

func readCredential(c *policypb.Credential) scheme.Credential {
	return scheme.Credential{
		Header:        c.GetHeader(),
		Headers:       c.GetHeaders(),
		Query:         c.GetQuery(),
		Prefix:        c.GetPrefix(),
		Grammar:       readGrammar(c),
		MaxCandidates: int(c.GetMaxCandidates()),
	}
}

func readGrammar(c *policypb.Credential) scheme.Grammar {
	switch {
	case c.GetFields() != nil:
		g := c.GetFields()
		return scheme.Fields{Signature: g.GetSignature(), Separator: g.GetSeparator(), GroupSeparator: g.GetGroupSeparator()}
	case c.GetTagged() != nil:
		return scheme.Tagged{Tag: c.GetTagged().GetTag()}
	case c.GetList() != nil:
		return scheme.List{Separator: c.GetList().GetSeparator()}
	case c.GetPositional() != nil:
		g := c.GetPositional()
		return scheme.Positional{Names: g.GetNames(), Separator: g.GetSeparator()}
	}
	return nil
}

func readAssertions(list []*policypb.Assertion) []scheme.Assertion {
	var all []scheme.Assertion
	for _, a := range list {
		all = append(all, scheme.Assertion{Value: a.GetValue(), Equals: a.GetEquals(), OneOf: a.GetOneOf()})
	}
	return all
}

func duration(d *durationpb.Duration) *time.Duration {
	if d == nil {
		return nil
	}
	value := d.AsDuration()
	return &value
}
