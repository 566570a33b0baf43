package template_test

import (
	"strings"
	"sync"
	"testing"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/template"
)

func TestRender(t *testing.T) {
	base := authz.Request{
		Method: "POST", Path: "/a/b%2Fc?x=1&y=a%20b", Host: "evil.example",
		Header: headers(
			"x-id", "Id-1", "empty", "", "twice", "a", "twice", "b", "x-forwarded-host", "evil.example",
			"content-type", "application/x-www-form-urlencoded; charset=utf-8", "latin", "\xe9", "quote", "a\"b\\c\n\x01",
		),
		Captures: []authz.Field{{Name: "tenant", Value: "acme"}, {Name: "odd", Value: "a/b"}},
	}
	const form = "x=1&y=a+b%26&empty=&y%7A=2"
	const object = `{"id":"a\u00e9\n","n":1.50e+3,"t":true,"z":null,"o":{"k/1":[10,{"d":"deep"}]},"e":""}`
	tests := []struct {
		name   string
		text   string
		body   string
		change func(*template.Input)
		want   string
		reason authz.Reason // of the denial, where want is empty
	}{
		{name: "text and escapes", text: "a{{b}}c[[d]]", want: "a{b}c[d]"},
		{name: "brackets around a value", text: "{{{method}}}", want: "{POST}"},
		{name: "brackets around a group", text: "[[[{header:x-id}!]", want: "[Id-1!"},
		{name: "timestamp as received", text: "{timestamp}", want: "+01614265330"},
		{name: "timestamp missing", text: "{timestamp}", change: func(in *template.Input) { in.Timestamp = "" }, reason: authz.ReasonPartMissing},

		{name: "header", text: "{header:X-Id}", want: "Id-1"},
		{name: "header missing", text: "{header:None}", reason: authz.ReasonPartMissing},
		{name: "header empty", text: "{header:Empty}", reason: authz.ReasonPartMissing},
		{name: "header twice", text: "{header:Twice}", reason: authz.ReasonDuplicateHeader},
		{name: "header twice in a group", text: "[a{header:Twice}]b", reason: authz.ReasonDuplicateHeader},
		{
			name: "header joined by the gateway", text: "{header:x-id}", reason: authz.ReasonDuplicateHeader,
			change: func(in *template.Input) {
				in.Request.Header = authz.Header{Fields: []authz.Field{{Name: "x-id", Value: "a,b"}}, Merged: true}
			},
		},
		{
			name: "header altered by the gateway", text: "{header:x-id}", reason: authz.ReasonCredentialMalformed,
			change: func(in *template.Input) {
				in.Request.Header = authz.Header{Fields: []authz.Field{{Name: "x-id", Value: "a!b"}}, Merged: true}
			},
		},
		{
			name: "header with an exclamation mark as sent", text: "{header:x-id}", want: "a!b",
			change: func(in *template.Input) { in.Request.Header = headers("x-id", "a!b") },
		},

		{name: "credential", text: "{credential:t}", want: "161"},
		{name: "credential missing", text: "{credential:v}", reason: authz.ReasonPartMissing},
		{name: "credential empty", text: "{credential:empty}", reason: authz.ReasonPartMissing},
		{name: "credential twice", text: "{credential:twice}", reason: authz.ReasonCredentialMalformed},
		{name: "credential is not case-blind", text: "{credential:T}", reason: authz.ReasonPartMissing},
		{
			name: "credential altered by the gateway", text: "{credential:t}", reason: authz.ReasonCredentialMalformed,
			change: func(in *template.Input) {
				in.Request.Header.Merged = true
				in.Credential = []authz.Field{{Name: "t", Value: "\uFFFD"}}
			},
		},

		{name: "method", text: "{method}", want: "POST"},
		{name: "method in small letters", text: "{method}", change: func(in *template.Input) { in.Request.Method = "post" }, reason: authz.ReasonCredentialMalformed},
		{name: "method missing", text: "{method}", change: func(in *template.Input) { in.Request.Method = "" }, reason: authz.ReasonCredentialMalformed},
		{name: "url", text: "{url}", want: "https://hooks.example.com/prefix/a/b%2Fc?x=1&y=a%20b"},
		{name: "origin", text: "{origin}", want: "https://hooks.example.com"},
		{name: "origin under filters", text: "{origin|upper}", want: "HTTPS://HOOKS.EXAMPLE.COM"},
		{name: "path", text: "{path}", want: "/prefix/a/b%2Fc"},
		{name: "path and query", text: "{path_query}", want: "/prefix/a/b%2Fc?x=1&y=a%20b"},
		{name: "question mark without a query", text: "{path}|{path_query}", change: func(in *template.Input) { in.Request.Path = "/a?" }, want: "/prefix/a|/prefix/a?"},
		{name: "two question marks", text: "{path_query}", change: func(in *template.Input) { in.Request.Path = "/a?b?c" }, want: "/prefix/a?b?c"},
		{name: "path without slash", text: "{path}", change: func(in *template.Input) { in.Request.Path = "*" }, reason: authz.ReasonCredentialMalformed},
		{name: "path empty", text: "{url}", change: func(in *template.Input) { in.Request.Path = "" }, reason: authz.ReasonCredentialMalformed},
		{name: "path with a line break", text: "{path}", change: func(in *template.Input) { in.Request.Path = "/a\nb" }, reason: authz.ReasonCredentialMalformed},
		{name: "path beyond ASCII", text: "{url}", change: func(in *template.Input) { in.Request.Path = "/é" }, reason: authz.ReasonCredentialMalformed},
		{name: "match", text: "{match:tenant}", want: "acme"},
		{name: "match missing", text: "{match:app}", reason: authz.ReasonPartMissing},
		{name: "match that is no segment", text: "{match:odd}", reason: authz.ReasonCredentialMalformed},

		{name: "query", text: "{query:x}", want: "1"},
		{name: "query decoded", text: "{query:y}", want: "a b"},
		{name: "query missing", text: "{query:z}", reason: authz.ReasonPartMissing},
		{name: "form", text: "{form:y}", body: form, want: "a b&"},
		{name: "form, encoded name", text: "{form:yz}", body: form, want: "2"},
		{name: "form, empty field", text: "{form:empty}", body: form, reason: authz.ReasonPartMissing},
		{name: "form, empty field in a group", text: "a[b{form:empty}]", body: form, reason: authz.ReasonCredentialMalformed},
		{name: "form, missing field in a group", text: "a[b{form:none}]", body: form, want: "a"},
		{name: "form, no body", text: "a[b{form:x}]", want: "a"},
		{name: "form, other type", text: "{form:x}", body: form, change: func(in *template.Input) { in.Request.Header = headers("content-type", "text/plain") }, reason: authz.ReasonCredentialMalformed},
		{name: "form, no type", text: "a[{form:x}]", body: form, change: func(in *template.Input) { in.Request.Header = authz.Header{} }, reason: authz.ReasonCredentialMalformed},

		{name: "json string", text: "{json:/id}", body: object, want: "aé\n"},
		{name: "json number as written", text: "{json:/n}", body: object, want: "1.50e+3"},
		{name: "json boolean", text: "{json:/t}", body: object, want: "true"},
		{name: "json null", text: "a[{json:/z}]", body: object, reason: authz.ReasonCredentialMalformed},
		{name: "json object", text: "{json:/o}", body: object, reason: authz.ReasonCredentialMalformed},
		{name: "json array", text: "{json:/o/k~11}", body: object, reason: authz.ReasonCredentialMalformed},
		{name: "json element", text: "{json:/o/k~11/0}", body: object, want: "10"},
		{name: "json deep", text: "{json:/o/k~11/1/d}", body: object, want: "deep"},
		{name: "json missing", text: "{json:/o/x}", body: object, reason: authz.ReasonPartMissing},
		{name: "json below a scalar", text: "{json:/n/x}", body: object, reason: authz.ReasonPartMissing},
		{name: "json empty string", text: "{json:/e}", body: object, reason: authz.ReasonPartMissing},
		{name: "json empty string in a group", text: "a[{json:/e}]", body: object, reason: authz.ReasonCredentialMalformed},
		{name: "json missing in a group", text: "a[{json:/x}]", body: object, want: "a"},
		{name: "json without body", text: "{json:/x}", reason: authz.ReasonPartMissing},

		{name: "body", text: "{body}", body: "\xff\r\n", want: "\xff\r\n"},
		{name: "empty body", text: "<{body}>", want: "<>"},
		{name: "empty body in a group", text: "a[b{body|sha256|hex}]", want: "a"},
		{name: "md5", text: "{body|md5|hex}", body: "abc", want: "900150983cd24fb0d6963f7d28e17f72"},
		{name: "sha1", text: "{body|sha1|hex}", body: "abc", want: "a9993e364706816aba3e25717850c26c9cd0d89d"},
		{name: "sha256", text: "{body|sha256|hex}", body: "abc", want: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
		{name: "sha256 of nothing", text: "{body|sha256|hex}", want: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
		{name: "sha384", text: "{body|sha384|base64url}", body: "abc", want: "ywB1P0WjXou1oD1pmsZQBycsMqsO3tFjGotgWkP_W-2AhgcroefMI1i67KE0yCWn"},
		{name: "sha512", text: "{body|sha512|base64}", body: "abc", want: "3a81oZNherrMQXNJriBBMRLm+k6JqX6iCp7u5ktV05ohkpkqJ0/BqDa6PCOj/uu9RU1EI2Q86A4qmslPpUyknw=="},
		{name: "crc32", text: "{body|crc32}", body: "123456789", want: "3421780262"},
		{name: "base64 has padding", text: "{body|base64}", body: "a", want: "YQ=="},
		{name: "base64url has none", text: "{body|base64url}", body: "\xfb\xff", want: "-_8"},
		{name: "lower is for ASCII", text: "{header:x-id|lower}", change: func(in *template.Input) { in.Request.Header = headers("x-id", "AbÉ\xc9Z") }, want: "abÉ\xc9z"},
		{name: "upper", text: "{header:x-id|upper}", want: "ID-1"},
		{name: "json escapes", text: `"{header:quote|json}"`, want: `"a\"b\\c\n\u0001"`},
		{name: "json of other bytes", text: "{header:latin|json}", reason: authz.ReasonCredentialMalformed},
		{name: "only", text: "{header:x-id|only:A-Za-z0-9-}", want: "Id-1"},
		{name: "only refuses", text: "{header:x-id|only:A-Za-z0-9}", reason: authz.ReasonCredentialMalformed},
		{name: "only in the middle", text: "{header:x-id|only:A-Z|hex}", reason: authz.ReasonCredentialMalformed},
		{name: "only with escaped characters", text: `{query:p|only:\|\}\\}`, change: func(in *template.Input) { in.Request.Path = `/?p=%7C%7D%5C` }, want: `|}\`},
		{name: "filters left to right", text: "{header:x-id|hex|upper|base64}", want: "NDk2NDJEMzE="},
		{name: "escapes in an argument", text: `{query:a\|b\}c}`, change: func(in *template.Input) { in.Request.Path = "/?a%7Cb%7Dc=1" }, want: "1"},

		{name: "group with one value missing", text: "a[b{header:x-id}c{header:none}]d", reason: authz.ReasonValueAmbiguous},
		{name: "group with none of its values", text: "a[b{header:none}c{header:neither}]d", want: "ad"},
		{name: "group kept", text: "a[b{header:x-id}c]d", want: "abId-1cd"},
		{name: "no request", text: "{header:x-id}", change: func(in *template.Input) { in.Request = nil }, reason: authz.ReasonBug},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			compiled := compile(t, tt.text, options(template.PlaceMessage))
			request := base
			in := &template.Input{
				Request: &request, Timestamp: "+01614265330", Body: []byte(tt.body),
				Credential: []authz.Field{{Name: "t", Value: "161"}, {Name: "empty"}, {Name: "twice", Value: "a"}, {Name: "twice", Value: "a"}},
			}
			if tt.change != nil {
				tt.change(in)
			}
			got, err := compiled.Append([]byte("before "), in)
			h := &recorder{}
			hashErr := compiled.WriteTo(h, in)
			if tt.want == "" {
				if got != nil || err == nil || reason(err) != tt.reason {
					t.Errorf("Append = %q, %v, want %v", got, err, tt.reason)
				}
				if hashErr == nil || hashErr.Error() != err.Error() {
					t.Errorf("WriteTo = %v, want %v", hashErr, err)
				}
				return
			}
			if err != nil || string(got) != "before "+tt.want {
				t.Errorf("Append = %q, %v, want %q", got, err, "before "+tt.want)
			}
			if hashErr != nil || string(h.data) != tt.want {
				t.Errorf("WriteTo hashed %q, %v, want %q", h.data, hashErr, tt.want)
			}
		})
	}
}

// One template renders for many requests at once.
func TestRenderConcurrently(t *testing.T) {
	compiled := compile(t, "{method}{url}\n{header:id|upper}.{query:q}.{body|sha256|hex}.{json:/a}", options(template.PlaceMessage))
	var all sync.WaitGroup
	for n := range 8 {
		all.Go(func() {
			id := strings.Repeat(string(rune('a'+n)), n+1)
			in := &template.Input{
				Request: &authz.Request{Method: "PUT", Path: "/?q=%41" + id, Header: headers("id", id)},
				Body:    []byte(`{"a":"\u0041` + id + `"}`),
			}
			want := ""
			for range 200 {
				h := &recorder{}
				got, err := compiled.Append(nil, in)
				if hashErr := compiled.WriteTo(h, in); err != nil || hashErr != nil {
					t.Errorf("got %v, %v", err, hashErr)
					return
				}
				if want == "" {
					want = string(got)
				}
				if string(got) != want || string(h.data) != want || !strings.Contains(want, "A"+id) {
					t.Errorf("got %q and %q, want %q", got, h.data, want)
				}
			}
		})
	}
	all.Wait()
}

func TestPublicURL(t *testing.T) {
	tests := []struct{ publicURL, want string }{
		{"https://hooks.example.com", "https://hooks.example.com/a?b"},
		{"https://hooks.example.com/", "https://hooks.example.com/a?b"},
		{"http://hooks.example.com:8080/x/y/", "http://hooks.example.com:8080/x/y/a?b"},
		{"https://[2001:db8::1]:443/x", "https://[2001:db8::1]:443/x/a?b"},
		{"ftp://hooks.example.com", ""},
		{"https://", ""},
		{"https:///x", ""},
		{"https://host?query", ""},
		{"https://host/x?query", ""},
		{"https://host/x#fragment", ""},
		{"https://user@host", ""},
		{"hooks.example.com", ""},
	}
	for _, tt := range tests {
		o := options(template.PlaceMessage)
		o.PublicURL = tt.publicURL
		compiled, _ := template.Compile("{url}", o)
		if compiled == nil {
			if tt.want != "" {
				t.Errorf("%q is refused", tt.publicURL)
			}
			continue
		}
		got, err := compiled.Append(nil, &template.Input{Request: &authz.Request{Path: "/a?b"}})
		if err != nil || string(got) != tt.want {
			t.Errorf("with %q got %q, %v, want %q", tt.publicURL, got, err, tt.want)
		}
	}
}

func TestUpstream(t *testing.T) {
	tests := []struct {
		name      string
		text      string
		principal string
		header    string
		want      string
	}{
		{name: "principal", text: "{principal}", principal: "acme", want: "acme"},
		{name: "no principal", text: "{principal}"},
		{name: "line break", text: "{principal}", principal: "a\r\nX-Admin: 1"},
		{name: "NUL", text: "{principal}", principal: "a\x00"},
		{name: "beyond ASCII", text: "{principal}", principal: "é"},
		{name: "not UTF-8", text: "{header:a}", header: "\xff"},
		{name: "space inside", text: "{principal}", principal: "a b", want: "a b"},
		{name: "space at the end", text: "{principal}", principal: "a "},
		{name: "everything dropped", text: "[{header:a}]"},
		{name: "group dropped", text: "{principal}[ via {header:a}]", principal: "acme", want: "acme"},
		{name: "group kept", text: "{principal}[ via {header:a}]", principal: "acme", header: "x", want: "acme via x"},
		{name: "long", text: "{query:q}", want: strings.Repeat("x", 300)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in := &template.Input{
				Request:   &authz.Request{Header: headers("a", tt.header), Path: "/?q=" + strings.Repeat("x", 300)},
				Principal: tt.principal,
			}
			compiled := compile(t, tt.text, options(template.PlaceUpstream))
			got, err := compiled.Append(nil, in)
			if string(got) != tt.want || (err == nil) != (tt.want != "") {
				t.Errorf("got %q, %v, want %q", got, err, tt.want)
			}
			h := &recorder{}
			if err := compiled.WriteTo(h, in); (err == nil) != (tt.want != "") || err == nil && string(h.data) != tt.want {
				t.Errorf("hashed %q, %v, want %q", h.data, err, tt.want)
			}
		})
	}
}
