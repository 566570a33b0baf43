package authztest

import (
	"testing"

	"github.com/hookauthz/hookauthz/authz"
)

// WantReason fails the test unless err, as a check returned it, has that reason;
// [authz.ReasonVerified] wants no error.
func WantReason(tb testing.TB, err error, want authz.Reason) {
	tb.Helper()
	got := authz.ReasonVerified
	if err != nil {
		got = authz.DeniedBy(err).Reason()
	}
	if got != want {
		tb.Errorf("error = %v, want %v", err, want)
	}
}
