package reset

import (
	"context"
	"fmt"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/account/code"
	"github.com/revocast/revocast/account/internal/secret"
	"github.com/revocast/revocast/internal/script"
)

// afterwards is the context for writes that are needed although the caller may be gone.
const afterwards = 3 * time.Second

// Confirm sets the password that the code allows to set, and ends everything that the
// principal had open. When it returns nil the fleet has confirmed that, as strong as opts
// ask for; the receipts say the same.
//
// Errors: those of [code.Store.Claim] where the code is not good, or another call is at it;
// [code.ErrCode] too where an earlier request with this code may have set its password and
// another change was begun since, which this must not undo; [ErrRejected], as SetPassword
// returned it; [revocast.ErrOutcomeUnknown] where it is not
// known whether the password was changed; [ErrOwed] where it was, and the fleet has not
// confirmed, with receipts and [revocast.ErrPending] behind it if it will by itself.
// Everything else is from before the password was touched. The package's documentation has
// what to do then.
func (r *Reset) Confirm(ctx context.Context, principal, text, password string,
	opts ...revocast.CallOption,
) ([]revocast.Receipt, error) {
	if err := r.vet(principal, ""); err != nil {
		return nil, err
	}
	claim, err := r.codes.Claim(ctx, r.o.Purpose, principal, text, password, 2*r.o.SetTimeout)
	if err != nil {
		return nil, err
	}
	t := try{Reset: r, claim: claim, claimed: true, id: secret.NewID(), principal: principal, reason: r.o.Cause.Reason}
	if err := t.change(ctx, password); err != nil {
		return nil, err
	}
	receipts, err := t.end(ctx, opts)
	if err != nil {
		t.release(ctx)
		return receipts, fmt.Errorf("%w: %w", ErrOwed, err)
	}
	if err := r.codes.Finish(ctx, claim); err != nil {
		// All is done. What is left of the code can only repeat this.
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

// What begin answers.
const (
	mayChange = iota
	isChanged
	superseded // by another change, begun since this one may have been made
)

// run runs one of the scripts, which all take the same first arguments.
func (t try) run(ctx context.Context, s *script.Script, args ...any) (any, error) {
	whose := secret.Hash(t.o.Issuer + "\x00" + t.principal)
	first := []any{t.claim.ID, t.id, t.principal, t.o.Issuer, t.reason, t.o.Cause.Initiator, t.keep, whose}
	return t.db.Run(ctx, s, append(first, args...)...)
}

// change sets the password, unless an earlier call has, between writing down that
// everything ends and writing down from when.
func (t try) change(ctx context.Context, password string) error {
	started := t.now()
	state, err := t.begin(ctx)
	switch {
	case err != nil:
		t.release(ctx) // nothing was touched
		return err
	case state == isChanged:
		return nil
	case state == superseded:
		return t.tooOld(ctx)
	}
	left := t.left(started)
	if left <= 0 {
		t.abort(ctx)
		t.release(ctx)
		return fmt.Errorf("%w: reset: the process stood still for too long to set the password now",
			revocast.ErrUnavailable)
	}
	limited, cancel := context.WithTimeout(ctx, left)
	err = t.set(limited, t.principal, password)
	cancel()
	if err != nil {
		return t.failed(ctx, started, err)
	}
	// The caller may have left. The password is changed all the same.
	after, cancel := context.WithTimeout(context.WithoutCancel(ctx), afterwards)
	defer cancel()
	if _, err := t.run(after, changedScript); err != nil {
		t.endOthers(ctx)
		t.release(ctx)
		return fmt.Errorf("%w: %w", ErrOwed, err)
	}
	return nil
}

// discard makes codes that are outstanding for the principal no longer good, but for this
// try's own, which may have to be repeated.
func (t try) discard(ctx context.Context) error {
	_, err := t.codes.Supersede(ctx, t.o.Purpose, t.principal, t.claim)
	if err != nil {
		return fmt.Errorf("reset: discard codes: %w", err)
	}
	return nil
}

// left is how long setting the password may take from now on: it must not happen after the cut-off
// that has been written down. While a machine stands still its monotonic clock may stand still too,
// and the wall clock can be set. So the longer of both times since started counts as passed.
func (t try) left(started time.Time) time.Duration {
	now := t.now()
	gone := max(now.Sub(started), now.Round(0).Sub(started.Round(0)))
	return min(t.o.SetTimeout, 2*t.o.SetTimeout-gone)
}

// begin writes down that everything ends in twice SetTimeout, unless the password is
// changed already or must not be any more.
func (t try) begin(ctx context.Context) (int64, error) {
	reply, err := t.run(ctx, beginScript, 2*t.o.SetTimeout.Milliseconds(), "")
	if err != nil {
		return 0, err
	}
	state, ok := reply.(int64)
	if !ok {
		return 0, fmt.Errorf("%w: %T", script.ErrReply, reply)
	}
	return state, nil
}
