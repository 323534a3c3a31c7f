package publisher

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

// writerOf is a write path whose commits are answered with fresh events, and whose confirmation
// goes as the steps say.
func writerOf(t *testing.T, l *ledgerFake) (*writer, *steps) {
	t.Helper()
	f, _ := fleetOf(t)
	tools := tools{base: f.base, reader: newReader(f.clock, l), names: newNamer("r", Options{})}
	s := &steps{f: f, answers: map[revocast.Position]chan bool{}}
	st := newStatus()
	if l.commit == nil {
		l.commit = func(p []revocast.Event) (port.Commit, error) {
			c := port.Commit{Epoch: 1, Generation: "1", Terms: l.d.Terms}
			for i, e := range p {
				e.Position = pos(1, uint64(i+1))
				c.Entries = append(c.Entries, port.CommitEntry{Event: e, Fresh: true})
			}
			return c, nil
		}
	}
	w := &writer{
		base: f.base, ledger: l, reader: tools.reader, status: st, active: &activation{status: st},
		committer: newCommitter(tools, l, newClocks(f.base, l), time.Second),
		confirmer: &confirmer{stream: s, fit: s.fit, epoch: s, fleet: s},
		receipts:  newReceiptBook(10), maxOpen: 2,
	}
	return w, s
}

var someToken = revocast.Revocation{Scope: revocast.ScopeToken, ID: "t", Issuer: "i"}

// TestWriterGivesUpBeyondItsBound: calls beyond the bound are committed and end as pending.
func TestWriterGivesUpBeyondItsBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, s := writerOf(t, openLedger(1))
		s.answers[pos(1, 1)] = make(chan bool) // never
		ctx, cancel := context.WithCancel(t.Context())
		r := &publisherRun{ctx: ctx}
		if _, err := w.one(t.Context(), proposeRevocation(someToken), nil); !errors.Is(err, revocast.ErrNotRunning) {
			t.Errorf("without a Run: %v", err)
		}
		if err := w.active.begin(r); err != nil {
			t.Fatal(err)
		}
		for range w.maxOpen {
			go func() { _, _ = w.one(t.Context(), proposeRevocation(someToken), nil) }()
			synctest.Wait()
		}
		receipt, err := w.one(t.Context(), proposeRevocation(someToken), nil)
		if !errors.Is(err, revocast.ErrPending) || receipt.Strength != revocast.Committed {
			t.Errorf("%+v, %v", receipt, err)
		}
		if n := w.open.Load(); n != w.maxOpen {
			t.Errorf("%d open, want %d", n, w.maxOpen)
		}
		cancel()
		w.active.end(r)
		if n := w.open.Load(); n != 0 {
			t.Errorf("%d open after the end", n)
		}
	})
}

// TestWriterCommitsAgain: the writer commits again in the new epoch what the old one may have
// lost.
func TestWriterCommitsAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := openLedger(1)
		w, s := writerOf(t, l)
		yes := make(chan bool, 9)
		for range cap(yes) {
			yes <- true
		}
		s.answers[pos(1, 1)] = yes
		s.charge = revocast.ErrEpoch
		r := &publisherRun{ctx: t.Context()}
		if err := w.active.begin(r); err != nil {
			t.Fatal(err)
		}
		tries := 0
		commit := l.commit
		l.commit = func(p []revocast.Event) (port.Commit, error) {
			switch tries++; tries {
			case 2:
				return port.Commit{}, revocast.ErrRecovering
			case 3:
				s.charge = nil
			}
			return commit(p)
		}
		receipt, err := w.one(t.Context(), proposeRevocation(someToken), nil)
		if err != nil || receipt.Strength != revocast.Confirmed || tries != 3 {
			t.Errorf("%+v, %v after %d tries", receipt, err, tries)
		}
		if len(w.status.recheck) != 1 || w.committed.Load() != 2 || w.confirmed.Load() != 1 {
			t.Errorf("keeper woken %d, %d committed, %d confirmed", len(w.status.recheck), w.committed.Load(),
				w.confirmed.Load())
		}
		w.active.end(r)
	})
}

// TestWriterWaitsForTheLedger as long as its caller does.
func TestWriterWaitsForTheLedger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := openLedger(1)
		l.commit = func([]revocast.Event) (port.Commit, error) { return port.Commit{}, revocast.ErrRecovering }
		w, _ := writerOf(t, l)
		r := &publisherRun{ctx: t.Context()}
		_ = w.active.begin(r)
		if err := w.active.begin(r); !errors.Is(err, revocast.ErrConflict) {
			t.Errorf("a second Run: %v", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		_, err := w.one(ctx, proposeRevocation(someToken), nil)
		synctest.Wait()
		if !errors.Is(err, revocast.ErrOutcomeUnknown) && !errors.Is(err, revocast.ErrRecovering) ||
			time.Since(began) != time.Second {
			t.Errorf("%v after %s", err, time.Since(began))
		}
		if w.failed.Load() != 1 || !errors.Is(w.status.ready.Err(), revocast.ErrRecovering) ||
			len(w.status.recheck) != 1 {
			t.Errorf("%d failed, ready %v", w.failed.Load(), w.status.ready.Err())
		}
		w.active.end(r)
	})
}

// TestReportAfterTheEnd: what a goroutine of a Run says while it ends does not make the publisher ready, nor
// does another Run begin before all of them have ended.
func TestReportAfterTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, _ := writerOf(t, openLedger(1))
		a, st := w.active, w.status
		r, late := &publisherRun{ctx: t.Context()}, make(chan struct{})
		_ = a.begin(r)
		r.wg.Go(func() {
			<-late
			st.set(nil)
		})
		ended := make(chan struct{})
		go func() {
			a.end(r)
			close(ended)
		}()
		synctest.Wait()
		if err := st.ready.Err(); !errors.Is(err, revocast.ErrNotRunning) {
			t.Errorf("while it ends: %v", err)
		}
		if err := a.start(func(context.Context) {}); !errors.Is(err, revocast.ErrNotRunning) {
			t.Errorf("a job while it ends: %v", err)
		}
		if err := a.begin(&publisherRun{}); !errors.Is(err, revocast.ErrConflict) {
			t.Errorf("another Run while it ends: %v", err)
		}
		close(late)
		<-ended
		if err := st.ready.Err(); !errors.Is(err, revocast.ErrNotRunning) {
			t.Errorf("after the end: %v", err)
		}
		if err := a.begin(r); err != nil {
			t.Errorf("another Run after the end: %v", err)
		}
	})
}

// TestAwaitKnowsWhatIsThere: positions of other epochs, and those that were not made yet.
func TestAwaitKnowsWhatIsThere(t *testing.T) {
	l := openLedger(2)
	l.d.Position.Rev = 5
	w, s := writerOf(t, l)
	r := &publisherRun{ctx: t.Context()}
	_ = w.active.begin(r)
	for _, at := range []revocast.Position{pos(1, 5), pos(3, 1), pos(2, 0), pos(2, 6)} {
		if _, err := w.await(t.Context(), at); !errors.Is(err, revocast.ErrNotFound) {
			t.Errorf("%s: %v", at, err)
		}
	}
	yes := make(chan bool, 1)
	yes <- true
	s.answers[pos(2, 5)] = yes
	s.f.generation = generation{epoch: 2}
	s.f.looked = 1
	receipt, err := w.await(t.Context(), pos(2, 5))
	if err != nil || receipt.Strength != revocast.Confirmed || receipt.Position != pos(2, 5) {
		t.Errorf("%+v, %v", receipt, err)
	}
	w.active.end(r)
}

// TestReplaceExpired: only proposals that the ledger refuses for their until are replaced.
func TestReplaceExpired(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, _ := writerOf(t, openLedger(1))
		now := time.Now().UnixMilli()
		ban := revoked(1, 3)
		ban.Kind = revocast.KindBanned
		list := []revocast.Event{revoked(1, 1), revoked(1, 2), ban, ban, {Kind: revocast.KindLifted}}
		margin := revocast.UntilMargin.Milliseconds()
		list[0].Until, list[1].Until, list[2].Until, list[3].Until = now-margin, now-margin+1, now, now+1
		if !w.committer.replaceExpired(t.Context(), list) {
			t.Error("nothing was replaced")
		}
		for i, want := range []revocast.Kind{
			revocast.KindInvalidated, revocast.KindRevoked, revocast.KindInvalidated,
			revocast.KindBanned, revocast.KindLifted,
		} {
			if list[i].Kind != want {
				t.Errorf("%d became %s", i, list[i].Kind)
			}
		}
		if w.committer.replaceExpired(t.Context(), list) {
			t.Error("replaced twice")
		}
	})
}

// TestReceiptsWarnOfClocks: a receipt warns if a cut-off was written, and not if nothing was.
func TestReceiptsWarnOfClocks(t *testing.T) {
	for _, test := range []struct {
		what   string
		fresh  bool
		cutOff int64
		warned bool
	}{{"a cut-off", true, 0, true}, {"the caller's own", true, 5, false}, {"covered already", false, 0, false}} {
		l := openLedger(1)
		w, _ := writerOf(t, l)
		proposed := revoked(1, 1)
		proposed.CutOff = test.cutOff
		e := revoked(1, 1)
		e.CutOff, e.At = 1, 1+receiptSkew.Milliseconds()
		j := newJob(w.clock.Monotonic(), "", []revocast.Event{proposed})
		w.note(j, batch{entries: []port.CommitEntry{{Event: e, Fresh: test.fresh}}})
		if warned := len(j.receipts[0].Warnings) > 0; warned != test.warned {
			t.Errorf("%s: warnings %q", test.what, j.receipts[0].Warnings)
		}
		if test.fresh != (w.committed.Load() == 1) || test.fresh == (w.repeated.Load() == 1) {
			t.Errorf("%s: %d committed, %d repeated", test.what, w.committed.Load(), w.repeated.Load())
		}
		if w.receipts.find(pos(1, 1)).job != j {
			t.Errorf("%s: the receipt is not remembered", test.what)
		}
	}
}
