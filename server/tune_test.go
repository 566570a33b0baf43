package server_test

import (
	"runtime/debug"
	"testing"

	"github.com/hookauthz/hookauthz/server"
)

func TestTune(t *testing.T) {
	before := debug.SetGCPercent(100)
	defer debug.SetGCPercent(before)

	server.Tune(func(name string) (string, bool) { return "100", name == "GOGC" })
	if got := debug.SetGCPercent(100); got != 100 {
		t.Errorf("with GOGC set, the target became %d, want 100", got)
	}
	server.Tune(func(string) (string, bool) { return "", false })
	if got := debug.SetGCPercent(100); got != 400 {
		t.Errorf("without GOGC, the target is %d, want 400", got)
	}
}
