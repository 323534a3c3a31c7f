package code_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/account/code"
	"github.com/revocast/revocast/store/storetest"
)

func claim(t testing.TB, s *code.Store, text, step string, want error) code.Claim {
	t.Helper()
	c, err := s.Claim(t.Context(), reset, "ann", text, step, 30*time.Second)
	if !errors.Is(err, want) {
		t.Fatalf("claim for %q: %v, want %v", step, err, want)
	}
	return c
}

func TestClaim(t *testing.T) {
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		s := open(t, b.Client, code.Options{})
		text := create(t, s, "ann")
		first := claim(t, s, text, "one", nil)
		claim(t, s, text, "one", code.ErrClaimed)
		claim(t, s, text, "two", code.ErrCode)
		check(t, s, "ann", text, code.Bound)
		if err := s.Release(t.Context(), first); err != nil {
			t.Fatal(err)
		}
		claim(t, s, text, "two", code.ErrCode) // for another step, even now
		again := claim(t, s, text, "one", nil)
		if again.ID != first.ID || again.ID == "" {
			t.Errorf("ids %q and %q of one code", first.ID, again.ID)
		}
		if err := s.Reopen(t.Context(), first); err != nil { // no longer in force
			t.Fatal(err)
		}
		claim(t, s, text, "two", code.ErrCode)
		if err := s.Reopen(t.Context(), again); err != nil {
			t.Fatal(err)
		}
		last := claim(t, s, text, "two", nil)
		for range 2 {
			if err := s.Finish(t.Context(), last); err != nil {
				t.Fatal(err)
			}
		}
		check(t, s, "ann", text, code.Used)
	})
}

func TestAClaimEndsWithItsLeaseAndTheCodeWithItsTTL(t *testing.T) {
	e := storetest.Embedded(t)
	s := open(t, e.Client(), code.Options{})
	text := create(t, s, "ann")
	claim(t, s, text, "one", nil)
	e.Advance(29 * time.Second)
	claim(t, s, text, "one", code.ErrClaimed)
	e.Advance(time.Second)
	claim(t, s, text, "two", code.ErrCode)
	claim(t, s, text, "one", nil)
	e.Advance(10 * time.Minute)
	claim(t, s, text, "one", code.ErrCode)
}

func TestFinishLeavesANewerCode(t *testing.T) {
	s := open(t, storetest.Embedded(t).Client(), code.Options{Interval: code.NoInterval})
	c := claim(t, s, create(t, s, "ann"), "one", nil)
	newer := create(t, s, "ann")
	if err := s.Finish(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	check(t, s, "ann", newer, "")
}

// TestOneClaimOfMany: different steps race for one code.
func TestOneClaimOfMany(t *testing.T) {
	s := open(t, storetest.Redis(t).Client(), code.Options{})
	text := create(t, s, "ann")
	var won atomic.Int64
	var all sync.WaitGroup
	for i := range 50 {
		all.Go(func() {
			_, err := s.Claim(context.Background(), reset, "ann", text, fmt.Sprint(i), time.Minute)
			if err == nil {
				won.Add(1)
			} else if !errors.Is(err, code.ErrCode) {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if won.Load() != 1 {
		t.Errorf("%d claims, want 1", won.Load())
	}
}

func TestClaimRefusesNonsense(t *testing.T) {
	s := open(t, storetest.Embedded(t).Client(), code.Options{})
	for _, lease := range []time.Duration{0, -1, code.MaxLease + 1} {
		if _, err := s.Claim(t.Context(), reset, "ann", "123456", "", lease); !errors.Is(err, revocast.ErrInvalid) {
			t.Errorf("lease %v: %v", lease, err)
		}
	}
	if err := s.Finish(t.Context(), code.Claim{}); !errors.Is(err, revocast.ErrInvalid) {
		t.Errorf("Finish without a claim: %v", err)
	}
}
