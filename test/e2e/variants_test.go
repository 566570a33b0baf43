//go:build e2e

package e2e

// Context extensions say of a route what policy.yaml states for all.
const maxBytesExtension = "hookauthz.max_request_bytes"

// failOpen lets requests pass that Envoy can't ask about.
var failOpen = variant{name: "fail-open", change: func(l listener) { l.filter()["failure_mode_allow"] = true }}

// variants are the listeners of the shared world besides "ingress". Each departs
// from the shipped one in what its name says.
func variants() []variant {
	return []variant{
		failOpen,
		{name: "fail-open-large", change: func(l listener) {
			l.filter()["failure_mode_allow"] = true
			l.body()["max_request_bytes"] = limit * 3 / 2
		}},
		{name: "huge", change: func(l listener) {
			l.body()["max_request_bytes"] = limit * 4
			l["per_connection_buffer_limit_bytes"] = limit * 8
		}},
		{name: "no-bytes", change: func(l listener) { delete(l.body(), "pack_as_bytes") }},
		{name: "merged-headers", change: func(l listener) { delete(l.filter(), "encode_raw_headers") }},
		{name: "partial", change: func(l listener) { l.body()["allow_partial_message"] = true }},
		{name: "no-body", change: func(l listener) { delete(l.filter(), "with_request_body") }},
		{name: "route-no-body", change: func(l listener) {
			settings := named("github")
			settings["disable_request_body_buffering"] = true
			l.add("path", "/hooks/github", settings)
		}},
		{name: "websocket", change: func(l listener) {
			l.http()["upgrade_configs"] = []any{tree{"upgrade_type": "websocket"}}
		}},
		{name: "prefixes", change: addDoors},
		{name: "raw-paths", change: func(l listener) {
			for _, setting := range []string{"normalize_path", "merge_slashes", "path_with_escaped_slashes_action"} {
				delete(l.http(), setting)
			}
		}},
		{name: "retries", change: func(l listener) {
			treeAt(l.filter(), "grpc_service")["retry_policy"] = tree{"num_retries": 2}
		}},
		{name: "misnamed", change: func(l listener) { l.add("path", "/hooks/github", named("githbu")) }},
		{name: "misattested", change: func(l listener) {
			settings := named("github")
			treeAt(settings, "context_extensions")[maxBytesExtension] = "1MiB"
			l.add("path", "/hooks/github", settings)
		}},
	}
}

// addDoors adds two routes for all that lies below a path, each with a policy of
// its own.
func addDoors(l listener) {
	l.add("path_separated_prefix", "/doors/weak", named("weak-door"))
	l.add("path_separated_prefix", "/doors/strong", named("strong-door"))
}

// limit is max_request_bytes of the shipped files.
const limit = 1 << 20
