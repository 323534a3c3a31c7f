// Package hosts refuses requests that name a host which a service does not serve.
//
// A service on loopback is safe from other machines, but not from a browser on its own machine: a web
// page whose name is made to resolve to 127.0.0.1 (DNS rebinding) then has the same origin as the
// service. The page cannot forge the Host header, which still holds that name (RFC 9110 §7.2).
package hosts

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/revocast/revocast/internal/problem"
)

// Allowed are the hosts that a service serves. Loopback addresses and localhost are always among them.
// No name is looked up, because name resolution is what cannot be trusted. Nil: all hosts.
type Allowed struct {
	Names     []string // without a port; not case-sensitive
	Addresses bool     // any IP address: a page that is reached by one has no name to rebind
}

// Refuse returns nil for a request to a host that is served.
func (a *Allowed) Refuse(r *http.Request) *problem.Problem {
	if a == nil || a.serves(r.Host) {
		return nil
	}
	host := r.Host
	if len(host) > 64 {
		host = strings.ToValidUTF8(host[:64], "") + "…"
	}
	return problem.New(http.StatusForbidden, "foreign-host", "Not this machine's name",
		"the request is for the host "+strconv.Quote(host)+", which is not served here").
		WithHint("call it as http://127.0.0.1 or http://localhost with its port, or start it with that name as " +
			"--allow-host")
}

func (a *Allowed) serves(host string) bool {
	if name, port, err := net.SplitHostPort(host); err == nil {
		if _, err := strconv.ParseUint(port, 10, 16); err != nil {
			return false
		}
		host = name
	} else {
		host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		return a.Addresses && !ip.IsUnspecified() || ip.Unmap().IsLoopback()
	}
	same := func(name string) bool { return strings.EqualFold(host, name) }
	return same("localhost") || slices.ContainsFunc(a.Names, same)
}
