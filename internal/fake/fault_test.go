package fake_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/events/eventstest"
	"github.com/revocast/revocast/internal/fake"
	"github.com/revocast/revocast/port"
	"github.com/revocast/revocast/publisher"
	"github.com/revocast/revocast/store/storetest"
)

// complaints keeps what a realm has to say about its callers.
type complaints []string

func (c *complaints) Errorf(format string, args ...any) {
	*c = append(*c, fmt.Sprintf(format, args...))
}

func (c *complaints) expect(t *testing.T, says string) {
	t.Helper()
	if len(*c) != 1 || !strings.Contains((*c)[0], says) {
		t.Errorf("complaints %q, want one that says %q", *c, says)
	}
	*c = nil
}

func (c *complaints) none(t *testing.T) {
	t.Helper()
	if len(*c) != 0 {
		t.Errorf("complaints %q", *c)
	}
	*c = nil
}

// realm is a realm in a bubble, opened in epoch 1.
type realm struct {
	*complaints
	ledger *fake.Ledger
	bus    *fake.Bus
	l      *fake.LedgerLink
	b      *fake.BusLink
}

func inRealm(t *testing.T, test func(t *testing.T, r *realm)) {
	t.Helper()
	inRealmWith(t, fake.LedgerOptions{History: 100}, test)
}

func inRealmWith(t *testing.T, o fake.LedgerOptions, test func(t *testing.T, r *realm)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := &realm{complaints: &complaints{}}
		r.ledger, r.bus = fake.NewRealm(r.complaints, o, fake.BusOptions{})
		r.l, r.b = r.ledger.Link("a"), r.bus.Link("a")
		if _, err := publisher.Init(t.Context(), r.l, r.b, storetest.Terms()); err != nil {
			t.Fatal(err)
		}
		r.none(t)
		test(t, r)
	})
}

func (r *realm) commit(t *testing.T, id string) revocast.Event {
	t.Helper()
	key := revocast.KeyOf("r", revocast.ScopeToken, "i", id)
	c, err := r.l.Commit(t.Context(), id,
		[]revocast.Event{{Kind: revocast.KindRevoked, Scope: revocast.ScopeToken, Key: key, CutOff: revocast.Forever}})
	if err != nil {
		t.Fatal(err)
	}
	return c.Entries[0].Event
}

func TestCallersAreWatched(t *testing.T) {
	inRealm(t, func(t *testing.T, r *realm) {
		ctx := t.Context()
		e := r.commit(t, "x")
		never := e
		never.Position.Rev = 9
		r.b.Publish(never, func(error) {})
		r.expect(t, "never committed")
		_, _ = r.l.Acked(ctx, 1, []uint64{1})
		r.expect(t, "which it never had")
		if err := eventstest.Publish(t, r.b, e); err != nil {
			t.Fatal(err)
		}
		if _, err := r.l.Acked(ctx, 1, []uint64{1}); err != nil {
			t.Fatal(err)
		}
		r.none(t)
		forged := e
		forged.Until++ // and only the reason would be no forgery: the state holds none
		r.bus.Forget(func(revocast.Event) bool { return true })
		r.b.Publish(forged, func(error) {})
		r.expect(t, "in the place of")
		_ = r.b.Acknowledge(port.Ack{Applied: never.Position})
		r.expect(t, "acknowledges 1-9")
		endless := e
		endless.Until = 0
		r.b.Publish(endless, func(error) {})
		r.expect(t, "without an end")

		m := port.MemberID{Class: "default", Worker: "w", Incarnation: "i"}
		if _, err := r.l.Renew(ctx, port.Renewal{Member: m, Limit: 1}); err != nil {
			t.Fatal(err)
		}
		<-time.After(storetest.Terms().Lease - time.Millisecond)
		members, _ := r.l.Members(ctx)
		members.Members[0].Still = time.Hour
		_, _ = r.l.Strike(ctx, members.Members[0])
		r.expect(t, "strikes off default/w/i")

		r.ledger.Restart()
		_, _ = r.l.Describe(ctx)
		d, _ := r.l.Describe(ctx)
		record := port.EpochRecord{Epoch: 2, Server: d.Server, Terms: d.Terms}
		latest, err := r.b.Epoch(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if record, err = r.b.ClaimEpoch(ctx, latest.Sequence, record); err != nil {
			t.Fatal(err)
		}
		if err := r.l.Open(ctx, port.Opening{Epoch: 2, Record: record}); err != nil {
			t.Fatal(err)
		}
		r.none(t)
		_ = r.l.Settle(ctx, 2, 0)
		r.expect(t, "settles epoch 2")
	})
}

// TestBothHalves: each fault does what it says.
func TestBothHalves(t *testing.T) {
	for name, c := range map[string]struct {
		fault fake.Fault
		limit time.Duration
		want  error
		rev   uint64
		took  time.Duration
	}{
		"not done":      {fake.NotDone(), time.Hour, revocast.ErrUnavailable, 0, 0},
		"done, unheard": {fake.Done(revocast.ErrOutcomeUnknown), time.Hour, revocast.ErrOutcomeUnknown, 1, 0},
		"slow":          {fake.Fault{Delay: time.Second, After: time.Second}, time.Hour, nil, 1, 2 * time.Second},
		"too slow": {
			fake.Fault{Delay: time.Second}, time.Millisecond, revocast.ErrUnavailable, 0, time.Millisecond,
		},
		"too slow, and late": {
			fake.Fault{Delay: time.Second, Late: true},
			time.Millisecond, revocast.ErrOutcomeUnknown,
			1, time.Millisecond,
		},
		"answered too late": {
			fake.Fault{After: time.Second}, time.Millisecond, revocast.ErrOutcomeUnknown, 1, time.Millisecond,
		},
	} {
		t.Run(name, func(t *testing.T) {
			inRealm(t, func(t *testing.T, r *realm) {
				r.l.SetHook(func(call fake.Call) fake.Fault {
					if call.Op == fake.OpCommit && call.Link == "a" {
						return c.fault
					}
					return fake.Fault{}
				})
				ctx, cancel := context.WithTimeout(t.Context(), c.limit)
				defer cancel()
				start := time.Now()
				key := revocast.KeyOf("r", revocast.ScopeToken, "i", "x")
				_, err := r.l.Commit(ctx, "x",
					[]revocast.Event{{Kind: revocast.KindRevoked, Scope: revocast.ScopeToken, Key: key}})
				if !errors.Is(err, c.want) || r.ledger.Position().Rev != c.rev || time.Since(start) != c.took {
					t.Errorf("%v after %s, the ledger is at %s", err, time.Since(start), r.ledger.Position())
				}
			})
		})
	}
}

func TestRollBack(t *testing.T) {
	inRealm(t, func(t *testing.T, r *realm) {
		for i := range 5 {
			r.commit(t, fmt.Sprint(i))
		}
		before := r.ledger.State(revocast.KeyOf("r", revocast.ScopeToken, "i", "4"))
		if !r.ledger.RollBack(revocast.Position{Epoch: 1, Rev: 3}) || r.ledger.Position().Rev != 3 {
			t.Fatalf("rolled back to %s", r.ledger.Position())
		}
		if after := r.ledger.State(revocast.KeyOf("r", revocast.ScopeToken, "i", "4")); before.IsZero() ||
			!after.IsZero() {
			t.Errorf("what was rolled back stands: %+v", after)
		}
		if _, err := r.l.Check(t.Context(), nil); !errors.Is(err, revocast.ErrRecovering) {
			t.Errorf("a ledger that was rolled back serves: %v", err)
		}
		if r.ledger.RollBack(revocast.Position{}) && r.ledger.Position().Epoch != 0 {
			t.Errorf("rolled back to the beginning, at %s", r.ledger.Position())
		}
	})
}

func TestStreamLosses(t *testing.T) {
	inRealm(t, func(t *testing.T, r *realm) {
		for i := range 5 {
			if err := eventstest.Publish(t, r.b, r.commit(t, fmt.Sprint(i))); err != nil {
				t.Fatal(err)
			}
		}
		revs := func() (all []uint64) {
			for _, e := range r.bus.Events() {
				all = append(all, e.Position.Rev)
			}
			return all
		}
		r.bus.Truncate(3)
		if got := revs(); !slices.Equal(got, []uint64{1, 2, 3}) {
			t.Errorf("truncated to %v", got)
		}
		r.bus.Forget(func(e revocast.Event) bool { return e.Position.Rev == 2 })
		if got := revs(); !slices.Equal(got, []uint64{1, 3}) {
			t.Errorf("forgot all but %v", got)
		}
		r.bus.Lose()
		if _, err := r.b.Epoch(t.Context()); !errors.Is(err, revocast.ErrNotFound) {
			t.Errorf("a stream that was lost has an epoch record: %v", err)
		}
		if err := eventstest.Publish(t, r.b, r.commit(t, "more")); !errors.Is(err, revocast.ErrUnavailable) {
			t.Errorf("published to a stream that was lost: %v", err)
		}
	})
}

func TestDeliveryAndPartition(t *testing.T) {
	inRealm(t, func(t *testing.T, r *realm) {
		ear, other := r.bus.Link("ear"), r.bus.Link("other")
		heard, stop := eventstest.Tail(t, ear)
		defer func() { _ = stop() }()
		spared, stopOther := eventstest.Tail(t, other)
		defer func() { _ = stopOther() }()
		synctest.Wait()
		r.bus.SetDelivery(func(m fake.Message) []time.Duration {
			if m.To != "ear" {
				return []time.Duration{0}
			}
			return [][]time.Duration{nil, {time.Second}, {0, 2 * time.Second}}[m.Event.Position.Rev%3]
		})
		for i := range 3 { // 1 is late, 2 comes twice, 3 is lost
			if err := eventstest.Publish(t, r.b, r.commit(t, fmt.Sprint(i))); err != nil {
				t.Fatal(err)
			}
		}
		<-time.After(time.Minute)
		var revs []uint64
		for _, e := range heard.Events() {
			revs = append(revs, e.Position.Rev)
		}
		if !slices.Equal(revs, []uint64{2, 1, 2}) || len(spared.Events()) != 3 {
			t.Errorf("heard %v, the other one %d", revs, len(spared.Events()))
		}
		r.bus.SetDelivery(nil)
		ear.Cut(false)
		if err := eventstest.Publish(t, r.b, r.commit(t, "cut")); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if len(heard.Events()) != 3 || len(heard.Suspects()) != 1 || heard.Readies() != 1 {
			t.Errorf("while cut off: %d events, %d suspicions", len(heard.Events()), len(heard.Suspects()))
		}
		if _, err := ear.Epoch(t.Context()); !errors.Is(err, revocast.ErrUnavailable) {
			t.Errorf("a process that is cut off reads the epoch: %v", err)
		}
		ear.Heal()
		synctest.Wait()
		if heard.Readies() != 2 || len(heard.Suspects()) != 1 {
			t.Errorf("healed: ready %d times, %d suspicions", heard.Readies(), len(heard.Suspects()))
		}
		ear.Cut(true)
		synctest.Wait()
		if len(heard.Suspects()) != 1 {
			t.Error("a silent partition was told")
		}
		ear.Heal()
		synctest.Wait()
		if len(heard.Suspects()) != 2 || heard.Readies() != 3 {
			t.Error("the end of a silent partition was not told")
		}
	})
}
