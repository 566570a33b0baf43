package httpsig_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/dunglas/httpsfv"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
	"github.com/hookauthz/hookauthz/authz/check/httpsig"
)

// FuzzVerify looks for a request that passes and that the sender did not sign. One
// signature exists, so there is one way to write it.
func FuzzVerify(f *testing.F) {
	good := right()
	rightInput, _ := good.Header.Line("signature-input")
	rightSignature, _ := good.Header.Line("signature")
	f.Add(rightInput, rightSignature, digest(body), "/h", body, false)
	f.Add(`sig1=();created=1767323045;keyid="k1"`, "sig1=:AA==:", digest(body), "/h?", body, true)
	f.Add(`sig1=("@query-param";name="a" "content-digest";bs "x";key="y" "@authority");keyid="k1"`, "sig1=:AA==:", digest512(body), "/h?a=%20", "", true)
	check := newPart(f, settings(atHooks)).Check
	plainCheck := newPart(f, settings()).Check
	f.Fuzz(func(t *testing.T, input, signature, sum, path, content string, merged bool) {
		r := authztest.Request("POST", path, content, "signature-input", input, "signature", signature, "content-digest", sum)
		r.Header.Merged = merged
		if _, err := check.Verify(t.Context(), r); err == nil {
			t.Errorf("passed %q, %q for another address", input, signature)
		}
		identity, err := plainCheck.Verify(t.Context(), r)
		bare, _, _ := strings.Cut(path, "?")
		if err == nil && (input != rightInput && input != relabelled(rightInput, signature) || bare != "/h" || content != body || sum != digest(body)) {
			t.Errorf("passed %q, %q, %q, %q, %q", input, signature, sum, path, content)
		}
		if err != nil && identity != (authz.Identity{}) {
			t.Errorf("identity = %+v beside %v", identity, err)
		}
	})
}

// relabelled returns input with the label that signature has: nobody signs labels.
func relabelled(input, signature string) string {
	label, _, _ := strings.Cut(signature, "=")
	_, rest, _ := strings.Cut(input, "=")
	return label + "=" + rest
}

// FuzzInput: what is taken is what the library writes again, byte by byte, but for
// the blanks behind commas.
func FuzzInput(f *testing.F) {
	f.Add("sig1="+input, "sig1=:AAAA:")
	f.Add("sig1=(),sig1="+input, "sig1=:AAAA:")
	f.Add(`a=("x";key="a, \"b" "@query-param";name="q");x=?0;y=1.5;z=tok/en;d=@1`, "a=:AA==:")
	f.Add(`a=();created=01`, "a=:AB==:")
	f.Fuzz(func(t *testing.T, input, signature string) {
		if httpsig.ReadInput(input, signature) != nil {
			return
		}
		for _, text := range []string{input, signature} {
			dictionary, err := httpsfv.UnmarshalDictionary([]string{text})
			if err != nil {
				t.Fatalf("took %q: %v", text, err)
			}
			again, err := httpsfv.Marshal(dictionary)
			if err != nil || again != text {
				t.Errorf("took %q, which is %q (%v)", text, again, err)
			}
			// Read by hand: commas that stand in no text divide members.
			if members := 1 + strings.Count(unquoted(text), ","); members != len(dictionary.Names()) {
				t.Errorf("took %q, which has %d members and %d names", text, members, len(dictionary.Names()))
			}
		}
	})
}

// unquoted returns what stands in no string.
func unquoted(text string) string {
	var rest strings.Builder
	inside := false
	for i := 0; i < len(text); i++ {
		switch {
		case inside && text[i] == '\\':
			i++
		case text[i] == '"':
			inside = !inside
		case !inside:
			rest.WriteByte(text[i])
		}
	}
	return rest.String()
}

// FuzzDraft: a signature of the draft that passes says what the right one says, in
// whatever way it is written.
func FuzzDraft(f *testing.F) {
	rightText, _ := oldRight().Header.Line("signature")
	want, err := httpsig.ReadDraft(rightText)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(rightText, body)
	f.Add(strings.ReplaceAll(rightText, `",`, `", `), body)
	f.Add(rightText+`,x=y,z="a,b"`, body)
	f.Add(`keyId="k1",signature="AA=="`, body)
	f.Add(`keyId="k1",headers="date",headers="digest",signature="AA=="`, body)
	check := newPart(f, draft()).Check
	f.Fuzz(func(t *testing.T, text, content string) {
		got, err := httpsig.ReadDraft(text)
		if err == nil {
			readAgain(t, text, got)
		}
		r := replaced(oldRight(), "signature", text)
		r.Body.Raw, r.Body.Size = []byte(content), int64(len(content))
		r = without(r, "content-length")
		r.Gateway.BodyRawFull = true
		if _, err := check.Verify(t.Context(), r); err != nil {
			return
		}
		if content != body || got.KeyID != want.KeyID || got.Created != want.Created || !slices.Equal(got.Headers, want.Headers) || !slices.Equal(got.Signature, want.Signature) {
			t.Errorf("passed %q, %q", text, content)
		}
	})
}

// readAgain reads a signature that was taken in another way, by what may follow a
// parameter, and compares.
func readAgain(t *testing.T, text string, got httpsig.DraftClaim) {
	t.Helper()
	values := map[string]string{}
	for text != "" {
		name, rest, _ := strings.Cut(text, "=")
		value, _, _ := strings.Cut(rest, ",")
		if strings.HasPrefix(rest, `"`) {
			parts := strings.SplitN(rest, `"`, 3)
			value, rest = parts[1], parts[2]
		} else {
			rest = rest[len(value):]
		}
		if _, twice := values[name]; twice {
			t.Errorf("took %s twice", name)
		}
		values[name] = value
		text = strings.TrimPrefix(strings.TrimPrefix(rest, ","), " ")
	}
	headers, stated := values["headers"]
	if values["keyId"] != got.KeyID || values["created"] != got.Created || values["expires"] != got.Expires || stated && headers != strings.Join(got.Headers, " ") {
		t.Errorf("read %+v, want %v", got, values)
	}
}

// FuzzContentDigest: a digest that passes is that of the body.
func FuzzContentDigest(f *testing.F) {
	f.Add(digest(body)+", md5=:AAAA:", oldDigest(body)+",MD5=x", body)
	f.Add(digest512(body), "sha-512="+strings.Trim(digest512(body)[len("sha-512="):], ":"), body)
	check := newPart(f, settings()).Check
	oldCheck := newPart(f, draft()).Check
	f.Fuzz(func(t *testing.T, modern, former, content string) {
		const in = `("@method" "@path" "content-digest");created=` + created + `;keyid="k1"`
		r := authztest.Request("POST", "/h", content, "content-digest", modern)
		r = present(r, in, ed(in, plain()[0], plain()[1], `"content-digest": `+strings.Trim(modern, " \t")))
		if _, err := check.Verify(t.Context(), r); err == nil && !strings.Contains(modern, digest(content)) && !strings.Contains(modern, digest512(content)) {
			t.Errorf("%q passed as %q", content, modern)
		}
		r = authztest.Request("POST", "/h?a=1&b=x+y", content, "digest", former)
		value, _ := oldSigned(oldParams, oldLines()[0], oldLines()[1], "digest: "+strings.Trim(former, " \t")).Header.Line("signature")
		authztest.AddHeader(r, "signature", value)
		sum512 := strings.Trim(digest512(content)[len("sha-512="):], ":=")
		if _, err := oldCheck.Verify(t.Context(), r); err == nil && !strings.Contains(former, strings.Trim(oldDigest(content)[len("SHA-256="):], "=")) && !strings.Contains(former, sum512) {
			t.Errorf("%q passed as %q", content, former)
		}
	})
}
