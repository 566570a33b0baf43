package provider_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/provider"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

var update = flag.Bool("update", false, "write the generated parts of the documentation")

const (
	page  = "../../docs/checks/provider.md"
	begin = "<!-- generated: go test ./authz/provider -update -->\n"
	end   = "<!-- end of what is generated -->\n"
)

// The page on the catalogue shows what is in it. Run with -update to accept a
// change.
func TestPage(t *testing.T) {
	old, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(old), begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s: no place for what is generated", page)
	}
	var want bytes.Buffer
	want.WriteString(before + begin + "\n")
	writeTable(t, &want)
	writeNotes(t, &want)
	want.WriteString(end + after)

	if *update {
		if err := os.WriteFile(page, want.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if want.String() != string(old) {
		t.Errorf("%s is not that of the catalogue: run go test ./authz/provider -update", page)
	}
}

func writeTable(t *testing.T, out *bytes.Buffer) {
	t.Helper()
	out.WriteString("| entry | sender | signed, and how | where | window | methods | statuses | source |\n")
	out.WriteString("| --- | --- | --- | --- | --- | --- | --- | --- |\n")
	for _, name := range provider.Names() {
		e := entry(t, name)
		fmt.Fprintf(out, "| `%s` | %s | %s | %s | %s | %s | %s | [%s](%s) |\n", name, e.GetTitle(), signed(e), where(e),
			timeWindow(e.GetMac().GetTimestamp()), strings.Join(e.GetMethods(), ", "), statuses(e.GetAnswers()),
			e.GetConfidence(), e.GetDocumentation())
	}
}

func writeNotes(t *testing.T, out *bytes.Buffer) {
	t.Helper()
	out.WriteString("\nWhat to know of each:\n\n")
	for _, name := range provider.Names() {
		fmt.Fprintf(out, "- **`%s`**: %s\n", name, strings.TrimSpace(entry(t, name).GetNotes()))
	}
	out.WriteString("\n")
}

// What the page on divergences calls a vector is one.
func TestDivergencesNameVectors(t *testing.T) {
	text, err := os.ReadFile("../../docs/divergences.md")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile("`([a-z-]+/[a-z0-9-]+)`").FindAllStringSubmatch(string(text), -1)
	if len(found) == 0 {
		t.Error("no vector is named")
	}
	for _, match := range found {
		if _, err := os.Stat(vectors + "/" + match[1] + ".txtar"); err != nil {
			t.Errorf("%s is no vector", match[1])
		}
	}
}

// code writes text as code in a cell of a table.
func code(text string) string { return "`" + strings.ReplaceAll(text, "|", `\|`) + "`" }

func signed(e *policypb.CatalogEntry) string {
	m := e.GetMac()
	if m == nil {
		return "nothing: a key"
	}
	return fmt.Sprintf("%s, %s, %s", code(m.GetMessage()), m.GetAlgorithm(), m.GetEncoding())
}

func where(e *policypb.CatalogEntry) string {
	if key := e.GetApiKey(); key != nil {
		return code(key.GetHeader() + ": " + key.GetPrefix() + "...")
	}
	c := e.GetMac().GetCredential()
	value := c.GetPrefix() + "..."
	if f := c.GetFields(); f != nil {
		value = f.GetSignature() + "=..."
		if field, ok := strings.CutPrefix(e.GetMac().GetTimestamp().GetValue(), "{credential:"); ok {
			value = strings.TrimSuffix(field, "}") + "=..." + f.GetSeparator() + value
		}
	}
	if tagged := c.GetTagged(); tagged != nil {
		value = tagged.GetTag() + ",..."
	}
	return code(c.GetHeader() + ": " + value)
}

func timeWindow(ts *policypb.Timestamp) string {
	switch {
	case ts == nil:
		return "none"
	case ts.GetUnchecked() != "":
		return "not checked"
	}
	return fmt.Sprintf("%.0f s", ts.GetTolerance().AsDuration().Seconds())
}

// statuses returns those that the entry states, with their classes.
func statuses(a *policypb.Answers) string {
	var texts []string
	for _, class := range authz.Classes() {
		field := a.ProtoReflect().Descriptor().Fields().ByName(protoreflect.Name(class.String()))
		if field == nil || !a.ProtoReflect().Has(field) {
			continue
		}
		answer, ok := a.ProtoReflect().Get(field).Message().Interface().(*policypb.Answer)
		if ok && answer.GetStatus() != 0 {
			texts = append(texts, fmt.Sprintf("%s %d", class, answer.GetStatus()))
		}
	}
	if len(texts) == 0 {
		return "default"
	}
	return strings.Join(texts, ", ")
}
