//go:build e2e

package e2e

import (
	"slices"
	"strings"
)

// Names of the listeners whose bodies the external processor may replace.
const (
	processing    = "processing"
	processingTLS = "processing-tls" // takes whatever certificate is shown, or none
)

// processors are these listeners.
func (p *proofWorld) processors(s scope) []variant {
	s.Helper()
	policies := slices.Clone(payloadPolicies)
	for _, one := range p.proven() {
		policies = append(policies, one.name+payloadSuffix)
	}
	change := byProcessor(policies)
	server := p.ours.issue(s, dns("hooks.example.com"))
	untrusted := tree{"trusted_ca": tree{"filename": p.ours.file}, "trust_chain_verification": "ACCEPT_UNTRUSTED"}
	return []variant{
		{name: processing, change: change},
		{name: processingTLS, change: func(l listener) {
			l.secure(server, untrusted, false)
			change(l)
		}},
	}
}

// payloadPolicies are those whose payload takes the body's place.
var payloadPolicies = []string{"jwe-payload-sibling", "jwe-payload-inner", "jwe-payload-shared", "jws-payload", "jwe-watched"}

// byProcessor has every route of l ask the external processor in place of
// ext_authz. The routes are those of policies.
func byProcessor(policies []string) func(listener) {
	const (
		types  = "type.googleapis.com/envoy.extensions.filters.http.ext_proc.v3."
		filter = "envoy.filters.http.ext_proc"
	)
	return func(l listener) {
		listAt(l.http(), "http_filters")[0] = tree{"name": filter, "typed_config": tree{
			"@type":              types + "ExternalProcessor",
			"grpc_service":       tree{"envoy_grpc": tree{"cluster_name": "hookauthz"}, "timeout": "5s"},
			"message_timeout":    "5s",
			"status_on_error":    tree{"code": "ServiceUnavailable"},
			"request_attributes": []any{"request.protocol", "connection.peer_certificate"},
			"processing_mode": tree{
				"request_header_mode": "SEND", "request_body_mode": "BUFFERED", "request_trailer_mode": "SEND",
				"response_header_mode": "SKIP", "response_body_mode": "NONE", "response_trailer_mode": "SKIP",
			},
			"metadata_options": tree{"receiving_namespaces": tree{"untyped": []any{filter}}},
		}}
		format := treeAt(l.http(), "access_log.0.typed_config.log_format.json_format")
		for field, value := range format {
			if text, ok := value.(string); ok {
				format[field] = strings.ReplaceAll(text, "envoy.filters.http.ext_authz", filter)
			}
		}
		var routes []any
		for _, policy := range policies {
			routes = append(routes, tree{
				"match": tree{"path": "/e2e/" + policy}, "route": tree{"cluster": "app"},
				"typed_per_filter_config": tree{filter: tree{
					"@type": types + "ExtProcPerRoute",
					"overrides": tree{"grpc_initial_metadata": []any{
						tree{"key": "x-hookauthz-policy", "value": policy},
						tree{"key": "x-hookauthz-trailers", "value": "send"},
					}},
				}},
			})
		}
		l.host()["routes"] = routes
	}
}
