package fleettest

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
	"github.com/revocast/revocast/internal/fake"
	"github.com/revocast/revocast/internal/option"
	"github.com/revocast/revocast/port"
	"github.com/revocast/revocast/publisher"
	"github.com/revocast/revocast/worker"
)

// Commit makes revisions without a publisher: nothing is broadcast.
func (w *World) Commit(ids ...string) revocast.Position {
	w.T.Helper()
	var events []revocast.Event
	for _, id := range ids {
		events = append(events, revocast.Event{
			Kind: revocast.KindRevoked, Scope: revocast.ScopePrincipal,
			Key: KeyOf(revocast.ScopePrincipal, Issuer, id), Names: w.Terms.Names.Secrets,
		})
	}
	c, err := w.Ledger.Link("commit").Commit(w.T.Context(), fmt.Sprint(time.Now().UnixNano(), ids), events)
	w.Must(err)
	return c.Entries[len(ids)-1].Event.Position
}

// Broadcast sends what the log holds after a position to every tail.
func (w *World) Broadcast(after revocast.Position, which ...uint64) {
	w.T.Helper()
	entries, err := w.Ledger.Link("broadcast").Log(w.T.Context(), after, 1000)
	w.Must(err)
	for _, rev := range which {
		for _, e := range entries {
			if e.Position.Rev == rev {
				w.Bus.Inject(e)
			}
		}
	}
	synctest.Wait()
}

func (w *World) BroadcastNow(at revocast.Position) {
	entries, err := w.Ledger.Link("broadcast").Log(context.Background(),
		revocast.Position{Epoch: at.Epoch, Rev: at.Rev - 1}, 1)
	if err == nil && len(entries) == 1 {
		w.Bus.Inject(entries[0])
	}
}

func (w *World) Warned(what string, call func(context.Context) (revocast.Receipt, error), want ...string) {
	w.T.Helper()
	ctx, cancel := Within(time.Minute)
	defer cancel()
	r, err := call(ctx)
	if err != nil {
		w.T.Fatalf("%s: %v", what, err)
	}
	if len(r.Warnings) != len(want) {
		w.T.Errorf("%s: warnings %q, want %d", what, r.Warnings, len(want))
		return
	}
	for i, part := range want {
		if !strings.Contains(r.Warnings[i], part) {
			w.T.Errorf("%s: warning %q, want %q in it", what, r.Warnings[i], part)
		}
	}
}

// Accepting starts a worker that accepts these issuers, with one key each.
func (w *World) Accepting(name string, issuers ...string) *knowing {
	k, list := &knowing{}, []port.ReachIssuer(nil)
	for _, i := range issuers {
		list = append(list, port.ReachIssuer{Name: i, KeyIDs: []string{"k1"}})
	}
	k.Accept(list...)
	x := &SimWorker{Ledger: w.Ledger.Link(name), Bus: w.Bus.Link(name)}
	x.Sub = option.Must(worker.NewSubscriber(x.Ledger, x.Bus, option.Must(cache.New(cache.Options{})),
		worker.SubscriberOptions{Worker: name, Logger: Logger(), Names: Names}))
	x.Guard = option.Must(worker.NewGuard(x.Sub, k, worker.GuardOptions{}))
	w.Run(x.Sub.Run)
	w.Await(x.Sub.Readiness())
	return k
}

func (p *SimPublisher) RevokeAlice(opts ...revocast.CallOption) <-chan Result {
	return Background(func(ctx context.Context) (revocast.Receipt, error) {
		return p.Revoke(ctx, RevokeAlice(),
			opts...)
	})
}

// twoEpochs makes a realm in its third epoch, with something revoked in each.
func (w *World) ThreeEpochs(p *SimPublisher) {
	w.T.Helper()
	for i := range 3 {
		if i > 0 {
			w.Ledger.Restart()
			Elapse(10 * time.Second)
		}
		w.RevokeMany(p, 4*i, 4)
		Elapse(12 * time.Second)
	}
}

func (w *World) Record() port.EpochRecord {
	w.T.Helper()
	r, err := w.Bus.Link("onlooker").Epoch(w.T.Context())
	w.Must(err)
	return r
}

// AskingWorker is a worker without a lease and without an index, so that every check
// asks the ledger.
func (w *World) AskingWorker(o worker.GuardOptions, check func(fake.Call) fake.Fault) *SimWorker {
	x := w.NewWorker("w", WorkerOptions{Guard: o})
	x.Ledger.SetHook(func(c fake.Call) fake.Fault {
		switch c.Op {
		case fake.OpCheck:
			return check(c)
		case fake.OpSight: // what answers a check can be told of a token
			return fake.Fault{}
		}
		return fake.NotDone()
	})
	return x
}

// ForgetFirst lets the stream drop its first n events before they are too old.
func (w *World) ForgetFirst(n int) {
	w.Bus.Forget(func(revocast.Event) bool { n--; return n >= 0 })
}

// LoggedPublisher is a publisher whose log is kept.
func (w *World) LoggedPublisher(name string) (*SimPublisher, *logLines) {
	lines := newLogLines()
	p := &SimPublisher{Ledger: w.Ledger.Link(name), Bus: w.Bus.Link(name)}
	p.Publisher = option.Must(publisher.New(p.Ledger, p.Bus, publisher.Options{Logger: slog.New(lines), Names: Names}))
	p.Stop = w.Run(p.Run)
	w.Await(p.Readiness())
	return p, lines
}

func (w *World) WantEqual(states int) {
	w.T.Helper()
	if r := w.Audit(); !r.OK() || r.Ledger != states || r.Stream != states {
		w.T.Errorf("audit: %+v, want %d equal states", r, states)
	}
}

// RevokeMany makes n confirmed revocations of different scopes.
func (w *World) RevokeMany(p *SimPublisher, from, n int) {
	w.T.Helper()
	for i := from; i < from+n; i++ {
		_, err := p.Revoke(w.T.Context(), revocast.Revocation{Scope: revocast.Scope(i%4 + 1), ID: fmt.Sprint("id", i)})
		w.Must(err)
	}
}

// Audit compares the stores.
func (w *World) Audit() publisher.AuditReport {
	w.T.Helper()
	w.inits++
	name := fmt.Sprint("audit", w.inits)
	r, err := publisher.Audit(w.T.Context(), w.Ledger.Link(name), w.Bus.Link(name))
	w.Must(err)
	return r
}

// Result is what a call in the background came to.
type Result struct {
	Receipt revocast.Receipt
	Err     error
	Took    time.Duration
}

func Background(call func(context.Context) (revocast.Receipt, error)) <-chan Result {
	c := make(chan Result, 1)
	start := time.Now()
	go func() {
		r, err := call(context.Background())
		c <- Result{r, err, time.Since(start)}
	}()
	return c
}

// knowing is a verifier that says whose tokens it accepts.
type knowing struct {
	fakeVerifier
	list atomic.Pointer[[]port.ReachIssuer]
}

func (k *knowing) ReachIssuers() []port.ReachIssuer { return *k.list.Load() }

func (k *knowing) Accept(list ...port.ReachIssuer) { k.list.Store(&list) }

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

// With are the lines, of this level or above, that contain a text.
func (l *logLines) With(level slog.Level, text string) (found []string) {
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
