package apikey

import (
	"strings"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/scheme"
	"github.com/hookauthz/hookauthz/authz/scheme/stored"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

// Kind returns what authz/builtin lists for this package.
func Kind() authz.Kind { return authz.NewKind("api_key", "apikey", build) }

// CodeSecretsRequired is the code of the problem that there are no secrets. It
// does not count where an entry of the catalogue is built to see whether it is
// sound; the environment may then be nil.
const CodeSecretsRequired = "secrets_required"

// challenge is what a 401 asks for. The scheme is not registered: there is none
// for keys.
const challenge = `ApiKey realm="webhook"`

func build(settings *policypb.ApiKey, env *authz.Env) (authz.Part, []authz.Problem) {
	refs, problems := env.References("secrets", settings.GetSecrets())
	if len(settings.GetSecrets()) == 0 {
		problems = append(problems, authz.Problem{Path: "secrets", Message: "required", Code: CodeSecretsRequired})
	}
	form, ok := stored.ParseForm(settings.GetStored())
	if !ok {
		problems = append(problems, mistake("stored", `want "plain" or "sha256"`))
	}
	if settings.GetHeader() != "" && strings.TrimLeft(settings.GetPrefix(), " \t") != settings.GetPrefix() {
		problems = append(problems, mistake("prefix", "header values never begin with white space"))
	}

	reader, wrong := scheme.NewReader(scheme.Credential{
		Header: settings.GetHeader(), Query: settings.GetQuery(), Prefix: settings.GetPrefix(),
	})
	problems = append(problems, wrong...)
	if len(problems) > 0 {
		return authz.Part{}, problems
	}
	check := newCheck(reader, strings.ToLower(settings.GetHeader()), settings.GetPrefix(), form, refs)
	return authz.Part{
		Check:         check,
		Authenticates: true,
		Credentials:   reader.Locations(),
		SharedSecret:  true,
		Challenge:     challenge,
		Unfit:         check.keys[0].Unfit,
	}, nil
}

func mistake(path, message string) authz.Problem {
	return authz.Problem{Path: path, Message: message, Code: "api_key"}
}
