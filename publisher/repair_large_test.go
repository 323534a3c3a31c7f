package publisher_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/fleettest"
	"github.com/revocast/revocast/publisher"
)

// A repair of many states beside publishers that compare the stream all the while ends,
// and publishes each state once.
func TestLargeRepairBesidePublishersEnds(t *testing.T) {
	const states = 12_000
	r := fleettest.NewRig(t)
	log := &fleettest.LockedBuffer{}
	p, q := r.Auditing(log), r.Auditing(log)
	for b := range states / 500 {
		batch := make([]revocast.Revocation, 500)
		for i := range batch {
			batch[i] = revocast.Revocation{Scope: revocast.ScopeSession, ID: fmt.Sprint(b, "-", i)}
		}
		_, err := p.RevokeBatch(t.Context(), batch, fleettest.Committed())
		r.Must(err)
	}
	r.Awaiting(30*time.Second, func() error { return r.Equal(states) })
	before, err := r.Bus().Stream(t.Context())
	r.Must(err)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	repairLog, shown := &fleettest.LockedBuffer{}, 0
	done, err := publisher.Repair(ctx, r.Ledger(), r.Bus(), publisher.Redis, publisher.RepairOptions{
		Publisher: publisher.Options{Logger: fleettest.TextLogger(repairLog)}, Refilled: func(n int) { shown = n },
	})
	r.Must(err)
	after, err := r.Bus().Stream(t.Context())
	r.Must(err)
	if n := after.Last - before.Last; n != states || shown != states || done.Refilled != states {
		t.Errorf("%d messages for %d states, %d shown, %d said", n, states, shown, done.Refilled)
	}
	if strings.Contains(repairLog.String(), "ERROR") {
		t.Errorf("a repair that was asked for is an error in the log:\n%s", repairLog)
	}
	r.Must(r.Equal(states))
	if n := p.Stats().StreamLosses + q.Stats().StreamLosses; n > 0 {
		t.Errorf("%d losses seen beside it", n)
	}
}
