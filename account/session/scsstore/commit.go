package scsstore

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/account/internal/secret"
	"github.com/revocast/revocast/internal/script"
)

// errToken: scs gave its own token, and this is none.
var errToken = fmt.Errorf("%w: not a session token of scs", revocast.ErrInvalid)

// Commit is CommitCtx without a context.
func (s *Store) Commit(token string, b []byte, expiry time.Time) error {
	ctx, cancel := context.WithTimeout(context.Background(), s.o.Timeout)
	defer cancel()
	return s.CommitCtx(ctx, token, b, expiry)
}

// CommitCtx implements [scs.CtxStore]. Where it changes the data, no worker goes on with
// the old one once it returns nil, unless ctx ended first; then they drop it a moment
// later. A session that was deleted meanwhile stays so, without an error.
func (s *Store) CommitCtx(ctx context.Context, token string, b []byte, expiry time.Time) error {
	hash, ok := hashOf(token)
	if !ok {
		return errToken
	}
	left := time.Until(expiry).Milliseconds()
	if left <= 0 {
		return s.DeleteCtx(ctx, token)
	}
	err := s.tell(ctx, commitScript, hash, left, b, secret.NewID(), s.known(ctx, token, b), s.o.Issuer, hash[:sidLen])
	if errors.Is(err, revocast.ErrPending) {
		return nil // stored, and on its way to everybody
	}
	return err
}

// known returns the version at which this worker has the same data in its cache, empty if
// it has not. Encoded data cannot be compared as it is: a map has no order.
func (s *Store) known(ctx context.Context, token string, b []byte) string {
	if !secret.Looks(token) {
		return ""
	}
	claims, v := s.guard.CheckSession(ctx, token)
	if v.Outcome != revocast.Allowed {
		return ""
	}
	k, _ := claims.Extra[keptName].(kept)
	deadline, values, err := s.o.Codec.Decode(b)
	if err != nil {
		return ""
	}
	before, had, err := s.o.Codec.Decode(k.data)
	if err != nil || !before.Equal(deadline) || !reflect.DeepEqual(had, values) {
		return ""
	}
	return k.version
}

// Delete is DeleteCtx without a context.
func (s *Store) Delete(token string) error {
	ctx, cancel := context.WithTimeout(context.Background(), s.o.Timeout)
	defer cancel()
	return s.DeleteCtx(ctx, token)
}

// DeleteCtx implements [scs.CtxStore]: once it returns nil, no worker accepts the session.
// What is not a token is nothing to delete.
func (s *Store) DeleteCtx(ctx context.Context, token string) error {
	hash, ok := hashOf(token)
	if !ok {
		return nil
	}
	return s.tell(ctx, deleteScript, hash, hash[:sidLen], secret.NewID(), s.o.Issuer)
}

// tell runs a script, and hands what it wrote down to the fleet.
func (s *Store) tell(ctx context.Context, sc *script.Script, args ...any) error {
	_, r, err := s.run(ctx, sc, args...)
	if err != nil {
		return err
	}
	id := r.Text()
	if r.Err != nil || id == "" {
		return r.Err
	}
	_, err = s.ender.Complete(ctx, id)
	return err
}
