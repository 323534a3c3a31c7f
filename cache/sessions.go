package cache

import (
	"sync/atomic"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

// Sessions is the session cache by itself, for a service that keeps opaque
// sessions and wants to read and fill the cache with its own hands. It shares the
// entries of its [Cache], hence every event that the subscriber applies takes
// effect here too. It knows nothing of the lease: a worker that is cut off goes on
// getting sessions until their TTL runs out. [worker.Guard] asks the lease first.
//
// It is safe for concurrent use. One realm needs one Sessions: the calls of one do
// not hold back the fills of another.
type Sessions struct {
	cache *Cache
	realm string
	clock port.Clock

	// calls counts Invalidate, InvalidatePrincipal and Clear. A fill that began under
	// another number may hold what they meant to be rid of.
	calls atomic.Uint64
}

// NewSessions returns the sessions in c, of the realm of the worker whose view c is: a
// [worker.Subscriber] says which.
func NewSessions(c *Cache, worker interface{ Realm() string }, clock port.Clock) *Sessions {
	return &Sessions{cache: c, realm: worker.Realm(), clock: clock}
}

// Mark is the moment before a session is read from its store.
type Mark struct {
	at    revocast.Position
	calls uint64
}

// Mark returns the present moment. Take it before reading a session that is to be
// [Sessions.Set]: what is invalidated in between is then not stored.
func (s *Sessions) Mark() Mark {
	return Mark{calls: s.calls.Load(), at: s.cache.index.latest()}
}

// Get returns the session under id; false if it is not in the cache or its time is
// up. The claims are shared: do not change them.
func (s *Sessions) Get(id string) (*revocast.Claims, bool) {
	e := s.cache.Get(port.SpaceSession, id)
	if e == nil || s.clock.Monotonic() >= e.Expires {
		return nil, false
	}
	return e.Claims, true
}

// Set stores a session for ttl, or until the session itself ends or a ban of its
// principal starts, whichever is first. It reports whether it did: not if the
// session is revoked or banned or has ended, or was invalidated since m; nor while
// the index is incomplete, when nobody here can say that it is not revoked.
//
// Where the claims name no session, id is taken for its name.
func (s *Sessions) Set(m Mark, id string, claims *revocast.Claims, ttl time.Duration) bool {
	if claims.Session == "" {
		named := *claims
		named.Session = id
		claims = &named
	}
	now := s.clock.Now()
	if end := claims.End(); !end.IsZero() {
		ttl = min(ttl, end.Sub(now))
	}
	e := &port.Entry{Claims: claims, Keys: revocast.KeysOf(s.realm, claims), Issued: claims.Issued(), Checked: m.at}
	return s.cache.put(port.SpaceSession, id, e, func() bool {
		found, complete := s.cache.Lookup(&e.Keys, e.Issued, now.UnixMilli())
		if found.BanFrom != 0 {
			ttl = min(ttl, time.UnixMilli(found.BanFrom).Sub(now))
		}
		e.Expires = s.clock.Monotonic() + ttl
		return complete && ttl > 0 && s.calls.Load() == m.calls && s.cache.index.admits(e, now.UnixMilli())
	})
}

// Invalidate takes the session under id out of this cache. To reach all workers,
// call [publisher.Publisher.Invalidate].
func (s *Sessions) Invalidate(id string) {
	s.calls.Add(1) // before the drop: a fill that comes after it must see the new number
	s.cache.Drop(port.SpaceSession, id)
}

// InvalidatePrincipal takes everything of a principal out of this cache, cached
// tokens included.
func (s *Sessions) InvalidatePrincipal(issuer, principal string) {
	s.calls.Add(1)
	key := revocast.KeyOf(s.realm, revocast.ScopePrincipal, issuer, principal)
	s.cache.drop(revocast.ScopePrincipal, key, func(*port.Entry) bool { return true })
}

// Clear empties the session cache, cached tokens included. The index stays.
func (s *Sessions) Clear() {
	s.calls.Add(1)
	s.cache.purge()
}
