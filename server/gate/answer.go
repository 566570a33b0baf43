package gate

import "github.com/hookauthz/hookauthz/authz"

// BugStatus is the HTTP status of a denial that no policy had a say in, since
// something of ours is wrong.
const BugStatus = 500

// ErrorType is the content type of what [AppendError] makes.
const ErrorType = "application/json"

// AppendError appends the body of a denial whose policy states none. It depends
// on the status and the id only, so it tells a sender nothing of the reason.
func AppendError(dst []byte, status int, id string) []byte {
	dst = append(dst, `{"error":"`...)
	dst = append(dst, errorWord(status)...)
	dst = append(dst, `","decision_id":"`...)
	dst = append(dst, id...)
	return append(dst, `"}`...)
}

// errorWord is the one word that a sender is told of a status.
func errorWord(status int) string {
	switch status {
	case 400:
		return "bad_request"
	case 401:
		return "unauthorized"
	case 403:
		return "forbidden"
	case 404:
		return "not_found"
	case 409:
		return "conflict"
	case 413:
		return "too_large"
	case 429:
		return "limited"
	case 500:
		return "internal"
	case 503:
		return "unavailable"
	}
	return "denied"
}

// Code returns the code of google.rpc.Code for a class of denials. It is never 0,
// which would allow.
func Code(class authz.Class) uint32 {
	const invalidArgument, alreadyExists, permissionDenied, resourceExhausted, internal, unavailable, unauthenticated = 3, 6, 7, 8, 13, 14, 16
	switch class {
	case authz.ClassMissing, authz.ClassMalformed, authz.ClassInvalid, authz.ClassStale:
		return unauthenticated
	case authz.ClassForbidden, authz.ClassNoPolicy:
		return permissionDenied
	case authz.ClassAmbiguous:
		return invalidArgument
	case authz.ClassTooLarge, authz.ClassLimited:
		return resourceExhausted
	case authz.ClassReplayed:
		return alreadyExists
	case authz.ClassUnavailable:
		return unavailable
	case authz.ClassInternal, authz.ClassNotConfigured:
	}
	return internal
}
