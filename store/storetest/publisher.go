package storetest

import (
	"fmt"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

var publisherTests = []test{
	{"verify", verify},
	{"members are all listed", membersListed},
	{"strike needs a counter that stands still", strike},
	{"and under terms that say everything", strikeUnderMore},
	{"log", logPages},
	{"the log is trimmed", logTrimmed},
	{"acknowledgements in any order", ackedOrder},
	{"acknowledgements of another epoch", ackedEpoch},
	{"acknowledgements of what does not exist", ackedUnknown},
	{"nothing is trimmed before it is durable", ackedKeeps},
}

func verify(k *kit) {
	k.start()
	v, err := k.Ledger.Verify(k.ctx, 1)
	k.must(err)
	if !v.Settled {
		k.Error("a ledger that was opened settled does not say so")
	}
	for _, other := range []uint64{0, 2} {
		_, err := k.Ledger.Verify(k.ctx, other)
		k.fails(fmt.Sprint("Verify of epoch ", other), err, revocast.ErrEpoch)
	}
	k.Replace()
	_, err = k.Ledger.Verify(k.ctx, 1)
	k.fails("Verify on another server", err, revocast.ErrRecovering)
}

func membersListed(k *kit) {
	k.start()
	if m := k.members(); len(m.Members) != 0 || m.Position != at(1, 0) || m.Now == 0 {
		k.Errorf("membership of nobody: %+v", m)
	}
	want := map[port.MemberID]bool{}
	for i := range 50 {
		id := member(fmt.Sprintf("worker-%02d.eu_west", i))
		want[id] = true
		k.renew(id.Worker, revocast.Position{})
	}
	for _, m := range k.members().Members {
		if !want[m.ID] {
			k.Errorf("member %+v is nobody or came twice", m)
		}
		delete(want, m.ID)
	}
	if len(want) != 0 {
		k.Errorf("%d members are missing", len(want))
	}
}

func strike(k *kit) { strikeUnder(k, Terms()) }

// strikeUnderMore is strike where the terms say all that they may leave out.
func strikeUnderMore(k *kit) {
	terms := Terms()
	terms.Skew, terms.Names = 2*time.Second, secrets(1)
	strikeUnder(k, terms)
}

func strikeUnder(k *kit, terms port.Terms) {
	k.must(k.Ledger.Begin(k.ctx, 1, terms))
	k.reopen()
	k.renew("w", revocast.Position{})
	k.renew("v", revocast.Position{})
	seen := k.members()
	w := seen.Members[1]
	if w.ID != member("w") {
		w = seen.Members[0]
	}
	k.renew("w", revocast.Position{})
	strike := func(m port.Member, want bool) {
		k.Helper()
		m.Still = terms.Wait()
		gone, err := k.Ledger.Strike(k.ctx, m)
		k.must(err)
		if gone != want {
			k.Errorf("Strike(%+v) reports %v, want %v", m, gone, want)
		}
	}
	strike(w, false)
	if m := k.members(); len(m.Members) != 2 || m.Generation != seen.Generation {
		k.Errorf("a member that renewed was struck: %+v", m)
	}
	w.Renewals++
	early := w
	early.Still = terms.Wait() - time.Millisecond
	if gone, err := k.Ledger.Strike(k.ctx, early); err != nil || gone {
		k.Errorf("struck off after %s: %v, %v", early.Still, gone, err)
	}
	strike(w, true)
	after := k.members()
	if len(after.Members) != 1 || after.Generation == seen.Generation {
		k.Errorf("after the strike: %+v", after)
	}
	strike(w, true)
	// Back again after as many renewals as before: what was seen of it then is no
	// reason to strike it off now.
	k.renew("w", revocast.Position{})
	k.renew("w", revocast.Position{})
	strike(w, false)
	shorter := Terms()
	shorter.Lease /= 2
	k.must(k.Ledger.SetTerms(k.ctx, shorter))
	again := k.members()
	for _, m := range again.Members {
		strike(m, false) // how long its lease is nobody can say
	}
	strike(port.Member{ID: member("nobody")}, true)
	k.must(k.Ledger.Settle(k.ctx, 1, k.describe().Settling))
	for _, m := range again.Members {
		strike(m, true)
	}
	after = k.members()
	strike(port.Member{ID: member("nobody"), Renewals: 5}, true)
	if m := k.members(); m.Generation != after.Generation {
		k.Errorf("striking nobody changed the generation from %s to %s", after.Generation, m.Generation)
	}
}

func logPages(k *kit) {
	k.start()
	for i := range 5 {
		k.commit(revokeToken(fmt.Sprint(i)))
	}
	for _, c := range []struct {
		after revocast.Position
		limit int
		want  []uint64
	}{
		{revocast.Position{}, 2, []uint64{1, 2}},
		{at(1, 2), 2, []uint64{3, 4}},
		{at(1, 4), 2, []uint64{5}},
		{at(1, 5), 2, nil},
		{at(1, 0), 100, []uint64{1, 2, 3, 4, 5}},
	} {
		events, err := k.Ledger.Log(k.ctx, c.after, c.limit)
		k.must(err)
		if len(events) != len(c.want) {
			k.Fatalf("log after %s, at most %d: %d entries, want %d", c.after, c.limit, len(events), len(c.want))
		}
		for i, rev := range c.want {
			if events[i].Position != at(1, rev) {
				k.Errorf("log after %s: entry %d is %s, want 1-%d", c.after, i, events[i].Position, rev)
			}
		}
	}
}

func logTrimmed(k *kit) {
	k.start()
	trimmed := k.trim()
	_, err := k.Ledger.Log(k.ctx, at(1, trimmed.Rev-1), 10)
	k.fails("log after what was trimmed", err, revocast.ErrTrimmed)
	log := k.log(trimmed)
	if len(log) != LogKeep || log[0].Position != at(1, trimmed.Rev+1) {
		k.Errorf("log after %s: %+v", trimmed, log)
	}
	if !k.state(key("trim0")).Against(1, revocast.Key{}, 1).Covered {
		k.Error("trimming the log took a state")
	}
}

func ackedOrder(k *kit) {
	k.start()
	for range 6 {
		k.commit(revokeToken(newID()))
	}
	for _, c := range []struct {
		revs []uint64
		want uint64
	}{
		{[]uint64{2}, 0},
		{[]uint64{4, 5}, 0},
		{nil, 0},
		{[]uint64{1}, 2},
		{[]uint64{1, 2}, 2},
		{[]uint64{6, 3}, 6},
		{[]uint64{4}, 6},
	} {
		if got := k.acked(1, c.revs...); got != at(1, c.want) {
			k.Errorf("after acknowledging %v durable is %s, want 1-%d", c.revs, got, c.want)
		}
		if d := k.describe().Durable; d != at(1, c.want) {
			k.Errorf("Describe says durable is %s, want 1-%d", d, c.want)
		}
	}
}

func ackedEpoch(k *kit) {
	k.start()
	k.commit(revokeToken("a"), revokeToken("b"), revokeToken("c"))
	k.acked(1, 3) // ahead of 1 and 2, and of no use to the next epoch
	k.Replace()
	k.describe()
	k.reopen()
	k.commit(revokeToken("d"))
	if got := k.acked(1, 1, 2); got != at(2, 0) {
		k.Errorf("revisions of epoch 1 made %s durable, want 2-0", got)
	}
	if got := k.acked(2, 1, 2); got != at(2, 2) {
		k.Errorf("revisions 1 and 2 of epoch 2 made %s durable, want 2-2", got)
	}
	_, err := k.Ledger.Acked(k.ctx, 3, []uint64{1})
	k.fails("revisions of a later epoch", err, revocast.ErrEpoch)
}

func ackedUnknown(k *kit) {
	k.start()
	k.commit(revokeToken("a"))
	_, err := k.Ledger.Acked(k.ctx, 1, []uint64{1, 2})
	k.fails("a revision that does not exist", err, revocast.ErrInvalid)
	if d := k.describe().Durable; d != at(1, 0) {
		k.Errorf("durable is %s, want 1-0", d)
	}
}

func ackedKeeps(k *kit) {
	k.start()
	for range 3 * LogKeep {
		k.commit(revokeToken(newID()))
	}
	k.acked(1, 1, 2, 5)
	if d := k.describe(); d.Trimmed != at(1, 2) || d.Durable != at(1, 2) {
		k.Errorf("trimmed at %s, durable %s; want both 1-2", d.Trimmed, d.Durable)
	}
	if log := k.log(at(1, 2)); len(log) != 3*LogKeep-2 {
		k.Errorf("%d entries are left, want %d", len(log), 3*LogKeep-2)
	}
}
