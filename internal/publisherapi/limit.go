package publisherapi

import (
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/revocast/revocast/internal/problem"
)

const (
	maxAddresses = 4096 // that a limit remembers
	maxKnown     = 16   // tokens that it remembers of one address
)

// limit bounds how often each address may fail, as a token bucket. It is safe for concurrent use.
//
// An address may be a proxy with many callers behind it. So what was admitted from an address
// before still is when the address has failed too often: only what is new there has to wait, as a
// guess is.
type limit struct {
	rate float64 // failures a second, and at a time

	mu   sync.Mutex // guards addrs and what it holds
	addr map[string]*address
}

type address struct {
	left   float64 // failures that are left, at seen
	seen   time.Time
	logged time.Time // when a refusal was logged last
	known  [][32]byte
}

func newLimit(perSecond int) *limit {
	return &limit{rate: float64(perSecond), addr: make(map[string]*address)}
}

// fail counts a failure, and reports whether it was within the limit.
func (l *limit) fail(addr string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	a := l.atLocked(addr)
	if a.left < 1 {
		return false
	}
	a.left--
	return true
}

// within reports whether another failure would be within the limit.
func (l *limit) within(addr string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.atLocked(addr).left >= 1
}

// admit reports whether a token that is right may be accepted now, and remembers it.
func (l *limit) admit(addr string, hash [32]byte) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	a := l.atLocked(addr)
	for _, known := range a.known {
		if known == hash {
			return true
		}
	}
	if a.left < 1 {
		return false
	}
	if len(a.known) == maxKnown {
		a.known = a.known[1:]
	}
	a.known = append(a.known, hash)
	return true
}

// due reports whether a refusal may be logged: one a second for each address.
func (l *limit) due(addr string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	a := l.atLocked(addr)
	if !a.logged.IsZero() && a.seen.Sub(a.logged) < time.Second {
		return false
	}
	a.logged = a.seen
	return true
}

// atLocked returns an address with what is left to it now.
func (l *limit) atLocked(addr string) *address {
	now := time.Now()
	a := l.addr[addr]
	if a == nil {
		l.roomLocked(now)
		a = &address{left: l.rate, seen: now}
		l.addr[addr] = a
		return a
	}
	a.left = min(l.rate, a.left+l.rate*now.Sub(a.seen).Seconds())
	a.seen = now
	return a
}

// roomLocked forgets addresses if there are too many: those that have not failed for a second and
// have no token that is known, else any.
func (l *limit) roomLocked(now time.Time) {
	if len(l.addr) < maxAddresses {
		return
	}
	for addr, a := range l.addr {
		if len(a.known) == 0 && now.Sub(a.seen) > time.Second {
			delete(l.addr, addr)
		}
	}
	for _, spared := range []bool{true, false} {
		for addr, a := range l.addr {
			if len(l.addr) < maxAddresses {
				return
			}
			if !spared || len(a.known) == 0 {
				delete(l.addr, addr)
			}
		}
	}
}

// addressOf returns whom a limit counts: an IPv4 address, or the /64 network of an IPv6 address,
// since one host has all of it.
func addressOf(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return ""
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return ""
	}
	ip = ip.Unmap().WithZone("")
	if ip.Is4() || ip.IsLoopback() {
		return ip.String()
	}
	network, err := ip.Prefix(64)
	if err != nil {
		return ip.String()
	}
	return network.String()
}

func tooManyRefused() *problem.Problem {
	p := problem.New(http.StatusTooManyRequests, "too-many-refused", "Too many refused requests",
		"this address has sent too many requests that were refused")
	p.RetryAfter = time.Second
	return p.WithHint("wait a second, and look at the token that is sent")
}
