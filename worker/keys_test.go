package worker_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/fleettest"
	"github.com/revocast/revocast/internal/option"
	"github.com/revocast/revocast/port"
	"github.com/revocast/revocast/worker"
)

// keyed is a verifier whose keys are the principals' names.
type keyed struct {
	mu     sync.Mutex
	gone   map[revocast.Signer]bool
	told   []func()
	calls  int
	inside func() // in the middle of a verification
}

func signerOf(principal string) (s revocast.Signer) {
	copy(s[:], principal)
	return s
}

func (k *keyed) Verify(_ context.Context, bearer string) (*revocast.Claims, error) {
	c, err := fleettest.ParseBearer(bearer)
	if err != nil {
		return nil, err
	}
	c.Signer = signerOf(c.Principal)
	k.mu.Lock()
	k.calls++
	gone, inside := k.gone[c.Signer], k.inside
	k.mu.Unlock()
	if gone {
		return nil, revocast.ErrSignature
	}
	if inside != nil {
		inside()
	}
	return c, nil
}

func (k *keyed) Holds(s revocast.Signer) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return !k.gone[s]
}

func (k *keyed) OnLoss(f func()) { k.told = append(k.told, f) }

func (k *keyed) lose(principal string) {
	k.mu.Lock()
	k.gone[signerOf(principal)] = true
	k.mu.Unlock()
	for _, f := range k.told {
		f()
	}
}

// TestKeyThatLeftIsForgotten: tokens that the key signed are not answered from memory, and their
// streams end. Tokens that other keys signed are not verified again.
func TestKeyThatLeftIsForgotten(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		x := w.Worker("x", fleettest.WorkerOptions{})
		k := &keyed{gone: map[revocast.Signer]bool{}}
		g := option.Must(worker.NewGuard(x.Sub, k, worker.GuardOptions{}))
		check := func(when, bearer string, want revocast.Outcome) {
			t.Helper()
			if _, v := g.Check(w.T.Context(), bearer); v.Outcome != want {
				t.Errorf("%s: %s (%v), want %s", when, v.Outcome, v.Err, want)
			}
		}
		alice, bob := fleettest.Login("alice"), fleettest.Login("bob")
		check("at first", alice, revocast.Allowed)
		check("at first", bob, revocast.Allowed)
		claims, _ := g.Check(w.T.Context(), alice)
		stream, cancel := g.Bind(context.Background(), claims)
		defer cancel()
		others, _ := g.Check(w.T.Context(), bob)
		other, cancelOther := g.Bind(context.Background(), others)
		defer cancelOther()
		k.lose("alice")
		before := k.calls
		check("its key left", alice, revocast.Invalid)
		check("another's key left", bob, revocast.Allowed)
		if k.calls != before+1 {
			t.Errorf("%d verifications, want the one that is refused", k.calls-before)
		}
		if !errors.Is(context.Cause(stream), revocast.ErrSignature) || other.Err() != nil {
			t.Errorf("its stream: %v; another's: %v", context.Cause(stream), other.Err())
		}
		late, cancelLate := g.Bind(context.Background(), claims)
		defer cancelLate()
		if !errors.Is(context.Cause(late), revocast.ErrSignature) {
			t.Errorf("bound afterwards: %v", context.Cause(late))
		}
	})
}

// TestKeyThatLeavesDuringACheck: the entry is put in after the others were taken out.
func TestKeyThatLeavesDuringACheck(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		x := w.Worker("x", fleettest.WorkerOptions{})
		k := &keyed{gone: map[revocast.Signer]bool{}}
		k.inside = func() { k.lose("alice") }
		g := option.Must(worker.NewGuard(x.Sub, k, worker.GuardOptions{}))
		alice := fleettest.Login("alice")
		g.Check(w.T.Context(), alice) // had begun before: either answer is right
		if _, v := g.Check(w.T.Context(), alice); v.Outcome != revocast.Invalid {
			t.Errorf("%s from %s", v.Outcome, v.Source)
		}
	})
}

func TestGuardMaxBearer(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		x := w.Worker("x", fleettest.WorkerOptions{})
		for limit, want := range map[int]revocast.Outcome{
			5: revocast.Invalid, 0: revocast.Allowed, port.LargestBearer: revocast.Allowed,
		} {
			g := option.Must(worker.NewGuard(x.Sub, x.Verify, worker.GuardOptions{MaxBearer: limit}))
			if _, v := g.Check(w.T.Context(), fleettest.Login(fmt.Sprint("p", limit))); v.Outcome != want {
				t.Errorf("limit %d: %s, want %s", limit, v.Outcome, want)
			}
			long := make([]byte, port.LargestBearer+1)
			if _, v := g.Check(w.T.Context(), string(long)); v.Outcome != revocast.Invalid {
				t.Errorf("limit %d: beyond the largest: %s", limit, v.Outcome)
			}
		}
	})
}
