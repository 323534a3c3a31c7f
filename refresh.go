package revocast

import (
	"context"
	"time"
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
		if p.ready.Err() == nil && p.refreshAll(ctx) == nil {
			pause = p.terms.Load().retention() / 8
		}
		if !p.sleep(ctx, pause, nil) {
			return nil
		}
	}
}

func (p *Publisher) refreshAll(ctx context.Context) error {
	retention := p.terms.Load().retention().Milliseconds()
	for cursor := ""; ; {
		page, next, now, err := p.refreshPage(ctx, cursor)
		if err != nil {
			p.log.Debug("what stands for long was not refreshed", "error", err)
			return err
		}
		for _, k := range page {
			// At half its time in the stream there is time for another eight attempts.
			if k.State.Until > k.Changed+retention && now-k.Changed > retention/2 {
				p.republish(k)
			}
		}
		if next == "" || !p.sleep(ctx, refreshPace, nil) {
			return ctx.Err()
		}
		cursor = next
	}
}

func (p *Publisher) refreshPage(ctx context.Context, cursor string) (page []KeyedState, next string, now int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	d, err := p.ledger.Describe(ctx)
	if err != nil {
		return nil, "", 0, err
	}
	page, next, err = p.ledger.Snapshot(ctx, cursor)
	return page, next, d.Now, err
}

// republish publishes a state as the fewest events that add up to it. They are long out
// of the stream's window of duplicates. An event that is refused is tried again the
// next time.
func (p *Publisher) republish(k KeyedState) {
	for _, e := range k.Events() {
		p.counts.republished.Add(1)
		p.bus.Publish(e, func(err error) {
			if err != nil {
				p.log.Warn("a revocation that stands for long was not refreshed in the stream", "position", e.Position, "error", err)
			}
		})
	}
}
