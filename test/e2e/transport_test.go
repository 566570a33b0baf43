//go:build e2e

package e2e

import (
	"path/filepath"
	"testing"

	"github.com/hookauthz/hookauthz/authz"
)

// Between machines Envoy and hookauthz know each other by certificate.
func TestMutualTLS(t *testing.T) {
	t.Parallel()
	ours, others := newAuthority(t, nil), newAuthority(t, nil)
	server := ours.issue(t, dns("hookauthz.internal"))
	flags := []string{
		"--tls-cert=" + server.cert, "--tls-key=" + server.key,
		"--tls-client-ca=" + ours.file, "--tls-client-san=envoy.internal,spiffe://example/other",
	}
	client := ours.issue(t, dns("envoy.internal"))
	tests := []struct {
		name    string
		cluster func(tree)
		refused bool
	}{
		{name: "right", cluster: tlsCluster(ours.file, client, "hookauthz.internal")},
		{name: "client with another name", cluster: tlsCluster(ours.file, ours.issue(t, dns("somebody.internal")), "hookauthz.internal"), refused: true},
		{name: "client of another authority", cluster: tlsCluster(ours.file, others.issue(t, dns("envoy.internal")), "hookauthz.internal"), refused: true},
		{name: "client without certificate", cluster: tlsCluster(ours.file, nil, "hookauthz.internal"), refused: true},
		{name: "server with another name", cluster: tlsCluster(ours.file, client, "vault.internal"), refused: true},
		{name: "plain text", cluster: nil, refused: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, setup{flags: flags, cluster: tt.cluster})
			got := w.send(t, github(event))
			if tt.refused {
				w.refused(t, got, 503, "ext_authz_error")
				return
			}
			w.allowed(t, got)
			w.denied(t, w.send(t, tampered(github(event))), 401, authz.ReasonSignatureMismatch)
		})
	}
}

// tlsCluster makes Envoy speak TLS with hookauthz, as the shipped file has it in
// its comments.
func tlsCluster(ca string, client *certificate, san string) func(tree) {
	return func(cluster tree) {
		common := tree{"validation_context": tree{
			"trusted_ca":                    tree{"filename": ca},
			"match_typed_subject_alt_names": []any{tree{"san_type": "DNS", "matcher": tree{"exact": san}}},
		}}
		if client != nil {
			common["tls_certificates"] = []any{tree{
				"certificate_chain": tree{"filename": client.cert}, "private_key": tree{"filename": client.key},
			}}
		}
		cluster["transport_socket"] = tree{"name": "envoy.transport_sockets.tls", "typed_config": tree{
			"@type":              "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
			"sni":                "hookauthz.internal",
			"common_tls_context": common,
		}}
	}
}

// Beside Envoy a socket in a folder of its own will do.
func TestUnixSocket(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{flags: []string{"--listen=unix://" + filepath.Join(run.folder, "grpc.sock")}})
	w.allowed(t, w.send(t, github(event)))
	w.allowed(t, w.send(t, github(large(limit-1))))
	w.denied(t, w.send(t, tampered(github(event))), 401, authz.ReasonSignatureMismatch)
	w.servers[0].kill()
	w.refused(t, w.send(t, github(event)), 503, "ext_authz_error")
}
