package scheme

import (
	"fmt"

	"github.com/hookauthz/hookauthz/authz"
)

// Presented is what a request presents as its credential. Its strings belong to
// the request. It may be reused after [Presented.Reset].
type Presented struct {
	values     []string
	signatures []string
	fields     []authz.Field
	groups     []group
	most       int // signatures
}

// A group is signatures and the values that belong to them: ends of ranges that
// start where the group before ends.
type group struct{ signatures, fields int }

// Reset forgets everything and keeps the memory.
func (p *Presented) Reset() {
	clear(p.values)
	p.values = p.values[:0]
	p.forget()
}

func (p *Presented) forget() {
	clear(p.signatures)
	clear(p.fields)
	p.signatures, p.fields, p.groups = p.signatures[:0], p.fields[:0], p.groups[:0]
}

// Groups returns the number of groups, each with at least one signature.
func (p *Presented) Groups() int { return len(p.groups) }

// Signatures returns those of group i, encoded, in their order.
func (p *Presented) Signatures(i int) []string {
	first := 0
	if i > 0 {
		first = p.groups[i-1].signatures
	}
	return p.signatures[first:p.groups[i].signatures]
}

// Fields returns the values that stand beside the signatures of group i, in
// their order. No name stands twice.
func (p *Presented) Fields(i int) []authz.Field {
	first := 0
	if i > 0 {
		first = p.groups[i-1].fields
	}
	return p.fields[first:p.groups[i].fields]
}

// closeGroup ends the group that began after the last one. It is dropped if it
// has no signature, since nothing vouches for its values.
func (p *Presented) closeGroup() {
	signatures, fields := 0, 0
	if n := len(p.groups); n > 0 {
		signatures, fields = p.groups[n-1].signatures, p.groups[n-1].fields
	}
	if len(p.signatures) == signatures {
		p.fields = p.fields[:fields]
		return
	}
	p.groups = append(p.groups, group{signatures: len(p.signatures), fields: len(p.fields)})
}

// addField adds a value to the open group unless the name stands there already.
func (p *Presented) addField(name, value string) bool {
	first := 0
	if n := len(p.groups); n > 0 {
		first = p.groups[n-1].fields
	}
	for i := first; i < len(p.fields); i++ {
		if p.fields[i].Name == name {
			return false
		}
	}
	p.fields = append(p.fields, authz.Field{Name: name, Value: value})
	return true
}

// add adds a signature to the open group, false if there are enough already.
func (p *Presented) add(signature string) bool {
	if len(p.signatures) >= p.most {
		return false
	}
	p.signatures = append(p.signatures, signature)
	return true
}

// addSignature adds a signature that no values belong to. All such share one
// group, since they sign one message.
func (p *Presented) addSignature(signature string) error {
	if !p.add(signature) {
		return p.tooMany()
	}
	if len(p.groups) == 0 {
		p.groups = append(p.groups, group{})
	}
	p.groups[0].signatures = len(p.signatures)
	return nil
}

func (p *Presented) tooMany() error {
	return malformed(fmt.Sprintf("the credential holds over %d signatures", p.most))
}
