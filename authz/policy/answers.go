package policy

import (
	"slices"
	"strings"

	"github.com/hookauthz/hookauthz/authz"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

// An Answer is how a denial is answered.
type Answer struct {
	// Status is the HTTP status, 4xx or 5xx.
	Status int
	// Headers are added to the response, names in lower case.
	Headers []authz.Field
	// Body is the response's body if HasBody; else it is the JSON error.
	Body    string
	HasBody bool
}

// same reports whether a sender can't tell a from b.
func (a *Answer) same(b *Answer) bool {
	return a.Status == b.Status && a.HasBody == b.HasBody && a.Body == b.Body && slices.Equal(a.Headers, b.Headers)
}

// maxClass bounds arrays by class.
const maxClass = 16

// RetryAfter is how long, in seconds, an answer of class unavailable asks the
// sender to wait. Our own trouble is mostly over in seconds, and senders'
// schedules are longer anyway.
const RetryAfter = "5"

// defaultStatus is the status of each class where a policy states none.
var defaultStatus = [maxClass]int{ //nolint:gochecknoglobals // a table that nobody writes
	authz.ClassInternal:      500,
	authz.ClassMissing:       401,
	authz.ClassMalformed:     401,
	authz.ClassInvalid:       401,
	authz.ClassStale:         401,
	authz.ClassForbidden:     403,
	authz.ClassNoPolicy:      403,
	authz.ClassAmbiguous:     400,
	authz.ClassTooLarge:      413,
	authz.ClassNotConfigured: 500,
	authz.ClassUnavailable:   503,
	authz.ClassLimited:       429,
	authz.ClassReplayed:      409,
}

// defaultAnswers returns the answers of a policy that states none.
func defaultAnswers() [maxClass]Answer {
	var answers [maxClass]Answer
	for _, class := range authz.Classes() {
		answers[class].Status = defaultStatus[class]
	}
	for _, class := range []authz.Class{authz.ClassUnavailable, authz.ClassLimited} {
		answers[class].Headers = []authz.Field{{Name: "retry-after", Value: RetryAfter}}
	}
	return answers
}

// answerOf returns the answer of class; an unknown class is internal.
func answerOf(answers *[maxClass]Answer, class authz.Class) *Answer {
	if class >= maxClass || answers[class].Status == 0 {
		class = authz.ClassInternal
	}
	return &answers[class]
}

// compileAnswers lays the statements over each other, the first given winning,
// over the defaults. challenge goes with every 401.
func compileAnswers(challenge string, statements ...*policypb.Answers) [maxClass]Answer {
	answers := defaultAnswers()
	for _, statement := range slices.Backward(statements) {
		for class, answer := range stated(statement) {
			lay(&answers[class], answer)
		}
	}
	for i := range answers {
		if answers[i].Status == 401 && challenge != "" && !hasHeader(answers[i].Headers, "www-authenticate") {
			answers[i].Headers = append(answers[i].Headers, authz.Field{Name: "www-authenticate", Value: challenge})
		}
	}
	return answers
}

// stated returns the answers that a file gives, by class.
func stated(a *policypb.Answers) map[authz.Class]*policypb.Answer {
	all := map[authz.Class]*policypb.Answer{
		authz.ClassMissing:       a.GetMissing(),
		authz.ClassMalformed:     a.GetMalformed(),
		authz.ClassInvalid:       a.GetInvalid(),
		authz.ClassStale:         a.GetStale(),
		authz.ClassForbidden:     a.GetForbidden(),
		authz.ClassAmbiguous:     a.GetAmbiguous(),
		authz.ClassTooLarge:      a.GetTooLarge(),
		authz.ClassNotConfigured: a.GetNotConfigured(),
		authz.ClassLimited:       a.GetLimited(),
		authz.ClassReplayed:      a.GetReplayed(),
	}
	for class, answer := range all {
		if answer == nil {
			delete(all, class)
		}
	}
	return all
}

func lay(to *Answer, from *policypb.Answer) {
	if from.GetStatus() != 0 {
		to.Status = int(from.GetStatus())
	}
	for name, value := range from.GetHeaders() {
		name = strings.ToLower(name)
		to.Headers = slices.DeleteFunc(to.Headers, func(f authz.Field) bool { return f.Name == name })
		to.Headers = append(to.Headers, authz.Field{Name: name, Value: value})
	}
	slices.SortFunc(to.Headers, func(a, b authz.Field) int { return strings.Compare(a.Name, b.Name) })
	if from.Body != nil {
		to.Body, to.HasBody = from.GetBody(), true
		if !hasHeader(to.Headers, "content-type") {
			to.Headers = append(to.Headers, authz.Field{Name: "content-type", Value: "text/plain; charset=utf-8"})
		}
	}
}

func hasHeader(headers []authz.Field, name string) bool {
	return slices.ContainsFunc(headers, func(f authz.Field) bool { return f.Name == name })
}

// answerHeaderFlaw says why a file may not set a header in an answer, "" if it
// may.
func answerHeaderFlaw(name string) string {
	name = strings.ToLower(name)
	switch {
	case name == "content-length" || name == "transfer-encoding" || name == "connection" || name == "upgrade":
		return "frames the response and belongs to the gateway"
	case strings.HasPrefix(name, "x-hookauthz-") || strings.HasPrefix(name, "x-envoy-"):
		return "belongs to the server or the gateway"
	}
	return ""
}
