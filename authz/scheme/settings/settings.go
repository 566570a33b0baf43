// Package settings turns the generated messages that several kinds have in
// common into the plain values of package scheme.
package settings

import (
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/hookauthz/hookauthz/authz/scheme"
	"github.com/hookauthz/hookauthz/authz/scheme/signed"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

// Accepted is the word with which a policy file permits what is not permitted by
// default.
const Accepted = "accepted"

// Signed are the settings of a kind whose signature stands beside the message.
type Signed interface {
	GetCredential() *policypb.Credential
	GetEncoding() string
	GetMessage() string
	GetTimestamp() *policypb.Timestamp
	GetAssert() []*policypb.Assertion
	GetPublicUrl() string
	GetWeakAlgorithm() string
	GetAmbiguousMessage() string
	GetUnsignedBody() string
}

var (
	_ Signed = (*policypb.Mac)(nil)
	_ Signed = (*policypb.Signature)(nil)
)

// ReadSigned returns what s says. The rest of the configuration is for the kind
// to fill in.
func ReadSigned(s Signed) signed.Config {
	return signed.Config{
		Credential:         Credential(s.GetCredential()),
		Encoding:           s.GetEncoding(),
		Message:            s.GetMessage(),
		Timestamp:          Timestamp(s.GetTimestamp()),
		Assertions:         Assertions(s.GetAssert()),
		PublicURL:          s.GetPublicUrl(),
		AcceptWeak:         s.GetWeakAlgorithm() == Accepted,
		AcceptAmbiguous:    s.GetAmbiguousMessage() == Accepted,
		AcceptUnsignedBody: s.GetUnsignedBody() == Accepted,
	}
}

// Credential returns what c says; nothing of nil.
func Credential(c *policypb.Credential) scheme.Credential {
	return scheme.Credential{
		Header:        c.GetHeader(),
		Headers:       c.GetHeaders(),
		Query:         c.GetQuery(),
		Prefix:        c.GetPrefix(),
		Grammar:       grammar(c),
		MaxCandidates: int(c.GetMaxCandidates()),
	}
}

func grammar(c *policypb.Credential) scheme.Grammar {
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

// Timestamp returns what t says, nil of nil.
func Timestamp(t *policypb.Timestamp) *scheme.Timestamp {
	if t == nil {
		return nil
	}
	return &scheme.Timestamp{
		Value:           t.GetValue(),
		Unit:            t.GetUnit(),
		Tolerance:       Duration(t.GetTolerance()),
		FutureTolerance: Duration(t.GetFutureTolerance()),
		Unchecked:       t.GetUnchecked() == Accepted,
	}
}

// Assertions returns what each of list says.
func Assertions(list []*policypb.Assertion) []scheme.Assertion {
	var all []scheme.Assertion
	for _, a := range list {
		all = append(all, scheme.Assertion{Value: a.GetValue(), Equals: a.GetEquals(), OneOf: a.GetOneOf()})
	}
	return all
}

// Duration returns d, nil of nil.
func Duration(d *durationpb.Duration) *time.Duration {
	if d == nil {
		return nil
	}
	value := d.AsDuration()
	return &value
}
