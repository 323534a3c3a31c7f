package refresh

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/revocast/revocast"
)

// Rotate exchanges a token for its successor, in one step: there is never more than one.
// Within [Options.Grace] the immediate predecessor of the latest token yields that one
// again.
//
// Any other token that the family has had is theft. The same step ends the family and writes down
// that its session is revoked, and the call tells the fleet, to the strength that opts say and
// while ctx lasts, and returns a [*ReuseError]. It does so once, whatever is replayed and however
// often; all else is [ErrEnded]. A caller that gets a ReuseError may want to warn the user.
//
// What counts is when the token was presented: where it was good then, and was rotated by
// others for longer than the grace while [Options.Check] was asked, it yields its successor
// still, and is [ErrRotated], without an alarm, where that has been rotated too. With
// [NoGrace] it is theft.
//
// It returns [ErrMismatch], [ErrEnded] or [ErrNotFound] for what is not good, and an error
// that wraps [revocast.ErrUnknown], [revocast.ErrUnavailable] or
// [revocast.ErrOutcomeUnknown] where it could not be established: the client keeps the token
// and tries again, within the grace if it was rotated after all.
func (s *Store) Rotate(ctx context.Context, token string, want Expect, opts ...revocast.CallOption) (Token, error) {
	t, ok := parse(s.mints, token)
	if !ok {
		return Token{}, ErrNotFound
	}
	if s.o.Check == nil {
		return s.rotate(ctx, t, want, move{}, opts)
	}
	// What was used twice is ended whatever the ledger says of it.
	_, err := s.find(ctx, t, want, opts)
	if err != nil && !errors.Is(err, ErrRotated) {
		return Token{}, err
	}
	return s.rotate(ctx, t, want, move{seen: err == nil}, opts)
}

// move is what else a rotation does. The zero value is nothing.
type move struct {
	tenant, body string // where it takes the family: the tenant's key, and the body that it has there
	// seen: the token was good when this call looked it up. Another tab may have rotated it
	// while a slow ledger was asked, and more than a grace ago: that is no theft.
	seen bool
}

func (s *Store) rotate(ctx context.Context, t serial, want Expect, m move, opts []revocast.CallOption) (Token, error) {
	nonce := newNonce()
	next := s.mints[0].next(t, nonce)
	args := []any{t.id(), t.number, t.hash(), nonce, next.hash(), s.o.Grace.Milliseconds(), s.o.Idle.Milliseconds()}
	args = append(s.wanted(args, want), s.o.Issuer, m.seen)
	if m.body != "" {
		args = append(args, m.tenant, m.body)
	}
	a, err := s.answer(s.db.Run(ctx, rotateScript, args...))
	switch {
	case err != nil:
		return Token{}, err
	case a.status == "reused":
		return Token{}, s.stolen(ctx, a, opts)
	case a.status != "ok":
		return Token{}, s.refuse(ctx, a, opts)
	case a.first == nonce:
		return Token{Text: s.mints[0].text(next), Family: a.family}, nil
	}
	text, ok := successor(s.mints, t, a.first, a.second)
	if !ok {
		return Token{}, fmt.Errorf("%w: the successor was made under a key that this process does not have",
			revocast.ErrUnavailable)
	}
	return Token{Text: text, Family: a.family, Again: true}, nil
}

// stolen tells the fleet of a token that was used twice.
func (s *Store) stolen(ctx context.Context, a answer, opts []revocast.CallOption) error {
	receipts, err := s.tell(ctx, a.first, opts)
	return &ReuseError{Family: a.family, Receipts: receipts, Err: err}
}

// refuse makes an error of an answer that is not good. What was ended and is still owed to
// the fleet, since the call that ended it failed, is told now.
func (s *Store) refuse(ctx context.Context, a answer, opts []revocast.CallOption) error {
	switch a.status {
	case "gone":
		return ErrNotFound
	case "other":
		return ErrMismatch
	case "rotated":
		return ErrRotated
	case "ended":
		if _, err := s.tell(ctx, a.second, opts); err != nil {
			return fmt.Errorf("%w: %s: %w", ErrEnded, a.first, err)
		}
		return fmt.Errorf("%w: %s", ErrEnded, a.first)
	}
	return unexpected(a)
}

// tell tells the fleet what is owed under id; empty: nothing. A thief may present a stolen token
// and hang up immediately. That must not delay this.
func (s *Store) tell(ctx context.Context, id string, opts []revocast.CallOption) ([]revocast.Receipt, error) {
	if id == "" {
		return nil, nil
	}
	receipts, err := s.ender.Complete(ctx, id, opts...)
	if err == nil || ctx.Err() == nil || errors.Is(err, revocast.ErrPending) {
		return receipts, err
	}
	late, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	return s.ender.Complete(late, id,
		append(append([]revocast.CallOption{}, opts...), revocast.WithStrength(revocast.Committed))...)
}
