package revocast_test

import (
	"fmt"
	"testing"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/fleettest"
	"github.com/revocast/revocast/internal/property"
	"github.com/revocast/revocast/port"
)

// The model: a state is a function from sessions to cut-offs, and a register.
type modelState struct {
	cut map[revocast.Key]int64 // for each session of sessions; the zero key: any other
	ban revocast.BanState
}

// sessions are all that the model looks at, with the zero key for no session.
var sessions = []revocast.Key{{}, sessionKey(1), sessionKey(2), sessionKey(3)}

func sessionKey(n int) revocast.Key {
	return revocast.KeyOf(fleettest.Realm, revocast.ScopeSession, fleettest.Issuer, fmt.Sprint(n))
}

func (m *modelState) add(e revocast.Event) {
	switch e.Kind {
	case revocast.KindRevoked:
		for _, s := range sessions {
			if s.IsZero() || s != e.Except {
				m.cut[s] = max(m.cut[s], e.CutOff)
			}
		}
	case revocast.KindBanned, revocast.KindLifted:
		if !e.Position.Before(m.ban.At) {
			m.ban = e.State().Ban
		}
	}
}

// drawHistory draws events of one key at distinct positions, with many ties among the
// times.
func drawHistory(rt *property.T) []revocast.Event {
	return property.SliceOfNDistinct(property.Custom(drawEvent), 0, 12, func(e revocast.Event) revocast.Position {
		return e.Position
	}).Draw(rt, "history")
}

func drawEvent(rt *property.T) revocast.Event {
	e := revocast.Event{
		Kind:  property.SampledFrom(revocast.Kinds[:]).Draw(rt, "kind"),
		Scope: revocast.ScopePrincipal, Key: sessionKey(9),
		Position: revocast.Position{
			Epoch: property.Uint64Range(1, 2).Draw(rt, "epoch"), Rev: property.Uint64Range(1, 20).Draw(rt, "rev"),
		},
		Until: property.Int64Range(50, 60).Draw(rt, "until"),
	}
	switch e.Kind {
	case revocast.KindRevoked:
		e.CutOff = property.Int64Range(1, 5).Draw(rt, "cutoff")
		e.Except = property.SampledFrom(sessions).Draw(rt, "except")
	case revocast.KindBanned:
		e.From = property.Int64Range(0, 3).Draw(rt, "from")
		e.Until = property.Int64Range(4, 8).Draw(rt, "end")
	}
	return e
}

func fold(events []revocast.Event) (s revocast.State) {
	for _, e := range events {
		s = s.Merge(e.State())
	}
	return s
}

func TestMergeIsTheModel(t *testing.T) {
	property.Check(t, func(rt *property.T) {
		history := drawHistory(rt)
		model := modelState{cut: map[revocast.Key]int64{}}
		for _, e := range history {
			model.add(e)
		}
		s := fold(history)
		for _, session := range sessions {
			for issued := int64(0); issued <= 6; issued++ {
				want := model.cut[session] != 0 && issued <= model.cut[session]
				for now := int64(0); now <= 9; now++ {
					banned := model.ban.From <= now && now < model.ban.Until
					f := revocast.Finding{Covered: want || banned, Banned: banned && !want}
					if ban := model.ban; !f.Covered && now < ban.From && ban.From < ban.Until {
						f.BanFrom = ban.From
					}
					if got := s.Against(issued, session, now); got != f {
						rt.Fatalf("%+v against %d of session %s at %d: %+v, the model says %+v", s, issued, session,
							now, got, f)
					}
				}
			}
		}
	})
}

func TestMergeLaws(t *testing.T) {
	property.Check(t, func(rt *property.T) {
		a, b, c := fold(drawHistory(rt)), fold(drawHistory(rt)), fold(drawHistory(rt))
		if ab, ba := a.Merge(b), b.Merge(a); ab != ba {
			rt.Errorf("not commutative:\n%+v\n%+v", ab, ba)
		}
		if x, y := a.Merge(b).Merge(c), a.Merge(b.Merge(c)); x != y {
			rt.Errorf("not associative:\n%+v\n%+v", x, y)
		}
		if again := a.Merge(a); again != a {
			rt.Errorf("not idempotent: %+v became %+v", a, again)
		}
		if same := a.Merge(revocast.State{}); same != a {
			rt.Errorf("the zero state changed %+v into %+v", a, same)
		}
	})
}

func TestMergeInAnyOrder(t *testing.T) {
	property.Check(t, func(rt *property.T) {
		history := drawHistory(rt)
		again := append(property.Permutation(history).Draw(rt, "order"), history...)
		if x, y := fold(history), fold(again); x != y {
			rt.Errorf("%+v\nin another order and twice %+v", x, y)
		}
	})
}

// TestNormalForm: states that cover the same tokens are the same value.
func TestNormalForm(t *testing.T) {
	property.Check(t, func(rt *property.T) {
		s := fold(drawHistory(rt))
		if s.Except.IsZero() != (s.Floor == s.CutOff) {
			rt.Errorf("exception %s, floor %d, cut-off %d", s.Except, s.Floor, s.CutOff)
		}
		if s.Floor > s.CutOff {
			rt.Errorf("the floor is above the cut-off: %+v", s)
		}
	})
}

// TestKeyedStateEvents: a snapshot is applied as a log is, with the same result.
func TestKeyedStateEvents(t *testing.T) {
	property.Check(t, func(rt *property.T) {
		s := fold(drawHistory(rt))
		k := port.KeyedState{Key: sessionKey(9), Scope: revocast.ScopePrincipal, State: s}
		events := k.Events()
		for _, e := range events {
			if e.Key != k.Key || e.Scope != k.Scope || !e.Kind.Valid() {
				rt.Errorf("event %+v of %+v", e, k)
			}
		}
		got := fold(events)
		if s.CutOff == 0 && s.Ban.At.IsZero() {
			if len(events) != 0 {
				rt.Errorf("%d events of a state that refuses nobody", len(events))
			}
			return
		}
		if got.CutOff != s.CutOff || got.Except != s.Except || got.Floor != s.Floor || got.Ban != s.Ban {
			rt.Errorf("%+v\nbecame %+v", s, got)
		}
	})
}

// TestExceptThenExcept: the second exception must not revive the first cut-off's tokens.
func TestExceptThenExcept(t *testing.T) {
	s1, s2 := sessionKey(1), sessionKey(2)
	except := func(cutoff int64, session revocast.Key, rev uint64) revocast.State {
		return revocast.Event{
			Kind: revocast.KindRevoked, Scope: revocast.ScopePrincipal, Key: sessionKey(9), CutOff: cutoff,
			Except: session,
			Until:  1000, Position: revocast.Position{Epoch: 1, Rev: rev},
		}.State()
	}
	s := except(100, s1, 1).Merge(except(200, s2, 2))
	for _, c := range []struct {
		issued  int64
		session revocast.Key
		want    bool
	}{
		{100, s2, true},
		{101, s2, false},
		{100, s1, true},
		{200, s1, true},
		{201, s1, false},
		{150, revocast.Key{}, true},
	} {
		if got := s.Against(c.issued, c.session, 0).Covered; got != c.want {
			t.Errorf("issued %d in session %s: %v, want %v", c.issued, c.session, got, c.want)
		}
	}
}

func TestUnknownIssueTimeIsCovered(t *testing.T) {
	if s := (revocast.State{CutOff: 1, Floor: 1}); !s.Against(0, revocast.Key{}, 0).Covered {
		t.Error("a token of unknown issue time is not covered by a cut-off")
	}
	if (revocast.State{}).Against(0, revocast.Key{}, 0).Covered {
		t.Error("the zero state covers a token")
	}
}
