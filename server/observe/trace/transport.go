package trace

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"strings"
)

// signals are what stands before a variable's name that holds for all signals,
// and for traces.
func signals() []string { return []string{otlp, otlp + "TRACES_"} }

// transport looks at how requests go to the collector. What the library can't
// follow it leaves out, and goes on without: without TLS, say, or without the
// certificate by which the collector knows us.
func (l lookup) transport(target *url.URL) error {
	var mistakes []error
	for _, signal := range signals() {
		mistakes = append(mistakes,
			l.secure(signal+"INSECURE", target),
			l.authorities(signal+"CERTIFICATE"),
			l.keyPair(signal+"CLIENT_CERTIFICATE", signal+"CLIENT_KEY"))
		if name, text := l.get(signal + "TIMEOUT"); text != "" {
			if n, err := strconv.Atoi(text); err != nil || n < 0 {
				mistakes = append(mistakes, fmt.Errorf("%s is %q: it must be a number of milliseconds", name, text))
			}
		}
		if name, text := l.get(signal + "COMPRESSION"); text != "" && text != "gzip" && text != "none" {
			mistakes = append(mistakes, fmt.Errorf("%s is %q: only gzip and none are known", name, text))
		}
	}
	return errors.Join(mistakes...)
}

// secure refuses a variable that says otherwise than the URL: the library would
// obey it, and send the headers of an https URL in the clear.
func (l lookup) secure(name string, target *url.URL) error {
	_, text := l.get(name)
	if text == "" || target == nil || strings.EqualFold(text, "true") == (target.Scheme == "http") {
		return nil
	}
	return fmt.Errorf("%s is %q, but the collector's URL begins with %s: remove the variable", name, text, target.Scheme)
}

// authorities looks at the file of those that may vouch for the collector.
func (l lookup) authorities(name string) error {
	_, path := l.get(name)
	if path == "" {
		return nil
	}
	text, err := os.ReadFile(path) //nolint:gosec // the operator names the file
	if err != nil || !x509.NewCertPool().AppendCertsFromPEM(text) {
		return fmt.Errorf("%s must name a file that can be read and holds certificates in PEM", name)
	}
	return nil
}

// keyPair looks at the files by which the collector knows us.
func (l lookup) keyPair(certificate, key string) error {
	_, public := l.get(certificate)
	_, private := l.get(key)
	if public == "" && private == "" {
		return nil
	}
	if _, err := tls.LoadX509KeyPair(public, private); err != nil {
		return fmt.Errorf("%s and %s must name files that can be read and hold a certificate and its key in PEM", certificate, key)
	}
	return nil
}
