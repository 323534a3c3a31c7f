package fake

import (
	"fmt"
	"slices"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

// books are what a ledger holds.
type books struct {
	sheet
	acked   table[uint64, bool] // revisions beyond durable
	members table[port.MemberID, port.Member]
	states  table[revocast.Key, standing]
	answers table[string, answer]
	turns   table[string, turn]
	leads   table[bookLine, issuerLead]
	gens    table[string, uint64] // the generation of each class
	history history
}

// sheet is the part of the books that is copied as a whole. Its slices are appended to
// and cut, never written into: earlier versions share them.
type sheet struct {
	epoch, rev uint64
	state      port.LedgerState
	server     string // under which the epoch was opened or is being recovered
	settled    bool
	settling   uint64 // how often it has become unsettled within the epoch
	settleFor  time.Duration
	terms      port.Terms
	claims     []string
	record     uint64
	opened     uint64 // epoch
	openedBy   string
	durable    revocast.Position
	from       revocast.Position // the log after it is logged again; zero: see unsure
	restored   uint64            // revisions of a recovering ledger that came from the stream
	trimmed    revocast.Position
	classes    []string // of workers that were let in
	born, gone uint64   // states ever made, and taken out
	log        []entry
	lost       bool // the log, so that not even an empty one is left
	moved      bool // to other names, in movedTurn of the book of leads
	movedTurn  uint64
	rekey      bool   // there may be states under old keys
	doubt      uint64 // the latest epoch whose log lacked entries at its end
	doubtBorn  uint64 // how many states had been made by then
	mark       port.StreamMark
	marked     int64
	witnesses  []witness // oldest first
	turn       uint64    // of the book of leads
}

// standing is a state with the time of its latest change.
type standing struct {
	port.KeyedState
	changed int64
}

type entry struct {
	event  revocast.Event
	logged int64
}

// answer is what a commit is remembered by.
type answer struct {
	proposals  []revocast.Event
	entries    []port.CommitEntry
	epoch      uint64
	generation string
	forget     int64
}

// turn is who has a task, and until when.
type turn struct {
	holder string
	until  int64
}

// clone returns the books as they stand, without their history.
func (b *books) clone() books {
	return books{
		sheet: b.sheet.clone(), acked: b.acked.clone(), members: b.members.clone(), states: b.states.clone(),
		answers: b.answers.clone(), turns: b.turns.clone(), leads: b.leads.clone(),
		gens:    b.gens.clone(),
		history: history{limit: b.history.limit},
	}
}

func (s sheet) clone() sheet {
	s.claims, s.log, s.witnesses = slices.Clone(s.claims), slices.Clone(s.log), slices.Clone(s.witnesses)
	s.classes = slices.Clone(s.classes)
	return s
}

// keep makes the present version one to which back can return. Steps that change the position begin
// with it; changes of other steps belong to the version before.
func (b *books) keep() { b.history.keep(&b.sheet) }

// back makes the books what they were at a position, or at the latest version before.
func (b *books) back(to revocast.Position) bool {
	s, found := b.history.back(func(s sheet) bool { return !to.Before(s.position()) })
	if found {
		b.sheet = s
	}
	return found
}

func (s *sheet) position() revocast.Position {
	return revocast.Position{Epoch: s.epoch, Rev: s.rev}
}

// serves fails unless the ledger is open.
func (s *sheet) serves() error {
	switch s.state {
	case port.LedgerOpen:
		return nil
	case port.LedgerRecovering:
		return fmt.Errorf("%w: epoch %d", revocast.ErrRecovering, s.epoch)
	case port.LedgerFenced:
		return fmt.Errorf("%w: epoch %d", revocast.ErrFenced, s.epoch)
	}
	return fmt.Errorf("%w: fake", revocast.ErrUninitialised)
}

// initialised fails if the ledger has no epoch.
func (s *sheet) initialised() error {
	if s.epoch == 0 {
		return fmt.Errorf("%w: fake", revocast.ErrUninitialised)
	}
	return nil
}

func (s *sheet) sameEpoch(epoch uint64) error {
	if epoch != s.epoch {
		return fmt.Errorf("%w: fake: in epoch %d, not %d", revocast.ErrEpoch, s.epoch, epoch)
	}
	return nil
}

// margin is how long a state is kept, in milliseconds, after it may be forgotten.
const margin = 60_000

// load returns the state of a key, zero if there is none.
func (b *books) load(key revocast.Key) standing {
	s, _ := b.states.get(key)
	return s
}

func (b *books) save(key revocast.Key, scope revocast.Scope, s standing) {
	s.Key, s.Scope, s.Names = key, scope, b.terms.Names.Secrets
	if s.Born == 0 {
		b.born++
		s.Born = b.born
	}
	b.states.put(&b.history, key, s)
}
