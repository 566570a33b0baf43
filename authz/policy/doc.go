// Package policy turns policy files into an immutable [Table] and finds the
// policy of a request.
//
// [ReadPath] reads, validates and trial-compiles a file or a directory and
// reports every mistake at once. [File.Table] then compiles it with the secrets
// that the process provides. A Table never changes: a reload makes a new one.
package policy
