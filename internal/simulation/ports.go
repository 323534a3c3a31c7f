package simulation

import (
	"context"
	"fmt"

	"github.com/revocast/revocast"
)

// ledgerPort is a process's ledger: calls wait while the process is stopped, before
// they are made and before their answer is read, and come to nothing once it is dead.
type ledgerPort struct {
	p *process
	revocast.Ledger
}

var errDead = fmt.Errorf("%w: the process is dead", revocast.ErrUnavailable)

func through[T any](p *process, call func() (T, error)) (T, error) {
	var none T
	p.gate()
	if p.dead.Load() {
		return none, errDead
	}
	answer, err := call()
	p.gate()
	return answer, err
}

func throughErr(p *process, call func() error) error {
	_, err := through(p, func() (struct{}, error) { return struct{}{}, call() })
	return err
}

func (l *ledgerPort) mutant() *Mutant { return &l.p.w.mutant }

func (l *ledgerPort) Describe(ctx context.Context) (revocast.Description, error) {
	return through(l.p, func() (revocast.Description, error) {
		d, err := l.Ledger.Describe(ctx)
		l.mutant().terms(l.p, &d.Terms)
		return d, err
	})
}

func (l *ledgerPort) Renew(ctx context.Context, r revocast.Renewal) (revocast.Renewed, error) {
	renew := l.Ledger.Renew
	if m := l.mutant().Renew; m != nil {
		renew = func(ctx context.Context, r revocast.Renewal) (revocast.Renewed, error) { return m(l, ctx, r) }
	}
	return through(l.p, func() (revocast.Renewed, error) { return renew(ctx, r) })
}

func (l *ledgerPort) Check(ctx context.Context, keys []revocast.Key) (revocast.Checked, error) {
	return through(l.p, func() (revocast.Checked, error) { return l.Ledger.Check(ctx, keys) })
}

func (l *ledgerPort) Snapshot(ctx context.Context, cursor string) ([]revocast.KeyedState, string, error) {
	var next string
	page, err := through(l.p, func() (page []revocast.KeyedState, err error) {
		page, next, err = l.Ledger.Snapshot(ctx, cursor)
		return page, err
	})
	return page, next, err
}

func (l *ledgerPort) Leave(ctx context.Context, m revocast.MemberID) error {
	return throughErr(l.p, func() error { return l.Ledger.Leave(ctx, m) })
}

func (l *ledgerPort) Commit(ctx context.Context, key string, proposals []revocast.Event) (revocast.Commit, error) {
	return through(l.p, func() (revocast.Commit, error) {
		c, err := l.Ledger.Commit(ctx, key, proposals)
		l.mutant().terms(l.p, &c.Terms)
		return c, err
	})
}

func (l *ledgerPort) Verify(ctx context.Context, epoch uint64) (revocast.Verified, error) {
	return through(l.p, func() (revocast.Verified, error) {
		v, err := l.Ledger.Verify(ctx, epoch)
		if l.mutant().Verify != nil {
			return l.mutant().Verify(v, err)
		}
		return v, err
	})
}

func (l *ledgerPort) Members(ctx context.Context) (revocast.Membership, error) {
	return through(l.p, func() (revocast.Membership, error) {
		m, err := l.Ledger.Members(ctx)
		if l.mutant().NoMembers {
			m.Members = nil
		}
		return m, err
	})
}

func (l *ledgerPort) Strike(ctx context.Context, m revocast.Member) (bool, error) {
	return through(l.p, func() (bool, error) { return l.Ledger.Strike(ctx, m) })
}

func (l *ledgerPort) Log(ctx context.Context, after revocast.Position, limit int) ([]revocast.Event, error) {
	return through(l.p, func() ([]revocast.Event, error) { return l.Ledger.Log(ctx, after, limit) })
}

func (l *ledgerPort) Acked(ctx context.Context, epoch uint64, revs []uint64) (revocast.Position, error) {
	return through(l.p, func() (revocast.Position, error) { return l.Ledger.Acked(ctx, epoch, revs) })
}

func (l *ledgerPort) Settle(ctx context.Context, epoch uint64) error {
	return throughErr(l.p, func() error { return l.Ledger.Settle(ctx, epoch) })
}

func (l *ledgerPort) Begin(ctx context.Context, epoch uint64, terms revocast.Terms) error {
	return throughErr(l.p, func() error { return l.Ledger.Begin(ctx, epoch, terms) })
}

func (l *ledgerPort) Restore(ctx context.Context, epoch uint64, events []revocast.Event) (int, error) {
	return through(l.p, func() (int, error) { return l.Ledger.Restore(ctx, epoch, events) })
}

func (l *ledgerPort) Open(ctx context.Context, epoch uint64, record revocast.EpochRecord, settled bool) error {
	return throughErr(l.p, func() error { return l.Ledger.Open(ctx, epoch, record, settled) })
}

func (l *ledgerPort) Fence(ctx context.Context, epoch uint64) error {
	return throughErr(l.p, func() error { return l.Ledger.Fence(ctx, epoch) })
}

// busPort is a process's bus, likewise.
type busPort struct {
	p *process
	revocast.Bus
	heard position // the latest that the tail brought
}

func (b *busPort) Publish(e revocast.Event, done func(error)) {
	b.p.gate()
	if b.p.dead.Load() {
		return
	}
	answer := func(err error) {
		b.p.gate()
		if !b.p.dead.Load() {
			done(err)
		}
	}
	if b.p.w.mutant.NoStreamWait {
		answer(nil)
		answer = func(error) {}
	}
	b.Bus.Publish(e, answer)
}

func (b *busPort) Tail(ctx context.Context, h revocast.TailHandler) error {
	live := func() bool {
		b.p.gate()
		return !b.p.dead.Load()
	}
	return b.Bus.Tail(ctx, revocast.TailHandler{
		Event: func(e revocast.Event) {
			if live() {
				h.Event(e)
				if b.p.w.mutant.AckHoles && b.p.worker != nil {
					_ = b.Bus.Acknowledge(revocast.Ack{Member: b.p.worker.Status().Member, Applied: b.heard.raise(e.Position)})
				}
			}
		},
		Ready: func() {
			if live() {
				h.Ready()
			}
		},
		Suspect: func(err error) {
			if live() {
				h.Suspect(err)
			}
		},
	})
}

func (b *busPort) Replay(ctx context.Context, on func(revocast.Event) error) (int, error) {
	return through(b.p, func() (int, error) {
		if b.p.w.mutant.NoRecovery && b.p.publisher != nil {
			return 0, nil
		}
		return b.Bus.Replay(ctx, on)
	})
}

func (b *busPort) Acknowledge(a revocast.Ack) error {
	return throughErr(b.p, func() error {
		return b.Bus.Acknowledge(a)
	})
}

func (b *busPort) Acks(ctx context.Context, on func(revocast.Ack)) error {
	return b.Bus.Acks(ctx, func(a revocast.Ack) {
		if b.p.gate(); !b.p.dead.Load() {
			on(a)
		}
	})
}

func (b *busPort) Epoch(ctx context.Context) (revocast.EpochRecord, error) {
	return through(b.p, func() (revocast.EpochRecord, error) { return b.Bus.Epoch(ctx) })
}

func (b *busPort) ClaimEpoch(ctx context.Context, after uint64, next revocast.EpochRecord) (revocast.EpochRecord, error) {
	return through(b.p, func() (revocast.EpochRecord, error) { return b.Bus.ClaimEpoch(ctx, after, next) })
}

func (b *busPort) Prepare(ctx context.Context, o revocast.StreamOptions) error {
	return throughErr(b.p, func() error { return b.Bus.Prepare(ctx, o) })
}
