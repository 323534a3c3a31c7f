package fake

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

var _ port.Ledger = (*LedgerLink)(nil)

// LedgerLink is one process's connection to the ledger.
type LedgerLink struct {
	class, name string
	worker      bool // the link of a process that has a worker's rights
	hooked

	reaches sync.Mutex // guards l
	l       *Ledger
}

// Reach makes another server the one that the process reaches; what it has sent before
// goes where it was sent.
func (k *LedgerLink) Reach(l *Ledger) {
	k.reaches.Lock()
	defer k.reaches.Unlock()
	k.l = l
}

func (k *LedgerLink) server() *Ledger {
	k.reaches.Lock()
	defer k.reaches.Unlock()
	return k.l
}

// hooked is a link's hook.
type hooked struct {
	mu   sync.Mutex // guards hook
	hook Hook
}

// SetHook makes hook decide about the calls that come; nil: no faults.
func (h *hooked) SetHook(hook Hook) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.hook = hook
}

func (h *hooked) fault(c Call) Fault {
	h.mu.Lock()
	hook := h.hook
	h.mu.Unlock()
	if hook == nil {
		return Fault{}
	}
	return hook(c)
}

// via is what a call goes through.
type via interface {
	fault(c Call) Fault
	called(op Op, arg any) Call
	time() *timers
	// atomically does a step of the server, or tells it that it was refused. It fails if
	// ctx ends before that.
	atomically(ctx context.Context, op Op, step func(refused error)) error
}

// ledgerCall is a call on its way to the server that the process reached when it began.
type ledgerCall struct {
	*LedgerLink
	at *Ledger
}

func (c ledgerCall) called(op Op, arg any) Call { return Call{c.name, op, arg} }
func (c ledgerCall) time() *timers              { return &c.at.timers }

func (c ledgerCall) atomically(ctx context.Context, op Op, step func(refused error)) error {
	return c.at.serve(ctx, request{op: op, step: step, forWorker: c.worker || op.ofWorkers()})
}

// do does one step of the ledger that a process reaches.
func do[T any](ctx context.Context, k *LedgerLink, op Op, arg any, unanswered error,
	step func(*Ledger) (T, error),
) (T, error) {
	l := k.server()
	return through(ctx, ledgerCall{k, l}, op, arg, unanswered, func() (T, error) { return step(l) })
}

// doErr is do for a step that answers nothing.
func doErr(ctx context.Context, k *LedgerLink, op Op, arg any, unanswered error, step func(*Ledger) error) error {
	_, err := do(ctx, k, op, arg, unanswered, func(l *Ledger) (struct{}, error) { return struct{}{}, step(l) })
	return err
}

// through does one step through a link's faults. unanswered is what the caller is told
// when the step may have been done and no answer came.
func through[T any](ctx context.Context, v via, op Op, arg any, unanswered error, step func() (T, error)) (T, error) {
	var none, result T
	var err error
	if ctx.Err() != nil {
		return none, lost(op, revocast.ErrUnavailable, context.Cause(ctx))
	}
	atomic := func(refused error) {
		if err = refused; err == nil {
			result, err = step()
		}
	}
	f := v.fault(v.called(op, arg))
	if ended := v.time().pass(ctx, f.Delay); ended != nil {
		if f.Drop || !f.Late {
			return none, lost(op, revocast.ErrUnavailable, ended)
		}
		_ = v.atomically(ctx, op, atomic)
		return none, lost(op, unanswered, ended)
	}
	if !f.Drop {
		if ended := v.atomically(ctx, op, atomic); ended != nil {
			return none, lost(op, unanswered, ended)
		}
	}
	if f.After > 0 {
		if ended := v.time().pass(ctx, f.After); ended != nil {
			return none, lost(op, unanswered, ended)
		}
	}
	if f.Err != nil && f.Part > 0 && err == nil && !f.Drop {
		return result, &broken{f.Part, f.Err}
	}
	if f.Err != nil {
		return none, f.Err
	}
	return result, err
}

// broken is the failure of an answer that breaks off after part of it.
type broken struct {
	part int
	err  error
}

func (b *broken) Error() string { return b.err.Error() }
func (b *broken) Unwrap() error { return b.err }

// cut returns how much of n is handed out, and the error after that.
func cut(n int, err error) (int, error) {
	if b := (*broken)(nil); errors.As(err, &b) {
		return min(n, b.part), b.err
	}
	if err != nil {
		return 0, err
	}
	return n, nil
}

func lost(op Op, sentinel, cause error) error {
	return fmt.Errorf("%w: fake: %s: %w", sentinel, op, cause)
}
