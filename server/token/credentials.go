package token

import (
	"encoding/base64"
	"net/http"
	"strings"
)

// presented returns the client and the secret that a request presents, in the
// Authorization header or in the form (RFC 6749, section 2.3.1), but not in both.
func presented(r *http.Request, f form) (client, secret string, bad *refusal) {
	lines := r.Header.Values("Authorization")
	switch {
	case len(lines) > 1:
		return "", "", badRequest("header Authorization stands more than once")
	case len(lines) == 1:
		if f["client_secret"] != "" || f["client_assertion"] != "" {
			return "", "", badRequest("more than one way of client authentication")
		}
		client, secret, ok := parseBasic(lines[0])
		switch {
		case !ok:
			return "", "", badClient("header Authorization is not Basic with a client and a secret")
		case f["client_id"] != "" && f["client_id"] != client:
			return "", "", badRequest("client_id is not the client of header Authorization")
		}
		return client, secret, nil
	case f["client_assertion"] != "" && f["client_secret"] != "":
		return "", "", badRequest("more than one way of client authentication")
	case f["client_id"] == "" && f["client_secret"] == "":
		return "", "", badClient("no client authentication")
	case f["client_id"] == "" || f["client_secret"] == "":
		return "", "", badClient("client_id or client_secret is missing")
	}
	return f["client_id"], f["client_secret"], nil
}

// parseBasic reads the value of an Authorization header. Client and secret are
// form-encoded, which RFC 7617 alone would not have, and neither is empty.
func parseBasic(value string) (client, secret string, ok bool) {
	name, encoded, _ := strings.Cut(value, " ")
	if !strings.EqualFold(name, "Basic") || len(encoded) > maxBody {
		return "", "", false
	}
	pair, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if err != nil || strings.ContainsAny(encoded, "\r\n") {
		return "", "", false
	}
	rawClient, rawSecret, colon := strings.Cut(string(pair), ":")
	client, clientOK := unescape(rawClient)
	secret, secretOK := unescape(rawSecret)
	if !colon || !clientOK || !secretOK || client == "" || secret == "" {
		return "", "", false
	}
	return client, secret, true
}
