package httpsig_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hookauthz/hookauthz/authz/authztest"
)

func TestZZCost(t *testing.T) {
	for _, kind := range []string{"key", "query"} {
		var ids, dict []string
		for i := 0; i < 60; i++ {
			if kind == "key" {
				ids = append(ids, fmt.Sprintf(`"x-d";key="m%d"`, i))
			} else {
				ids = append(ids, fmt.Sprintf(`"@query-param";name="m%d"`, i))
			}
		}
		for i := 0; len(strings.Join(dict, ","))<55000; i++ { dict = append(dict, fmt.Sprintf("m%d", i)) ; if i%100!=0 {continue}}
		in := `("@method" "@path" "content-digest" ` + strings.Join(ids, " ") + `);created=` + created + `;keyid="k1"`
		r := authztest.Request("POST", "/h", body, "content-digest", digest(body), "x-d", strings.Join(dict, ", "))
		if kind == "query" { r.Path = "/h?" + strings.Repeat("&",0) + strings.Join(dict[:200], "&") }
		r = present(r, in, make([]byte, 64))
		p := newPart(t, settings())
		start := time.Now()
		var err error
		res := testing.Benchmark(func(b *testing.B) { b.ReportAllocs(); for b.Loop() { _, err = p.Check.Verify(t.Context(), r) } })
		t.Log(kind, len(in), time.Since(start), err, res, res.MemString())
	}
}
