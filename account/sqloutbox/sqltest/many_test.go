package sqltest

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/account/sqloutbox"
)

// TestManyRelays: four relays, each on connections of its own, and eight writers, some of
// whose transactions are rolled back. Each committed row is handed over, done once, and in
// the order in which its user's were recorded.
func TestManyRelays(t *testing.T) {
	each(t, func(t *testing.T, base database) {
		w := newWorld(t, base)
		for range 4 {
			w.run(w.relayOn(open(t, base), w.pub))
		}
		before := w.revision()
		const writers, rounds = 8, 14
		var wg sync.WaitGroup
		for i := range writers {
			wg.Go(func() {
				for j := range rounds {
					w.write(fmt.Sprintf("w%d-%d", i, j), j%7 == 6)
				}
			})
		}
		wg.Wait()
		eventually(t, "all are handed over", func() bool { return w.waiting() == 0 })
		const committed = writers * (rounds - rounds/7)
		if n := w.revision() - before; n != committed*3 {
			t.Errorf("%d revisions, want %d", n, committed*3)
		}
		w.inOrder(committed)
	})
}

// write records a revocation, a ban and its lifting, in three transactions of one user.
func (w *world) write(user string, rollBack bool) {
	for _, item := range []sqloutbox.Item{
		principal(user),
		sqloutbox.Ban(revocast.Ban{Principal: user, Until: time.Now().Add(time.Hour)}),
		sqloutbox.Unban(revocast.Ban{Principal: user}),
	} {
		tx, err := w.db.BeginTx(w.t.Context(), nil)
		if err == nil {
			_, err = w.box.Record(w.t.Context(), tx, item)
		}
		switch {
		case err == nil && rollBack:
			err = tx.Rollback()
		case err == nil:
			err = tx.Commit()
		}
		if err != nil {
			w.t.Error(err)
		}
	}
}

// inOrder checks the order of the first calls for each user.
func (w *world) inOrder(users int) {
	w.t.Helper()
	stage := make(map[string]int)
	for _, call := range w.pub.seen() {
		kind, user, _ := strings.Cut(call, " ")
		want := map[string]int{"revoke": 0, "ban": 1, "unban": 2}[kind]
		switch {
		case want > stage[user]:
			w.t.Errorf("%s came before what was recorded before it", call)
		case want == stage[user]:
			stage[user]++
		}
	}
	if len(stage) != users {
		w.t.Errorf("%d users, want %d", len(stage), users)
	}
}

// TestThousandRows: what an outage of the publisher leaves behind.
func TestThousandRows(t *testing.T) {
	each(t, func(t *testing.T, base database) {
		w := newWorld(t, base)
		items := make([]sqloutbox.Item, 1000)
		for i := range items {
			items[i] = principal(name(i))
		}
		w.record(items...)
		before, started := w.revision(), time.Now()
		w.once(w.relay(), len(items))
		t.Logf("1000 rows handed over in %s", time.Since(started).Round(time.Millisecond))
		if n := w.revision() - before; n != 1000 {
			t.Errorf("%d revisions", n)
		}
		for i, call := range w.pub.seen() {
			if call != "revoke "+name(i) {
				t.Fatalf("call %d is %s", i, call)
			}
		}
		started = time.Now()
		w.clear()
		t.Logf("and deleted in %s", time.Since(started).Round(time.Millisecond))
	})
}

// TestPausedPublisherKeepsTheLease: a pass that takes longer than the lease prolongs it.
func TestPausedPublisherKeepsTheLease(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.pub.fails(func(string) (bool, error) {
		<-time.After(400 * time.Millisecond)
		return true, nil
	})
	for i := range 12 {
		w.record(principal(name(i)))
	}
	short := func(o *sqloutbox.RelayOptions) { o.Lease = 4 * time.Second }
	first, second := w.relay(short), w.relay(short)
	done := make(chan error, 1)
	go func() {
		_, err := first.Once(t.Context())
		done <- err
	}()
	eventually(t, "the first is at work", func() bool { return len(w.pub.seen()) > 0 })
	for {
		select {
		case err := <-done:
			must(t, err)
			if n := len(w.pub.seen()); n != 12 {
				t.Errorf("%d calls, want 12", n)
			}
			return
		case <-time.After(20 * time.Millisecond):
			if n, err := second.Once(t.Context()); n != 0 || err != nil && !errors.Is(err, sqloutbox.ErrBusy) {
				t.Fatalf("the second handed over %d: %v", n, err)
			}
		}
	}
}
