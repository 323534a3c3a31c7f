package publisher_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/fake"
	"github.com/revocast/revocast/internal/fleettest"
	"github.com/revocast/revocast/internal/option"
	"github.com/revocast/revocast/publisher"
)

func TestWatch(t *testing.T) {
	fleettest.InWorldWith(t, fake.LedgerOptions{LogKeep: 2000}, func(w *fleettest.World) {
		p := w.Publisher("p")
		var revs []uint64
		enough := errors.New("enough")
		done := make(chan error, 1)
		go func() {
			done <- p.Watch(context.Background(), revocast.Position{}, func(e revocast.Event) error {
				if revs = append(revs, e.Position.Rev); len(revs) == 1300 {
					return enough
				}
				return nil
			})
		}()
		for i := range 13 {
			var ids []string
			for j := range 100 {
				ids = append(ids, fmt.Sprint(i, "-", j))
			}
			w.Commit(ids...)
			fleettest.Elapse(time.Duration(i) * 100 * time.Millisecond)
		}
		if err := fleettest.Await(t, done); !errors.Is(err, enough) {
			t.Error(err)
		}
		for i, rev := range revs {
			if rev != uint64(i+1) {
				t.Fatalf("event %d is revision %d: %v", i, rev, revs[max(0, i-3):i+1])
			}
		}
	})
}

func TestWatchTrimmed(t *testing.T) {
	fleettest.InWorldWith(t, fake.LedgerOptions{LogKeep: 2}, func(w *fleettest.World) {
		p := w.Publisher("p")
		for i := range 9 {
			_, err := p.Revoke(w.T.Context(), revocast.Revocation{Scope: revocast.ScopePrincipal, ID: fmt.Sprint(i)})
			w.Must(err)
		}
		fleettest.Elapse(12 * time.Second) // the stream is seen to hold them, and so the next acknowledgement trims
		_, err := p.Revoke(w.T.Context(), fleettest.RevokeAlice())
		w.Must(err)
		fleettest.Elapse(time.Second)
		err = p.Watch(w.T.Context(), revocast.Position{Epoch: 1, Rev: 1}, func(revocast.Event) error { return nil })
		if !errors.Is(err, revocast.ErrTrimmed) {
			t.Errorf("%v", err)
		}
	})
}

// TestQuestionSentBeforeTheAsk: a Verify that was under way when it was asked for
// answers nothing.
func TestQuestionSentBeforeTheAsk(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		p := w.Publisher("p")
		var sent []time.Time
		p.Ledger.SetHook(fleettest.Only(fake.OpVerify, func(fake.Call) fake.Fault {
			sent = append(sent, time.Now())
			return fake.Fault{After: 400 * time.Millisecond}
		}))
		first := p.RevokeAlice()
		fleettest.Elapse(100 * time.Millisecond)
		asked := time.Now()
		second := fleettest.Background(func(ctx context.Context) (revocast.Receipt, error) {
			return p.Revoke(ctx, revocast.Revocation{Scope: revocast.ScopePrincipal, ID: "bob"})
		})
		w.Must(fleettest.Await(t, first).Err)
		w.Must(fleettest.Await(t, second).Err)
		if !slices.ContainsFunc(sent, asked.Before) {
			t.Errorf("asked at %s, questions were sent at %s", asked, sent)
		}
	})
}

func TestPublisherMustRun(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		p := option.Must(publisher.New(w.Ledger.Link("p"), w.Bus.Link("p"), publisher.Options{Names: fleettest.Names}))
		if _, err := p.Revoke(w.T.Context(), fleettest.RevokeAlice()); !errors.Is(err, revocast.ErrNotRunning) {
			t.Errorf("without Run: %v", err)
		}
		q := w.Publisher("q")
		if err := q.Run(w.T.Context()); !errors.Is(err, revocast.ErrConflict) {
			t.Errorf("a second Run: %v", err)
		}
	})
}
