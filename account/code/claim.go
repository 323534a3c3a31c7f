package code

import (
	"context"
	"fmt"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/account/internal/secret"
	"github.com/revocast/revocast/internal/script"
)

// Claim is the right to do the step that a code permits.
type Claim struct {
	// ID is the code's, the same whenever it is claimed, and not secret: an idempotency key
	// for what is done with the code.
	ID string

	purpose, principal, lease string
}

// MaxLease is the longest that a claim can keep others out.
const MaxLease = 10 * time.Minute

// Claim takes the code for a step that may fail half-way. Nobody else can claim it for the time
// lease, which must be longer than the step takes, or until [Store.Release]. After that it may be
// claimed again until it expires, but only for the same step: one code, one step, however often the
// step has to be tried. [Store.Finish] uses the code up.
//
// step is a text that distinguishes the step from others, such as the new password. A keyed hash of
// it and the code is kept with the code, and goes with it.
//
// Errors are those of [Store.Verify]. The right code for another step is an [ErrCode] too.
func (s *Store) Claim(ctx context.Context, purpose, principal, code, step string, lease time.Duration) (Claim, error) {
	if lease < time.Millisecond || lease > MaxLease {
		return Claim{}, fmt.Errorf("%w: code: lease is %v, want 1ms to %v", revocast.ErrInvalid, lease, MaxLease)
	}
	c := Claim{purpose: purpose, principal: principal, lease: secret.NewID()}
	var err error
	c.ID, err = s.take(ctx, request{purpose, principal, code, c.lease, step, lease})
	if err != nil {
		return Claim{}, err
	}
	return c, nil
}

// Finish uses the code up: the step is done. It does nothing where a newer code has taken
// its place, or none is left. It may be repeated.
func (s *Store) Finish(ctx context.Context, c Claim) error { return s.settle(ctx, c, "finish") }

// Release ends the claim before its time does: the same step may be tried again immediately. It
// does nothing where the claim is not in force any more.
func (s *Store) Release(ctx context.Context, c Claim) error { return s.settle(ctx, c, "release") }

// Reopen ends the claim of a step that was certainly not done: the code is good for any
// step again. It does nothing where the claim is not in force any more.
func (s *Store) Reopen(ctx context.Context, c Claim) error { return s.settle(ctx, c, "reopen") }

func (s *Store) settle(ctx context.Context, c Claim, what string) error {
	if c.ID == "" {
		return fmt.Errorf("%w: code: not a claim", revocast.ErrInvalid)
	}
	_, err := s.db.Run(ctx, settleScript, s.slot(c.purpose, c.principal), c.ID, c.lease, what)
	return err
}

// request is one call of the script. Without a lease it takes the code immediately.
type request struct {
	purpose, principal, code string
	id, step                 string
	lease                    time.Duration
}

func (s *Store) take(ctx context.Context, q request) (id string, err error) {
	if err := vet(q.purpose, q.principal); err != nil {
		return "", err
	}
	kind, code := s.o.clean(q.code)
	if kind == "" {
		return "", &Refusal{Why: Malformed}
	}
	bound := ""
	if q.lease > 0 {
		bound = s.hash("step", q.purpose, q.principal, code, q.step)
	} else {
		q.id = secret.NewID() // identifies this call when it is repeated
	}
	reply, err := s.db.Run(ctx, takeScript, s.slot(q.purpose, q.principal), s.mac(kind, q.purpose, q.principal, code),
		q.id, s.o.Attempts, s.o.Window.Milliseconds(), bound, q.lease.Milliseconds())
	if err != nil {
		return "", err
	}
	return taken(reply)
}

func taken(reply any) (id string, err error) {
	r := script.Read(reply)
	why, left, id := r.Text(), r.Int(), r.Text()
	switch {
	case r.Err != nil:
		return "", fmt.Errorf("%w: %w", revocast.ErrOutcomeUnknown, r.Err)
	case why == "claimed":
		return "", &ClaimedError{RetryAfter: time.Duration(left) * time.Millisecond}
	case why != "":
		return "", &Refusal{Why: Why(why), Left: int(left)}
	}
	return id, nil
}
