package publisher

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

// sayEvery is how often the log repeats what goes on being wrong.
const sayEvery = time.Minute

// judge looks at how the streams are configured, which anybody may have edited since
// they were made, and has them changed back. Each publisher does, so that each knows
// whether the stream can hold what it confirms. It returns why the stream cannot.
func (a *auditor) judge(ctx context.Context, terms port.Terms) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	o := terms.StreamOptions()
	o.Replicas = a.p.o.StreamReplicas
	m, err := a.p.bus.Mend(ctx, o)
	if len(m.Changed) > 0 {
		a.p.counts.streamMends.Add(uint64(len(m.Changed)))
		a.p.log.Error("somebody edited the realm's streams so that they lose events or take none; changed back",
			"changes", strings.Join(m.Changed, "; "))
	}
	if errors.Is(m.Snapshots, revocast.ErrNotFound) {
		m.Snapshots = a.p.prepare(ctx, terms)
	}
	a.snapshots.say(a.p, m.Snapshots, func() {
		a.p.log.Warn("no snapshot can be kept; workers that start read the ledger", "error", m.Snapshots)
	}, nil)
	if errors.Is(err, revocast.ErrNotFound) {
		a.unfit.Store(nil) // the audit makes it anew
		return nil
	}
	if err != nil && !errors.Is(err, revocast.ErrUnsuited) {
		return err // a bus that does not answer proves nothing
	}
	a.unfit.Store(nil)
	if err != nil {
		err = fmt.Errorf("nothing is confirmed, since the stream cannot be relied on: %w", err)
		a.unfit.Store(&err)
	}
	a.unsuited.say(a.p, err, func() {
		a.p.log.Error("the realm's streams are not configured as they must be; nothing is confirmed", "error", err)
	}, func() { a.p.log.Info("the realm's streams are configured as they must be") })
	return err
}

// fit is nil while the stream can be relied on, as far as this publisher has seen.
func (a *auditor) fit() error {
	if err := a.unfit.Load(); err != nil {
		return *err
	}
	return nil
}

// nagging says something once, and again every minute while it lasts. It is safe for
// concurrent use.
type nagging struct {
	mu   sync.Mutex
	said time.Duration // when it was last said
	on   bool
}

// say calls still for an err, at most once a minute, and over when there is none any
// more.
func (n *nagging) say(p *Publisher, err error, still, over func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	now := p.clock.Monotonic()
	switch {
	case err != nil && (!n.on || now-n.said >= sayEvery):
		n.on, n.said = true, now
		still()
	case err == nil && n.on:
		n.on = false
		if over != nil {
			over()
		}
	}
}
