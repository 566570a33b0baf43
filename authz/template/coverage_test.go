package template_test

import (
	"testing"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/template"
)

func TestCoverage(t *testing.T) {
	const never, sometimes, always = template.BodyNever, template.BodySometimes, template.BodyAlways
	tests := []struct {
		text   string
		want   template.Coverage
		weak   template.Coverage // where weak digests are accepted
		digest bool              // BodyDigest
	}{
		{text: "{body}", want: always, weak: always, digest: true},
		{text: "{timestamp}.{body}", want: always, weak: always},
		{text: "{timestamp}", want: never, weak: never},
		{text: "{header:digest}", want: never, weak: never},
		{text: "{body|sha256|hex}", want: always, weak: always, digest: true},
		{text: "{body|sha384|base64}", want: always, weak: always, digest: true},
		{text: "{body|sha512|base64url}", want: always, weak: always, digest: true},
		{text: "x{body|sha256|hex}", want: always, weak: always, digest: true},
		{text: "SHA-256={body|sha256|base64};", want: always, weak: always, digest: true},
		{text: "x{body|md5|hex}", want: never, weak: always},
		{text: "{body|sha256|hex}{body|sha384|hex}", want: always, weak: always},
		{text: "{body|sha256|hex|upper}", want: always, weak: always, digest: true},
		{text: "{body|sha256|hex|lower}", want: always, weak: always, digest: true},
		{text: "{body|sha256|base64|lower}", want: never, weak: never},
		{text: "{body|sha256|hex|sha512|hex}", want: always, weak: always, digest: true},
		{text: "{body|md5|hex}", want: never, weak: always},
		{text: "{body|sha1|base64}", want: never, weak: always},
		{text: "{body|md5|hex|sha256|hex}", want: never, weak: always},
		{text: "{body|crc32}", want: never, weak: never},
		{text: "{body|crc32|sha256|hex}", want: never, weak: never},
		{text: "{body|lower}", want: never, weak: never},
		{text: "{body|upper|sha256|hex}", want: never, weak: never},
		{text: "{body|hex|upper}", want: always, weak: always, digest: true},
		{text: "{body|base64}", want: always, weak: always, digest: true},
		{text: "{body|base64|upper}", want: never, weak: never},
		{text: "{body|json}", want: always, weak: always, digest: true},
		{text: "{body|only:a-z|upper}", want: always, weak: always, digest: true},
		{text: "{body|only:a-z0-9|upper|sha256|hex}", want: always, weak: always, digest: true},
		{text: "{body|only:A-Za-z|lower}", want: never, weak: never},
		{text: "{form:a}.{form:b}", want: never, weak: never},
		{text: "{json:/a}", want: never, weak: never},
		{text: "{timestamp}[.{body}]", want: sometimes, weak: sometimes},
		{text: "{timestamp}[.{body|crc32}]", want: never, weak: never},
		{text: "{timestamp}[.{body|md5|hex}]", want: never, weak: sometimes},
		{text: "{timestamp}[.{body|sha256|hex}].{body}", want: always, weak: always},
		{text: "[{body}]", want: sometimes, weak: sometimes, digest: false},
	}
	for _, tt := range tests {
		o := options(template.PlaceMessage)
		o.AcceptAmbiguous = true
		compiled := compile(t, tt.text, o)
		if got := compiled.Coverage(); got != tt.want {
			t.Errorf("Coverage() of %q = %d, want %d", tt.text, got, tt.want)
		}
		if got := compiled.BodyDigest(); got != tt.digest {
			t.Errorf("BodyDigest() of %q = %v, want %v", tt.text, got, tt.digest)
		}
		if got, want := compiled.WeakBody(), tt.want != tt.weak; got != want {
			t.Errorf("WeakBody() of %q = %v, want %v", tt.text, got, want)
		}
		o.AcceptWeak = true
		if got := compile(t, tt.text, o).Coverage(); got != tt.weak {
			t.Errorf("with weak digests, Coverage() of %q = %d, want %d", tt.text, got, tt.weak)
		}
	}
}

func TestCoversBody(t *testing.T) {
	tests := []struct {
		name   string
		text   string
		header authz.Header
		body   string
		want   bool
		reason authz.Reason // if there is an error
	}{
		{name: "always", text: "{timestamp}{body}", body: "x", want: true},
		{name: "never", text: "{timestamp}[.{header:a}]", header: headers("a", "x"), body: "x"},
		{name: "group kept", text: "{timestamp}[.{header:a}.{body}]", header: headers("a", "x"), body: "x", want: true},
		{name: "group dropped", text: "{timestamp}[.{header:a}.{body}]", body: "x"},
		{name: "no body", text: "{timestamp}[.{body}]"},
		{name: "second group", text: "{timestamp}[.a={header:a}.][.b={body}]", body: "x", want: true},
		{name: "lossy", text: "{timestamp}[.{body|crc32}]", body: "x"},
		{name: "can't be read", text: "{timestamp}[.{header:a}.{body}]", header: headers("a", "x", "a", "y"), body: "x", reason: authz.ReasonDuplicateHeader},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in := &template.Input{Request: &authz.Request{Header: tt.header}, Body: []byte(tt.body), Timestamp: "1700000000"}
			o := options(template.PlaceMessage)
			o.AcceptAmbiguous = true
			got, err := compile(t, tt.text, o).CoversBody(in)
			if got != tt.want || reason(err) != tt.reason {
				t.Errorf("got %v, %v, want %v, %v", got, err, tt.want, tt.reason)
			}
		})
	}
}

func TestContains(t *testing.T) {
	tests := []struct {
		name      string
		message   string
		value     string
		ambiguous bool
		want      bool
	}{
		{name: "header", message: "{header:a}.{header:b}", value: "{header:B}", want: true},
		{name: "another header", message: "{header:a}.{header:b}", value: "{header:c}"},
		{name: "another kind", message: "{header:a}", value: "{query:a}"},
		{name: "in a group", message: "x[{header:a}]", value: "{header:a}"},
		{name: "under a filter that loses nothing", message: "{header:a|hex}", value: "{header:a}", want: true},
		{name: "as a digest", message: "{header:a|sha256|hex}", value: "{header:a}", want: true},
		{name: "as a weak digest", message: "{header:a|md5|hex}", value: "{header:a}"},
		{name: "under a lossy filter", message: "{header:a|lower}", value: "{header:a}"},
		{name: "both under the same lossy filter", message: "{header:a|lower}", value: "{header:a|lower}", want: true},
		{name: "under another lossy filter", message: "{header:a|lower}", value: "{header:a|upper}"},
		{name: "the whole is known, so its lower case is", message: "{header:a}", value: "{header:a|lower}", want: true},
		{name: "a value with text", message: "{header:a}", value: "sha-256={header:a}"},
		{name: "text", message: "a", value: "a"},
		{name: "two values", message: "{header:a}.{header:b}", value: "{header:a}.{header:b}"},
		{name: "query in a url", message: "{url}", value: "{query:bodySHA256}", want: true},
		{name: "query in a path with query", message: "{path_query}\n{method}", value: "{query:bodySHA256}", want: true},
		{name: "query in a path", message: "{path}", value: "{query:bodySHA256}"},
		{name: "query in a url in small letters", message: "{url|lower}", value: "{query:bodySHA256}"},
		{name: "query in an optional url", message: "{header:a}\n[{url}{header:b}]", value: "{query:bodySHA256}", ambiguous: true},
		{name: "path in a url", message: "{url}", value: "{path}", want: true},
		{name: "json in the body", message: "{timestamp}{body}", value: "{json:/time}", want: true},
		{name: "json in a digest of the body", message: "{body|sha256|hex}", value: "{json:/time}", want: true},
		{name: "json in a checksum of the body", message: "{body|crc32}", value: "{json:/time}"},
		{name: "body in json", message: "{json:/time}", value: "{body}"},
		{name: "ambiguous message", message: "{header:a}{header:b}", value: "{header:a}", ambiguous: true},
		{name: "message whose separators are not checked", message: "{header:a}.{header:b}", value: "{header:a}", ambiguous: true},
		{name: "accepted without need", message: "{url}", value: "{query:a}", ambiguous: true, want: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := options(template.PlaceMessage)
			o.AcceptAmbiguous = tt.ambiguous
			message := compile(t, tt.message, o)
			value := compile(t, tt.value, options(template.PlaceAssertion))
			if got := message.ContainsValue(value); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func TestContainsTimestamp(t *testing.T) {
	for text, want := range map[string]bool{
		"{timestamp}{body}": true, "{timestamp|sha256|hex}": true, "{body}[.{timestamp}]": false, "{timestamp|crc32}": false,
		"{timestamp|lower}": false, "{body}": false,
	} {
		o := options(template.PlaceMessage)
		o.AcceptAmbiguous = true
		if got := compile(t, text, o).ContainsTimestamp(); got != want {
			t.Errorf("%q: got %v, want %v", text, got, want)
		}
	}
}
