package problem_test

import (
	"cmp"
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/revocast/revocast/internal/problem"
)

// TestWithoutAddresses: errors as Go, Redis and NATS write them lose their addresses and nothing
// else. No second text: it stays.
func TestWithoutAddresses(t *testing.T) {
	for _, c := range [][2]string{
		{
			"redis: renew: dial tcp 10.1.2.3:6379: connect: connection refused",
			"redis: renew: dial tcp (address): connect: connection refused",
		},
		{
			"read tcp 10.1.2.3:55012->10.9.8.7:6379: i/o timeout",
			"read tcp (address)->(address): i/o timeout",
		},
		{
			"dial tcp [2001:db8::7%eth0]:4222: no route to host",
			"dial tcp (address): no route to host",
		},
		{
			"dial tcp: lookup redis.prod.internal on 10.0.0.2:53: no such host",
			"dial tcp: (address) on (address): no such host",
		},
		{
			"dial tcp: lookup redis: i/o timeout",
			"dial tcp: (address): i/o timeout",
		},
		{
			"nats://ops:pw@nats-1.internal:4222 is not reached",
			"(address) is not reached",
		},
		{
			`Get "https://idp.internal/jwks.json": EOF`,
			`Get "(address)": EOF`,
		},
		{
			"MOVED 3999 10.0.0.9:6381",
			"MOVED 3999 (address)",
		},
		{
			"no server answers at redis:6379, localhost:26379",
			"no server answers at (address), (address)",
		},
		{
			"dial unix /run/redis.sock: no such file",
			"dial (address): no such file",
		},
		{
			"fe80::1:2:3 refused",
			"(address) refused",
		},
		{"no lease: the ledger has not answered since 2026-12-01T08:24:10.008Z", ""},
		{"the log starts after 12-345, at 08:24:10", ""},
		{"run `publisher repair --from redis`: epoch 3", ""},
		{"at most 8192 bytes, 3:1", ""},
	} {
		text, want := c[0], cmp.Or(c[1], c[0])
		p := problem.NotReady(text)
		if got := p.WithoutAddresses().Detail; got != want || p.Detail != text {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}

// TestWithoutAddressesOfErrors asks the real packages for their errors.
func TestWithoutAddressesOfErrors(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	for _, address := range []string{"127.0.0.1:1", "[::1]:1", "nobody.invalid:6379"} {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
		if err == nil {
			conn.Close()
			t.Fatal("somebody answers at ", address)
		}
		host, _, _ := net.SplitHostPort(address)
		if got := problem.NotReady(err.Error()).WithoutAddresses().Detail; strings.Contains(got, host) {
			t.Errorf("%v becomes %q", err, got)
		}
	}
}
