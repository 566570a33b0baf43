package extauthz_test

import (
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/server/extauthz"
)

// Bodies can't be changed here: an application that relies on getting the payload
// must not get the token.
func TestPayloadIsDenied(t *testing.T) {
	l := newLab(t, nil)
	response := l.check(t, request("payload", "a.b.c"))
	same(t, "reason", metadatum(response, "reason"), "gateway_not_attested")
	same(t, "status", int(response.GetDeniedResponse().GetStatus().GetCode()), 500)

	// A policy that only watches gives the application the body as it came.
	response = l.check(t, request("payload-watched", "a.b.c"))
	same(t, "code", response.GetStatus().GetCode(), 0)
	same(t, "mode", metadatum(response, "mode"), "monitor")
}

// The gateway's id of the stream is what tells its own second question from a
// replay.
func TestStream(t *testing.T) {
	l := newLab(t, nil)
	l.check(t, keyed("key"))
	event := l.last(t)
	same(t, "stream id", event.StreamID, "the-stream")
	same(t, "adapter", event.Adapter, "ext_authz")
	same(t, "reason", event.Decision.Reason(), authz.ReasonVerified)
	message, err := proto.Marshal(keyed("key"))
	if err != nil {
		t.Fatal(err)
	}
	r, err := extauthz.Fill(message)
	if err != nil || r.Stream != "the-stream" {
		t.Errorf("Stream = %q, %v", r.Stream, err)
	}
}
