// Package document reads policy files: strict YAML, or JSON as its subset, into
// a protobuf message that keeps the place of every field.
//
// YAML by itself forgives too much for a file that decides who may pass: the
// last of two equal keys wins, a second document is ignored, nothing at all is
// an empty text. [Read] refuses whatever two readers could understand
// differently, and it decodes the very tree that it checked, so no second
// parser has to agree with the first. All mistakes of all files are found in
// one run, each with its file, line and column.
//
// A policy file never holds a secret, but people paste one where its name
// belongs. So a value is repeated in a message only if it is one of the words
// of its field, or close to one, or a name that the files declare; and a source
// line is shown only if nothing on it could be a secret.
package document
