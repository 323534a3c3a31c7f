package revocasttest

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/revocast/revocast"
)

// Recorder is a publisher without a fleet: it writes down what it is told, and says that it is
// confirmed. It can be given to the account stores and to what else takes a publisher's methods. Make
// it with [NewRecorder]. It is safe for concurrent use.
type Recorder struct {
	realm string

	mu            sync.Mutex // guards all below
	failures      []error    // of the next calls
	fails         error      // of all others
	revision      uint64
	revocations   []revocast.Revocation
	invalidations []revocast.Invalidation
	bans          []revocast.Ban
	lifted        []revocast.Ban
	awaited       []revocast.Position
}

// NewRecorder returns a recorder that says that it is a publisher of a realm.
func NewRecorder(realm string) *Recorder { return &Recorder{realm: realm} }

// Realm returns the realm's name.
func (r *Recorder) Realm() string { return r.realm }

// Fail has all calls return err until it is told otherwise; nil: none. A call that fails does
// nothing, but for [revocast.ErrPending], which says that it was committed.
func (r *Recorder) Fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fails = err
}

// FailNext has the next calls return these, one each; nil: that one succeeds.
func (r *Recorder) FailNext(errs ...error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failures = append(r.failures, errs...)
}

// receiptLocked is the answer to one call.
func (r *Recorder) receiptLocked() (revocast.Receipt, error) {
	err := r.fails
	if len(r.failures) > 0 {
		err, r.failures = r.failures[0], r.failures[1:]
	}
	switch {
	case err == nil:
		r.revision++
		return revocast.Receipt{Position: r.positionLocked(), Strength: revocast.Confirmed}, nil
	case errors.Is(err, revocast.ErrPending):
		r.revision++
		return revocast.Receipt{Position: r.positionLocked(), Strength: revocast.Durable}, err
	default:
		return revocast.Receipt{}, err
	}
}

func (r *Recorder) positionLocked() revocast.Position {
	return revocast.Position{Epoch: 1, Rev: r.revision}
}

// committed reports whether an answer means that the call was written down.
func committed(err error) bool { return err == nil || errors.Is(err, revocast.ErrPending) }

// Revoke records a revocation.
func (r *Recorder) Revoke(ctx context.Context, rev revocast.Revocation, opts ...revocast.CallOption) (revocast.Receipt,
	error,
) {
	receipts, err := r.RevokeBatch(ctx, []revocast.Revocation{rev}, opts...)
	if len(receipts) == 0 {
		return revocast.Receipt{}, err
	}
	return receipts[0], err
}

// RevokeBatch records revocations.
func (r *Recorder) RevokeBatch(_ context.Context, revs []revocast.Revocation, _ ...revocast.CallOption) (
	[]revocast.Receipt, error,
) {
	r.mu.Lock()
	defer r.mu.Unlock()
	receipt, err := r.receiptLocked()
	if !committed(err) {
		return nil, err
	}
	receipts := make([]revocast.Receipt, len(revs))
	for i := range revs {
		receipts[i] = receipt
	}
	r.revocations = append(r.revocations, revs...)
	return receipts, err
}

// Invalidate records an invalidation.
func (r *Recorder) Invalidate(_ context.Context, i revocast.Invalidation, _ ...revocast.CallOption) (revocast.Receipt,
	error,
) {
	return record(r, &r.invalidations, i)
}

// Ban records a ban.
func (r *Recorder) Ban(_ context.Context, b revocast.Ban, _ ...revocast.CallOption) (revocast.Receipt, error) {
	return record(r, &r.bans, b)
}

// Unban records that a ban was lifted.
func (r *Recorder) Unban(_ context.Context, b revocast.Ban, _ ...revocast.CallOption) (revocast.Receipt, error) {
	return record(r, &r.lifted, b)
}

func record[T any](r *Recorder, all *[]T, v T) (revocast.Receipt, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	receipt, err := r.receiptLocked()
	if committed(err) {
		*all = append(*all, v)
	}
	return receipt, err
}

// Standing finds nothing that stands against anything: a recorder keeps no state.
func (r *Recorder) Standing(context.Context, revocast.Scope, string, string) (revocast.State, error) {
	return revocast.State{}, revocast.ErrNotFound
}

// Await records what was waited for. It is confirmed.
func (r *Recorder) Await(_ context.Context, at revocast.Position) (revocast.Receipt, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.awaited = append(r.awaited, at)
	if len(r.failures) > 0 {
		err := r.failures[0]
		r.failures = r.failures[1:]
		return revocast.Receipt{Position: at, Strength: revocast.Durable}, err
	}
	if r.fails != nil {
		return revocast.Receipt{Position: at, Strength: revocast.Durable}, r.fails
	}
	return revocast.Receipt{Position: at, Strength: revocast.Confirmed}, nil
}

// Revocations returns what was revoked, in order.
func (r *Recorder) Revocations() []revocast.Revocation { return read(r, &r.revocations) }

// Take returns what was revoked since it was called last, in order, and forgets it.
func (r *Recorder) Take() []revocast.Revocation {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := r.revocations
	r.revocations = nil
	return all
}

// Invalidations returns what was invalidated, in order.
func (r *Recorder) Invalidations() []revocast.Invalidation { return read(r, &r.invalidations) }

// Bans returns the bans that were made, in order.
func (r *Recorder) Bans() []revocast.Ban { return read(r, &r.bans) }

// Lifted returns the bans that were lifted, in order.
func (r *Recorder) Lifted() []revocast.Ban { return read(r, &r.lifted) }

// Awaited returns the positions that were waited for, in order.
func (r *Recorder) Awaited() []revocast.Position { return read(r, &r.awaited) }

func read[T any](r *Recorder, all *[]T) []T {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(*all)
}
