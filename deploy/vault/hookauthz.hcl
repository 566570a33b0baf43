# What hookauthz needs of Vault for deploy/envoy/policy.yaml: to read its secrets,
# to look at its own token, to renew it, and to give it back when it stops. The
# last three are in Vault's default policy as well.

path "secret/data/webhooks/*" {
  capabilities = ["read"]
}

path "auth/token/lookup-self" {
  capabilities = ["read"]
}

path "auth/token/renew-self" {
  capabilities = ["update"]
}

path "auth/token/revoke-self" {
  capabilities = ["update"]
}
