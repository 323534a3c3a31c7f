package revocast_test

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/sim"
)

// Whatever somebody edits in the stream's configuration while all runs is changed back,
// and what it cost is refilled: Redis may lose everything after that.
func TestEditedStreamIsMended(t *testing.T) {
	for name, edit := range map[string]sim.Edit{
		"messages per subject": {PerKind: 5},
		"one message":          {PerKind: 1},
		"oldest discarded":     {Oldest: 5},
		"age":                  {MaxAge: 1000},
		"no acknowledgements":  {Mute: true},
		"other subjects":       {Elsewhere: true},
		"several at once":      {Oldest: 3, MaxAge: 2000, Mute: true},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				a, lines := w.loggedPublisher("a")
				b := w.publisher("b")
				x := w.worker("w", workerOptions{})
				alice := login("alice")
				_, err := a.Revoke(w.t.Context(), revokeAlice())
				w.must(err)
				_, err = a.Ban(w.t.Context(), revocast.Ban{Principal: "mallory", Until: time.Now().Add(time.Hour)})
				w.must(err) // of another kind: it stays, and what is gone is gone from the middle
				w.revokeMany(b, 0, 20)
				elapse(12 * time.Second)
				w.bus.Edit(edit)
				w.revokeMany(b, 20, 3)
				elapse(20 * time.Second)
				w.must(a.Ready().Err())
				w.wantEqual(25)
				if n := a.Stats().StreamMends + b.Stats().StreamMends; n == 0 {
					t.Error("nothing was changed back")
				}
				if a.Stats().StreamMends > 0 && len(lines.with(slog.LevelError, "changed back")) == 0 {
					t.Error("the log does not say so")
				}
				w.ledger.Empty()
				elapse(20 * time.Second)
				w.must(a.Ready().Err())
				w.expect(x, alice, revocast.Revoked)
				w.wantEqual(25)
			})
		})
	}
}

// A stream that can never take an event again makes nothing confirmed, and everybody who
// looks is told; removed, it is made anew and refilled.
func TestSealedStreamIsShown(t *testing.T) {
	inWorld(t, func(w *world) {
		p, lines := w.loggedPublisher("p")
		q := w.publisher("q")
		w.revokeMany(p, 0, 5)
		elapse(12 * time.Second)
		w.bus.Edit(sim.Edit{Sealed: true})
		elapse(6 * time.Second)
		alice := login("alice")
		x := w.worker("w", workerOptions{})
		ctx, cancel := within(10 * time.Second)
		defer cancel()
		r, err := p.Revoke(ctx, revokeAlice())
		if !errors.Is(err, revocast.ErrPending) || r.Strength != revocast.Committed {
			t.Errorf("%+v, %v; want it committed and pending", r, err)
		}
		w.expect(x, alice, revocast.Revoked) // at once all the same
		elapse(10 * time.Minute)
		for _, p := range []*simPublisher{p, q} {
			if err := p.Ready().Err(); !errors.Is(err, revocast.ErrUnsuited) || !strings.Contains(err.Error(), "sealed") {
				t.Errorf("ready: %v", err)
			}
			if err := p.Stats().StreamError; err == nil || !strings.Contains(err.Error(), "sealed") {
				t.Errorf("stream error: %v", err)
			}
		}
		if n := len(lines.with(slog.LevelWarn, "sealed")); n < 10 || n > 40 {
			t.Errorf("%d lines in ten minutes say why", n)
		}
		w.bus.LoseEvents()
		elapse(20 * time.Second)
		w.must(p.Ready().Err())
		w.must(q.Ready().Err())
		_, err = q.Await(w.t.Context(), r.Position)
		w.must(err)
		w.wantEqual(6)
	})
}

// A full stream is shown too, and no worse: it has lost nothing.
func TestFullStreamIsShown(t *testing.T) {
	inWorld(t, func(w *world) {
		p, lines := w.loggedPublisher("p")
		w.revokeMany(p, 0, 5)
		w.bus.Fill(true)
		_, err := p.Revoke(w.t.Context(), revokeAlice(), committed())
		w.must(err)
		elapse(5 * time.Minute)
		if err := p.Ready().Err(); !errors.Is(err, revocast.ErrUnsuited) || !strings.Contains(err.Error(), "full") {
			t.Errorf("ready: %v", err)
		}
		if n := len(lines.with(slog.LevelWarn, "full")); n < 4 || n > 12 {
			t.Errorf("%d lines in five minutes say why", n)
		}
		w.bus.Fill(false)
		elapse(6 * time.Second)
		w.must(p.Ready().Err())
		w.wantEqual(6)
	})
}

// A stream that somebody cut is not taken for a whole one by a Redis that lost everything,
// whichever way it was cut: that nobody is revoked must not come of it.
func TestCutStreamIsNotTakenForWhole(t *testing.T) {
	for name, cut := range map[string]func(*world){
		"its beginning":       func(w *world) { w.bus.Edit(sim.Edit{Oldest: 5}) },
		"its middle":          func(w *world) { w.bus.Edit(sim.Edit{PerKind: 5}) },
		"all of it":           func(w *world) { w.bus.Edit(sim.Edit{MaxAge: 1}) },
		"its end":             func(w *world) { w.bus.Truncate(3) },
		"its end, grown over": func(w *world) { w.bus.Truncate(12); w.bus.Garble() },
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				p := w.publisher("p")
				_, err := p.Ban(w.t.Context(), revocast.Ban{Principal: "mallory", Until: time.Now().Add(time.Hour)})
				w.must(err)
				w.revokeMany(p, 0, 20)
				elapse(12 * time.Second)
				p.bus.SetHook(func(c sim.Call) sim.Fault { // in the moment before it is noticed
					if c.Op == sim.OpMend || c.Op == sim.OpRefill {
						return sim.NotDone()
					}
					return sim.Fault{}
				})
				cut(w)
				w.ledger.Empty()
				elapse(20 * time.Second)
				if err := p.Ready().Err(); !errors.Is(err, revocast.ErrStreamLost) || !strings.Contains(err.Error(), "--accept-loss") {
					t.Fatalf("ready: %v", err)
				}
				p.bus.SetHook(nil)
				_, err = revocast.Repair(w.t.Context(), w.ledger.Link("op"), w.bus.Link("op"), revocast.JetStream, revocast.RepairOptions{AcceptLoss: true})
				w.must(err)
				w.await(p.Ready())
				elapse(20 * time.Second)
				w.ledger.Empty() // what there is now is whole again
				elapse(20 * time.Second)
				w.must(p.Ready().Err())
			})
		})
	}
}

// A stream that is kept whole for months is not taken for cut when its beginning expires.
func TestAgedStreamIsWhole(t *testing.T) {
	inWorld(t, func(w *world) {
		p := w.publisher("p")
		for i := range 15 {
			w.revokeMany(p, i, 1)
			elapse(10 * time.Minute)
		}
		w.ledger.Empty()
		elapse(time.Minute)
		w.must(p.Ready().Err())
		if s := p.Stats(); s.StreamLosses != 0 || s.Refills != 0 {
			t.Errorf("%+v", s)
		}
		elapse(150 * time.Minute)
		w.revokeMany(p, 15, 1)
		elapse(time.Minute)
		w.ledger.Empty()
		elapse(time.Minute)
		w.must(p.Ready().Err())
	}, func(t *revocast.Terms) {
		for i := range t.MaxLifetime {
			t.MaxLifetime[i] = time.Second
		}
	})
}
