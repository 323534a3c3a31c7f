package storetest

import (
	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

// lostLogTests are about a log that somebody deletes, or cuts at its front, while the states
// are still there.
var lostLogTests = []test{
	{"a log that is gone begins a new epoch", logGone},
	{"a log that is gone before the first revision of an epoch", logGoneEarly},
	{"a log that is gone while the ledger recovers", logGoneInRecovery},
	{"a log that was cut is sealed by the next epoch", logCut},
	{"what stood when a log was lost is logged again", loggedAgain},
	{"a part of a state that stood when a log was lost is logged again", partsLoggedAgain},
	{"a ledger that opens without its log has no mark", openWithoutLog},
	{"what was logged and has vanished is made again", vanishedIsLogged},
}

// loseLog deletes the log, and opens the ledger in the epoch that begins for it.
func (k *kit) loseLog(epoch uint64) {
	k.Helper()
	k.CutLog(-1)
	if d := k.describe(); d.State != port.LedgerRecovering || d.Position != at(epoch, 0) {
		k.Fatalf("a ledger without a log is %s at %s, want recovering at %d-0", d.State, d.Position, epoch)
	}
	k.reopen()
}

func (k *kit) refusesBehind(applied ...revocast.Position) {
	k.Helper()
	for _, p := range applied {
		_, err := k.Ledger.Renew(k.ctx, port.Renewal{Member: member("late"), Applied: p, Limit: 10})
		k.fails("applied "+p.String(), err, revocast.ErrTrimmed)
	}
}

func logGone(k *kit) {
	k.start()
	k.commit(revoke("a"), revoke("b"))
	k.loseLog(2)
	k.commit(revoke("c"))
	k.refusesBehind(revocast.Position{}, at(1, 1))
	for _, applied := range []revocast.Position{at(1, 2), at(2, 0)} {
		if r := k.renew("w", applied); len(r.Events) != 1 || r.Events[0].Position != at(2, 1) {
			k.Errorf("applied %s: %+v, want 2-1 alone", applied, r.Events)
		}
	}
	if k.state(key("a")).IsZero() {
		k.Error("a state went with the log")
	}
}

func logGoneEarly(k *kit) {
	k.start()
	k.commit(revoke("a"), revoke("b"))
	k.Replace()
	k.describe()
	k.reopen()
	k.loseLog(3)
	k.commit(revoke("c"))
	k.refusesBehind(at(1, 1), at(1, 2))
}

func logGoneInRecovery(k *kit) {
	k.start()
	k.commit(revoke("a"), revoke("b"))
	k.Replace()
	d := k.describe()
	k.CutLog(-1)
	k.restore(2, with(revoke("lost"), at(1, 3), d.Now, d.Now, d.Now+hour))
	k.reopen()
	k.refusesBehind(at(1, 1), at(1, 2))
	if d := k.describe(); d.Position != at(2, 1) {
		k.Errorf("at %s, want 2-1", d.Position)
	}
}

func logCut(k *kit) {
	k.start()
	k.commit(revoke("a"), revoke("b"), revoke("c"))
	k.CutLog(1)
	k.must(k.Ledger.Reopen(k.ctx, 2, ""))
	k.reopen()
	k.commit(revoke("d"))
	k.refusesBehind(revocast.Position{}, at(1, 1), at(1, 2))
	// Once it is sealed the log is whole again.
	k.Replace()
	k.describe()
	k.reopen()
	if r := k.renew("w", at(2, 0)); len(r.Events) == 0 || r.Events[0].Position != at(2, 1) {
		k.Errorf("applied 2-0: %+v, want what follows from 2-1 on", r.Events)
	}
}

func loggedAgain(k *kit) {
	k.start()
	until := k.describe().Now + hour
	first := k.commit(revokeToken("a"), ban("b", until), ban("c", until))
	lifted := k.commit(lift("c")).Entries[0].Event
	k.loseLog(2)
	banAgain, liftAgain := ban("b", until), lift("c")
	banAgain.Position, liftAgain.Position = first.Entries[1].Event.Position, lifted.Position
	before := k.state(key("b")).Ban
	again := k.commit(revokeToken("a"), banAgain, liftAgain, lift("c"))
	for i, e := range again.Entries {
		if !e.Fresh || e.Event.Position.Epoch != 2 {
			k.Errorf("proposal %d: %+v, want it fresh, in epoch 2", i, e)
		}
	}
	if now := k.state(key("b")).Ban; now != before {
		k.Errorf("the ban was %+v and is %+v", before, now)
	}
	k.refilled(2)
	if e := k.commit(revokeToken("a")).Entries[0]; e.Fresh || e.Event.Position != at(2, 1) {
		k.Errorf("once the stream was refilled: %+v, want what covers it at 2-1", e)
	}
	if e := k.commit(lift("c")).Entries[0]; e.Fresh || e.Event.Position != at(2, 4) {
		k.Errorf("once the stream was refilled: %+v, want what covers it at 2-4", e)
	}
}

// refilled sets the mark that a refill of the stream leaves.
func (k *kit) refilled(epoch uint64) {
	k.Helper()
	d := k.describe()
	k.must(k.Ledger.Mark(k.ctx, d.Mark.Point, port.StreamMark{
		Point: point(9, d.Now), Complete: at(epoch, 0), Afresh: true,
	}))
}

// partsLoggedAgain: what changes one part of such a state says nothing about its other parts.
func partsLoggedAgain(k *kit) {
	k.start()
	until := k.describe().Now + hour
	spared := revoke("spared")
	spared.Except = key("x")
	first := k.commit(revoke("a"), ban("b", until), revoke("spared"))
	k.loseLog(2)
	again := []revocast.Event{revoke("a"), ban("b", until), revoke("spared")}
	for i, e := range first.Entries {
		again[i].CutOff = e.Event.CutOff
	}
	again[1].Position = first.Entries[1].Event.Position
	spared.CutOff = again[2].CutOff + 1
	k.commit(ban("a", until), revoke("b"), spared)
	for range 2 {
		for i, e := range k.commit(again...).Entries {
			if !e.Fresh {
				k.Errorf("proposal %d is covered by %+v, which the stream may lack", i, e)
			}
		}
	}
	k.refilled(2)
	for i, e := range k.commit(again...).Entries {
		if e.Fresh {
			k.Errorf("proposal %d once the stream was refilled: %+v", i, e)
		}
	}
}

// openWithoutLog: the stream may lack what the log had, so it has to be refilled.
func openWithoutLog(k *kit) {
	k.start()
	k.commit(revoke("a"))
	k.mark(point(sequence, k.describe().Now), at(1, 1))
	k.CutLog(-1)
	d := k.describe()
	o := port.Opening{
		Epoch: d.Position.Epoch, Record: port.EpochRecord{Epoch: d.Position.Epoch, Server: d.Server, Sequence: 9},
		Stream: point(sequence+1, d.Now),
	}
	k.must(k.Ledger.Open(k.ctx, o))
	if d := k.describe(); d.State != port.LedgerOpen || d.Mark.Point != (port.StreamPoint{}) {
		k.Errorf("opened: %s, with the mark %+v", d.State, d.Mark)
	}
}

func vanishedIsLogged(k *kit) {
	k.start()
	until := k.describe().Now + hour
	k.commit(revokeToken("a"), revoke("b"), ban("b", until), ban("c", until), lift("c"), ban("d", until), revoke("e"))
	k.commit(invalidate("e"))
	names := []string{"a", "b", "c", "d", "e"}
	before := make(map[string]revocast.State)
	for _, name := range names {
		before[name] = k.state(key(name))
	}
	for _, name := range names[:3] {
		k.Vanish(key(name))
	}
	k.must(k.Ledger.Reopen(k.ctx, 2, ""))
	k.reopen()
	for _, name := range names {
		want, got := before[name], k.state(key(name))
		if want.At = got.At; got != want || got.At.Epoch != 2 {
			k.Errorf("%s: %+v, want %+v in epoch 2", name, got, want)
		}
	}
	if log := k.log(at(2, 0)); len(log) != 7 {
		k.Errorf("%d entries were logged again, want all of them", len(log))
	}
	if d := k.describe(); d.Born-d.Gone != 8 {
		k.Errorf("%d states are counted, want five and the three that vanished", d.Born-d.Gone)
	}
}
