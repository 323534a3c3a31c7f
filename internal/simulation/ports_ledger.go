package simulation

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/fake"
	"github.com/revocast/revocast/port"
)

// ledgerPort is a process's ledger: calls wait while the process is stopped, before
// they are made and before their answer is read, and come to nothing once it is dead.
type ledgerPort struct {
	p *process
	port.Ledger
}

var errDead = fmt.Errorf("%w: the process is dead", revocast.ErrUnavailable)

func through[T any](p *process, op fake.Op, call func() (T, error)) (T, error) {
	var none T
	p.gate()
	if p.dead.Load() {
		return none, errDead
	}
	answer, err := call()
	p.gate()
	p.w.note(p, op, err)
	return answer, err
}

func throughErr(p *process, op fake.Op, call func() error) error {
	_, err := through(p, op, func() (struct{}, error) { return struct{}{}, call() })
	return err
}

func (l *ledgerPort) mutant() *Mutant { return &l.p.w.mutant }

// Describe implements [port.Ledger].
func (l *ledgerPort) Describe(ctx context.Context) (port.Description, error) {
	return through(l.p, fake.OpDescribe, func() (port.Description, error) {
		d, err := l.Ledger.Describe(ctx)
		if m := l.mutant().Described; m != nil {
			m(&d)
		}
		return d, err
	})
}

// Renew implements [port.Ledger].
func (l *ledgerPort) Renew(ctx context.Context, r port.Renewal) (port.Renewed, error) {
	renew := l.Ledger.Renew
	if m := l.mutant().Renew; m != nil {
		renew = func(ctx context.Context, r port.Renewal) (port.Renewed, error) { return m(l, ctx, r) }
	}
	sent := l.p.w.now()
	answer, err := through(l.p, fake.OpRenew, func() (port.Renewed, error) { return renew(ctx, r) })
	if err == nil {
		l.p.renewed.Store(int64(sent))
	}
	return answer, err
}

// Check implements [port.Ledger].
func (l *ledgerPort) Check(ctx context.Context, keys []revocast.Key) (port.Checked, error) {
	return through(l.p, fake.OpCheck, func() (port.Checked, error) {
		answer, err := l.Ledger.Check(ctx, keys)
		if m := l.mutant().Check; m != nil {
			return m(l, keys, answer, err)
		}
		return answer, err
	})
}

// Snapshot implements [port.Ledger].
func (l *ledgerPort) Snapshot(ctx context.Context, cursor string) (port.StatePage, error) {
	return through(l.p, fake.OpSnapshot, func() (port.StatePage, error) { return l.Ledger.Snapshot(ctx, cursor) })
}

// Leave implements [port.Ledger].
func (l *ledgerPort) Leave(ctx context.Context, m port.MemberID) error {
	return throughErr(l.p, fake.OpLeave, func() error { return l.Ledger.Leave(ctx, m) })
}

// Commit implements [port.Ledger].
func (l *ledgerPort) Commit(ctx context.Context, key string, proposals []revocast.Event) (port.Commit, error) {
	return through(l.p, fake.OpCommit, func() (port.Commit, error) {
		if m := l.mutant().Proposed; m != nil {
			proposals = slices.Clone(proposals)
			for i := range proposals {
				m(&proposals[i])
			}
		}
		c, err := l.Ledger.Commit(ctx, key, proposals)
		if m := l.mutant().Committed; m != nil {
			m(&c.Terms)
		}
		return c, err
	})
}

// Verify implements [port.Ledger].
func (l *ledgerPort) Verify(ctx context.Context, epoch uint64) (port.Verified, error) {
	return through(l.p, fake.OpVerify, func() (port.Verified, error) {
		v, err := l.Ledger.Verify(ctx, epoch)
		if l.mutant().Verify != nil {
			return l.mutant().Verify(v, err)
		}
		return v, err
	})
}

// Members implements [port.Ledger].
func (l *ledgerPort) Members(ctx context.Context) (port.Membership, error) {
	return through(l.p, fake.OpMembers, func() (port.Membership, error) {
		m, err := l.Ledger.Members(ctx)
		if err == nil {
			l.p.members.Store(&m.Members)
			l.p.oldest.CompareAndSwap(nil, &m.Members)
		}
		if change := l.mutant().Members; change != nil && err == nil {
			change(l.p, &m)
		}
		return m, err
	})
}

// Strike implements [port.Ledger].
func (l *ledgerPort) Strike(ctx context.Context, m port.Member) (bool, error) {
	return through(l.p, fake.OpStrike, func() (bool, error) { return l.Ledger.Strike(ctx, m) })
}

// Log implements [port.Ledger].
func (l *ledgerPort) Log(ctx context.Context, after revocast.Position, limit int) ([]revocast.Event, error) {
	return through(l.p, fake.OpLog, func() ([]revocast.Event, error) { return l.Ledger.Log(ctx, after, limit) })
}

// Acked implements [port.Ledger].
func (l *ledgerPort) Acked(ctx context.Context, epoch uint64, revs []uint64) (revocast.Position, error) {
	return through(l.p, fake.OpAcked, func() (revocast.Position, error) { return l.Ledger.Acked(ctx, epoch, revs) })
}

// Mark implements [port.Ledger].
func (l *ledgerPort) Mark(ctx context.Context, was port.StreamPoint, mark port.StreamMark) error {
	return throughErr(l.p, fake.OpMark, func() error { return l.Ledger.Mark(ctx, was, mark) })
}

// Turn implements [port.Ledger].
func (l *ledgerPort) Turn(ctx context.Context, task, holder string, d time.Duration) (bool, error) {
	mine, err := through(l.p, fake.OpTurn, func() (bool, error) { return l.Ledger.Turn(ctx, task, holder, d) })
	if l.mutant().OneClock && mine && task == "stock" {
		l.forgetByOneClock(ctx)
	}
	return mine, err
}

// forgetByOneClock forgets whatever the ledger's clock says is over.
func (l *ledgerPort) forgetByOneClock(ctx context.Context) {
	for cursor := ""; ; {
		page, err := l.Ledger.Snapshot(ctx, cursor)
		if err != nil {
			return
		}
		for _, k := range page.States {
			_, _ = l.Ledger.Forget(ctx, revocast.Forever, []revocast.Key{k.Key})
		}
		if cursor = page.Next; cursor == "" {
			return
		}
	}
}

// Sight implements [port.Ledger].
func (l *ledgerPort) Sight(ctx context.Context, s port.Sighting) (port.Sighted, error) {
	return through(l.p, fake.OpSight, func() (port.Sighted, error) {
		if m := l.mutant().Sight; m != nil {
			return m(l, ctx, s)
		}
		return l.Ledger.Sight(ctx, s)
	})
}

// TurnLeads implements [port.Ledger].
func (l *ledgerPort) TurnLeads(ctx context.Context, over uint64) (uint64, error) {
	return through(l.p, fake.OpLeads, func() (uint64, error) { return l.Ledger.TurnLeads(ctx, over) })
}

// Forget implements [port.Ledger].
func (l *ledgerPort) Forget(ctx context.Context, now int64, keys []revocast.Key) (int, error) {
	return through(l.p, fake.OpForget, func() (int, error) { return l.Ledger.Forget(ctx, now, keys) })
}

// Sealed implements [port.Ledger].
func (l *ledgerPort) Sealed(ctx context.Context, keys []revocast.Key) ([]string, error) {
	return through(l.p, fake.OpSealed, func() ([]string, error) { return l.Ledger.Sealed(ctx, keys) })
}

// MoveNames implements [port.Ledger].
func (l *ledgerPort) MoveNames(ctx context.Context, epoch uint64, names port.Naming) error {
	return throughErr(l.p, fake.OpMoveNames, func() error { return l.Ledger.MoveNames(ctx, epoch, names) })
}

// OldNames implements [port.Ledger].
func (l *ledgerPort) OldNames(ctx context.Context, cursor string) (port.StatePage, error) {
	return through(l.p, fake.OpOldNames, func() (port.StatePage, error) { return l.Ledger.OldNames(ctx, cursor) })
}

// Rekey implements [port.Ledger].
func (l *ledgerPort) Rekey(ctx context.Context, epoch uint64, states []port.Rekeyed) error {
	if l.mutant().NoRekey && len(states) > 0 {
		return nil
	}
	return throughErr(l.p, fake.OpRekey, func() error { return l.Ledger.Rekey(ctx, epoch, states) })
}

// Recount implements [port.Ledger].
func (l *ledgerPort) Recount(ctx context.Context, epoch, was, gone uint64) error {
	return throughErr(l.p, fake.OpRecount, func() error { return l.Ledger.Recount(ctx, epoch, was, gone) })
}

// Settle implements [port.Ledger].
func (l *ledgerPort) Settle(ctx context.Context, epoch, settling uint64) error {
	return throughErr(l.p, fake.OpSettle, func() error { return l.Ledger.Settle(ctx, epoch, settling) })
}

// Begin implements [port.Ledger].
func (l *ledgerPort) Begin(ctx context.Context, epoch uint64, terms port.Terms) error {
	return throughErr(l.p, fake.OpBegin, func() error { return l.Ledger.Begin(ctx, epoch, terms) })
}

// Restore implements [port.Ledger].
func (l *ledgerPort) Restore(ctx context.Context, epoch uint64, events []revocast.Event) (int, error) {
	return through(l.p, fake.OpRestore, func() (int, error) { return l.Ledger.Restore(ctx, epoch, events) })
}

// Open implements [port.Ledger].
func (l *ledgerPort) Open(ctx context.Context, o port.Opening) error {
	return throughErr(l.p, fake.OpOpen, func() error { return l.Ledger.Open(ctx, o) })
}

// Reopen implements [port.Ledger].
func (l *ledgerPort) Reopen(ctx context.Context, epoch uint64, after string) error {
	return throughErr(l.p, fake.OpReopen, func() error { return l.Ledger.Reopen(ctx, epoch, after) })
}

// Fence implements [port.Ledger].
func (l *ledgerPort) Fence(ctx context.Context, epoch uint64) error {
	return throughErr(l.p, fake.OpFence, func() error { return l.Ledger.Fence(ctx, epoch) })
}
