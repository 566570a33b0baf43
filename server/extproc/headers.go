package extproc

import (
	"net/url"
	"strings"

	corepb "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	extprocpb "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/server/gate"
)

// fill sets what the headers say of r. The error is a denial. What it set so far
// is there in either case, for the log.
func fill(r *authz.Request, headers *corepb.HeaderMap) error {
	lines := headers.GetHeaders()
	r.Header.Fields = make([]authz.Field, 0, min(len(lines), gate.MaxHeaderFields))
	var pseudo pseudoHeaders
	bytes := 0
	for _, line := range lines {
		name, value, err := lineOf(line)
		if err != nil {
			return err
		}
		bytes += len(name) + len(value)
		if len(r.Header.Fields) == gate.MaxHeaderFields || bytes > gate.MaxHeaderBytes {
			return authz.Deny(authz.ReasonShapeAmbiguous, "the request has too many or too long headers")
		}
		if strings.HasPrefix(name, ":") {
			if err := pseudo.set(r, name, value); err != nil {
				return err
			}
			continue
		}
		switch gate.Classify(name) {
		case gate.NameLower:
		case gate.NameUpper:
			name = strings.ToLower(name)
		case gate.NameOdd:
			return authz.Deny(authz.ReasonShapeAmbiguous, "a header's name is not a token")
		}
		if gate.BreaksLine(value) {
			return authz.Deny(authz.ReasonShapeAmbiguous, "a header's value has a line break or a NUL byte")
		}
		if name == gate.PartialBody {
			continue // of another filter; from here it would be the sender's
		}
		r.Header.Fields = append(r.Header.Fields, authz.Field{Name: name, Value: value})
	}
	if r.Path == "" {
		return authz.Deny(authz.ReasonPathAmbiguous, "the request has no path")
	}
	if r.Method == "" {
		return authz.Deny(authz.ReasonShapeAmbiguous, "the request has no method")
	}
	return nil
}

// lineOf returns a header line. Envoy writes raw_value; value is there for older
// ones.
func lineOf(line *corepb.HeaderValue) (name, value string, err error) {
	value = string(line.GetRawValue())
	if value == "" {
		value = line.GetValue()
	} else if line.GetValue() != "" && line.GetValue() != value {
		return "", "", authz.Deny(authz.ReasonShapeAmbiguous, "the gateway gave a header line two values")
	}
	return line.GetKey(), value, nil
}

// pseudoHeaders are those that were set: each stands once.
type pseudoHeaders struct{ method, scheme, authority, path bool }

func (p *pseudoHeaders) set(r *authz.Request, name, value string) error {
	var seen *bool
	var to *string
	switch name {
	case ":method":
		seen, to = &p.method, &r.Method
	case ":scheme":
		seen, to = &p.scheme, &r.Scheme
	case ":authority":
		seen, to = &p.authority, &r.Host
	case ":path":
		seen, to = &p.path, &r.Path
	default:
		return nil
	}
	if *seen || gate.BreaksLine(value) {
		return authz.Deny(authz.ReasonShapeAmbiguous, "a pseudo-header stands twice, or has a line break")
	}
	*seen, *to = true, value
	return nil
}

// attributesKey is where Envoy puts the attributes that the filter's
// request_attributes name.
const attributesKey = "envoy.filters.http.ext_proc"

// The attributes that are read. source.address is not among them: here Envoy takes
// it from X-Forwarded-For, which a sender may have written.
const (
	attributeProtocol    = "request.protocol"
	attributeCertificate = "connection.peer_certificate"
	attributePolicy      = "xds.route_metadata.filter_metadata['hookauthz'].policy"
)

// describe sets what the attributes say of r and returns the policy's name in the
// route's metadata. The error is a denial.
func describe(r *authz.Request, message *extprocpb.ProcessingRequest) (gate.Name, error) {
	attributes := message.GetAttributes()[attributesKey].GetFields()
	r.Protocol = attributes[attributeProtocol].GetStringValue()
	if pem := attributes[attributeCertificate].GetStringValue(); pem != "" {
		if len(pem) > gate.MaxCertificateBytes {
			return gate.Name{}, authz.Deny(authz.ReasonShapeAmbiguous, "the client's certificate is over 64 KiB")
		}
		r.Certificate = strings.ReplaceAll(url.QueryEscape(pem), "+", "%20")
	}
	return nameOf(attributes[attributePolicy]), nil
}

func nameOf(value *structpb.Value) gate.Name {
	if value == nil {
		return gate.Name{}
	}
	text, ok := value.GetKind().(*structpb.Value_StringValue)
	if !ok {
		return gate.Name{Present: true}
	}
	return gate.Name{Present: true, Valid: true, Text: text.StringValue}
}
