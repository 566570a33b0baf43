package extproc_test

import (
	"errors"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
	"github.com/hookauthz/hookauthz/server/extproc"
)

// Whatever the parts, the content is what was written, in memory or in a file, and
// everything is given back.
func TestSpool(t *testing.T) {
	directory := t.TempDir()
	random := rand.New(rand.NewPCG(1, 2))
	for _, size := range []int{0, 1, extproc.SpoolMemory - 1, extproc.SpoolMemory, extproc.SpoolMemory + 1, 3 << 20} {
		spool, memory, disk := extproc.NewSpool(directory, 4<<20, 2<<20, 8<<20)
		var want strings.Builder
		for want.Len() < size {
			part := strings.Repeat(string(rune('a'+random.IntN(26))), min(size-want.Len(), 1+random.IntN(200_000)))
			if err := spool.Write([]byte(part)); err != nil {
				t.Fatal(err)
			}
			want.WriteString(part)
		}
		for range 2 {
			got, err := spool.Content()
			if err != nil || string(got) != want.String() {
				t.Errorf("size %d: %d other bytes, %v", size, len(got), err)
			}
		}
		inFile := size > extproc.SpoolMemory
		if inFile != (disk() == int64(size)) && size > 0 || inFile && memory() != 0 || !inFile && memory() != int64(size) {
			t.Errorf("size %d: %d bytes of memory, %d of files", size, memory(), disk())
		}
		if names, _ := filepath.Glob(filepath.Join(directory, "*")); len(names) > 0 {
			t.Errorf("size %d: files %q have names", size, names)
		}
		if !spool.Fits(4<<20-size) || spool.Fits(4<<20-size+1) {
			t.Errorf("size %d: Fits does not end at the limit", size)
		}
		spool.Close()
		spool.Close()
		if memory() != 0 || disk() != 0 {
			t.Errorf("size %d: %d bytes of memory and %d of files are not given back", size, memory(), disk())
		}
	}
}

// Without room, or a place to write, a body is refused, and what was kept stays.
func TestSpoolTrouble(t *testing.T) {
	tests := []struct {
		name         string
		directory    string
		memory, disk int64
		sizes        []int // of parts; the last is refused
		logged       bool
	}{
		{name: "memory", memory: 1000, disk: 8 << 20, sizes: []int{1000, 1}},
		{name: "disk, as it spills", memory: 2 << 20, disk: 1000, sizes: []int{1 << 20, 1}},
		{name: "disk, at once", memory: 2 << 20, disk: 1000, sizes: []int{1<<20 + 1}},
		{name: "disk, later", memory: 2 << 20, disk: 2 << 20, sizes: []int{1 << 20, 1 << 20, 1}},
		{name: "no directory", directory: "gone", memory: 2 << 20, disk: 8 << 20, sizes: []int{1000, 1 << 20}, logged: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			spool, memory, disk := extproc.NewSpool(filepath.Join(t.TempDir(), tt.directory), 8<<20, tt.memory, tt.disk)
			kept := 0
			for i, size := range tt.sizes {
				err := spool.Write(make([]byte, size))
				if i < len(tt.sizes)-1 {
					if err != nil {
						t.Fatal(err)
					}
					kept += size
					continue
				}
				authztest.WantReason(t, err, authz.ReasonOverloaded)
				var denial *authz.Denial
				if errors.As(err, &denial) && tt.logged == (err.Error() == denial.Error()) {
					t.Errorf("error %q, denial %q: the log is to know more: %v", err, denial, tt.logged)
				}
			}
			got, err := spool.Content()
			if err != nil || len(got) != kept {
				t.Errorf("Content() = %d bytes, %v; want %d", len(got), err, kept)
			}
			spool.Close()
			if memory() != 0 || disk() != 0 {
				t.Errorf("%d bytes of memory and %d of files are not given back", memory(), disk())
			}
		})
	}
}

// The limits hold for all streams together, and what they refuse is a denial.
func TestLimits(t *testing.T) {
	large := strings.Repeat("x", 2<<20)
	sent := messages{signed(duplex, large), bodyOf(large[:1<<20], false), bodyOf(large[1<<20:], true)}
	for name, change := range map[string]func(*extproc.Config){
		"message": func(c *extproc.Config) { c.MaxInflightBytes = 1 << 20 },
		"room":    func(c *extproc.Config) { c.MaxInflightBytes = 4 << 20 },
		"disk":    func(c *extproc.Config) { c.SpoolMax = 1<<20 + 1 },
		"folder":  func(c *extproc.Config) { c.SpoolDir = filepath.Join(c.SpoolDir, "gone") },
	} {
		l := newLab(t, change)
		r := l.run(t, named("github"), sent...)
		if name == "room" { // what is in flight is the message and what is kept: it fits
			r.want(t, authz.ReasonVerified)
			continue
		}
		r.want(t, authz.ReasonOverloaded)
		if set := mustSet(t, r.denial.GetHeaders()); r.denial.GetStatus().GetCode() != 503 || set["retry-after"] == "" {
			t.Errorf("%s: answer = %v", name, r.denial)
		}
		if name == "folder" && !strings.Contains(l.log.String(), "keep a body in a file") {
			t.Errorf("log = %s", l.log)
		}
	}
	r := newLab(t, func(c *extproc.Config) { c.MaxInflightBytes = 10 }).run(t, named("github"), sent...)
	r.want(t, authz.ReasonOverloaded)

	// A policy that only watches lets go what can't be kept.
	l := newLab(t, func(c *extproc.Config) { c.SpoolDir = filepath.Join(c.SpoolDir, "gone") })
	r = l.run(t, named("watched-large"), sent...)
	if !r.event.Decision.IsMonitored() || r.event.Decision.Allowed() || len(r.body) != len(large) || !r.ended || r.err != nil {
		t.Errorf("decision %v, %d bytes, ended %v, error %v; want it to pass", r.event.Decision.Reason(), len(r.body), r.ended, r.err)
	}
}
