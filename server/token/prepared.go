package token

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"

	"github.com/hookauthz/hookauthz/authz/policy"
)

// A route is what a path leads to.
type route uint8

const (
	routeNone route = iota
	routeToken
	routeRevoke
	routeKeys
	routeMetadata
)

// prepared is what is derived once of an endpoint. nil: there is none.
type prepared struct {
	endpoint  *policy.TokenEndpoint
	clients   *clients
	routes    map[string]route
	metadata  []byte
	published atomic.Pointer[publication]
}

// prepare returns what is derived of the endpoint in use. Of two requests that
// come first at once, both derive it.
func (h *Handler) prepare() *prepared {
	endpoint := h.Endpoint()
	if endpoint == nil {
		return nil
	}
	if p := h.current.Load(); p != nil && p.endpoint == endpoint {
		return p
	}
	p := newPrepared(endpoint)
	h.current.Store(p)
	return p
}

// wellKnown is put between host and path of the issuer (RFC 8414, section 3).
// Some clients append it to the issuer, as OpenID Connect Discovery does with its
// own.
const wellKnown = "/.well-known/oauth-authorization-server"

func newPrepared(endpoint *policy.TokenEndpoint) *prepared {
	path := ""
	if u, err := url.Parse(endpoint.Issuer); err == nil { // the policy file's own rule is stricter
		path = strings.TrimSuffix(u.Path, "/")
	}
	p := &prepared{endpoint: endpoint, clients: newClients(endpoint), routes: map[string]route{
		path + "/token":  routeToken,
		wellKnown + path: routeMetadata,
		path + wellKnown: routeMetadata,
	}}
	if endpoint.Opaque {
		p.routes[path+"/revoke"] = routeRevoke
	} else {
		p.routes[path+"/jwks.json"] = routeKeys
	}
	p.metadata = metadataOf(endpoint)
	return p
}

// route returns where the path of r leads. Paths are compared as they were sent.
func (p *prepared) route(r *http.Request) route {
	if p == nil {
		return routeNone
	}
	return p.routes[r.URL.EscapedPath()]
}

// metadata is what RFC 8414, section 2, says of an authorization server.
type metadata struct {
	Issuer     string   `json:"issuer"`
	Token      string   `json:"token_endpoint"`
	Revocation string   `json:"revocation_endpoint,omitempty"`
	Keys       string   `json:"jwks_uri,omitempty"`
	Responses  []string `json:"response_types_supported"`
	Grants     []string `json:"grant_types_supported"`
	Methods    []string `json:"token_endpoint_auth_methods_supported"`
	Revocators []string `json:"revocation_endpoint_auth_methods_supported,omitempty"`
}

func metadataOf(endpoint *policy.TokenEndpoint) []byte {
	methods := []string{"client_secret_basic", "client_secret_post"}
	m := metadata{
		Issuer: endpoint.Issuer, Token: endpoint.Issuer + "/token",
		Responses: []string{}, Grants: []string{grantType}, Methods: methods,
	}
	if endpoint.Opaque {
		m.Revocation, m.Revocators = endpoint.Issuer+"/revoke", methods
	} else {
		m.Keys = endpoint.Issuer + "/jwks.json"
	}
	text, err := json.Marshal(m)
	if err != nil { // not of texts
		return []byte("{}")
	}
	return text
}
