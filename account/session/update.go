package session

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/account/internal/secret"
)

// attempts is how often Modify tries against writers that come in between.
const attempts = 32

// Changed is a session whose data was written.
type Changed struct {
	Session
	Receipts []revocast.Receipt // of what caches were told
}

// Update replaces a session's own data, provided that it still has the version that it was read at;
// else it fails with [ErrVersion], and what somebody else wrote stands. Caches are told to load it
// again: once the call returns without error, no worker goes on with the old data. It fails with
// [ErrNotFound] if the session is gone, and never brings it back.
//
// With an outbox.ErrOwed or [revocast.ErrPending] the data is written.
func (s *Store) Update(ctx context.Context, sid string, version uint64, data map[string]string,
	opts ...revocast.CallOption,
) (Changed, error) {
	if err := own(data); err != nil {
		return Changed{}, err
	}
	return s.update(ctx, sid, fmt.Sprint(version), "all", data, opts)
}

// SetField sets one field of a session's own data, whatever else is changed at the same
// time. Otherwise it is as [Store.Update].
func (s *Store) SetField(ctx context.Context, sid, field, value string,
	opts ...revocast.CallOption,
) (Changed, error) {
	one := map[string]string{field: value}
	if err := own(one); err != nil {
		return Changed{}, err
	}
	return s.update(ctx, sid, "", "one", one, opts)
}

func (s *Store) update(ctx context.Context, sid, version, mode string, data map[string]string,
	opts []revocast.CallOption,
) (Changed, error) {
	args := []any{s.sessionKey(sid), version, secret.NewID(), MaxFields, MaxData, s.o.Issuer, mode}
	for field, value := range data {
		args = append(args, field, value)
	}
	f, err := s.run(ctx, updateScript, args...)
	if err != nil {
		return Changed{}, err
	}
	receipts, err := s.tell(ctx, f.owed, opts)
	return Changed{f.Session, receipts}, err
}

// Modify reads a session's own data, has change change it, and writes it; if somebody else
// wrote in between it starts over, so change may be called several times. An error of
// change ends it and is returned. Otherwise it is as [Store.Update].
func (s *Store) Modify(ctx context.Context, sid string, change func(data map[string]string) error,
	opts ...revocast.CallOption,
) (Changed, error) {
	for attempt := 1; ; attempt++ {
		read, err := s.Peek(ctx, sid)
		if err != nil {
			return Changed{}, err
		}
		data := maps.Clone(read.Data)
		if data == nil {
			data = map[string]string{}
		}
		if err := change(data); err != nil {
			return Changed{}, err
		}
		written, err := s.Update(ctx, sid, read.Version, data, opts...)
		if !errors.Is(err, ErrVersion) || attempt == attempts {
			return written, err
		}
		// Others change the session too. The longer one has tried, the more room it leaves them.
		select {
		case <-time.After(rand.N(time.Duration(attempt) * time.Millisecond)):
		case <-ctx.Done():
			return Changed{}, err
		}
	}
}

// Extend lets a session live for d from now without being used, if that is longer than it
// would have anyhow, but never beyond its absolute end. It fails with [ErrNotFound].
func (s *Store) Extend(ctx context.Context, sid string, d time.Duration) (Session, error) {
	if d <= 0 {
		return Session{}, fmt.Errorf("%w: extend by %s", revocast.ErrInvalid, d)
	}
	f, err := s.run(ctx, extendScript, s.sessionKey(sid), d.Milliseconds())
	return f.Session, err
}

// Rotate gives a session a new token in place of token, which dies immediately in every worker: do
// so whenever the user's privileges change, so that a token that somebody planted or saw before is
// worth nothing after (session fixation). Session, sid and data stay.
//
// It fails with [ErrNotFound] if token is not the session's any more. With an
// outbox.ErrOwed or [revocast.ErrPending] the new token is good, but a worker may accept
// the old one for as long as it trusts its memory. After [revocast.ErrOutcomeUnknown]
// neither may be good: the user logs in again.
func (s *Store) Rotate(ctx context.Context, token string,
	opts ...revocast.CallOption,
) (Issued, error) {
	old, ok := hashOf(token)
	if !ok {
		return Issued{}, ErrNotFound
	}
	reason, initiator, err := s.why(replaced, byPolicy)
	if err != nil {
		return Issued{}, err
	}
	next := secret.New()
	f, err := s.run(ctx, rotateScript, old, secret.Hash(next), s.o.Idle.Milliseconds(), s.o.Issuer, reason, initiator)
	if err != nil {
		return Issued{}, err
	}
	receipts, err := s.tell(ctx, f.owed, opts)
	return Issued{f.Session, next, receipts}, err
}
