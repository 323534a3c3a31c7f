package reset

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/store/code"
	"github.com/revocast/revocast/store/internal/script"
	"github.com/revocast/revocast/store/internal/secret"
)

// afterwards is for what has to be written down although the caller may be gone.
const afterwards = 3 * time.Second

// Confirm sets the password that the code allows to set, and ends everything that the
// principal had open. When it returns nil the fleet has confirmed that, as strong as opts
// ask for; the receipts say the same.
//
// Errors: those of [code.Store.Claim] where the code is not good, or another call is at it;
// [ErrRejected], as SetPassword returned it; [revocast.ErrOutcomeUnknown] where it is not
// known whether the password was changed; [ErrOwed] where it was, and the fleet has not
// confirmed, with receipts and [revocast.ErrPending] behind it if it will by itself.
// Everything else is from before the password was touched. The package's documentation has
// what to do then.
func (r *Reset) Confirm(ctx context.Context, principal, text, password string, opts ...revocast.CallOption) ([]revocast.Receipt, error) {
	claim, err := r.codes.Claim(ctx, r.o.Purpose, principal, text, password, 2*r.o.SetTimeout)
	if err != nil {
		return nil, err
	}
	t := try{Reset: r, claim: claim, claimed: true, id: secret.NewID(), principal: principal, reason: r.o.Reason}
	if err := t.change(ctx, password); err != nil {
		return nil, err
	}
	receipts, err := t.end(ctx, opts)
	if err != nil {
		t.release(ctx)
		return receipts, fmt.Errorf("%w: %w", ErrOwed, err)
	}
	if err := r.codes.Finish(ctx, claim); err != nil {
		// All is done. What is left of the code repeats this and nothing else.
		r.o.Logger.Warn("reset: the code could not be used up; it will expire", "error", err)
	}
	return receipts, nil
}

// try is one call.
type try struct {
	*Reset
	claim     code.Claim
	claimed   bool // else claim is a name and nothing more
	id        string
	principal string
	reason    string
	keep      string // a session that is spared
}

// run runs one of the scripts, which all take the same first arguments.
func (t try) run(ctx context.Context, s *script.Script, args ...any) (any, error) {
	first := []any{t.claim.ID, t.id, t.principal, t.o.Issuer, t.reason, t.o.Initiator, t.keep}
	return s.Run(ctx, t.rdb, t.keys, append(first, args...)...)
}

// change sets the password, unless an earlier call has, between writing down that
// everything ends and writing down from when.
func (t try) change(ctx context.Context, password string) error {
	changed, err := t.begin(ctx)
	if err != nil {
		t.release(ctx) // nothing was touched
		return err
	}
	if changed {
		return nil
	}
	limited, cancel := context.WithTimeout(ctx, t.o.SetTimeout)
	err = t.set(limited, t.principal, password)
	cancel()
	if err != nil {
		return t.failed(ctx, err)
	}
	// Whoever asked may have left. The password is changed all the same.
	after, cancel := context.WithTimeout(context.WithoutCancel(ctx), afterwards)
	defer cancel()
	if _, err := t.run(after, changedScript); err != nil {
		t.release(ctx)
		return fmt.Errorf("%w: %w", ErrOwed, err)
	}
	return nil
}

// begin reports whether the password is changed already.
func (t try) begin(ctx context.Context) (bool, error) {
	reply, err := t.run(ctx, beginScript, 2*t.o.SetTimeout.Milliseconds())
	if err != nil {
		return false, err
	}
	return reply == int64(1), nil
}

// failed takes back what was written down if the password is certainly the old one, and
// leaves it in force if that is not known.
func (t try) failed(ctx context.Context, cause error) error {
	if !errors.Is(cause, ErrRejected) {
		t.release(ctx)
		return fmt.Errorf("%w: reset: set password: %w", revocast.ErrOutcomeUnknown, cause)
	}
	after, cancel := context.WithTimeout(context.WithoutCancel(ctx), afterwards)
	defer cancel()
	if _, err := t.run(after, abortScript); err != nil {
		t.o.Logger.Warn("reset: nothing was changed, and everything will end all the same", "error", err)
	}
	if !t.claimed {
		return cause
	}
	if err := t.codes.Reopen(after, t.claim); err != nil {
		t.o.Logger.Warn("reset: the code stays claimed for a password that was not accepted", "error", err)
	}
	return cause
}

// end tells the fleet and waits for it.
func (t try) end(ctx context.Context, opts []revocast.CallOption) ([]revocast.Receipt, error) {
	id := "reset:" + t.claim.ID
	receipts, err := t.ender.Complete(ctx, id, opts...)
	if err == nil && len(receipts) == 0 {
		// Somebody else told the fleet meanwhile, and did not wait for it: have it told
		// again, under the same id, for the confirmation.
		if _, err = t.begin(ctx); err == nil {
			receipts, err = t.ender.Complete(ctx, id, opts...)
		}
	}
	switch {
	case err != nil:
		return receipts, err
	case len(receipts) == 0:
		return nil, fmt.Errorf("%w: the outbox has no receipt for %s", revocast.ErrOutcomeUnknown, id)
	case t.o.End != nil:
		err = t.o.End(ctx, t.principal, t.keep)
	}
	return receipts, err
}

// release lets the same request be made again at once. Where that fails the claim runs
// out by itself.
func (t try) release(ctx context.Context) {
	if !t.claimed {
		return
	}
	after, cancel := context.WithTimeout(context.WithoutCancel(ctx), afterwards)
	defer cancel()
	if err := t.codes.Release(after, t.claim); err != nil {
		t.o.Logger.Warn("reset: the claim could not be given up; it runs out", "error", err)
	}
}
