package outbox_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/account/outbox"
	"github.com/revocast/revocast/internal/leak"
	"github.com/revocast/revocast/store/storetest"
)

func TestMain(m *testing.M) { leak.Main(m) }

// recorder is a publisher that writes down what it is told.
type recorder struct {
	mu          sync.Mutex // guards what follows
	revoked     []revocast.Revocation
	invalidated []revocast.Invalidation
	batches     int
	awaited     []revocast.Position
	fussy       bool // refuses sessions called bad, and all that is told with them
	fail        error
}

func (r *recorder) Realm() string { return "test" }

// of is a publisher of another realm.
type of struct {
	outbox.Publisher
	realm string
}

func (o of) Realm() string { return o.realm }

func (r *recorder) RevokeBatch(_ context.Context, rs []revocast.Revocation,
	_ ...revocast.CallOption,
) ([]revocast.Receipt, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fail != nil && !errors.Is(r.fail, revocast.ErrPending) {
		return nil, r.fail
	}
	r.batches++
	receipts := make([]revocast.Receipt, len(rs))
	for i := range rs {
		if r.fussy && rs[i].ID == "bad" {
			return nil, revocast.ErrInvalid
		}
		receipts[i].Position = revocast.Position{Epoch: 1, Rev: uint64(len(r.revoked) + i + 1)}
	}
	r.revoked = append(r.revoked, rs...)
	return receipts, r.fail
}

func (r *recorder) Invalidate(_ context.Context, i revocast.Invalidation,
	_ ...revocast.CallOption,
) (revocast.Receipt, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fail != nil && !errors.Is(r.fail, revocast.ErrPending) {
		return revocast.Receipt{}, r.fail
	}
	r.invalidated = append(r.invalidated, i)
	return revocast.Receipt{Position: revocast.Position{Epoch: 2, Rev: uint64(len(r.invalidated))}}, r.fail
}

// Await implements [outbox.Publisher].
func (r *recorder) Await(_ context.Context, at revocast.Position) (revocast.Receipt, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.awaited = append(r.awaited, at)
	return revocast.Receipt{Position: at, Strength: revocast.Confirmed}, r.fail
}

func (r *recorder) failWith(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fail = err
}

func (r *recorder) told() (revoked, invalidated int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.revoked), len(r.invalidated)
}

func within(t testing.TB, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func open(t testing.TB, rdb redis.UniversalClient, realm string, p outbox.Publisher) *outbox.Outbox {
	t.Helper()
	o, err := outbox.New(rdb, of{p, realm}, outbox.Options{Every: 5 * time.Millisecond, Again: 50 * time.Millisecond})
	must(t, err)
	return o
}

func run(t testing.TB, o *outbox.Outbox) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- o.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	t.Cleanup(stop)
	return stop
}

func wantPending(t testing.TB, o *outbox.Outbox, want int) {
	t.Helper()
	if n, err := o.Pending(within(t, 10*time.Second)); err != nil || n != want {
		t.Errorf("%d entries are owed, %v; want %d", n, err, want)
	}
}

var session = outbox.Item{
	Scope: "session", ID: "s1", Issuer: "iss", Until: "4102444800000", Reason: "logout", Initiator: "user",
}

func TestOutbox(t *testing.T) {
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		t.Run("complete", func(t *testing.T) { complete(t, b) })
		t.Run("what failed is told later", func(t *testing.T) { toldLater(t, b) })
		t.Run("one that is refused keeps back none", func(t *testing.T) { kept(t, b) })
		t.Run("what is over need not be told", func(t *testing.T) { over(t, b) })
		t.Run("what may still be accepted is told", func(t *testing.T) { stillAccepted(t, b) })
		t.Run("owed again meanwhile", func(t *testing.T) { meanwhile(t, b) })
		t.Run("a clock that was set back", func(t *testing.T) { setBack(t, b) })
		t.Run("what is refused is kept", func(t *testing.T) { refused(t, b) })
		if b.Advance != nil {
			t.Run("what a crash left behind", func(t *testing.T) { leftBehind(t, b) })
		}
	})
}

func complete(t *testing.T, b storetest.Backend) {
	p := &recorder{}
	o := open(t, b.Client, rand.Text(), p)
	ctx := within(t, 20*time.Second)
	cut := outbox.Item{Scope: "principal", ID: "alice", CutOff: "1700000000123", Except: "s2"}
	stale := outbox.Item{Kind: "invalidate", Scope: "session", ID: "s3"}
	must(t, o.Owe(ctx, "a", []outbox.Item{session, cut, stale}))
	wantPending(t, o, 1)
	receipts, err := o.Complete(ctx, "a")
	if err != nil || len(receipts) != 3 || len(p.revoked) != 2 || len(p.invalidated) != 1 {
		t.Fatalf("%d receipts, %v; told of %+v and %+v", len(receipts), err, p.revoked, p.invalidated)
	}
	want := revocast.Revocation{
		Scope: revocast.ScopeSession, ID: "s1", Issuer: "iss", Until: time.UnixMilli(4102444800000),
		Cause: revocast.Cause{Reason: "logout", Initiator: "user"},
	}
	if p.revoked[0] != want {
		t.Errorf("told of %+v, want %+v", p.revoked[0], want)
	}
	if r := p.revoked[1]; !r.CutOff.Equal(time.UnixMilli(1700000000123)) || r.Except != "s2" ||
		r.Scope != revocast.ScopePrincipal {
		t.Errorf("told of %+v", r)
	}
	wantPending(t, o, 0)
	if receipts, err := o.Complete(ctx, "a"); err != nil || len(receipts) != 3 ||
		receipts[0].Strength != revocast.Confirmed || p.batches != 1 || len(p.awaited) != 3 {
		t.Errorf("again: %v, %v; told %d times, awaited %v", receipts, err, p.batches, p.awaited)
	}
	if receipts, err := o.Complete(ctx, "nothing"); err != nil || receipts != nil {
		t.Errorf("what nobody owes: %v, %v", receipts, err)
	}

	p.failWith(revocast.ErrPending)
	must(t, o.Owe(ctx, "b", []outbox.Item{session, stale}))
	if receipts, err := o.Complete(ctx, "b"); !errors.Is(err, revocast.ErrPending) || errors.Is(err, outbox.ErrOwed) ||
		len(receipts) != 2 {
		t.Errorf("%v, %v; want what is committed, and ErrPending", receipts, err)
	}
	wantPending(t, o, 0)

	p.failWith(nil)
	many := make([]outbox.Item, revocast.MaxBatch+1)
	for i := range many {
		many[i] = session
		many[i].ID = fmt.Sprint(i)
	}
	must(t, o.Owe(ctx, "c", many))
	if receipts, err := o.Complete(ctx, "c"); err != nil || len(receipts) != len(many) {
		t.Errorf("%d receipts for %d revocations, %v", len(receipts), len(many), err)
	}
}

func toldLater(t *testing.T, b storetest.Backend) {
	p := &recorder{fail: revocast.ErrUnavailable}
	realm := rand.Text()
	o := open(t, b.Client, realm, p)
	ctx := within(t, 30*time.Second)
	must(t, o.Owe(ctx, "a", []outbox.Item{session}))
	must(t, b.Client.ZAddXX(ctx, "{rv:"+realm+"}:a:due", redis.Z{Score: 1, Member: "a"}).Err())
	if _, err := o.Complete(ctx, "a"); !errors.Is(err, outbox.ErrOwed) || !errors.Is(err, revocast.ErrUnavailable) {
		t.Errorf("%v, want ErrOwed and its cause", err)
	}
	wantPending(t, o, 1)
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := o.Complete(ended, "a"); !errors.Is(err, outbox.ErrOwed) {
		t.Errorf("with a context that has ended: %v, want ErrOwed", err)
	}
	run(t, o)
	p.failWith(nil)
	must(t, storetest.Eventually(ctx, func() error {
		if n, _ := p.told(); n == 0 {
			return errors.New("not told")
		}
		if n, err := o.Pending(ctx); n != 0 || err != nil {
			return fmt.Errorf("%d are owed, %w", n, err)
		}
		return nil
	}))
}

// What a script wrote and nobody can read must not hold up the others.
func refused(t *testing.T, b storetest.Backend) {
	p := &recorder{}
	realm := rand.Text()
	o := open(t, b.Client, realm, p)
	ctx := within(t, 30*time.Second)
	for what, item := range map[string]outbox.Item{
		"no scope":            {ID: "x"},
		"a kind of its own":   {Kind: "forget", Scope: "session", ID: "x"},
		"no cut-off":          {Scope: "principal", ID: "x"}, // told twice it would cut twice
		"a cut-off in words":  {Scope: "principal", ID: "x", CutOff: "now"},
		"an until before all": {Scope: "session", ID: "x", Until: "-1"},
		"no id":               {Scope: "session"},
		"no UTF-8":            {Scope: "session", ID: "\xff"},
		"a session's cut-off": {Scope: "session", ID: "x", CutOff: "1700000000123"},
		"a stale token":       {Kind: "invalidate", Scope: "token", ID: "x"},
	} {
		if err := o.Owe(ctx, what, []outbox.Item{item}); !errors.Is(err, revocast.ErrInvalid) {
			t.Errorf("%s: %v, want ErrInvalid", what, err)
		}
	}
	key := "{rv:" + realm + "}:a:"
	must(t, b.Client.HSet(ctx, key+"owed", "bad", "{").Err())
	must(t, b.Client.ZAdd(ctx, key+"due", redis.Z{Score: 1, Member: "bad"}).Err())
	must(t, o.Owe(ctx, "good", []outbox.Item{session}))
	must(t, b.Client.ZAdd(ctx, key+"due", redis.Z{Score: 2, Member: "good"}).Err())
	run(t, o)
	must(t, storetest.Eventually(ctx, func() error {
		if n, _ := p.told(); n != 1 {
			return fmt.Errorf("told of %d", n)
		}
		score, err := b.Client.ZScore(ctx, key+"due", "bad").Result()
		if ahead := time.Until(time.UnixMilli(int64(score))); err == nil && ahead < 5*time.Minute {
			err = fmt.Errorf("the one that cannot be read is due in %v", ahead)
		}
		return err
	}))
}

// leftBehind: the process that decided died before it could tell.
func leftBehind(t *testing.T, b storetest.Backend) {
	p := &recorder{}
	realm := rand.Text()
	o := open(t, b.Client, realm, p)
	ctx := within(t, 30*time.Second)
	must(t, o.Owe(ctx, "a", []outbox.Item{session}))
	for range 3 {
		run(t, open(t, b.Client, realm, p))
	}
	if n, _ := p.told(); n != 0 {
		t.Error("the call that decided was given no time")
	}
	b.Advance(6 * time.Second)
	must(t, storetest.Eventually(ctx, func() error {
		if n, err := o.Pending(ctx); n != 0 || err != nil {
			return fmt.Errorf("%d are owed, %w", n, err)
		}
		return nil
	}))
	if n, _ := p.told(); n != 1 {
		t.Errorf("told %d times by three runners", n)
	}
}

func TestNew(t *testing.T) {
	rdb := storetest.Embedded(t).Client()
	for what, f := range map[string]func() (*outbox.Outbox, error){
		"realm": func() (*outbox.Outbox, error) {
			return outbox.New(rdb, of{&recorder{}, "a b"},
				outbox.Options{})
		},
		"client":    func() (*outbox.Outbox, error) { return outbox.New(nil, &recorder{}, outbox.Options{}) },
		"publisher": func() (*outbox.Outbox, error) { return outbox.New(rdb, nil, outbox.Options{}) },
	} {
		if _, err := f(); !errors.Is(err, revocast.ErrInvalid) {
			t.Errorf("bad %s: %v, want ErrInvalid", what, err)
		}
	}
}

// What was decided as of a time is told so: the ledger knows what its issuer's clock says.
func TestOwedAsOf(t *testing.T) {
	rdb, p := storetest.Embedded(t).Client(), &recorder{}
	o := open(t, rdb, "test", p)
	ctx, then := within(t, 10*time.Second), time.Now().Add(-time.Minute).Truncate(time.Millisecond)
	must(t, o.Owe(ctx, "x", []outbox.Item{{Scope: "principal", ID: "alice", AsOf: fmt.Sprint(then.UnixMilli())}}))
	_, err := o.Complete(ctx, "x")
	must(t, err)
	if len(p.revoked) != 1 || !p.revoked[0].AsOf.Equal(then) || !p.revoked[0].CutOff.IsZero() {
		t.Errorf("told %+v, want it as of %s", p.revoked, then)
	}
	both := outbox.Item{Scope: "principal", ID: "alice", AsOf: "1", CutOff: "1"}
	if err := o.Owe(ctx, "y", []outbox.Item{both}); !errors.Is(err, revocast.ErrInvalid) {
		t.Errorf("a cut-off and a time: %v, want ErrInvalid", err)
	}
}
