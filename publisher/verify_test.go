package publisher

import (
	"context"
	"errors"
	"io"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

func verifierOf(l *ledgerFake) (v *epochVerifier, looks *int, unfit *error) {
	looks, unfit = new(int), new(error)
	v = newEpochVerifier(partTools(l, &busFake{}, io.Discard).base, l, func() error { touch(); return *unfit },
		func() { touch(); *looks++ })
	return v, looks, unfit
}

// TestVerifierNeedsACharge: the ledger's word counts only while the record has been seen to
// name no later epoch within the last second.
func TestVerifierNeedsACharge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := openLedger(2)
		l.verified.Settled = true
		v, looks, unfit := verifierOf(l)
		ask := func(what string, want error) {
			t.Helper()
			before := *looks
			a := v.question(t.Context(), 2)
			if !errors.Is(a.err, want) || a.err == nil && !a.settled {
				t.Errorf("%s: %+v, want %v", what, a, want)
			}
			if *unfit == nil && (*looks > before) != (want != nil) {
				t.Errorf("%s: the keeper was woken %d times", what, *looks-before)
			}
		}
		ask("no charge yet", revocast.ErrUnavailable)
		v.charge(1, v.clock.Monotonic())
		ask("a charge of another epoch", revocast.ErrUnavailable)
		v.charge(2, v.clock.Monotonic())
		ask("a charge", nil)
		pass(chargeLife - 1)
		ask("a charge that is old, but not too old", nil)
		pass(1)
		ask("a charge that is too old", revocast.ErrUnavailable)
		v.charge(2, v.clock.Monotonic())
		*unfit = errors.New("limits")
		ask("a stream that cannot be relied on", *unfit)
	})
}

func TestVerifierAsksUntilSettled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, test := range []struct {
			what  string
			first error
			looks bool
		}{
			{"unsettled", nil, false},
			{"recovering", revocast.ErrRecovering, true},
			{"fenced", revocast.ErrFenced, true},
			{"uninitialised", revocast.ErrUninitialised, true},
			{"away", revocast.ErrUnavailable, false},
		} {
			l := openLedger(2)
			l.err = test.first
			v, looks, _ := verifierOf(l)
			v.charge(2, v.clock.Monotonic())
			stop := running(t, v.run)
			settled := make(chan error, 1)
			go func() { settled <- v.settled(t.Context(), 2) }()
			pass(10 * time.Millisecond)
			if len(settled) != 0 || (*looks > 0) != test.looks {
				t.Errorf("%s: settled %t, the keeper was woken %d times", test.what, len(settled) != 0, *looks)
			}
			l.err, l.verified.Settled = nil, true
			pass(settlePoll)
			if len(settled) != 1 || <-settled != nil {
				t.Errorf("%s: not settled in time", test.what)
			}
			stop()
		}
	})
}

func TestVerifierOfAnotherEpoch(t *testing.T) {
	l := openLedger(2)
	l.err = revocast.ErrEpoch
	v, _, _ := verifierOf(l)
	defer running(t, v.run)()
	if err := v.settled(t.Context(), 1); !errors.Is(err, revocast.ErrEpoch) {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := v.settled(ctx, 1); !errors.Is(err, context.Canceled) && !errors.Is(err, revocast.ErrEpoch) {
		t.Error(err)
	}
}

// TestVerifierAsksOnceForAll: callers that wait when a question is sent share it, and each epoch
// has its own question.
func TestVerifierAsksOnceForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := openLedger(2)
		l.verified.Settled = true
		v, _, _ := verifierOf(l)
		v.charge(2, v.clock.Monotonic())
		var all sync.WaitGroup
		for range 3 {
			all.Go(func() { _ = v.settled(t.Context(), 2) })
		}
		synctest.Wait() // all of them ask
		stop := running(t, v.run)
		all.Wait()
		stop()
		l.want(t, "verify 2")
		answers := make([]chan verifyAnswer, 3)
		asks := make([]verifyAsk, 3)
		for i := range asks {
			answers[i] = make(chan verifyAnswer, 1)
			asks[i] = verifyAsk{uint64(2 + i%2), answers[i]}
		}
		v.serve(t.Context(), asks)
		l.want(t, "verify 2", "verify 3")
		if a, b := <-answers[0], <-answers[1]; a.err != nil || b.err == nil {
			t.Errorf("answers %+v, %+v", a, b)
		}
	})
}

var _ verifyLedger = port.Ledger(nil)
