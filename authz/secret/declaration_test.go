package secret_test

import (
	"slices"
	"testing"

	"github.com/hookauthz/hookauthz/authz/secret"
)

func TestLocation(t *testing.T) {
	tests := []struct {
		name        string
		declaration secret.Declaration
		want        secret.Location
		field       string
		paths       []string
	}{
		{
			name: "Vault", declaration: secret.Declaration{Vault: &secret.VaultLocation{Path: "a/b", Field: "k"}},
			want:  secret.Location{Kind: secret.KindVault, Mount: "secret", KVVersion: 2, Path: "a/b"},
			field: "k", paths: []string{"secret/data/a/b"},
		},
		{
			name: "Vault, version 1", declaration: secret.Declaration{Vault: &secret.VaultLocation{Mount: "kv/one", Path: "a", Field: "k", KVVersion: 1}},
			want:  secret.Location{Kind: secret.KindVault, Mount: "kv/one", KVVersion: 1, Path: "a"},
			field: "k", paths: []string{"kv/one/a"},
		},
		{
			name: "PKI", declaration: secret.Declaration{VaultPKI: &secret.PKILocation{Issuer: "one"}},
			want:  secret.Location{Kind: secret.KindVaultPKI, Mount: "pki", Path: "one"},
			field: "certificate", paths: []string{"pki/issuer/one/json", "pki/issuer/one/crl"},
		},
		{
			name: "PKI, list", declaration: secret.Declaration{VaultPKI: &secret.PKILocation{Mount: "pki/int", Issuer: "one", Field: secret.FieldCRL}},
			want:  secret.Location{Kind: secret.KindVaultPKI, Mount: "pki/int", Path: "one"},
			field: "crl", paths: []string{"pki/int/issuer/one/json", "pki/int/issuer/one/crl"},
		},
		{
			name: "file", declaration: secret.Declaration{File: &secret.FileLocation{Path: "/run/s"}},
			want: secret.Location{Kind: secret.KindFile, Path: "/run/s"},
		},
		{
			name: "environment", declaration: secret.Declaration{Env: &secret.EnvLocation{Name: "S"}},
			want: secret.Location{Kind: secret.KindEnv, Path: "S"},
		},
		{name: "none"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := tt.declaration.Location()
			if got != tt.want || tt.declaration.Field() != tt.field {
				t.Errorf("Location() = %+v, Field() = %q, want %+v, %q", got, tt.declaration.Field(), tt.want, tt.field)
			}
			if paths := got.VaultPaths(); !slices.Equal(paths, tt.paths) {
				t.Errorf("VaultPaths() = %q, want %q", paths, tt.paths)
			}
		})
	}
}
