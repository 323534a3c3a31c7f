package faults

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/revocast/revocast"
)

// probes makes n probes one after the other and measures the slowest.
func (t *Trial) probes(ctx context.Context, name string, n int, goal time.Duration) error {
	for range n {
		call, _ := t.Probe(ctx, patient)
		if call.Ret == never {
			return fmt.Errorf("%s: not confirmed within %s", name, patient)
		}
		t.Measure(name, call.Took(), goal)
	}
	return nil
}

// Commit revokes a new token at one publisher, waits only until that is committed, and returns
// the time of the call.
func (t *Trial) Commit(ctx context.Context, p *Publisher) (at int64, _ *held, _ revocast.Receipt, err error) {
	token := t.login(t.name+"-probe", fmt.Sprintf("%s-commit-%d", t.name, t.h.Now()), time.Time{})
	if token == nil {
		return 0, nil, revocast.Receipt{}, errors.New("no token")
	}
	at = t.h.Now()
	token.record.Begin(&Write{Name: "commit", Value: Refused, Call: at, Ret: never})
	r := revocast.Revocation{Scope: revocast.ScopeToken, ID: token.Claims.TokenID}
	receipt, err := p.API.Revoke(ctx, r, revocast.WithStrength(revocast.Committed))
	return at, token, receipt, err
}

// InForce waits until every worker refuses a token, and returns when the last one began to, as
// closely spaced checks show.
func (t *Trial) InForce(ctx context.Context, token *held) (last int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	var mu sync.Mutex
	var all sync.WaitGroup
	for _, w := range t.Workers {
		all.Go(func() {
			for {
				s := t.check(ctx, w, token)
				if s.Answer == Refused {
					mu.Lock()
					defer mu.Unlock()
					last = max(last, s.Ret)
					return
				}
				if !pause(ctx, 10*time.Millisecond) {
					mu.Lock()
					defer mu.Unlock()
					err = fmt.Errorf("%s does not refuse what was committed", w.Name)
					return
				}
			}
		})
	}
	all.Wait()
	return last, err
}

// commitInForce measures how long a committed revocation takes to be in force
// everywhere, from the call.
func (t *Trial) commitInForce(ctx context.Context, name string, goal time.Duration) error {
	at, token, _, err := t.Commit(ctx, t.Publishers[0])
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	last, err := t.InForce(ctx, token)
	if err == nil {
		t.Measure(name, time.Duration(last-at), goal)
	}
	return err
}

// pendingWhile makes a confirmed call that cannot be confirmed yet: it must be answered
// with a pending receipt. It returns the call's tokens for [Trial.completes].
func (t *Trial) pendingWhile(
	ctx context.Context, p *Publisher, wait time.Duration,
) (revocast.Receipt, *Write, []*held, error) {
	token := t.login(t.name+"-probe", fmt.Sprintf("%s-pending-%d", t.name, t.h.Now()), time.Time{})
	if token == nil {
		return revocast.Receipt{}, nil, nil, errors.New("no token")
	}
	w := &Write{Name: "pending", Value: Refused, Call: t.h.Now(), Ret: never}
	token.record.Begin(w)
	r := revocast.Revocation{Scope: revocast.ScopeToken, ID: token.Claims.TokenID}
	receipt, err := p.API.WithWait(wait).Revoke(ctx, r)
	if !errors.Is(err, revocast.ErrPending) {
		return receipt, w, nil, fmt.Errorf("a confirmed call that cannot be is answered %v, receipt %+v, not 202", err,
			receipt)
	}
	t.Measure("a call that cannot be confirmed is answered 202, beyond its wait", time.Duration(t.h.Now()-w.Call)-wait,
		0)
	return receipt, w, []*held{token}, nil
}

// completes waits until a pending receipt is confirmed.
func (t *Trial) completes(ctx context.Context, p *Publisher, receipt revocast.Receipt, w *Write, covers []*held) error {
	ctx, cancel := context.WithTimeout(ctx, patient)
	defer cancel()
	err := Eventually(ctx, 20*time.Millisecond, func() error {
		_, err := awaitFor(ctx, p, receipt.Position, 3*time.Second)
		return err
	})
	if err == nil {
		w.Ret = t.h.Now() // nobody reads it before Stop has returned
		t.everywhere(ctx, covers)
	}
	return err
}

// Samples are the checks so far.
func (l *Load) Samples() []Sample {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return append([]Sample(nil), l.samples...)
}

// withoutRedis judges what workers answered while Redis was gone, from down to up: from memory
// for a lease, and unknown after that. Tokens that are known to be revoked are still refused,
// because that cannot have changed.
func (t *Trial) withoutRedis(down, up int64) {
	var last int64
	late, unknown, refused := 0, 0, 0
	for _, s := range t.Samples() {
		if s.Call < down || s.Ret > up || s.Status == 0 {
			continue
		}
		after := s.Call > down+int64(t.Lease)
		switch {
		case s.Answer == Unknown:
			unknown++
		case after && s.Answer == Refused:
			refused++
		case after:
			late++
		case s.Answer == Allowed:
			last = max(last, s.Ret)
		}
	}
	if late > 0 {
		t.fail(fmt.Errorf("%d checks were allowed from memory more than a lease after Redis was gone", late))
	}
	t.Note("without Redis %d checks were answered 503; after a lease none was allowed, and %d of "+
		"revoked tokens were refused", unknown, refused)
	if last > 0 {
		t.Measure("last check allowed from memory after Redis was gone", time.Duration(last-down), t.Lease)
	}
}

// returns measures when service was back at the last worker after Redis was.
func (t *Trial) returns(ctx context.Context, name string, up int64, goal time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	token := t.login(t.name+"-probe", fmt.Sprintf("%s-returns-%d", t.name, t.h.Now()), time.Time{})
	if token == nil {
		return errors.New("no token")
	}
	var mu sync.Mutex
	var last int64
	var all sync.WaitGroup
	for _, w := range t.Workers {
		all.Go(func() {
			for pause(ctx, 5*time.Millisecond) {
				if s := t.check(ctx, w, token); s.Answer == Allowed {
					mu.Lock()
					defer mu.Unlock()
					last = max(last, s.Ret)
					return
				}
			}
		})
	}
	all.Wait()
	if ctx.Err() != nil {
		return fmt.Errorf("%s: %w", name, ctx.Err())
	}
	t.Measure(name, time.Duration(last-up), goal)
	return nil
}

// opens measures when the ledger serves again.
func (t *Trial) opens(ctx context.Context, name string, since int64, goal time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, 60*time.Second)
	defer cancel()
	if err := Eventually(ctx, 10*time.Millisecond, func() error { return t.LedgerOpen(ctx) }); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	t.Measure(name, time.Duration(t.h.Now()-since), goal)
	return nil
}
