package trace

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// A lookup reads a variable of the environment.
type lookup func(name string) (string, bool)

// get returns the value of the first name that is set. As the specification has
// it, an empty value is none.
func (l lookup) get(names ...string) (name, value string) {
	for _, name := range names {
		if value, _ := l(name); strings.TrimSpace(value) != "" {
			return name, strings.TrimSpace(value)
		}
	}
	return "", ""
}

// The variables that decide whether spans are sent, by what, and where to. Those
// of traces come before those of all signals.
const (
	varDisabled = "OTEL_SDK_DISABLED"
	varExporter = "OTEL_TRACES_EXPORTER"
	varSampler  = "OTEL_TRACES_SAMPLER"
	varRatio    = "OTEL_TRACES_SAMPLER_ARG"
	varResource = "OTEL_RESOURCE_ATTRIBUTES"

	otlp = "OTEL_EXPORTER_OTLP_"
)

// endpoint returns where spans go, nil if nowhere: tracing is off unless a
// variable names a collector. The error names every variable that can't be
// followed. It never holds the value of one that may be secret.
func (l lookup) endpoint() (*url.URL, error) {
	if _, disabled := l.get(varDisabled); strings.EqualFold(disabled, "true") {
		return nil, nil //nolint:nilnil // it is off, which is no error
	}
	_, exporter := l.get(varExporter)
	name, text := l.get(otlp+"TRACES_ENDPOINT", otlp+"ENDPOINT")
	if exporter == "none" || text == "" {
		return nil, nil //nolint:nilnil // as above
	}
	var mistakes []error
	if exporter != "" && exporter != "otlp" {
		mistakes = append(mistakes, fmt.Errorf("%s is %q: only otlp and none are known", varExporter, exporter))
	}
	if variable, protocol := l.get(otlp+"TRACES_PROTOCOL", otlp+"PROTOCOL"); protocol != "" && protocol != "grpc" {
		mistakes = append(mistakes, fmt.Errorf("%s is %q: spans are sent by grpc only; set it to grpc, and %s to the collector's port for gRPC, which is usually 4317", variable, protocol, name))
	}
	target, err := url.Parse(text)
	if err != nil || target.Host == "" || target.Scheme != "http" && target.Scheme != "https" {
		mistakes = append(mistakes, fmt.Errorf("%s must be a URL such as https://collector.example:4317 or, without TLS, http://127.0.0.1:4317", name))
		target = nil
	}
	mistakes = append(mistakes, l.pairs(otlp+"HEADERS", isToken), l.pairs(otlp+"TRACES_HEADERS", isToken),
		l.transport(target), l.sampler(), l.pairs(varResource, func(string) bool { return true }))
	if err := errors.Join(mistakes...); err != nil {
		return nil, err
	}
	return target, nil
}

// pairs looks at a list of key=value, such as the headers that are sent to the
// collector with each request. The library would print a value that it can't read,
// and it may be a credential.
func (l lookup) pairs(name string, isKey func(string) bool) error {
	_, text := l.get(name)
	if text == "" {
		return nil
	}
	for i, pair := range strings.Split(text, ",") {
		key, value, found := strings.Cut(pair, "=")
		_, err := url.PathUnescape(value)
		if !found || err != nil || !isKey(strings.TrimSpace(key)) {
			return fmt.Errorf("%s: entry %d is not key=value with a percent-encoded value", name, i+1)
		}
	}
	return nil
}

// isToken reports whether name may be a header's name.
func isToken(name string) bool {
	return name != "" && strings.IndexFunc(name, func(r rune) bool {
		return r <= ' ' || r > '~' || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, r)
	}) < 0
}

// sampler looks at what the library would answer by its default, which sends
// every span.
func (l lookup) sampler() error {
	known := []string{
		"always_on", "always_off", "traceidratio",
		"parentbased_always_on", "parentbased_always_off", "parentbased_traceidratio",
	}
	_, name := l.get(varSampler)
	if name = strings.ToLower(name); name == "" {
		return nil
	}
	if !slices.Contains(known, name) {
		return fmt.Errorf("%s is %q: known are %s", varSampler, name, strings.Join(known, ", "))
	}
	_, text := l.get(varRatio)
	if text == "" || !strings.HasSuffix(name, "traceidratio") {
		return nil
	}
	ratio, err := strconv.ParseFloat(text, 64)
	if err != nil || !(ratio >= 0 && ratio <= 1) {
		return fmt.Errorf("%s is %q: it must be a number from 0 to 1", varRatio, text)
	}
	return nil
}
