package revocast_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/sim"
)

func TestStrengths(t *testing.T) {
	inWorld(t, func(w *world) {
		p, x := w.publisher("p"), w.worker("x", workerOptions{})
		x.bus.Cut(true)
		x.ledger.SetHook(failing)
		p.bus.SetHook(only(sim.OpPublish, always(sim.Fault{After: 300 * time.Millisecond})))
		committed, durable, confirmed := p.revokeAlice(revocast.WithStrength(revocast.Committed)), p.revokeAlice(revocast.WithStrength(revocast.Durable)), p.revokeAlice()
		for _, c := range []struct {
			name        string
			result      <-chan result
			strength    revocast.Strength
			least, most time.Duration
		}{
			{"committed", committed, revocast.Committed, 0, 0},
			{"durable", durable, revocast.Durable, 300 * time.Millisecond, 700 * time.Millisecond},
			{"confirmed", confirmed, revocast.Confirmed, w.terms.Wait(), w.terms.Wait() + 20*time.Millisecond},
		} {
			r := await(t, c.result)
			if r.err != nil || r.receipt.Strength < c.strength || r.took < c.least || r.took > c.most {
				t.Errorf("%s: %s after %s, %v; want %s to %s", c.name, r.receipt.Strength, r.took, r.err, c.least, c.most)
			}
		}
		if _, err := p.Revoke(w.t.Context(), revokeAlice(), revocast.WithStrength(9)); !errors.Is(err, revocast.ErrInvalid) {
			t.Errorf("strength 9: %v", err)
		}
	})
}

func TestPendingReceipt(t *testing.T) {
	inWorld(t, func(w *world) {
		p := w.publisher("p")
		p.bus.SetHook(only(sim.OpPublish, always(sim.NotDone())))
		ctx, cancel := within(time.Second)
		defer cancel()
		r, err := p.Revoke(ctx, revokeAlice())
		if !errors.Is(err, revocast.ErrPending) || !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
		if r.Position.Rev != 1 || r.Strength != revocast.Committed || r.CutOff.IsZero() || !r.NotBefore.After(r.CutOff) {
			t.Errorf("pending receipt %+v", r)
		}
		p.bus.SetHook(nil)
		again, cancel := within(time.Minute)
		defer cancel()
		if r, err := p.Await(again, r.Position); err != nil || r.Strength != revocast.Confirmed {
			t.Errorf("%+v, %v", r, err)
		}
		if r, err := p.Await(again, revocast.Position{Epoch: 1, Rev: 99}); !errors.Is(err, revocast.ErrNotFound) {
			t.Errorf("a receipt that does not exist: %+v, %v", r, err)
		}
	})
}

// TestOutcomeUnknown: the caller leaves before the commit was answered; the job goes on.
func TestOutcomeUnknown(t *testing.T) {
	inWorld(t, func(w *world) {
		p := w.publisher("p")
		p.ledger.SetHook(only(sim.OpCommit, always(sim.Fault{Delay: 2 * time.Second})))
		ctx, cancel := within(time.Second)
		defer cancel()
		if r, err := p.Revoke(ctx, revokeAlice()); !errors.Is(err, revocast.ErrOutcomeUnknown) || !r.Position.IsZero() {
			t.Errorf("%+v, %v", r, err)
		}
		elapse(5 * time.Second)
		if s := p.Stats(); s.Confirmed != 1 {
			t.Errorf("the job did not go on: %+v", s)
		}
	})
}

// TestBothHalvesOfAFailedCommit: it was not done, and it was done but nobody heard.
func TestBothHalvesOfAFailedCommit(t *testing.T) {
	for _, c := range []struct {
		fault sim.Fault
		want  error
		rev   uint64
	}{{sim.NotDone(), revocast.ErrUnavailable, 0}, {sim.Done(revocast.ErrOutcomeUnknown), revocast.ErrOutcomeUnknown, 1}} {
		inWorld(t, func(w *world) {
			p := w.publisher("p")
			p.ledger.SetHook(only(sim.OpCommit, always(c.fault)))
			_, err := p.Revoke(w.t.Context(), revokeAlice(), revocast.WithIdempotencyKey("k"))
			if !errors.Is(err, c.want) || w.ledger.Position().Rev != c.rev {
				t.Errorf("%v, the ledger is at %s", err, w.ledger.Position())
			}
			p.ledger.SetHook(nil)
			r, err := p.Revoke(w.t.Context(), revokeAlice(), revocast.WithIdempotencyKey("k"))
			if err != nil || r.Position.Rev != 1 || w.ledger.Position().Rev != 1 {
				t.Errorf("again: %+v, %v; the ledger is at %s", r, err, w.ledger.Position())
			}
			if n := len(w.bus.Events()); n != 1 {
				t.Errorf("the stream holds %d events", n)
			}
		})
	}
}

func TestIdempotencyKey(t *testing.T) {
	inWorld(t, func(w *world) {
		p := w.publisher("p")
		key := revocast.WithIdempotencyKey("k")
		first, err := p.Revoke(w.t.Context(), revokeAlice(), key)
		w.must(err)
		elapse(time.Minute)
		second, err := p.Revoke(w.t.Context(), revokeAlice(), key)
		if err != nil || second.Position != first.Position || !second.CutOff.Equal(first.CutOff) {
			t.Errorf("first %+v, then %+v, %v", first, second, err)
		}
		if _, err := p.Revoke(w.t.Context(), revocast.Revocation{Scope: revocast.ScopeToken, ID: "x"}, key); !errors.Is(err, revocast.ErrConflict) {
			t.Errorf("something else under the same key: %v", err)
		}
		if _, err := p.Revoke(w.t.Context(), revokeAlice(), revocast.WithIdempotencyKey(strings.Repeat("k", 257))); !errors.Is(err, revocast.ErrInvalid) {
			t.Errorf("a long key: %v", err)
		}
	})
}

func TestBatchLimits(t *testing.T) {
	inWorld(t, func(w *world) {
		p := w.publisher("p")
		for _, n := range []int{0, revocast.MaxBatch + 1} {
			if _, err := p.RevokeBatch(w.t.Context(), make([]revocast.Revocation, n)); !errors.Is(err, revocast.ErrInvalid) {
				t.Errorf("%d at once: %v", n, err)
			}
		}
		rs := make([]revocast.Revocation, revocast.MaxBatch)
		for i := range rs {
			rs[i] = revocast.Revocation{Scope: revocast.ScopeToken, ID: fmt.Sprint(i % 400)}
		}
		receipts, err := p.RevokeBatch(w.t.Context(), rs)
		if err != nil || len(receipts) != len(rs) || w.ledger.Position().Rev != 400 || receipts[401].Position != receipts[1].Position {
			t.Errorf("%d receipts, %v", len(receipts), err)
		}
		rs[7].ID = ""
		if _, err := p.RevokeBatch(w.t.Context(), rs); !errors.Is(err, revocast.ErrInvalid) || !strings.Contains(err.Error(), "item 7") {
			t.Errorf("one bad item: %v", err)
		}
	})
}

// TestDeadWorker: confirmed after W and hardly later; the worker's lease is over by
// then; and the next revocation does not wait again.
func TestDeadWorker(t *testing.T) {
	inWorld(t, func(w *world) {
		p := w.publisher("p")
		alive, dead := w.worker("alive", workerOptions{}), w.worker("dead", workerOptions{})
		token := login("alice")
		w.expect(dead, token, revocast.Allowed)
		elapse(1234 * time.Millisecond)
		dead.bus.Cut(true)
		dead.ledger.SetHook(failing)
		r := await(t, p.revokeAlice())
		if r.err != nil || r.took < w.terms.Wait() || r.took > w.terms.Wait()+20*time.Millisecond {
			t.Errorf("confirmed after %s, %v; want %s", r.took, r.err, w.terms.Wait())
		}
		if want := (revocast.Tally{Live: 2, Confirmed: 1, Lapsed: 1}); r.receipt.Workers != want {
			t.Errorf("tally %+v, want %+v", r.receipt.Workers, want)
		}
		w.expect(alive, token, revocast.Revoked)
		w.expect(dead, token, revocast.Unknown)
		elapse(w.terms.Wait())
		if s := p.Stats(); s.Struck != 1 {
			t.Errorf("%d workers were struck off", s.Struck)
		}
		next := await(t, background(func(ctx context.Context) (revocast.Receipt, error) {
			return p.Revoke(ctx, revocast.Revocation{Scope: revocast.ScopePrincipal, ID: "bob"})
		}))
		if next.err != nil || next.took > 50*time.Millisecond || next.receipt.Workers.Live != 1 {
			t.Errorf("the next one: %+v after %s, %v", next.receipt, next.took, next.err)
		}
		dead.ledger.SetHook(nil)
		dead.bus.Heal()
		elapse(5 * time.Second)
		w.expect(dead, token, revocast.Revoked)
	})
}

// TestLostAcknowledgement: the next renewal says the same.
func TestLostAcknowledgement(t *testing.T) {
	inWorld(t, func(w *world) {
		p, x := w.publisher("p"), w.worker("x", workerOptions{})
		w.bus.SetDelivery(func(m sim.Message) []time.Duration {
			if m.Ack != nil {
				return nil
			}
			return []time.Duration{0}
		})
		r := await(t, p.revokeAlice())
		if most := w.terms.Lease/3 + 150*time.Millisecond; r.err != nil || r.took > most || r.receipt.Workers.Confirmed != 1 {
			t.Errorf("%+v after %s, %v; want at most %s", r.receipt, r.took, r.err, most)
		}
		w.expect(x, bearer("alice", "s", time.Now().Add(-time.Minute), time.Hour), revocast.Revoked)
	})
}

// TestEveryMessageGoesWrong: events lost, late, twice and out of order.
func TestEveryMessageGoesWrong(t *testing.T) {
	inWorld(t, func(w *world) {
		p := w.publisher("p")
		workers := []*simWorker{w.worker("a", workerOptions{}), w.worker("b", workerOptions{}), w.worker("c", workerOptions{})}
		n := 0
		w.bus.SetDelivery(func(sim.Message) []time.Duration {
			n++
			return [][]time.Duration{nil, {0}, {0, 30 * time.Millisecond}, {90 * time.Millisecond}, {5 * time.Millisecond, 4 * time.Millisecond}}[n%5]
		})
		for i := range 60 {
			name := fmt.Sprint("p", i)
			token := login(name)
			_, err := p.Revoke(w.t.Context(), revocast.Revocation{Scope: revocast.ScopePrincipal, ID: name})
			w.must(err)
			for _, x := range workers {
				w.expect(x, token, revocast.Revoked)
			}
		}
	})
}

func TestJoiningAndLeaving(t *testing.T) {
	inWorld(t, func(w *world) {
		p := w.publisher("p")
		var workers []*simWorker
		for i := range 12 {
			workers = append(workers, w.worker(fmt.Sprint("w", i), workerOptions{}))
			if i%3 == 2 {
				workers[0].stop()
				workers = workers[1:]
			}
			name := fmt.Sprint("p", i)
			token := login(name)
			r := await(t, background(func(ctx context.Context) (revocast.Receipt, error) {
				return p.Revoke(ctx, revocast.Revocation{Scope: revocast.ScopePrincipal, ID: name})
			}))
			if want := (revocast.Tally{Live: len(workers), Confirmed: len(workers)}); r.err != nil || r.receipt.Workers != want || r.took > 50*time.Millisecond {
				t.Errorf("%d: %+v after %s, %v; want %+v", i, r.receipt.Workers, r.took, r.err, want)
			}
			for _, x := range workers {
				w.expect(x, token, revocast.Revoked)
			}
		}
	})
}

func TestRefusedPublicationIsRepeated(t *testing.T) {
	inWorld(t, func(w *world) {
		p := w.publisher("p")
		w.bus.Fill(true)
		done := p.revokeAlice(revocast.WithStrength(revocast.Durable))
		elapse(10 * time.Second)
		if s := p.Stats(); s.Unacked != 1 || s.Waiting != 1 {
			t.Errorf("%+v", s)
		}
		w.bus.Fill(false)
		// The longest pause of the relay is four seconds.
		if r := await(t, done); r.err != nil || r.took > 14*time.Second+300*time.Millisecond {
			t.Errorf("durable after %s, %v", r.took, r.err)
		}
		elapse(time.Second)
		if d, err := p.ledger.Describe(w.t.Context()); err != nil || d.Durable != d.Position {
			t.Errorf("the ledger was not told: %+v, %v", d, err)
		}
	})
}

// TestFullStreamIsAskedNowAndThen: what a full stream refuses is neither given up nor asked
// for thousands of times a second.
func TestFullStreamIsAskedNowAndThen(t *testing.T) {
	inWorld(t, func(w *world) {
		p := w.publisher("p")
		w.bus.Fill(true)
		const events = 500
		for i := range events {
			if _, err := p.Revoke(w.t.Context(), revocast.Revocation{Scope: revocast.ScopeToken, ID: fmt.Sprint(i)}, revocast.WithStrength(revocast.Committed)); err != nil {
				t.Fatal(err)
			}
		}
		elapse(10 * time.Second)
		before := p.Stats()
		elapse(time.Minute)
		after := p.Stats()
		if n := after.Republished - before.Republished; n < 10 || n > 60 {
			t.Errorf("%d events were repeated in a minute of a full stream, want one every few seconds", n)
		}
		if after.Unacked != events || after.Refusals < events {
			t.Errorf("%+v", after)
		}
		w.bus.Fill(false)
		elapse(6 * time.Second)
		if s := p.Stats(); s.Unacked != 0 {
			t.Errorf("%d events are still not in the stream", s.Unacked)
		}
	})
}

// TestAdoption: what a publisher committed and did not live to publish.
func TestAdoption(t *testing.T) {
	inWorld(t, func(w *world) {
		p := w.publisher("p")
		at := w.commit("alice", "bob")
		elapse(3 * time.Second)
		if n := len(w.bus.Events()); n != 2 {
			t.Errorf("the stream holds %d events", n)
		}
		again, cancel := within(time.Minute)
		defer cancel()
		if r, err := p.Await(again, at); err != nil || r.Strength != revocast.Confirmed {
			t.Errorf("%+v, %v", r, err)
		}
	})
}

// TestCoveredIsNoSoonerDurable: who revokes what another publisher has committed but
// not published waits for the stream too.
func TestCoveredIsNoSoonerDurable(t *testing.T) {
	inWorld(t, func(w *world) {
		p := w.publisher("p")
		p.bus.SetHook(only(sim.OpPublish, always(sim.NotDone())))
		r := revocast.Revocation{Scope: revocast.ScopeToken, ID: "t"}
		e := revocast.Event{Kind: revocast.KindRevoked, Scope: r.Scope, Key: revocast.KeyOf(realm, r.Scope, issuer, r.ID), CutOff: revocast.Forever}
		_, err := w.ledger.Link("other").Commit(w.t.Context(), "other", []revocast.Event{e})
		w.must(err)
		ctx, cancel := within(5 * time.Second)
		defer cancel()
		if r, err := p.Revoke(ctx, r, revocast.WithStrength(revocast.Durable)); !errors.Is(err, revocast.ErrPending) || r.Position.Rev != 1 {
			t.Errorf("%+v, %v", r, err)
		}
	})
}

func TestAwaitByAnother(t *testing.T) {
	inWorld(t, func(w *world) {
		p, q := w.publisher("p"), w.publisher("q")
		x := w.worker("x", workerOptions{})
		x.bus.Cut(true)
		x.ledger.SetHook(failing)
		r := await(t, p.revokeAlice(revocast.WithStrength(revocast.Committed)))
		w.must(r.err)
		start := time.Now()
		long, cancel := within(time.Minute)
		defer cancel()
		got, err := q.Await(long, r.receipt.Position)
		if err != nil || got.Strength != revocast.Confirmed || !got.CutOff.Equal(r.receipt.CutOff) || time.Since(start) < w.terms.Wait()-100*time.Millisecond {
			t.Errorf("%+v after %s, %v", got, time.Since(start), err)
		}
	})
}

func TestWatch(t *testing.T) {
	inWorldWith(t, sim.LedgerOptions{LogKeep: 2000}, func(w *world) {
		p := w.publisher("p")
		var revs []uint64
		enough := errors.New("enough")
		done := make(chan error, 1)
		go func() {
			done <- p.Watch(context.Background(), revocast.Position{}, func(e revocast.Event) error {
				if revs = append(revs, e.Position.Rev); len(revs) == 1300 {
					return enough
				}
				return nil
			})
		}()
		for i := range 13 {
			var ids []string
			for j := range 100 {
				ids = append(ids, fmt.Sprint(i, "-", j))
			}
			w.commit(ids...)
			elapse(time.Duration(i) * 100 * time.Millisecond)
		}
		if err := await(t, done); !errors.Is(err, enough) {
			t.Error(err)
		}
		for i, rev := range revs {
			if rev != uint64(i+1) {
				t.Fatalf("event %d is revision %d: %v", i, rev, revs[max(0, i-3):i+1])
			}
		}
	})
}

func TestWatchTrimmed(t *testing.T) {
	inWorldWith(t, sim.LedgerOptions{LogKeep: 2}, func(w *world) {
		p := w.publisher("p")
		for i := range 9 {
			_, err := p.Revoke(w.t.Context(), revocast.Revocation{Scope: revocast.ScopePrincipal, ID: fmt.Sprint(i)})
			w.must(err)
		}
		elapse(12 * time.Second) // the stream is seen to hold them, and so the next acknowledgement trims
		_, err := p.Revoke(w.t.Context(), revokeAlice())
		w.must(err)
		elapse(time.Second)
		err = p.Watch(w.t.Context(), revocast.Position{Epoch: 1, Rev: 1}, func(revocast.Event) error { return nil })
		if !errors.Is(err, revocast.ErrTrimmed) {
			t.Errorf("%v", err)
		}
	})
}

// TestQuestionSentBeforeTheAsk: a Verify that was under way when it was asked for
// answers nothing.
func TestQuestionSentBeforeTheAsk(t *testing.T) {
	inWorld(t, func(w *world) {
		p := w.publisher("p")
		var sent []time.Time
		p.ledger.SetHook(only(sim.OpVerify, func(sim.Call) sim.Fault {
			sent = append(sent, time.Now())
			return sim.Fault{After: 400 * time.Millisecond}
		}))
		first := p.revokeAlice()
		elapse(100 * time.Millisecond)
		asked := time.Now()
		second := background(func(ctx context.Context) (revocast.Receipt, error) {
			return p.Revoke(ctx, revocast.Revocation{Scope: revocast.ScopePrincipal, ID: "bob"})
		})
		w.must(await(t, first).err)
		w.must(await(t, second).err)
		if !slices.ContainsFunc(sent, asked.Before) {
			t.Errorf("asked at %s, questions were sent at %s", asked, sent)
		}
	})
}

func TestPublisherMustRun(t *testing.T) {
	inWorld(t, func(w *world) {
		p := revocast.NewPublisher(w.ledger.Link("p"), w.bus.Link("p"), revocast.PublisherOptions{})
		if _, err := p.Revoke(w.t.Context(), revokeAlice()); !errors.Is(err, revocast.ErrNotRunning) {
			t.Errorf("without Run: %v", err)
		}
		q := w.publisher("q")
		if err := q.Run(w.t.Context()); !errors.Is(err, revocast.ErrConflict) {
			t.Errorf("a second Run: %v", err)
		}
	})
}
