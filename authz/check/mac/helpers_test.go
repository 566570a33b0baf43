package mac_test

import (
	"encoding/base64"
	"encoding/hex"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/check/mac"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

// The values that testdata/codes.py signs.
const (
	secret    = "It's a Secret to Everybody"
	oldSecret = "the secret before that one"
	whsec     = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	body      = `{"id":1}`
	unix      = 1614265330
)

// code returns the code that testdata/codes.txt, made by another
// implementation, has under name, in hex.
func code(tb testing.TB, name string) string {
	tb.Helper()
	data, err := os.ReadFile("testdata/codes.txt")
	if err != nil {
		tb.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		if text, ok := strings.CutSuffix(line, " "+name+"\n"); ok && !strings.Contains(text, " ") {
			return text
		}
	}
	tb.Fatalf("no code %q in testdata/codes.txt", name)
	return ""
}

// code64 is code in base64.
func code64(tb testing.TB, name string) string {
	tb.Helper()
	raw, err := hex.DecodeString(code(tb, name))
	if err != nil {
		tb.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(raw)
}

// store answers what a secret's source would.
type store struct {
	versions *authz.Versions
	err      error
}

func (s *store) Versions(time.Time) (*authz.Versions, error) { return s.versions, s.err }

// live is a secret whose versions are values, newest first.
func live(values ...string) *store {
	v := &authz.Versions{}
	for i, value := range values {
		v.Accepted = append(v.Accepted, authz.Version{
			Number: len(values) - i, Previous: i > 0, Secret: authz.NewSecret([]byte(value)),
		})
	}
	return &store{versions: v}
}

// environment declares the secrets under their names.
func environment(secrets map[string]*store) *authz.Env {
	return &authz.Env{Secret: func(name string) (authz.Reference, bool) {
		s, ok := secrets[name]
		return authz.Reference{Name: name, Secrets: s}, ok
	}}
}

// settings are those of a plain code over the body, changed by edits.
func settings(edits ...func(*policypb.Mac)) *policypb.Mac {
	m := &policypb.Mac{
		Credential: &policypb.Credential{Header: "X-Signature"},
		Algorithm:  "hmac-sha256",
		Encoding:   "hex",
		Message:    "{body}",
		Secrets:    []string{"key"},
	}
	for _, edit := range edits {
		edit(m)
	}
	return m
}

// timed are settings of a code over time and body, in headers.
func timed(unit string, edits ...func(*policypb.Mac)) *policypb.Mac {
	m := settings(func(m *policypb.Mac) {
		m.Message = "{timestamp}.{body}"
		m.Timestamp = &policypb.Timestamp{Value: "{header:X-Timestamp}", Unit: unit}
	})
	for _, edit := range edits {
		edit(m)
	}
	return m
}

// stripe are settings of t=,v1= pairs.
func stripe(edits ...func(*policypb.Mac)) *policypb.Mac {
	m := timed("seconds", func(m *policypb.Mac) {
		m.Credential.Fields = &policypb.FieldsGrammar{Signature: "v1"}
		m.Timestamp.Value = "{credential:t}"
	})
	for _, edit := range edits {
		edit(m)
	}
	return m
}

// build returns the check of m, which must have no mistakes.
func build(tb testing.TB, m *policypb.Mac, secrets map[string]*store) authz.Part {
	tb.Helper()
	part, problems := mac.Kind().Build(proto.Clone(m), environment(secrets))
	for _, p := range problems {
		if !p.Warning {
			tb.Fatalf("Build() problem: %v (%s)", p, p.Code)
		}
	}
	return part
}

// post is a request with a body that came whole, at the time that codes sign.
func post(content string, headers ...string) *authz.Request {
	r := &authz.Request{
		Received: time.Unix(unix, 0),
		Method:   "POST",
		Path:     "/h",
		Protocol: "HTTP/2",
		Body:     authz.Body{Raw: []byte(content), Size: int64(len(content)), Delivery: authz.DeliveryWhole},
		Rules:    authz.Rules{MaxBody: 1 << 20},
	}
	r.Header.Fields = append(r.Header.Fields, authz.Field{Name: "content-length", Value: strconv.Itoa(len(content))})
	for i := 0; i < len(headers); i += 2 {
		r.Header.Fields = append(r.Header.Fields, authz.Field{Name: headers[i], Value: headers[i+1]})
	}
	return r
}

// reasonOf is the reason of err, ReasonVerified of nil.
func reasonOf(err error) authz.Reason {
	if err == nil {
		return authz.ReasonVerified
	}
	return authz.DeniedBy(err).Reason()
}

// kindOf builds m as the loader does.
func kindOf(m *policypb.Mac, env *authz.Env) (authz.Part, []authz.Problem) {
	return mac.Kind().Build(m, env)
}
