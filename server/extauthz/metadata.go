package extauthz

// Where a route's metadata names its policy.
const (
	metadataNamespace = "hookauthz"
	metadataKey       = "policy"
)

// metadata reads envoy.config.core.v3.Metadata and looks for the policy's name
// in it.
func (n *named) metadata(s *scanner, end int) {
	for end = s.message(end); s.next(end); {
		if s.number == 1 {
			n.namespace(s, end)
		} else {
			s.skip(end)
		}
	}
}

// keyed reads one entry of a map from strings to messages and returns where the
// value is. A value that stands twice in one entry would have to be merged;
// nobody writes that, so it is a mistake.
func keyed(s *scanner, end int) (key string, from, to int) {
	hasValue := false
	for end = s.message(end); s.next(end); {
		switch s.number {
		case 1:
			key = s.string(end)
		case 2:
			if hasValue {
				s.fail(errRepeated)
			}
			hasValue = true
			from, to = s.content(end)
		default:
			s.skip(end)
		}
	}
	return key, from, to
}

// namespace reads one entry of Metadata.filter_metadata. Of the namespace that
// is ours there may be one only.
func (n *named) namespace(s *scanner, end int) {
	key, from, to := keyed(s, end)
	if s.err != nil || key != metadataNamespace {
		return
	}
	if n.seen {
		s.fail(errRepeated)
		return
	}
	n.seen = true
	after := s.at
	for s.at = from; s.next(to); {
		if s.number == 1 {
			n.field(s, to)
		} else {
			s.skip(to)
		}
	}
	s.at = max(s.at, after)
}

// field reads one entry of google.protobuf.Struct.fields.
func (n *named) field(s *scanner, end int) {
	key, from, to := keyed(s, end)
	if s.err != nil || key != metadataKey {
		return
	}
	if n.present {
		s.fail(errRepeated)
		return
	}
	n.present = true
	after := s.at
	s.at = from
	n.value(s, to)
	s.at = max(s.at, after)
}

// value reads google.protobuf.Value, a oneof whose member 3 is a string. Of
// several members the last counts.
func (n *named) value(s *scanner, end int) {
	for s.next(end) {
		switch s.number {
		case 3:
			n.name, n.valid = s.string(end), true
			continue
		case 1, 4:
			s.varint(end)
		case 2:
			if s.kind != wireFixed64 {
				s.fail(errType)
			}
			s.skip(end)
		case 5, 6:
			s.content(end)
		default:
			s.skip(end)
			continue
		}
		n.name, n.valid = "", false
	}
}
