package limit

import (
	"net/netip"
	"strings"
)

// Slot is the counter of an identifier, which anybody can work out where there is no Key.
func Slot(l *Limiter, identifier string) string { return slot(l.hash("identifier", identifier)) }

// Waiting is the key of what waits at an address.
func Waiting(l *Limiter, where netip.Addr) string {
	n, _ := l.name(Attempt{ID: "x", Identifier: "x", Address: where})
	return strings.TrimSuffix(l.keys[0], "owed") + "l:w:" + n.network
}
