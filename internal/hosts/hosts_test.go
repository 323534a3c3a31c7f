package hosts_test

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/revocast/revocast/internal/hosts"
)

func TestAllowed(t *testing.T) {
	none, named, addresses := &hosts.Allowed{}, &hosts.Allowed{Names: []string{"pub", "p.example"}},
		&hosts.Allowed{Addresses: true}
	for _, c := range []struct {
		host   string
		served []*hosts.Allowed
	}{
		{"localhost", []*hosts.Allowed{nil, none, named, addresses}},
		{"LocalHost:8080", []*hosts.Allowed{nil, none, named, addresses}},
		{"127.0.0.1:8080", []*hosts.Allowed{nil, none, named, addresses}},
		{"127.8.8.8", []*hosts.Allowed{nil, none, named, addresses}},
		{"[::1]:8080", []*hosts.Allowed{nil, none, named, addresses}},
		{"[::1]", []*hosts.Allowed{nil, none, named, addresses}},
		{"[::ffff:127.0.0.1]:1", []*hosts.Allowed{nil, none, named, addresses}},
		{"pub:8080", []*hosts.Allowed{nil, named}},
		{"P.Example", []*hosts.Allowed{nil, named}},
		{"192.168.0.7:8080", []*hosts.Allowed{nil, addresses}},
		{"[2001:db8::1]:80", []*hosts.Allowed{nil, addresses}},
		{"0.0.0.0:8080", []*hosts.Allowed{nil}},
		{"pub.evil.example", []*hosts.Allowed{nil}},
		{"127.0.0.1.evil.example:8080", []*hosts.Allowed{nil}},
		{"localhost:http", []*hosts.Allowed{nil}},
		{"localhost:8080:8080", []*hosts.Allowed{nil}},
		{"127.0.0.1@evil.example", []*hosts.Allowed{nil}},
		{"localhost.", []*hosts.Allowed{nil}},
		{"", []*hosts.Allowed{nil}},
	} {
		for _, a := range []*hosts.Allowed{nil, none, named, addresses} {
			r := httptest.NewRequest("GET", "/", nil)
			r.Host = c.host
			served := false
			for _, by := range c.served {
				served = served || by == a
			}
			if p := a.Refuse(r); (p == nil) != served {
				t.Errorf("%q by %+v: %v", c.host, a, p)
			}
		}
	}
	r := httptest.NewRequest("GET", "/", nil)
	r.Host = strings.Repeat("é", 500)
	if p := none.Refuse(r); p == nil || len(p.Detail) > 200 || p.Status != 403 || p.Hint == "" {
		t.Errorf("%+v", p)
	}
}
