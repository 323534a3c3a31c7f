package fake_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/fake"
	"github.com/revocast/revocast/port"
)

// tryCommit commits one revocation and returns the revision that it got.
func tryCommit(ctx context.Context, l port.Ledger, id string) (revocast.Position, error) {
	key := revocast.KeyOf("r", revocast.ScopeToken, "i", id)
	c, err := l.Commit(ctx, id, []revocast.Event{{Kind: revocast.KindRevoked, Scope: revocast.ScopeToken, Key: key}})
	if err != nil {
		return revocast.Position{}, err
	}
	return c.Entries[0].Event.Position, nil
}

func standsAgainst(l *fake.Ledger, id string) bool {
	return !l.State(revocast.KeyOf("r", revocast.ScopeToken, "i", id)).IsZero()
}

// fork cuts the realm's ledger off after five revocations, of which the other one has
// three, and returns the other one and a link that reaches it.
func (r *realm) fork(t *testing.T, serves time.Duration) (*fake.Ledger, *fake.LedgerLink) {
	t.Helper()
	for i := range 5 {
		r.commit(t, fmt.Sprint(i))
	}
	other, ok := r.ledger.Fork(revocast.Position{Epoch: 1, Rev: 3}, serves)
	if !ok {
		t.Fatal("no fork")
	}
	return other, other.Link("b")
}

func TestForkServesBothSides(t *testing.T) {
	inRealm(t, func(t *testing.T, r *realm) {
		const serves = 2 * time.Second
		other, b := r.fork(t, serves)
		if r.ledger.Position().Rev != 5 || other.Position().Rev != 3 || !standsAgainst(other, "2") ||
			standsAgainst(other, "3") {
			t.Fatalf("forked at %s and %s", r.ledger.Position(), other.Position())
		}
		<-time.After(serves - time.Millisecond)
		if at, err := tryCommit(t.Context(), r.l, "old"); err != nil || at.Rev != 6 {
			t.Errorf("the one that is cut off commits %s, %v", at, err)
		}
		if _, err := tryCommit(t.Context(), b, "new"); !errors.Is(err, revocast.ErrRecovering) {
			t.Errorf("the one that carries on: %v", err)
		}
		mine, _ := r.l.Describe(t.Context())
		its, _ := b.Describe(t.Context())
		if mine.Position.Epoch != 1 || its.Position != (revocast.Position{Epoch: 2}) || mine.Server == its.Server {
			t.Errorf("they are at %s and %s, servers %s and %s", mine.Position, its.Position, mine.Server, its.Server)
		}
		<-time.After(time.Millisecond)
		for name, step := range everyStep() {
			if err := step(t.Context(), r.l); !errors.Is(err, revocast.ErrUnavailable) {
				t.Errorf("%s at the one that is cut off: %v", name, err)
			}
		}
		if r.ledger.Position().Rev != 6 {
			t.Errorf("a refused step got it to %s", r.ledger.Position())
		}
		if _, err := b.Describe(t.Context()); err != nil {
			t.Errorf("the one that carries on: %v", err)
		}
	})
}

// everyStep is one call of each method of a ledger, on epoch 1.
func everyStep() map[string]func(context.Context, port.Ledger) error {
	m := port.MemberID{Class: "default", Worker: "w", Incarnation: "i"}
	at := revocast.Position{Epoch: 1}
	return map[string]func(context.Context, port.Ledger) error{
		"Describe": func(ctx context.Context, l port.Ledger) error { _, err := l.Describe(ctx); return err },
		"Renew": func(ctx context.Context, l port.Ledger) error {
			_, err := l.Renew(ctx, port.Renewal{Member: m, Limit: 1})
			return err
		},
		"Check":    func(ctx context.Context, l port.Ledger) error { _, err := l.Check(ctx, nil); return err },
		"Snapshot": func(ctx context.Context, l port.Ledger) error { _, err := l.Snapshot(ctx, ""); return err },
		"Leave":    func(ctx context.Context, l port.Ledger) error { return l.Leave(ctx, m) },
		"Commit":   func(ctx context.Context, l port.Ledger) error { _, err := tryCommit(ctx, l, "any"); return err },
		"Verify":   func(ctx context.Context, l port.Ledger) error { _, err := l.Verify(ctx, 1); return err },
		"Members":  func(ctx context.Context, l port.Ledger) error { _, err := l.Members(ctx); return err },
		"Strike": func(ctx context.Context, l port.Ledger) error {
			_, err := l.Strike(ctx, port.Member{ID: m, Still: time.Hour})
			return err
		},
		"Log":   func(ctx context.Context, l port.Ledger) error { _, err := l.Log(ctx, at, 1); return err },
		"Acked": func(ctx context.Context, l port.Ledger) error { _, err := l.Acked(ctx, 1, nil); return err },
		"Mark": func(ctx context.Context, l port.Ledger) error {
			return l.Mark(ctx, port.StreamPoint{}, port.StreamMark{Point: port.StreamPoint{Created: 1}, Complete: at})
		},
		"Turn":     func(ctx context.Context, l port.Ledger) error { _, err := l.Turn(ctx, "x", "y", 1); return err },
		"Settle":   func(ctx context.Context, l port.Ledger) error { return l.Settle(ctx, 1, 0) },
		"Begin":    func(ctx context.Context, l port.Ledger) error { return l.Begin(ctx, 1, port.DefaultTerms()) },
		"Restore":  func(ctx context.Context, l port.Ledger) error { _, err := l.Restore(ctx, 1, nil); return err },
		"Reopen":   func(ctx context.Context, l port.Ledger) error { return l.Reopen(ctx, 2, "x") },
		"Fence":    func(ctx context.Context, l port.Ledger) error { return l.Fence(ctx, 1) },
		"SetTerms": func(ctx context.Context, l port.Ledger) error { return l.SetTerms(ctx, port.DefaultTerms()) },
	}
}

// TestForkKeepsPastsApart: what one of the two does or takes back, the other does not.
func TestForkKeepsPastsApart(t *testing.T) {
	inRealm(t, func(t *testing.T, r *realm) {
		other, b := r.fork(t, time.Hour)
		if _, err := tryCommit(t.Context(), r.l, "5"); err != nil {
			t.Fatal(err)
		}
		_, _ = b.Describe(t.Context())
		if !other.RollBack(revocast.Position{Epoch: 1, Rev: 2}) || standsAgainst(other, "2") ||
			!standsAgainst(other, "1") {
			t.Errorf("the one that carries on rolled back to %s", other.Position())
		}
		if r.ledger.RollBack(revocast.Position{Epoch: 1, Rev: 4}) {
			t.Error("the one that was cut off was rolled back to before the fork")
		}
		for i := range 6 {
			if !standsAgainst(r.ledger, fmt.Sprint(i)) {
				t.Errorf("%d does not stand at the one that was cut off", i)
			}
		}
		if _, ok := r.ledger.Fork(revocast.Position{Epoch: 1, Rev: 1}, 0); ok {
			t.Error("forked from before all history")
		}
		if _, err := r.l.Check(t.Context(), nil); err != nil {
			t.Errorf("a fork that failed changed something: %v", err)
		}
		r.none(t)
	})
}

// TestReach: a call goes to the server that was reached when it began.
func TestReach(t *testing.T) {
	inRealm(t, func(t *testing.T, r *realm) {
		other, _ := r.fork(t, time.Hour)
		r.l.SetHook(func(fake.Call) fake.Fault { return fake.Fault{Delay: time.Second} })
		done := make(chan error, 1)
		go func() {
			_, err := tryCommit(context.Background(), r.l, "on its way")
			done <- err
		}()
		synctest.Wait()
		r.l.Reach(other)
		if err := <-done; err != nil || !standsAgainst(r.ledger, "on its way") {
			t.Errorf("what was on its way: %v, stands at %s", err, r.ledger.Position())
		}
		if _, err := tryCommit(t.Context(), r.l, "later"); !errors.Is(err, revocast.ErrRecovering) {
			t.Errorf("after the switch: %v", err)
		}
		r.l.Reach(r.ledger)
		if _, err := tryCommit(t.Context(), r.l, "back"); err != nil {
			t.Errorf("switched back: %v", err)
		}
	})
}

func TestRestartEndsFork(t *testing.T) {
	inRealm(t, func(t *testing.T, r *realm) {
		_, b := r.fork(t, 0)
		if _, err := r.l.Describe(t.Context()); !errors.Is(err, revocast.ErrUnavailable) {
			t.Errorf("a fork that serves for no time: %v", err)
		}
		r.ledger.Restart()
		mine, err := r.l.Describe(t.Context())
		its, errB := b.Describe(t.Context())
		if err != nil || errB != nil || mine.State != port.LedgerRecovering || its.State != port.LedgerRecovering ||
			mine.Server == its.Server {
			t.Errorf("both serve: %+v, %v; %+v, %v", mine, err, its, errB)
		}
	})
}
