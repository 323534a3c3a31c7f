package storetest

import (
	"fmt"
	"testing"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/property"
)

// mergeTests drive State.Merge and the ledger with the same random histories.
func mergeTests(open func(*testing.T) Env) []test {
	return []test{
		{"restored histories", func(k *kit) {
			property.Check(k.T, func(rt *property.T) { mergeRestored(rt, newKit(k.T, open(k.T))) })
		}},
		{"committed histories", func(k *kit) {
			property.Check(k.T, func(rt *property.T) { mergeCommitted(rt, newKit(k.T, open(k.T))) })
		}},
	}
}

// The times lie close together, so that ties are common.
const (
	mergeKeys  = 3
	mergeTimes = 6
)

func drawKey(rt *property.T) revocast.Key {
	return key(fmt.Sprint("merge", property.IntRange(0, mergeKeys-1).Draw(rt, "key")))
}

// drawProposal draws a proposal that the ledger accepts at the time now.
func drawProposal(rt *property.T, now int64) revocast.Event {
	e := revocast.Event{Scope: revocast.ScopePrincipal, Key: drawKey(rt)}
	e.Kind = property.SampledFrom([]revocast.Kind{
		revocast.KindRevoked, revocast.KindRevoked, revocast.KindBanned, revocast.KindLifted,
	}).Draw(rt, "kind")
	late := now + 4*hour + property.Int64Range(0, mergeTimes).Draw(rt, "until")
	switch e.Kind {
	case revocast.KindRevoked:
		e.CutOff, e.Until = now-property.Int64Range(1, mergeTimes).Draw(rt, "cutoff"), late
		if property.IntRange(0, 19).Draw(rt, "forever") == 0 {
			e.CutOff = revocast.Forever
		}
		if n := property.IntRange(0, 3).Draw(rt, "except"); n > 0 {
			e.Except = key(fmt.Sprint("session", n))
		}
	case revocast.KindBanned:
		e.Until, e.From = late, property.Int64Range(0, 2).Draw(rt, "from")
	case revocast.KindLifted:
	}
	return e
}

// states folds events into the state of each key, as every worker does.
func states(events []revocast.Event) map[revocast.Key]revocast.State {
	all := map[revocast.Key]revocast.State{}
	for _, e := range events {
		all[e.Key] = all[e.Key].Merge(e.State())
	}
	return all
}

// mergeRestored: any events, in any order, in any portions, some twice.
func mergeRestored(rt *property.T, k *kit) {
	k.must(k.Ledger.Begin(k.ctx, 9, Terms()))
	now := k.describe().Now
	history := property.SliceOfNDistinct(property.Custom(func(rt *property.T) revocast.Event {
		e := drawProposal(rt, now)
		e.Position = at(property.Uint64Range(1, 3).Draw(rt, "epoch"), property.Uint64Range(1, 40).Draw(rt, "rev"))
		e.At = now - property.Int64Range(0, 100).Draw(rt, "at")
		if e.Until == 0 {
			e.Until = now + hour
		}
		return e
	}), 1, 100, func(e revocast.Event) revocast.Position { return e.Position }).Draw(rt, "history")

	fed := append(property.Permutation(history).Draw(rt, "order"),
		property.SliceOfN(property.SampledFrom(history), 0, 10).Draw(rt, "again")...)
	for len(fed) > 0 {
		n := property.IntRange(1, len(fed)).Draw(rt, "portion")
		k.restore(9, fed[:n]...)
		fed = fed[n:]
	}
	k.reopen()

	log := k.log(revocast.Position{})
	latest := map[revocast.Key]revocast.Position{}
	for _, e := range log {
		latest[e.Key] = e.Position
	}
	followed := states(log)
	for name, want := range states(history) {
		want.At = latest[name] // what was lost changed the ledger in its new epoch
		got := k.state(name)
		if got != want {
			rt.Errorf("key %s\nledger %+v\n    Go %+v", name, got, want)
		}
		if f := followed[name]; f.CutOff != want.CutOff || f.Except != want.Except || f.Floor != want.Floor ||
			f.Ban.From != want.Ban.From || f.Ban.Until != want.Ban.Until {
			rt.Errorf("key %s\n  ledger %+v\nfollower %+v", name, got, f)
		}
	}
}

// mergeCommitted: what the ledger answers and logs adds up to what it holds, and
// what it calls covered is.
func mergeCommitted(rt *property.T, k *kit) {
	k.start()
	now := k.describe().Now
	sum := map[revocast.Key]revocast.State{}
	var fresh []revocast.Event
	for range property.IntRange(1, 8).Draw(rt, "commits") {
		proposal := property.Custom(func(rt *property.T) revocast.Event { return drawProposal(rt, now) })
		batch := property.SliceOfN(proposal, 1, 6).Draw(rt, "batch")
		for i, e := range k.commit(batch...).Entries {
			before := sum[e.Event.Key]
			p := batch[i]
			p.Position = before.At
			p.Until += revocast.MaxLeeway.Milliseconds()
			if covered := before.Merge(p.State()) == before; p.Kind == revocast.KindRevoked && e.Fresh == covered {
				rt.Errorf("%+v on %+v: fresh %v", p, before, e.Fresh)
			}
			if !e.Fresh {
				continue
			}
			fresh = append(fresh, e.Event)
			sum[e.Event.Key] = before.Merge(e.Event.State())
		}
	}
	log := k.log(revocast.Position{})
	if len(log) != len(fresh) {
		rt.Fatalf("the log has %d entries, %d were fresh", len(log), len(fresh))
	}
	for i, e := range fresh {
		if log[i] != e || e.Position.Rev != uint64(i+1) {
			rt.Errorf("entry %d of the log is %+v, the answer was %+v", i, log[i], e)
		}
	}
	for name, want := range sum {
		if got := k.state(name); got != want {
			rt.Errorf("key %s\nledger %+v\n    Go %+v", name, got, want)
		}
	}
}
