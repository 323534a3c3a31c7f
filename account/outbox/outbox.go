package outbox

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/account/internal/account"
	"github.com/revocast/revocast/internal/option"
	"github.com/revocast/revocast/internal/script"
	"github.com/revocast/revocast/internal/throttle"
	"github.com/revocast/revocast/port"
)

// ErrOwed wraps the cause when something was decided and written down, and the fleet could
// not be told yet: the outbox goes on trying. The caller's answer to the user is "not
// confirmed yet", never "done" and never "nothing happened".
var ErrOwed = errors.New("decided and written down, the fleet is not told yet")

// Publisher is the part to which an outbox hands items; a [publisher.Publisher] is one.
type Publisher interface {
	Realm() string
	RevokeBatch(context.Context, []revocast.Revocation, ...revocast.CallOption) ([]revocast.Receipt, error)
	Invalidate(context.Context, revocast.Invalidation, ...revocast.CallOption) (revocast.Receipt, error)
	Await(context.Context, revocast.Position) (revocast.Receipt, error)
}

// remember is how long the position of a committed entry is kept, so that the caller that owed it
// can wait for the confirmation although another process handed it over.
const remember = time.Minute

// Options are the settings of an [Outbox]. The zero value works.
type Options struct {
	// Every is how often [Outbox.Run] looks for what was left behind. Default 1 s.
	Every time.Duration
	// Again is how long it waits before it tries the same entry again. Default 10 s.
	Again  time.Duration
	Logger *slog.Logger // default [slog.Default]
	// Clock is this process' own, which is compared with Redis': see "Two clocks" in the package's
	// documentation. Default: the system's.
	Clock port.Clock
}

// Outbox is one realm's. It is safe for concurrent use.
type Outbox struct {
	db  account.Realm
	pub Publisher
	o   Options
	say *throttle.Log // log lines that may repeat
}

var (
	//go:embed lua/take.lua
	luaTake string
	//go:embed lua/done.lua
	luaDone string
	//go:embed lua/due.lua
	luaDue string
	//go:embed lua/later.lua
	luaLater string
	//go:embed lua/owe.lua
	luaOwe string
	//go:embed lua/count.lua
	luaCount string

	takeScript  = account.Script("outbox take", script.Reads, luaTake)
	doneScript  = account.Script("outbox done", script.Repeat, luaDone)
	dueScript   = account.Script("outbox due", script.Repeat, luaDue)
	laterScript = account.Script("outbox later", script.Repeat, luaLater)
	oweScript   = account.Growing("outbox owe", script.Repeat, luaOwe)
	countScript = account.Script("outbox count", script.Reads, luaCount)
)

// New returns the outbox of the publisher's realm. It sends nothing yet. rdb, made as
// [store.NewClient] makes one, is the client of the account stores on this outbox; else it
// fails with [revocast.ErrInvalid].
func New(rdb redis.UniversalClient, pub Publisher, o Options) (*Outbox, error) {
	if pub == nil {
		return nil, fmt.Errorf("%w: an outbox needs a publisher", revocast.ErrInvalid)
	}
	db, err := account.Open(rdb, pub.Realm(), o.Clock)
	if err != nil {
		return nil, err
	}
	if err := option.Complete("outbox.Options",
		option.Of("Every", &o.Every, time.Second), option.Of("Again", &o.Again, 10*time.Second),
	); err != nil {
		return nil, err
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	return &Outbox{db: db, pub: pub, o: o, say: throttle.New(o.Logger, nil)}, nil
}

// Realm is the realm whose fleet is told.
func (o *Outbox) Realm() string { return o.pub.Realm() }

// Redis is the client that the outbox was made with.
func (o *Outbox) Redis() redis.UniversalClient { return o.db.Client() }

// Owe writes down items under an id of the caller's choice, to be told to the fleet from five
// seconds on, or by [Outbox.Complete]. Under an id that is owed already they replace the former
// items. It fails with [revocast.ErrInvalid], and writes nothing, where a publisher would refuse
// one of them. The account stores owe in their own scripts.
func (o *Outbox) Owe(ctx context.Context, id string, items []Item) error {
	if len(items) == 0 {
		return fmt.Errorf("%w: nothing to owe under %.80q", revocast.ErrInvalid, id)
	}
	for n, i := range items {
		if err := i.check(); err != nil {
			return fmt.Errorf("item %d: %w", n, err)
		}
	}
	text, err := encode(items)
	if err != nil {
		return err
	}
	_, err = o.db.Run(ctx, oweScript, id, text)
	return err
}

// Complete hands what is owed under id to the publisher, and deletes it once it is committed. It
// returns the receipts of the revocations, then those of the invalidations. It also does so for an
// entry that another process handed over within the last minute, at the strength confirmed. No
// receipts and no error: nothing is owed, or it is over.
//
// [revocast.ErrPending] comes with receipts: committed, and ctx ended before the strength asked for
// was reached. Any other failure wraps [ErrOwed]: [Outbox.Run] goes on trying. Complete sets the
// idempotency keys itself; opts are for the strength.
func (o *Outbox) Complete(ctx context.Context, id string, opts ...revocast.CallOption) ([]revocast.Receipt, error) {
	e, err := o.take(ctx, id)
	switch {
	case err != nil:
		return nil, owed(err)
	case e.text == "":
		return o.await(ctx, e.told)
	}
	return o.tell(ctx, e, opts)
}

func owed(err error) error { return fmt.Errorf("%w: %w", ErrOwed, err) }

// entry is what is owed under an id, and where it was committed lately.
type entry struct {
	id, text string
	now      time.Time // by Redis' clock
	over     time.Time // an item that ends before this is over, by both clocks
	told     []revocast.Position
}

func (o *Outbox) take(ctx context.Context, id string) (entry, error) {
	reply, err := o.db.Run(ctx, takeScript, id)
	if err != nil {
		return entry{}, err
	}
	r := script.Read(reply)
	e := entry{id: id, now: time.UnixMilli(r.Int()), over: time.UnixMilli(r.Int()), text: r.Text()}
	for _, text := range strings.Fields(r.Text()) {
		at, err := revocast.ParsePosition(text)
		if err != nil {
			return entry{}, fmt.Errorf("%w: %w", script.ErrReply, err)
		}
		e.told = append(e.told, at)
	}
	return e, r.Err
}

// tell hands an entry over and deletes it.
func (o *Outbox) tell(ctx context.Context, e entry, opts []revocast.CallOption) ([]revocast.Receipt, error) {
	items, err := decode(e.text)
	if err != nil {
		return nil, owed(err)
	}
	h := handing{Outbox: o, id: e.id, opts: opts}
	if err := h.hand(ctx, e, items); err != nil {
		return nil, owed(err)
	}
	rest := ""
	if len(h.bad) > 0 {
		if rest, err = encode(h.bad); err != nil {
			return nil, owed(err)
		}
	}
	o.strike(ctx, e, h.receipts, rest)
	if h.why != nil {
		o.o.Logger.Error("outbox: refused, and kept for somebody to look at", "id", e.id, "error", h.why)
		return h.receipts, owed(h.why)
	}
	return h.receipts, h.pending
}

// strike deletes a told entry, even where ctx has ended: otherwise it would be told twice.
func (o *Outbox) strike(ctx context.Context, e entry, receipts []revocast.Receipt, rest string) {
	var places []string
	for _, r := range receipts {
		if !r.Position.IsZero() {
			places = append(places, r.Position.String())
		}
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	_, err := o.db.Run(ctx, doneScript, e.id, e.text, strings.Join(places, " "), remember.Milliseconds(), rest)
	if err != nil {
		o.say.Warn("strike out", "outbox: told the fleet, and could not strike it out; it will be told again", "id",
			e.id, "error", err)
	}
}

// await waits for the confirmation of an entry that another process has handed over.
func (o *Outbox) await(ctx context.Context, told []revocast.Position) ([]revocast.Receipt, error) {
	var receipts []revocast.Receipt
	var pending error
	for _, at := range told {
		receipt, err := o.pub.Await(ctx, at)
		if err != nil && !errors.Is(err, revocast.ErrPending) {
			err = fmt.Errorf("%w: %w", revocast.ErrPending, err) // committed it is
		}
		if err != nil {
			pending = err
		}
		if receipt.Position.IsZero() {
			receipt = revocast.Receipt{Position: at, Strength: revocast.Committed}
		}
		receipts = append(receipts, receipt)
	}
	return receipts, pending
}

// Pending is how many entries are owed.
func (o *Outbox) Pending(ctx context.Context) (int, error) {
	reply, err := o.db.Run(ctx, countScript)
	if err != nil {
		return 0, err
	}
	n, ok := reply.(int64)
	if !ok {
		return 0, fmt.Errorf("%w: %T", script.ErrReply, reply)
	}
	return int(n), nil
}
