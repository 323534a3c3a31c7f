package storetest

import (
	"slices"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

var recoveryTests = []test{
	{"every step notices another server", noticed},
	{"claims add up until it opens", claims},
	{"restore fills what was lost", restoreLost},
	{"restore names the epoch", restoreEpoch},
	{"restore keeps the events as they were", restoreFields},
	{"restore drops what may be forgotten", restoreExpired},
	{"a ban and its lift in any order", restoreBans},
	{"what JetStream has not acknowledged gets revisions of the new epoch", unacknowledged},
	{"what was restored is durable, what is logged again is not", restoredAndUnacknowledged},
	{"what covers a proposal is durable no sooner than its new revision", unacknowledgedCovers},
	{"many of them", unacknowledgedMany},
	{"a lifted ban does not come back that way", unacknowledgedLift},
	{"an emptied ledger is refilled", refill},
}

func noticed(k *kit) {
	k.start()
	epoch := uint64(1)
	for _, s := range servingSteps {
		k.Replace()
		k.fails(s.name+" on another server", s.run(k.ctx, k.Ledger), revocast.ErrRecovering)
		epoch++
		if d := k.describe(); d.State != port.LedgerRecovering || d.Position != at(epoch, 0) || d.Settled {
			k.Fatalf("%s on another server left %+v, want epoch %d", s.name, d, epoch)
		}
		k.allFail(revocast.ErrRecovering)
		k.reopen()
	}
	k.Replace()
	k.log(revocast.Position{}) // notices, and reads
	epoch++
	if d := k.describe(); d.State != port.LedgerRecovering || d.Position != at(epoch, 0) {
		k.Fatalf("Log on another server left %+v, want epoch %d", d, epoch)
	}
	k.Replace()
	_, err := k.Ledger.Restore(k.ctx, epoch, nil)
	k.fails("Restore on another server", err, revocast.ErrEpoch)
	k.Replace()
	k.fails("Open on another server", k.Ledger.Open(k.ctx,
		port.Opening{Epoch: epoch + 1, Record: port.EpochRecord{}, Settled: true}), revocast.ErrEpoch)
	k.Replace()
	k.fails("Fence on another server", k.Ledger.Fence(k.ctx, epoch+2), revocast.ErrEpoch)
	if d := k.describe(); d.State != port.LedgerRecovering || d.Position.Epoch != epoch+3 {
		k.Errorf("at last: %+v, want epoch %d", d, epoch+3)
	}
}

func claims(k *kit) {
	k.start()
	var want []string
	for range 3 {
		k.Replace()
		d := k.describe()
		want = append(want, d.Server)
		if !slices.Equal(d.Claims, want) {
			k.Errorf("claims %q, want %q", d.Claims, want)
		}
	}
	k.reopen()
	if d := k.describe(); len(d.Claims) != 0 || d.Position.Epoch != 4 {
		k.Errorf("open again with claims %q in epoch %d", d.Claims, d.Position.Epoch)
	}
}

func restoreLost(k *kit) {
	k.start()
	c := k.commit(revoke("kept"))
	k.acked(1, 1)
	k.Replace()
	now := k.describe().Now
	kept := c.Entries[0].Event
	lost := with(revoke("lost"), at(1, 2), now-5, now-5, now+hour)
	if n := k.restore(2, kept, lost); n != 1 {
		k.Errorf("Restore of one known and one lost event changed %d, want 1", n)
	}
	if n := k.restore(2, lost, kept); n != 0 {
		k.Errorf("Restore once more changed %d, want 0", n)
	}
	k.reopen()
	log := k.log(at(1, 1))
	if len(log) != 1 || log[0].Position != at(2, 1) || log[0].Key != key("lost") {
		k.Errorf("log of the new epoch: %+v, want the lost event alone at 2-1", log)
	}
	if s := k.state(key("lost")); s.CutOff != now-5 || s.Until != now+hour || s.At != at(2, 1) {
		k.Errorf("restored state: %+v", s)
	}
	if d := k.describe(); d.Position != at(2, 1) || d.Durable != at(2, 1) {
		k.Errorf("after recovery: position %s, durable %s; want 2-1 for both: JetStream has it", d.Position, d.Durable)
	}
}

func restoreEpoch(k *kit) {
	k.start()
	e := with(revoke("a"), at(1, 1), 1, 1, k.describe().Now+hour)
	_, err := k.Ledger.Restore(k.ctx, 1, []revocast.Event{e})
	k.fails("Restore into an open ledger", err, revocast.ErrEpoch)
	k.Replace()
	_, err = k.Ledger.Restore(k.ctx, 1, []revocast.Event{e})
	k.fails("Restore into another epoch", err, revocast.ErrEpoch)
	k.restore(2)
	k.reopen()
	if !k.state(e.Key).IsZero() {
		k.Error("a refused Restore left something")
	}
}

func restoreFields(k *kit) {
	k.must(k.Ledger.Begin(k.ctx, 5, Terms()))
	now := k.describe().Now
	e := with(revoke("a"), at(3, 9), now-2*hour, now-3*hour, now+hour)
	e.Except, e.Reason, e.Initiator = key("session"), "päßword-change", "user"
	b := with(ban("b", 0), at(4, 1), now-hour, 0, now+hour)
	b.From = now + 5
	l := with(lift("c"), at(4, 2), now-hour, 0, now+hour)
	if n := k.restore(5, e, b, l); n != 3 {
		k.Errorf("Restore changed %d, want 3", n)
	}
	k.reopen()
	log := k.log(revocast.Position{})
	for i, want := range []revocast.Event{e, b, l} {
		want.Position = at(5, uint64(i+1))
		if i >= len(log) || log[i] != want {
			k.Fatalf("log %+v\nwant at %d %+v", log, i, want)
		}
	}
	if s := k.state(b.Key); s.Ban.From != b.From || s.Ban.Until != b.Until || s.Ban.At != at(4, 1) {
		k.Errorf("restored ban %+v: the register keeps the ban's own position", s.Ban)
	}
}

func restoreExpired(k *kit) {
	k.must(k.Ledger.Begin(k.ctx, 1, Terms()))
	now := k.describe().Now
	future := with(revoke("future"), at(1, 2), now, now+hour, now+2*hour) // a clock that ran ahead
	k.restore(1, future, with(invalidate("inv"), at(1, 3), now, 0, 0))
	k.reopen()
	if !k.state(key("inv")).IsZero() {
		k.Error("an invalidation left a state")
	}
	if s := k.state(future.Key); s.CutOff != now+hour {
		k.Errorf("a cut-off ahead of this server's clock was restored as %+v", s)
	}
	if log := k.log(revocast.Position{}); len(log) != 1 {
		k.Errorf("log %+v, want one entry", log)
	}
}

// restoreBans: JetStream holds events in the order in which it stored them, which
// need not be that of their positions.
func restoreBans(k *kit) {
	k.must(k.Ledger.Begin(k.ctx, 2, Terms()))
	now := k.describe().Now
	event := func(name string, rev uint64, e revocast.Event) revocast.Event {
		return with(e, at(1, rev), now, 0, now+hour)
	}
	k.restore(2,
		event("", 1, ban("in order", 0)), event("", 2, lift("in order")),
		event("", 4, lift("reversed")), event("", 3, ban("reversed", 0)),
		event("", 6, ban("again", 0)), event("", 5, lift("again")))
	// One position with two values is nobody's history; the stricter of both counts.
	late, early := event("", 7, ban("tie", 0)), event("", 7, ban("tie", 0))
	late.From, early.From = now+5, now+3
	early.Until++
	for _, e := range []revocast.Event{early, late, early, late} {
		k.restore(2, e)
	}
	k.reopen()
	if want := (revocast.BanState{From: early.From, Until: early.Until, At: at(1, 7)}); k.state(late.Key).Ban != want {
		k.Errorf("a tie: ban %+v, want %+v", k.state(late.Key).Ban, want)
	}
	for name, banned := range map[string]bool{"in order": false, "reversed": false, "again": true} {
		s := k.state(key(name))
		if s.Ban.Covers(now) != banned {
			k.Errorf("%s: ban %+v in force at the ledger: %v", name, s.Ban, !banned)
		}
		var followed revocast.State
		for _, e := range k.log(revocast.Position{}) {
			if e.Key == key(name) {
				followed = followed.Merge(e.State())
			}
		}
		if followed.Ban.Covers(now) != banned {
			k.Errorf("%s: ban %+v in force for who follows the log: %v", name, followed.Ban, !banned)
		}
	}
}

func unacknowledged(k *kit) {
	k.start()
	first := k.commit(revoke("a"), revoke("b"), invalidate("c"), ban("d", k.describe().Now+hour))
	k.acked(1, 1)
	k.Replace()
	k.describe()
	k.reopen()
	log := k.log(at(2, 0))
	for i, from := range []int{1, 3} { // b and d; an invalidation is for workers alone, and they have the log
		want := first.Entries[from].Event
		want.Position = at(2, uint64(i+1))
		if len(log) != 2 || log[i] != want {
			k.Fatalf("log of the new epoch %+v\nwant at %d %+v", log, i, want)
		}
	}
	if got := k.acked(2, 1, 2); got != at(2, 2) {
		k.Errorf("durable %s, want 2-2", got)
	}
	k.Replace()
	k.describe()
	k.reopen()
	if log := k.log(at(3, 0)); len(log) != 0 {
		k.Errorf("acknowledged entries were logged once more: %+v", log)
	}
}

func restoredAndUnacknowledged(k *kit) {
	k.start()
	k.commit(revokeToken("a"), revokeToken("b"))
	k.acked(1, 1)
	k.Replace()
	now := k.describe().Now
	k.restore(2, with(revoke("c"), at(1, 3), now, now, now+hour))
	k.restore(2, with(revoke("d"), at(1, 4), now, now, now+hour))
	k.reopen()
	if d := k.describe(); d.Position != at(2, 3) || d.Durable != at(2, 2) {
		k.Errorf("position %s, durable %s; want 2-3 and 2-2", d.Position, d.Durable)
	}
	if log := k.log(at(2, 2)); len(log) != 1 || log[0].Key != key("b") {
		k.Errorf("log after what is durable: %+v, want b", log)
	}
	if got := k.acked(2, 3); got != at(2, 3) {
		k.Errorf("durable %s, want 2-3", got)
	}
}

func unacknowledgedMany(k *kit) {
	k.start()
	const batches, size = 5, 500
	for range batches {
		var batch []revocast.Event
		for range size {
			batch = append(batch, revokeToken(newID()))
		}
		k.commit(batch...)
	}
	k.Replace()
	k.describe()
	k.reopen()
	seen := map[revocast.Key]bool{}
	for _, e := range k.log(at(2, 0)) {
		seen[e.Key] = true
	}
	if len(seen) != batches*size || k.describe().Position != at(2, batches*size) {
		k.Errorf("%d of %d unacknowledged entries have a revision of the new epoch, position %s", len(seen),
			batches*size, k.describe().Position)
	}
}

func unacknowledgedLift(k *kit) {
	k.start()
	now := k.describe().Now
	k.commit(ban("a", now+hour)) // 1-1, not acknowledged
	k.Replace()
	k.describe()
	// The lift was acknowledged, and this server had forgotten it.
	k.restore(2, with(lift("a"), at(1, 2), now, 0, now+hour))
	k.reopen()
	for _, e := range k.log(at(2, 0)) {
		if e.Kind == revocast.KindBanned {
			k.Errorf("a lifted ban came back as %+v", e)
		}
	}
	if k.state(key("a")).Ban.Covers(now) {
		k.Error("a lifted ban is in force")
	}
}

func refill(k *kit) {
	k.start()
	var events []revocast.Event
	for i := range 600 {
		name := newID()
		if i%3 == 0 {
			events = append(events, k.commit(revokeToken(name)).Entries[0].Event)
		} else {
			events = append(events, k.commit(revoke(name)).Entries[0].Event)
		}
	}
	k.Empty()
	k.must(k.Ledger.Begin(k.ctx, 2, Terms()))
	if n := k.restore(2, events...); n != len(events) {
		k.Errorf("Restore changed %d of %d", n, len(events))
	}
	k.reopen()
	for _, e := range events {
		if s := k.state(e.Key); s.CutOff != e.CutOff || s.Until != e.Until {
			k.Fatalf("refilled state of %+v: %+v", e, s)
		}
	}
	if got := k.renew("w", at(1, 600)).Events; len(got) != len(events) {
		k.Errorf("a worker of the epoch before gets %d entries, want %d", len(got), len(events))
	}
}

func unacknowledgedCovers(k *kit) {
	k.start()
	k.commit(revokeToken("a")) // 1-1, not acknowledged
	k.Replace()
	k.describe()
	k.reopen()
	if e := k.commit(revokeToken("a")).Entries[0]; e.Fresh || e.Event.Position != at(2, 1) {
		k.Errorf("covered by %+v, want 2-1, which JetStream does not have yet", e)
	}
}
