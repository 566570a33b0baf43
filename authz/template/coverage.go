package template

import "slices"

// Coverage says whether what a template renders vouches for the body.
type Coverage uint8

// The coverages. The zero value is the safe one.
const (
	// BodyNever: the body is not in it, or only in ways that another body can
	// share: a lossy filter, a weak digest that is not accepted, single fields.
	BodyNever Coverage = iota
	// BodySometimes: the body is in an optional group.
	BodySometimes
	// BodyAlways: the body is in it, as it is, under filters that lose nothing
	// (hex, base64, base64url, json, only), or as its digest.
	BodyAlways
)

// Coverage returns how far the template covers the body. SHA-2 digests count as
// the body, md5 and sha1 only where the options accept them. crc32 never counts,
// nor do lower and upper, except on text that has letters of one case only, such
// as hex digits.
func (t *Template) Coverage() Coverage {
	coverage := BodyNever
	for i := range t.parts {
		v := t.parts[i].value
		switch {
		case v == nil || v.source != sourceBody || !t.keeps(v):
		case v.group:
			coverage = max(coverage, BodySometimes)
		default:
			coverage = BodyAlways
		}
	}
	return coverage
}

// WeakBody reports whether the body would be covered if the options accepted
// weak digests, so that the mistake can be worded.
func (t *Template) WeakBody() bool {
	return t.uses(func(v *value) bool {
		return v.source == sourceBody && v.grade == gradeWeak && !t.weak
	})
}

// keeps reports whether v's text stands for the value before its filters.
func (t *Template) keeps(v *value) bool {
	return v.grade == gradeWhole || (v.grade == gradeWeak && t.weak)
}

// BodyDigest reports whether the template is exactly one value that no two
// bodies share: a SHA-2 digest of the body (md5 and sha1 where the options
// accept them), or the body itself. Text may stand around it, as in
// SHA-256={body|sha256|base64}.
//
// With [Template.ContainsValue] it proves that an assertion binds the body: if
// one side of the assertion is a BodyDigest, the message contains the other
// side, and both must be equal, then no other body passes with the same message.
func (t *Template) BodyDigest() bool {
	var only *value
	for i := range t.parts {
		switch t.parts[i].kind {
		case partText:
		case partValue:
			if only != nil {
				return false
			}
			only = t.parts[i].value
		case partOpen, partClose:
			return false
		}
	}
	return only != nil && only.source == sourceBody && t.keeps(only)
}

// Claim reports whether the template is exactly one value {claim:NAME}, whatever
// its filters: a token determines it.
func (t *Template) Claim() bool {
	v := t.single()
	return v != nil && v.source == sourceClaim
}

// ContainsValue reports whether the text of t, a message, always determines the
// text of other, which must be a single value. It does if t holds, outside its
// optional groups, what other is made of, under filters that lose nothing or
// under the very filters of other. A message with {url} or {path_query} so
// contains every {query:NAME}, and one with the body every {json:POINTER} and
// {form:NAME}.
//
// It is false if t may be ambiguous: then a value's place in the text is not
// known. {timestamp} and the value that it was read from are two values here:
// see [Template.ContainsTimestamp].
func (t *Template) ContainsValue(other *Template) bool {
	want := other.single()
	if want == nil || !t.proven {
		return false
	}
	for i := range t.parts {
		v := t.parts[i].value
		if v == nil || v.group {
			continue
		}
		same := v.source == want.source && v.arg == want.arg
		if same && slices.Equal(v.filters, want.filters) {
			return true
		}
		if t.keeps(v) && (same || determines(v.source, want.source)) {
			return true
		}
	}
	return false
}

// ContainsTimestamp reports whether the text of t, a message, always determines
// {timestamp}: it stands outside the optional groups, and no filter loses any of
// it. An ambiguous message, which the operator accepted, is not looked at more
// closely.
func (t *Template) ContainsTimestamp() bool {
	for i := range t.parts {
		if v := t.parts[i].value; v != nil && !v.group && v.source == sourceTimestamp && t.keeps(v) {
			return true
		}
	}
	return false
}

// determines reports whether a value of source from is enough to know every
// value of source to.
func determines(from, to source) bool {
	switch to {
	case sourceQuery, sourcePath:
		return from == sourceURL || from == sourcePathQuery
	case sourceURL, sourcePathQuery:
		return from == sourceURL || from == sourcePathQuery
	case sourceJSON, sourceForm:
		return from == sourceBody
	default:
		return false
	}
}

// single returns the only part of t if that is a value.
func (t *Template) single() *value {
	if len(t.parts) != 1 {
		return nil
	}
	return t.parts[0].value
}

// uses reports whether is holds for any value.
func (t *Template) uses(is func(*value) bool) bool {
	for i := range t.parts {
		if v := t.parts[i].value; v != nil && is(v) {
			return true
		}
	}
	return false
}

// names returns the arguments of the values of a source.
func (t *Template) names(src source) []string {
	set := map[string]bool{}
	for i := range t.parts {
		if v := t.parts[i].value; v != nil && v.source == src {
			set[v.arg] = true
		}
	}
	return sorted(set)
}
