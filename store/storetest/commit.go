package storetest

import (
	"strings"
	"sync"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

var commitTests = []test{
	{"a ban or lift that is committed again", banAgain},
	{"what is left out is filled in", commitFills},
	{"revisions run without holes", commitRevisions},
	{"concurrent commits", commitConcurrent},
	{"all or none", commitAllOrNone},
	{"the ledger's clock refuses", commitClock},
	{"no longest lifetime", commitNoLifetime},
	{"what is covered makes no entry", commitCovered},
	{"a later until is not covered", commitLonger},
	{"what may still be accepted is kept", commitUntil},
	{"an exception narrows nothing", commitExcept},
	{"bans", commitBans},
	{"an invalidation leaves no state", commitInvalidation},
	{"one key twice in a batch", commitSameKey},
	{"idempotency", commitIdempotent},
	{"a repeated commit after the epoch has ended", commitRepeatedLater},
	{"a thousand tokens, one state", commitThousand},
}

func commitFills(k *kit) {
	k.start()
	before := k.describe().Now
	c := k.commit(revoke("p"), revokeToken("t"))
	after := k.describe().Now
	for i, e := range c.Entries {
		if !e.Fresh || e.Event.Position != at(1, uint64(i+1)) || e.Event.At < before || e.Event.At > after {
			k.Errorf("entry %d: %+v, committed between %d and %d", i, e, before, after)
		}
		longest := Terms().MaxLifetime[e.Event.Scope-1].Milliseconds()
		if e.Event.Until < before+longest {
			k.Errorf("entry %d: until %d, want at least %d", i, e.Event.Until, before+longest)
		}
	}
	if p := c.Entries[0].Event; p.CutOff != p.At || p.Reason != "test" || p.Initiator != "storetest" {
		k.Errorf("principal: %+v, want its cut-off at its time", p)
	}
	if got := c.Entries[1].Event.CutOff; got != revocast.Forever {
		k.Errorf("token: cut-off %d, want for ever", got)
	}
	if c.Epoch != 1 || c.Repeated || c.Terms != Terms() || !c.Settled {
		k.Errorf("answer: %+v", c)
	}
	log := k.log(revocast.Position{})
	if len(log) != 2 || log[0] != c.Entries[0].Event || log[1] != c.Entries[1].Event {
		k.Errorf("log %+v\nwant the entries %+v", log, c.Entries)
	}
}

func commitRevisions(k *kit) {
	k.start()
	want := uint64(0)
	for n := 1; n <= 5; n++ {
		var batch []revocast.Event
		for range n {
			batch = append(batch, revokeToken(newID()))
		}
		for _, e := range k.commit(batch...).Entries {
			if want++; e.Event.Position != at(1, want) {
				k.Errorf("position %s, want 1-%d", e.Event.Position, want)
			}
		}
	}
	if p := k.describe().Position; p != at(1, want) {
		k.Errorf("the ledger is at %s, want 1-%d", p, want)
	}
}

func commitConcurrent(k *kit) {
	k.start()
	const clients, each = 8, 25
	results := make(chan port.Commit, clients*each)
	var wg sync.WaitGroup
	for range clients {
		wg.Go(func() {
			for range each {
				c, err := k.Ledger.Commit(k.ctx, newID(), []revocast.Event{revokeToken(newID())})
				if err != nil {
					k.Error(err)
					return
				}
				results <- c
			}
		})
	}
	wg.Wait()
	close(results)
	seen := map[uint64]bool{}
	for c := range results {
		seen[c.Entries[0].Event.Position.Rev] = true
	}
	for rev := uint64(1); rev <= clients*each; rev++ {
		if !seen[rev] {
			k.Errorf("nobody got revision %d", rev)
		}
	}
}

// refused checks that the ledger refuses p, names it and changes nothing.
func (k *kit) refused(what string, p revocast.Event) {
	k.Helper()
	before := k.describe().Position
	_, err := k.Ledger.Commit(k.ctx, newID(), []revocast.Event{revokeToken(newID()), p})
	k.fails(what, err, revocast.ErrInvalid)
	if err != nil && !strings.Contains(err.Error(), "proposal 2") {
		k.Errorf("%s: error %q does not say which proposal", what, err)
	}
	if after := k.describe().Position; after != before {
		k.Errorf("%s: the refused commit moved the ledger from %s to %s", what, before, after)
	}
}

func commitAllOrNone(k *kit) {
	k.start()
	bad := revoke("bad")
	bad.CutOff = k.describe().Now + hour
	good := revokeToken("good")
	_, err := k.Ledger.Commit(k.ctx, newID(), []revocast.Event{good, bad, good})
	k.fails("a batch with one bad proposal", err, revocast.ErrInvalid)
	if !k.state(good.Key).IsZero() || len(k.log(revocast.Position{})) != 0 {
		k.Error("a refused batch left something")
	}
	_, err = k.Ledger.Commit(k.ctx, newID(), nil)
	k.fails("no proposals", err, revocast.ErrInvalid)
}

func commitClock(k *kit) {
	k.start()
	now := k.describe().Now
	future := revoke("a")
	future.CutOff = now + 60_000
	k.refused("cut-off in the future", future)
	past := revoke("a")
	past.Until = now - kept
	k.refused("until in the past", past)
	k.refused("ban that has ended", ban("a", now-1))
	late := ban("a", now+hour)
	late.From = now + 2*hour
	k.refused("ban that ends before it starts", late)
	nobody := revoke("a")
	nobody.Key = revocast.Key{}
	k.refused("no key", nobody)
	early := revoke("a")
	early.CutOff = -1
	k.refused("cut-off before 1970", early)

	skewed := revoke("skewed")
	skewed.CutOff = now + 2000 // within what clocks differ by
	backdated := revoke("backdated")
	backdated.CutOff, backdated.Until = now-hour, now+4*hour
	for i, e := range k.commit(skewed, backdated).Entries {
		want := []revocast.Event{skewed, backdated}[i]
		if !e.Fresh || e.Event.CutOff != want.CutOff || want.Until != 0 && e.Event.Until != want.Until+kept {
			k.Errorf("%+v became %+v", want, e)
		}
	}
}

func commitNoLifetime(k *kit) {
	terms := Terms()
	terms.MaxLifetime[revocast.ScopePrincipal-1] = 0
	k.must(k.Ledger.Begin(k.ctx, 1, terms))
	k.reopen()
	k.refused("no until, and none to be computed", revoke("a"))
	explicit := revoke("a")
	explicit.Until = k.describe().Now + hour
	k.commit(explicit, revokeToken("t"))
}

func commitCovered(k *kit) {
	k.start()
	now := k.describe().Now
	first := k.commit(revokeToken("t"), revoke("p")).Entries
	older := revoke("p")
	older.CutOff, older.Until = now-hour, now+1000
	again := k.commit(revokeToken("t"), older).Entries
	for i, e := range again {
		want := first[i].Event
		if e.Fresh || e.Event.Position != want.Position || e.Event.CutOff != want.CutOff || e.Event.Until != want.Until || e.Event.At != want.At {
			k.Errorf("covered by %+v: %+v", want, e)
		}
	}
	if p := k.describe().Position; p != at(1, 2) {
		k.Errorf("covered proposals moved the ledger to %s", p)
	}
	later := k.commit(lift("nobody"), revokeToken("u"), lift("nobody")).Entries
	if later[0].Fresh || later[2].Fresh || later[2].Event.Position.Before(later[1].Event.Position) {
		k.Errorf("lifting a ban that never was: %+v", later)
	}
}

func commitLonger(k *kit) {
	k.start()
	now := k.describe().Now
	p := revoke("p")
	p.CutOff, p.Until = now-1000, now+4*hour
	k.commit(p)
	p.Until += 60_000
	if e := k.commit(p).Entries[0]; e.Fresh {
		k.Errorf("later by no more than the first is kept for clocks: %+v", e)
	}
	p.Until += 1
	if e := k.commit(p).Entries[0]; !e.Fresh || e.Event.Until != p.Until+kept {
		k.Errorf("the same with a later until: %+v", e)
	}
	if s := k.state(p.Key); s.Until != p.Until+kept || s.At != at(1, 2) {
		k.Errorf("state %+v, want until %d at 1-2", s, p.Until+kept)
	}
}

// commitUntil: an until says when the last token expires. A verifier may accept it for its
// leeway longer; and what a session or a cut-off covers a caller cannot know.
func commitUntil(k *kit) {
	k.start()
	now := k.describe().Now
	longest := func(s revocast.Scope) int64 { return Terms().MaxLifetime[s-1].Milliseconds() }
	scoped := func(s revocast.Scope, cutoff, until int64) revocast.Event {
		e := revoke(newID())
		e.Scope, e.CutOff, e.Until = s, cutoff, until
		return e
	}
	for _, c := range []struct {
		what     string
		proposal revocast.Event
		want     int64
	}{
		{"a token until its exp", scoped(revocast.ScopeToken, revocast.Forever, now+1000), now + 1000},
		{"a token that has expired and may be accepted", scoped(revocast.ScopeToken, revocast.Forever, now-299_000), now - 299_000},
		{"a token that lives long", scoped(revocast.ScopeToken, revocast.Forever, now+100*hour), now + 100*hour},
		{"a principal, too early", scoped(revocast.ScopePrincipal, now-1000, now+1000), now - 1000 + longest(revocast.ScopePrincipal)},
		{"a principal, earlier still", scoped(revocast.ScopePrincipal, now-1000, now-1000), now - 1000 + longest(revocast.ScopePrincipal)},
		{"a key, later", scoped(revocast.ScopeKey, now-1000, now+100*hour), now + 100*hour},
	} {
		e := k.commit(c.proposal).Entries[0].Event
		if s := k.state(c.proposal.Key); e.Until != c.want+kept || s.Until != e.Until {
			k.Errorf("%s: kept until %d, the event says %d, want %d", c.what, s.Until, e.Until, c.want+kept)
		}
	}
	session := k.commit(scoped(revocast.ScopeSession, revocast.Forever, now+1000)).Entries[0].Event
	if want := session.At + longest(revocast.ScopeSession) + kept; session.Until != want {
		k.Errorf("a session, too early: until %d, want %d", session.Until, want)
	}
	const year9999 = 253402300799000
	last := k.commit(scoped(revocast.ScopeToken, revocast.Forever, year9999)).Entries[0].Event
	if last.Until != year9999 {
		k.Errorf("the last second of the year 9999 became %d, which RFC 3339 cannot write", last.Until)
	}
}

func commitExcept(k *kit) {
	k.start()
	now := k.describe().Now
	p := func(cutoff int64, except string) revocast.Event {
		e := revoke("p")
		e.CutOff, e.Until = cutoff, now+4*hour
		if except != "" {
			e.Except = key(except)
		}
		return e
	}
	k.commit(p(now-300, "s1"))
	k.commit(p(now-200, "s2"))
	want := revocast.State{CutOff: now - 200, Except: key("s2"), Floor: now - 300, Until: now + 4*hour + kept, At: at(1, 2)}
	if s := k.state(key("p")); s != want {
		k.Errorf("except s1, then except s2: %+v\nwant %+v", s, want)
	}
	k.commit(p(now-200, ""))
	want.Except, want.Floor, want.At = revocast.Key{}, now-200, at(1, 3)
	if s := k.state(key("p")); s != want {
		k.Errorf("then without exception: %+v\nwant %+v", s, want)
	}
	e := k.commit(p(now-200, "s2")).Entries[0]
	if e.Fresh || e.Event.Position != at(1, 3) || !e.Event.Except.IsZero() {
		k.Errorf("then except s2 once more: %+v, want what covers it, 1-3", e)
	}
}

func commitBans(k *kit) {
	k.start()
	now := k.describe().Now
	k.commit(ban("a", now+hour))
	if s := k.state(key("a")); !s.Ban.Covers(now) || s.Ban.At != at(1, 1) || s.CutOff != 0 || s.Until < now+hour {
		k.Errorf("banned: %+v", s)
	}
	shorter := k.commit(ban("a", now+1000)).Entries[0]
	if s := k.state(key("a")); !shorter.Fresh || s.Ban.Until != now+1000 || s.Until < now+hour {
		k.Errorf("banned for less: %+v", s)
	}
	lifted := k.commit(lift("a")).Entries[0]
	if !lifted.Fresh || lifted.Event.Until < now+hour {
		k.Errorf("lifted: %+v, want a tombstone that outlives the ban", lifted)
	}
	if s := k.state(key("a")); s.Ban.Covers(now) || s.Ban.At != at(1, 3) {
		k.Errorf("state after the lift: %+v", s)
	}
	if e := k.commit(lift("a")).Entries[0]; e.Fresh || e.Event.Position != at(1, 3) {
		k.Errorf("lifted again: %+v, want what did it, 1-3", e)
	}
}

func commitInvalidation(k *kit) {
	k.start()
	for rev := uint64(1); rev <= 2; rev++ {
		if e := k.commit(invalidate("a")).Entries[0]; !e.Fresh || e.Event.Position != at(1, rev) {
			k.Errorf("invalidation %d: %+v", rev, e)
		}
	}
	if !k.state(key("a")).IsZero() {
		k.Error("an invalidation left a state")
	}
}

func commitSameKey(k *kit) {
	k.start()
	now := k.describe().Now
	c := k.commit(revokeToken("t"), revokeToken("t"), ban("a", now+hour), lift("a"), lift("a"))
	for i, fresh := range []bool{true, false, true, true, false} {
		if c.Entries[i].Fresh != fresh {
			k.Errorf("entry %d: %+v, want fresh %v", i, c.Entries[i], fresh)
		}
	}
	if got := c.Entries[4].Event.Position; got != at(1, 3) {
		k.Errorf("the second lift is covered by %s, want 1-3", got)
	}
}

func commitIdempotent(k *kit) {
	k.start()
	id := "order 17: \x00 * > é"
	proposals := []revocast.Event{revoke("a"), revokeToken("t"), revokeToken("t")}
	first, err := k.Ledger.Commit(k.ctx, id, proposals)
	k.must(err)
	second, err := k.Ledger.Commit(k.ctx, id, proposals)
	k.must(err)
	if first.Repeated || !second.Repeated || second.Epoch != first.Epoch || second.Generation != first.Generation {
		k.Errorf("first %+v, second %+v", first, second)
	}
	for i := range proposals {
		if second.Entries[i] != first.Entries[i] {
			k.Errorf("entry %d: first %+v, then %+v", i, first.Entries[i], second.Entries[i])
		}
	}
	if p := k.describe().Position; p != at(1, 2) {
		k.Errorf("the ledger is at %s, want 1-2", p)
	}
	for what, other := range map[string][]revocast.Event{
		"fewer": proposals[:1], "another order": {proposals[1], proposals[0], proposals[2]},
		"another reason": {func() revocast.Event { e := revoke("a"); e.Reason = "other"; return e }(), proposals[1], proposals[2]},
	} {
		_, err := k.Ledger.Commit(k.ctx, id, other)
		k.fails(what, err, revocast.ErrConflict)
	}
	if p := k.describe().Position; p != at(1, 2) {
		k.Errorf("conflicting commits moved the ledger to %s", p)
	}
}

func commitRepeatedLater(k *kit) {
	k.start()
	id, proposals := newID(), []revocast.Event{revoke("a")}
	first, err := k.Ledger.Commit(k.ctx, id, proposals)
	k.must(err)
	k.Replace()
	k.describe()
	k.reopen()
	second, err := k.Ledger.Commit(k.ctx, id, proposals)
	k.must(err)
	if !second.Repeated || second.Epoch != 1 || second.Entries[0] != first.Entries[0] {
		k.Errorf("repeated in a later epoch: %+v, want the first answer %+v", second, first)
	}
}

func commitThousand(k *kit) {
	k.start()
	now := k.describe().Now
	k.commit(revoke("alice"))
	s := k.state(key("alice"))
	for i := range int64(1000) {
		if !s.Against(now-1000*i, key("session"), now).Covered {
			k.Fatalf("a token issued at %d is not covered by %+v", now-1000*i, s)
		}
	}
	if s.Against(s.CutOff+1, key("session"), now).Covered {
		k.Errorf("a token issued after the cut-off is covered by %+v", s)
	}
}

// A ban or lift that is committed again after a change of epoch must not override what
// was decided meanwhile.
func banAgain(k *kit) {
	k.start()
	ban := revocast.Event{Kind: revocast.KindBanned, Scope: revocast.ScopePrincipal, Key: key("a"), Until: k.describe().Now + hour}
	lift := revocast.Event{Kind: revocast.KindLifted, Scope: revocast.ScopePrincipal, Key: key("a")}
	first := k.commit(ban).Entries[0].Event
	lifted := k.commit(lift).Entries[0].Event
	again := ban
	again.Position = first.Position
	if e := k.commit(again).Entries[0]; e.Fresh {
		k.Errorf("a ban that was lifted came back: %+v", e.Event)
	}
	k.commit(ban)
	again = lift
	again.Position = lifted.Position
	if e := k.commit(again).Entries[0]; e.Fresh || k.state(key("a")).Ban.Until == 0 {
		k.Errorf("an old lift lifted a newer ban: %+v", e.Event)
	}
	lost := ban
	lost.Position = revocast.Position{Epoch: 1, Rev: 1 << 20}
	if e := k.commit(lost).Entries[0]; !e.Fresh {
		k.Errorf("a ban that was lost was not made again: %+v", e.Event)
	}
}
