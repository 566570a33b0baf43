package extauthz_test

import (
	"bytes"
	"context"
	"testing"

	authpb "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/protobuf/proto"
)

// FuzzCheck sends bytes as they are. Whatever they are: the call is answered by
// a response that Envoy understands as it is meant, decided once, and allowed
// only if the message holds the right credential.
func FuzzCheck(f *testing.F) {
	seeds := []*authpb.CheckRequest{
		signed(`{"a":1}`), request("github", "abc"), keyed("key"), keyed("query"), keyed("addresses"), keyed(""),
		keyed("own-answers", "x-a", "\xff"), keyed("behind", "x-forwarded-for", "198.51.100.1"), request("basic", ""), keyed("panics"), keyed("echo", "x-from", "a"),
	}
	for _, seed := range seeds {
		message, err := proto.Marshal(seed)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(message)
	}
	for _, seed := range wireSeeds(f) {
		f.Add(seed)
	}
	signature, credential := []byte(sign(`{"a":1}`)), []byte(apiKey)
	l := newLab(f, nil)
	f.Fuzz(func(t *testing.T, message []byte) {
		response := l.raw(context.Background(), t, message)
		if response.GetOkResponse() == nil {
			return
		}
		var request authpb.CheckRequest
		if err := proto.Unmarshal(message, &request); err != nil {
			return // of what else is in the message, such as the destination
		}
		switch name := metadatum(response, "policy"); name {
		case "github":
			body := request.GetAttributes().GetRequest().GetHttp().GetRawBody()
			if !bytes.Contains(bytes.ToLower(message), []byte(sign(string(body)))) && !bytes.Contains(bytes.ToLower(message), signature) {
				t.Errorf("allowed by %s without a signature", name)
			}
		case "basic":
			t.Errorf("allowed by %s without a password", name)
		default:
			if !bytes.Contains(message, credential) {
				t.Errorf("allowed by %s without a key", name)
			}
		}
	})
}
