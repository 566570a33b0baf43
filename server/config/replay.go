package config

import (
	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/replay/redis"
)

// replay checks the URL of the replay store.
func (l *loader) replay(s *Settings, given func(name string) bool) {
	name, text := l.storeURL("replay-store", l.flags.replayStore, l.flags.replayStoreFile)
	if text == "" {
		return
	}
	address, err := redis.ParseURL(text)
	switch {
	case err != nil:
		l.check(name, err)
	case address.Password && name == "replay-store" && given(name):
		l.visible(name)
	case !address.TLS && !local(address.Hosts) && !l.flags.insecure:
		l.mistake(name, "plain text off this machine: whoever writes to that connection replays; use TLS, or permit it with --insecure")
	default:
		s.ReplayStore = authz.NewSecret([]byte(text))
	}
}

// local reports whether all hosts are this machine, or a socket stands for none.
func local(hosts []string) bool {
	for _, host := range hosts {
		if !(Address{networkTCP, host}).Loopback() {
			return false
		}
	}
	return true
}
