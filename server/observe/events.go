package observe

import (
	"context"
	"log/slog"
	"time"

	"github.com/hookauthz/hookauthz/authz/secret"
)

// SecretEvents counts and logs what happens to secrets and to the connection to
// Vault. Ordinary failures of a read are counted and only logged in detail: while
// Vault is down there are many.
type SecretEvents struct {
	metrics *Metrics
	log     *slog.Logger
}

var _ secret.Observer = (*SecretEvents)(nil)

// NewSecretEvents returns an observer that counts in metrics and writes to log.
func NewSecretEvents(metrics *Metrics, log *slog.Logger) *SecretEvents {
	return &SecretEvents{metrics: metrics, log: log}
}

// Observe implements [secret.Observer].
func (s *SecretEvents) Observe(e secret.Event) {
	switch e.Type {
	case secret.EventRefreshFailed:
		s.metrics.SecretRefreshFailed(e.Reference)
		level := slog.LevelDebug
		// That we can't log in is told once, not for each secret.
		if e.Cause.Alarm() && e.Class != secret.ClassCredential {
			level = slog.LevelWarn
		}
		s.say(level, "a secret could not be read", e)
	case secret.EventStateChanged:
		s.say(levelOf(e), "a secret changed its state", e, slog.String("from", e.From.String()), slog.String("to", e.To.String()))
	case secret.EventRotated:
		s.say(slog.LevelInfo, "a secret has a new version", e, slog.Int("before", e.Before))
	case secret.EventVersionRegressed:
		s.metrics.SecretVersionRegressed(e.Reference)
		s.say(slog.LevelError, "a secret's version number fell: was it deleted and written anew, or a backup restored?", e, slog.Int("before", e.Before))
	case secret.EventRequest:
		s.metrics.VaultRequest(e.Operation, e.Duration)
	case secret.EventLogin, secret.EventRenewal:
		s.token(e)
	case secret.EventRevocation:
		s.say(levelIf(e.Err != nil, slog.LevelWarn, slog.LevelDebug), "the Vault token was given back", e)
	case secret.EventPanic:
		s.metrics.Panicked()
		s.say(slog.LevelError, "a goroutine panicked: please report this", e)
	}
}

func (s *SecretEvents) token(e secret.Event) {
	what := "logged in to Vault"
	if e.Type == secret.EventRenewal {
		what = "the Vault token was renewed"
	}
	if e.Result != secret.ResultOK {
		if e.Type == secret.EventRenewal {
			what = "the Vault token was not renewed"
		} else {
			what = "could not log in to Vault"
		}
		if fix := loginAdvice(e.Cause); fix != "" {
			s.say(slog.LevelError, what, e, slog.String("fix", fix))
			return
		}
		s.say(slog.LevelError, what, e)
		return
	}
	if e.TTL > 0 {
		s.metrics.VaultTokenEnds(time.Now().Add(e.TTL))
	} else {
		s.metrics.VaultTokenEnds(time.Time{})
	}
	s.say(levelIf(e.Type == secret.EventLogin, slog.LevelInfo, slog.LevelDebug), what, e, slog.Duration("ttl", e.TTL))
}

// loginAdvice says what to do about a login that failed, "" if waiting is all.
func loginAdvice(cause secret.Cause) string {
	switch cause {
	case secret.CauseRootToken:
		return "use a token that may only read what the policy file names; a root token wants --dev"
	case secret.CauseUses:
		return "use a token without a limit of uses"
	case secret.CauseRefused, secret.CauseToken:
		return "the token, or the role id and secret id, are not accepted any more: make new ones"
	case secret.CauseCredential:
		return "the file with the token, role id or secret id can't be read or is empty"
	case secret.CauseTLS:
		return "Vault's certificate does not hold: see --vault-cacert and --vault-tls-server-name"
	case secret.CauseNetwork, secret.CauseNotVault, secret.CauseRedirect:
		return "is VAULT_ADDR the address of a Vault that is up?"
	default:
		return ""
	}
}

// levelOf says how loud a change of state is. A start with many secrets must not
// fill the log.
func levelOf(e secret.Event) slog.Level {
	switch e.To {
	case secret.StateFresh:
		return levelIf(e.From == secret.StateLoading, slog.LevelDebug, slog.LevelInfo)
	case secret.StateStale:
		return slog.LevelInfo
	case secret.StateExpired, secret.StateGone, secret.StateDenied, secret.StateUnusable:
		// What is missing from the start is told with its fix.
		return levelIf(e.From == secret.StateLoading, slog.LevelDebug, slog.LevelError)
	case secret.StateLoading:
	}
	return slog.LevelDebug
}

func levelIf(condition bool, yes, no slog.Level) slog.Level {
	if condition {
		return yes
	}
	return no
}

// say logs what e holds.
func (s *SecretEvents) say(level slog.Level, message string, e secret.Event, more ...slog.Attr) {
	attrs := more
	if e.Reference != "" {
		attrs = append(attrs, slog.String("secret", e.Reference))
	}
	if e.Operation != "" {
		attrs = append(attrs, slog.String("operation", e.Operation))
	}
	if e.Version != 0 {
		attrs = append(attrs, slog.Int("version", e.Version))
	}
	if e.Result != "" {
		attrs = append(attrs, slog.String("result", e.Result))
	}
	if e.Err != nil {
		attrs = append(attrs, slog.String("error", e.Err.Error()))
	}
	s.log.LogAttrs(context.Background(), level, message, attrs...) //nolint:sloglint // every caller gives a constant
}
