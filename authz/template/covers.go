package template

// CoversBody reports whether the text that in gives covers the body. It is
// [Template.Coverage] for one request: if that is [BodySometimes] the request
// decides. The error is as of [Template.Append].
func (t *Template) CoversBody(in *Input) (bool, error) {
	s := t.sink(nil)
	defer t.release(s)
	for i := 0; i < len(t.parts); i++ {
		p := &t.parts[i]
		if p.kind == partValue && p.value.source == sourceBody && t.keeps(p.value) {
			return true, nil
		}
		if p.kind != partOpen {
			continue
		}
		present, err := t.present(s, t.parts[i+1:p.end], in)
		if err != nil {
			return false, err
		}
		if !present {
			i = p.end
		}
	}
	return false, nil
}
