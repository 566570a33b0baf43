package clientcert

import (
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/spiffe/go-spiffe/v2/spiffeid"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/scheme/chain"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

// Kind returns what authz/builtin lists for this package.
func Kind() authz.Kind { return authz.NewKind("client_certificate", "clientcert", build) }

const sourceXFCC = "xfcc"

func build(settings *policypb.ClientCertificate, env *authz.Env) (authz.Part, []authz.Problem) {
	refs, problems := env.AnchorReferences("anchors", settings.GetAnchors())
	if len(settings.GetAnchors()) == 0 {
		problems = append(problems, mistake("anchors", "required"))
	}
	rules, wrong := rulesOf(settings)
	problems = append(problems, wrong...)
	crl, wrong := crlOf(settings.GetCrl(), refs, len(problems) == 0)
	problems = append(problems, wrong...)
	if source := settings.GetSource(); source != "" && source != "connection" && source != sourceXFCC {
		problems = append(problems, mistake("source", "want connection or xfcc"))
	}
	for i := range problems {
		if !problems[i].Warning {
			return authz.Part{}, problems
		}
	}

	check := &Check{xfcc: settings.GetSource() == sourceXFCC, verifier: chain.New(chain.Config{
		Anchors: refs, ClientAuth: true, Most: maxChain, Revocation: crl, Permit: rules.permit,
	})}
	part := authz.Part{Check: check, Authenticates: true, Unfit: check.verifier.Unfit}
	if check.xfcc {
		part.Credentials = []authz.Location{{Header: header}}
	}
	return part, problems
}

// crlOf returns the mode and what is wrong with it. known says that all anchors
// are declared.
func crlOf(text string, refs []authz.AnchorReference, known bool) (chain.Revocation, []authz.Problem) {
	var mode chain.Revocation
	switch text {
	case "":
		return chain.Unasked, nil
	case "soft":
		mode = chain.Soft
	case "hard":
		mode = chain.Hard
	default:
		return chain.Unasked, []authz.Problem{mistake("crl", "want hard or soft")}
	}
	var without []string
	for _, ref := range refs {
		if !ref.HasCRL {
			without = append(without, ref.Name)
		}
	}
	switch {
	case !known || len(without) == 0:
		return mode, nil
	case len(without) == len(refs):
		return mode, []authz.Problem{mistake("crl", "no entry of anchors declares a revocation list: add crl beside the certificates")}
	case mode == chain.Hard:
		warning := mistake("crl", fmt.Sprintf("anchors %q declare no revocation list, so what they sign is denied (crl_unavailable)", without))
		warning.Warning = true
		return mode, []authz.Problem{warning}
	}
	return mode, nil
}

func rulesOf(settings *policypb.ClientCertificate) (*rules, []authz.Problem) {
	r := &rules{}
	var problems []authz.Problem
	for i, name := range settings.GetDnsNames() {
		name = strings.ToLower(name)
		if !chain.IsDNSName(name) {
			problems = append(problems, mistake(fmt.Sprintf("dns_names[%d]", i), "want a DNS name without wildcard, such as hooks.example.org"))
		}
		r.dns = append(r.dns, name)
	}
	for i, uri := range settings.GetUris() {
		if !chain.IsURI(uri) {
			problems = append(problems, mistake(fmt.Sprintf("uris[%d]", i), "want a URI with its scheme, in printable ASCII"))
		}
		r.uris = append(r.uris, uri)
	}
	for i, text := range settings.GetSpiffeIds() {
		id, err := spiffeid.FromString(text)
		if err != nil || len(text) > chain.MaxURI {
			problems = append(problems, mistake(fmt.Sprintf("spiffe_ids[%d]", i), "want a SPIFFE id, such as spiffe://example.org/billing, or a trust domain, such as spiffe://example.org"))
		}
		r.spiffe = append(r.spiffe, id)
	}
	for i, text := range settings.GetIssuers() {
		name, ok := parseDN(text)
		if !ok {
			problems = append(problems, mistake(fmt.Sprintf("issuers[%d]", i), "want a distinguished name as RFC 4514 writes it, such as CN=Example CA,O=Example"))
		}
		r.issuers = append(r.issuers, name)
	}
	var wrong []authz.Problem
	r.fingerprints, wrong = digestsOf("fingerprints", settings.GetFingerprints())
	problems = append(problems, wrong...)
	r.publicKeys, wrong = digestsOf("public_keys", settings.GetPublicKeys())
	problems = append(problems, wrong...)
	return r, append(problems, r.namelessProblems(settings.GetAnyName())...)
}

// namelessProblems says what is wrong with rules that ask for nobody.
func (r *rules) namelessProblems(anyName string) []authz.Problem {
	asked := len(r.dns)+len(r.uris)+len(r.spiffe)+len(r.fingerprints)+len(r.publicKeys) > 0
	switch {
	case anyName != "" && anyName != "accepted":
		return []authz.Problem{mistake("any_name", "want accepted")}
	case anyName == "" && !asked:
		return []authz.Problem{mistake("", "want dns_names, uris, spiffe_ids, fingerprints or public_keys: whoever else the anchors sign for is not this sender. Set any_name: accepted to take all of them")}
	case anyName != "" && asked:
		return []authz.Problem{mistake("any_name", "it says nothing beside names, fingerprints and public keys: remove it")}
	}
	return nil
}

func digestsOf(path string, texts []string) ([]chain.Digest, []authz.Problem) {
	var digests []chain.Digest
	var problems []authz.Problem
	for i, text := range texts {
		var d chain.Digest
		if n, err := hex.Decode(d[:], []byte(text[:min(len(text), 2*len(d))])); err != nil || n != len(d) || len(text) != 2*len(d) {
			problems = append(problems, mistake(fmt.Sprintf("%s[%d]", path, i), "want the 64 hex digits of a SHA-256"))
		}
		digests = append(digests, d)
	}
	return digests, problems
}

func mistake(path, message string) authz.Problem {
	return authz.Problem{Path: path, Message: message, Code: "client_certificate"}
}
