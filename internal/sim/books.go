package sim

import (
	"fmt"
	"maps"
	"slices"

	"github.com/revocast/revocast"
)

// books are what a ledger holds: one version of it.
type books struct {
	epoch, rev uint64
	state      revocast.LedgerState
	server     string // under which the epoch was opened or is being recovered
	settled    bool
	terms      revocast.Terms
	claims     []string
	record     uint64
	durable    revocast.Position
	restored   uint64          // revisions of a recovering ledger that came from the stream
	acked      map[uint64]bool // revisions beyond durable
	trimmed    revocast.Position
	generation uint64
	members    map[revocast.MemberID]revocast.Member
	states     map[revocast.Key]standing
	log        []entry
	answers    map[string]answer
}

// standing is a state with the time of its latest change.
type standing struct {
	revocast.KeyedState
	changed int64
}

type entry struct {
	event  revocast.Event
	logged int64
}

// answer is what a commit is remembered by.
type answer struct {
	proposals  []revocast.Event
	entries    []revocast.CommitEntry
	epoch      uint64
	generation uint64
	forget     int64
}

func (b *books) clone() books {
	c := *b
	c.claims, c.log = slices.Clone(b.claims), slices.Clone(b.log)
	c.acked, c.members = maps.Clone(b.acked), maps.Clone(b.members)
	c.states, c.answers = maps.Clone(b.states), maps.Clone(b.answers)
	return c
}

func (b *books) position() revocast.Position {
	return revocast.Position{Epoch: b.epoch, Rev: b.rev}
}

// serves fails unless the ledger is open.
func (b *books) serves() error {
	switch b.state {
	case revocast.LedgerOpen:
		return nil
	case revocast.LedgerRecovering:
		return fmt.Errorf("%w: epoch %d", revocast.ErrRecovering, b.epoch)
	case revocast.LedgerFenced:
		return fmt.Errorf("%w: epoch %d", revocast.ErrFenced, b.epoch)
	}
	return fmt.Errorf("%w: sim", revocast.ErrUninitialised)
}

// initialised fails if the ledger has no epoch.
func (b *books) initialised() error {
	if b.epoch == 0 {
		return fmt.Errorf("%w: sim", revocast.ErrUninitialised)
	}
	return nil
}

// margin is how long a state is kept, in milliseconds, after it may be forgotten.
const margin = 60_000

// load returns the state of a key, zero if there is none any more.
func (b *books) load(key revocast.Key, now int64) standing {
	s, ok := b.states[key]
	if ok && s.State.Until+margin <= now {
		delete(b.states, key)
		return standing{}
	}
	return s
}

func (b *books) save(key revocast.Key, scope revocast.Scope, s standing) {
	if b.states == nil {
		b.states = make(map[revocast.Key]standing)
	}
	s.Key, s.Scope = key, scope
	b.states[key] = s
}

// append makes e the next revision.
func (b *books) append(e revocast.Event, logged int64) revocast.Event {
	b.rev++
	e.Position = b.position()
	b.log = append(b.log, entry{e, logged})
	return e
}

// after returns the log entries after p, at most limit.
func (b *books) after(p revocast.Position, limit int) ([]revocast.Event, bool) {
	i, _ := slices.BinarySearchFunc(b.log, p, func(e entry, p revocast.Position) int {
		if e.event.Position.Compare(p) <= 0 {
			return -1
		}
		return 1
	})
	rest := b.log[i:]
	more := len(rest) > limit
	rest = rest[:min(limit, len(rest))]
	events := make([]revocast.Event, len(rest))
	for i, e := range rest {
		events[i] = e.event
	}
	return events, more
}

// trim drops the oldest durable entries that are too old or too many.
func (b *books) trim(keep int, oldest int64) {
	for len(b.log) > 0 {
		first := b.log[0]
		if b.durable.Before(first.event.Position) || len(b.log) <= keep && first.logged >= oldest {
			return
		}
		b.trimmed = first.event.Position
		b.log = b.log[1:]
	}
}
