package publisher

import (
	"context"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/component"
	"github.com/revocast/revocast/port"
)

// Pace of looking at the members while a revocation waits for some of them.
const (
	lookAfter = 20 * time.Millisecond  // acknowledgements are on their way: wait for them first
	lookEvery = 100 * time.Millisecond // from one look to the next
	joinEvery = 5 * time.Millisecond   // the same when it is not known who the members are
	reachLife = 10 * time.Second       // how old what the members accept may be while revocations are made
	maxEarly  = 1024                   // acknowledgements of members not known yet that are kept
)

// fleet knows how far each member has come. It tells revocations when the last member has applied
// them, or when the lease of every member that has not must have run out.
type fleet struct {
	*base
	ledger fleetLedger
	terms  func() *port.Terms // those in force; nil before the ledger was read
	kick   chan struct{}

	struck, strangers, impossible atomic.Uint64

	// mu guards the rest. least is the smallest Applied of members and atLeast how many
	// have it, so that an acknowledgement costs nothing while others are behind.
	mu         sync.Mutex
	generation generation // of members
	unlisted   []string   // classes of which it is not known who all their members are
	// listedFrom is when the leases have run out of members whose class was unlisted: a list that was
	// deleted fills again one renewal after the other.
	listedFrom time.Duration
	looks      uint64 // looks begun
	looked     uint64 // the latest look that members come from
	members    map[port.MemberID]*fleetMember
	early      map[port.MemberID]revocast.Position
	tip        tip
	least      revocast.Position
	atLeast    int
	waiters    []*fleetWaiter // by position
	reach      *fleetReach    // what members accept together
	// chase is the latest position that was confirmed by deadline alone. Members that have not
	// applied it are watched until they have, or are struck off, so that the next revocation need
	// not wait for them too. Zero: none.
	chase revocast.Position
}

type fleetLedger interface {
	memberLister
	Strike(ctx context.Context, m port.Member) (bool, error)
}

type memberLister interface {
	Members(ctx context.Context) (port.Membership, error)
}

type fleetMember struct {
	port.Member
	// still is when, on the publisher's clock, the renew counter was first seen with
	// its present value. The lease that goes with it ends before still + W.
	still time.Duration
	// heard is the latest position that the member has acknowledged on the bus, and missed
	// one that it had applied, by its renewal, and not acknowledged when a revocation was
	// confirmed, at missedAt. Zero: none.
	heard, missed revocast.Position
	missedAt      time.Duration
}

// fleetWaiter waits until every member has applied position.
type fleetWaiter struct {
	f          *fleet
	position   revocast.Position
	generation generation // members must be known as of here
	looks      uint64     // or as of a look after this one
	look       uint64     // and as of this look or a later one
	since      time.Duration
	deadline   time.Duration
	done       chan outcome // buffered; gets one value
}

// outcome is how a revocation was confirmed.
type outcome struct {
	realm string
	tally revocast.Tally
	reach *fleetReach // nil: it is not known what the members accept
}

func newFleet(b *base, ledger fleetLedger, terms func() *port.Terms) *fleet {
	return &fleet{
		base: b, ledger: ledger, terms: terms, kick: make(chan struct{}, 1),
		members: make(map[port.MemberID]*fleetMember), early: make(map[port.MemberID]revocast.Position),
		tip: tip{ahead: make(map[port.MemberID]aheadAck)}, reach: reachOf(nil), listedFrom: math.MinInt64,
	}
}

// generation is that of the membership in an epoch. It compares equal as long as nobody has joined
// or gone. Neither of two can be told to be the later one: a part of it belongs to each class, and
// a hostile worker may turn its own back.
type generation struct {
	epoch uint64
	text  string
}

// wait returns a waiter for position, committed when the membership was of generation. A worker
// that holds a lease from before that commit is a member of that generation, and of every later
// one unless it was struck off because its lease was gone. At deadline, which is W after the commit's
// answer, no lease from before the commit is left at all.
//
// If the generation is not known, the last argument makes it ask for the members as they are from
// now on.
func (f *fleet) wait(b batch) *fleetWaiter {
	now := f.clock.Monotonic()
	w := &fleetWaiter{
		f: f, position: b.last, generation: b.generation, since: now,
		deadline: b.since + b.terms.Wait(), done: make(chan outcome, 1),
	}
	position := b.last
	f.mu.Lock()
	defer f.mu.Unlock()
	w.looks = f.looks
	if b.askMembers {
		w.look = f.looks + 1
	}
	i, _ := slices.BinarySearchFunc(f.waiters, position, func(w *fleetWaiter,
		p revocast.Position,
	) int {
		return w.position.Compare(p)
	})
	f.waiters = slices.Insert(f.waiters, i, w)
	f.reachedLocked(position)
	f.settleLocked(now)
	component.Signal(f.kick)
	return w
}

// applied waits until the fleet has it.
func (w *fleetWaiter) applied(run context.Context) (outcome, error) {
	select {
	case by := <-w.done:
		return by, nil
	case <-run.Done():
		return outcome{}, context.Cause(run)
	}
}

func (w *fleetWaiter) cancel() {
	w.f.mu.Lock()
	defer w.f.mu.Unlock()
	if i := slices.Index(w.f.waiters, w); i >= 0 {
		w.f.waiters = slices.Delete(w.f.waiters, i, i+1)
	}
}

// acknowledge takes in what a member says it has applied. It is what the bus calls.
func (f *fleet) acknowledge(a port.Ack) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.holdLocked(a) && f.believeLocked(a) {
		f.settleLocked(f.clock.Monotonic())
	}
}

// believeLocked takes in an acknowledgement that may be true, and reports whether least moved.
func (f *fleet) believeLocked(a port.Ack) bool {
	m := f.members[a.Member]
	if m == nil {
		if len(f.early) < maxEarly && f.early[a.Member].Before(a.Applied) {
			f.early[a.Member] = a.Applied
		}
		return false
	}
	m.hears(a.Applied)
	return f.appliedLocked(m, a.Applied)
}

// appliedLocked raises a member's position and reports whether least moved.
func (f *fleet) appliedLocked(m *fleetMember, applied revocast.Position) bool {
	if !m.Applied.Before(applied) {
		return false
	}
	wasLeast := m.Applied == f.least
	m.Applied = applied
	if !wasLeast {
		return false
	}
	if f.atLeast--; f.atLeast > 0 {
		return false
	}
	f.countLocked()
	return true
}

func (f *fleet) countLocked() {
	f.least, f.atLeast = revocast.Position{}, 0
	for _, m := range f.members {
		switch {
		case f.atLeast == 0 || m.Applied.Before(f.least):
			f.least, f.atLeast = m.Applied, 1
		case m.Applied == f.least:
			f.atLeast++
		}
	}
}

// settleLocked completes the waiters whose condition holds.
func (f *fleet) settleLocked(now time.Duration) {
	f.waiters = slices.DeleteFunc(f.waiters, func(w *fleetWaiter) bool {
		applied := f.knownLocked(w) && (len(f.members) == 0 || !f.least.Before(w.position))
		if !applied && now < w.deadline {
			return false
		}
		tally := f.tallyLocked(w.position)
		f.missLocked(w.position, now)
		if tally.Lapsed > 0 && f.chase.Before(w.position) {
			f.chase = w.position
		}
		by := outcome{realm: f.realm, tally: tally}
		if f.knownLocked(w) || tally.Live == 0 {
			by.reach = f.reach
		}
		w.done <- by
		return true
	})
}

func (f *fleet) reachLocked() *fleetReach {
	reaches := make([]*port.Reach, 0, len(f.members))
	for _, m := range f.members {
		reaches = append(reaches, m.Reach)
	}
	return reachOf(reaches)
}

// chaseLocked ends the chase when nobody is behind any more.
func (f *fleet) chaseLocked() {
	if len(f.members) == 0 || !f.least.Before(f.chase) {
		f.chase = revocast.Position{}
	}
}

// knownLocked reports whether members holds every worker that w has to wait for. The members of a
// later epoch do not: its ledger may have been emptied or rolled back, and a worker that it does
// not know may still hold a lease of the epoch before. Then only the deadline counts.
func (f *fleet) knownLocked(w *fleetWaiter) bool {
	return f.generation.epoch == w.generation.epoch && (f.generation == w.generation || f.looked > w.looks) &&
		f.looked >= w.look && len(f.unlisted) == 0 && w.since >= f.listedFrom
}

func (f *fleet) tallyLocked(position revocast.Position) revocast.Tally {
	t := revocast.Tally{Live: len(f.members)}
	for _, m := range f.members {
		if !m.Applied.Before(position) {
			t.Confirmed++
		}
	}
	t.Lapsed = t.Live - t.Confirmed
	return t
}

// run looks at the members while somebody waits, keeps deadlines, and strikes off
// those whose lease is gone.
func (f *fleet) run(ctx context.Context) error {
	looked := f.clock.Monotonic() - lookEvery
	for ctx.Err() == nil {
		pause, look := f.next(f.clock.Monotonic(), looked)
		if look {
			looked = f.clock.Monotonic()
			f.look(ctx)
			continue
		}
		f.sleep(ctx, pause, f.kick)
		f.mu.Lock()
		f.settleLocked(f.clock.Monotonic())
		f.mu.Unlock()
	}
	return nil
}

// next says how long to pause until the members have to be looked at.
func (f *fleet) next(now, looked time.Duration) (pause time.Duration, look bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.waiters) == 0 && f.chase.IsZero() {
		return time.Hour, false
	}
	if len(f.waiters) > 0 && now-looked >= reachLife {
		return 0, true // nobody waits for this look; the next revocation's warnings come of it
	}
	pause = lookEvery
	if !f.chase.IsZero() {
		if pause = looked + lookEvery - now; pause <= 0 {
			return 0, true
		}
	}
	for _, w := range f.waiters {
		due := max(w.since+lookAfter, looked+lookEvery)
		if !f.knownLocked(w) && f.generation.epoch <= w.generation.epoch && len(f.unlisted) == 0 {
			due = looked + joinEvery // a member joined or left, and it is not known whom to wait for
		}
		pause = min(pause, due-now, w.deadline-now)
		if due <= now {
			return 0, true
		}
	}
	return max(pause, time.Millisecond), false
}

// look reads the members from the ledger and strikes off those whose lease is gone.
func (f *fleet) look(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	f.mu.Lock()
	f.looks++
	look := f.looks
	f.mu.Unlock()
	list, err := f.ledger.Members(ctx)
	if err != nil {
		f.log.Debug("members not read", "error", err)
		return
	}
	if len(list.Unlisted) > 0 {
		f.say.Warn("unlisted", "the members of a class are not known, so every revocation waits for a lease to end: "+
			"a program with the rights of the class has deleted or overwritten the list, or made it too long",
			"classes", list.Unlisted)
	}
	f.update(list, look)
	f.noteSilent(f.silent())
	for _, m := range f.lapsed() {
		gone, err := f.ledger.Strike(ctx, m)
		if err != nil || !gone {
			continue
		}
		f.struck.Add(1)
		f.log.Warn("struck off a worker that neither renews nor acknowledges", "member", m.ID, "applied", m.Applied)
		f.remove(m.ID)
	}
}

func (f *fleet) update(list port.Membership, look uint64) {
	now := f.clock.Monotonic()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.correctLocked(list.Position, look)
	next := make(map[port.MemberID]*fleetMember, len(list.Members))
	sameEpoch := list.Position.Epoch == f.generation.epoch
	for _, m := range list.Members {
		next[m.ID] = f.mergeLocked(m, sameEpoch, now)
	}
	f.members = next
	f.reach = f.reachLocked()
	f.generation = generation{list.Position.Epoch, list.Generation}
	f.unlisted = list.Unlisted
	if terms := f.terms(); len(f.unlisted) > 0 && terms != nil {
		f.listedFrom = now + terms.Wait()
	}
	f.looked = look
	for id := range f.early {
		if next[id] == nil {
			f.strangers.Add(1)
		}
	}
	clear(f.early)
	f.sortLocked(look)
	f.countLocked()
	f.chaseLocked()
	f.settleLocked(now)
}

// mergeLocked carries over what is known of a member. Its counter has stood still only
// if nothing else has changed: a member that was struck off and came back, or whose
// ledger was emptied, counts from the beginning and passes the old value again. Seen
// is compared for that alone, never as a time. What it has acknowledged does not count any more if
// the ledger turns out not to have come so far.
func (f *fleet) mergeLocked(m port.Member, sameEpoch bool, now time.Duration) *fleetMember {
	merged := &fleetMember{Member: m, still: now}
	if old := f.members[m.ID]; old != nil {
		if sameEpoch && old.Renewals == m.Renewals && old.Seen == m.Seen {
			merged.still = old.still
		}
		if merged.Applied.Before(old.Applied) && !f.tip.at.Before(old.Applied) {
			merged.Applied = old.Applied
		}
		merged.heard, merged.missed, merged.missedAt = old.heard, old.missed, old.missedAt
	}
	if early, ok := f.early[m.ID]; ok && !f.tip.at.Before(early) {
		merged.hears(early)
		if merged.Applied.Before(early) {
			merged.Applied = early
		}
	}
	return merged
}

// lapsed lists the members that keep somebody waiting and whose renew counter has
// stood still for W: no lease of theirs is left.
func (f *fleet) lapsed() []port.Member {
	f.mu.Lock()
	defer f.mu.Unlock()
	terms := f.terms()
	if terms == nil {
		return nil
	}
	var gone []port.Member
	now := f.clock.Monotonic()
	for _, m := range f.members {
		if m.Still = now - m.still; m.Still >= terms.Wait() {
			gone = append(gone, m.Member)
		}
	}
	return gone
}

func (f *fleet) remove(id port.MemberID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.members, id)
	f.reach = f.reachLocked()
	f.countLocked()
	f.chaseLocked()
	f.settleLocked(f.clock.Monotonic())
}

// freshen raises members' positions to what they have acknowledged since they renewed.
func (f *fleet) freshen(members []port.Member) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, m := range members {
		known := f.early[m.ID]
		if held := f.members[m.ID]; held != nil {
			known = held.Applied
		}
		if members[i].Applied.Before(known) {
			members[i].Applied = known
		}
	}
}
