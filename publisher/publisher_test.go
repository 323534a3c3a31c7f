package publisher_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/fake"
	"github.com/revocast/revocast/internal/fleettest"
)

func TestStrengths(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		p, x := w.Publisher("p"), w.Worker("x", fleettest.WorkerOptions{})
		x.Bus.Cut(true)
		x.Ledger.SetHook(fleettest.Failing)
		p.Bus.SetHook(fleettest.Only(fake.OpPublish, fleettest.Always(fake.Fault{After: 300 * time.Millisecond})))
		committed, durable, confirmed := p.RevokeAlice(
			revocast.WithStrength(revocast.Committed),
		), p.RevokeAlice(revocast.WithStrength(revocast.Durable)), p.RevokeAlice()
		for _, c := range []struct {
			name        string
			result      <-chan fleettest.Result
			strength    revocast.Strength
			least, most time.Duration
		}{
			{"committed", committed, revocast.Committed, 0, 0},
			{"durable", durable, revocast.Durable, 300 * time.Millisecond, 700 * time.Millisecond},
			{"confirmed", confirmed, revocast.Confirmed, w.Terms.Wait(), w.Terms.Wait() + 20*time.Millisecond},
		} {
			r := fleettest.Await(t, c.result)
			if r.Err != nil || r.Receipt.Strength < c.strength || r.Took < c.least || r.Took > c.most {
				t.Errorf("%s: %s after %s, %v; want %s to %s", c.name, r.Receipt.Strength, r.Took, r.Err, c.least,
					c.most)
			}
		}
		if _, err := p.Revoke(
			w.T.Context(), fleettest.RevokeAlice(), revocast.WithStrength(9),
		); !errors.Is(err, revocast.ErrInvalid) {
			t.Errorf("strength 9: %v", err)
		}
	})
}

func TestPendingReceipt(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		p := w.Publisher("p")
		p.Bus.SetHook(fleettest.Only(fake.OpPublish, fleettest.Always(fake.NotDone())))
		ctx, cancel := fleettest.Within(time.Second)
		defer cancel()
		r, err := p.Revoke(ctx, fleettest.RevokeAlice())
		if !errors.Is(err, revocast.ErrPending) || !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
		if r.Position.Rev != 1 || r.Strength != revocast.Committed || r.CutOff.IsZero() ||
			!r.NotBefore.After(r.CutOff) {
			t.Errorf("pending receipt %+v", r)
		}
		p.Bus.SetHook(nil)
		again, cancel := fleettest.Within(time.Minute)
		defer cancel()
		if r, err := p.Await(again, r.Position); err != nil || r.Strength != revocast.Confirmed {
			t.Errorf("%+v, %v", r, err)
		}
		if r, err := p.Await(again, revocast.Position{Epoch: 1, Rev: 99}); !errors.Is(err, revocast.ErrNotFound) {
			t.Errorf("a receipt that does not exist: %+v, %v", r, err)
		}
	})
}

// TestOutcomeUnknown: the caller leaves before the commit is answered; the job continues.
func TestOutcomeUnknown(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		p := w.Publisher("p")
		p.Ledger.SetHook(fleettest.Only(fake.OpCommit, fleettest.Always(fake.Fault{Delay: 2 * time.Second})))
		ctx, cancel := fleettest.Within(time.Second)
		defer cancel()
		if r, err := p.Revoke(ctx, fleettest.RevokeAlice()); !errors.Is(err, revocast.ErrOutcomeUnknown) ||
			!r.Position.IsZero() {
			t.Errorf("%+v, %v", r, err)
		}
		fleettest.Elapse(5 * time.Second)
		if s := p.Stats(); s.Confirmed != 1 {
			t.Errorf("the job did not go on: %+v", s)
		}
	})
}

// TestBothHalvesOfAFailedCommit: it was not done, and it was done but nobody heard.
func TestBothHalvesOfAFailedCommit(t *testing.T) {
	for _, c := range []struct {
		fault fake.Fault
		want  error
		rev   uint64
	}{{
		fake.NotDone(), revocast.ErrUnavailable, 0,
	}, {fake.Done(revocast.ErrOutcomeUnknown), revocast.ErrOutcomeUnknown, 1}} {
		fleettest.InWorld(t, func(w *fleettest.World) {
			p := w.Publisher("p")
			p.Ledger.SetHook(fleettest.Only(fake.OpCommit, fleettest.Always(c.fault)))
			_, err := p.Revoke(w.T.Context(), fleettest.RevokeAlice(), revocast.WithIdempotencyKey("k"))
			if !errors.Is(err, c.want) || w.Ledger.Position().Rev != c.rev {
				t.Errorf("%v, the ledger is at %s", err, w.Ledger.Position())
			}
			p.Ledger.SetHook(nil)
			r, err := p.Revoke(w.T.Context(), fleettest.RevokeAlice(), revocast.WithIdempotencyKey("k"))
			if err != nil || r.Position.Rev != 1 || w.Ledger.Position().Rev != 1 {
				t.Errorf("again: %+v, %v; the ledger is at %s", r, err, w.Ledger.Position())
			}
			if n := len(w.Bus.Events()); n != 1 {
				t.Errorf("the stream holds %d events", n)
			}
		})
	}
}

func TestIdempotencyKey(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		p := w.Publisher("p")
		key := revocast.WithIdempotencyKey("k")
		first, err := p.Revoke(w.T.Context(), fleettest.RevokeAlice(), key)
		w.Must(err)
		fleettest.Elapse(time.Minute)
		second, err := p.Revoke(w.T.Context(), fleettest.RevokeAlice(), key)
		if err != nil || second.Position != first.Position || !second.CutOff.Equal(first.CutOff) {
			t.Errorf("first %+v, then %+v, %v", first, second, err)
		}
		if _, err := p.Revoke(
			w.T.Context(), revocast.Revocation{Scope: revocast.ScopeToken, ID: "x"}, key,
		); !errors.Is(err, revocast.ErrConflict) {
			t.Errorf("something else under the same key: %v", err)
		}
		if _, err := p.Revoke(
			w.T.Context(), fleettest.RevokeAlice(), revocast.WithIdempotencyKey(strings.Repeat("k", 257)),
		); !errors.Is(err, revocast.ErrInvalid) {
			t.Errorf("a long key: %v", err)
		}
	})
}

func TestBatchLimits(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		p := w.Publisher("p")
		for _, n := range []int{0, revocast.MaxBatch + 1} {
			if _, err := p.RevokeBatch(
				w.T.Context(), make([]revocast.Revocation, n),
			); !errors.Is(err, revocast.ErrInvalid) {
				t.Errorf("%d at once: %v", n, err)
			}
		}
		rs := make([]revocast.Revocation, revocast.MaxBatch)
		for i := range rs {
			rs[i] = revocast.Revocation{Scope: revocast.ScopeToken, ID: fmt.Sprint(i % 400)}
		}
		receipts, err := p.RevokeBatch(w.T.Context(), rs)
		if err != nil || len(receipts) != len(rs) || w.Ledger.Position().Rev != 400 ||
			receipts[401].Position != receipts[1].Position {
			t.Errorf("%d receipts, %v", len(receipts), err)
		}
		rs[7].ID = ""
		if _, err := p.RevokeBatch(w.T.Context(), rs); !errors.Is(err, revocast.ErrInvalid) ||
			!strings.Contains(err.Error(), "item 7") {
			t.Errorf("one bad item: %v", err)
		}
	})
}

// TestDeadWorker: confirmed after W and hardly later; the worker's lease is over by
// then; and the next revocation does not wait again.
func TestDeadWorker(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		p := w.Publisher("p")
		alive, dead := w.Worker("alive", fleettest.WorkerOptions{}), w.Worker("dead", fleettest.WorkerOptions{})
		token := fleettest.Login("alice")
		w.Expect(dead, token, revocast.Allowed)
		fleettest.Elapse(1234 * time.Millisecond)
		dead.Bus.Cut(true)
		dead.Ledger.SetHook(fleettest.Failing)
		r := fleettest.Await(t, p.RevokeAlice())
		if r.Err != nil || r.Took < w.Terms.Wait() || r.Took > w.Terms.Wait()+20*time.Millisecond {
			t.Errorf("confirmed after %s, %v; want %s", r.Took, r.Err, w.Terms.Wait())
		}
		if want := (revocast.Tally{Live: 2, Confirmed: 1, Lapsed: 1}); r.Receipt.Workers != want {
			t.Errorf("tally %+v, want %+v", r.Receipt.Workers, want)
		}
		w.Expect(alive, token, revocast.Revoked)
		w.Expect(dead, token, revocast.Unknown)
		fleettest.Elapse(w.Terms.Wait())
		if s := p.Stats(); s.Struck != 1 {
			t.Errorf("%d workers were struck off", s.Struck)
		}
		next := fleettest.Await(t, fleettest.Background(func(ctx context.Context) (revocast.Receipt, error) {
			return p.Revoke(ctx, revocast.Revocation{Scope: revocast.ScopePrincipal, ID: "bob"})
		}))
		if next.Err != nil || next.Took > 50*time.Millisecond || next.Receipt.Workers.Live != 1 {
			t.Errorf("the next one: %+v after %s, %v", next.Receipt, next.Took, next.Err)
		}
		dead.Ledger.SetHook(nil)
		dead.Bus.Heal()
		fleettest.Elapse(5 * time.Second)
		w.Expect(dead, token, revocast.Revoked)
	})
}

// TestLostAcknowledgement: the next renewal says the same.
func TestLostAcknowledgement(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		p, x := w.Publisher("p"), w.Worker("x", fleettest.WorkerOptions{})
		w.Bus.SetDelivery(func(m fake.Message) []time.Duration {
			if m.Ack != nil {
				return nil
			}
			return []time.Duration{0}
		})
		r := fleettest.Await(t, p.RevokeAlice())
		if most := w.Terms.Lease/3 + 150*time.Millisecond; r.Err != nil || r.Took > most ||
			r.Receipt.Workers.Confirmed != 1 {
			t.Errorf("%+v after %s, %v; want at most %s", r.Receipt, r.Took, r.Err, most)
		}
		w.Expect(x, fleettest.Bearer("alice", "s", time.Now().Add(-time.Minute), time.Hour), revocast.Revoked)
	})
}

// TestEveryMessageGoesWrong: events lost, late, twice and out of order.
func TestEveryMessageGoesWrong(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		p := w.Publisher("p")
		workers := []*fleettest.SimWorker{w.Worker(
			"a", fleettest.WorkerOptions{},
		), w.Worker("b", fleettest.WorkerOptions{}), w.Worker("c", fleettest.WorkerOptions{})}
		n := 0
		w.Bus.SetDelivery(func(fake.Message) []time.Duration {
			n++
			return [][]time.Duration{nil, {
				0,
			}, {0, 30 * time.Millisecond}, {90 * time.Millisecond}, {5 * time.Millisecond, 4 * time.Millisecond}}[n%5]
		})
		for i := range 60 {
			name := fmt.Sprint("p", i)
			token := fleettest.Login(name)
			_, err := p.Revoke(w.T.Context(), revocast.Revocation{Scope: revocast.ScopePrincipal, ID: name})
			w.Must(err)
			for _, x := range workers {
				w.Expect(x, token, revocast.Revoked)
			}
		}
	})
}

func TestJoiningAndLeaving(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		p := w.Publisher("p")
		var workers []*fleettest.SimWorker
		for i := range 12 {
			workers = append(workers, w.Worker(fmt.Sprint("w", i), fleettest.WorkerOptions{}))
			if i%3 == 2 {
				workers[0].Stop()
				workers = workers[1:]
			}
			name := fmt.Sprint("p", i)
			token := fleettest.Login(name)
			r := fleettest.Await(t, fleettest.Background(func(ctx context.Context) (revocast.Receipt, error) {
				return p.Revoke(ctx, revocast.Revocation{Scope: revocast.ScopePrincipal, ID: name})
			}))
			if want := (revocast.Tally{Live: len(workers), Confirmed: len(workers)}); r.Err != nil ||
				r.Receipt.Workers != want || r.Took > 50*time.Millisecond {
				t.Errorf("%d: %+v after %s, %v; want %+v", i, r.Receipt.Workers, r.Took, r.Err, want)
			}
			for _, x := range workers {
				w.Expect(x, token, revocast.Revoked)
			}
		}
	})
}

func TestRefusedPublicationIsRepeated(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		p := w.Publisher("p")
		w.Bus.Fill(true)
		done := p.RevokeAlice(revocast.WithStrength(revocast.Durable))
		fleettest.Elapse(10 * time.Second)
		if s := p.Status(); s.Unacked != 1 || s.Waiting != 1 {
			t.Errorf("%+v", s)
		}
		w.Bus.Fill(false)
		// The longest pause of the relay is four seconds.
		if r := fleettest.Await(t, done); r.Err != nil || r.Took > 14*time.Second+300*time.Millisecond {
			t.Errorf("durable after %s, %v", r.Took, r.Err)
		}
		fleettest.Elapse(time.Second)
		if d, err := p.Ledger.Describe(w.T.Context()); err != nil || d.Durable != d.Position {
			t.Errorf("the ledger was not told: %+v, %v", d, err)
		}
	})
}

// TestFullStreamIsAskedNowAndThen: an event that a full stream refuses is neither given up nor
// sent thousands of times a second.
func TestFullStreamIsAskedNowAndThen(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		p := w.Publisher("p")
		w.Bus.Fill(true)
		const events = 500
		for i := range events {
			if _, err := p.Revoke(w.T.Context(), revocast.Revocation{
				Scope: revocast.ScopeToken, ID: fmt.Sprint(i),
			}, revocast.WithStrength(revocast.Committed)); err != nil {
				t.Fatal(err)
			}
		}
		fleettest.Elapse(10 * time.Second)
		before := p.Stats()
		fleettest.Elapse(time.Minute)
		after := p.Stats()
		if n := after.Republished - before.Republished; n < 10 || n > 60 {
			t.Errorf("%d events were repeated in a minute of a full stream, want one every few seconds", n)
		}
		if p.Status().Unacked != events || after.Refusals < events {
			t.Errorf("%+v", after)
		}
		w.Bus.Fill(false)
		fleettest.Elapse(6 * time.Second)
		if s := p.Status(); s.Unacked != 0 {
			t.Errorf("%d events are still not in the stream", s.Unacked)
		}
	})
}

// TestAdoption: a publisher commits an event and dies before publishing it.
func TestAdoption(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		p := w.Publisher("p")
		at := w.Commit("alice", "bob")
		fleettest.Elapse(3 * time.Second)
		if n := len(w.Bus.Events()); n != 2 {
			t.Errorf("the stream holds %d events", n)
		}
		again, cancel := fleettest.Within(time.Minute)
		defer cancel()
		if r, err := p.Await(again, at); err != nil || r.Strength != revocast.Confirmed {
			t.Errorf("%+v, %v", r, err)
		}
	})
}

// TestCoveredIsNoSoonerDurable: a caller that revokes what another publisher has committed but
// not published also waits for the stream.
func TestCoveredIsNoSoonerDurable(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		p := w.Publisher("p")
		p.Bus.SetHook(fleettest.Only(fake.OpPublish, fleettest.Always(fake.NotDone())))
		r := revocast.Revocation{Scope: revocast.ScopeToken, ID: "t"}
		e := revocast.Event{
			Kind: revocast.KindRevoked, Scope: r.Scope, Names: 1, Key: fleettest.KeyOf(r.Scope, fleettest.Issuer, r.ID),
			CutOff: revocast.Forever,
		}
		_, err := w.Ledger.Link("other").Commit(w.T.Context(), "other", []revocast.Event{e})
		w.Must(err)
		ctx, cancel := fleettest.Within(5 * time.Second)
		defer cancel()
		if r, err := p.Revoke(ctx, r, revocast.WithStrength(revocast.Durable)); !errors.Is(err, revocast.ErrPending) ||
			r.Position.Rev != 1 {
			t.Errorf("%+v, %v", r, err)
		}
	})
}

func TestAwaitByAnother(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		p, q := w.Publisher("p"), w.Publisher("q")
		x := w.Worker("x", fleettest.WorkerOptions{})
		x.Bus.Cut(true)
		x.Ledger.SetHook(fleettest.Failing)
		r := fleettest.Await(t, p.RevokeAlice(revocast.WithStrength(revocast.Committed)))
		w.Must(r.Err)
		start := time.Now()
		long, cancel := fleettest.Within(time.Minute)
		defer cancel()
		got, err := q.Await(long, r.Receipt.Position)
		if err != nil || got.Strength != revocast.Confirmed || !got.CutOff.Equal(r.Receipt.CutOff) ||
			time.Since(start) < w.Terms.Wait()-100*time.Millisecond {
			t.Errorf("%+v after %s, %v", got, time.Since(start), err)
		}
	})
}
