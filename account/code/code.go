package code

import (
	"context"
	_ "embed"
	"fmt"
	"log/slog"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/account/internal/account"
	"github.com/revocast/revocast/account/internal/secret"
	"github.com/revocast/revocast/internal/script"
)

// Code is a new code. Its text is the secret: send it, and log it nowhere. Printed or logged as a
// whole, a Code does not show it.
type Code struct {
	Text    string
	Expires time.Time // by Redis' clock
}

// String says when the code expires, and never its text.
func (c Code) String() string { return "code until " + c.Expires.UTC().Format(time.RFC3339) }

// GoString is String, for %#v.
func (c Code) GoString() string { return "code.Code{" + c.String() + "}" }

// LogValue implements [slog.LogValuer].
func (c Code) LogValue() slog.Value { return slog.StringValue(c.String()) }

// Store is one realm's. It is safe for concurrent use.
type Store struct {
	db    account.Realm
	realm string
	o     Options
}

var (
	//go:embed lua/create.lua
	luaCreate string
	//go:embed lua/take.lua
	luaTake string
	//go:embed lua/settle.lua
	luaSettle string
	//go:embed lua/discard.lua
	luaDiscard string

	createScript  = account.Growing("code create", script.Repeat, luaCreate)
	takeScript    = account.Script("code take", script.Repeat, luaTake)
	settleScript  = account.Script("code settle", script.Repeat, luaSettle)
	discardScript = account.Script("code discard", script.Repeat, luaDiscard)
)

// New returns the codes of a realm. It sends nothing yet. rdb must be made as
// [store.NewClient] makes one; else, without a key, and for options that make no sense, it
// fails with [revocast.ErrInvalid].
func New(rdb redis.UniversalClient, realm string, o Options) (*Store, error) {
	db, err := account.Open(rdb, realm, o.Clock)
	if err != nil {
		return nil, err
	}
	if err := o.complete(); err != nil {
		return nil, err
	}
	return &Store{realm: realm, db: db, o: o}, nil
}

// Realm is the realm that the codes are of.
func (s *Store) Realm() string { return s.realm }

// The kinds of codes, as they are stored.
const (
	typed = "c"
	link  = "l"
)

// Create makes a code for people to type, in place of any earlier one of this purpose and
// principal. purpose is the caller's word for what the code allows; principal is whom it is for.
// Both are 1 to [revocast.MaxID] bytes.
//
// It fails with a [*ResendError] when it is too early for another one. After
// [revocast.ErrOutcomeUnknown] a code that nobody has seen may be in place.
func (s *Store) Create(ctx context.Context, purpose, principal string) (Code, error) {
	return s.CreateFor(ctx, purpose, principal, Asker{})
}

// CreateFor is Create where the asker is known, such as by an address. [Options.Interval] and
// [Options.Sends] then count for each asker alone, so that a stranger who asks for somebody's codes
// does not keep them from getting one. All strangers together have [Options.Strangers].
func (s *Store) CreateFor(ctx context.Context, purpose, principal string, by Asker) (Code, error) {
	return s.create(ctx, typed, purpose, principal, s.o.random(), by)
}

// Asker is who asks for a code.
type Asker struct {
	// From is where they are: an address, as limits count it, or a device. A keyed hash of it is
	// kept for a Window. Empty: not known; all such askers count as one.
	From string
	// Known: the principal has succeeded from there before (limit.Limiter.Known), or it is
	// shown by a cookie. Such askers have their own allowance whatever strangers have used.
	Known bool
}

// CreateLink is Create for a link: 256 random bits as 43 characters that fit a URL. The
// link must carry the principal too, or be opened where it is known. Guesses at it are not
// counted.
func (s *Store) CreateLink(ctx context.Context, purpose, principal string) (Code, error) {
	return s.CreateLinkFor(ctx, purpose, principal, Asker{})
}

// CreateLinkFor is CreateLink where the asker is known, as in [Store.CreateFor].
func (s *Store) CreateLinkFor(ctx context.Context, purpose, principal string, by Asker) (Code, error) {
	return s.create(ctx, link, purpose, principal, secret.New(), by)
}

func (s *Store) create(ctx context.Context, kind, purpose, principal, text string, by Asker) (Code, error) {
	if err := vet(purpose, principal); err != nil {
		return Code{}, err
	}
	// The id identifies this call when it is repeated.
	reply, err := s.db.Run(ctx, createScript, s.slot(purpose, principal),
		s.mac(kind, purpose, principal, text), kind, secret.NewID(), s.o.TTL.Milliseconds(), s.o.Attempts,
		s.o.Window.Milliseconds(), s.o.Interval.Milliseconds(), s.o.Sends,
		s.asker(purpose, principal, by), by.Known, s.o.Strangers)
	if err != nil {
		return Code{}, err
	}
	r := script.Read(reply)
	made, ms := r.Flag(), r.Int()
	if r.Err != nil {
		return Code{}, fmt.Errorf("%w: %w", revocast.ErrOutcomeUnknown, r.Err)
	}
	if !made {
		return Code{}, &ResendError{RetryAfter: time.Duration(ms) * time.Millisecond}
	}
	return Code{Text: text, Expires: time.UnixMilli(ms)}, nil
}

// Verify takes the code, once: of any number of calls with the right one, one succeeds. It
// fails with [ErrCode], as a [*Refusal], for any code that is not good, and for one that
// [Store.Claim] has taken for a step ([Bound]). After [revocast.ErrOutcomeUnknown] it may have been
// taken, and a new one is needed.
//
// It may be given as people paste it: space, line breaks, dashes, other punctuation and what has
// no width are left out, digits may be those of any script and letters full-width, upper and
// lower case are the same where the alphabet has one of them, and so are 0 and O, and 1, I and L.
// Text that cannot be a code is refused without being counted.
func (s *Store) Verify(ctx context.Context, purpose, principal, code string) error {
	_, err := s.take(ctx, request{purpose: purpose, principal: principal, code: code})
	return err
}
