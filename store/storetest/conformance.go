package storetest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

// Env is one ledger under test and what may happen to the server beneath it.
type Env struct {
	// Ledger is on a realm that nobody has used. It trims its log down to [LogKeep]
	// entries as soon as they are durable.
	Ledger port.Ledger
	// Replace makes the server another one that has the data of the first, as a restart
	// or a promotion does.
	Replace func()
	// Empty makes the server forget everything.
	Empty func()
	// CutLog deletes all entries of the ledger's log but the latest keep; the log itself
	// where keep is negative.
	CutLog func(keep int)
	// Vanish deletes a state.
	Vanish func(revocast.Key)
}

// LogKeep is how many durable log entries a ledger under test keeps.
const LogKeep = 10

// limit is how long a test waits for what should take milliseconds.
const limit = 30 * time.Second

// Run checks that the ledgers which open returns keep the contract of
// [port.Ledger]. Calls of open may share a server: the tests run one after the
// other, and each has a realm of its own.
func Run(t *testing.T, open func(*testing.T) Env) {
	groups := []struct {
		name  string
		tests []test
	}{
		{"lifecycle", lifecycleTests},
		{"recovery", recoveryTests},
		{"commit", commitTests},
		{"worker", workerTests},
		{"publisher", publisherTests},
		{"leads", leadTests},
		{"mark", markTests},
		{"reopen", reopenTests},
		{"stock", stockTests},
		{"lost log", lostLogTests},
		{"names", nameTests},
		{"move of names", moveTests},
		{"merge", mergeTests(open)},
	}
	for _, g := range groups {
		t.Run(g.name, func(t *testing.T) {
			for _, test := range g.tests {
				t.Run(test.name, func(t *testing.T) { test.run(newKit(t, open(t))) })
			}
		})
	}
}

type test struct {
	name string
	run  func(*kit)
}

// kit is a ledger with the steps that tests take again and again. A step that must
// work and does not ends the test.
type kit struct {
	*testing.T
	Env
	ctx  context.Context
	base uint64 // states that had gone when a test began
}

func newKit(t *testing.T, env Env) *kit {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	t.Cleanup(cancel)
	return &kit{T: t, Env: env, ctx: ctx}
}

// Terms are the terms that the tests' ledgers begin with, on servers without replicas.
func Terms() port.Terms {
	t := port.Terms{Lease: 3 * time.Second, Drift: 0.01, DefaultIssuer: "https://issuer.example/a b"}
	for i := range t.MaxLifetime {
		t.MaxLifetime[i] = time.Duration(i+1) * time.Hour
	}
	return t
}

// Start makes an uninitialised ledger serve an epoch under [Terms], settled.
func Start(ctx context.Context, l port.Ledger, epoch uint64) error {
	if err := l.Begin(ctx, epoch, Terms()); err != nil {
		return err
	}
	return Reopen(ctx, l)
}

// Reopen opens a recovering ledger without restoring anything.
func Reopen(ctx context.Context, l port.Ledger) error {
	d, err := l.Describe(ctx)
	if err != nil {
		return err
	}
	return l.Open(ctx, opening(d))
}

// opening is how a ledger that is described as d is opened, settled, by one who cannot
// tell where the stream ends.
func opening(d port.Description) port.Opening {
	record := port.EpochRecord{Epoch: d.Position.Epoch, Server: d.Server, Sequence: 100 + d.Position.Epoch}
	return port.Opening{Epoch: d.Position.Epoch, Record: record, Settled: true}
}

func (k *kit) must(err error) {
	k.Helper()
	if err != nil {
		k.Fatal(err)
	}
}

// fails checks that err is the sentinel want and no other, or nil if want is.
func (k *kit) fails(what string, err, want error) {
	k.Helper()
	if !errors.Is(err, want) {
		k.Errorf("%s: got error %v, want %v", what, err, want)
	}
	for _, other := range sentinels {
		if other != want && errors.Is(err, other) {
			k.Errorf("%s: error %v wraps %v besides %v", what, err, other, want)
		}
	}
}

var sentinels = [...]error{
	revocast.ErrInvalid, revocast.ErrConflict, revocast.ErrUnavailable, revocast.ErrOutcomeUnknown, revocast.ErrPending,
	revocast.ErrNotRunning, revocast.ErrUninitialised, revocast.ErrRecovering, revocast.ErrFenced, revocast.ErrEpoch,
	revocast.ErrTrimmed, revocast.ErrUnsuited, revocast.ErrNotFound,
	revocast.ErrNames,
}

func (k *kit) start() {
	k.Helper()
	k.must(Start(k.ctx, k.Ledger, 1))
}

func (k *kit) describe() port.Description {
	k.Helper()
	d, err := k.Ledger.Describe(k.ctx)
	k.must(err)
	return d
}

func (k *kit) commit(proposals ...revocast.Event) port.Commit {
	k.Helper()
	c, err := k.Ledger.Commit(k.ctx, newID(), proposals)
	k.must(err)
	if len(c.Entries) != len(proposals) {
		k.Fatalf("commit of %d proposals answered with %d entries", len(proposals), len(c.Entries))
	}
	return c
}

func (k *kit) state(key revocast.Key) revocast.State {
	k.Helper()
	c, err := k.Ledger.Check(k.ctx, []revocast.Key{key})
	k.must(err)
	return c.States[0]
}

func (k *kit) log(after revocast.Position) []revocast.Event {
	k.Helper()
	events, err := k.Ledger.Log(k.ctx, after, 1_000_000)
	k.must(err)
	return events
}

func (k *kit) members() port.Membership {
	k.Helper()
	m, err := k.Ledger.Members(k.ctx)
	k.must(err)
	return m
}

func (k *kit) renew(worker string, applied revocast.Position) port.Renewed {
	k.Helper()
	r, err := k.Ledger.Renew(k.ctx, port.Renewal{Member: member(worker), Applied: applied, Limit: 1000, Version: "v1"})
	k.must(err)
	return r
}

func (k *kit) acked(epoch uint64, revs ...uint64) revocast.Position {
	k.Helper()
	p, err := k.Ledger.Acked(k.ctx, epoch, revs)
	k.must(err)
	return p
}

// restore reports how many of the events changed the ledger.
func (k *kit) restore(epoch uint64, events ...revocast.Event) int {
	k.Helper()
	n, err := k.Ledger.Restore(k.ctx, epoch, events)
	k.must(err)
	return n
}

func (k *kit) reopen() {
	k.Helper()
	k.must(Reopen(k.ctx, k.Ledger))
}
