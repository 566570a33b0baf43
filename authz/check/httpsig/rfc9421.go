package httpsig

import (
	"slices"
	"time"

	"github.com/dunglas/httpsfv"

	"github.com/hookauthz/hookauthz/authz"
)

const (
	headerInput     = "signature-input"
	headerSignature = "signature"
)

// An rfc9421 reads signatures as RFC 9421, section 4, writes them.
type rfc9421 struct {
	label, tag string // which signature counts; empty: any
}

var _ dialect = rfc9421{}

func (rfc9421) locations() []authz.Location {
	return []authz.Location{{Header: headerInput}, {Header: headerSignature}}
}

// locate implements [dialect]. Other kinds of signatures stand in a header Signature
// too; it is Signature-Input that makes one of these.
func (rfc9421) locate(r *authz.Request) (presented, error) {
	input, found, err := located(r, headerInput)
	if err != nil {
		return presented{}, err
	}
	if !found {
		return presented{}, authz.Deny(authz.ReasonCredentialMissing, "nothing in header "+headerInput)
	}
	signature, found, err := located(r, headerSignature)
	if err != nil {
		return presented{}, err
	}
	if !found {
		return presented{}, malformed("header signature-input stands without header signature")
	}
	return presented{input: input, signature: signature}, nil
}

func (d rfc9421) parse(p presented) (*claim, error) {
	inputs, ok := readDictionary(p.input)
	if !ok {
		return nil, malformed("header signature-input is not a dictionary, or not in its one spelling")
	}
	signatures, ok := readDictionary(p.signature)
	if !ok {
		return nil, malformed("header signature is not a dictionary, or not in its one spelling")
	}
	input, err := d.choose(inputs)
	if err != nil {
		return nil, err
	}
	c, err := readInput(input)
	if err != nil {
		return nil, err
	}
	if d.label == "" && d.tag == "" && len(signatures) != 1 {
		return nil, malformed("there are several signatures, and the policy does not say which counts")
	}
	i := slices.IndexFunc(signatures, func(m member) bool { return m.name == input.name })
	if i < 0 {
		return nil, malformed("header signature has no signature of the label")
	}
	if c.signature, ok = bytesOf(signatures[i].value); !ok {
		return nil, malformed("a signature is not a byte sequence")
	}
	return c, nil
}

// choose returns the one member that counts.
func (d rfc9421) choose(inputs []member) (*member, error) {
	var chosen *member
	for i := range inputs {
		m := &inputs[i]
		if d.label != "" && m.name != d.label || d.tag != "" && tagOf(m.value) != d.tag {
			continue
		}
		if chosen != nil {
			return nil, malformed("several signatures are there that the policy may mean")
		}
		chosen = m
	}
	if chosen == nil {
		return nil, malformed("no signature has the wanted label and tag")
	}
	return chosen, nil
}

func tagOf(m httpsfv.Member) string {
	list, ok := m.(httpsfv.InnerList)
	if !ok {
		return ""
	}
	value, _ := list.Params.Get("tag")
	tag, _ := value.(string)
	return tag
}

// readInput reads what a signature covers and says of itself.
func readInput(m *member) (*claim, error) {
	list, ok := m.value.(httpsfv.InnerList)
	if !ok {
		return nil, malformed("a member of header signature-input is not a list of components")
	}
	if len(list.Items) > maxComponents {
		return nil, malformed("the signature covers over 64 components")
	}
	c := &claim{params: m.text, components: make([]component, 0, len(list.Items))}
	for _, item := range list.Items {
		one, err := readComponent(item)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(c.components, func(other component) bool { return other.id == one.id }) {
			return nil, malformed("the signature covers a component twice")
		}
		c.components = append(c.components, one)
	}
	for _, name := range list.Params.Names() {
		value, _ := list.Params.Get(name)
		if !c.parameter(name, value) {
			return nil, malformed("a parameter of the signature is of the wrong type")
		}
	}
	return c, nil
}

// parameter takes one of the signature's parameters (RFC 9421, section 2.3). Others
// than these are signed as they are and mean nothing here.
func (c *claim) parameter(name string, value any) bool {
	number, isNumber := value.(int64)
	text, isText := value.(string)
	switch name {
	case "created":
		c.signed = time.Unix(number, 0)
		return isNumber && number >= 0
	case "expires":
		c.expires = time.Unix(number, 0)
		return isNumber && number >= 0
	case "nonce":
		c.nonce = text
		return isText && text != ""
	case "keyid":
		c.keyID = text
		return isText && text != ""
	case "alg":
		c.stated = algorithm(text)
		return isText && text != ""
	case "tag":
		return isText
	}
	return true
}
