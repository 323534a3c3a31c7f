package store_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
	"github.com/revocast/revocast/store"
	"github.com/revocast/revocast/store/storetest"
)

func revoked(n int) revocast.Event {
	return revocast.Event{Kind: revocast.KindRevoked, Scope: revocast.ScopePrincipal, Key: numbered(n)}
}

// TestCommitsOfOneRunAreApart: what one call did wrong, and what somebody put in the place of a state, fails
// that call alone. All that the others wrote is in the log, under revisions without a hole.
func TestCommitsOfOneRunAreApart(t *testing.T) {
	rdb := storetest.Redis(t).Client()
	l, err := store.New(rdb, "r", store.Options{})
	must(t, err)
	ctx := t.Context()
	must(t, storetest.Start(ctx, l, 1))
	must(t, rdb.Set(ctx, "{rv:r}:s:"+numbered(4).String(), "no state", 0).Err())
	key := func(name string) string { return "{rv:r}:i:" + store.Digest(name) }
	must(t, rdb.HSet(ctx, key("seven"), "a", "b").Err())
	future := revoked(2)
	future.CutOff = revocast.Forever - 1
	before, err := l.Describe(ctx)
	must(t, err)
	var args []any
	for i, c := range []struct {
		name      string
		proposals []revocast.Event
	}{
		{"one", []revocast.Event{revoked(1), revoked(1), revoked(5)}},
		{"two", []revocast.Event{revoked(2), future}},
		{"one", []revocast.Event{revoked(3)}},
		{"four", []revocast.Event{revoked(6), revoked(4)}},
		{"one", []revocast.Event{revoked(1), revoked(1), revoked(5)}},
		{"six", []revocast.Event{revoked(7)}},
		{"seven", []revocast.Event{revoked(8)}},
	} {
		more := l.CommitArgs(c.name, c.proposals)
		if i > 0 {
			more = more[3:]
		}
		args = append(args, more...)
	}
	reply, err := rdb.Eval(ctx, store.Scripts()["commit"].Source, []string{"{rv:r}:meta"}, args...).Slice()
	must(t, err)
	var got []string
	for i := 2; i < len(reply); i += 4 {
		text := fmt.Sprint(reply[i], " ", reply[i+3])
		if reply[i] != "no" { // of the entries only the positions
			entries := strings.Split(fmt.Sprint(reply[i+3]), ";")
			text = fmt.Sprint(reply[i])
			for _, e := range entries {
				text += " " + strings.Fields(e)[0]
			}
		}
		got = append(got, text)
	}
	want := []string{
		"0 1-1 1-1 1-2", "no RVINVALID proposal 2: the cut-off is", "no RVCONFLICT the idempotency key",
		"no WRONGTYPE", "1 1-1 1-1 1-2", "0 1-3", "no WRONGTYPE",
	}
	if len(got) != len(want) {
		t.Fatalf("%d answers: %q", len(got), got)
	}
	for i := range want {
		if !strings.HasPrefix(got[i], want[i]) {
			t.Errorf("call %d: %s, want %s", i+1, got[i], want[i])
		}
	}
	entries, err := l.Log(ctx, revocast.Position{Epoch: 1}, 10)
	must(t, err)
	d, err := l.Describe(ctx)
	must(t, err)
	if len(entries) != 3 || d.Position.Rev != 3 || d.Born != before.Born+3 {
		t.Errorf("%d entries in the log, %s, %d states", len(entries), d.Position, d.Born-before.Born)
	}
}

// TestCallersShareRuns: with many callers there are fewer runs than calls, every caller gets its own
// answer, and the log has no hole.
func TestCallersShareRuns(t *testing.T) {
	rdb := storetest.Redis(t).Client()
	l, err := store.New(rdb, "r", store.Options{})
	must(t, err)
	ctx := t.Context()
	must(t, storetest.Start(ctx, l, 1))
	const callers, each = 40, 30
	var all sync.WaitGroup
	var mu sync.Mutex
	fresh := map[revocast.Position]revocast.Key{}
	one := func(n int) {
		c, err := l.Commit(ctx, fmt.Sprint("call", n), []revocast.Event{revoked(n), revoked(n + 10_000)})
		if err != nil || len(c.Entries) != 2 {
			t.Errorf("call %d: %d entries, %v", n, len(c.Entries), err)
			return
		}
		mu.Lock()
		for i, e := range c.Entries {
			if e.Event.Key != []revocast.Key{numbered(n), numbered(n + 10_000)}[i] || !e.Fresh {
				t.Errorf("call %d got entry %+v", n, e)
			}
			fresh[e.Event.Position] = e.Event.Key
		}
		mu.Unlock()
		again, err := l.Commit(ctx, fmt.Sprint("call", n), []revocast.Event{revoked(n), revoked(n + 10_000)})
		if err != nil || !again.Repeated || again.Entries[0].Event.Position != c.Entries[0].Event.Position {
			t.Errorf("call %d again: %+v, %v", n, again, err)
		}
	}
	for c := range callers {
		all.Go(func() {
			for i := range each {
				one(c*each + i)
			}
		})
	}
	all.Wait()
	checkLog(ctx, t, l, fresh)
}

// checkLog compares the log with what the calls were told.
func checkLog(ctx context.Context, t *testing.T, l port.Ledger, fresh map[revocast.Position]revocast.Key) {
	t.Helper()
	entries, err := l.Log(ctx, revocast.Position{Epoch: 1}, 2*len(fresh))
	must(t, err)
	if len(entries) != len(fresh) {
		t.Errorf("%d entries in the log, %d were told", len(entries), len(fresh))
	}
	for i, e := range entries {
		if e.Position.Rev != uint64(i)+1 || fresh[e.Position] != e.Key {
			t.Fatalf("entry %d is %s of %s, told was %s", i, e.Position, e.Key, fresh[e.Position])
		}
	}
}

// TestCommitWithoutTime was not sent, and holds nobody up.
func TestCommitWithoutTime(t *testing.T) {
	srv := storetest.Redis(t)
	l, err := store.New(srv.Client(), "r", store.Options{})
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	must(t, storetest.Start(ctx, l, 1))
	cancel()
	if _, err := l.Commit(ctx, "", []revocast.Event{revoked(1)}); !errors.Is(err, revocast.ErrUnavailable) {
		t.Errorf("a call that has no time: %v", err)
	}
	if c, err := l.Commit(t.Context(), "", []revocast.Event{revoked(1)}); err != nil || !c.Entries[0].Fresh {
		t.Errorf("the next one: %+v, %v", c, err)
	}
}
