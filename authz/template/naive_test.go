package template_test

import (
	"bytes"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/template"
)

// This file renders templates a second time, in the most obvious way and with
// the standard library only, to have something to compare with.

// A piece is a text, a value or a group.
type piece struct {
	text    string
	name    string
	arg     string
	filters []string
	group   []piece
}

func (p piece) key() string { return p.name + ":" + p.arg }

// source is how the template is written.
func source(pieces []piece) string {
	var b strings.Builder
	for _, p := range pieces {
		switch {
		case p.group != nil:
			b.WriteString("[" + source(p.group) + "]")
		case p.name == "":
			b.WriteString(strings.NewReplacer("{", "{{", "}", "}}", "[", "[[", "]", "]]").Replace(p.text))
		default:
			b.WriteString("{" + p.name)
			if p.arg != "" {
				b.WriteString(":" + p.arg)
			}
			for _, f := range p.filters {
				b.WriteString("|" + f)
			}
			b.WriteString("}")
		}
	}
	return b.String()
}

// flat are the pieces with those of groups among them.
func flat(pieces []piece) []piece {
	var all []piece
	for _, p := range pieces {
		if p.group != nil {
			all = append(all, p.group...)
			continue
		}
		all = append(all, p)
	}
	return all
}

// A world is what the values are, by the key of their piece. Absent is empty.
type world map[string]string

const publicURL = "https://h/p"

// request makes the request that shows a world to the package under test.
func (w world) request() *template.Input {
	in := &template.Input{Request: &authz.Request{Method: w["method:"]}}
	query := ""
	path := w["path:"]
	for _, key := range slices.Sorted(maps.Keys(w)) {
		value := w[key]
		name, arg, _ := strings.Cut(key, ":")
		if value == "" {
			continue
		}
		switch name {
		case "header":
			in.Request.Header.Fields = append(in.Request.Header.Fields, authz.Field{Name: arg, Value: value})
		case "query":
			query += "&" + url.QueryEscape(arg) + "=" + url.QueryEscape(value)
		case "credential":
			in.Credential = append(in.Credential, authz.Field{Name: arg, Value: value})
		case "match":
			in.Request.Captures = append(in.Request.Captures, authz.Field{Name: arg, Value: value})
		case "body":
			in.Body = []byte(value)
		case "timestamp":
			in.Timestamp = value
		case "path_query", "url":
			path = value
		}
	}
	if query != "" {
		path += "?" + query[1:]
	}
	in.Request.Path = path
	return in
}

// raw is a value before its filters.
func (w world) raw(p piece) string {
	switch value := w[p.key()]; p.name {
	case "path", "path_query":
		return "/p" + value
	case "url":
		return publicURL + value
	default:
		return value
	}
}

// named are the values that a request has or not.
var named = []string{"header", "query", "form", "json", "credential", "match"}

// rendered is what a naive renderer makes of a world: the text, and the values
// in it that tell what it covers. It reports false if a part is missing. strict is
// for templates that must not be ambiguous.
func rendered(pieces []piece, w world, strict bool) (text string, covered []string, ok bool) {
	for _, p := range pieces {
		switch {
		case p.group != nil:
			if slices.ContainsFunc(p.group, func(q piece) bool { return q.name != "" && w.raw(q) == "" }) {
				if strict && slices.ContainsFunc(p.group, func(q piece) bool { return slices.Contains(named, q.name) && w.raw(q) != "" }) {
					return "", nil, false // some of it is there and would be unsigned
				}
				covered = append(covered, "dropped")
				continue
			}
			inside, more, _ := rendered(p.group, w, strict)
			text += inside
			covered = append(covered, more...)
		case p.name == "":
			text += p.text
		default:
			raw := w.raw(p)
			if raw == "" && p.name != "body" {
				return "", nil, false
			}
			for _, f := range p.filters {
				if raw, ok = filtered(raw, f); !ok {
					return "", nil, false
				}
			}
			text += raw
			covered = append(covered, raw)
		}
	}
	return text, covered, true
}

func filtered(text, filter string) (string, bool) {
	switch name, arg, _ := strings.Cut(filter, ":"); name {
	case "md5":
		sum := md5.Sum([]byte(text))
		return string(sum[:]), true
	case "sha1":
		sum := sha1.Sum([]byte(text))
		return string(sum[:]), true
	case "sha256":
		sum := sha256.Sum256([]byte(text))
		return string(sum[:]), true
	case "sha384":
		sum := sha512.Sum384([]byte(text))
		return string(sum[:]), true
	case "sha512":
		sum := sha512.Sum512([]byte(text))
		return string(sum[:]), true
	case "crc32":
		return fmt.Sprint(crc32.ChecksumIEEE([]byte(text))), true
	case "hex":
		return hex.EncodeToString([]byte(text)), true
	case "base64":
		return base64.StdEncoding.EncodeToString([]byte(text)), true
	case "base64url":
		return base64.RawURLEncoding.EncodeToString([]byte(text)), true
	case "lower", "upper":
		out := []byte(text)
		for i, c := range out {
			switch {
			case name == "lower" && c >= 'A' && c <= 'Z':
				out[i] = c + 32
			case name == "upper" && c >= 'a' && c <= 'z':
				out[i] = c - 32
			}
		}
		return string(out), true
	case "json":
		var b bytes.Buffer
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		if err := e.Encode(text); err != nil {
			return "", false
		}
		return strings.Trim(b.String(), "\"\n"), !strings.Contains(text, `"`) // Trim would take a trailing quote
	case "only":
		set := map[string]string{"a-z": "abcdefghijklmnopqrstuvwxyz", "0-9": "0123456789", "a.": "a.", "-": "-", "A-Za-z0-9_-": "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"}[arg]
		return text, set != "" && strings.Trim(text, set) == ""
	}
	panic("unknown filter " + filter)
}

// unfiltered is a value that gives text, as far as that can be found.
func unfiltered(text string, filters []string, original string) (string, bool) {
	for _, f := range slices.Backward(filters) {
		switch f {
		case "hex":
			b, err := hex.DecodeString(text)
			if err != nil {
				return "", false
			}
			text = string(b)
		case "base64":
			b, err := base64.StdEncoding.DecodeString(text)
			if err != nil {
				return "", false
			}
			text = string(b)
		case "base64url":
			b, err := base64.RawURLEncoding.DecodeString(text)
			if err != nil {
				return "", false
			}
			text = string(b)
		case "json":
			if json.Unmarshal([]byte(`"`+text+`"`), &text) != nil {
				return "", false
			}
		case "md5", "sha1", "sha256", "sha384", "sha512", "crc32":
			return original, true
		}
	}
	return text, true
}
