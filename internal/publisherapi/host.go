package publisherapi

import (
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"

	"github.com/revocast/revocast/internal/problem"
)

// ownHost refuses a request that names a host other than this machine. A service that lets
// everybody in on loopback is safe from other machines, but not from a browser on its own
// machine: a web page whose name is made to resolve to 127.0.0.1 (DNS rebinding) then has the
// same origin as the service. The page cannot forge the Host header, which still holds that name
// (RFC 9110 §7.2).
func ownHost(r *http.Request) *problem.Problem {
	if isLoopback(r.Host) {
		return nil
	}
	return problem.New(http.StatusForbidden, "foreign-host", "Not this machine's name",
		"the request is for the host "+strconv.Quote(clip(r.Host))+
			", and without an API token only this machine is served").
		WithHint("call it as http://127.0.0.1 or http://localhost with its port; behind a proxy or under another " +
			"name, start it with an API token")
}

// isLoopback reports whether a Host header, with or without a port, is a loopback address or
// localhost. No other name is looked up, because name resolution is what cannot be trusted.
func isLoopback(host string) bool {
	if name, port, err := net.SplitHostPort(host); err == nil {
		if _, err := strconv.ParseUint(port, 10, 16); err != nil {
			return false
		}
		host = name
	} else {
		host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	}
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}
