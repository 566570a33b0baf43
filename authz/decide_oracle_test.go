package authz_test

import "github.com/hookauthz/hookauthz/authz"

// A shape is a requirement as the oracle sees it: a word and its members.
type shape struct {
	word    string // "leaf", "all_of", "any_of", "any_of continue"
	leaf    int    // which leaf, from the left
	members []shape
}

// A ruling is what the oracle says of a shape.
type ruling struct {
	word   string // "passed", "absent", "unmatched", "rejected", "trouble"
	reason authz.Reason
	// principals are the principals of what passed, left to right.
	principals []string
	// credential says that something that passed carried a credential.
	credential bool
	asked      []int // the leaves that ran
}

// A said is what one leaf answers, as the policy format's table calls it.
type said struct {
	word      string
	reason    authz.Reason
	principal string // of a leaf that carries a credential
}

// rule is the written rules, sentence by sentence, and shares nothing with
// [authz.Decide]: it first asks the members that have to be asked and then
// looks at the list of their rulings.
func rule(s shape, leaves []said) ruling {
	if s.word == "leaf" {
		leaf := leaves[s.leaf]
		verdict := ruling{word: leaf.word, reason: leaf.reason, asked: []int{s.leaf}}
		if leaf.principal != "" {
			verdict.principals, verdict.credential = []string{leaf.principal}, true
		}
		return verdict
	}
	if len(s.members) == 0 {
		return ruling{word: "trouble", reason: authz.ReasonBug} // empty lists are mistakes
	}

	stops := map[string]string{
		"all_of":          "unmatched rejected trouble",
		"any_of":          "passed rejected trouble",
		"any_of continue": "passed trouble",
	}[s.word]
	var rulings []ruling
	var asked []int
	for _, member := range s.members {
		r := rule(member, leaves)
		asked = append(asked, r.asked...)
		if contains(stops, r.word) {
			r.asked = asked
			return r // this one decides
		}
		rulings = append(rulings, r)
	}

	var end ruling
	if s.word == "all_of" {
		end = allAsked(rulings)
	} else {
		end = nonePassed(rulings)
	}
	end.asked = asked
	return end
}

// allAsked: every member passed or is absent.
func allAsked(rulings []ruling) ruling {
	passed := ruling{word: "passed", reason: authz.ReasonVerified}
	absent := 0
	for _, r := range rulings {
		if r.word == "absent" {
			absent++
			continue
		}
		passed.principals = append(passed.principals, r.principals...)
		passed.credential = passed.credential || r.credential
	}
	switch {
	case absent == 0:
		return passed
	case passed.credential: // somebody's credential is there, another's is not
		return ruling{word: "rejected", reason: authz.ReasonCredentialMissing}
	default:
		return ruling{word: "absent", reason: authz.ReasonCredentialMissing}
	}
}

// nonePassed picks from what is left where no member passed: the earliest
// rejection outranks unmatched, which outranks absent.
func nonePassed(rulings []ruling) ruling {
	for _, word := range []string{"rejected", "unmatched", "absent"} {
		for _, r := range rulings {
			if r.word == word {
				return ruling{word: r.word, reason: r.reason}
			}
		}
	}
	return ruling{word: "trouble", reason: authz.ReasonBug}
}

func contains(words, word string) bool {
	for len(words) >= len(word) {
		if words[:len(word)] == word {
			return true
		}
		words = words[1:]
	}
	return false
}

// shapes returns every tree over leaves first..first+n-1: each inner node is one
// of the three operators and has two members or more.
func shapes(first, n int) []shape {
	if n == 1 {
		return []shape{{word: "leaf", leaf: first}}
	}
	var all []shape
	for _, members := range forests(first, n) {
		if len(members) < 2 {
			continue
		}
		for _, word := range []string{"all_of", "any_of", "any_of continue"} {
			all = append(all, shape{word: word, members: members})
		}
	}
	return all
}

// forests returns every row of trees that together have n leaves. A row of one
// tree is there only if the tree is a leaf, since shapes asks for no other.
func forests(first, n int) [][]shape {
	var all [][]shape
	for size := 1; size <= n; size++ {
		if size == n && n > 1 {
			continue // the whole again, under one more operator: see wrapped
		}
		for _, tree := range shapes(first, size) {
			if size == n {
				all = append(all, []shape{tree})
				continue
			}
			for _, rest := range tails(first+size, n-size) {
				all = append(all, append([]shape{tree}, rest...))
			}
		}
	}
	return all
}

// tails is forests with rows of one tree of any size.
func tails(first, n int) [][]shape {
	all := forests(first, n)
	if n > 1 {
		for _, tree := range shapes(first, n) {
			all = append(all, []shape{tree})
		}
	}
	return all
}

// wrapped returns s with one of its nodes, in turn, put alone under each
// operator: lists of one member.
func wrapped(s shape) []shape {
	var all []shape
	for _, word := range []string{"all_of", "any_of", "any_of continue"} {
		all = append(all, shape{word: word, members: []shape{s}})
	}
	for i, member := range s.members {
		for _, changed := range wrapped(member) {
			members := append([]shape{}, s.members...)
			members[i] = changed
			all = append(all, shape{word: s.word, members: members})
		}
	}
	return all
}
