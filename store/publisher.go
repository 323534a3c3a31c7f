package store

import (
	"context"
	"fmt"
	"slices"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

const (
	trimBatch   = 500 // log entries that one Acked trims at most
	forgetBatch = 500 // states that one step of Forget looks at
)

// Verify implements [port.Ledger].
func (l *Ledger) Verify(ctx context.Context, epoch uint64) (port.Verified, error) {
	reply, err := l.run(ctx, l.main, verifyScript, epoch)
	if err != nil {
		return port.Verified{}, err
	}
	return port.Verified{Settled: reply == "1"}, nil
}

// Admit implements [port.Ledger].
func (l *Ledger) Admit(ctx context.Context, classes []string) error {
	args := make([]any, len(classes))
	for i, class := range classes {
		if err := port.CheckClass(class); err != nil {
			return err
		}
		args[i] = class
	}
	_, err := l.run(ctx, l.main, admitScript, args...)
	return err
}

// maxClassBytes is how large a class may make what it writes: ten thousand workers need a tenth of it.
const maxClassBytes = 32 << 20

// Prune implements [port.Ledger].
func (l *Ledger) Prune(ctx context.Context) ([]string, error) {
	reply, err := l.run(ctx, l.main, pruneScript, maxClassBytes)
	if err != nil {
		return nil, err
	}
	r := read(reply)
	var classes []string
	for r.More() {
		classes = append(classes, r.Text())
	}
	return classes, finish(pruneScript, r.Err)
}

// Strike implements [port.Ledger].
func (l *Ledger) Strike(ctx context.Context, m port.Member) (bool, error) {
	if err := checkMember(m.ID); err != nil {
		return false, err
	}
	reply, err := l.run(ctx, l.main, strikeScript, m.ID.Class, memberName(m.ID), m.Renewals, int64(m.Still))
	if err != nil {
		return false, err
	}
	return reply == int64(1), nil
}

// Log implements [port.Ledger]. Where limit is not positive it is 1000.
func (l *Ledger) Log(ctx context.Context, after revocast.Position, limit int) ([]revocast.Event, error) {
	if limit <= 0 {
		limit = defaultLimit
	}
	reply, err := l.run(ctx, l.main, logScript, after.Epoch, after.Rev, limit)
	if err != nil {
		return nil, err
	}
	events, err := read(reply).entries()
	return events, finish(logScript, err)
}

// Acked implements [port.Ledger]. Revisions of an earlier epoch add nothing: what it left
// unacknowledged was logged again when the present one was opened. A revision that does not exist
// fails with [revocast.ErrInvalid].
func (l *Ledger) Acked(ctx context.Context, epoch uint64, revs []uint64) (revocast.Position, error) {
	args := []any{epoch, l.opts.LogMaxAge.Milliseconds(), l.opts.LogMaxLen, trimBatch}
	for _, rev := range revs {
		args = append(args, rev)
	}
	reply, err := l.run(ctx, l.main, ackedScript, args...)
	if err != nil {
		return revocast.Position{}, err
	}
	r := read(reply)
	return r.position(), finish(ackedScript, r.Err)
}

// TurnLeads implements [port.Ledger].
func (l *Ledger) TurnLeads(ctx context.Context, over uint64) (uint64, error) {
	reply, err := l.run(ctx, l.main, turnLeadsScript, over)
	if err != nil {
		return 0, err
	}
	r := read([]any{reply})
	return r.Uint(), finish(turnLeadsScript, r.Err)
}

// Forget implements [port.Ledger].
func (l *Ledger) Forget(ctx context.Context, now int64, keys []revocast.Key) (int, error) {
	removed := 0
	for chunk := range slices.Chunk(keys, forgetBatch) {
		args := []any{margin, clamp(now)}
		for _, k := range chunk {
			args = append(args, k.String())
		}
		reply, err := l.run(ctx, l.main, forgetScript, args...)
		if err != nil {
			return removed, err
		}
		n, ok := reply.(int64)
		if !ok {
			return removed, finish(forgetScript, errReply)
		}
		removed += int(n)
	}
	return removed, nil
}

// Sealed implements [port.Ledger].
func (l *Ledger) Sealed(ctx context.Context, keys []revocast.Key) ([]string, error) {
	args := make([]any, len(keys))
	for i, k := range keys {
		args[i] = k.String()
	}
	reply, err := l.run(ctx, l.main, sealedScript, args...)
	if err != nil {
		return nil, err
	}
	r := read(reply)
	names := make([]string, 0, len(keys))
	for r.More() {
		names = append(names, r.Text())
	}
	if r.Err == nil && len(names) != len(keys) {
		r.Err = fmt.Errorf("%w: %d sealed names of %d keys", errReply, len(names), len(keys))
	}
	return names, finish(sealedScript, r.Err)
}

// Recount implements [port.Ledger].
func (l *Ledger) Recount(ctx context.Context, epoch, was, gone uint64) error {
	_, err := l.run(ctx, l.main, recountScript, epoch, was, gone)
	return err
}

// Settle implements [port.Ledger].
func (l *Ledger) Settle(ctx context.Context, epoch, settling uint64) error {
	_, err := l.run(ctx, l.main, settleScript, epoch, settling)
	return err
}
