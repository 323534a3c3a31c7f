package simulation

import (
	"context"
	"iter"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/fake"
	"github.com/revocast/revocast/port"
)

// busPort is a process's bus, likewise.
type busPort struct {
	p *process
	port.Bus
	latest position // that the tail brought
}

// live waits while the process is stopped and reports whether it is alive.
func (b *busPort) live() bool {
	b.p.gate()
	return !b.p.dead.Load()
}

func (b *busPort) answer(op fake.Op, done func(error)) func(error) {
	return func(err error) {
		if b.live() {
			b.p.w.note(b.p, op, err)
			done(err)
		}
	}
}

// Publish implements [port.Bus].
func (b *busPort) Publish(e revocast.Event, done func(error)) {
	if !b.live() {
		return
	}
	b.p.w.mu.Lock()
	b.p.w.published = append(b.p.w.published, e)
	b.p.w.mu.Unlock()
	answer := b.answer(fake.OpPublish, done)
	if b.p.w.mutant.NoStreamWait {
		answer(nil)
		answer = func(error) {}
	}
	b.Bus.Publish(e, answer)
}

// Refill implements [port.Bus].
func (b *busPort) Refill(e revocast.Event, done func(error)) {
	if b.live() {
		b.Bus.Refill(e, b.answer(fake.OpRefill, done))
	}
}

// Tail implements [port.Bus].
func (b *busPort) Tail(ctx context.Context, h port.TailHandler) error {
	return b.Bus.Tail(ctx, port.TailHandler{
		Event: func(e revocast.Event) {
			if b.live() {
				b.p.w.heard(b.p, e.Position)
				h.Event(e)
				if m := b.p.w.mutant.Heard; m != nil && b.p.worker != nil {
					m(b, e)
				}
			}
		},
		Ready: func() {
			time.Sleep(100*time.Microsecond + b.p.draw("ready").upTo(400*time.Microsecond))
			if b.live() {
				h.Ready()
			}
		},
		Suspect: func(err error) {
			if b.live() {
				h.Suspect(err)
			}
		},
		Lost: func(err error) {
			if b.live() && h.Lost != nil {
				h.Lost(err)
			}
		},
	})
}

// Replay implements [port.Bus].
func (b *busPort) Replay(ctx context.Context, after port.StreamPoint,
	on func(revocast.Event) error,
) (port.Replayed, error) {
	if b.p.w.mutant.NoReplay && b.p.publisher != nil {
		on = func(revocast.Event) error { return nil }
	}
	if keep := on; b.p.w.mutant.NoRekey {
		on = func(e revocast.Event) error {
			e.Names = max(e.Names, b.p.w.ledger.Terms().Names.Secrets) // as if it had been made with them
			return keep(e)
		}
	}
	return through(b.p, fake.OpReplay, func() (port.Replayed, error) { return b.Bus.Replay(ctx, after, on) })
}

// Stream implements [port.Bus].
func (b *busPort) Stream(ctx context.Context) (port.StreamInfo, error) {
	return through(b.p, fake.OpStream, func() (port.StreamInfo, error) { return b.Bus.Stream(ctx) })
}

// SaveSnapshot implements [port.Bus].
func (b *busPort) SaveSnapshot(ctx context.Context, at revocast.Position,
	states iter.Seq2[port.KeyedState, error],
) error {
	return throughErr(b.p, fake.OpSaveSnapshot, func() error { return b.Bus.SaveSnapshot(ctx, at, states) })
}

// LoadSnapshot implements [port.Bus].
func (b *busPort) LoadSnapshot(ctx context.Context, on func(port.KeyedState) error) (revocast.Position, error) {
	return through(b.p, fake.OpLoadSnapshot, func() (revocast.Position, error) { return b.Bus.LoadSnapshot(ctx, on) })
}

// Acknowledge implements [port.Bus].
func (b *busPort) Acknowledge(a port.Ack) error {
	return throughErr(b.p, fake.OpAcknowledge, func() error { return b.Bus.Acknowledge(a) })
}

// Acks implements [port.Bus].
func (b *busPort) Acks(ctx context.Context, on func(port.Ack)) error {
	return b.Bus.Acks(ctx, func(a port.Ack) {
		if !b.live() {
			return
		}
		on(a)
		if m := b.p.w.mutant.Ack; m != nil && b.p.members.Load() != nil {
			m(b.p, a, on)
		}
	})
}

// Epoch implements [port.Bus].
func (b *busPort) Epoch(ctx context.Context) (port.EpochRecord, error) {
	return through(b.p, fake.OpEpoch, func() (port.EpochRecord, error) {
		r, err := b.Bus.Epoch(ctx)
		if b.p.w.mutant.JunkHides && r.Buried > 0 {
			return port.EpochRecord{}, revocast.ErrUnsuited
		}
		return r, err
	})
}

// ClaimEpoch implements [port.Bus].
func (b *busPort) ClaimEpoch(ctx context.Context, after uint64, next port.EpochRecord) (port.EpochRecord, error) {
	if b.p.w.mutant.NoRewrite && b.p.publisher != nil {
		d, err := b.p.w.current.Load().Link("onlooker").Describe(ctx)
		if err == nil && d.State == port.LedgerOpen && d.Opened == next.Epoch {
			return next, revocast.ErrConflict
		}
	}
	return through(b.p, fake.OpClaimEpoch,
		func() (port.EpochRecord, error) { return b.Bus.ClaimEpoch(ctx, after, next) })
}

// Prepare implements [port.Bus].
func (b *busPort) Prepare(ctx context.Context, o port.StreamOptions) error {
	return throughErr(b.p, fake.OpPrepare, func() error { return b.Bus.Prepare(ctx, o) })
}

// Mend implements [port.Bus].
func (b *busPort) Mend(ctx context.Context, o port.StreamOptions) (port.Mended, error) {
	if b.p.w.mutant.NoMend {
		return port.Mended{}, nil
	}
	return through(b.p, fake.OpMend, func() (port.Mended, error) { return b.Bus.Mend(ctx, o) })
}
