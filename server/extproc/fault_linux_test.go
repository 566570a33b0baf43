package extproc_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/policy"
	"github.com/hookauthz/hookauthz/server/extproc"
)

// A body whose file can't be read any more, as on a disk that fails, is denied. The
// process goes on.
func TestUnreadableFile(t *testing.T) {
	large := strings.Repeat("x", 2<<20)
	table, asked := testTable(t), 0
	l := newLab(t, func(c *extproc.Config) {
		c.Tables = func() *policy.Table {
			if asked++; asked > 1 { // the file is mapped
				cutFiles(t, c.SpoolDir)
			}
			return table
		}
	})
	r := l.run(t, named("github"), signed(duplex, large), bodyOf(large, true))
	r.want(t, authz.ReasonBug)
	if r.denial.GetStatus().GetCode() != 500 {
		t.Errorf("answer = %v", r.denial)
	}
}

// cutFiles cuts the files without a name that this process has open in folder.
func cutFiles(t *testing.T, folder string) {
	t.Helper()
	open, err := filepath.Glob("/proc/self/fd/*")
	if err != nil {
		t.Fatal(err)
	}
	cut := 0
	for _, name := range open {
		if to, err := os.Readlink(name); err == nil && strings.HasPrefix(to, folder+"/") {
			cut++
			if err := os.Truncate(name, 0); err != nil {
				t.Error(err)
			}
		}
	}
	if cut != 1 {
		t.Errorf("%d files are open, want 1", cut)
	}
}
