package provider_test

import (
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
	"github.com/hookauthz/hookauthz/authz/builtin"
	"github.com/hookauthz/hookauthz/authz/policy/document"
	"github.com/hookauthz/hookauthz/authz/provider"
	"github.com/hookauthz/hookauthz/authz/scheme"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

func entry(t *testing.T, name string) *policypb.CatalogEntry {
	t.Helper()
	e, err := provider.Entry(name)
	if err != nil {
		t.Fatalf("Entry(%q): %v", name, err)
	}
	return e
}

func TestNames(t *testing.T) {
	names := provider.Names()
	if !slices.IsSorted(names) {
		t.Errorf("Names() = %q, want them sorted", names)
	}
	files, err := filepath.Glob("catalog/*")
	if err != nil {
		t.Fatal(err)
	}
	for i, file := range files {
		files[i] = strings.TrimSuffix(filepath.Base(file), ".yaml")
	}
	if !slices.Equal(names, files) {
		t.Errorf("Names() = %q, files in catalog = %q", names, files)
	}
}

func TestUnknownName(t *testing.T) {
	for _, name := range []string{"", "githbu", "GitHub", "github.yaml", "../catalog/github", "/github", "*", "."} {
		if _, err := provider.Entry(name); !errors.Is(err, provider.ErrUnknown) {
			t.Errorf("Entry(%q) error = %v, want %v", name, err, provider.ErrUnknown)
		}
	}
}

// Every entry is sound by itself, before any policy takes it.
func TestEntries(t *testing.T) {
	for _, name := range provider.Names() {
		t.Run(name, func(t *testing.T) {
			data, err := os.ReadFile("catalog/" + name + ".yaml")
			if err != nil {
				t.Fatal(err)
			}
			if _, findings := document.Read([]document.File{{Name: name, Data: data}}, &policypb.CatalogEntry{}); len(findings) > 0 {
				t.Fatalf("findings = %v", findings)
			}
			e := entry(t, name)
			if e.GetName() != name {
				t.Errorf("name is %q, want that of the file", e.GetName())
			}
			if u, err := url.Parse(e.GetDocumentation()); err != nil || u.Scheme != "https" || u.Host == "" {
				t.Errorf("documentation = %q, want a link by https", e.GetDocumentation())
			}
			if strings.TrimSpace(e.GetNotes()) == "" {
				t.Error("no notes")
			}
			if len(e.GetMac().GetSecrets())+len(e.GetApiKey().GetSecrets()) > 0 {
				t.Error("names secrets, which are the policy's")
			}
			acceptsWithReason(t, string(data))
			builds(t, e)
		})
	}
}

// acceptsWithReason wants a comment beside every weaker choice.
func acceptsWithReason(t *testing.T, text string) {
	t.Helper()
	for line := range strings.Lines(text) {
		setting, reason, _ := strings.Cut(line, "#")
		if strings.Contains(setting, "accepted") && len(strings.Fields(reason)) < 3 {
			t.Errorf("%q: want the reason as a comment behind it", strings.TrimSpace(line))
		}
	}
}

// builds builds the check of e under a strong secret. Of all problems only a
// wide window may be, if the notes tell of it.
func builds(t *testing.T, e *policypb.CatalogEntry) {
	t.Helper()
	kind, settings, err := provider.Expand(e, &policypb.Provider{Name: e.GetName(), Secrets: []string{"key"}})
	if err != nil {
		t.Fatalf("Expand() error = %v", err)
	}
	i := slices.IndexFunc(builtin.Kinds(), func(k authz.Kind) bool { return k.Name == kind })
	if i < 0 {
		t.Fatalf("no kind %q", kind)
	}
	part, problems := builtin.Kinds()[i].Build(settings, &authz.Env{Secret: func(name string) (authz.Reference, bool) {
		return authz.Reference{Name: name, Secrets: authztest.Values("0123456789abcdef0123456789abcdef")}, name == "key"
	}})
	for _, p := range problems {
		if p.Code != scheme.CodeWideWindow || !strings.Contains(e.GetNotes(), "minutes") {
			t.Errorf("problem at %q: %s (%s)", p.Path, p.Message, p.Code)
		}
	}
	if part.Check == nil || !part.Authenticates {
		t.Errorf("Part = %+v, want a check that authenticates", part)
	}
	if (kind == "mac") != part.BindsBody {
		t.Errorf("BindsBody = %v of a %s", part.BindsBody, kind)
	}
}

// One limit has two names, since scheme must not know the catalogue.
func TestMaxTolerance(t *testing.T) {
	for _, got := range []time.Duration{provider.MaxTolerance, scheme.MaxTolerance} {
		if got != 10*time.Minute {
			t.Errorf("MaxTolerance = %v here and %v in scheme, want 10m", provider.MaxTolerance, scheme.MaxTolerance)
		}
	}
}

// Reading an entry twice gives two messages, so that no caller can change what
// another gets.
func TestEntryIsFresh(t *testing.T) {
	first := entry(t, "github")
	first.GetMac().Algorithm = "hmac-sha1"
	if second := entry(t, "github"); proto.Equal(first, second) {
		t.Error("a change to one entry shows in the next")
	}
}
