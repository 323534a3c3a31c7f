package revocast_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/sim"
)

// A record that comes back older, or not at all, is written again by the publishers that
// saw the ledger serve, and a plain restart of Redis is a plain restart.
func TestRecordThatCameBackOlderIsWrittenAgain(t *testing.T) {
	for name, lose := range map[string]func(*world){
		"one older": func(w *world) { w.bus.OlderRecords(1) },
		"the first": func(w *world) { w.bus.OlderRecords(2) },
		"none":      func(w *world) { w.bus.OlderRecords(100) },
		"no stream": func(w *world) { w.bus.LoseRecords() },
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				p, lines := w.loggedPublisher("p")
				q := w.publisher("q")
				x := w.worker("w", workerOptions{})
				w.threeEpochs(p)
				before := w.record()
				lose(w)
				elapse(2 * time.Second)
				after := w.record()
				after.Sequence = before.Sequence
				if after != before {
					t.Errorf("written again as\n%+v, was\n%+v", after, before)
				}
				w.must(p.Ready().Err())
				w.ledger.Restart()
				elapse(5 * time.Second)
				w.must(p.Ready().Err())
				w.must(q.Ready().Err())
				alice := login("alice")
				_, err := p.Revoke(w.t.Context(), revokeAlice())
				w.must(err)
				w.expect(x, alice, revocast.Revoked)
				elapse(time.Minute)
				if n := len(lines.with(slog.LevelError, "")); n > 3 {
					t.Errorf("%d errors were logged: %q", n, lines.with(slog.LevelError, ""))
				}
				w.ledger.Empty()
				elapse(20 * time.Second)
				w.must(p.Ready().Err())
				w.wantEqual(13)
			})
		})
	}
}

// Both restart at once, as a machine does that lost its power, and JetStream has not
// written its latest record.
func TestRecordOlderAtARestart(t *testing.T) {
	for _, n := range []int{1, 2, 100} {
		inWorld(t, func(w *world) {
			p := w.publisher("p")
			x := w.worker("w", workerOptions{})
			w.threeEpochs(p)
			w.bus.OlderRecords(n)
			w.ledger.Restart()
			elapse(10 * time.Second)
			w.must(p.Ready().Err())
			if at := w.ledger.Position(); at.Epoch != 4 {
				t.Errorf("%d older: at %s, want the fourth epoch", n, at)
			}
			alice := login("alice")
			_, err := p.Revoke(w.t.Context(), revokeAlice())
			w.must(err)
			w.expect(x, alice, revocast.Revoked)
		})
	}
}

// The number of an epoch that the stream has something of is not given twice, whoever
// recovers an emptied Redis under an older record.
func TestEpochIsNotGivenTwice(t *testing.T) {
	for _, fresh := range []bool{false, true} {
		inWorld(t, func(w *world) {
			p := w.publisher("p")
			w.threeEpochs(p)
			if fresh {
				p.stop()
			}
			w.bus.OlderRecords(1)
			w.ledger.Empty()
			if fresh {
				q := w.coldPublisherWith("q", revocast.PublisherOptions{RecoverEmpty: true})
				elapse(20 * time.Second)
				p = q
			}
			elapse(10 * time.Second)
			w.must(p.Ready().Err())
			if at := w.ledger.Position(); at.Epoch < 4 {
				t.Errorf("fresh %t: at %s, want a fourth epoch or a later one", fresh, at)
			}
			w.wantEqual(12)
		})
	}
}

// Terms that made leases longer are not forgotten with the record.
func TestOlderRecordKeepsLongerLeases(t *testing.T) {
	inWorld(t, func(w *world) {
		p := w.publisher("p")
		w.revokeMany(p, 0, 3)
		elapse(12 * time.Second)
		long := w.terms
		long.Lease = 30 * time.Second
		_, err := revocast.ChangeTerms(w.t.Context(), w.ledger.Link("op"), w.bus.Link("op"), long, revocast.PublisherOptions{Logger: logger()})
		w.must(err)
		w.bus.OlderRecords(1)
		elapse(time.Second)
		if r := w.record(); r.Terms != long {
			t.Errorf("the record's lease is %s", r.Terms.Lease)
		}
	})
}

// The whole of JetStream comes back as it was some time ago.
func TestStoreThatCameBackOlder(t *testing.T) {
	inWorld(t, func(w *world) {
		p := w.publisher("p")
		x := w.worker("w", workerOptions{})
		w.revokeMany(p, 0, 5)
		elapse(12 * time.Second)
		restore := w.bus.Backup()
		w.revokeMany(p, 5, 5)
		w.ledger.Restart()
		elapse(10 * time.Second)
		alice := login("alice")
		_, err := p.Revoke(w.t.Context(), revokeAlice())
		w.must(err)
		elapse(12 * time.Second)
		restore()
		elapse(12 * time.Second)
		w.wantEqual(11)
		if r := w.record(); r.Epoch != 2 {
			t.Errorf("the record is of epoch %d", r.Epoch)
		}
		w.ledger.Restart()
		elapse(5 * time.Second)
		w.must(p.Ready().Err())
		w.ledger.Empty()
		elapse(20 * time.Second)
		w.must(p.Ready().Err())
		w.expect(x, alice, revocast.Revoked)
		w.wantEqual(11)
	})
}

// Another server whose record was lost as well writes its own again, and the one that it
// took the realm from stays fenced.
func TestLostRecordDoesNotBringBackAServerThatWasReplaced(t *testing.T) {
	inWorld(t, func(w *world) {
		old := w.publisher("old")
		w.revokeMany(old, 0, 3)
		elapse(12 * time.Second)
		other := sim.NewLedger(t, sim.LedgerOptions{})
		other.Restart()
		_, err := revocast.Repair(w.t.Context(), other.Link("op"), w.bus.Link("op"), revocast.JetStream, revocast.RepairOptions{Publisher: revocast.PublisherOptions{Logger: logger()}})
		w.must(err)
		next := revocast.NewPublisher(other.Link("next"), w.bus.Link("next"), revocast.PublisherOptions{Logger: logger()})
		w.run(next.Run)
		elapse(12 * time.Second)
		w.must(next.Ready().Err())
		w.bus.OlderRecords(1)
		elapse(10 * time.Second)
		w.must(next.Ready().Err())
		if err := old.Ready().Err(); err == nil {
			t.Error("the server that was replaced serves")
		}
		if r := w.record(); r.Epoch != 2 {
			t.Errorf("the record is of epoch %d", r.Epoch)
		}
	})
}
