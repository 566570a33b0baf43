package cli

import "testing"

// What a Vault policy reads as a pattern, or HCL as something else, would permit
// more than it says. The policy file's schema refuses such paths already.
func TestLiteral(t *testing.T) {
	for path, want := range map[string]bool{
		"secret/data/webhooks/github": true, "kv/a b@c": true, "a.b-c_d": true,
		"": false, "secret/data/*": false, "secret/+/x": false, "a*b": false, `a"b`: false, `a\b`: false, "a${b}": false,
		"a%2fb": false, "a\nb": false, "ä": false,
	} {
		if got := literal(path); got != want {
			t.Errorf("literal(%q) = %v, want %v", path, got, want)
		}
	}
}

func TestListed(t *testing.T) {
	many := []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"}
	if got, want := listed(many), "a, b, c, d, e, f, g, h and 2 more"; got != want {
		t.Errorf("listed() = %q, want %q", got, want)
	}
}
