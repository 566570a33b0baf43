package provider_test

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
	"github.com/hookauthz/hookauthz/authz/provider"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

const vectors = "testdata/vectors"

func TestVectors(t *testing.T) { authztest.RunVectors(t, vectors) }

// required returns the vectors that an entry of this shape must have, and what
// each must be denied for.
func required(e *policypb.CatalogEntry) map[string]authz.Reason {
	want := map[string]authz.Reason{"header-twice": authz.ReasonDuplicateHeader}
	if len(e.GetMethods()) > 0 {
		want["method-not-used"] = authz.ReasonMethodNotAllowed
	}
	if e.GetApiKey() != nil {
		want["key-missing"] = authz.ReasonCredentialMissing
		want["key-truncated"] = authz.ReasonAPIKeyInvalid
		want["wrong-secret"] = authz.ReasonAPIKeyInvalid
		return want
	}
	credential := e.GetMac().GetCredential()
	want["body-changed"] = authz.ReasonSignatureMismatch
	want["signature-missing"] = authz.ReasonCredentialMissing
	want["signature-truncated"] = authz.ReasonCredentialMalformed
	want["wrong-secret"] = authz.ReasonSignatureMismatch
	if credential.GetPrefix() != "" || credential.GetTagged() != nil {
		want["prefix-missing"] = authz.ReasonCredentialMalformed
	}
	if credential.GetFields() != nil {
		want["unlabelled"] = authz.ReasonCredentialMalformed
	}
	if e.GetMac().GetTimestamp() != nil {
		want["stale"] = authz.ReasonTimestampStale
		want["future"] = authz.ReasonTimestampFuture
		want["time-changed"] = authz.ReasonSignatureMismatch
		want["time-missing"] = authz.ReasonPartMissing
	}
	return want
}

// An entry comes with proof: a webhook that passes, made by the sender or by
// another implementation, and one for each way in which it must not pass.
func TestVectorsAreComplete(t *testing.T) {
	all, err := authztest.ReadVectors(vectors)
	if err != nil {
		t.Fatal(err)
	}
	byEntry := map[string]map[string]*authztest.Vector{}
	for _, v := range all {
		name, vector, _ := strings.Cut(v.Name, "/")
		if byEntry[name] == nil {
			byEntry[name] = map[string]*authztest.Vector{}
		}
		byEntry[name][vector] = v
	}
	for _, name := range provider.Names() {
		t.Run(name, func(t *testing.T) {
			found := byEntry[name]
			passing := found["published"]
			if passing == nil {
				passing = found["genuine"]
			}
			if passing == nil || !passing.Allow {
				t.Error("want a vector published or genuine that passes")
			}
			for vector, reason := range required(entry(t, name)) {
				v := found[vector]
				switch {
				case v == nil:
					t.Errorf("want a vector %s", vector)
				case v.Allow || v.Reason != reason:
					t.Errorf("%s expects allow = %v, %v, want deny %v", vector, v.Allow, v.Reason, reason)
				}
			}
			for vector, v := range found {
				if want := fmt.Sprintf("provider: {name: %s, secrets: [%[1]s]}", name); !strings.Contains(v.Policy, want) {
					t.Errorf("%s: the policy does not say %s", vector, want)
				}
			}
		})
	}
	entries, err := os.ReadDir(vectors)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !slices.Contains(provider.Names(), e.Name()) {
			t.Errorf("vectors of %q, which is not in the catalogue (entries: %q)", e.Name(), slices.Sorted(maps.Keys(byEntry)))
		}
	}
}
