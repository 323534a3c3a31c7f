package revocast_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing/synctest"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/cache"
	"github.com/revocast/revocast/internal/sim"
)

// commit makes revisions without a publisher: nothing is broadcast.
func (w *world) commit(ids ...string) revocast.Position {
	w.t.Helper()
	var events []revocast.Event
	for _, id := range ids {
		events = append(events, revocast.Event{
			Kind: revocast.KindRevoked, Scope: revocast.ScopePrincipal, Key: revocast.KeyOf(realm, revocast.ScopePrincipal, issuer, id),
		})
	}
	c, err := w.ledger.Link("commit").Commit(w.t.Context(), fmt.Sprint(time.Now().UnixNano(), ids), events)
	w.must(err)
	return c.Entries[len(ids)-1].Event.Position
}

// broadcast sends what the log holds after a position to every tail.
func (w *world) broadcast(after revocast.Position, which ...uint64) {
	w.t.Helper()
	entries, err := w.ledger.Link("broadcast").Log(w.t.Context(), after, 1000)
	w.must(err)
	for _, rev := range which {
		for _, e := range entries {
			if e.Position.Rev == rev {
				w.bus.Inject(e)
			}
		}
	}
	synctest.Wait()
}

func (w *world) broadcastNow(at revocast.Position) {
	entries, err := w.ledger.Link("broadcast").Log(context.Background(), revocast.Position{Epoch: at.Epoch, Rev: at.Rev - 1}, 1)
	if err == nil && len(entries) == 1 {
		w.bus.Inject(entries[0])
	}
}

func (w *world) warned(what string, call func(context.Context) (revocast.Receipt, error), want ...string) {
	w.t.Helper()
	ctx, cancel := within(time.Minute)
	defer cancel()
	r, err := call(ctx)
	if err != nil {
		w.t.Fatalf("%s: %v", what, err)
	}
	if len(r.Warnings) != len(want) {
		w.t.Errorf("%s: warnings %q, want %d", what, r.Warnings, len(want))
		return
	}
	for i, part := range want {
		if !strings.Contains(r.Warnings[i], part) {
			w.t.Errorf("%s: warning %q, want %q in it", what, r.Warnings[i], part)
		}
	}
}

// accepting starts a worker that accepts these issuers, with one key each.
func (w *world) accepting(name string, issuers ...string) *knowing {
	k, list := &knowing{}, []revocast.ReachIssuer(nil)
	for _, i := range issuers {
		list = append(list, revocast.ReachIssuer{Name: i, KeyIDs: []string{"k1"}})
	}
	k.accept(list...)
	x := &simWorker{ledger: w.ledger.Link(name), bus: w.bus.Link(name)}
	x.sub = revocast.NewSubscriber(x.ledger, x.bus, cache.New(cache.Options{}), revocast.SubscriberOptions{Worker: name, Logger: logger()})
	x.Guard = revocast.NewGuard(x.sub, k, revocast.GuardOptions{})
	w.run(x.sub.Run)
	w.await(x.sub.Ready())
	return k
}

func (p *simPublisher) revokeAlice(opts ...revocast.CallOption) <-chan result {
	return background(func(ctx context.Context) (revocast.Receipt, error) { return p.Revoke(ctx, revokeAlice(), opts...) })
}

// twoEpochs makes a realm in its third epoch, with something revoked in each.
func (w *world) threeEpochs(p *simPublisher) {
	w.t.Helper()
	for i := range 3 {
		if i > 0 {
			w.ledger.Restart()
			elapse(10 * time.Second)
		}
		w.revokeMany(p, 4*i, 4)
		elapse(12 * time.Second)
	}
}

func (w *world) record() revocast.EpochRecord {
	w.t.Helper()
	r, err := w.bus.Link("onlooker").Epoch(w.t.Context())
	w.must(err)
	return r
}

// askingWorker is a worker without a lease and without an index, so that every check
// asks the ledger.
func (w *world) askingWorker(o revocast.GuardOptions, check func(sim.Call) sim.Fault) *simWorker {
	x := w.newWorker("w", workerOptions{guard: o})
	x.ledger.SetHook(func(c sim.Call) sim.Fault {
		switch c.Op {
		case sim.OpCheck:
			return check(c)
		case sim.OpSight: // what answers a check can be told of a token
			return sim.Fault{}
		}
		return sim.NotDone()
	})
	return x
}

// forgetFirst lets the stream drop its first n events before they are too old.
func (w *world) forgetFirst(n int) {
	w.bus.Forget(func(revocast.Event) bool { n--; return n >= 0 })
}

// loggedPublisher is a publisher whose log is kept.
func (w *world) loggedPublisher(name string) (*simPublisher, *logLines) {
	lines := newLogLines()
	p := &simPublisher{ledger: w.ledger.Link(name), bus: w.bus.Link(name)}
	p.Publisher = revocast.NewPublisher(p.ledger, p.bus, revocast.PublisherOptions{Logger: slog.New(lines)})
	p.stop = w.run(p.Run)
	w.await(p.Ready())
	return p, lines
}

func (w *world) wantEqual(states int) {
	w.t.Helper()
	if r := w.audit(); !r.OK() || r.Ledger != states || r.Stream != states {
		w.t.Errorf("audit: %+v, want %d equal states", r, states)
	}
}

// revokeMany makes n confirmed revocations of different scopes.
func (w *world) revokeMany(p *simPublisher, from, n int) {
	w.t.Helper()
	for i := from; i < from+n; i++ {
		_, err := p.Revoke(w.t.Context(), revocast.Revocation{Scope: revocast.Scope(i%4 + 1), ID: fmt.Sprint("id", i)})
		w.must(err)
	}
}

// audit compares the stores.
func (w *world) audit() revocast.AuditReport {
	w.t.Helper()
	w.inits++
	name := fmt.Sprint("audit", w.inits)
	r, err := revocast.Audit(w.t.Context(), w.ledger.Link(name), w.bus.Link(name))
	w.must(err)
	return r
}

// result is what a call in the background came to.
type result struct {
	receipt revocast.Receipt
	err     error
	took    time.Duration
}

func background(call func(context.Context) (revocast.Receipt, error)) <-chan result {
	c := make(chan result, 1)
	start := time.Now()
	go func() {
		r, err := call(context.Background())
		c <- result{r, err, time.Since(start)}
	}()
	return c
}

// knowing is a verifier that says whose tokens it accepts.
type knowing struct {
	fakeVerifier
	list atomic.Pointer[[]revocast.ReachIssuer]
}

func (k *knowing) ReachIssuers() []revocast.ReachIssuer { return *k.list.Load() }

func (k *knowing) accept(list ...revocast.ReachIssuer) { k.list.Store(&list) }

// logLines keeps what is logged, each with its level and time.
type logLines struct {
	slog.Handler
	mu    sync.Mutex
	lines []slog.Record
}

func newLogLines() *logLines {
	return &logLines{Handler: slog.DiscardHandler}
}

func (l *logLines) Enabled(context.Context, slog.Level) bool { return true }

func (l *logLines) WithAttrs([]slog.Attr) slog.Handler { return l }

func (l *logLines) Handle(_ context.Context, r slog.Record) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, r)
	return nil
}

// with are the lines, of this level or above, that contain a text.
func (l *logLines) with(level slog.Level, text string) (found []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range l.lines {
		line := r.Message
		r.Attrs(func(a slog.Attr) bool { line += " " + a.String(); return true })
		if r.Level >= level && strings.Contains(line, text) {
			found = append(found, line)
		}
	}
	return found
}
