package limit

import (
	"net"
	"net/netip"
	"strings"
)

// ParseAddress reads a peer's address as servers and proxies write it: with or without a port,
// IPv6 with or without brackets, IPv4 in IPv6 form as itself, and a zone, which is of this
// machine and not of the peer, left out. It reports false for everything else.
func ParseAddress(text string) (netip.Addr, bool) {
	text = strings.TrimSpace(text)
	addr, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(text, "["), "]"))
	if err != nil {
		host, _, e := net.SplitHostPort(text)
		if e != nil {
			return netip.Addr{}, false
		}
		addr, err = netip.ParseAddr(host)
	}
	if err != nil || strings.Count(text, "[") != strings.Count(text, "]") {
		return netip.Addr{}, false
	}
	return addr.Unmap().WithZone(""), true
}

// Network is the part of an address that counts as one address by default: an IPv4 address, or the
// /48 of one of IPv6. It is empty for no address.
func Network(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return network(a, networkBits)
}

// Forwarded returns the client's address by the lines of a header in which proxies of your own
// write it, such as all values of X-Forwarded-For: each proxy appends the address that it was
// connected from, to the last line or as a line of its own. proxies is how many of them a request
// comes through, one at least: the client's is the address that the outermost of these wrote. The
// client itself wrote everything before it, and that is not used. It reports false where there are
// fewer, or where that one is no address: refuse the request then.
func Forwarded(lines []string, proxies int) (netip.Addr, bool) {
	all := strings.Split(strings.Join(lines, ","), ",")
	if proxies < 1 || len(all) < proxies {
		return netip.Addr{}, false
	}
	return ParseAddress(all[len(all)-proxies])
}
