package publisher

import (
	"testing"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

// appliedBy is how far the fleet believes a member to be.
func appliedBy(f *fleet, name string) revocast.Position {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.members[memberID(name)].Applied
}

// lists takes in the members as the ledger has them at a position, in a look that begins now.
func (f *fleet) lists(at revocast.Position, members ...port.Member) {
	f.mu.Lock()
	f.looks++
	look := f.looks
	f.mu.Unlock()
	f.update(port.Membership{Generation: "1", Members: members, Position: at}, look)
}

// TestAcknowledgedBeyondTheLedger raises nobody, now or later, however often it comes.
func TestAcknowledgedBeyondTheLedger(t *testing.T) {
	a := member("a", pos(1, 3), 1)
	f, _ := fleetOf(t, a)
	f.lists(pos(1, 4), a)
	for _, far := range []revocast.Position{pos(1, 9), pos(1, uint64(revocast.Forever)), pos(7, 1)} {
		f.acknowledge(port.Ack{Member: memberID("a"), Applied: far})
		w := f.wait(f.committedAt(pos(1, 4), "1"))
		if done(w) || appliedBy(f, "a") != pos(1, 3) {
			t.Fatalf("one acknowledgement of %s: believed to be at %s", far, appliedBy(f, "a"))
		}
		w.cancel()
	}
	f.lists(pos(1, 5), a)
	if f.impossible.Load() != 1 || appliedBy(f, "a") != pos(1, 3) {
		t.Errorf("%d counted, believed to be at %s", f.impossible.Load(), appliedBy(f, "a"))
	}
	w := f.wait(f.committedAt(pos(1, 9), "1"))
	if done(w) {
		t.Error("the acknowledgement was remembered until the ledger had come so far")
	}
	f.acknowledge(port.Ack{Member: memberID("a"), Applied: pos(1, 9)})
	if !done(w) {
		t.Error("what it acknowledges of this ledger is not believed any more")
	}
}

// TestAcknowledgedBeforeItIsKnownHere: another publisher has committed it, or this one, whose answer
// is still under way.
func TestAcknowledgedBeforeItIsKnownHere(t *testing.T) {
	for what, learn := range map[string]func(*fleet, port.Member){
		"by a commit": func(f *fleet, _ port.Member) { f.wait(f.committedAt(pos(1, 9), "1")).cancel() },
		"by an event": func(f *fleet, _ port.Member) { f.reached(pos(1, 9)) },
		"by a look":   func(f *fleet, m port.Member) { f.lists(pos(1, 9), m) },
	} {
		a := member("a", pos(1, 3), 1)
		f, _ := fleetOf(t, a)
		f.lists(pos(1, 5), a)
		w := f.wait(f.committedAt(pos(1, 5), "1"))
		f.acknowledge(port.Ack{Member: memberID("a"), Applied: pos(1, 9)})
		if done(w) {
			t.Errorf("%s: believed before", what)
		}
		learn(f, a)
		if !done(w) || f.impossible.Load() != 0 {
			t.Errorf("%s: not confirmed, or %d counted", what, f.impossible.Load())
		}
	}
}

// TestBeliefIsCorrected: what was believed beyond the ledger does not outlast the next look at it.
func TestBeliefIsCorrected(t *testing.T) {
	a := member("a", pos(1, 3), 1)
	f, _ := fleetOf(t, a)
	f.lists(pos(1, 4), a)
	f.reached(pos(1, 1<<40)) // of an event that never was
	f.acknowledge(port.Ack{Member: memberID("a"), Applied: pos(1, 1<<40)})
	if appliedBy(f, "a") != pos(1, 1<<40) {
		t.Fatal("the test has no belief to correct")
	}
	a.Applied = pos(1, 4)
	f.lists(pos(1, 5), a)
	if got := appliedBy(f, "a"); got != pos(1, 4) {
		t.Errorf("believed to be at %s, by the ledger at 1-4", got)
	}
	if w := f.wait(f.committedAt(pos(1, 5), "1")); done(w) {
		t.Error("confirmed by a worker that has not applied it")
	}
}

// TestHeldAcknowledgementsAreBounded: strangers cannot fill the memory.
func TestHeldAcknowledgementsAreBounded(t *testing.T) {
	a := member("a", pos(1, 3), 1)
	f, _ := fleetOf(t, a)
	f.lists(pos(1, 4), a)
	for i := range uint64(2 * maxEarly) {
		id := memberID("x")
		id.Incarnation = pos(i, i).String()
		f.acknowledge(port.Ack{Member: id, Applied: pos(1, 9)})
	}
	f.acknowledge(port.Ack{Member: memberID("a"), Applied: pos(1, 9)})
	if n := len(f.tip.ahead); n != maxEarly+1 {
		t.Errorf("%d are held, want %d and the member's", n, maxEarly)
	}
	f.lists(pos(1, 9), a)
	if len(f.tip.ahead) != 0 || appliedBy(f, "a") != pos(1, 9) {
		t.Errorf("%d are still held, and the member is at %s", len(f.tip.ahead), appliedBy(f, "a"))
	}
}
