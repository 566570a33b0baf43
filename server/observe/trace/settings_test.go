package trace_test

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/hookauthz/hookauthz/server/observe/trace"
)

const canary = "c4n4ry"

// Tracing is off unless a collector is named, and what can't be followed is told
// at start.
func TestStart(t *testing.T) {
	const endpoint, url = "OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1"
	missing := t.TempDir() + "/" + canary
	tests := []struct {
		name string
		env  map[string]string
		on   bool
		err  []string // texts of the error
	}{
		{name: "nothing set"},
		{name: "empty endpoint", env: map[string]string{endpoint: " "}},
		{name: "endpoint", env: map[string]string{endpoint: url}, on: true},
		{name: "endpoint of traces", env: map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": url}, on: true},
		{name: "TLS", env: map[string]string{endpoint: "https://collector.example:4317"}, on: true},
		{name: "disabled", env: map[string]string{endpoint: url, "OTEL_SDK_DISABLED": "True"}},
		{name: "not disabled", env: map[string]string{endpoint: url, "OTEL_SDK_DISABLED": "false"}, on: true},
		{name: "no exporter", env: map[string]string{endpoint: url, "OTEL_TRACES_EXPORTER": "none"}},
		{name: "exporter", env: map[string]string{endpoint: url, "OTEL_TRACES_EXPORTER": "otlp"}, on: true},
		{name: "exporter without endpoint", env: map[string]string{"OTEL_TRACES_EXPORTER": "otlp"}},
		{name: "another exporter", env: map[string]string{endpoint: url, "OTEL_TRACES_EXPORTER": "zipkin"}, err: []string{"OTEL_TRACES_EXPORTER", `"zipkin"`}},
		{name: "grpc", env: map[string]string{endpoint: url, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, on: true},
		{name: "http", env: map[string]string{endpoint: url, "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}, err: []string{"OTEL_EXPORTER_OTLP_PROTOCOL", "by grpc only", "4317"}},
		{
			name: "the protocol of traces comes first", on: true,
			env: map[string]string{endpoint: url, "OTEL_EXPORTER_OTLP_PROTOCOL": "http/json", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "grpc"},
		},
		{name: "http while it is off", env: map[string]string{"OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}},
		{name: "no URL", env: map[string]string{endpoint: "127.0.0.1:4317"}, err: []string{endpoint, "must be a URL"}},
		{name: "no host", env: map[string]string{endpoint: "collector:4317"}, err: []string{endpoint, "must be a URL"}},
		{name: "another scheme", env: map[string]string{endpoint: "ftp://" + canary + "@x"}, err: []string{"must be a URL"}},
		{name: "headers", env: map[string]string{endpoint: url, "OTEL_EXPORTER_OTLP_HEADERS": "authorization=Bearer%20x,a=b=c"}, on: true},
		{name: "header without a value", env: map[string]string{endpoint: url, "OTEL_EXPORTER_OTLP_HEADERS": "a=b," + canary}, err: []string{"OTEL_EXPORTER_OTLP_HEADERS: entry 2"}},
		{name: "header not encoded", env: map[string]string{endpoint: url, "OTEL_EXPORTER_OTLP_TRACES_HEADERS": "a=%zz" + canary}, err: []string{"OTEL_EXPORTER_OTLP_TRACES_HEADERS: entry 1"}},
		{name: "header's name", env: map[string]string{endpoint: url, "OTEL_EXPORTER_OTLP_HEADERS": canary + " x=1"}, err: []string{"entry 1"}},
		{name: "TLS named and switched off", env: map[string]string{endpoint: "https://collector.example:4317", "OTEL_EXPORTER_OTLP_INSECURE": "True"}, err: []string{"OTEL_EXPORTER_OTLP_INSECURE", "https"}},
		{name: "TLS of traces switched off", env: map[string]string{endpoint: "https://collector.example:4317", "OTEL_EXPORTER_OTLP_TRACES_INSECURE": "true"}, err: []string{"OTEL_EXPORTER_OTLP_TRACES_INSECURE"}},
		{name: "TLS not switched off", env: map[string]string{endpoint: "https://collector.example:4317", "OTEL_EXPORTER_OTLP_INSECURE": "false"}, on: true},
		{name: "no TLS, said twice", env: map[string]string{endpoint: url, "OTEL_EXPORTER_OTLP_INSECURE": "true"}, on: true},
		{name: "TLS switched on without https", env: map[string]string{endpoint: url, "OTEL_EXPORTER_OTLP_TRACES_INSECURE": "false"}, err: []string{"OTEL_EXPORTER_OTLP_TRACES_INSECURE", "http"}},
		{name: "no such authorities", env: map[string]string{endpoint: url, "OTEL_EXPORTER_OTLP_CERTIFICATE": missing}, err: []string{"OTEL_EXPORTER_OTLP_CERTIFICATE", "PEM"}},
		{name: "no authorities in the file", env: map[string]string{endpoint: url, "OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE": "settings_test.go"}, err: []string{"OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE", "PEM"}},
		{name: "no such client certificate", env: map[string]string{endpoint: url, "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE": missing, "OTEL_EXPORTER_OTLP_CLIENT_KEY": missing}, err: []string{"OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", "OTEL_EXPORTER_OTLP_CLIENT_KEY"}},
		{name: "client certificate without key", env: map[string]string{endpoint: url, "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE": missing}, err: []string{"OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", "OTEL_EXPORTER_OTLP_CLIENT_KEY"}},
		{name: "odd timeout", env: map[string]string{endpoint: url, "OTEL_EXPORTER_OTLP_TIMEOUT": "10s"}, err: []string{"OTEL_EXPORTER_OTLP_TIMEOUT", "milliseconds"}},
		{name: "timeout", env: map[string]string{endpoint: url, "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT": "100"}, on: true},
		{name: "odd compression", env: map[string]string{endpoint: url, "OTEL_EXPORTER_OTLP_COMPRESSION": "zstd"}, err: []string{"OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"}},
		{name: "compression", env: map[string]string{endpoint: url, "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip"}, on: true},
		{name: "sampler", env: map[string]string{endpoint: url, "OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.1"}, on: true},
		{name: "unknown sampler", env: map[string]string{endpoint: url, "OTEL_TRACES_SAMPLER": "jaeger_remote"}, err: []string{"OTEL_TRACES_SAMPLER", "always_on"}},
		{name: "odd ratio", env: map[string]string{endpoint: url, "OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "NaN"}, err: []string{"OTEL_TRACES_SAMPLER_ARG"}},
		{name: "resource", env: map[string]string{endpoint: url, "OTEL_RESOURCE_ATTRIBUTES": "a=b,c=d%20e"}, on: true},
		{name: "odd resource", env: map[string]string{endpoint: url, "OTEL_RESOURCE_ATTRIBUTES": "a=b,c"}, err: []string{"OTEL_RESOURCE_ATTRIBUTES: entry 2"}},
		{
			name: "all mistakes at once", env: map[string]string{endpoint: "x", "OTEL_TRACES_EXPORTER": "console", "OTEL_TRACES_SAMPLER": "x"},
			err: []string{"must be a URL", "OTEL_TRACES_EXPORTER", "OTEL_TRACES_SAMPLER"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for name, value := range tt.env {
				t.Setenv(name, value)
			}
			lookup := func(name string) (string, bool) { value, ok := tt.env[name]; return value, ok }
			tracing, err := trace.Start(t.Context(), lookup, slog.New(slog.DiscardHandler))
			defer func() {
				if err := tracing.Close(t.Context()); err != nil {
					t.Errorf("Close: %v", err)
				}
			}()
			if got := tracing != nil; got != tt.on {
				t.Errorf("tracing is on = %v, want %v", got, tt.on)
			}
			if (err != nil) != (len(tt.err) > 0) {
				t.Fatalf("error = %v", err)
			}
			for _, text := range tt.err {
				if !strings.Contains(err.Error(), text) {
					t.Errorf("error = %q, want it to hold %q", err, text)
				}
			}
			if err != nil && strings.Contains(err.Error(), canary) {
				t.Errorf("the error repeats what may be secret: %v", err)
			}
		})
	}
}
