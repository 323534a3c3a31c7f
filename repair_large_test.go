package revocast_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/revocast/revocast"
)

// A repair of many states beside publishers that compare the stream all the while ends,
// and publishes each state once.
func TestLargeRepairBesidePublishersEnds(t *testing.T) {
	const states = 12_000
	r := newRig(t)
	log := &lockedBuffer{}
	p, q := r.auditing(log), r.auditing(log)
	for b := range states / 500 {
		batch := make([]revocast.Revocation, 500)
		for i := range batch {
			batch[i] = revocast.Revocation{Scope: revocast.ScopeSession, ID: fmt.Sprint(b, "-", i)}
		}
		_, err := p.RevokeBatch(t.Context(), batch, committed())
		r.must(err)
	}
	r.awaiting(30*time.Second, func() error { return r.equal(states) })
	before, err := r.bus().Stream(t.Context())
	r.must(err)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	repairLog, shown := &lockedBuffer{}, 0
	done, err := revocast.Repair(ctx, r.ledger(), r.bus(), revocast.Redis, revocast.RepairOptions{
		Publisher: revocast.PublisherOptions{Logger: textLogger(repairLog)}, Refilled: func(n int) { shown = n },
	})
	r.must(err)
	after, err := r.bus().Stream(t.Context())
	r.must(err)
	if n := after.Last - before.Last; n != states || shown != states || done.Refilled != states {
		t.Errorf("%d messages for %d states, %d shown, %d said", n, states, shown, done.Refilled)
	}
	if strings.Contains(repairLog.String(), "ERROR") {
		t.Errorf("a repair that was asked for is an error in the log:\n%s", repairLog)
	}
	r.must(r.equal(states))
	if n := p.Stats().StreamLosses + q.Stats().StreamLosses; n > 0 {
		t.Errorf("%d losses seen beside it", n)
	}
}
