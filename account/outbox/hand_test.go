package outbox_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/account/outbox"
	"github.com/revocast/revocast/store/storetest"
)

func called(id string) outbox.Item { return outbox.Item{Scope: "session", ID: id} }

// kept: the ledger commits all or none, so one item that it refuses would keep back the
// others for ever.
func kept(t *testing.T, b storetest.Backend) {
	p := &recorder{fussy: true}
	o := open(t, b.Client, rand.Text(), p)
	ctx := within(t, 20*time.Second)
	must(t, o.Owe(ctx, "a", []outbox.Item{called("s1"), called("bad"), called("s2")}))
	receipts, err := o.Complete(ctx, "a")
	if !errors.Is(err, outbox.ErrOwed) || !errors.Is(err, revocast.ErrInvalid) || len(receipts) != 2 {
		t.Errorf("%d receipts, %v; want those of two, and ErrOwed", len(receipts), err)
	}
	if n, _ := p.told(); n != 2 {
		t.Errorf("told of %d", n)
	}
	wantPending(t, o, 1)
	p.mu.Lock()
	p.fussy = false // somebody has seen to it
	p.mu.Unlock()
	if receipts, err := o.Complete(ctx, "a"); err != nil || len(receipts) != 1 {
		t.Errorf("the one that was kept: %d receipts, %v", len(receipts), err)
	}
	if p.revoked[2].ID != "bad" || len(p.revoked) != 3 {
		t.Errorf("told of %+v", p.revoked)
	}
	wantPending(t, o, 0)
}

// over: a revocation that nothing needs any more, such as of a token that has expired
// meanwhile, would be refused, and everything with it.
func over(t *testing.T, b storetest.Backend) {
	p := &recorder{}
	o := open(t, b.Client, rand.Text(), p)
	ctx := within(t, 20*time.Second)
	past := outbox.Item{Scope: "token", ID: "past", Until: "1700000000123"}
	must(t, o.Owe(ctx, "a", []outbox.Item{past, called("s1")}))
	if receipts, err := o.Complete(ctx, "a"); err != nil || len(receipts) != 1 || p.revoked[0].ID != "s1" {
		t.Errorf("%d receipts, %v; told of %+v", len(receipts), err, p.revoked)
	}
	must(t, o.Owe(ctx, "b", []outbox.Item{past}))
	if receipts, err := o.Complete(ctx, "b"); err != nil || len(receipts) != 0 {
		t.Errorf("%d receipts, %v", len(receipts), err)
	}
	wantPending(t, o, 0)
}

// stillAccepted: what a verifier's leeway may still accept is told; and of what is more than one
// token nobody knows that it is over, so that is told without its until.
func stillAccepted(t *testing.T, b storetest.Backend) {
	p := &recorder{}
	o := open(t, b.Client, rand.Text(), p)
	ctx := within(t, 20*time.Second)
	now, err := b.Client.Time(ctx).Result()
	must(t, err)
	expired := outbox.Item{Scope: "token", ID: "jti", Until: fmt.Sprint(now.Add(-time.Minute).UnixMilli())}
	early := called("s1")
	early.Until = fmt.Sprint(now.Add(-time.Hour).UnixMilli())
	must(t, o.Owe(ctx, "a", []outbox.Item{expired, early}))
	_, err = o.Complete(ctx, "a")
	must(t, err)
	if len(p.revoked) != 2 || p.revoked[0].Until.UnixMilli() != now.Add(-time.Minute).UnixMilli() ||
		!p.revoked[1].Until.IsZero() {
		t.Errorf("told of %+v", p.revoked)
	}
}

// replacing owes something else under the same id while the first is being told.
type replacing struct {
	recorder
	owe func()
}

func (r *replacing) RevokeBatch(ctx context.Context, rs []revocast.Revocation,
	opts ...revocast.CallOption,
) ([]revocast.Receipt, error) {
	r.owe()
	return r.recorder.RevokeBatch(ctx, rs, opts...)
}

func meanwhile(t *testing.T, b storetest.Backend) {
	p := &replacing{owe: func() {}}
	o := open(t, b.Client, rand.Text(), p)
	ctx := within(t, 20*time.Second)
	must(t, o.Owe(ctx, "a", []outbox.Item{called("first")}))
	p.owe = func() { must(t, o.Owe(ctx, "a", []outbox.Item{called("second")})) }
	_, err := o.Complete(ctx, "a")
	must(t, err)
	wantPending(t, o, 1)
	p.owe = func() {}
	_, err = o.Complete(ctx, "a")
	must(t, err)
	if n, _ := p.told(); n != 2 || p.revoked[1].ID != "second" {
		t.Errorf("told of %+v", p.revoked)
	}
	wantPending(t, o, 0)
}

// setBack: a cut-off that is ahead of the ledger's clock is refused, and only for so long.
func setBack(t *testing.T, b storetest.Backend) {
	p := &recorder{}
	realm := rand.Text()
	o := open(t, b.Client, realm, p)
	ctx := within(t, 20*time.Second)
	now, err := b.Client.Time(ctx).Result()
	must(t, err)
	cut := outbox.Item{Scope: "principal", ID: "alice", CutOff: fmt.Sprint(now.Add(time.Minute).UnixMilli())}
	must(t, o.Owe(ctx, "a", []outbox.Item{cut}))
	if _, err := o.Complete(ctx, "a"); !errors.Is(err, outbox.ErrOwed) || !errors.Is(err, revocast.ErrUnavailable) {
		t.Errorf("%v, want ErrOwed, and that it is for now", err)
	}
	due := "{rv:" + realm + "}:a:due"
	must(t, b.Client.ZAddXX(ctx, due, redis.Z{Score: 1, Member: "a"}).Err())
	run(t, o)
	must(t, storetest.Eventually(ctx, func() error {
		score, err := b.Client.ZScore(ctx, due, "a").Result()
		if wait := time.UnixMilli(int64(score)).Sub(now); err == nil &&
			(wait < 50*time.Second || wait > 70*time.Second) {
			err = fmt.Errorf("due in %v", wait)
		}
		return err
	}))
}
