package gate_test

import (
	"testing"

	"google.golang.org/grpc/codes"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/server/gate"
)

// Each class has its code, and none is the one that allows.
func TestCode(t *testing.T) {
	want := map[authz.Class]codes.Code{
		authz.ClassInternal: codes.Internal, authz.ClassNotConfigured: codes.Internal,
		authz.ClassMissing: codes.Unauthenticated, authz.ClassMalformed: codes.Unauthenticated,
		authz.ClassInvalid: codes.Unauthenticated, authz.ClassStale: codes.Unauthenticated,
		authz.ClassForbidden: codes.PermissionDenied, authz.ClassNoPolicy: codes.PermissionDenied,
		authz.ClassAmbiguous: codes.InvalidArgument,
		authz.ClassTooLarge:  codes.ResourceExhausted, authz.ClassLimited: codes.ResourceExhausted,
		authz.ClassUnavailable: codes.Unavailable, authz.ClassReplayed: codes.AlreadyExists,
	}
	for _, class := range authz.Classes() {
		if got := codes.Code(gate.Code(class)); got != want[class] || got == codes.OK {
			t.Errorf("Code(%v) = %v, want %v", class, got, want[class])
		}
	}
}
