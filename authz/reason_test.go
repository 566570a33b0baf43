package authz_test

import (
	"errors"
	"regexp"
	"testing"

	"github.com/hookauthz/hookauthz/authz"
)

// word is the form of what logs, metrics and policy files use.
var word = regexp.MustCompile(`^[a-z][a-z0-9]*(_[a-z0-9]+)*$`)

var sentinels = map[error]string{
	authz.ErrAbsent: "absent", authz.ErrUnmatched: "unmatched", authz.ErrRejected: "rejected",
	authz.ErrNotConfigured: "not configured", authz.ErrUnavailable: "unavailable",
}

// groups says which results a class may have; what is not listed is internal
// trouble and matches no sentinel.
var groups = map[authz.Class]string{
	authz.ClassMalformed: "rejected", authz.ClassInvalid: "rejected", authz.ClassStale: "rejected",
	authz.ClassNoPolicy: "rejected", authz.ClassAmbiguous: "rejected", authz.ClassTooLarge: "rejected",
	authz.ClassNotConfigured: "not configured", authz.ClassUnavailable: "unavailable",
	authz.ClassForbidden: "rejected", authz.ClassLimited: "rejected", authz.ClassReplayed: "rejected",
}

// exceptions are the reasons whose result is not their class's.
var exceptions = map[authz.Reason]string{
	authz.ReasonCredentialMissing: "absent", authz.ReasonPartMissing: "rejected",
	authz.ReasonIPNotAllowed: "unmatched",
}

func TestReasons(t *testing.T) {
	seen := map[string]authz.Reason{}
	used := map[authz.Class]bool{}
	for i, reason := range authz.Reasons() {
		if int(reason) != i {
			t.Errorf("Reasons()[%d] = %d", i, reason)
		}
		text := reason.String()
		if !word.MatchString(text) {
			t.Errorf("reason %d is %q, want lower-case words", reason, text)
		}
		if other, twice := seen[text]; twice {
			t.Errorf("reasons %d and %d are both %q", other, reason, text)
		}
		seen[text] = reason
		used[reason.Class()] = true

		want := groups[reason.Class()]
		if special, ok := exceptions[reason]; ok {
			want = special
		}
		got := ""
		for sentinel, name := range sentinels {
			if errors.Is(authz.Deny(reason, ""), sentinel) {
				got += name
			}
		}
		if got != want {
			t.Errorf("%v matches %q, want %q", reason, got, want)
		}
	}
	if authz.ReasonVerified.Class() != authz.ClassInternal {
		t.Errorf("ReasonVerified.Class() = %v, want %v", authz.ReasonVerified.Class(), authz.ClassInternal)
	}
	for _, class := range authz.Classes() {
		if !used[class] {
			t.Errorf("no reason has class %v", class)
		}
	}
}

func TestClasses(t *testing.T) {
	seen := map[string]bool{}
	for i, class := range authz.Classes() {
		text := class.String()
		if int(class) != i || !word.MatchString(text) || seen[text] {
			t.Errorf("Classes()[%d] = %d %q", i, class, text)
		}
		seen[text] = true
	}
	if len(seen) != 13 {
		t.Errorf("%d classes, want 13", len(seen))
	}
}

// A number that is no reason, as memory corruption or a wrong conversion gives.
func TestUnknownReason(t *testing.T) {
	for _, reason := range []authz.Reason{authz.ReasonVerified + 1, 255} {
		if reason.String() != "bug" || reason.Class() != authz.ClassInternal {
			t.Errorf("Reason(%d) = %v %v, want bug, internal", reason, reason, reason.Class())
		}
		if authz.Denied(reason, "").Allowed() || authz.DeniedBy(authz.Deny(reason, "")).Allowed() {
			t.Errorf("Reason(%d) allows", reason)
		}
	}
	if got := authz.Class(200).String(); got != "internal" {
		t.Errorf("Class(200) = %q, want internal", got)
	}
}

func TestDenial(t *testing.T) {
	denial := authz.Deny(authz.ReasonSecretWeak, "16 bytes")
	if denial.Reason() != authz.ReasonSecretWeak || denial.Detail() != "16 bytes" {
		t.Errorf("Deny() = %v, %q", denial.Reason(), denial.Detail())
	}
	if got, want := denial.Error(), "secret_weak: 16 bytes"; got != want {
		t.Errorf("Error() = %q, want %q", got, want)
	}
	if got, want := authz.Deny(authz.ReasonSecretWeak, "").Error(), "secret_weak"; got != want {
		t.Errorf("Error() = %q, want %q", got, want)
	}
	var none *authz.Denial
	if errors.Is(none, authz.ErrRejected) || errors.Is(denial, nil) {
		t.Error("matches what it should not")
	}
}
