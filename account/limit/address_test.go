package limit_test

import (
	"net/netip"
	"testing"

	"github.com/revocast/revocast/account/limit"
)

func TestForwarded(t *testing.T) {
	for _, c := range []struct {
		lines   []string
		proxies int
		want    string // empty: refused
	}{
		{[]string{"192.0.2.1"}, 1, "192.0.2.1"},
		{[]string{" 192.0.2.1 "}, 1, "192.0.2.1"},
		{[]string{"10.0.0.1, 192.0.2.1"}, 1, "192.0.2.1"},
		{[]string{"10.0.0.1", "192.0.2.1"}, 1, "192.0.2.1"}, // the proxy added a line of its own
		{[]string{"10.0.0.1, 10.0.0.2", "10.0.0.3,192.0.2.1"}, 1, "192.0.2.1"},
		{[]string{"10.0.0.1, 192.0.2.1", "198.51.100.7"}, 2, "192.0.2.1"},
		{[]string{"192.0.2.1:5678"}, 1, "192.0.2.1"},
		{[]string{"2001:db8::1"}, 1, "2001:db8::1"},
		{[]string{"[2001:db8::1]"}, 1, "2001:db8::1"},
		{[]string{"[2001:db8::1]:443"}, 1, "2001:db8::1"},
		{[]string{"::ffff:192.0.2.1"}, 1, "192.0.2.1"},
		{[]string{"[::ffff:192.0.2.1]:80"}, 1, "192.0.2.1"},
		{[]string{"fe80::1%eth0"}, 1, "fe80::1"},
		{nil, 1, ""},
		{[]string{""}, 1, ""},
		{[]string{"192.0.2.1, "}, 1, ""},
		{[]string{"192.0.2.1"}, 2, ""},
		{[]string{"192.0.2.1"}, 0, ""},
		{[]string{"192.0.2.1, unknown"}, 1, ""},
		{[]string{"[2001:db8::1"}, 1, ""},
		{[]string{"192.0.2.1:"}, 1, "192.0.2.1"},
		{[]string{"example.com:80"}, 1, ""},
	} {
		got, ok := limit.Forwarded(c.lines, c.proxies)
		want, _ := netip.ParseAddr(c.want)
		if ok != (c.want != "") || got != want {
			t.Errorf("%q by %d: %s %v, want %q", c.lines, c.proxies, got, ok, c.want)
		}
	}
}
