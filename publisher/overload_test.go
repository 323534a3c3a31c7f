package publisher_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/fake"
	"github.com/revocast/revocast/internal/fleettest"
	"github.com/revocast/revocast/internal/option"
	"github.com/revocast/revocast/publisher"
)

// While JetStream is away the number of open calls is limited. Further calls are still committed,
// and are confirmed by asking again.
func TestOpenCallsAreBounded(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		ledger, bus := w.Ledger.Link("p"), w.Bus.Link("p")
		p := option.Must(publisher.New(ledger, bus, publisher.Options{
			Names: fleettest.Names, MaxOpen: 5, Logger: fleettest.Logger(),
		}))
		w.Run(p.Run)
		w.Await(p.Readiness())
		bus.SetHook(fleettest.Only(fake.OpPublish, fleettest.Always(fake.NotDone())))
		for i := range 5 {
			ctx, cancel := fleettest.Within(10 * time.Millisecond)
			defer cancel()
			_, err := p.Revoke(ctx, revocast.Revocation{Scope: revocast.ScopePrincipal, ID: fmt.Sprint("u", i)})
			if !errors.Is(err, revocast.ErrPending) {
				w.T.Fatalf("call %d: %v", i, err)
			}
		}
		before := time.Now()
		receipt, err := p.Revoke(context.Background(), fleettest.RevokeAlice())
		if !errors.Is(err, revocast.ErrPending) || !errors.Is(err, revocast.ErrUnavailable) ||
			time.Since(before) > time.Second {
			w.T.Errorf("the sixth call ended after %s with %v", time.Since(before), err)
		}
		bus.SetHook(nil)
		ctx, cancel := fleettest.Within(time.Minute)
		defer cancel()
		receipt, err = p.Await(ctx, receipt.Position)
		w.Must(err)
		if receipt.Strength != revocast.Confirmed {
			w.T.Errorf("receipt %+v", receipt)
		}
	})
}

// Large batches go to the ledger one after the other, or the renewals behind them would
// wait until leases run out; single revocations go together.
func TestCommitsAreAdmitted(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		p := w.Publisher("p")
		var mu sync.Mutex
		at, most := 0, 0
		p.Ledger.SetHook(func(c fake.Call) fake.Fault {
			if c.Op != fake.OpCommit {
				return fake.Fault{}
			}
			mu.Lock()
			defer mu.Unlock()
			at++
			most = max(most, at)
			time.AfterFunc(time.Second, func() { mu.Lock(); at--; mu.Unlock() })
			return fake.Fault{Delay: time.Second}
		})
		run := func(calls, each int) (together int, took time.Duration) {
			mu.Lock()
			most = 0
			mu.Unlock()
			began := time.Now()
			var all sync.WaitGroup
			for i := range calls {
				all.Go(func() {
					rs := make([]revocast.Revocation, each)
					for k := range rs {
						rs[k] = revocast.Revocation{Scope: revocast.ScopeSession, ID: fmt.Sprint(calls, i, k)}
					}
					if _, err := p.RevokeBatch(context.Background(), rs, fleettest.Committed()); err != nil {
						t.Error(err)
					}
				})
			}
			all.Wait()
			return most, time.Since(began)
		}
		if together, took := run(4, revocast.MaxBatch); together > 2 || took < 4*time.Second || took > 5*time.Second {
			t.Errorf("four full batches: %d at a time, %s", together, took)
		}
		if together, took := run(100, 1); together != 100 || took > 2*time.Second {
			t.Errorf("a hundred single ones: %d at a time, %s", together, took)
		}

		// One that cannot be admitted in time was not sent.
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		p.Ledger.SetHook(fleettest.Only(fake.OpCommit, fleettest.Always(fake.Fault{Delay: time.Hour})))
		go p.RevokeBatch(ctx, make500(), fleettest.Committed())
		synctest.Wait()
		_, err := p.Revoke(context.Background(), fleettest.RevokeAlice(), fleettest.Committed())
		if !errors.Is(err, revocast.ErrUnavailable) || errors.Is(err, revocast.ErrOutcomeUnknown) {
			t.Errorf("behind a batch that does not end: %v, want ErrUnavailable", err)
		}
		p.Ledger.SetHook(nil)
		fleettest.Elapse(10 * time.Second)
		_, err = p.Revoke(context.Background(), fleettest.RevokeAlice(), fleettest.Committed())
		w.Must(err)
	})
}

func make500() []revocast.Revocation {
	rs := make([]revocast.Revocation, revocast.MaxBatch)
	for k := range rs {
		rs[k] = revocast.Revocation{Scope: revocast.ScopeToken, ID: fmt.Sprint("t", k)}
	}
	return rs
}
