package fake_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/fake"
	"github.com/revocast/revocast/store/storetest"
)

// TestStopped: what is asked of a stopped server is done when it wakes, in order, also
// for those who no longer wait.
func TestStopped(t *testing.T) {
	inRealm(t, func(t *testing.T, r *realm) {
		r.ledger.Stop()
		type answer struct {
			at  revocast.Position
			err error
		}
		ask := func(id string, patience time.Duration) chan answer {
			got := make(chan answer, 1)
			go func() {
				ctx, cancel := context.WithTimeout(context.Background(), patience)
				defer cancel()
				at, err := tryCommit(ctx, r.l, id)
				got <- answer{at, err}
			}()
			synctest.Wait()
			return got
		}
		hasty, patient := ask("hasty", time.Second), ask("patient", time.Hour)
		if a := <-hasty; !errors.Is(a.err, revocast.ErrOutcomeUnknown) {
			t.Errorf("who gave up waiting got %+v", a)
		}
		if r.ledger.Position().Rev != 0 {
			t.Errorf("a stopped server got to %s", r.ledger.Position())
		}
		r.ledger.Stop() // changes nothing
		r.ledger.Wake()
		if a := <-patient; a.err != nil || a.at.Rev != 2 || !standsAgainst(r.ledger, "hasty") {
			t.Errorf("woken, it answers %+v and is at %s", a, r.ledger.Position())
		}
		r.ledger.Wake()
		if at, err := tryCommit(t.Context(), r.l, "after"); err != nil || at.Rev != 3 {
			t.Errorf("after: %s, %v", at, err)
		}
	})
}

// TestStoppedAndKilled: what had reached it is lost, and whether it was done nobody says.
func TestStoppedAndKilled(t *testing.T) {
	inRealm(t, func(t *testing.T, r *realm) {
		r.ledger.Stop()
		answer := make(chan error, 1)
		go func() {
			_, err := tryCommit(context.Background(), r.l, "x")
			answer <- err
		}()
		synctest.Wait()
		r.ledger.Restart()
		if err := <-answer; !errors.Is(err, revocast.ErrOutcomeUnknown) || standsAgainst(r.ledger, "x") {
			t.Errorf("%v", err)
		}
		if _, err := r.l.Check(t.Context(), nil); !errors.Is(err, revocast.ErrRecovering) {
			t.Errorf("restarted: %v", err)
		}
	})
}

// TestStoppedWhileCutOff: what had reached it is refused, unless it does not ask how long
// it slept; what came later is refused in any case.
func TestStoppedWhileCutOff(t *testing.T) {
	for _, blind := range []bool{false, true} {
		inRealmWith(t, fake.LedgerOptions{History: 100, Blind: blind}, func(t *testing.T, r *realm) {
			_, b := r.fork(t, time.Second)
			r.ledger.Stop()
			verified := make(chan error, 1)
			go func() {
				_, err := r.l.Verify(context.Background(), 1)
				verified <- err
			}()
			<-time.After(time.Hour)
			if _, err := b.Describe(t.Context()); err != nil {
				t.Error(err)
			}
			r.ledger.Wake()
			if err := <-verified; errors.Is(err, revocast.ErrUnavailable) == blind || blind && err != nil {
				t.Errorf("what had reached it, blind %v: %v", blind, err)
			}
			if _, err := r.l.Verify(t.Context(), 1); !errors.Is(err, revocast.ErrUnavailable) {
				t.Errorf("what came later, blind %v: %v", blind, err)
			}
		})
	}
}

// TestSleptLongerThanTheFence: a primary that nobody has replaced serves again as soon
// as it has heard of its replicas.
func TestSleptLongerThanTheFence(t *testing.T) {
	inRealm(t, func(t *testing.T, r *realm) {
		terms := storetest.Terms()
		terms.Fence = 2 * time.Second
		if err := r.l.SetTerms(t.Context(), terms); err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			slept time.Duration
			want  error
		}{{terms.Fence - 1, nil}, {terms.Fence, revocast.ErrUnavailable}} {
			r.ledger.Stop()
			<-time.After(c.slept)
			r.ledger.Wake()
			if _, err := r.l.Check(t.Context(), nil); !errors.Is(err, c.want) {
				t.Errorf("after a sleep of %s: %v", c.slept, err)
			}
			if _, err := r.l.Describe(t.Context()); err != nil {
				t.Errorf("described: %v", err)
			}
			<-time.After(time.Second)
			if _, err := r.l.Check(t.Context(), nil); err != nil {
				t.Errorf("a second later: %v", err)
			}
		}
	})
}
