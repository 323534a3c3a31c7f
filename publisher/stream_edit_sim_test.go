package publisher_test

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/fake"
	"github.com/revocast/revocast/internal/fleettest"
	"github.com/revocast/revocast/port"
	"github.com/revocast/revocast/publisher"
)

// Whatever somebody edits in the stream's configuration while everything runs is changed back,
// and the events that it cost are refilled: after that Redis may lose everything.
func TestEditedStreamIsMended(t *testing.T) {
	for name, edit := range map[string]fake.Edit{
		"messages per subject": {PerKind: 5},
		"one message":          {PerKind: 1},
		"oldest discarded":     {Oldest: 5},
		"age":                  {MaxAge: 1000},
		"no acknowledgements":  {Mute: true},
		"other subjects":       {Elsewhere: true},
		"several at once":      {Oldest: 3, MaxAge: 2000, Mute: true},
	} {
		t.Run(name, func(t *testing.T) {
			fleettest.InWorld(t, func(w *fleettest.World) {
				a, lines := w.LoggedPublisher("a")
				b := w.Publisher("b")
				x := w.Worker("w", fleettest.WorkerOptions{})
				alice := fleettest.Login("alice")
				_, err := a.Revoke(w.T.Context(), fleettest.RevokeAlice())
				w.Must(err)
				_, err = a.Ban(w.T.Context(), revocast.Ban{Principal: "mallory", Until: time.Now().Add(time.Hour)})
				w.Must(err) // of another kind: it stays, and what is gone is gone from the middle
				w.RevokeMany(b, 0, 20)
				fleettest.Elapse(12 * time.Second)
				w.Bus.Edit(edit)
				w.RevokeMany(b, 20, 3)
				fleettest.Elapse(20 * time.Second)
				w.Must(a.Ready())
				w.WantEqual(25)
				if n := a.Stats().StreamMends + b.Stats().StreamMends; n == 0 {
					t.Error("nothing was changed back")
				}
				if a.Stats().StreamMends > 0 && len(lines.With(slog.LevelError, "changed back")) == 0 {
					t.Error("the log does not say so")
				}
				w.Ledger.Empty()
				fleettest.Elapse(20 * time.Second)
				w.Must(a.Ready())
				w.Expect(x, alice, revocast.Revoked)
				w.WantEqual(25)
			})
		})
	}
}

// While a stream can never take an event again, nothing is confirmed, and every status says so.
// Once it is removed, it is made again and refilled.
func TestSealedStreamIsShown(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		p, lines := w.LoggedPublisher("p")
		q := w.Publisher("q")
		w.RevokeMany(p, 0, 5)
		fleettest.Elapse(12 * time.Second)
		w.Bus.Edit(fake.Edit{Sealed: true})
		fleettest.Elapse(6 * time.Second)
		alice := fleettest.Login("alice")
		x := w.Worker("w", fleettest.WorkerOptions{})
		ctx, cancel := fleettest.Within(10 * time.Second)
		defer cancel()
		r, err := p.Revoke(ctx, fleettest.RevokeAlice())
		if !errors.Is(err, revocast.ErrPending) || r.Strength != revocast.Committed {
			t.Errorf("%+v, %v; want it committed and pending", r, err)
		}
		w.Expect(x, alice, revocast.Revoked) // at once all the same
		fleettest.Elapse(10 * time.Minute)
		for _, p := range []*fleettest.SimPublisher{p, q} {
			if err := p.Ready(); !errors.Is(err, revocast.ErrUnsuited) || !strings.Contains(err.Error(), "sealed") {
				t.Errorf("ready: %v", err)
			}
			if err := p.Status().StreamError; err == nil || !strings.Contains(err.Error(), "sealed") {
				t.Errorf("stream error: %v", err)
			}
		}
		if n := len(lines.With(slog.LevelWarn, "sealed")); n < 10 || n > 40 {
			t.Errorf("%d lines in ten minutes say why", n)
		}
		w.Bus.LoseEvents()
		fleettest.Elapse(20 * time.Second)
		w.Must(p.Ready())
		w.Must(q.Ready())
		_, err = q.Await(w.T.Context(), r.Position)
		w.Must(err)
		w.WantEqual(6)
	})
}

// A full stream is shown too, and no worse: it has lost nothing.
func TestFullStreamIsShown(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		p, lines := w.LoggedPublisher("p")
		w.RevokeMany(p, 0, 5)
		w.Bus.Fill(true)
		_, err := p.Revoke(w.T.Context(), fleettest.RevokeAlice(), fleettest.Committed())
		w.Must(err)
		fleettest.Elapse(5 * time.Minute)
		if err := p.Ready(); !errors.Is(err, revocast.ErrUnsuited) || !strings.Contains(err.Error(), "full") {
			t.Errorf("ready: %v", err)
		}
		if n := len(lines.With(slog.LevelWarn, "full")); n < 4 || n > 12 {
			t.Errorf("%d lines in five minutes say why", n)
		}
		w.Bus.Fill(false)
		fleettest.Elapse(6 * time.Second)
		w.Must(p.Ready())
		w.WantEqual(6)
	})
}

// A stream that somebody cut is not taken for a whole one by a Redis that lost everything,
// whichever way it was cut: that nobody is revoked must not come of it.
func TestCutStreamIsNotTakenForWhole(t *testing.T) {
	for name, cut := range map[string]func(*fleettest.World){
		"its beginning":       func(w *fleettest.World) { w.Bus.Edit(fake.Edit{Oldest: 5}) },
		"its middle":          func(w *fleettest.World) { w.Bus.Edit(fake.Edit{PerKind: 5}) },
		"all of it":           func(w *fleettest.World) { w.Bus.Edit(fake.Edit{MaxAge: 1}) },
		"its end":             func(w *fleettest.World) { w.Bus.Truncate(3) },
		"its end, grown over": func(w *fleettest.World) { w.Bus.Truncate(12); w.Bus.Garble() },
	} {
		t.Run(name, func(t *testing.T) {
			fleettest.InWorld(t, func(w *fleettest.World) {
				p := w.Publisher("p")
				_, err := p.Ban(w.T.Context(), revocast.Ban{Principal: "mallory", Until: time.Now().Add(time.Hour)})
				w.Must(err)
				w.RevokeMany(p, 0, 20)
				fleettest.Elapse(12 * time.Second)
				p.Bus.SetHook(func(c fake.Call) fake.Fault { // in the moment before it is noticed
					if c.Op == fake.OpMend || c.Op == fake.OpRefill {
						return fake.NotDone()
					}
					return fake.Fault{}
				})
				cut(w)
				w.Ledger.Empty()
				fleettest.Elapse(20 * time.Second)
				if err := p.Ready(); !errors.Is(err, revocast.ErrStreamLost) ||
					!strings.Contains(err.Error(), "--accept-loss") {
					t.Fatalf("ready: %v", err)
				}
				p.Bus.SetHook(nil)
				_, err = publisher.Repair(w.T.Context(), w.Ledger.Link("op"), w.Bus.Link("op"), publisher.JetStream,
					publisher.RepairOptions{AcceptLoss: true})
				w.Must(err)
				w.Await(p.Readiness())
				fleettest.Elapse(20 * time.Second)
				w.Ledger.Empty() // what there is now is whole again
				fleettest.Elapse(20 * time.Second)
				w.Must(p.Ready())
			})
		})
	}
}

// A stream that is kept whole for months is not taken for cut when its beginning expires.
func TestAgedStreamIsWhole(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		p := w.Publisher("p")
		for i := range 15 {
			w.RevokeMany(p, i, 1)
			fleettest.Elapse(10 * time.Minute)
		}
		w.Ledger.Empty()
		fleettest.Elapse(time.Minute)
		w.Must(p.Ready())
		if s := p.Stats(); s.StreamLosses != 0 || s.Refills != 0 {
			t.Errorf("%+v", s)
		}
		fleettest.Elapse(150 * time.Minute)
		w.RevokeMany(p, 15, 1)
		fleettest.Elapse(time.Minute)
		w.Ledger.Empty()
		fleettest.Elapse(time.Minute)
		w.Must(p.Ready())
	}, func(t *port.Terms) {
		for i := range t.MaxLifetime {
			t.MaxLifetime[i] = time.Second
		}
	})
}
