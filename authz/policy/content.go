package policy

import (
	"time"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/template"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

// defaultPayloadType is the content type of a payload where a policy states none.
const defaultPayloadType = "application/json"

// payload sets what the application gets in place of the body.
func (c *compiler) payload(policy *Policy, path string, from *policypb.Payload, require ways) {
	if from == nil {
		return
	}
	switch {
	case require.payloads > 1:
		c.mistake(path+".upstream.payload", "payload_ambiguous", "more than one check of an all_of takes a payload out of the request, and only one can take the body's place")
	case !require.payload:
		c.mistake(path+".upstream.payload", "payload_without_token", "needs a jws or jwe check, on every way through require, that takes a payload out of the body")
	}
	if policy.payloadType = from.GetContentType(); policy.payloadType == "" {
		policy.payloadType = defaultPayloadType
	}
}

// replayMargin is how much longer than needed a claim is kept, for clocks that
// are set in between.
const replayMargin = time.Minute

// replay sets whether what was signed passes once only.
func (c *compiler) replay(policy *Policy, path string, from *policypb.Replay, require built) {
	if from == nil {
		return
	}
	ttl := from.GetTtl().AsDuration()
	switch {
	case !require.signs:
		c.mistake(path, "replay_without_signature", "needs a check, on every way through require, that signs: mac, signature, jws, http_signature, or jwe with a shared key or inner")
	case ttl == 0 && !require.dated:
		c.mistake(path, "replay_without_time", "a way through require enforces no signed time, so nobody knows for how long to remember: add a timestamp that the message holds, or write ttl")
	case ttl != 0 && ttl < require.window:
		c.mistake(path+".ttl", "replay_ttl", "is shorter than the windows of the checks: what was forgotten would pass again")
	case len(require.messages) == 0 && !require.unknown:
		c.warn(path, "replay_ways", "no message is signed on every way through require: of a request with the credentials of two ways a copy "+
			"without those of the first passes once more, so have each sender sign in one way, or have both ways sign the same")
	}
	local := from.GetOnUnavailable() == "allow"
	if local && from.GetStore() == storeMemory {
		local = false
		c.mistake(path+".on_unavailable", "replay_unavailable", "has a meaning with store redis only")
	}
	if from.GetStore() == storeRedis && c.file.options.NoReplayStore {
		c.mistake(path+".store", "no_replay_store", "there is no store: give --replay-store the URL of a Redis")
	}
	if local {
		c.warn(path+".on_unavailable", "replay_unprotected", "while Redis can't tell, each replica lets a replay of the others' requests pass once")
	}
	made := &replay{name: from.GetStore(), store: c.replayStore(from.GetStore()), keep: max(ttl, require.window) + replayMargin, dated: require.dated}
	if local {
		made.local = c.replayStore(storeMemory)
	}
	if from.GetDeliveryId() != "" {
		delivery, problems := template.Compile(from.GetDeliveryId(), template.Options{Place: template.PlaceKey})
		for _, problem := range problems {
			c.add(c.file.document.At(path+".delivery_id", problem.Column), problem.Code, problem.Message, problem.Warning)
		}
		made.delivery = delivery
	}
	policy.replay = made
}

// The stores of claims.
const (
	storeMemory = "memory"
	storeRedis  = "redis"
)

func (c *compiler) replayStore(name string) authz.ReplayStore {
	if store := c.sources.Replay(name); store != nil {
		return store
	}
	return closed{}
}
