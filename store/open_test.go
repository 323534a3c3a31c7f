package store_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
	"github.com/revocast/revocast/store"
	"github.com/revocast/revocast/store/storetest"
)

func numberedProposals(from, to int) []revocast.Event {
	var all []revocast.Event
	for n := from; n < to; n++ {
		all = append(all, revocast.Event{Kind: revocast.KindRevoked, Scope: revocast.ScopePrincipal, Key: numbered(n)})
	}
	return all
}

// TestInterruptedOpen: the server is replaced between the steps of an opening, several
// times, and nothing that the stream was not seen to have is left out.
func TestInterruptedOpen(t *testing.T) {
	ctx := within(t, 30*time.Second)
	server := storetest.Redis(t)
	l := newLedger(t, server.Client(), store.Options{})
	must(t, storetest.Start(ctx, l, 1))
	const n, seen = 23, 3
	commit(t, l, "", numberedProposals(0, n)...)
	now := time.Now().UnixMilli()
	point := port.StreamPoint{Created: 1, Sequence: seen, Stored: now}
	must(t, l.Mark(ctx, port.StreamPoint{},
		port.StreamMark{Point: point, Complete: revocast.Position{Epoch: 1, Rev: seen}}))
	var all []uint64
	for rev := uint64(1); rev <= n; rev++ {
		all = append(all, rev)
	}
	_, err := l.Acked(ctx, 1, all)
	must(t, err)

	for range 3 {
		server.Replace()
		d, err := l.Describe(ctx)
		must(t, err)
		for range 2 {
			done, err := l.OpenStep(ctx, openingOf(d, point), 5)
			must(t, err)
			if done {
				t.Fatal("open after a few entries")
			}
		}
	}
	// Events read from the stream meanwhile are durable only if nothing else was logged in between.
	_, err = l.Restore(ctx, 4, []revocast.Event{{
		Position: revocast.Position{Epoch: 1, Rev: 99}, Kind: revocast.KindRevoked, Scope: revocast.ScopePrincipal,
		Key: numbered(99), CutOff: 1, Until: now + 3_600_000,
	}})
	must(t, err)
	d, err := l.Describe(ctx)
	must(t, err)
	must(t, l.Open(ctx, openingOf(d, point)))
	d, err = l.Describe(ctx)
	must(t, err)
	if d.Durable.Rev != 0 || d.Mark.Complete.Rev != 0 {
		t.Errorf("durable %s, complete %s; want both 4-0", d.Durable, d.Mark.Complete)
	}
	events, err := l.Log(ctx, revocast.Position{Epoch: 4}, 1000)
	must(t, err)
	got := map[revocast.Key]bool{}
	for _, e := range events {
		got[e.Key] = true
	}
	if want := n - seen + 1; len(events) != want {
		t.Errorf("%d entries in the log of the last epoch, want %d: each once", len(events), want)
	}
	for i := range n {
		if want := i >= seen; got[numbered(i)] != want {
			t.Errorf("revision 1-%d is in the log of the last epoch: %v, want %v", i+1, got[numbered(i)], want)
		}
	}
}

func openingOf(d port.Description, end port.StreamPoint) port.Opening {
	record := port.EpochRecord{Epoch: d.Position.Epoch, Server: d.Server, Sequence: 10 + d.Position.Epoch}
	return port.Opening{Epoch: d.Position.Epoch, Record: record, Stream: end}
}

// TestWitnessesAreFew: whatever the marks, the list has a bound.
func TestWitnessesAreFew(t *testing.T) {
	ctx := within(t, 30*time.Second)
	rdb := storetest.Redis(t).Client()
	l, err := store.New(rdb, "witnesses", store.Options{})
	must(t, err)
	must(t, storetest.Start(ctx, l, 1))
	keeps := storetest.Terms().StreamOptions().MaxAge
	from := time.Now().UnixMilli() - keeps
	var was port.StreamPoint
	for i := range int64(1500) { // three for each that is kept, as far as into the future
		p := port.StreamPoint{Created: 1, Sequence: uint64(i + 1), Stored: from + i*keeps/1000}
		must(t, l.Mark(ctx, was, port.StreamMark{Point: p, Complete: revocast.Position{Epoch: 1}}))
		was = p
	}
	if n := rdb.LLen(ctx, "{rv:witnesses}:witnesses").Val(); n < 500 || n > 520 {
		t.Errorf("%d witnesses, want 500 to 520", n)
	}
	must(t, l.Reopen(ctx, 2, ""))
	if n := rdb.Exists(ctx, "{rv:witnesses}:witnesses").Val(); n != 0 {
		t.Error("the witnesses of a mark that was forgotten are kept")
	}
}

func TestTurnRefuses(t *testing.T) {
	ctx := within(t, 10*time.Second)
	l := newLedger(t, storetest.Redis(t).Client(), store.Options{})
	must(t, storetest.Start(ctx, l, 1))
	for i, c := range []struct {
		task, holder string
		d            time.Duration
	}{
		{"a b", "h", time.Second},
		{"", "h", time.Second},
		{"t", "", time.Second},
		{"t", "h", 0},
		{"t", "h", time.Microsecond},
	} {
		if _, err := l.Turn(ctx, c.task, c.holder, c.d); !errors.Is(err, revocast.ErrInvalid) {
			t.Errorf("turn %s: %v, want ErrInvalid", fmt.Sprint(i), err)
		}
	}
	for _, after := range []string{"a b", "a\n", "é"} {
		if err := l.Reopen(ctx, 2, after); !errors.Is(err, revocast.ErrInvalid) {
			t.Errorf("Reopen after %q: %v, want ErrInvalid", after, err)
		}
	}
	if err := l.Reopen(ctx, 0, ""); !errors.Is(err, revocast.ErrInvalid) {
		t.Errorf("Reopen at epoch 0: %v, want ErrInvalid", err)
	}
}
