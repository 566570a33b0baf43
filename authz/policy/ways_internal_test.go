package policy

import (
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz"
)

// What a requirement owes is worked out from its members; this compares that with
// every single way through it.
func TestWays(t *testing.T) {
	part := func(kind string, p authz.Part) ways { return waysOf(kind, &p) }
	leaves := map[string]ways{
		"address":  part("source_ip", authz.Part{}),
		"key":      part("api_key", authz.Part{Authenticates: true}),
		"undated":  part("mac", authz.Part{Authenticates: true, Signs: true}),
		"dated":    part("mac", authz.Part{Authenticates: true, Signs: true, Window: time.Minute}),
		"jwe":      part("jwe", authz.Part{Payload: true}),
		"with jws": part("jwe", authz.Part{Authenticates: true, Signs: true, Payload: true}),
		"timed":    part("bearer", authz.Part{Authenticates: true, Window: time.Hour}), // a window without a message dates nothing
	}
	single := func(w ways) []ways { return []ways{w} }
	type tree struct {
		name string
		is   ways
		each []ways // each way by itself
	}
	var trees []tree
	for name, w := range leaves {
		trees = append(trees, tree{name, w, single(w)})
	}
	pairs := func(trees []tree) []tree {
		var more []tree
		for _, a := range trees {
			for _, b := range trees {
				all := tree{name: "all(" + a.name + "," + b.name + ")", is: a.is.and(b.is)}
				for _, x := range a.each {
					for _, y := range b.each {
						all.each = append(all.each, x.and(y))
					}
				}
				more = append(more, all, tree{"any(" + a.name + "," + b.name + ")", a.is.or(b.is), append(append([]ways{}, a.each...), b.each...)})
			}
		}
		return more
	}
	second := pairs(trees)
	trees = append(trees, second...)
	trees = append(trees, pairs(second)...)
	for _, one := range trees {
		want := ways{authenticates: true, signs: true, dated: true, payload: true}
		for _, w := range one.each {
			want.authenticates = want.authenticates && w.authenticates
			want.signs = want.signs && w.signs
			want.dated = want.dated && w.dated
			want.payload = want.payload && w.payload
			want.naked = want.naked || w.naked
			want.payloads = max(want.payloads, w.payloads)
			want.window = max(want.window, w.window)
		}
		if one.is != want {
			t.Fatalf("%s = %+v, want %+v", one.name, one.is, want)
		}
	}
	for name, want := range map[string]bool{"jwe": true, "with jws": false, "address": false} {
		if leaves[name].naked != want {
			t.Errorf("%s: naked = %v, want %v", name, leaves[name].naked, want)
		}
	}
	if leaves["jwe"].and(leaves["key"]).naked || !leaves["jwe"].and(leaves["address"]).naked {
		t.Error("a jwe is naked beside an address, and not beside a key")
	}
	if leaves["timed"].dated {
		t.Error("a window without a message dates nothing that could be claimed")
	}
}
