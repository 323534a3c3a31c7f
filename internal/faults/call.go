package faults

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/client"
)

// request is one call to be made.
type request struct {
	name   string
	value  Answer
	covers []*held
	do     func(context.Context, *client.Client, revocast.CallOption) (revocast.Receipt, error)
}

// perform makes a call as a careful client does: it repeats the call under one idempotency key,
// at any publisher that answers, until it is confirmed or patience ends. On confirmation the
// tokens that it covers are checked at every worker.
func (l *Load) perform(
	ctx context.Context, random *mathrand.Rand, q request, patience time.Duration,
) (revocast.Receipt, *Call) {
	w := &Write{Name: q.name, Value: q.value, Call: l.h.Now(), Ret: never}
	for _, t := range q.covers {
		t.record.Begin(w)
	}
	c := &Call{Tokens: len(q.covers)}
	limit, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	receipt, ok := l.insist(limit, random, q, c)
	if ok {
		w.Ret = l.h.Now() // nobody reads it before Stop has returned
		l.everywhere(ctx, q.covers)
	}
	c.Write = *w
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls = append(l.calls, *c)
	return receipt, c
}

func (l *Load) insist(ctx context.Context, random *mathrand.Rand, q request, c *Call) (revocast.Receipt, bool) {
	key := revocast.WithIdempotencyKey(rand.Text())
	for n := random.IntN(2); ctx.Err() == nil; n++ {
		p := l.rig.Publishers[n%len(l.rig.Publishers)]
		receipt, err := q.do(ctx, p.API.WithWait(4*time.Second), key)
		if errors.Is(err, revocast.ErrPending) {
			c.Pending = true
			err = l.await(ctx, random, &receipt)
		}
		switch {
		case err == nil && receipt.Strength == revocast.Confirmed:
			return receipt, true
		case err == nil:
			l.fail(fmt.Errorf("%s: answered %s, %s, instead of confirmed", q.name, receipt.Position, receipt.Strength))
			return receipt, false
		case errors.Is(err, revocast.ErrInvalid), errors.Is(err, revocast.ErrConflict):
			l.fail(fmt.Errorf("%s: %w", q.name, err))
			return receipt, false
		}
		c.Failed++
		if !pause(ctx, 50*time.Millisecond) {
			break
		}
	}
	return revocast.Receipt{}, false
}

// await asks for a pending receipt, at any publisher, a few times.
func (l *Load) await(ctx context.Context, random *mathrand.Rand, receipt *revocast.Receipt) error {
	err := error(revocast.ErrPending)
	for range 3 {
		p := l.rig.Publishers[random.IntN(len(l.rig.Publishers))]
		var now revocast.Receipt
		now, err = awaitFor(ctx, p, receipt.Position, 3*time.Second)
		if err == nil {
			*receipt = now
			return nil
		}
	}
	return err
}

// awaitFor waits at most this long for a receipt to be confirmed.
func awaitFor(ctx context.Context, p *Publisher, at revocast.Position, wait time.Duration) (revocast.Receipt, error) {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	return p.API.Await(ctx, at)
}
