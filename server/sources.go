package server

import (
	"context"
	"fmt"
	"os"

	"github.com/hookauthz/hookauthz/authz/secret"
	"github.com/hookauthz/hookauthz/authz/secret/env"
	"github.com/hookauthz/hookauthz/authz/secret/file"
	"github.com/hookauthz/hookauthz/authz/secret/vault"
	"github.com/hookauthz/hookauthz/server/config"
)

// sources returns what secrets are read from, and the client of Vault, which must
// run; it is nil if Vault is not configured.
func sources(v config.Vault, dev bool, observer secret.Observer) (map[secret.Kind]secret.Source, *vault.Client, error) {
	all := map[secret.Kind]secret.Source{
		secret.KindFile: file.New(),
		secret.KindEnv:  env.New(os.LookupEnv),
	}
	if !v.Usable() {
		return all, nil, nil
	}
	mount := ""
	if v.Auth == vault.AuthAppRole {
		mount = v.Mount
	}
	client, err := vault.New(vault.Config{
		Address: v.Address, Namespace: v.Namespace,
		CACert: v.CACert, CAPath: v.CAPath, ClientCert: v.ClientCert, ClientKey: v.ClientKey,
		TLSServerName: v.TLSServerName, SkipVerify: v.SkipVerify,
		Auth: v.Auth, Token: v.Token, TokenFile: v.TokenFile, AuthMount: mount,
		RoleIDFile: v.RoleIDFile, SecretIDFile: v.SecretIDFile,
		Dev: dev, Observer: observer,
	})
	if err != nil {
		return nil, nil, fmt.Errorf("prepare the Vault client: %w", err)
	}
	all[secret.KindVault], all[secret.KindVaultPKI] = client, client
	return all, client, nil
}

// runVault keeps us logged in until ctx is done and gives the token back.
func (p *process) runVault(ctx context.Context) {
	if err := p.vault.Run(ctx); err != nil {
		p.failed <- fmt.Errorf("run the Vault client: %w", err)
	}
}
