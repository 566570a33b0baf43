package vault

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/secret"
)

// An object is a JSON object whose members are not decoded yet. The library's
// own decoding is not used: it takes members in any case, the last of several
// that are alike, and makes nil of a reply that it does not understand.
type object map[string]json.RawMessage

var errShape = errors.New("unexpected shape")

// parseObject decodes one JSON object and nothing after it. A member that
// stands twice is an error.
func parseObject(text []byte) (object, error) {
	if !utf8.Valid(text) {
		return nil, errShape
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return nil, errShape
	}
	o := object{}
	for dec.More() {
		t, err := dec.Token()
		name, ok := t.(string)
		if err != nil || !ok {
			return nil, errShape
		}
		if _, twice := o[name]; twice {
			return nil, errShape
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return nil, errShape
		}
		o[name] = value
	}
	if _, err := dec.Token(); err != nil {
		return nil, errShape
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errShape
	}
	return o, nil
}

// null reports whether the member is absent or null.
func (o object) null(name string) bool {
	return len(o[name]) == 0 || string(o[name]) == "null"
}

func (o object) object(name string) (object, bool) {
	if o.null(name) {
		return nil, false
	}
	inner, err := parseObject(o[name])
	return inner, err == nil
}

// text returns a member that is a string.
func (o object) text(name string) (string, bool) {
	raw := o[name]
	if len(raw) == 0 || raw[0] != '"' {
		return "", false
	}
	var s string
	err := json.Unmarshal(raw, &s)
	return s, err == nil
}

// number returns a member that is a whole number from 0 on.
func (o object) number(name string) (int, bool) {
	var n int
	raw := o[name]
	if len(raw) == 0 || raw[0] < '0' || raw[0] > '9' {
		return 0, false
	}
	err := json.Unmarshal(raw, &n)
	return n, err == nil
}

// texts returns a member that is an array of strings, or nothing if it is
// absent or null.
func (o object) texts(name string) ([]string, bool) {
	if o.null(name) {
		return nil, true
	}
	var list []string
	err := json.Unmarshal(o[name], &list)
	return list, err == nil
}

// fromVault returns the reply's object if the reply is Vault's own. A proxy or
// load balancer answers otherwise.
func (r reply) fromVault() (object, bool) {
	media, _, err := mime.ParseMediaType(r.contentType)
	if err != nil || media != "application/json" {
		return nil, false
	}
	o, err := parseObject(r.body)
	if err != nil {
		return nil, false
	}
	_, id := o.text("request_id")
	_, errs := o.texts("errors")
	return o, id || errs && !o.null("errors")
}

// decodeV1 decodes the data of version 1 of the engine.
func decodeV1(o object) (secret.Reading, error) {
	data, ok := o.object("data")
	if !ok {
		return secret.Reading{}, errShape
	}
	return secret.Reading{Fields: fields(data)}, nil
}

// errEngine says that the data is not of version 2 of the engine.
var errEngine = errors.New("not version 2 of the key-value engine")

// errDeleted says that the version is deleted.
var errDeleted = errors.New("deleted")

// decodeV2 decodes the data of version 2 of the engine. version is the one that
// was asked for, 0 for the newest.
func decodeV2(o object, version int, now time.Time) (secret.Reading, error) {
	outer, ok := o.object("data")
	if !ok {
		return secret.Reading{}, errShape
	}
	meta, ok := outer.object("metadata")
	if !ok {
		return secret.Reading{}, errEngine
	}
	r := secret.Reading{}
	r.Version, ok = meta.number("version")
	if !ok || r.Version < 1 || version > 0 && r.Version != version {
		return secret.Reading{}, errShape
	}
	var err error
	created, _ := meta.text("created_time")
	if r.Created, err = time.Parse(time.RFC3339Nano, created); err != nil {
		return secret.Reading{}, errShape
	}
	deletes, ok := meta.text("deletion_time")
	if !ok {
		return secret.Reading{}, errShape
	}
	if deletes != "" {
		if r.Deletes, err = time.Parse(time.RFC3339Nano, deletes); err != nil {
			return secret.Reading{}, errShape
		}
	}
	switch string(meta["destroyed"]) {
	case "false":
	case "true":
		return secret.Reading{}, errDeleted
	default:
		return secret.Reading{}, errShape
	}
	if _, there := outer["data"]; !there {
		return secret.Reading{}, errShape
	}
	if outer.null("data") { // a version may be written so; a deleted one comes with status 404
		if !r.Deletes.IsZero() && !r.Deletes.After(now) {
			return secret.Reading{}, errDeleted
		}
		return r, nil
	}
	data, ok := outer.object("data")
	if !ok {
		return secret.Reading{}, errShape
	}
	r.Fields = fields(data)
	return r, nil
}

// fields returns the members of a secret. One that is no string, or that was no
// Unicode text, is there but is no text.
func fields(data object) map[string]secret.Field {
	all := make(map[string]secret.Field, len(data))
	for name := range data {
		text, ok := data.text(name)
		if !ok || strings.ContainsRune(text, utf8.RuneError) {
			all[name] = secret.Field{}
			continue
		}
		all[name] = secret.Field{Secret: authz.NewSecret([]byte(text)), Text: true}
	}
	return all
}
