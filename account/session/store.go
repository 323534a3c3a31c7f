package session

import (
	"context"
	"fmt"

	"github.com/redis/go-redis/v9"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/account/internal/account"
)

// The errors of this package. Those of package revocast come beside them.
var (
	// ErrNotFound: there is no such session, or not any more. It is also
	// [revocast.ErrNotFound], which the guard answers with Invalid.
	ErrNotFound = fmt.Errorf("%w: no such session", revocast.ErrNotFound)

	// ErrVersion: the session was changed since it was read; read it again. Nothing was
	// done. It is also [revocast.ErrConflict].
	ErrVersion = fmt.Errorf("%w: the session has changed", revocast.ErrConflict)

	// ErrExists: the id that the caller chose is taken, or is that of a session that was
	// ended and stays revoked. Nothing was done. It is also [revocast.ErrConflict].
	ErrExists = fmt.Errorf("%w: the session id is taken", revocast.ErrConflict)

	// ErrCutOff: since the user authenticated, the principal was logged out everywhere, as
	// after a change of password: they have to authenticate again. Nothing was done. It is
	// also [revocast.ErrConflict].
	ErrCutOff = fmt.Errorf("%w: the principal was logged out everywhere meanwhile", revocast.ErrConflict)
)

// Ender tells the fleet what a script has written down, as an outbox.Outbox does.
type Ender interface {
	// Realm and Redis are the realm and the client of the store's own scripts, too: what
	// they write down is told by this outbox.
	Realm() string
	Redis() redis.UniversalClient
	Complete(ctx context.Context, id string, opts ...revocast.CallOption) ([]revocast.Receipt, error)
}

// Store keeps the sessions of one realm and issuer. It is safe for concurrent use.
type Store struct {
	db    account.Realm
	realm string
	ender Ender
	o     Options

	reason, initiator string // empty: as each call has it
}

// New returns the store of the sessions of the outbox's realm, in the outbox's Redis. It sends
// nothing yet. It fails with [revocast.ErrInvalid].
func New(ender Ender, o Options) (*Store, error) {
	if ender == nil {
		return nil, fmt.Errorf("%w: sessions need an outbox", revocast.ErrInvalid)
	}
	realm := ender.Realm()
	db, err := account.Open(ender.Redis(), realm, o.Clock)
	if err != nil {
		return nil, err
	}
	if o, err = o.normal(); err != nil {
		return nil, err
	}
	return &Store{realm: realm, db: db, ender: ender, o: o}, nil
}

// Because returns the same store, with another reason and initiator for the sessions that it ends.
// Both are in the ledger's log and in events, so use no personal data. Default: "logout" by "user",
// and for what a login or a rotation ends "replaced" by "policy". At most [revocast.MaxReason]
// bytes each, else the calls fail with [revocast.ErrInvalid].
func (s *Store) Because(reason, initiator string) *Store {
	b := *s
	b.reason, b.initiator = reason, initiator
	return &b
}

// why returns the words of [Store.Because], or the call's own where none were given.
func (s *Store) why(reason, initiator string) (string, string, error) {
	if s.reason != "" {
		reason = s.reason
	}
	if s.initiator != "" {
		initiator = s.initiator
	}
	if err := words("reason", reason, revocast.MaxReason); err != nil {
		return "", "", err
	}
	return reason, initiator, words("initiator", initiator, revocast.MaxReason)
}

// The words where none are given.
const (
	logout, byUser     = "logout", "user"
	replaced, byPolicy = "replaced", "policy"
)

// tell hands what a script wrote down under id to the fleet; an empty id stands for nothing.
func (s *Store) tell(ctx context.Context, id string, opts []revocast.CallOption) ([]revocast.Receipt, error) {
	if id == "" {
		return nil, nil
	}
	return s.ender.Complete(ctx, id, opts...)
}

// sessionKey and principalKey are the only names under which anything is kept or found.
func (s *Store) sessionKey(sid string) string {
	return revocast.KeyOf(s.realm, revocast.ScopeSession, s.o.Issuer, sid).String()
}

func (s *Store) principalKey(principal string) string {
	return revocast.KeyOf(s.realm, revocast.ScopePrincipal, s.o.Issuer, principal).String()
}
