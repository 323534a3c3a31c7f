package reset

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/account/code"
	"github.com/revocast/revocast/account/internal/secret"
)

// tooOld uses up a code whose password may have been set, and replaced since: setting it
// again would undo that.
func (t try) tooOld(ctx context.Context) error {
	after, cancel := context.WithTimeout(context.WithoutCancel(ctx), afterwards)
	defer cancel()
	if err := t.codes.Finish(after, t.claim); err != nil {
		t.o.Logger.Warn("reset: a superseded code could not be used up; it will expire", "error", err)
	}
	return &code.Refusal{Why: code.Superseded}
}

// failed takes back what was written down if the password is certainly the old one, and
// leaves it in force if that is not known.
func (t try) failed(ctx context.Context, started time.Time, cause error) error {
	if !errors.Is(cause, ErrRejected) {
		t.late(ctx, started)
		t.endOthers(ctx)
		t.release(ctx)
		return fmt.Errorf("%w: reset: set password: %w", revocast.ErrOutcomeUnknown, cause)
	}
	t.abort(ctx)
	if !t.claimed {
		return cause
	}
	after, cancel := context.WithTimeout(context.WithoutCancel(ctx), afterwards)
	defer cancel()
	if err := t.codes.Reopen(after, t.claim); err != nil {
		t.o.Logger.Warn("reset: the code stays claimed for a password that was not accepted", "error", err)
	}
	return cause
}

// late writes down another cut-off where SetPassword returned so late that the password may
// have been changed after the first.
func (t try) late(ctx context.Context, started time.Time) {
	if t.left(started) > 0 {
		return
	}
	after, cancel := context.WithTimeout(context.WithoutCancel(ctx), afterwards)
	defer cancel()
	t.id = secret.NewID()
	if _, err := t.run(after, beginScript, 0, "late"); err != nil {
		t.o.Logger.Error("reset: the password may have been changed too late for its cut-off", "error", err)
	}
}

// abort takes back what begin has written down: this try has changed nothing.
func (t try) abort(ctx context.Context) {
	after, cancel := context.WithTimeout(context.WithoutCancel(ctx), afterwards)
	defer cancel()
	if _, err := t.run(after, abortScript); err != nil {
		t.o.Logger.Warn("reset: nothing was changed, and everything will end all the same", "error", err)
	}
}

// end tells the fleet and waits for it; meanwhile the other stores end what they hold.
func (t try) end(ctx context.Context, opts []revocast.CallOption) ([]revocast.Receipt, error) {
	var receipts []revocast.Receipt
	told := make(chan error, 1)
	go func() {
		var err error
		receipts, err = t.tell(ctx, opts)
		told <- err
	}()
	others := t.others(ctx) // the caller's code, on the caller's goroutine
	err := <-told
	if err != nil && others != nil {
		return receipts, fmt.Errorf("%w; %w", err, others)
	}
	return receipts, errors.Join(err, others)
}

// tell tells the fleet, or waits for the confirmation of what another process has told it.
func (t try) tell(ctx context.Context, opts []revocast.CallOption) ([]revocast.Receipt, error) {
	id := "reset:" + t.claim.ID
	receipts, err := t.ender.Complete(ctx, id, opts...)
	if err == nil && len(receipts) == 0 {
		// Somebody else told the fleet too long ago to be remembered: have it told again,
		// under the same id, for the confirmation.
		if _, err = t.begin(ctx); err == nil {
			receipts, err = t.ender.Complete(ctx, id, opts...)
		}
	}
	if err == nil && len(receipts) == 0 {
		err = fmt.Errorf("%w: the outbox has no receipt for %s", revocast.ErrOutcomeUnknown, id)
	}
	return receipts, err
}

// others ends what the other stores hold, a code that was made meanwhile included, although
// the caller may be gone.
func (t try) others(ctx context.Context) error {
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), t.o.SetTimeout)
	defer cancel()
	err := t.discard(limited)
	if t.o.End == nil {
		return err
	}
	if e := t.o.End(limited, t.principal, t.keep); e != nil {
		err = errors.Join(err, fmt.Errorf("reset: end what other stores hold: %w", e))
	}
	return err
}

// endOthers is others where the caller is told something worse anyway.
func (t try) endOthers(ctx context.Context) {
	if err := t.others(ctx); err != nil {
		t.o.Logger.Warn("reset: other stores still hold what is ended", "error", err)
	}
}

// release lets the same request be made again immediately. Where that fails the claim runs out by
// itself.
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
