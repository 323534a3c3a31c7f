package store_test

import (
	"strings"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/store"
	"github.com/revocast/revocast/store/storetest"
)

// TestRestoreOfBadEvents: one that no ledger made keeps nothing else out, and what it
// says about refusing tokens counts.
func TestRestoreOfBadEvents(t *testing.T) {
	ctx := within(t, 10*time.Second)
	l := newLedger(t, storetest.Redis(t).Client(), store.Options{})
	must(t, l.Begin(ctx, 9, storetest.Terms()))
	until := time.Now().Add(time.Hour).UnixMilli()
	n := 0
	event := func(change func(*revocast.Event)) revocast.Event {
		n++
		e := revocast.Event{
			Position: revocast.Position{Epoch: 1, Rev: uint64(n)}, Kind: revocast.KindRevoked, Scope: revocast.ScopePrincipal,
			Key: numbered(n), At: 1, CutOff: 5, Until: until,
		}
		change(&e)
		return e
	}
	const beyond = revocast.Forever + 1
	read := []revocast.Event{
		event(func(*revocast.Event) {}),
		event(func(e *revocast.Event) { e.At = -1 }),
		event(func(e *revocast.Event) { e.At = beyond }),
		event(func(e *revocast.Event) { e.CutOff = beyond }),
		event(func(e *revocast.Event) { e.Until = beyond }),
		event(func(e *revocast.Event) { e.From = -7 }),
		event(func(e *revocast.Event) { e.Scope, e.Except = revocast.ScopeToken, numbered(5) }),
		event(func(e *revocast.Event) { e.Reason, e.Initiator = strings.Repeat("ü", 1000), strings.Repeat("x", 1000) }),
		event(func(e *revocast.Event) { e.Kind, e.CutOff, e.From = revocast.KindBanned, 0, -1 }),
	}
	skipped := []revocast.Event{
		{},
		event(func(e *revocast.Event) { e.Kind = 0 }),
		event(func(e *revocast.Event) { e.Kind = 200 }),
		event(func(e *revocast.Event) { e.Scope = 99 }),
		event(func(e *revocast.Event) { e.Key = revocast.Key{} }),
		event(func(e *revocast.Event) { e.Position.Epoch = 0 }),
		event(func(e *revocast.Event) { e.Position.Rev = 1 << 60 }),
		event(func(e *revocast.Event) { e.Kind, e.Position.Epoch = revocast.KindLifted, 1<<60 }),
		event(func(e *revocast.Event) { e.Kind, e.At = revocast.KindLifted, -1 }),
		event(func(e *revocast.Event) { e.CutOff = 0 }),
		event(func(e *revocast.Event) { e.CutOff = -3 }),
	}
	var all []revocast.Event
	for i := range max(len(read), len(skipped)) {
		all = append(all, skipped[min(i, len(skipped)-1)], read[min(i, len(read)-1)])
	}
	changed, err := l.Restore(ctx, 9, all)
	must(t, err)
	if changed != len(read) || l.Skipped() != uint64(max(len(read), len(skipped))) {
		t.Errorf("%d of %d restored, %d of %d skipped", changed, len(read), l.Skipped(), len(skipped))
	}
	must(t, storetest.Reopen(ctx, l))
	var keys []revocast.Key
	for _, e := range read {
		keys = append(keys, e.Key)
	}
	checked, err := l.Check(ctx, keys)
	must(t, err)
	for i, s := range checked.States {
		if !s.Against(5, numbered(5), until-1).Covered {
			t.Errorf("%+v was restored as %+v", read[i], s)
		}
	}
	events, err := l.Log(ctx, revocast.Position{}, 100)
	must(t, err)
	for _, e := range events {
		if len(e.Reason) > revocast.MaxReason || len(e.Initiator) > revocast.MaxReason || e.At < 0 || e.Until > revocast.Forever {
			t.Errorf("logged: %+v", e)
		}
	}
}
