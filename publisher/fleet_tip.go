package publisher

import (
	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

// tip is how far the ledger has come, as far as this publisher knows: by the answers of the ledger,
// and by the events of other publishers. Nobody can have applied more. What is acknowledged beyond
// it waits, for another publisher may have committed it, and raises nobody until the ledger turns
// out to have come that far.
type tip struct {
	at    revocast.Position
	look  uint64 // looks begun when it was raised
	ahead map[port.MemberID]aheadAck
}

// aheadAck is the latest acknowledgement of a member that is beyond the tip.
type aheadAck struct {
	applied revocast.Position
	look    uint64 // looks begun when it came
}

// holdLocked keeps an acknowledgement that is beyond the tip, and reports whether it is.
func (f *fleet) holdLocked(a port.Ack) bool {
	if !f.tip.at.Before(a.Applied) {
		return false
	}
	held, ok := f.tip.ahead[a.Member]
	if !ok && f.members[a.Member] == nil && len(f.tip.ahead) >= maxEarly {
		return true
	}
	if held.applied.Before(a.Applied) {
		f.tip.ahead[a.Member] = aheadAck{a.Applied, f.looks}
	}
	return true
}

// reached takes in the position of an event that another publisher has published.
func (f *fleet) reached(p revocast.Position) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.reachedLocked(p) {
		f.settleLocked(f.clock.Monotonic())
	}
}

// reachedLocked raises the tip, and reports whether least moved with it.
func (f *fleet) reachedLocked(p revocast.Position) (moved bool) {
	if !f.tip.at.Before(p) {
		return false
	}
	f.tip.at, f.tip.look = p, f.looks
	for id, a := range f.tip.ahead {
		if !p.Before(a.applied) {
			delete(f.tip.ahead, id)
			moved = f.believeLocked(port.Ack{Member: id, Applied: a.applied}) || moved
		}
	}
	return moved
}

// correctLocked takes in where the ledger was when it was looked at. A tip from before that look
// cannot be beyond it.
func (f *fleet) correctLocked(p revocast.Position, look uint64) {
	if f.tip.look < look {
		f.tip.at, f.tip.look = p, look
	}
	f.reachedLocked(p)
}

// sortLocked ends the waiting of what was acknowledged before a look at the ledger: the look has
// shown that the ledger had not come that far.
func (f *fleet) sortLocked(look uint64) {
	for id, a := range f.tip.ahead {
		switch {
		case !f.tip.at.Before(a.applied):
			f.believeLocked(port.Ack{Member: id, Applied: a.applied})
		case a.look < look:
			f.impossible.Add(1)
			f.say.Warn("impossible", "a worker has acknowledged what the ledger does not hold; it is not believed",
				"member", id, "acknowledged", a.applied, "ledger", f.tip.at)
		default:
			continue
		}
		delete(f.tip.ahead, id)
	}
}
