package outbox

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/store/internal/account"
	"github.com/revocast/revocast/store/internal/script"
)

// ErrOwed wraps the cause when something was decided and written down, and the fleet could
// not be told yet: the outbox goes on trying. The caller's answer to the user is "not
// confirmed yet", never "done" and never "nothing happened".
var ErrOwed = errors.New("decided and written down, the fleet is not told yet")

// Publisher is what an outbox hands things to; a [revocast.Publisher] is one.
type Publisher interface {
	RevokeBatch(context.Context, []revocast.Revocation, ...revocast.CallOption) ([]revocast.Receipt, error)
	Invalidate(context.Context, revocast.Invalidation, ...revocast.CallOption) (revocast.Receipt, error)
}

// Options are the settings of an [Outbox]. The zero value works.
type Options struct {
	// Every is how often [Outbox.Run] looks for what was left behind. Default 1 s.
	Every time.Duration
	// Again is how long it leaves something alone that it has tried. Default 10 s.
	Again  time.Duration
	Logger *slog.Logger // nil: none
}

// Outbox is one realm's. It is safe for concurrent use.
type Outbox struct {
	rdb  redis.UniversalClient
	keys []string
	pub  Publisher
	o    Options
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

// New returns the outbox of a realm. It sends nothing yet. rdb must be the client of the
// account stores, made as [store.NewClient] makes one; else it fails with
// [revocast.ErrInvalid].
func New(rdb redis.UniversalClient, realm string, pub Publisher, o Options) (*Outbox, error) {
	keys, err := account.Keys(rdb, realm)
	if err != nil {
		return nil, err
	}
	if pub == nil {
		return nil, fmt.Errorf("%w: an outbox needs a publisher", revocast.ErrInvalid)
	}
	if o.Every <= 0 {
		o.Every = time.Second
	}
	if o.Again <= 0 {
		o.Again = 10 * time.Second
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return &Outbox{rdb: rdb, keys: keys, pub: pub, o: o}, nil
}

// Owe writes down items under an id of the caller's choice, to be told to the fleet from
// five seconds on, or by [Outbox.Complete]. The account stores do this in their scripts.
func (o *Outbox) Owe(ctx context.Context, id string, items []Item) error {
	text, err := json.Marshal(items)
	if err != nil {
		return fmt.Errorf("outbox: %w", err)
	}
	if _, _, err := decode(string(text)); err != nil {
		return err
	}
	_, err = oweScript.Run(ctx, o.rdb, o.keys, id, text)
	return err
}

// Complete hands what is owed under id to the publisher, and strikes it out once it is
// committed. It returns the receipts of the revocations, then those of the invalidations;
// none if nothing is owed any more.
//
// [revocast.ErrPending] comes with receipts: committed, and ctx ended before the strength
// asked for was reached. Any other failure wraps [ErrOwed]: [Outbox.Run] goes on trying.
// What every call says of idempotency is set here; opts are for the strength.
func (o *Outbox) Complete(ctx context.Context, id string, opts ...revocast.CallOption) ([]revocast.Receipt, error) {
	reply, err := takeScript.Run(ctx, o.rdb, o.keys, id)
	if err != nil {
		return nil, owed(err)
	}
	text, _ := reply.(string)
	if text == "" {
		return nil, nil
	}
	receipts, err := o.hand(ctx, id, text, opts)
	if err != nil && !errors.Is(err, revocast.ErrPending) {
		return nil, owed(err)
	}
	// Where ctx has ended the entry is struck out all the same, or it would be told twice.
	done, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if _, e := doneScript.Run(done, o.rdb, o.keys, id); e != nil {
		o.o.Logger.Warn("outbox: told the fleet, and could not strike it out; it will be told again", "id", id, "error", e)
	}
	return receipts, err
}

func owed(err error) error { return fmt.Errorf("%w: %w", ErrOwed, err) }

// hand tells the publisher. A pending answer is as good as any for the outbox: it is
// committed.
func (o *Outbox) hand(ctx context.Context, id, text string, opts []revocast.CallOption) ([]revocast.Receipt, error) {
	revoke, invalidate, err := decode(text)
	if err != nil {
		return nil, err
	}
	var all []revocast.Receipt
	var pending error
	for n := 0; len(revoke) > 0; n++ {
		part := revoke[:min(len(revoke), revocast.MaxBatch)]
		revoke = revoke[len(part):]
		receipts, err := o.pub.RevokeBatch(ctx, part, with(opts, id, "r", n)...)
		if all = append(all, receipts...); err != nil {
			if !errors.Is(err, revocast.ErrPending) {
				return nil, err
			}
			pending = err
		}
	}
	for n, i := range invalidate {
		receipt, err := o.pub.Invalidate(ctx, i, with(opts, id, "i", n)...)
		if err != nil && !errors.Is(err, revocast.ErrPending) {
			return nil, err
		}
		if all = append(all, receipt); err != nil {
			pending = err
		}
	}
	return all, pending
}

// with adds the idempotency key: whoever tells the same thing uses the same.
func with(opts []revocast.CallOption, id, kind string, n int) []revocast.CallOption {
	key := revocast.WithIdempotencyKey(fmt.Sprintf("outbox:%s:%s%d", id, kind, n))
	return append(append([]revocast.CallOption{}, opts...), key)
}

// Pending is how many entries are owed.
func (o *Outbox) Pending(ctx context.Context) (int, error) {
	reply, err := countScript.Run(ctx, o.rdb, o.keys)
	if err != nil {
		return 0, err
	}
	n, ok := reply.(int64)
	if !ok {
		return 0, fmt.Errorf("%w: %T", script.ErrReply, reply)
	}
	return int(n), nil
}
