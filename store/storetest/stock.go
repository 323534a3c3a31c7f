package storetest

import (
	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

var stockTests = []test{
	{"states are counted", statesCounted},
	{"a state is forgotten by two clocks", forgetByTwoClocks},
	{"what is forgotten is gone, and may come again", forgottenComesAgain},
	{"recount", recount},
	{"a clock that has jumped writes no cut-off", jumpedClock},
	{"the time of a proposal is not a part of it", timeIsNoPart},
}

// snapshot reads all states.
func (k *kit) snapshot() map[revocast.Key]port.KeyedState {
	k.Helper()
	states := make(map[revocast.Key]port.KeyedState)
	for cursor := ""; ; {
		page, err := k.Ledger.Snapshot(k.ctx, cursor)
		k.must(err)
		for _, s := range page.States {
			states[s.Key] = s
		}
		if cursor = page.Next; cursor == "" {
			return states
		}
	}
}

func (k *kit) counts(what string, live, gone uint64) {
	k.Helper()
	if d := k.describe(); d.Born-d.Gone != live || d.Gone-k.base != gone {
		k.Errorf("%s: %d states made and %d gone, want %d live and %d gone", what, d.Born-k.base, d.Gone-k.base,
			live, gone)
	}
}

func statesCounted(k *kit) {
	k.start()
	k.base = k.describe().Gone
	k.counts("at the start", 0, 0)
	k.commit(revoke("a"), revokeToken("b"), invalidate("c"), revoke("a"))
	k.commit(revoke("a"), lift("d"), ban("e", k.describe().Now+hour))
	k.counts("after commits", 3, 0)
	seen := make(map[uint64]bool)
	for _, s := range k.snapshot() {
		if s.Born <= k.base || s.Born > k.describe().Born || seen[s.Born] {
			k.Errorf("a state with number %d of %d, or twice", s.Born, k.describe().Born)
		}
		seen[s.Born] = true
	}
	k.Replace()
	k.describe()
	k.restore(2, with(revoke("a"), at(1, 9), 1, 2, k.describe().Now+hour),
		with(revoke("f"), at(1, 10), 1, 2, k.describe().Now+hour))
	k.counts("after a recovery", 4, 0)
}

func forgetByTwoClocks(k *kit) {
	k.start()
	k.base = k.describe().Gone
	now := k.describe().Now
	soon := revoke("soon")
	soon.CutOff, soon.Until = now-hour, now+1000
	k.commit(soon, revoke("late"))
	keys := []revocast.Key{soon.Key, key("late"), key("nobody")}
	forget := func(clock int64) {
		k.Helper()
		n, err := k.Ledger.Forget(k.ctx, clock, keys)
		k.must(err)
		if n != 0 {
			k.Errorf("%d states were forgotten by one clock", n)
		}
	}
	forget(now + 1_000_000*hour)
	forget(0)
	k.counts("after both", 2, 0)
	if s := k.state(soon.Key); s.IsZero() {
		k.Error("a state was forgotten by one clock")
	}
}

func forgottenComesAgain(k *kit) {
	k.must(k.Ledger.Begin(k.ctx, 1, Terms()))
	k.base = k.describe().Gone
	old := with(revoke("old"), at(1, 1), 1, 2, k.describe().Now-hour)
	k.restore(1, old, with(revoke("new"), at(1, 2), 1, 2, k.describe().Now+hour))
	k.reopen()
	if s := k.state(old.Key); s.IsZero() {
		k.Error("a ledger dropped by its own clock what it was given")
	}
	keys := []revocast.Key{key("new"), old.Key, old.Key}
	n, err := k.Ledger.Forget(k.ctx, k.describe().Now, keys)
	k.must(err)
	if n != 1 || !k.state(old.Key).IsZero() || k.state(key("new")).IsZero() {
		k.Errorf("%d states were forgotten, want the one that is over", n)
	}
	k.counts("afterwards", 1, 1)
	k.commit(revoke("old"))
	k.counts("when it came again", 2, 1)
	if n, err = k.Ledger.Forget(k.ctx, k.describe().Now-2*hour, keys); err != nil || n != 0 {
		k.Errorf("Forget by a clock that is behind: %d, %v", n, err)
	}
}

func recount(k *kit) {
	k.start()
	d := k.describe()
	k.base = d.Gone
	k.must(k.Ledger.Recount(k.ctx, 1, d.Gone, d.Gone+5))
	k.must(k.Ledger.Recount(k.ctx, 1, d.Gone, d.Gone+5)) // its own answer was lost
	k.fails("Recount of other numbers", k.Ledger.Recount(k.ctx, 1, d.Gone, d.Gone+6), revocast.ErrConflict)
	k.fails("Recount of another epoch", k.Ledger.Recount(k.ctx, 2, d.Gone+5, d.Gone), revocast.ErrEpoch)
	if got := k.describe().Gone; got != d.Gone+5 {
		k.Errorf("%d states have gone, want %d", got, d.Gone+5)
	}
	k.Replace()
	k.describe()
	k.must(k.Ledger.Recount(k.ctx, 2, d.Gone+5, d.Gone)) // while it recovers
}

func jumpedClock(k *kit) {
	k.start()
	now := k.describe().Now
	for _, off := range []int64{-hour, hour} {
		p := revoke("a" + string(rune('0'+off/hour+1)))
		p.At = now + off
		e := k.commit(p).Entries[0].Event
		longest := Terms().MaxLifetime[revocast.ScopePrincipal-1].Milliseconds()
		if e.CutOff != p.At || e.At != p.At || e.Until < p.At+longest || e.Until > p.At+longest+hour {
			k.Errorf("the clock is %d ms off, and the cut-off is %+v", -off, e)
		}
	}
	p := revoke("close")
	p.At = now + 5000
	if e := k.commit(p).Entries[0].Event; e.CutOff < now || e.CutOff > now+4000 {
		k.Errorf("clocks that are in step make a cut-off of %d, at %d", e.CutOff, now)
	}
	p = revoke("past")
	p.At, p.Until = now-3*hour, now-hour
	k.commit(p) // in the past by the jumped clock alone
	p = revoke("past by the caller's")
	p.At, p.Until = now+3*hour, now+hour
	b := ban("past by the caller's", now+hour)
	b.At = now + 3*hour
	k.commit(p, b) // the ledger's is right again, and the caller has not seen it yet
	p.At, p.Until = now+hour, now-hour
	k.refused("past by both", p)
	b.At, b.Until = now+hour, now-hour
	k.refused("past by both", b)
}

func timeIsNoPart(k *kit) {
	k.start()
	p := revoke("a")
	p.At = k.describe().Now
	first, err := k.Ledger.Commit(k.ctx, "the same", []revocast.Event{p})
	k.must(err)
	p.At += 2
	again, err := k.Ledger.Commit(k.ctx, "the same", []revocast.Event{p})
	k.must(err)
	if !again.Repeated || again.Entries[0].Event.Position != first.Entries[0].Event.Position {
		k.Errorf("run again: %+v, want %+v", again, first)
	}
}
