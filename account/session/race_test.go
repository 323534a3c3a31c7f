package session_test

import (
	"fmt"
	"strconv"
	"sync"
	"testing"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/account/session"
)

// together runs f n times at the same time.
func together(n int, f func(i int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { f(i) })
	}
	wg.Wait()
}

// TestLoginDuringEndAll: a login that runs at the same time is ended or begins after, and
// the cut-off says which it is: no session lives that it covers, none is gone that it
// does not.
func TestLoginDuringEndAll(t *testing.T) {
	k := real(t, session.Options{})
	for round := range 10 {
		principal := fmt.Sprint("p", round)
		made := make([]session.Issued, 60)
		together(len(made)+3, func(i int) {
			var err error
			if i >= len(made) {
				_, err = k.EndAll(k.ctx(), principal)
			} else {
				made[i], err = k.Create(k.ctx(), session.Login{Principal: principal})
			}
			if err != nil {
				t.Error(err)
			}
		})
		cuts, _ := k.fleet.told()
		living := 0
		for i, s := range made {
			covered := false
			for _, r := range cuts {
				covered = covered || covers(r, s.Session)
			}
			k.lives(made[i].Token, !covered)
			if !covered {
				living++
			}
		}
		if n := len(k.list(principal)); n != living || len(cuts) != 3 {
			t.Errorf("%d listed, %d live, %d cut-offs", n, living, len(cuts))
		}
	}
}

// TestNoUpdateIsLost: however many modify a session at the same time, all changes stay, and the
// caches are told of each.
func TestNoUpdateIsLost(t *testing.T) {
	k := real(t, session.Options{})
	s, token := k.alice()
	const writers, each = 8, 10
	together(writers, func(i int) {
		for range each {
			_, err := k.Modify(k.ctx(), s.ID, func(data map[string]string) error {
				n, _ := strconv.Atoi(data["n"])
				data["n"] = strconv.Itoa(n + 1)
				return nil
			})
			if err != nil {
				t.Error(err)
			}
			if _, err := k.SetField(k.ctx(), s.ID, fmt.Sprint("own", i), "x"); err != nil {
				t.Error(err)
			}
		}
	})
	got, err := k.Get(k.ctx(), token)
	k.must(err)
	if got.Data["n"] != strconv.Itoa(writers*each) || len(got.Data) != writers+1 || got.Version != 2*writers*each+1 {
		t.Errorf("after %d updates: %+v", writers*each, got)
	}
	if _, i := k.fleet.told(); len(i) != 2*writers*each {
		t.Errorf("%d invalidations", len(i))
	}
}

// TestOneRotationWins: of many that present the same token one gets its successor.
func TestOneRotationWins(t *testing.T) {
	k := real(t, session.Options{})
	s, token := k.alice()
	next := make([]session.Issued, 50)
	together(len(next), func(i int) { next[i], _ = k.Rotate(k.ctx(), token) })
	won := 0
	for _, n := range next {
		if n.Token != "" {
			won++
			k.lives(n.Token, true)
		}
	}
	r, _ := k.fleet.told()
	if won != 1 || len(r) != 1 || r[0].Scope != revocast.ScopeToken || r[0].ID != s.TokenID {
		t.Errorf("%d rotations, the fleet was told %+v", won, r)
	}
}

// TestCapHoldsUnderConcurrency: what is over is revoked, each once.
func TestCapHoldsUnderConcurrency(t *testing.T) {
	k := real(t, session.Options{Cap: 5})
	made := make([]session.Issued, 60)
	together(len(made), func(i int) {
		var err error
		if made[i], err = k.Create(k.ctx(), session.Login{Principal: "alice"}); err != nil {
			t.Error(err)
		}
	})
	r, _ := k.fleet.told()
	revoked := map[string]int{}
	for _, r := range r {
		revoked[r.ID]++
	}
	for i, s := range made {
		k.lives(made[i].Token, revoked[s.ID] == 0)
		if revoked[s.ID] > 1 {
			t.Errorf("revoked %d times", revoked[s.ID])
		}
	}
	if n := len(k.list("alice")); n != 5 || len(r) != len(made)-5 {
		t.Errorf("%d live, %d revoked", n, len(r))
	}
}

// TestEndWinsOverWhoeverWrites: whatever runs at the same time, in the end it is gone.
func TestEndWinsOverWhoeverWrites(t *testing.T) {
	k := real(t, session.Options{})
	for range 20 {
		s, token := k.alice()
		together(6, func(i int) {
			switch i {
			case 0:
				_, err := k.End(k.ctx(), s.ID)
				if err != nil {
					t.Error(err)
				}
			case 1, 2:
				_, _ = k.SetField(k.ctx(), s.ID, "a", "1")
			case 3:
				_, _ = k.Extend(k.ctx(), s.ID, session.DefaultLifetime)
			default:
				_, _ = k.Get(k.ctx(), token)
			}
		})
		k.lives(token, false)
	}
	if all := k.list("alice"); len(all) != 0 {
		t.Errorf("left: %+v", all)
	}
}
