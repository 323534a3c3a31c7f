package port

import (
	"errors"
	"testing"

	"github.com/revocast/revocast"
)

func at(epoch, rev uint64) revocast.Position { return revocast.Position{Epoch: epoch, Rev: rev} }

func entries(ps ...revocast.Position) []revocast.Event {
	var list []revocast.Event
	for _, p := range ps {
		list = append(list, revocast.Event{Position: p})
	}
	return list
}

// TestFollow: within an epoch revisions run without holes, and each epoch begins with 1.
func TestFollow(t *testing.T) {
	for name, c := range map[string]struct {
		after   revocast.Position
		entries []revocast.Event
		last    revocast.Position
		whole   bool
	}{
		"nothing":                      {at(1, 5), nil, at(1, 5), true},
		"the next":                     {at(1, 5), entries(at(1, 6), at(1, 7)), at(1, 7), true},
		"one is missing":               {at(1, 5), entries(at(1, 7)), at(1, 5), false},
		"one is missing later":         {at(1, 5), entries(at(1, 6), at(1, 8)), at(1, 6), false},
		"the same again":               {at(1, 5), entries(at(1, 5)), at(1, 5), false},
		"another epoch":                {at(1, 5), entries(at(2, 1), at(2, 2)), at(2, 2), true},
		"one that nobody wrote in":     {at(1, 5), entries(at(4, 1)), at(4, 1), true},
		"another epoch, not its first": {at(1, 5), entries(at(2, 2)), at(1, 5), false},
		"an earlier epoch":             {at(2, 5), entries(at(1, 6)), at(2, 5), false},
	} {
		last, err := Follow(c.after, c.entries)
		if last != c.last || (err == nil) != c.whole || err != nil && !errors.Is(err, revocast.ErrTrimmed) {
			t.Errorf("%s: %s, %v", name, last, err)
		}
	}
}

// TestRenewedWhole: a log that ends before the ledger's position has lost its end, unless it was
// cut off by the limit.
func TestRenewedWhole(t *testing.T) {
	for name, c := range map[string]struct {
		answer Renewed
		whole  bool
	}{
		"up to date":           {Renewed{Position: at(1, 5)}, true},
		"what came":            {Renewed{Position: at(1, 7), Events: entries(at(1, 6), at(1, 7))}, true},
		"without its end":      {Renewed{Position: at(1, 7), Events: entries(at(1, 6))}, false},
		"without anything":     {Renewed{Position: at(1, 6)}, false},
		"more to come":         {Renewed{Position: at(1, 7), Events: entries(at(1, 6)), More: true}, true},
		"a hole":               {Renewed{Position: at(1, 7), Events: entries(at(1, 7))}, false},
		"a hole, more to come": {Renewed{Position: at(1, 9), Events: entries(at(1, 7)), More: true}, false},
		"an empty epoch":       {Renewed{Position: at(2, 0)}, true},
		"the next epoch":       {Renewed{Position: at(2, 1)}, false},
	} {
		err := c.answer.Whole(at(1, 5))
		if (err == nil) != c.whole || err != nil && !errors.Is(err, revocast.ErrTrimmed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestKeyedStateEvents: the events add up to the state that they are made of, and there are no
// more of them than it takes.
func TestKeyedStateEvents(t *testing.T) {
	session := revocast.Key{7}
	for name, c := range map[string]struct {
		state revocast.State
		n     int
	}{
		"nothing":      {revocast.State{}, 0},
		"a cut-off":    {revocast.State{CutOff: 9, Floor: 9, Until: 99, At: at(1, 2)}, 1},
		"an exception": {revocast.State{CutOff: 9, Except: session, Until: 99, At: at(1, 2)}, 1},
		"and its own":  {revocast.State{CutOff: 9, Except: session, Floor: 4, Until: 99, At: at(1, 2)}, 2},
		"a ban": {
			revocast.State{Until: 50, Ban: revocast.BanState{From: 3, Until: 50, At: at(1, 3)}, At: at(1, 3)}, 1,
		},
		"one that is over": {revocast.State{Ban: revocast.BanState{At: at(1, 3)}, At: at(1, 3)}, 1},
		"a cut-off and ban": {revocast.State{
			CutOff: 9, Floor: 9, Until: 99, Ban: revocast.BanState{Until: 50, At: at(1, 1)}, At: at(1, 2),
		}, 2},
	} {
		k := KeyedState{Key: revocast.Key{1}, Scope: revocast.ScopePrincipal, State: c.state, Changed: 5}
		events := k.Events()
		var sum revocast.State
		for _, e := range events {
			if e.Key != k.Key || e.Scope != k.Scope || e.At != k.Changed {
				t.Errorf("%s: %+v", name, e)
			}
			sum = sum.Merge(e.State())
		}
		if len(events) != c.n || sum != c.state {
			t.Errorf("%s: %d events add up to %+v, want %d and %+v", name, len(events), sum, c.n, c.state)
		}
	}
}

// TestLedgerStates: each has a name and, unless the ledger serves, an error.
func TestLedgerStates(t *testing.T) {
	for state, want := range map[LedgerState]struct {
		name string
		err  error
	}{
		LedgerUninitialised: {"uninitialised", revocast.ErrUninitialised},
		LedgerOpen:          {"open", nil},
		LedgerRecovering:    {"recovering", revocast.ErrRecovering},
		LedgerFenced:        {"fenced", revocast.ErrFenced},
		LedgerFenced + 1:    {"unknown", revocast.ErrUninitialised},
	} {
		if state.String() != want.name || !errors.Is(state.Err(), want.err) {
			t.Errorf("%d: %s, %v", state, state, state.Err())
		}
	}
	if name := (MemberID{"c", "w", "1"}).String(); name != "c/w/1" {
		t.Error(name)
	}
}
