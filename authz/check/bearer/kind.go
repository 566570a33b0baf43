package bearer

import (
	"time"

	"github.com/hookauthz/hookauthz/authz"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

// Kind returns what authz/builtin lists for this package.
func Kind() authz.Kind { return authz.NewKind("bearer", "bearer", build) }

// A mode is what the settings make of one of jwt, introspection and own.
type mode struct {
	judge judge
	// name is that of the settings' field.
	name string
	// unfit is that of [authz.Part].
	unfit func(now time.Time, tell func(secret string, why error))
}

func build(settings *policypb.Bearer, env *authz.Env) (authz.Part, []authz.Problem) {
	place, problems := placeOf(settings)
	mode, wrong := modeOf(settings, env)
	problems = append(problems, wrong...)
	if len(problems) > 0 {
		return authz.Part{}, problems
	}
	return authz.Part{
		Check:         &Check{place: place, judge: mode.judge},
		Name:          mode.name,
		Authenticates: true,
		Credentials:   []authz.Location{{Header: place.header}},
		SharedSecret:  true,
		Challenge:     place.challenge(),
		Unfit:         mode.unfit,
	}, nil
}

func modeOf(settings *policypb.Bearer, env *authz.Env) (mode, []authz.Problem) {
	jwt, introspection, own := settings.GetJwt(), settings.GetIntrospection(), settings.GetOwn()
	switch {
	case jwt != nil && introspection == nil && own == nil:
		return buildJWT(jwt, env)
	case introspection != nil && jwt == nil && own == nil:
		return buildIntrospection(introspection, env)
	case own != nil && jwt == nil && introspection == nil:
		return buildOwn(own, env)
	}
	return mode{}, []authz.Problem{mistake("", "want exactly one of jwt, introspection and own")}
}

func mistake(path, message string) authz.Problem {
	return authz.Problem{Path: path, Message: message, Code: "bearer"}
}
