package revocast_test

import (
	"testing"

	"github.com/revocast/revocast"
)

func at(rev uint64) revocast.Position { return revocast.Position{Epoch: 1, Rev: rev} }

// TestTies: two states that stand equal in one field merge into the same value in both orders, and
// the stricter one wins.
func TestTies(t *testing.T) {
	one, two := sessionKey(1), sessionKey(2)
	for _, c := range []struct {
		name       string
		a, b, want revocast.State
	}{
		{
			"one cut-off, two exceptions",
			revocast.State{CutOff: 5, Except: one},
			revocast.State{CutOff: 5, Except: two, Floor: 3},
			revocast.State{CutOff: 5, Floor: 5},
		},
		{
			"one cut-off, an exception and none",
			revocast.State{CutOff: 5, Except: one, Floor: 2},
			revocast.State{CutOff: 5, Floor: 5},
			revocast.State{CutOff: 5, Floor: 5},
		},
		{
			"one cut-off and exception, two floors",
			revocast.State{CutOff: 5, Except: one, Floor: 1},
			revocast.State{CutOff: 5, Except: one, Floor: 2},
			revocast.State{CutOff: 5, Except: one, Floor: 2},
		},
		{
			"two bans at one position",
			revocast.State{Ban: revocast.BanState{From: 2, Until: 9, At: at(1)}},
			revocast.State{Ban: revocast.BanState{From: 1, Until: 8, At: at(1)}},
			revocast.State{Ban: revocast.BanState{From: 1, Until: 9, At: at(1)}},
		},
		{
			"two bans at two positions",
			revocast.State{Ban: revocast.BanState{From: 2, Until: 9, At: at(2)}},
			revocast.State{Ban: revocast.BanState{From: 1, Until: 10, At: at(1)}},
			revocast.State{Ban: revocast.BanState{From: 2, Until: 9, At: at(2)}},
		},
		{
			"the later end and the later change",
			revocast.State{CutOff: 1, Floor: 1, Until: 7, At: at(1)},
			revocast.State{Until: 8, At: at(2)},
			revocast.State{CutOff: 1, Floor: 1, Until: 8, At: at(2)},
		},
	} {
		if got := c.a.Merge(c.b); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
		if got := c.b.Merge(c.a); got != c.want {
			t.Errorf("%s, the other way round: %+v, want %+v", c.name, got, c.want)
		}
	}
}

// TestBanOfNoLength: a ban that ends when it starts refuses nobody, and is not announced either.
func TestBanOfNoLength(t *testing.T) {
	s := revocast.State{Ban: revocast.BanState{From: 5, Until: 5, At: at(1)}}
	for now := int64(4); now <= 6; now++ {
		if f := s.Against(0, revocast.Key{}, now); f != (revocast.Finding{}) {
			t.Errorf("at %d: %+v", now, f)
		}
	}
}

func TestStateIsZero(t *testing.T) {
	for _, c := range []struct {
		s    revocast.State
		want bool
	}{
		{revocast.State{}, true},
		{revocast.State{CutOff: 1}, false},
		{revocast.State{Ban: revocast.BanState{Until: 1}}, false},
		{revocast.State{CutOff: 1, Ban: revocast.BanState{Until: 1}}, false},
		{revocast.State{Ban: revocast.BanState{At: at(1)}}, true},
	} {
		if c.s.IsZero() != c.want {
			t.Errorf("%+v: zero %v", c.s, !c.want)
		}
	}
}

// TestEventStates: what each kind of event adds to its key.
func TestEventStates(t *testing.T) {
	session := sessionKey(1)
	event := revocast.Event{Position: at(3), CutOff: 5, From: 2, Until: 9}
	for _, c := range []struct {
		kind    revocast.Kind
		except  revocast.Key
		want    revocast.State
		refuses bool
	}{
		{revocast.KindRevoked, revocast.Key{}, revocast.State{CutOff: 5, Floor: 5, Until: 9, At: at(3)}, true},
		{revocast.KindRevoked, session, revocast.State{CutOff: 5, Except: session, Until: 9, At: at(3)}, true},
		{
			revocast.KindBanned,
			revocast.Key{},
			revocast.State{Until: 9, At: at(3), Ban: revocast.BanState{From: 2, Until: 9, At: at(3)}},
			true,
		},
		{
			revocast.KindLifted,
			revocast.Key{},
			revocast.State{Until: 9, At: at(3), Ban: revocast.BanState{At: at(3)}},
			false,
		},
		{revocast.KindInvalidated, revocast.Key{}, revocast.State{At: at(3)}, false},
	} {
		event.Kind, event.Except = c.kind, c.except
		if got := event.State(); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.kind, got, c.want)
		}
		if event.Refuses() != c.refuses {
			t.Errorf("%s: refuses %v", c.kind, !c.refuses)
		}
	}
}

func TestPositionsAreOrdered(t *testing.T) {
	if at(2).Before(at(2)) || at(2).Before(at(1)) || !at(1).Before(at(2)) {
		t.Error("revisions of one epoch are not in order")
	}
	if later := (revocast.Position{Epoch: 2}); later.Before(at(1)) || !at(1).Before(later) {
		t.Error("the later epoch comes first")
	}
}
