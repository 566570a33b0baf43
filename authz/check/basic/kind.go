package basic

import (
	"fmt"
	"strings"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/scheme/stored"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

// Kind returns what authz/builtin lists for this package. All checks that are
// built by one Kind share what they may take of the machine, see [guard].
func Kind() authz.Kind { return kind(stored.Hash.Matches) }

func kind(matches func(stored.Hash, []byte) bool) authz.Kind {
	shared := newGuard(matches)
	return authz.NewKind("basic", "basic", func(settings *policypb.Basic, env *authz.Env) (authz.Part, []authz.Problem) {
		return build(settings, env, shared)
	})
}

// challenge is what a 401 asks for. The charset tells clients how to write what
// is not ASCII (RFC 7617, section 2.1).
const challenge = `Basic realm="webhook", charset="UTF-8"`

const defaultHeader = "authorization"

// bcryptForm is the form of a password that stored.ParseForm does not know.
const bcryptForm = "bcrypt"

func build(settings *policypb.Basic, env *authz.Env, shared *guard) (authz.Part, []authz.Problem) {
	hashed := settings.GetStored() == bcryptForm
	form, ok := stored.ParseForm(settings.GetStored())
	var problems []authz.Problem
	if !ok && !hashed {
		problems = append(problems, mistake("stored", `want "plain", "sha256" or "bcrypt"`))
	}
	accounts, wrong := accountsOf(settings, env)
	problems = append(problems, wrong...)
	if hashed {
		problems = append(problems, tooMany(settings)...)
	}
	if len(problems) > 0 {
		return authz.Part{}, problems
	}

	header := strings.ToLower(settings.GetHeader())
	if header == "" {
		header = defaultHeader
	}
	var accountJudge judge = newDigests(form, accounts)
	if hashed {
		accountJudge = newHashes(env.Policy, shared, accounts)
	}
	return authz.Part{
		Check:         newCheck(header, accountJudge),
		Authenticates: true,
		Credentials:   []authz.Location{{Header: header}},
		SharedSecret:  true,
		Challenge:     challenge,
		Unfit:         accountJudge.unfit,
	}, nil
}

// An account is the secrets of one user. Without a user they hold
// user:password.
type account struct {
	user string
	refs []authz.Reference
}

func accountsOf(settings *policypb.Basic, env *authz.Env) ([]account, []authz.Problem) {
	refs, problems := env.References("secrets", settings.GetSecrets())
	if (len(settings.GetSecrets()) > 0) == (len(settings.GetUsers()) > 0) {
		return nil, append(problems, mistake("", "want either users or secrets"))
	}
	if len(refs) > 0 {
		return []account{{refs: refs}}, problems
	}
	var accounts []account
	seen := map[string]bool{}
	for i, user := range settings.GetUsers() {
		path := fmt.Sprintf("users[%d]", i)
		switch name := user.GetName(); {
		case !validUser(name):
			problems = append(problems, mistake(path+".name", "want "+userForm))
		case seen[name]:
			problems = append(problems, mistake(path+".name", "the user is listed twice: list all secrets at one place"))
		}
		seen[user.GetName()] = true
		if len(user.GetSecrets()) == 0 {
			problems = append(problems, mistake(path+".secrets", "required"))
		}
		refs, wrong := env.References(path+".secrets", user.GetSecrets())
		problems = append(problems, wrong...)
		accounts = append(accounts, account{user: user.GetName(), refs: refs})
	}
	return accounts, problems
}

// tooMany reports users with more bcrypt hashes than a request is compared with.
func tooMany(settings *policypb.Basic) []authz.Problem {
	var problems []authz.Problem
	for i, user := range settings.GetUsers() {
		if len(user.GetSecrets()) > maxHashes {
			problems = append(problems, mistake(fmt.Sprintf("users[%d].secrets", i), fmt.Sprintf("want at most %d with bcrypt, since each is a hash a request", maxHashes)))
		}
	}
	return problems
}

const (
	userForm = "printable ASCII without a colon, at most 128 bytes, no blank at the ends"
	maxUser  = 128
)

// validUser reports whether name is what [userForm] says. It goes to logs and to the
// upstream, so it is bounded. RFC 7617, section 2, forbids the colon.
func validUser(name string) bool {
	if name == "" || len(name) > maxUser || strings.TrimSpace(name) != name {
		return false
	}
	for i := range len(name) {
		if name[i] < ' ' || name[i] > '~' || name[i] == ':' {
			return false
		}
	}
	return true
}

func mistake(path, message string) authz.Problem {
	return authz.Problem{Path: path, Message: message, Code: "basic"}
}
