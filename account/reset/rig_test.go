package reset_test

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/account/code"
	"github.com/revocast/revocast/account/outbox"
	"github.com/revocast/revocast/account/reset"
	"github.com/revocast/revocast/internal/leak"
	"github.com/revocast/revocast/revocasttest"
	"github.com/revocast/revocast/store"
	"github.com/revocast/revocast/store/storetest"
)

func TestMain(m *testing.M) { leak.Main(m) }

var errCrash = errors.New("crash")

// recorder is a publisher that writes down what it is told.
type recorder struct{ *revocasttest.Recorder }

func newRecorder() recorder { return recorder{revocasttest.NewRecorder(realm)} }

// all is what was revoked, as a ledger takes it.
func (r recorder) all() []revocast.Revocation { return storetest.CutOff(r.Revocations()) }

// faults makes every script fail, which is run all the same or not, from arm to mend.
type faults struct {
	mu           sync.Mutex // guards all below
	armed, apply bool
	after        func() // the next script, once
}

// then does something between the next script and its reply.
func (f *faults) then(do func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.after = do
}

func (f *faults) done() {
	f.mu.Lock()
	do := f.after
	f.after = nil
	f.mu.Unlock()
	if do != nil {
		do()
	}
}

func (f *faults) arm(apply bool) { f.set(true, apply) }
func (f *faults) mend()          { f.set(false, false) }

func (f *faults) set(armed, apply bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.armed, f.apply = armed, apply
}

func (f *faults) now() (fail, apply bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.armed, f.apply
}

func (*faults) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

func (f *faults) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		fail, apply := f.now()
		if !fail {
			err := next(ctx, cmd)
			if !redis.HasErrorPrefix(err, "NOSCRIPT") {
				f.done()
			}
			return err
		}
		if apply {
			if err := next(ctx, cmd); redis.HasErrorPrefix(err, "NOSCRIPT") {
				return err // it was not run yet
			}
		}
		cmd.SetErr(errCrash)
		return errCrash
	}
}

func (*faults) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

// accounts is the user's own table.
type accounts struct {
	mu       sync.Mutex // guards all below
	password map[string]string
	changes  int
	at       time.Time // of the last, by Redis' clock
	before   func(password string) error
	after    func() error
	rdb      redis.UniversalClient
}

func (a *accounts) set(ctx context.Context, principal, password string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.before != nil {
		if err := a.before(password); err != nil {
			return err
		}
	}
	at, err := a.rdb.Time(ctx).Result()
	if err != nil {
		return err
	}
	a.password[principal], a.at = password, at.Truncate(time.Millisecond)
	a.changes++
	if a.after != nil {
		return a.after()
	}
	return nil
}

// rig is a reset with all around it; what the reset itself asks of Redis may fail.
type rig struct {
	t      *testing.T
	pub    recorder
	faults faults
	users  accounts
	codes  *code.Store
	outbox *outbox.Outbox
	reset  *reset.Reset
	hooked redis.UniversalClient
	keep   string // the session that is spared, if any
}

const realm = "test"

// build sets up a rig; hooked is a client of the same server that may fail.
func build(t *testing.T, rdb, hooked redis.UniversalClient, o reset.Options) *rig {
	t.Helper()
	r := &rig{t: t, hooked: hooked, users: accounts{password: map[string]string{}, rdb: rdb}}
	hooked.AddHook(&r.faults)
	var err error
	if r.codes, err = code.New(rdb, realm, code.Options{
		Key: make([]byte, 32), Interval: code.NoInterval, Sends: 50,
	}); err != nil {
		t.Fatal(err)
	}
	r.pub = newRecorder()
	if r.outbox, err = outbox.New(rdb, r.pub, outbox.Options{Every: 5 * time.Millisecond}); err != nil {
		t.Fatal(err)
	}
	if r.reset, err = reset.New(r.codes, elsewhere{r.outbox, realm, hooked}, r.users.set, o); err != nil {
		t.Fatal(err)
	}
	return r
}

// elsewhere is an outbox of another realm, or on another client.
type elsewhere struct {
	reset.Ender
	realm string
	rdb   redis.UniversalClient
}

func (e elsewhere) Realm() string { return e.realm }

func (e elsewhere) Redis() redis.UniversalClient { return e.rdb }

// embedded is a rig on a server whose clock can be put forward.
func embedded(t *testing.T, o reset.Options) (*rig, *storetest.EmbeddedServer) {
	t.Helper()
	e := storetest.Embedded(t)
	hooked, err := store.NewClient(e.URL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { hooked.Close() })
	return build(t, e.Client(), hooked, o), e
}

// through makes the reset's outbox another one.
func (r *rig) through(e *storetest.EmbeddedServer, box reset.Ender) {
	r.t.Helper()
	var err error
	if r.reset, err = reset.New(r.codes, box, r.users.set, reset.Options{}); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) code(who string) string {
	r.t.Helper()
	c, err := r.codes.Create(r.t.Context(), reset.Purpose, who)
	if err != nil {
		r.t.Fatal(err)
	}
	return c.Text
}

func (r *rig) confirm(text, password string, want error) {
	r.t.Helper()
	receipts, err := r.reset.Confirm(r.t.Context(), "ann", text, password, revocast.WithStrength(revocast.Confirmed))
	if !errors.Is(err, want) {
		r.t.Fatalf("reset to %q: %v, want %v", password, err, want)
	}
	if err == nil && len(receipts) != 1 {
		r.t.Fatalf("done with %d receipts", len(receipts))
	}
}

// ended checks that the fleet was told to end everything of ann, n times, with the last
// cut-off not before the password was set.
func (r *rig) ended(n int) {
	r.t.Helper()
	told := r.pub.all()
	if len(told) != n {
		r.t.Fatalf("the fleet was told %+v, want %d times", told, n)
	}
	for i, e := range told {
		if e.Scope != revocast.ScopePrincipal || e.ID != "ann" || e.Except != r.keep {
			r.t.Errorf("the fleet was told to end %+v, want all of ann", e)
		}
		if i == n-1 && e.CutOff.Before(r.users.at) {
			r.t.Errorf("everything up to %v is ended, and the password was changed at %v", e.CutOff, r.users.at)
		}
	}
}

func (r *rig) pending(want int) {
	r.t.Helper()
	if n, err := r.outbox.Pending(r.t.Context()); err != nil || n != want {
		r.t.Errorf("%d entries are owed, %v; want %d", n, err, want)
	}
}

// sweep runs the outbox, as another process does, until nothing is owed.
func (r *rig) sweep() {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), 10*time.Second)
	defer cancel()
	run, stop := context.WithCancel(ctx)
	over := make(chan error, 1)
	go func() { over <- r.outbox.Run(run) }()
	err := storetest.Eventually(ctx, func() error {
		n, err := r.outbox.Pending(ctx)
		if err == nil && n > 0 {
			err = errors.New("still owed")
		}
		return err
	})
	stop()
	if e := <-over; e != nil || err != nil {
		r.t.Fatal(err, e)
	}
}
