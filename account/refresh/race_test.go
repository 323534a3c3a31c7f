package refresh_test

import (
	"errors"
	"sync"
	"testing"

	"github.com/revocast/revocast/account/refresh"
)

const clients = 100

// together runs f in as many goroutines as there are clients, all at the same time.
func together(f func(n int)) {
	start := make(chan struct{})
	var wg sync.WaitGroup
	for n := range clients {
		wg.Go(func() {
			<-start
			f(n)
		})
	}
	close(start)
	wg.Wait()
}

type outcome struct {
	refresh.Token
	err error
}

// race rotates one token with all clients at the same time, through two stores as two processes
// would have them.
func race(r *rig, o refresh.Options, token string) []outcome {
	stores := [2]*refresh.Store{r.Store, r.open(o)}
	all := make([]outcome, clients)
	together(func(n int) {
		all[n].Token, all[n].err = stores[n%2].Rotate(r.ctx, token, refresh.Expect{})
	})
	return all
}

// TestHundredClientsRotateOneToken: SELECT … FOR UPDATE without a transaction lets two of
// them read the same row and make a successor each.
func TestHundredClientsRotateOneToken(t *testing.T) {
	o := refresh.Options{}
	r := onRedis(t, o)
	token := r.login("alice").Text
	for range 3 {
		texts, firsts := map[string]int{}, 0
		for _, got := range race(r, o, token) {
			r.must(got.err)
			texts[got.Text]++
			if !got.Again {
				firsts++
			}
		}
		if len(texts) != 1 || firsts != 1 {
			t.Fatalf("%d successors, made by %d", len(texts), firsts)
		}
		for token = range texts {
		}
	}
	if f, err := r.Lookup(r.ctx, token, refresh.Expect{}); err != nil || f.Number != 3 {
		t.Errorf("after three races: %+v, %v", f, err)
	}
	r.tells("no theft")
}

// TestHundredClientsWithoutGrace: one wins, the next is a thief, the rest find it ended.
// That is what no grace means to two tabs: the user has to log in again.
func TestHundredClientsWithoutGrace(t *testing.T) {
	o := refresh.Options{Grace: refresh.NoGrace}
	r := onRedis(t, o)
	login := r.login("alice")
	won, thieves, ended := "", 0, 0
	for _, got := range race(r, o, login.Text) {
		switch {
		case got.err == nil && won == "":
			won = got.Text
		case errors.Is(got.err, refresh.ErrReused):
			thieves++
		case errors.Is(got.err, refresh.ErrEnded):
			ended++
		default:
			t.Errorf("a client got %+v", got)
		}
	}
	if won == "" || thieves != 1 || ended != clients-2 {
		t.Errorf("won %q, %d thieves, %d found it ended", won, thieves, ended)
	}
	r.fails("the winner's token", won, refresh.ErrEnded)
	if n, err := r.outbox.Pending(r.ctx); n != 0 || err != nil {
		t.Errorf("%d owed, %v", n, err)
	}
}

// TestManyReplaysOneAlarm: many replays at the same time end the family once.
func TestManyReplaysOneAlarm(t *testing.T) {
	r := onRedis(t, refresh.Options{})
	login := r.login("alice")
	tokens := []string{login.Text}
	for range 20 {
		tokens = append(tokens, r.rotate(tokens[len(tokens)-1]).Text)
	}
	r.pub.Fail(errors.New("no ledger")) // so that each of them finds it owed
	alarms := make([]error, clients)
	together(func(n int) {
		_, alarms[n] = r.Rotate(r.ctx, tokens[n%19], refresh.Expect{}) // ancestors of every age
	})
	found := 0
	for _, err := range alarms {
		if r.is("replay", err, refresh.ErrInvalidGrant); errors.Is(err, refresh.ErrReused) {
			found++
		}
	}
	if n, err := r.outbox.Pending(r.ctx); found != 1 || n != 1 || err != nil {
		t.Errorf("%d alarms, %d owed, %v", found, n, err)
	}
	r.pub.Fail(nil)
	_, err := r.outbox.Complete(r.ctx, "family:"+login.ID)
	r.must(err)
	r.tells("once", theft(login.Family))
}

// TestRotateAgainstEnd: SMEMBERS followed by DEL misses what happens in between. Here a
// rotation or a login comes before the revocation, and is covered, or after it.
func TestRotateAgainstEnd(t *testing.T) {
	r := onRedis(t, refresh.Options{})
	token := r.login("alice").Text
	made := make([]refresh.Token, clients)
	together(func(n int) {
		switch {
		case n == 0:
			_, err := r.EndAll(r.ctx, "alice", passwordChange)
			r.is("revoke all", err)
		case n%2 == 0:
			made[n] = r.login("alice")
		default:
			made[n], _ = r.Rotate(r.ctx, token, refresh.Expect{})
		}
	})
	cut := r.pub.take()[0].CutOff
	living := map[string]bool{}
	list, err := r.List(r.ctx, "alice")
	r.must(err)
	for _, f := range list {
		living[f.ID] = true
	}
	for _, m := range made {
		if m.Text == "" {
			continue
		}
		after := m.AuthTime.After(cut)
		_, err := r.Lookup(r.ctx, m.Text, refresh.Expect{})
		if alive := err == nil; alive != after || living[m.ID] != after {
			t.Errorf("a login at %s is alive: %v, listed: %v; the cut-off is at %s", m.AuthTime, alive, living[m.ID],
				cut)
		}
	}
}
