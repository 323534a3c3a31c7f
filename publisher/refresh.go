package publisher

import (
	"context"
	"time"

	"github.com/revocast/revocast/internal/component"
	"github.com/revocast/revocast/port"
)

// refreshPace is the pause between two pages of the ledger, so that going through all
// of it is never felt.
const refreshPace = 20 * time.Millisecond

// refresh keeps in the stream what stands for longer than the stream keeps an event: a
// ban of a year, a revocation with an until of its own. Now and then it publishes such
// states anew, at their old positions, where they change nothing for those who have
// them; a recovery from the stream finds them.
func (p *Publisher) refresh(ctx context.Context) error {
	for {
		pause := time.Minute // after a start, after a failure
		if p.serving.Err() == nil && p.refreshAll(ctx) == nil {
			pause = p.terms.Load().Retention() / 8
		}
		if !p.sleep(ctx, pause, nil) {
			return nil
		}
	}
}

func (p *Publisher) refreshAll(ctx context.Context) error {
	d, err := p.describe(ctx)
	if err != nil {
		return err
	}
	retention := d.Terms.Retention().Milliseconds()
	for k, err := range p.states(ctx, d, refreshPace) {
		if err != nil {
			p.log.Debug("what stands for long was not refreshed", "error", err)
			return err
		}
		// At half its time in the stream there is time for another eight attempts.
		if k.State.Until > k.Changed+retention && d.Now-k.Changed > retention/2 {
			p.republish(k)
		}
	}
	return nil
}

// republish publishes a state as the fewest events that add up to it. An event that is refused is tried again the
// next time.
func (p *Publisher) republish(k port.KeyedState) {
	refill := component.Random() | 1
	for _, e := range k.Events() {
		e.Refill = refill
		p.counts.republished.Add(1)
		p.bus.Refill(e, func(err error) {
			if err != nil {
				p.say.Warn("refresh", "a revocation that stands for long was not refreshed in the stream", "position", e.Position, "error", err)
			}
		})
	}
}
