package worker

import (
	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

// NoCache is a [port.View] that remembers nothing: every check verifies the signature and asks the
// ledger. It serves programs that want no cache, and benchmarks that measure one.
type NoCache struct{}

var _ port.View = NoCache{}

// Get finds nothing.
func (NoCache) Get(port.Space, string) *port.Entry { return nil }

// Put stores nothing.
func (NoCache) Put(port.Space, string, *port.Entry, int64) bool { return false }

// Drop does nothing.
func (NoCache) Drop(port.Space, string) {}

// DropIf does nothing.
func (NoCache) DropIf(func(*port.Entry) bool) {}

// Lookup knows nothing, and says so.
func (NoCache) Lookup(*revocast.Keys, int64, int64) (port.Match, bool) { return port.Match{}, false }

// Apply does nothing.
func (NoCache) Apply(revocast.Event) {}

// BeginLoad says that there is nothing to load.
func (NoCache) BeginLoad() bool { return false }

// EndLoad does nothing.
func (NoCache) EndLoad() {}

// Expire does nothing.
func (NoCache) Expire(int64) {}

// Status is all zero.
func (NoCache) Status() port.ViewStatus { return port.ViewStatus{} }

// Stats are all zero.
func (NoCache) Stats() port.ViewStats { return port.ViewStats{} }
