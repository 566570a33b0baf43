// Package trace sends OpenTelemetry spans of decisions to a collector: one for
// each Check, joined to the gateway's trace by W3C Trace Context, and one for each
// question that a check asks another server.
//
// Only it knows OpenTelemetry. The adapter holds a [*Tracing], which is nil while
// tracing is off and then costs nothing. The packages under authz know none of it:
// what asks other servers is wrapped here, and the context tells whose span it is.
//
// A span tells what the decision log tells, and less: no header, body, query,
// credential or name of a sender. Spans wait in a queue of fixed size and are
// sent by a goroutine of its own, so a collector that is slow or gone loses spans
// and delays no Check.
package trace
