package publisher

import (
	"context"
	"errors"
	"io"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

func auditorOf(l *ledgerFake, b *busFake) *auditor {
	t := partTools(l, b, io.Discard)
	return newAuditor(t, newJudge(t.base, b, t.streams), newRefiller(t, b, newMarker(t, l)), 5*time.Second)
}

// wholeStore are a ledger and a stream that agree: the mark stands at message 5, revision 3.
func wholeStore() (*ledgerFake, *busFake) {
	l := openLedger(2)
	at := port.StreamPoint{Created: 7, Sequence: 5}
	l.d.Mark = port.StreamMark{Point: at, From: 5, Complete: pos(2, 3)}
	l.d.Position, l.d.Durable = pos(2, 3), pos(2, 3)
	return l, &busFake{
		info: port.StreamInfo{Created: 7, First: 1, Last: 5}, record: recordOf(l.d), replayed: port.Replayed{End: at},
	}
}

func TestAuditorMovesTheMark(t *testing.T) {
	l, b := wholeStore()
	l.d.Position, l.d.Durable = pos(2, 5), pos(2, 4)
	b.events, b.replayed.End.Sequence = []revocast.Event{revoked(2, 5), revoked(2, 4)}, 7
	a := auditorOf(l, b)
	if err := a.look(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	l.want(t, "mark 7 from 7 complete 2-5")
	if a.audits.Load() != 1 || a.streams.seen.Load() == nil {
		t.Errorf("%d audits, seen %v", a.audits.Load(), a.streams.seen.Load())
	}
}

// TestAuditorReadsFromBeforeTheMark: it does so if events stood out of order and the mark's
// message is where it was.
func TestAuditorReadsFromBeforeTheMark(t *testing.T) {
	l, b := wholeStore()
	l.d.Mark.From = 2
	a := auditorOf(l, b)
	if err := a.look(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	b.want(t, "replay after 5", "replay after 2")
	b.replayErr = func(after port.StreamPoint) error { return revocast.ErrStreamLost }
	if lost, err := a.readOn(t.Context(), l.d, b.info); !errors.Is(lost, revocast.ErrStreamLost) || err != nil {
		t.Errorf("%v, %v", lost, err)
	}
}

func TestAuditorFindsLosses(t *testing.T) {
	for _, test := range []struct {
		what string
		set  func(*ledgerFake, *busFake)
		lost bool
	}{
		{"none", func(*ledgerFake, *busFake) {}, false},
		{"a revision that was acknowledged", func(l *ledgerFake, _ *busFake) {
			l.d.Position, l.d.Durable = pos(2, 4), pos(2, 4)
		}, true},
		{"a hole", func(_ *ledgerFake, b *busFake) { b.replayed.Missing = 1 }, true},
		{"another stream", func(_ *ledgerFake, b *busFake) { b.info.Created = 8 }, true},
		{"its end", func(_ *ledgerFake, b *busFake) { b.info.Last = 4 }, true},
		{"more from its middle", func(l *ledgerFake, b *busFake) { b.info.Missing, l.d.Mark.Missing = 2, 1 }, true},
		{"no more from its middle", func(l *ledgerFake, b *busFake) { b.info.Missing, l.d.Mark.Missing = 2, 2 }, false},
		{"it was never seen whole", func(l *ledgerFake, _ *busFake) { l.d.Mark = port.StreamMark{} }, true},
		{"a witness", func(l *ledgerFake, b *busFake) {
			l.d.Witness, b.info.First = port.StreamPoint{Sequence: 2, Stored: time.Now().UnixMilli()}, 3
		}, true},
		{"a witness that may have expired", func(l *ledgerFake, b *busFake) {
			l.d.Witness, b.info.First = port.StreamPoint{Sequence: 2, Stored: 1}, 3
		}, false},
		{"up to the witness", func(l *ledgerFake, b *busFake) {
			l.d.Witness, b.info.First = port.StreamPoint{Sequence: 3, Stored: time.Now().UnixMilli()}, 3
		}, false},
		{"the mark", func(l *ledgerFake, b *busFake) {
			l.d.Mark.Point.Stored, b.info.First = time.Now().UnixMilli(), 6
		}, true},
		{"up to the mark", func(l *ledgerFake, b *busFake) {
			l.d.Mark.Point.Stored, b.info.First = time.Now().UnixMilli(), 5
		}, false},
		{"the mark, which may have expired", func(l *ledgerFake, b *busFake) {
			l.d.Mark.Point.Stored, b.info.First = 1, 6
		}, false},
	} {
		l, b := wholeStore()
		test.set(l, b)
		a := auditorOf(l, b)
		l.states = []port.KeyedState{{State: revocast.State{}}}
		err := a.look(t.Context(), true)
		lost := a.refiller.losses.Load() == 1
		if lost != test.lost {
			t.Errorf("%s: lost %t (%v)", test.what, lost, err)
		}
	}
}

// TestAuditorLeavesItToOthers: it does nothing if another publisher has just compared, has the
// turn, or refills.
func TestAuditorLeavesItToOthers(t *testing.T) {
	for _, test := range []struct {
		what       string
		suspicious bool
		set        func(*ledgerFake)
		audits     uint64
	}{
		{"nobody did", false, func(*ledgerFake) {}, 1},
		{"somebody just did", false, func(l *ledgerFake) { l.d.Marked = time.Now().UnixMilli() }, 0},
		{"and there is a suspicion", true, func(l *ledgerFake) { l.d.Marked = time.Now().UnixMilli() }, 1},
		{"half the time ago", false, func(l *ledgerFake) { l.d.Marked = time.Now().UnixMilli() - 2500 }, 1},
		{"in the future, by a clock that was set back", false, func(l *ledgerFake) {
			l.d.Marked = time.Now().UnixMilli() + 1000
		}, 1},
		{"another has the turn", true, func(l *ledgerFake) { l.elsewhere = map[string]bool{"audit": true} }, 0},
		{"another refills", true, func(l *ledgerFake) { l.elsewhere = map[string]bool{"refill": true} }, 0},
		{"the ledger recovers", true, func(l *ledgerFake) { l.d.State = port.LedgerRecovering }, 0},
		{"the ledger is fenced", true, func(l *ledgerFake) { l.d.State = port.LedgerFenced }, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			l, b := wholeStore()
			test.set(l)
			a := auditorOf(l, b)
			if err := a.look(t.Context(), test.suspicious); err != nil || a.audits.Load() != test.audits {
				t.Errorf("%s: %d audits, %v", test.what, a.audits.Load(), err)
			}
		})
	}
}

func TestAuditorForgetsWhatItSaw(t *testing.T) {
	for _, test := range []struct {
		created int64
		mark    uint64
		kept    bool
	}{{7, 9, true}, {7, 10, true}, {7, 8, false}, {8, 9, false}} {
		l, b := wholeStore()
		a := auditorOf(l, b)
		a.streams.seen.Store(&port.StreamInfo{Created: 7, Last: 9})
		l.d.Mark.Point = port.StreamPoint{Created: test.created, Sequence: test.mark}
		a.unsee(l.d)
		if kept := a.streams.seen.Load() != nil; kept != test.kept {
			t.Errorf("%+v: kept %t", test, kept)
		}
	}
}

// TestAuditorIsKicked: a suspicion is looked into early, but no sooner than a tenth of the time.
func TestAuditorIsKicked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, b := wholeStore()
		a := auditorOf(l, b)
		defer running(t, a.run)()
		a.kick <- struct{}{}
		pass(a.every/10 - 1)
		if a.audits.Load() != 0 {
			t.Error("too early")
		}
		pass(1)
		if a.audits.Load() != 1 {
			t.Error("a suspicion was not looked into")
		}
		pass(a.every - 1)
		if n := a.audits.Load(); n != 1 {
			t.Errorf("%d audits", n)
		}
		b.mendErr = errors.Join(revocast.ErrUnsuited, errors.New("limits"))
		pass(2 * a.every)
		if err := a.sick.Load(); err == nil || !errors.Is(*err, revocast.ErrUnsuited) || a.audits.Load() > 2 {
			t.Errorf("a stream that is unsuited: %v, %d audits", err, a.audits.Load())
		}
	})
}

func TestRefillPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clock := sinceClock{port.SystemClock(), time.Now()}
		var pace refillPace
		refills, lost, failure := 0, errors.New("lost"), errors.New("failed")
		try := func() error {
			return pace.refill(clock, time.Second, lost, func() error { refills++; return failure })
		}
		for _, pause := range []time.Duration{2, 4, 8, 12, 12} {
			before := refills
			if err := try(); !errors.Is(err, failure) || refills != before+1 {
				t.Fatalf("%v after %d refills", err, refills)
			}
			pass(pause*time.Second - 1)
			if err := try(); !errors.Is(err, lost) || refills != before+1 {
				t.Fatalf("too early: %v after %d refills", err, refills)
			}
			pass(1)
		}
		failure = revocast.ErrConflict
		_ = try()
		failure = nil
		if before := refills; try() != nil || refills != before+1 {
			t.Error("it is slow after somebody else did it")
		}
	})
}

// TestRefill publishes all states, reads them back and sets the mark behind them.
func TestRefill(t *testing.T) {
	state := func(i uint64) port.KeyedState {
		e := revoked(2, i)
		return port.KeyedState{Key: e.Key, Scope: e.Scope, State: e.State(), Born: i}
	}
	for _, test := range []struct {
		what string
		set  func(*ledgerFake, *busFake)
		err  error
		mark bool
	}{
		{"all is well", func(*ledgerFake, *busFake) {}, nil, true},
		{"another has the turn", func(l *ledgerFake, _ *busFake) {
			l.elsewhere = map[string]bool{"refill": true}
		}, nil, false},
		{"the epoch changed", func(l *ledgerFake, _ *busFake) { l.d.Position.Epoch = 3 }, revocast.ErrEpoch, false},
		{"the ledger recovers", func(l *ledgerFake, _ *busFake) {
			l.d.State = port.LedgerRecovering
		}, revocast.ErrEpoch, false},
		{"the stream takes nothing", func(_ *ledgerFake, b *busFake) {
			b.answer = func(revocast.Event) error { return revocast.ErrUnsuited }
		}, revocast.ErrUnsuited, false},
		{"what was sent is not there", func(_ *ledgerFake, b *busFake) {
			b.answer = func(revocast.Event) error { return nil }
		}, revocast.ErrStreamLost, false},
	} {
		l, b := wholeStore()
		l.d.Born, l.states = 2, []port.KeyedState{state(1), state(2)}
		b.replayed.End.Sequence = 8
		d := l.d
		test.set(l, b)
		f := auditorOf(l, b).refiller
		shown := 0
		err := f.refill(t.Context(), d, b.info, refillWhy{shown: func(n int) { shown = n }})
		if !errors.Is(err, test.err) {
			t.Errorf("%s: %v", test.what, err)
		}
		if marked := slices.Contains(l.taken(), "mark 8 from 8 complete 2-3"); marked != test.mark ||
			f.refills.Load() == 1 != test.mark {
			t.Errorf("%s: marked %t, %d refills", test.what, marked, f.refills.Load())
		}
		if test.mark && (shown != 2 || f.republished.Load() != 2 || f.losses.Load() != 0 || b.record.Base != 5) {
			t.Errorf("%d shown, %d republished, %d losses, base %d", shown, f.republished.Load(), f.losses.Load(),
				b.record.Base)
		}
	}
}

// TestRefillWindow: no more than so many events are on their way, and the first failure ends it.
func TestRefillWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, clock := newRefillWindow(), sinceClock{port.SystemClock(), time.Now()}
		for range refillInFlight {
			if err := w.enter(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		full, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := w.enter(full); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("one more: %v", err)
		}
		began := time.Now()
		if err := w.drain(t.Context(), clock); !errors.Is(err, revocast.ErrUnavailable) ||
			time.Since(began) != refillPatience {
			t.Errorf("%v after %s", err, time.Since(began))
		}
		w = newRefillWindow()
		_ = w.enter(t.Context())
		w.leave(nil)
		if err := w.drain(t.Context(), clock); err != nil {
			t.Error(err)
		}
		w = newRefillWindow()
		_ = w.enter(t.Context())
		w.leave(revocast.ErrUnsuited)
		if err := w.enter(t.Context()); !errors.Is(err, revocast.ErrUnsuited) {
			t.Errorf("after a failure: %v", err)
		}
	})
}
