package publisher_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/fake"
	"github.com/revocast/revocast/internal/fleettest"
	"github.com/revocast/revocast/internal/option"
	"github.com/revocast/revocast/publisher"
)

// A record that comes back older, or not at all, is written again by the publishers that
// saw the ledger serve, and a plain restart of Redis is a plain restart.
func TestRecordThatCameBackOlderIsWrittenAgain(t *testing.T) {
	for name, lose := range map[string]func(*fleettest.World){
		"one older": func(w *fleettest.World) { w.Bus.OlderRecords(1) },
		"the first": func(w *fleettest.World) { w.Bus.OlderRecords(2) },
		"none":      func(w *fleettest.World) { w.Bus.OlderRecords(100) },
		"no stream": func(w *fleettest.World) { w.Bus.LoseRecords() },
	} {
		t.Run(name, func(t *testing.T) {
			fleettest.InWorld(t, func(w *fleettest.World) {
				p, lines := w.LoggedPublisher("p")
				q := w.Publisher("q")
				x := w.Worker("w", fleettest.WorkerOptions{})
				w.ThreeEpochs(p)
				before := w.Record()
				lose(w)
				fleettest.Elapse(2 * time.Second)
				after := w.Record()
				after.Sequence = before.Sequence
				if after != before {
					t.Errorf("written again as\n%+v, was\n%+v", after, before)
				}
				w.Must(p.Ready())
				w.Ledger.Restart()
				fleettest.Elapse(5 * time.Second)
				w.Must(p.Ready())
				w.Must(q.Ready())
				alice := fleettest.Login("alice")
				_, err := p.Revoke(w.T.Context(), fleettest.RevokeAlice())
				w.Must(err)
				w.Expect(x, alice, revocast.Revoked)
				fleettest.Elapse(time.Minute)
				if n := len(lines.With(slog.LevelError, "")); n > 3 {
					t.Errorf("%d errors were logged: %q", n, lines.With(slog.LevelError, ""))
				}
				w.Ledger.Empty()
				fleettest.Elapse(20 * time.Second)
				w.Must(p.Ready())
				w.WantEqual(13)
			})
		})
	}
}

// Both restart at once, as a machine does that lost its power, and JetStream has not
// written its latest record.
func TestRecordOlderAtARestart(t *testing.T) {
	for _, n := range []int{1, 2, 100} {
		fleettest.InWorld(t, func(w *fleettest.World) {
			p := w.Publisher("p")
			x := w.Worker("w", fleettest.WorkerOptions{})
			w.ThreeEpochs(p)
			w.Bus.OlderRecords(n)
			w.Ledger.Restart()
			fleettest.Elapse(10 * time.Second)
			w.Must(p.Ready())
			if at := w.Ledger.Position(); at.Epoch != 4 {
				t.Errorf("%d older: at %s, want the fourth epoch", n, at)
			}
			alice := fleettest.Login("alice")
			_, err := p.Revoke(w.T.Context(), fleettest.RevokeAlice())
			w.Must(err)
			w.Expect(x, alice, revocast.Revoked)
		})
	}
}

// An epoch's number is not used twice if the stream holds events of it, no matter who recovers an
// emptied Redis under an older record.
func TestEpochIsNotGivenTwice(t *testing.T) {
	for _, fresh := range []bool{false, true} {
		fleettest.InWorld(t, func(w *fleettest.World) {
			p := w.Publisher("p")
			w.ThreeEpochs(p)
			if fresh {
				p.Stop()
			}
			w.Bus.OlderRecords(1)
			w.Ledger.Empty()
			if fresh {
				q := w.ColdPublisherWith("q", publisher.Options{RecoverEmpty: true})
				fleettest.Elapse(20 * time.Second)
				p = q
			}
			fleettest.Elapse(10 * time.Second)
			w.Must(p.Ready())
			if at := w.Ledger.Position(); at.Epoch < 4 {
				t.Errorf("fresh %t: at %s, want a fourth epoch or a later one", fresh, at)
			}
			w.WantEqual(12)
		})
	}
}

// Terms that made leases longer are not forgotten with the record.
func TestOlderRecordKeepsLongerLeases(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		p := w.Publisher("p")
		w.RevokeMany(p, 0, 3)
		fleettest.Elapse(12 * time.Second)
		long := w.Terms
		long.Lease = 30 * time.Second
		_, err := publisher.ChangeTerms(w.T.Context(), w.Ledger.Link("op"), w.Bus.Link("op"), long,
			publisher.Options{Names: fleettest.Names, Logger: fleettest.Logger()})
		w.Must(err)
		w.Bus.OlderRecords(1)
		fleettest.Elapse(time.Second)
		if r := w.Record(); r.Terms != long {
			t.Errorf("the record's lease is %s", r.Terms.Lease)
		}
	})
}

// The whole of JetStream comes back as it was some time ago.
func TestStoreThatCameBackOlder(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		p := w.Publisher("p")
		x := w.Worker("w", fleettest.WorkerOptions{})
		w.RevokeMany(p, 0, 5)
		fleettest.Elapse(12 * time.Second)
		restore := w.Bus.Backup()
		w.RevokeMany(p, 5, 5)
		w.Ledger.Restart()
		fleettest.Elapse(10 * time.Second)
		alice := fleettest.Login("alice")
		_, err := p.Revoke(w.T.Context(), fleettest.RevokeAlice())
		w.Must(err)
		fleettest.Elapse(12 * time.Second)
		restore()
		fleettest.Elapse(12 * time.Second)
		w.WantEqual(11)
		if r := w.Record(); r.Epoch != 2 {
			t.Errorf("the record is of epoch %d", r.Epoch)
		}
		w.Ledger.Restart()
		fleettest.Elapse(5 * time.Second)
		w.Must(p.Ready())
		w.Ledger.Empty()
		fleettest.Elapse(20 * time.Second)
		w.Must(p.Ready())
		w.Expect(x, alice, revocast.Revoked)
		w.WantEqual(11)
	})
}

// Another server whose record was lost as well writes its own again, and the one that it
// took the realm from stays fenced.
func TestLostRecordDoesNotBringBackAServerThatWasReplaced(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		old := w.Publisher("old")
		w.RevokeMany(old, 0, 3)
		fleettest.Elapse(12 * time.Second)
		other := fake.NewLedger(t, fake.LedgerOptions{})
		other.Restart()
		_, err := publisher.Repair(w.T.Context(), other.Link("op"), w.Bus.Link("op"), publisher.JetStream,
			publisher.RepairOptions{Publisher: publisher.Options{Names: fleettest.Names, Logger: fleettest.Logger()}})
		w.Must(err)
		next := option.Must(
			publisher.New(other.Link("next"), w.Bus.Link("next"), publisher.Options{
				Names: fleettest.Names, Logger: fleettest.Logger(),
			}),
		)
		w.Run(next.Run)
		fleettest.Elapse(12 * time.Second)
		w.Must(next.Ready())
		w.Bus.OlderRecords(1)
		fleettest.Elapse(10 * time.Second)
		w.Must(next.Ready())
		if err := old.Ready(); err == nil {
			t.Error("the server that was replaced serves")
		}
		if r := w.Record(); r.Epoch != 2 {
			t.Errorf("the record is of epoch %d", r.Epoch)
		}
	})
}
