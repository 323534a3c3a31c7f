package sqltest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/account/sqloutbox"
	"github.com/revocast/revocast/events"
	"github.com/revocast/revocast/events/eventstest"
	"github.com/revocast/revocast/internal/option"
	"github.com/revocast/revocast/port"
	"github.com/revocast/revocast/publisher"
	"github.com/revocast/revocast/store"
	"github.com/revocast/revocast/store/storetest"
)

const (
	realm  = "test"
	issuer = "https://login.example.com"
)

// world is a database with accounts and an outbox, and a publisher on a real Redis and a
// real NATS.
type world struct {
	t    *testing.T
	db   *sql.DB
	base database
	box  *sqloutbox.Outbox
	pub  *hookedPublisher
	stores
}

func newWorld(t *testing.T, base database) *world {
	t.Helper()
	box, err := sqloutbox.New(base.dialect, sqloutbox.Options{})
	must(t, err)
	s := newStores(t)
	w := &world{
		t: t, base: base, box: box, db: open(t, base), stores: s, pub: &hookedPublisher{Publisher: newPublisher(t, s)},
	}
	for range 2 { // the second time changes nothing
		for _, statement := range box.Schema() {
			w.sql(statement)
		}
	}
	w.sql("CREATE TABLE users (name VARCHAR(100) PRIMARY KEY, password VARCHAR(100) NOT NULL)")
	return w
}

func open(t *testing.T, base database) *sql.DB {
	t.Helper()
	db, err := sql.Open(base.driver, base.dsn)
	must(t, err)
	t.Cleanup(func() { must(t, db.Close()) })
	return db
}

func (w *world) sql(statement string) {
	w.t.Helper()
	if _, err := w.db.ExecContext(w.t.Context(), statement); err != nil {
		w.t.Fatalf("%s: %v", statement, err)
	}
}

// number asks for one number.
func (w *world) number(query string) (n int64) {
	w.t.Helper()
	must(w.t, w.db.QueryRowContext(w.t.Context(), query).Scan(&n))
	return n
}

func (w *world) begin() *sql.Tx {
	w.t.Helper()
	tx, err := w.db.BeginTx(w.t.Context(), nil)
	must(w.t, err)
	return tx
}

// record records items in a transaction of their own.
func (w *world) record(items ...sqloutbox.Item) []string {
	w.t.Helper()
	tx := w.begin()
	refs, err := w.box.Record(w.t.Context(), tx, items...)
	must(w.t, err)
	must(w.t, tx.Commit())
	return refs
}

// relay makes one with a short pause.
func (w *world) relay(change ...func(*sqloutbox.RelayOptions)) *sqloutbox.Relay {
	w.t.Helper()
	return w.relayOn(w.db, w.pub, change...)
}

func (w *world) relayOn(db *sql.DB, pub sqloutbox.Publisher, change ...func(*sqloutbox.RelayOptions)) *sqloutbox.Relay {
	w.t.Helper()
	o := sqloutbox.RelayOptions{Every: 20 * time.Millisecond, Logger: logger()}
	for _, f := range change {
		f(&o)
	}
	r, err := sqloutbox.NewRelay(db, w.box, pub, o)
	must(w.t, err)
	return r
}

// run runs a relay until the test ends or stop is called.
func (w *world) run(r *sqloutbox.Relay) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			if err := <-done; err != nil {
				w.t.Errorf("Run: %v", err)
			}
		})
	}
	w.t.Cleanup(stop)
	return stop
}

func (w *world) once(r *sqloutbox.Relay, want int) {
	w.t.Helper()
	if n, err := r.Once(w.t.Context()); err != nil || n != want {
		w.t.Fatalf("handed over %d, %v; want %d", n, err, want)
	}
}

// standing is what stands against a principal; the zero State if nothing does.
func (w *world) standing(scope revocast.Scope, id string) revocast.State {
	w.t.Helper()
	s, err := w.pub.Standing(w.t.Context(), scope, "", id)
	if err != nil && !errors.Is(err, revocast.ErrNotFound) {
		w.t.Fatal(err)
	}
	return s
}

// revision is how many things the ledger has done so far.
func (w *world) revision() uint64 {
	w.t.Helper()
	at, err := w.pub.Tip(w.t.Context())
	must(w.t, err)
	return at.Rev
}

// clear lets Keep pass, and checks that nothing is left then.
func (w *world) clear() {
	w.t.Helper()
	w.age()
	w.once(w.relay(), 0)
	if n := w.number("SELECT COUNT(*) FROM revocast_outbox"); n != 0 {
		w.t.Errorf("%d rows left", n)
	}
}

// age lets Keep pass for all that was handed over.
func (w *world) age() { w.sql("UPDATE revocast_outbox SET handed_ms = handed_ms - 600001") }

// waiting is how many rows wait.
func (w *world) waiting() int64 {
	w.t.Helper()
	return w.number("SELECT COUNT(*) FROM revocast_outbox WHERE handed_ms IS NULL")
}

// lapse lets the lease of a relay that has died run out.
func (w *world) lapse() { w.sql("UPDATE revocast_outbox_lease SET until_ms = 1") }

func principal(id string) sqloutbox.Item {
	return sqloutbox.PasswordChanged(revocast.PasswordChange{Principal: id})
}

// stores are what a publisher and its fleet stand on.
type stores struct {
	redis *storetest.Server
	nats  *eventstest.Server
}

func newStores(t *testing.T) stores {
	return stores{storetest.Redis(t, "--appendfsync", "no"), eventstest.NewServer(t)}
}

func (s stores) connect(t *testing.T) (*store.Ledger, *events.Bus) {
	t.Helper()
	ledger, err := store.New(s.redis.Client(), realm, store.Options{})
	must(t, err)
	nc, err := events.Connect(s.nats.URL(), events.ConnectOptions{Patient: true})
	must(t, err)
	t.Cleanup(nc.Close)
	bus, err := events.New(nc, realm, events.Options{})
	must(t, err)
	return ledger, bus
}

func newPublisher(t *testing.T, s stores) *publisher.Publisher {
	t.Helper()
	ledger, bus := s.connect(t)
	terms := port.DefaultTerms()
	terms.DefaultIssuer = issuer
	_, err := publisher.Init(t.Context(), ledger, bus, terms)
	must(t, err)
	p := option.Must(publisher.New(ledger, bus, publisher.Options{}))
	background(t, p.Run)
	must(t, p.Readiness().Wait(t.Context()))
	return p
}

// background runs a component until the test ends.
func background(t *testing.T, run func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
}

func logger() *slog.Logger {
	out := io.Discard
	if os.Getenv("REVOCAST_TEST_LOG") != "" {
		out = os.Stderr
	}
	return slog.New(slog.NewTextHandler(out, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// hookedPublisher notes what it is called with, and may be made to fail: hook says whether the
// call is passed on, and what the caller is told.
type hookedPublisher struct {
	*publisher.Publisher

	mu    sync.Mutex // guards the rest
	calls []string
	hook  func(call string) (apply bool, err error)
}

func (p *hookedPublisher) through(call string, do func() (revocast.Receipt, error)) (revocast.Receipt, error) {
	p.mu.Lock()
	p.calls = append(p.calls, call)
	hook := p.hook
	p.mu.Unlock()
	if hook == nil {
		return do()
	}
	apply, failure := hook(call)
	var receipt revocast.Receipt
	var err error
	if apply {
		receipt, err = do()
	}
	if failure != nil {
		return revocast.Receipt{}, failure
	}
	return receipt, err
}

func (p *hookedPublisher) fails(hook func(string) (bool, error)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hook = hook
}

// seen are the calls so far, each as "kind id".
func (p *hookedPublisher) seen() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.calls...)
}

func (p *hookedPublisher) Revoke(ctx context.Context, r revocast.Revocation,
	o ...revocast.CallOption,
) (revocast.Receipt, error) {
	return p.through("revoke "+r.ID, func() (revocast.Receipt, error) { return p.Publisher.Revoke(ctx, r, o...) })
}

func (p *hookedPublisher) Ban(ctx context.Context, b revocast.Ban, o ...revocast.CallOption) (revocast.Receipt, error) {
	return p.through("ban "+b.Principal, func() (revocast.Receipt, error) { return p.Publisher.Ban(ctx, b, o...) })
}

func (p *hookedPublisher) Unban(ctx context.Context, b revocast.Ban,
	o ...revocast.CallOption,
) (revocast.Receipt, error) {
	return p.through("unban "+b.Principal, func() (revocast.Receipt, error) { return p.Publisher.Unban(ctx, b, o...) })
}

func (p *hookedPublisher) Invalidate(ctx context.Context, i revocast.Invalidation,
	o ...revocast.CallOption,
) (revocast.Receipt, error) {
	return p.through("invalidate "+i.ID,
		func() (revocast.Receipt, error) { return p.Publisher.Invalidate(ctx, i, o...) })
}

// eventually waits for a condition with a deadline.
func eventually(t testing.TB, what string, cond func() bool) {
	t.Helper()
	deadline := time.NewTimer(20 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !cond() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatal("did not happen: " + what)
		}
	}
}

func name(i int) string { return fmt.Sprintf("user%04d", i) }
