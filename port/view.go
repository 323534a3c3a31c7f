package port

import (
	"time"

	"github.com/revocast/revocast"
)

// View is a worker's memory: the session cache and the live-revocation index.
// Package cache implements it; [NoView] remembers nothing.
//
// What an implementor owes: safe for concurrent use, no I/O, no goroutine, no clock of its own. And
// the two orders that keep a revoked token out of the cache: Apply puts the event into the index
// first and drops covered entries after; Put stores the entry first, looks into the index after,
// and takes the entry out again if it is covered; both under the lock of the entry's shard. The one
// that comes second sees what the first has done.
type View interface {
	// Get returns the entry stored under key, nil if there is none. It must not
	// allocate. The caller compares Expires and its lease; the view knows no time.
	Get(space Space, key string) *Entry

	// Put stores e under key unless a revocation that e.Checked does not account for
	// covers it, or the view can no longer tell; it reports whether e was stored.
	// now is the wall clock in Unix milliseconds, for bans.
	Put(space Space, key string, e *Entry, now int64) bool

	// Drop removes the entry under key.
	Drop(space Space, key string)

	// DropIf removes every entry that lost says yes to. It is rare and may be slow; it
	// must not hold up Get.
	DropIf(lost func(*Entry) bool)

	// Lookup returns what the index holds against keys: the covering state if there is
	// one. Complete reports whether the index holds every live revocation, so that
	// finding none means that there is none.
	Lookup(keys *revocast.Keys, issued int64, now int64) (m Match, complete bool)

	// Apply merges e into the index and then drops every entry that e covers or, for
	// an invalidation or a ban that starts later, concerns.
	Apply(e revocast.Event)

	// BeginLoad empties index and cache and starts collecting from the beginning. EndLoad says that
	// every live revocation has been applied since, so the index is complete unless it overflowed
	// meanwhile. Between the two, and after an overflow, it is not complete. BeginLoad reports
	// whether the view keeps an index; where it does not, nothing is loaded.
	BeginLoad() bool
	EndLoad()

	// Expire forgets states whose Until, in Unix milliseconds, is before now.
	Expire(now int64)

	// Status returns what the view holds now, and Stats what it has counted since it was made.
	Status() ViewStatus
	Stats() ViewStats
}

// Space separates the keys of a view: bearer tokens and opaque session ids.
type Space uint8

// The spaces.
const (
	SpaceBearer Space = iota
	SpaceSession
)

// Entry is one positive entry of the session cache. It is immutable once stored.
type Entry struct {
	Claims *revocast.Claims
	Keys   revocast.Keys
	Issued int64 // Claims.Issued()
	// Expires is the instant from which the entry must not be used, on the guard's
	// monotonic clock ([Clock.Monotonic]); never later than the claims' own end.
	Expires time.Duration
	// Checked is the position up to which the entry is known not to be covered.
	Checked revocast.Position
}

// Match is a revocation that covers a token.
type Match struct {
	Covered bool
	Scope   revocast.Scope
	Banned  bool              // by a ban, else by a cut-off
	At      revocast.Position // of the state that covers it
	// BanFrom is the start, in Unix milliseconds, of a ban that will cover the token
	// but does not yet; zero: none is known. A cached entry must end before it.
	BanFrom int64
}

// ViewStatus is what a view holds now.
type ViewStatus struct {
	Entries  int  // session cache
	States   int  // live-revocation index
	Complete bool // the index holds every live revocation
}

// ViewStats are a view's counters.
type ViewStats struct {
	Hits       uint64 // of Get
	Misses     uint64 // of Get
	Evicted    uint64 // entries out for space
	Dropped    uint64 // entries out because an event covered them
	Overflowed uint64 // times that the index grew past its limit and was given up
}
