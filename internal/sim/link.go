package sim

import (
	"context"
	"fmt"
	"sync"

	"github.com/revocast/revocast"
)

var _ revocast.Ledger = (*LedgerLink)(nil)

// LedgerLink is one process's connection to a [Ledger].
type LedgerLink struct {
	name string
	l    *Ledger
	hooked
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
	time() revocast.Clock
	atomically(step func())
}

func (k *LedgerLink) called(op Op, arg any) Call { return Call{k.name, op, arg} }
func (k *LedgerLink) time() revocast.Clock       { return k.l.clock }

// atomically is one step of the server.
func (k *LedgerLink) atomically(step func()) {
	k.l.mu.Lock()
	defer k.l.mu.Unlock()
	k.l.noticeLocked()
	step()
}

// do does one step through a link's faults. unanswered is what the caller is told
// when the step may have been done and no answer came.
func do[T any](ctx context.Context, v via, op Op, arg any, unanswered error, step func() (T, error)) (T, error) {
	var none, result T
	var err error
	if ctx.Err() != nil {
		return none, lost(op, revocast.ErrUnavailable, context.Cause(ctx))
	}
	atomic := func() { result, err = step() }
	f := v.fault(v.called(op, arg))
	if ended := pass(ctx, v.time(), f.Delay); ended != nil {
		if f.Drop || !f.Late {
			return none, lost(op, revocast.ErrUnavailable, ended)
		}
		v.atomically(atomic)
		return none, lost(op, unanswered, ended)
	}
	if !f.Drop {
		v.atomically(atomic)
	}
	if f.After > 0 {
		if ended := pass(ctx, v.time(), f.After); ended != nil {
			return none, lost(op, unanswered, ended)
		}
	}
	if f.Err != nil {
		return none, f.Err
	}
	return result, err
}

func lost(op Op, sentinel, cause error) error {
	return fmt.Errorf("%w: sim: %s: %w", sentinel, op, cause)
}
