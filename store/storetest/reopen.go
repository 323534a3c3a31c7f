package storetest

import (
	"slices"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

var reopenTests = []test{
	{"what came after the mark is logged again", unmarked},
	{"what came after the mark and was trimmed nowhere survives several servers", unmarkedTwice},
	{"an open ledger recovers at a later epoch", reopenOpen},
	{"a fenced ledger takes the realm back", reopenFenced},
	{"reopening again changes nothing", reopenAgain},
	{"what cannot be reopened", reopenRefused},
	{"what a forgotten mark had not seen is logged again", reopenUnmarked},
	{"shorter terms unsettle a ledger", termsUnsettle},
	{"what unsettled a ledger is waited for in the next epoch too", termsUnsettleAcross},
}

// unmarked: JetStream had acknowledged them all, and was seen to have but the first.
func unmarked(k *kit) {
	k.start()
	k.commit(revoke("a"), revoke("b"), revoke("c"))
	k.mark(point(1, k.describe().Now), at(1, 1))
	k.acked(1, 1, 2)
	k.Replace()
	o := opening(k.describe())
	o.Stream = point(2, k.describe().Now)
	k.must(k.Ledger.Open(k.ctx, o))
	log := k.log(at(2, 0))
	if len(log) != 2 || log[0].Key != key("b") || log[1].Key != key("c") {
		k.Errorf("log of the new epoch %+v, want b and c", log)
	}
	if d := k.describe(); d.Durable != at(2, 0) || d.Mark.Complete != at(2, 0) || d.Position != at(2, 2) {
		k.Errorf("position %s, durable %s, complete %s; want 2-2, 2-0, 2-0", d.Position, d.Durable, d.Mark.Complete)
	}
}

func unmarkedTwice(k *kit) {
	k.start()
	k.commit(revoke("a"), revoke("b"))
	k.mark(point(1, k.describe().Now), at(1, 1))
	k.acked(1, 1, 2)
	k.Replace()
	d := k.describe()
	k.restore(2, with(revoke("lost"), at(1, 3), d.Now, d.Now, d.Now+hour))
	k.Replace() // while it was recovering
	d = k.describe()
	o := opening(d)
	o.Stream = point(2, d.Now)
	k.must(k.Ledger.Open(k.ctx, o))
	log := k.log(at(3, 0))
	if len(log) != 2 || log[0].Key != key("b") || log[1].Key != key("lost") {
		k.Errorf("log of the epoch after next %+v, want b and what was restored in between", log)
	}
}

func reopenOpen(k *kit) {
	k.start()
	k.commit(revoke("a"))
	before := k.describe()
	k.must(k.Ledger.Reopen(k.ctx, 5, "abcdef"))
	d := k.describe()
	if d.State != port.LedgerRecovering || d.Position != at(5, 0) || d.Settled || d.Server != before.Server {
		k.Errorf("reopened: %+v", d)
	}
	if !slices.Equal(d.Claims, []string{"abcdef", d.Server}) {
		k.Errorf("claims %q, want the record's server and this one", d.Claims)
	}
	if d.Opened != 1 || d.OpenedBy != before.Server || d.Terms != before.Terms {
		k.Errorf("last opened as %d by %q under %+v", d.Opened, d.OpenedBy, d.Terms)
	}
	k.allFail(revocast.ErrRecovering)
	k.reopen()
	if !k.state(key("a")).Against(1, revocast.Key{}, 1).Covered {
		k.Error("a state is gone")
	}
	if got := k.commit(revoke("b")).Entries[0].Event.Position; got != at(5, 2) { // a was logged again as 5-1
		k.Errorf("the next commit is %s, want 5-2", got)
	}
}

func reopenFenced(k *kit) {
	k.start()
	k.commit(revoke("a"))
	k.must(k.Ledger.Fence(k.ctx, 1))
	k.Replace() // which a fenced ledger does not notice
	k.must(k.Ledger.Reopen(k.ctx, 3, ""))
	d := k.describe()
	if d.State != port.LedgerRecovering || d.Position != at(3, 0) || !slices.Equal(d.Claims, []string{d.Server}) {
		k.Errorf("reopened: %+v", d)
	}
	now := d.Now
	if n := k.restore(3, with(revoke("theirs"), at(2, 9), now, now, now+hour)); n != 1 {
		k.Errorf("restoring what the other server logged changed %d", n)
	}
	k.reopen()
	log := k.log(at(3, 0))
	if len(log) != 2 || log[0].Key != key("theirs") || log[1].Key != key("a") {
		k.Errorf("log %+v, want theirs and a", log)
	}
}

func reopenAgain(k *kit) {
	k.start()
	k.must(k.Ledger.Reopen(k.ctx, 4, "one"))
	now := k.describe().Now
	k.restore(4, with(revoke("a"), at(1, 9), now, now, now+hour))
	before := k.describe()
	k.must(k.Ledger.Reopen(k.ctx, 4, "one"))
	k.must(k.Ledger.Reopen(k.ctx, 4, "two"))
	after := k.describe()
	if !slices.Equal(before.Claims, after.Claims) || before.Position != after.Position ||
		after.State != port.LedgerRecovering {
		k.Errorf("reopening again made %+v out of %+v", after, before)
	}
}

func reopenRefused(k *kit) {
	k.fails("nothing", k.Ledger.Reopen(k.ctx, 2, "x"), revocast.ErrUninitialised)
	k.start()
	k.must(k.Ledger.Reopen(k.ctx, 3, "x"))
	k.fails("another epoch while recovering", k.Ledger.Reopen(k.ctx, 4, "x"), revocast.ErrConflict)
	k.reopen()
	for _, epoch := range []uint64{1, 3} {
		k.fails("an epoch that is not later", k.Ledger.Reopen(k.ctx, epoch, "x"), revocast.ErrConflict)
	}
	k.commit(revoke("a")) // open as before
	k.must(k.Ledger.Fence(k.ctx, 3))
	k.fails("a fenced ledger's own epoch", k.Ledger.Reopen(k.ctx, 3, "x"), revocast.ErrConflict)
}

func reopenUnmarked(k *kit) {
	k.start()
	k.commit(revoke("a"), revoke("b"), revoke("c"))
	k.mark(point(1, k.describe().Now), at(1, 1))
	k.acked(1, 1, 2, 3)
	k.must(k.Ledger.Reopen(k.ctx, 2, "x"))
	if d := k.describe(); d.Mark != (port.StreamMark{}) || d.Witness != (port.StreamPoint{}) || d.Marked != 0 {
		k.Errorf("the mark is still there: %+v, witness %+v", d.Mark, d.Witness)
	}
	k.Replace() // and the new server is another one immediately
	k.describe()
	k.reopen()
	log := k.log(at(3, 0))
	if len(log) != 2 || log[0].Key != key("b") || log[1].Key != key("c") {
		k.Errorf("log %+v, want b and c, which the stream was not seen to have", log)
	}
	k.acked(3, 1, 2)
	k.Replace()
	k.describe()
	k.reopen()
	if log := k.log(at(4, 0)); len(log) != 0 {
		k.Errorf("what was acknowledged since is logged again: %+v", log)
	}
}

func termsUnsettle(k *kit) {
	k.start()
	set := func(what string, change func(*port.Terms), unsettles bool) {
		k.Helper()
		before := k.describe()
		terms := before.Terms
		change(&terms)
		k.must(k.Ledger.SetTerms(k.ctx, terms))
		d := k.describe()
		want, settling := time.Duration(0), before.Settling
		if unsettles {
			want, settling = max(before.SettleFor, before.Terms.SettleWait(), terms.SettleWait()), settling+1
		}
		if d.Terms != terms || d.Settled == unsettles || d.SettleFor != want || d.Settling != settling {
			k.Errorf("%s: settled %v for %v, %d times; want %v and %d", what, d.Settled, d.SettleFor, d.Settling,
				want, settling)
		}
		if v, err := k.Ledger.Verify(k.ctx, 1); err != nil || v.Settled == unsettles {
			k.Errorf("%s: Verify says settled %v, %v", what, v.Settled, err)
		}
	}
	set("the same", func(*port.Terms) {}, false)
	set("a longer lease", func(t *port.Terms) { t.Lease *= 20 }, false)
	set("more drift", func(t *port.Terms) { t.Drift *= 2 }, false)
	set("another issuer", func(t *port.Terms) { t.DefaultIssuer = "x" }, false)
	set("a shorter lease", func(t *port.Terms) { t.Lease /= 2 }, true)
	k.fails("Settle as of before", k.Ledger.Settle(k.ctx, 1, 0), revocast.ErrConflict)
	set("shorter still, while the first is waited for", func(t *port.Terms) { t.Lease /= 10 }, true)
	k.fails("Settle as of before", k.Ledger.Settle(k.ctx, 1, 1), revocast.ErrConflict)
	k.must(k.Ledger.Settle(k.ctx, 1, 2))
	k.must(k.Ledger.Settle(k.ctx, 1, 2))
	if d := k.describe(); !d.Settled || d.SettleFor != 0 || d.Settling != 2 {
		k.Errorf("settled: %+v", d)
	}
	set("less drift", func(t *port.Terms) { t.Drift /= 2 }, true)
}

func termsUnsettleAcross(k *kit) {
	k.start()
	long := k.describe().Terms
	long.Lease *= 20
	k.must(k.Ledger.SetTerms(k.ctx, long))
	k.must(k.Ledger.SetTerms(k.ctx, Terms()))
	reopen := func() port.Description {
		k.Helper()
		o := opening(k.describe())
		o.Settled = false
		k.must(k.Ledger.Open(k.ctx, o))
		return k.describe()
	}
	k.Replace()
	if d := reopen(); d.Settled || d.SettleFor != long.SettleWait() {
		k.Errorf("the next epoch is unsettled for %v, want %v: leases of %v may be around", d.SettleFor,
			long.SettleWait(), long.Lease)
	}
	k.must(k.Ledger.Reopen(k.ctx, 7, "x"))
	d := reopen()
	if d.SettleFor != long.SettleWait() {
		k.Errorf("reopened it is unsettled for %v, want %v", d.SettleFor, long.SettleWait())
	}
	k.must(k.Ledger.Settle(k.ctx, 7, d.Settling))
	k.Replace()
	if d := reopen(); d.Settled || d.SettleFor != 0 {
		k.Errorf("after it had settled: settled %v, for %v", d.Settled, d.SettleFor)
	}
}
