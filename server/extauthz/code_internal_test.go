package extauthz

import (
	"testing"

	"google.golang.org/grpc/codes"

	"github.com/hookauthz/hookauthz/authz"
)

// Each class has its code, and none is the one that allows.
func TestGRPCCode(t *testing.T) {
	want := map[authz.Class]codes.Code{
		authz.ClassInternal: codes.Internal, authz.ClassNotConfigured: codes.Internal,
		authz.ClassMissing: codes.Unauthenticated, authz.ClassMalformed: codes.Unauthenticated,
		authz.ClassInvalid: codes.Unauthenticated, authz.ClassStale: codes.Unauthenticated,
		authz.ClassForbidden: codes.PermissionDenied, authz.ClassNoPolicy: codes.PermissionDenied,
		authz.ClassAmbiguous: codes.InvalidArgument,
		authz.ClassTooLarge:  codes.ResourceExhausted, authz.ClassLimited: codes.ResourceExhausted,
		authz.ClassUnavailable: codes.Unavailable,
	}
	for _, class := range authz.Classes() {
		if got := codes.Code(grpcCode(class)); got != want[class] || got == codes.OK {
			t.Errorf("grpcCode(%v) = %v, want %v", class, got, want[class])
		}
	}
}
