package revocast_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/sim"
)

// While JetStream is away only so many calls are kept open; what is beyond is committed
// all the same, and confirmed by asking again.
func TestOpenCallsAreBounded(t *testing.T) {
	inWorld(t, func(w *world) {
		ledger, bus := w.ledger.Link("p"), w.bus.Link("p")
		p := revocast.NewPublisher(realm, ledger, bus, revocast.PublisherOptions{MaxOpen: 5, Logger: logger()})
		w.run(p.Run)
		w.await(p.Ready())
		bus.SetHook(only(sim.OpPublish, always(sim.NotDone())))
		for i := range 5 {
			ctx, cancel := within(10 * time.Millisecond)
			defer cancel()
			_, err := p.Revoke(ctx, revocast.Revocation{Scope: revocast.ScopePrincipal, ID: fmt.Sprint("u", i)})
			if !errors.Is(err, revocast.ErrPending) {
				w.t.Fatalf("call %d: %v", i, err)
			}
		}
		before := time.Now()
		receipt, err := p.Revoke(context.Background(), revokeAlice())
		if !errors.Is(err, revocast.ErrPending) || !errors.Is(err, revocast.ErrUnavailable) || time.Since(before) > time.Second {
			w.t.Errorf("the sixth call ended after %s with %v", time.Since(before), err)
		}
		bus.SetHook(nil)
		ctx, cancel := within(time.Minute)
		defer cancel()
		receipt, err = p.Await(ctx, receipt.Position)
		w.must(err)
		if receipt.Strength != revocast.Confirmed {
			w.t.Errorf("receipt %+v", receipt)
		}
	})
}
