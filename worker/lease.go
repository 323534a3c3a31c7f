package worker

import (
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

// lease is the permission to answer from memory. It is immutable: a check loads the
// object first, looks the entry up, and compares the clock, read last, with that same
// object. Loading it at the end instead could pair an old entry with a newer lease.
type lease struct {
	position revocast.Position // everything up to here was applied before it was installed
	sent     time.Duration     // when the renewal was sent; knowledge is at most that old
	expires  time.Duration     // sent + L·(1−ρ), on the subscriber's monotonic clock
}

// holds reports whether the lease may be relied on at now. A nil lease never does.
func (l *lease) holds(now time.Duration) bool { return l != nil && now < l.expires }

// installLease makes a lease from the renewal sent at sent the current one, if it
// reaches further than the one in force: expiry never moves back. Only the renewing
// goroutine calls it, and only after everything up to position has been applied.
func (s *Subscriber) installLease(position revocast.Position, sent time.Duration, t port.Terms) {
	l := &lease{position: position, sent: sent, expires: sent + t.LeaseFor()}
	if old := s.lease.Load(); old != nil && old.expires > l.expires {
		return
	}
	s.lease.Store(l)
}

// dropLease gives up the right to answer from memory. A check that loaded the old
// lease before may still end with it: it started before, so no confirmed revocation
// that starts to count from here on is any of its business.
func (s *Subscriber) dropLease() { s.lease.Store(nil) }
