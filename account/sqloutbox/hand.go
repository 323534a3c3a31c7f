package sqloutbox

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/revocast/revocast"
)

// pinAfter is when the publisher's memory of a reference is not relied on any more. It
// remembers for an hour.
const pinAfter = 30 * time.Minute

// apart is how far two clocks may be apart: a cut-off that the ledger's clock refuses, and
// is no further from the database's, only needs time.
const apart = time.Minute

// errLateLift is why the lifting of a ban is set aside.
var errLateLift = fmt.Errorf("%w: the ban may have been lifted more than %s ago, or not at all; lifting it now "+
	"might lift a later one", revocast.ErrInvalid, pinAfter)

// hand hands over the next batch, in order; more: there may be another one. The first row
// that fails ends it: nothing overtakes.
func (r *Relay) hand(ctx context.Context) (n int, more bool, err error) {
	rows, err := r.waiting(ctx)
	if err != nil || len(rows) == 0 {
		return 0, false, err
	}
	fresh := make([]int64, 0, len(rows)) // rows that are tried for the first time
	for _, x := range rows {
		if x.tried == 0 {
			fresh = append(fresh, x.id)
		}
	}
	if err := r.tried(ctx, fresh); err != nil {
		return 0, false, err
	}
	var came outcome
	err = r.handRows(ctx, rows, &came)
	if e := r.write(ctx, &came); e != nil {
		return 0, false, errors.Join(err, e)
	}
	return len(came.handed), err == nil && came.progress() > 0, err
}

func (r *Relay) handRows(ctx context.Context, rows []row, came *outcome) error {
	for i, x := range rows {
		err := r.handOne(ctx, x, came)
		if err != nil {
			came.untried = append(came.untried, untried(rows[i:], err)...)
			return err
		}
	}
	return nil
}

// untried are those rows that have certainly not been handed over when the first of them
// failed with err: the others, and it where err says so.
func untried(rows []row, err error) (ids []int64) {
	if errors.Is(err, ErrBusy) {
		return nil // the lease is lost, and somebody else may be trying them
	}
	if !nothingDone(err) {
		rows = rows[1:]
	}
	for _, x := range rows {
		if x.tried == 0 {
			ids = append(ids, x.id)
		}
	}
	return ids
}

// handOne hands over one row until it is committed. All rows behind it wait for an error to pass.
func (r *Relay) handOne(ctx context.Context, x row, came *outcome) error {
	p, err := decode(x.payload)
	// A ban that is lifted twice might be a later one, so it is made sure each time that
	// nobody else has taken over.
	if e := r.keep(ctx, p.Kind == kindUnban); e != nil {
		return e
	}
	var receipt revocast.Receipt
	if err == nil {
		receipt, err = r.tell(ctx, x, p, revocast.Committed)
	}
	switch {
	case err == nil || errors.Is(err, revocast.ErrPending):
		came.handed = append(came.handed, handed{x.id, receipt})
	case !final(err):
		return fmt.Errorf("row %d: %w", x.id, err)
	case x.over(p):
		r.say.Info("over", "sqloutbox: over before it was handed over", "row", x.id, "kind", p.Kind)
		came.deleted = append(came.deleted, x.id)
	case early(x, p, err):
		r.say.Warn("early", "sqloutbox: the cut-off may be ahead of the ledger's clock; tried again", "row", x.id,
			"error", err)
		if x.tried == 0 {
			came.untried = append(came.untried, x.id)
		}
	default:
		r.o.Logger.Error("sqloutbox: refused and set aside", "row", x.id, "kind", p.Kind, "error", err)
		came.refused = append(came.refused, refusal{x.id, err.Error()})
	}
	return nil
}

// early reports whether a row that was refused may only have to wait. Others overtake it: a
// cut-off is the same whenever it comes into force.
func early(x row, p payload, err error) bool {
	distance := p.CutOff - x.read
	return p.Kind == kindRevoke && errors.Is(err, revocast.ErrInvalid) &&
		max(distance, -distance) <= apart.Milliseconds()
}

// final reports whether a row that failed with err will fail again.
func final(err error) bool {
	return errors.Is(err, revocast.ErrInvalid) || errors.Is(err, revocast.ErrConflict)
}

// nothingDone reports whether err says for certain that nothing was committed. What is not
// known to say so does not.
func nothingDone(err error) bool {
	if errors.Is(err, revocast.ErrOutcomeUnknown) || errors.Is(err, revocast.ErrPending) {
		return false
	}
	for _, sentinel := range [...]error{
		revocast.ErrUnavailable, revocast.ErrNotRunning, revocast.ErrUninitialised, revocast.ErrRecovering,
		revocast.ErrFenced, revocast.ErrUnsuited,
	} {
		if errors.Is(err, sentinel) {
			return true
		}
	}
	return false
}

// tell calls the publisher for one row. All calls for a row in the same stage say the same
// under the same idempotency key.
func (r *Relay) tell(ctx context.Context, x row, p payload, strength revocast.Strength) (revocast.Receipt, error) {
	ctx, cancel := context.WithTimeout(ctx, r.callLimit())
	defer cancel()
	key := "sql:" + x.ref
	late := x.late()
	switch p.Kind {
	case kindRevoke:
		v, err := p.revocation()
		if err != nil {
			return revocast.Receipt{}, err
		}
		if x.pastUntil(p) && v.Scope != revocast.ScopeToken {
			// Too early for what else it covers; the ledger's terms say until when.
			key += ":lifetime"
			v.Until = time.Time{}
		}
		if x.handed || late {
			key += ":pinned"
			v.CutOff = r.pinned(x, v)
		}
		return r.pub.Revoke(ctx, v, options(key, strength)...)
	case kindBan:
		return r.pub.Ban(ctx, p.ban(), options(key, strength)...)
	case kindUnban:
		if late {
			return revocast.Receipt{}, errLateLift
		}
		return r.pub.Unban(ctx, p.ban(), options(key, strength)...)
	case kindInvalidate:
		scope, err := revocast.ParseScope(p.Scope)
		if err != nil {
			return revocast.Receipt{}, err
		}
		return r.pub.Invalidate(ctx, revocast.Invalidation{Scope: scope, ID: p.ID, Issuer: p.Issuer},
			options(key, strength)...)
	}
	return revocast.Receipt{}, fmt.Errorf("%w: payload of kind %q", revocast.ErrInvalid, p.Kind)
}

func options(key string, s revocast.Strength) []revocast.CallOption {
	return []revocast.CallOption{revocast.WithIdempotencyKey(key), revocast.WithStrength(s)}
}

// pastUntil reports whether the ledger takes the row's until for over.
func (x row) pastUntil(p payload) bool {
	until := p.Until
	if p.Kind == kindRevoke {
		until += revocast.UntilMargin.Milliseconds()
	}
	return p.Until != 0 && until <= x.read
}

// over reports whether nothing that the row covers can be accepted any more.
func (x row) over(p payload) bool {
	return x.pastUntil(p) && (p.Kind != kindRevoke || p.Scope == revocast.ScopeToken.String())
}

// late reports whether the publisher may have done the row and forgotten about it.
func (x row) late() bool {
	return x.tried != 0 && x.read-x.tried > pinAfter.Milliseconds()
}

// pinned is the cut-off of a row that was handed over before, or may have been: the one it
// was given then, or else one that cannot be before it was committed.
func (r *Relay) pinned(x row, v revocast.Revocation) time.Time {
	switch {
	case v.Scope.Outright() || !v.CutOff.IsZero():
		return v.CutOff
	case x.cutOff != 0:
		return instant(x.cutOff)
	}
	return instant(x.tried + r.o.Skew.Milliseconds())
}

func (p payload) revocation() (revocast.Revocation, error) {
	scope, err := revocast.ParseScope(p.Scope)
	return revocast.Revocation{
		Scope: scope, ID: p.ID, Issuer: p.Issuer, CutOff: instant(p.CutOff), Until: instant(p.Until),
		Except: p.Except, Cause: revocast.Cause{Reason: p.Reason, Initiator: p.Initiator},
	}, err
}

func (p payload) ban() revocast.Ban {
	return revocast.Ban{
		Principal: p.ID, Issuer: p.Issuer, From: instant(p.From), Until: instant(p.Until),
		Cause: revocast.Cause{Reason: p.Reason, Initiator: p.Initiator},
	}
}
