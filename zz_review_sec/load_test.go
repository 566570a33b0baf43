package zz

import (
	"testing"
)

func TestLoad(t *testing.T) {
	head := "secrets: {k: {env: {name: K}}, j: {env: {name: J}}}\n"
	for name, text := range map[string]string{
		"oracle body":   head + "policies: {p: {require: {api_key: {header: X, secrets: [k, j]}}, answers: {missing: {body: nope}}}}\n",
		"headers twice": head + "policies: {p: {require: {api_key: {header: X, secrets: [k, j]}}, answers: {missing: {headers: {X-A: '1', x-a: '2'}}}}}\n",
		"empty req":     head + "policies: {p: {require: {}}}\n",
		"nested empty":  head + "policies: {p: {require: {all_of: [{}]}}}\n",
		"empty allof":   head + "policies: {p: {require: {all_of: []}}}\n",
		"empty anyof2":   head + "policies: {p: {require: {any_of: [], on_rejected: continue}}}\n",
		"two kinds":     head + "policies: {p: {require: {api_key: {header: X, secrets: [k]}, basic: {secrets: [j]}}}}\n",
		"allof+kind":    head + "policies: {p: {require: {all_of: [{source_ip: {allow: [10.0.0.0/8]}}], basic: {secrets: [j]}}}}\n",
		"anyof+allof":    head + "policies: {p: {require: {all_of: [{basic: {secrets: [k]}}], any_of: [{basic: {secrets: [j]}}]}}}\n",
		"ip only any":   head + "policies: {p: {require: {any_of: [{source_ip: {allow: [10.0.0.0/8]}}, {basic: {secrets: [j]}}]}}}\n",
		"null req":      head + "policies: {p: {require: null}}\n",
		"null policy":   head + "policies: {p: null}\n",
		"null kind":     head + "policies: {p: {require: {mac: null}}}\n",
		"tol0":          head + "policies: {p: {require: {provider: {name: stripe, secrets: [k], tolerance: 0s}}}}\n",
		"tolneg":        head + "policies: {p: {require: {provider: {name: stripe, secrets: [k], tolerance: -1s}}}}\n",
		"tolwide":       head + "policies: {p: {require: {provider: {name: stripe, secrets: [k], tolerance: 11m}}}}\n",
		"md5 body":      head + "policies: {p: {require: {mac: {credential: {header: X}, algorithm: hmac-sha256, encoding: hex, message: '{body|md5|hex}', secrets: [k]}}}}\n",
		"unsigned ts":   head + "policies: {p: {require: {mac: {credential: {header: X}, algorithm: hmac-sha256, encoding: hex, message: '{body}', timestamp: {value: '{header:T}', unit: seconds}, secrets: [k]}}}}\n",
		"future wide":   head + "policies: {p: {require: {mac: {credential: {header: X}, algorithm: hmac-sha256, encoding: hex, message: '{timestamp}.{body}', timestamp: {value: '{header:T}', unit: seconds, future_tolerance: 20m}, secrets: [k]}}}}\n",
		"group body":    head + "policies: {p: {require: {mac: {credential: {header: X}, algorithm: hmac-sha256, encoding: hex, message: 'a[{header:Y|only:a-z}.{body}]', secrets: [k]}}}}\n",
		"upstream host":  head + "policies: {p: {require: {api_key: {header: X, secrets: [k,j]}}, upstream: {headers: {Host: a}}}}\n",
		"upstream xfp":   head + "policies: {p: {require: {api_key: {header: X, secrets: [k,j]}}, upstream: {headers: {X-Forwarded-For: a}}}}\n",
		"upstream 2case": head + "policies: {p: {require: {api_key: {header: X, secrets: [k,j]}}, upstream: {headers: {X-A: a, x-a: b}}}}\n",
		"0.0.0.0/0":     head + "policies: {p: {require: {source_ip: {allow: [0.0.0.0/0]}}, address_only: accepted}}\n",
		"cred t":        head + "policies: {p: {require: {mac: {credential: {header: X, fields: {signature: v1}}, algorithm: hmac-sha256, encoding: hex, message: '{credential:v1}.{body}', secrets: [k]}}}}\n",
		"sign self":     head + "policies: {p: {require: {mac: {credential: {header: X}, algorithm: hmac-sha256, encoding: hex, message: '{header:X}.{body}', secrets: [k]}}}}\n",
		"dup route":     head + "policies: {p: {require: {basic: {secrets: [k]}}}, q: {require: {basic: {secrets: [j]}}}}\nroutes: [{match: {path_prefix: /a}, policy: p}, {match: {path_prefix: /a/}, policy: q}]\n",
		"host overlap":  head + "policies: {p: {require: {basic: {secrets: [k]}}}, q: {require: {basic: {secrets: [j]}}}}\nroutes: [{match: {hosts: [a.example], path: /a/b}, policy: p}, {match: {hosts: [b.example], path_prefix: /a}, policy: q}]\n",
		"methodless any": head + "policies: {p: {require: {basic: {secrets: [k]}}}, q: {require: {basic: {secrets: [j]}}}}\nroutes: [{match: {path: /a, methods: [POST]}, policy: p}, {match: {path: /a}, policy: q}]\n",
		"one secret twice": head + "policies: {p: {require: {all_of: [{basic: {secrets: [k]}}, {api_key: {header: X, secrets: [k]}}]}}}\n",
		"same cred two":  head + "policies: {p: {require: {all_of: [{api_key: {header: X, secrets: [k]}}, {api_key: {header: X, secrets: [j]}}]}}}\n",
	} {
		func() {
			defer func() {
				if r := recover(); r != nil {
					t.Errorf("%s: PANIC %v", name, r)
				}
			}()
			f, fs := read(t, text)
			t.Logf("== %-16s accepted=%v", name, f != nil)
			for _, x := range fs {
				t.Logf("     warn=%v %s | %s | %s", x.Warning, x.Path, x.Code, x.Message)
			}
		}()
	}
}
