package fake

import (
	"fmt"
	"sync"

	"github.com/revocast/revocast"
)

// annals are facts about a realm that hold at all of its servers.
type annals struct {
	mu      sync.Mutex        // guards the rest; nothing else is locked while it is held
	servers int               // that there ever were
	reached map[uint64]uint64 // epoch → the latest revision ever committed in it
	ledgers []*Ledger
}

func newAnnals() *annals { return &annals{reached: make(map[uint64]uint64)} }

// server returns the identity of a server that has just started.
func (a *annals) server() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.servers++
	return fmt.Sprintf("%040x", a.servers)
}

func (a *annals) join(l *Ledger) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.ledgers = append(a.ledgers, l)
}

// reach notes that a ledger has got to p.
func (a *annals) reach(p revocast.Position) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.reached[p.Epoch] = max(a.reached[p.Epoch], p.Rev)
}

// committed reports whether any ledger ever got to p.
func (a *annals) committed(p revocast.Position) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return p.Rev <= a.reached[p.Epoch]
}

// stands reports whether e says nothing that the state in one of the ledgers does not.
func (a *annals) stands(e revocast.Event) bool {
	a.mu.Lock()
	ledgers := a.ledgers
	a.mu.Unlock()
	for _, l := range ledgers {
		if state := l.State(e.Key); state.Merge(e.State()) == state {
			return true
		}
	}
	return false
}
