package fake_test

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/events/eventstest"
	"github.com/revocast/revocast/internal/fake"
	"github.com/revocast/revocast/port"
)

// TestTrimmedOnDemand: a worker that is behind meets ErrTrimmed, and nothing goes that
// the stream was not seen to hold.
func TestTrimmedOnDemand(t *testing.T) {
	inRealm(t, func(t *testing.T, r *realm) {
		ctx, end := t.Context(), r.published(t)
		if _, err := r.l.Acked(ctx, 1, []uint64{1, 2, 3, 4, 5}); err != nil {
			t.Fatal(err)
		}
		trimmed := func(want uint64) {
			t.Helper()
			r.ledger.Trim(0)
			if d, err := r.l.Describe(ctx); err != nil || d.Trimmed.Rev != want {
				t.Errorf("trimmed at %s, %v; want revision %d", d.Trimmed, err, want)
			}
		}
		trimmed(0) // the mark is where the ledger was opened
		d, _ := r.l.Describe(ctx)
		mark := port.StreamMark{Point: end, Complete: revocast.Position{Epoch: 1, Rev: 3}}
		if err := r.l.Mark(ctx, d.Mark.Point, mark); err != nil {
			t.Fatal(err)
		}
		trimmed(3)
		for rev, want := range map[uint64]error{2: revocast.ErrTrimmed, 3: nil} {
			m := port.MemberID{Class: "default", Worker: "w", Incarnation: fmt.Sprint(rev)}
			at := revocast.Position{Epoch: 1, Rev: rev}
			if _, err := r.l.Renew(ctx, port.Renewal{Member: m, Applied: at, Limit: 9}); !errors.Is(err, want) {
				t.Errorf("renewal at %s: %v, want %v", at, err, want)
			}
			if _, err := r.l.Log(ctx, at, 9); !errors.Is(err, want) {
				t.Errorf("log after %s: %v, want %v", at, err, want)
			}
		}
		if m, _ := r.l.Members(ctx); len(m.Members) != 1 {
			t.Errorf("members: %+v", m.Members)
		}
		r.none(t)
	})
}

// TestSnapshotSpansChanges: what stands all the while comes, whatever comes and goes
// between the pages.
func TestSnapshotSpansChanges(t *testing.T) {
	inRealmWith(t, fake.LedgerOptions{Page: 3}, func(t *testing.T, r *realm) {
		for i := range 20 {
			r.commit(t, fmt.Sprint(i))
		}
		seen, total, pages := map[revocast.Key]bool{}, 0, 0
		for cursor := ""; ; pages++ {
			page, err := r.l.Snapshot(t.Context(), cursor)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range page.States {
				seen[s.Key] = true
			}
			total += len(page.States)
			if cursor = page.Next; cursor == "" {
				break
			}
			r.commit(t, fmt.Sprint("between", pages))
		}
		for i := range 20 {
			if !seen[revocast.KeyOf("r", revocast.ScopeToken, "i", fmt.Sprint(i))] {
				t.Errorf("state %d did not come", i)
			}
		}
		if pages < 6 || total <= len(seen) {
			t.Errorf("%d pages with %d states, %d of them different; want some twice", pages+1, total, len(seen))
		}
	})
}

// TestHostileAcks: acknowledgements go to the publishers as they are, whatever member they name.
func TestHostileAcks(t *testing.T) {
	inRealm(t, func(t *testing.T, r *realm) {
		heard := make(chan port.Ack, 9)
		go func() { _ = r.b.Acks(t.Context(), func(a port.Ack) { heard <- a }) }()
		synctest.Wait()
		for _, a := range []port.Ack{
			{
				Member:  port.MemberID{Class: "default", Worker: "nobody", Incarnation: "0"},
				Applied: revocast.Position{Epoch: 1},
			},
			{
				Member:  port.MemberID{Class: "default", Worker: "w", Incarnation: "1"},
				Applied: revocast.Position{Epoch: 9, Rev: 1 << 60},
			},
			{},
		} {
			r.bus.InjectAck(a)
			if got := <-heard; got != a {
				t.Errorf("%+v came as %+v", a, got)
			}
		}
		if err := eventstest.Publish(t, r.b, r.commit(t, "x")); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if len(heard) != 0 {
			t.Error("an event came as an acknowledgement")
		}
		r.none(t)
	})
}
