package authz

// A Decision is the verdict on one request. Its zero value denies with
// [ReasonBug]. Only [Decide] makes one that allows, and only [Monitored] one that
// passes without.
type Decision struct {
	proven    bool
	monitored bool
	reason    Reason
	detail    string
	identity  Identity
}

// PanicDetail begins the detail of every denial that a recovered panic caused.
const PanicDetail = "panic"

// Denied returns a decision that denies. [ReasonVerified] is no reason to deny
// and becomes [ReasonBug].
func Denied(reason Reason, detail string) Decision {
	if reason == ReasonVerified {
		reason = ReasonBug
	}
	return Decision{reason: reason, detail: detail}
}

// DeniedBy is [Denied] with the reason of err, [ReasonBug] if it has none.
func DeniedBy(err error) Decision {
	result := judgeError(err)
	return Denied(result.reason, result.detail)
}

// allowed is the only constructor of an allow. It is called by Decide, once the
// whole tree has passed.
func allowed(identity Identity) Decision {
	return Decision{proven: true, reason: ReasonVerified, identity: identity}
}

// Monitored returns d as that of a policy which only watches: whatever the
// verdict, the request passes. It is for the policy's own verdict alone; a denial
// that came before a policy was found, or beside it, stays one.
func Monitored(d Decision) Decision {
	d.monitored = true
	return d
}

// Passes reports whether the request goes on to the upstream: it is allowed, or
// its policy only watches.
func (d Decision) Passes() bool { return d.Allowed() || d.monitored }

// IsMonitored reports whether d is of a policy that only watches.
func (d Decision) IsMonitored() bool { return d.monitored }

// Allowed reports whether what the policy requires was verified.
func (d Decision) Allowed() bool { return d.proven && d.reason == ReasonVerified }

// Reason returns why, [ReasonVerified] if allowed.
func (d Decision) Reason() Reason {
	if d.reason == ReasonVerified && !d.proven {
		return ReasonBug
	}
	return d.reason
}

// Class returns the answer class of a denial.
func (d Decision) Class() Class { return d.Reason().Class() }

// Detail explains the reason to operators. It holds nothing of the request.
func (d Decision) Detail() string { return d.detail }

// Identity returns who was verified. It is zero on a denial.
func (d Decision) Identity() Identity { return d.identity }
