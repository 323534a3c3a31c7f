package revocast

// NoCache is a [View] that remembers nothing: every check verifies the signature and
// asks the ledger. For those who want no cache, and as the yardstick for one.
type NoCache struct{}

var _ View = NoCache{}

// Get finds nothing.
func (NoCache) Get(Space, string) *Entry { return nil }

// Put stores nothing.
func (NoCache) Put(Space, string, *Entry, int64) bool { return false }

// Drop does nothing.
func (NoCache) Drop(Space, string) {}

// DropIf does nothing.
func (NoCache) DropIf(func(*Entry) bool) {}

// Lookup knows nothing, and says so.
func (NoCache) Lookup(*Keys, int64, int64) (Match, bool) { return Match{}, false }

// Apply does nothing.
func (NoCache) Apply(Event) {}

// BeginLoad does nothing.
func (NoCache) BeginLoad() {}

// EndLoad does nothing.
func (NoCache) EndLoad() {}

// Expire does nothing.
func (NoCache) Expire(int64) {}

// Stats are all zero.
func (NoCache) Stats() ViewStats { return ViewStats{} }
