package scsstore

import (
	"context"
	_ "embed"
	"fmt"
	"strings"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/redis/go-redis/v9"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/account/internal/account"
	"github.com/revocast/revocast/account/internal/secret"
	"github.com/revocast/revocast/internal/option"
	"github.com/revocast/revocast/internal/script"
	"github.com/revocast/revocast/port"
	"github.com/revocast/revocast/worker"
)

// Options are the settings of a [Store]. The zero value works.
type Options struct {
	// Issuer is who vouches for the sessions (iss). Empty: the ledger's default issuer.
	Issuer string

	// Principal returns whose session it is, from its values; empty: nobody's, such as
	// before the login. Default: every session is nobody's. Renew the token at login, as
	// scs asks you to: cut-offs are compared with when the token was first stored.
	Principal func(values map[string]any) string

	// Codec is the session manager's. Default [scs.GobCodec].
	Codec scs.Codec

	// Policy says what to do when the worker has no lease. Default [worker.Ask].
	Policy worker.Policy
	// CacheTTL is the longest that a session's data is cached. Default 5 min.
	CacheTTL time.Duration
	// Clock is this process' own, which is held against Redis'. Default: the system's.
	Clock port.Clock
	// Timeout bounds calls of scs that come without a context. Default 5 s.
	Timeout time.Duration
}

// Ender tells the fleet what a script has written down, as an outbox.Outbox does.
type Ender interface {
	// Realm and Redis are the realm and the client of the store's own scripts, too: what
	// they write down is told by this outbox.
	Realm() string
	Redis() redis.UniversalClient
	Complete(ctx context.Context, id string, opts ...revocast.CallOption) ([]revocast.Receipt, error)
}

// Store implements [scs.CtxStore] and [scs.IterableCtxStore].
type Store struct {
	db    account.Realm
	ender Ender
	guard *worker.Guard
	o     Options
}

var (
	_ scs.CtxStore         = (*Store)(nil)
	_ scs.IterableStore    = (*Store)(nil)
	_ scs.IterableCtxStore = (*Store)(nil)
)

var (
	//go:embed lua/scs.lua
	luaSCS string
	//go:embed lua/commit.lua
	luaCommit string
	//go:embed lua/find.lua
	luaFind string
	//go:embed lua/delete.lua
	luaDelete string
	//go:embed lua/all.lua
	luaAll string

	commitScript = account.Growing("scs commit", script.Repeat, luaSCS, luaCommit)
	findScript   = account.Script("scs find", script.Reads, luaSCS, luaFind)
	deleteScript = account.Script("scs delete", script.Repeat, luaSCS, luaDelete)
	allScript    = account.Script("scs all", script.Reads, luaSCS, luaAll)
)

// New returns the store of the outbox's realm, in the outbox's Redis. It sends nothing yet. sub
// is the worker's own. It fails with [revocast.ErrInvalid], also for a worker of another realm.
func New(sub *worker.Subscriber, ender Ender, o Options) (*Store, error) {
	if sub == nil || ender == nil {
		return nil, fmt.Errorf("%w: scs sessions need a subscriber and an outbox", revocast.ErrInvalid)
	}
	if a, b := ender.Realm(), sub.Realm(); a != b {
		return nil, fmt.Errorf("%w: the outbox is of realm %.80q and the worker of %.80q", revocast.ErrInvalid, a, b)
	}
	db, err := account.Open(ender.Redis(), ender.Realm(), o.Clock)
	if err != nil {
		return nil, err
	}
	if o.Codec == nil {
		o.Codec = scs.GobCodec{}
	}
	if err := option.Complete("scsstore.Options",
		option.Of("CacheTTL", &o.CacheTTL, 5*time.Minute), option.Of("Timeout", &o.Timeout, 5*time.Second),
	); err != nil {
		return nil, err
	}
	s := &Store{db: db, ender: ender, o: o}
	s.guard, err = worker.NewGuard(sub, nil,
		worker.GuardOptions{LoadSession: s.load, SessionTTL: o.CacheTTL, Policy: o.Policy})
	if err != nil {
		return nil, err
	}
	return s, nil
}

// run runs a script and returns its answer after the word that it starts with.
func (s *Store) run(ctx context.Context, sc *script.Script, args ...any) (word string, r *script.Reader, err error) {
	reply, err := s.db.Run(ctx, sc, args...)
	if err != nil {
		return "", nil, err
	}
	r = script.Read(reply)
	word = r.Text()
	return word, r, r.Err
}

// handle is what [Store.AllCtx] has in place of a token, which nobody knows. It can be
// changed and deleted, and is no token: nobody gets a session by it.
const handle = "scs-hash:"

// SessionID is the sid under which the session of a token is revoked, 32 hexadecimal
// digits; it tells nothing about the token.
func SessionID(token string) string { return secret.Hash(token)[:sidLen] }

const sidLen = 32

// hashOf is the hash of a token or handle; false: it is neither.
func hashOf(token string) (string, bool) {
	if hash, ok := strings.CutPrefix(token, handle); ok {
		return hash, len(hash) == 64
	}
	return secret.Hash(token), secret.Looks(token)
}
