package storetest

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

var lifecycleTests = []test{
	{"a ledger says its realm", saysRealm},
	{"a ledger without an epoch refuses everything", uninitialised},
	{"begin makes an epoch once", beginOnce},
	{"a recovering ledger serves nobody", recoveringRefuses},
	{"open", openLedger},
	{"open again changes nothing", openAgain},
	{"a fenced ledger serves nobody", fencedRefuses},
	{"fence names the epoch", fenceEpoch},
	{"terms", setTerms},
	{"settle", settle},
	{"a context that has ended", ended},
	{"an emptied ledger is uninitialised", emptied},
}

// servingSteps are all that need an open ledger.
var servingSteps = []struct {
	name string
	run  func(context.Context, port.Ledger) error
}{
	{"Renew", func(ctx context.Context, l port.Ledger) error {
		_, err := l.Renew(ctx, port.Renewal{Member: member("w"), Limit: 10})
		return err
	}},
	{"Check", func(ctx context.Context, l port.Ledger) error {
		_, err := l.Check(ctx, []revocast.Key{key("a")})
		return err
	}},
	{"Snapshot", func(ctx context.Context, l port.Ledger) error {
		_, err := l.Snapshot(ctx, "")
		return err
	}},
	{"Leave", func(ctx context.Context, l port.Ledger) error { return l.Leave(ctx, member("w")) }},
	{"Commit", func(ctx context.Context, l port.Ledger) error {
		_, err := l.Commit(ctx, newID(), []revocast.Event{revoke("a")})
		return err
	}},
	{"Verify", func(ctx context.Context, l port.Ledger) error {
		_, err := l.Verify(ctx, 1)
		return err
	}},
	{"Members", func(ctx context.Context, l port.Ledger) error {
		_, err := l.Members(ctx)
		return err
	}},
	{"Strike", func(ctx context.Context, l port.Ledger) error {
		_, err := l.Strike(ctx, port.Member{ID: member("w")})
		return err
	}},
	{"Acked", func(ctx context.Context, l port.Ledger) error {
		_, err := l.Acked(ctx, 1, nil)
		return err
	}},
	{"Mark", func(ctx context.Context, l port.Ledger) error {
		return l.Mark(ctx, port.StreamPoint{}, port.StreamMark{Point: point(1, 1), Complete: at(1, 0)})
	}},
	{"Turn", func(ctx context.Context, l port.Ledger) error {
		_, err := l.Turn(ctx, "task", "holder", time.Hour)
		return err
	}},
	{"Settle", func(ctx context.Context, l port.Ledger) error { return l.Settle(ctx, 1, 0) }},
	{"Forget", func(ctx context.Context, l port.Ledger) error {
		_, err := l.Forget(ctx, 1, []revocast.Key{key("a")})
		return err
	}},
	{"SetTerms", func(ctx context.Context, l port.Ledger) error { return l.SetTerms(ctx, Terms()) }},
}

func (k *kit) allFail(want error) {
	k.Helper()
	for _, s := range servingSteps {
		k.fails(s.name, s.run(k.ctx, k.Ledger), want)
	}
	_, err := k.Ledger.Log(k.ctx, revocast.Position{}, 10)
	if errors.Is(want, revocast.ErrRecovering) {
		want = nil // the log of a recovering ledger can be read
	}
	k.fails("Log", err, want)
}

func uninitialised(k *kit) {
	k.allFail(revocast.ErrUninitialised)
	_, err := k.Ledger.Restore(k.ctx, 1, nil)
	k.fails("Restore", err, revocast.ErrUninitialised)
	k.fails("Open", k.Ledger.Open(k.ctx, port.Opening{Epoch: 1, Record: port.EpochRecord{}, Settled: true}),
		revocast.ErrUninitialised)
	k.fails("Fence", k.Ledger.Fence(k.ctx, 1), revocast.ErrUninitialised)
	d := k.describe()
	if d.State != port.LedgerUninitialised || !d.Position.IsZero() || d.Server == "" {
		k.Errorf("description of nothing: %+v", d)
	}
	if off := time.Since(time.UnixMilli(d.Now)).Abs(); off > time.Minute {
		k.Errorf("the ledger's clock is off by %v", off)
	}
}

func beginOnce(k *kit) {
	terms := Terms()
	terms.Fence = 5 * time.Second
	k.must(k.Ledger.Begin(k.ctx, 7, terms))
	d := k.describe()
	if d.State != port.LedgerRecovering || d.Position != at(7, 0) || d.Terms != terms || d.Settled {
		k.Errorf("after Begin: %+v", d)
	}
	if !slices.Equal(d.Claims, []string{d.Server}) {
		k.Errorf("claims after Begin: %q, want the server's own id %q", d.Claims, d.Server)
	}
	other := Terms()
	other.Lease = time.Minute
	k.fails("second Begin", k.Ledger.Begin(k.ctx, 8, other), revocast.ErrConflict)
	if after := k.describe(); after.Position != d.Position || after.Terms != d.Terms {
		k.Errorf("a refused Begin changed the ledger to %+v", after)
	}
	k.reopen()
	k.must(k.Ledger.SetTerms(k.ctx, Terms())) // whatever the fence says
	k.fails("Begin on an open ledger", k.Ledger.Begin(k.ctx, 8, Terms()), revocast.ErrConflict)
}

func recoveringRefuses(k *kit) {
	k.must(k.Ledger.Begin(k.ctx, 1, Terms()))
	k.allFail(revocast.ErrRecovering)
}

func openLedger(k *kit) {
	k.must(k.Ledger.Begin(k.ctx, 3, Terms()))
	server := k.describe().Server
	record := port.EpochRecord{Epoch: 3, Server: server, Sequence: 42}
	k.fails("Open of another epoch", k.Ledger.Open(k.ctx, port.Opening{Epoch: 2, Record: record, Settled: true}),
		revocast.ErrEpoch)
	wrong := record
	wrong.Server = "0000000000000000000000000000000000000000"
	k.fails("Open under another server's record",
		k.Ledger.Open(k.ctx, port.Opening{Epoch: 3, Record: wrong, Settled: true}), revocast.ErrConflict)
	if s := k.describe().State; s != port.LedgerRecovering {
		k.Fatalf("refused Opens left the ledger %s", s)
	}
	k.must(k.Ledger.Open(k.ctx, port.Opening{Epoch: 3, Record: record}))
	d := k.describe()
	if d.State != port.LedgerOpen || d.Position != at(3, 0) || d.Durable != at(3, 0) || d.Record != 42 || d.Settled {
		k.Errorf("after Open: %+v", d)
	}
	if len(d.Claims) != 0 {
		k.Errorf("an open ledger has claims %q", d.Claims)
	}
}

func openAgain(k *kit) {
	k.start()
	k.commit(revoke("a"))
	before := k.describe()
	record := port.EpochRecord{Epoch: 1, Server: before.Server, Sequence: before.Record}
	k.must(k.Ledger.Open(k.ctx, port.Opening{Epoch: 1, Record: record, Settled: true}))
	after := k.describe()
	if after.Position != before.Position || after.Durable != before.Durable || !after.Settled {
		k.Errorf("opening again made %+v out of %+v", after, before)
	}
	record.Sequence++
	k.fails("Open under another record", k.Ledger.Open(k.ctx, port.Opening{Epoch: 1, Record: record, Settled: true}),
		revocast.ErrConflict)
}

func fencedRefuses(k *kit) {
	k.start()
	k.must(k.Ledger.Fence(k.ctx, 1))
	k.must(k.Ledger.Fence(k.ctx, 1))
	k.allFail(revocast.ErrFenced)
	_, err := k.Ledger.Restore(k.ctx, 1, []revocast.Event{with(revoke("a"), at(1, 1), 1, 1, k.describe().Now+hour)})
	k.fails("Restore", err, revocast.ErrFenced)
	d := k.describe()
	k.fails("Open", k.Ledger.Open(k.ctx, port.Opening{
		Epoch: 1, Record: port.EpochRecord{Epoch: 1, Server: d.Server}, Settled: true,
	}), revocast.ErrFenced)
	k.fails("Begin", k.Ledger.Begin(k.ctx, 2, Terms()), revocast.ErrConflict)
	k.Replace()
	if d = k.describe(); d.State != port.LedgerFenced || d.Position.Epoch != 1 {
		k.Errorf("on another server a fenced ledger is %+v", d)
	}
}

func fenceEpoch(k *kit) {
	k.start()
	k.fails("Fence of another epoch", k.Ledger.Fence(k.ctx, 2), revocast.ErrEpoch)
	k.commit(revoke("a")) // still open
	k.Replace()
	k.describe()
	k.must(k.Ledger.Fence(k.ctx, 2)) // recovering, and fenced all the same
	k.allFail(revocast.ErrFenced)
}

func setTerms(k *kit) {
	k.start()
	terms := Terms()
	terms.Lease, terms.Drift, terms.DefaultIssuer = 1500*time.Millisecond, 0.0125, ""
	k.must(k.Ledger.SetTerms(k.ctx, terms))
	if got := k.describe().Terms; got != terms {
		k.Errorf("Describe: terms %+v, want %+v", got, terms)
	}
	if got := k.commit(revoke("a")).Terms; got != terms {
		k.Errorf("Commit: terms %+v, want %+v", got, terms)
	}
	if got := k.renew("w", revocast.Position{}).Terms; got != terms {
		k.Errorf("Renew: terms %+v, want %+v", got, terms)
	}
	checked, err := k.Ledger.Check(k.ctx, nil)
	k.must(err)
	if checked.Terms != terms {
		k.Errorf("Check: terms %+v, want %+v", checked.Terms, terms)
	}
}

func settle(k *kit) {
	k.must(k.Ledger.Begin(k.ctx, 1, Terms()))
	record := port.EpochRecord{Epoch: 1, Server: k.describe().Server}
	k.must(k.Ledger.Open(k.ctx, port.Opening{Epoch: 1, Record: record}))
	settled := func(want bool) {
		k.Helper()
		v, err := k.Ledger.Verify(k.ctx, 1)
		k.must(err)
		if c := k.commit(invalidate("a")); v.Settled != want || c.Settled != want || k.describe().Settled != want {
			k.Errorf("settled: Verify %v, Commit %v, Describe %v, want %v", v.Settled, c.Settled, k.describe().Settled,
				want)
		}
	}
	settled(false)
	k.fails("Settle of another epoch", k.Ledger.Settle(k.ctx, 2, 0), revocast.ErrEpoch)
	settled(false)
	k.must(k.Ledger.Settle(k.ctx, 1, 0))
	settled(true)
}

func ended(k *kit) {
	k.start()
	ctx, cancel := context.WithCancel(k.ctx)
	cancel()
	for _, s := range servingSteps {
		err := s.run(ctx, k.Ledger)
		k.fails(s.name, err, revocast.ErrUnavailable)
		if !errors.Is(err, context.Canceled) {
			k.Errorf("%s: error %v does not tell its cause", s.name, err)
		}
	}
	if p := k.describe().Position; p != at(1, 0) {
		k.Errorf("steps whose context had ended moved the ledger to %s", p)
	}
}

func emptied(k *kit) {
	k.start()
	k.commit(revoke("a"))
	k.Empty()
	k.allFail(revocast.ErrUninitialised)
	if d := k.describe(); d.State != port.LedgerUninitialised {
		k.Errorf("an emptied ledger is %s", d.State)
	}
}

func saysRealm(k *kit) {
	name := k.Ledger.Realm()
	if name == "" {
		k.Error("a ledger without a realm")
	}
	k.start()
	k.Replace()
	if k.describe(); k.Ledger.Realm() != name {
		k.Errorf("the realm was %q and is %q", name, k.Ledger.Realm())
	}
}
