package template

import (
	"slices"
	"strings"
)

// A source is where a value's text comes from.
type source uint8

const (
	sourceBody source = iota
	sourceTimestamp
	sourceMethod
	sourceURL
	sourceOrigin
	sourcePath
	sourcePathQuery
	sourceHeader
	sourceQuery
	sourceForm
	sourceJSON
	sourceCredential
	sourcePrincipal
	sourceMatch
	sourceClaim
)

const sourceCount = int(sourceClaim) + 1

// A value is a compiled {name:argument|filter}.
type value struct {
	source  source
	arg     string   // the name, in lower case for headers
	pointer []string // the tokens of a JSON pointer
	base    string   // what stands before the path in URL forms
	filters []filter
	shape   shape
	grade   grade
	group   bool     // it stands in an optional group
	label   string   // for operators: "header x-timestamp"
	raw     alphabet // what it may hold before its filters
}

// named reports whether the value is one that a request may have or not, by its
// name. The others, such as its method, every request has, and whether the body
// is covered is judged by itself.
func (s source) named() bool {
	switch s {
	case sourceHeader, sourceQuery, sourceForm, sourceJSON, sourceCredential, sourceMatch, sourceClaim:
		return true
	case sourceBody, sourceTimestamp, sourceMethod, sourceURL, sourceOrigin, sourcePath, sourcePathQuery, sourcePrincipal:
	}
	return false
}

// known is what there is to know of a source.
type known struct {
	name     string
	argument string // what the argument is called, empty for none
	places   uint8  // the places it may stand at, a bit each
}

const (
	inMessage   = 1<<PlaceMessage | 1<<PlaceAssertion
	inName      = 1<<PlaceTimestamp | 1<<PlaceKey
	inUpstream  = 1 << PlaceUpstream
	inAssertion = 1 << PlaceAssertion
)

// sources returns the table of sources in the order of their numbers.
func sources() [sourceCount]known {
	return [sourceCount]known{
		sourceBody:       {"body", "", inMessage},
		sourceTimestamp:  {"timestamp", "", inMessage},
		sourceMethod:     {"method", "", inMessage | inUpstream},
		sourceURL:        {"url", "", inMessage},
		sourceOrigin:     {"origin", "", inMessage},
		sourcePath:       {"path", "", inMessage},
		sourcePathQuery:  {"path_query", "", inMessage},
		sourceHeader:     {"header", "NAME", inMessage | inName | inUpstream},
		sourceQuery:      {"query", "NAME", inMessage | inName | inUpstream},
		sourceForm:       {"form", "NAME", inMessage | inName},
		sourceJSON:       {"json", "POINTER", inMessage | inName},
		sourceCredential: {"credential", "FIELD", inMessage | inName},
		sourcePrincipal:  {"principal", "", inUpstream},
		sourceMatch:      {"match", "NAME", inMessage | inUpstream},
		sourceClaim:      {"claim", "NAME", inAssertion},
	}
}

// lookUp finds a source by its name. If there is none it reports the mistake.
func (c *compiler) lookUp(name string, column int) (source, bool) {
	table := sources()
	var names []string
	for i := range table {
		if table[i].name == name {
			return source(i), true
		}
		if c.mayHold(source(i)) {
			names = append(names, table[i].name)
		}
	}
	if trimmed := strings.TrimSpace(name); trimmed != name && trimmed != "" {
		c.problem(column, CodeValue, "a value is written without white space, such as {body}; write {{ for the character itself")
		return 0, false
	}
	c.problem(column, CodeValue, "unknown value%s", meant(name, c.options.Place.String()+" may hold", names))
	return 0, false
}

// newValue compiles a value but for its filters. It reports mistakes and
// returns false if there are any.
func (c *compiler) newValue(ref *reference) (*value, bool) {
	src, ok := c.lookUp(ref.name, ref.nameAt)
	if !ok {
		return nil, false
	}
	info := sources()[src]
	before := len(c.problems)
	switch {
	case info.argument == "" && ref.hasArg:
		c.problem(ref.argAt, CodeSyntax, "%s takes no argument: write {%s}", info.name, info.name)
	case info.argument != "" && ref.arg == "":
		c.problem(ref.nameAt, CodeSyntax, "%s needs an argument: {%s:%s}", info.name, info.name, info.argument)
	case !c.mayHold(src):
		c.problem(ref.nameAt, CodeValue, "{%s} can't stand in %s, which may hold %s",
			info.name, c.options.Place, list(c.namesHere()))
	default:
		c.checkSource(src, ref)
	}
	if len(c.problems) > before {
		return nil, false
	}

	v := &value{source: src, arg: ref.arg, grade: gradeWhole, group: c.group, label: info.name}
	switch src {
	case sourceHeader:
		v.arg = strings.ToLower(ref.arg)
	case sourceJSON:
		v.pointer, _ = parsePointer(ref.arg)
	case sourceURL, sourceOrigin, sourcePath, sourcePathQuery:
		v.base = c.base.of(src)
	default:
	}
	if v.arg != "" {
		v.label += " " + v.arg
	}
	v.shape = c.shapeOf(v)
	v.raw = v.shape.set
	return v, true
}

// checkSource reports what stands against using src here.
func (c *compiler) checkSource(src source, ref *reference) {
	switch src {
	case sourceTimestamp:
		if !c.options.Timestamp {
			c.problem(ref.nameAt, CodeValue, "{timestamp} needs a timestamp: say in the setting timestamp where it stands")
		}
	case sourceURL, sourceOrigin, sourcePath, sourcePathQuery:
		switch {
		case c.options.PublicURL == "":
			c.problem(ref.nameAt, CodeValue, "{%s} needs public_url: the address that the sender was given, "+
				"since the Host header is the sender's to choose", ref.name)
		case !c.base.ok:
			c.problem(ref.nameAt, CodeValue, "public_url is not scheme://host or scheme://host/prefix")
		}
	case sourceHeader:
		for i := range len(ref.arg) {
			if !tokenAlphabet().has(ref.arg[i]) {
				c.problem(ref.argAt, CodeSyntax, "a header's name can't hold the character at its byte %d; is a } missing?", i)
				return
			}
		}
	case sourceJSON:
		if _, wrong := parsePointer(ref.arg); wrong != "" {
			c.problem(ref.argAt, CodeSyntax, "%s", wrong)
		}
	case sourceCredential:
		c.checkField(ref)
	case sourceMatch:
		for i := range len(ref.arg) {
			if !nameAlphabet().has(ref.arg[i]) {
				c.problem(ref.argAt, CodeSyntax, "a route's capture is named with letters, digits, _ and -")
				return
			}
		}
	case sourceBody, sourceMethod, sourceQuery, sourceForm, sourcePrincipal, sourceClaim:
	}
}

func (c *compiler) checkField(ref *reference) {
	if c.options.AnyField {
		return
	}
	if slices.Contains(c.options.Fields, ref.arg) {
		return
	}
	if len(c.options.Fields) == 0 {
		c.problem(ref.nameAt, CodeValue, "this credential has no fields: {credential:FIELD} needs the grammar fields or positional")
		return
	}
	c.problem(ref.argAt, CodeValue, "the credential's grammar gives no such field%s", meant(ref.arg, "it gives", c.options.Fields))
}

// namesHere are the values that may stand at the template's place.
func (c *compiler) namesHere() []string {
	var names []string
	for i, info := range sources() {
		if c.mayHold(source(i)) {
			names = append(names, info.name)
		}
	}
	return names
}

// mayHold reports whether a value of src may stand in this template.
func (c *compiler) mayHold(src source) bool {
	here := sources()[src].places&(1<<c.options.Place) != 0
	return here && (src != sourceClaim || c.options.Claims)
}

func methodAlphabet() alphabet { return union(capitals(), of("-")) }
func nameAlphabet() alphabet   { return union(letters(), digits(), of("_-")) }
func tokenAlphabet() alphabet  { return union(letters(), digits(), of("!#$%&'*+-.^_`|~")) }

// segmentAlphabet is what a captured segment of a raw path may hold.
func segmentAlphabet() alphabet { return visible().without(of("/?")) }
