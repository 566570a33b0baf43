package jose_test

import (
	"strings"
	"testing"

	"github.com/hookauthz/hookauthz/authz/scheme/jose"
)

// Names are compared once, however long the way is.
func TestFindTextCostsLittleOnTheWay(t *testing.T) {
	const object = `{"a":1,"b":1,"c":1,"d":1,"e":1,"f":1,"g":1,"h":1,"i":1,"j":1,"k":1,"l":1,"m":1}`
	text := `{"x":{"x":{"x":{"x":{"y":[` + object + strings.Repeat(","+object, 1000) + `],"x":"token"}}}}}`
	cost := func(pointer ...string) float64 {
		return testing.AllocsPerRun(5, func() {
			if found, err := jose.FindText(text, pointer); err != nil || !found.There {
				t.Fatal(found, err)
			}
		})
	}
	short, long := cost("x"), cost("x", "x", "x", "x", "x")
	if long > 1.5*short {
		t.Errorf("%.0f allocations for five names on the way, %.0f for one", long, short)
	}
}
