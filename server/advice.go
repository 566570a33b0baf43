package server

import (
	"errors"
	"fmt"
	"log/slog"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/secret"
)

// warnOfSecrets says which secrets of g have no value, and what to do about each.
// Their policies answer not_configured (500) until it is done.
func warnOfSecrets(g *generation, log *slog.Logger) {
	declared := map[string]secret.Declaration{}
	for _, d := range g.file.Secrets() {
		declared[d.Name] = d
	}
	for _, status := range g.status() {
		var unfit *authz.Denial
		if errors.As(status.Err, &unfit) && unfit.Reason().Class() == authz.ClassNotConfigured {
			log.Error("a secret can't be used: the policies that need it answer 500",
				slog.String("secret", status.Name), slog.String("reason", unfit.Reason().String()), slog.String("detail", unfit.Detail()))
			continue
		}
		fix := advice(declared[status.Name], status.State)
		if fix == "" {
			continue
		}
		log.Error("a secret has no value: the policies that need it answer 500",
			slog.String("secret", status.Name), slog.String("state", status.State.String()), slog.String("fix", fix))
	}
}

// advice says what to do about a secret that its source does not give, "" if
// there is nothing to do.
func advice(d secret.Declaration, state secret.State) string {
	switch {
	case d.Vault != nil:
		return vaultAdvice(d.Vault, d.Location(), state)
	case d.VaultPKI != nil:
		return pkiAdvice(d.VaultPKI, state)
	case d.File != nil:
		switch state {
		case secret.StateGone:
			return fmt.Sprintf("create the file %s", d.File.Path)
		case secret.StateDenied:
			return fmt.Sprintf("let this process read the file %s", d.File.Path)
		case secret.StateUnusable:
			return fmt.Sprintf("the file %s must be a regular file with the secret in it and nothing else", d.File.Path)
		default:
			return ""
		}
	case d.Env != nil:
		switch state {
		case secret.StateGone, secret.StateDenied, secret.StateUnusable:
			return fmt.Sprintf("set the environment variable %s and start again", d.Env.Name)
		default:
			return ""
		}
	}
	return ""
}

func vaultAdvice(v *secret.VaultLocation, loc secret.Location, state secret.State) string {
	api := loc.Mount + "/" + loc.Path
	if loc.KVVersion != 1 {
		api = loc.Mount + "/data/" + loc.Path
	}
	switch state {
	case secret.StateGone:
		return fmt.Sprintf("write it: vault kv put -mount=%s %s %s=-", loc.Mount, loc.Path, v.Field)
	case secret.StateDenied:
		return fmt.Sprintf(`permit it in our Vault policy: path %q { capabilities = ["read"] }`, api)
	case secret.StateUnusable:
		return fmt.Sprintf("field %q at %s must be there and hold text", v.Field, api)
	default:
		return ""
	}
}

func pkiAdvice(v *secret.PKILocation, state secret.State) string {
	mount := v.Mount
	if mount == "" {
		mount = secret.DefaultPKIMount
	}
	switch state {
	case secret.StateGone, secret.StateDenied:
		return fmt.Sprintf("is %q a PKI engine with an issuer %q? vault read %s/issuer/%s", mount, v.Issuer, mount, v.Issuer)
	case secret.StateUnusable:
		return fmt.Sprintf("the issuer %q at %s gives no certificate or revocation list that can be used", v.Issuer, mount)
	default:
		return ""
	}
}
