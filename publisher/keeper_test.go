package publisher

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

// told are writers that record what the keeper tells them.
type told struct {
	notes
	impairment error
}

func (w *told) observe(context.Context, port.Description, time.Duration, time.Time) {
	w.note("observe")
}

func (w *told) charge(epoch uint64, _ time.Duration) { w.note("charge %d", epoch) }

func (w *told) recovered() { w.note("recovered") }

func (w *told) impaired() error { return w.impairment }

func keeperOf(l *ledgerFake, b *busFake, o keeperOptions) (*keeper, *told) {
	w := &told{}
	return newKeeper(partTools(l, b, io.Discard), l, newStatus(), w, o), w
}

// recordOf is the epoch's record as it stands beside an open ledger.
func recordOf(d port.Description) port.EpochRecord {
	return port.EpochRecord{Epoch: d.Opened, Server: d.OpenedBy, Terms: d.Terms, Sequence: 1, Stream: 7}
}

func TestKeeperOfAnOpenLedger(t *testing.T) {
	for _, test := range []struct {
		what   string
		record func(*port.EpochRecord)
		err    error
		want   error
		calls  []string // to the ledger
		bus    []string
		told   []string
	}{
		{"the record is its own", func(*port.EpochRecord) {}, nil, nil, nil, nil, []string{"observe", "charge 3"}},
		{"another server has the epoch", func(r *port.EpochRecord) {
			r.Server = "b"
		}, nil, revocast.ErrFenced, []string{"fence 3"}, nil, []string{"observe"}},
		{"another server has a later epoch", func(r *port.EpochRecord) {
			r.Epoch, r.Server = 4, "b"
		}, nil, revocast.ErrFenced, []string{"fence 3"}, nil, []string{"observe"}},
		{"the record came back older", func(r *port.EpochRecord) {
			r.Epoch, r.Server = 2, "b"
		}, nil, nil, nil, []string{"claim 3 of a after 1"}, []string{"observe", "charge 3"}},
		{
			"the record is lost", func(r *port.EpochRecord) {
				*r = port.EpochRecord{}
			}, revocast.ErrNotFound, nil, nil,
			[]string{"prepare", "claim 3 of a after 0"},
			[]string{"observe", "charge 3"},
		},
		{"the record cannot be read", func(r *port.EpochRecord) {
			*r = port.EpochRecord{Sequence: 1}
		}, revocast.ErrUnsuited, nil, nil, []string{"claim 3 of a after 1"}, []string{"observe"}},
		{"something else was written after it", func(r *port.EpochRecord) {
			r.Buried = 2
		}, nil, nil, nil, []string{"claim 3 of a after 1"}, []string{"observe", "charge 3"}},
		{"nothing of the record can be read", func(r *port.EpochRecord) {
			*r = port.EpochRecord{}
		}, revocast.ErrUnsuited, nil, nil, nil, []string{"observe"}},
		{"the bus does not answer", func(*port.EpochRecord) {}, revocast.ErrUnavailable, nil, nil, nil, []string{
			"observe",
		}},
	} {
		l := openLedger(3)
		b := &busFake{record: recordOf(l.d), recordErr: test.err}
		test.record(&b.record)
		k, w := keeperOf(l, b, keeperOptions{})
		t.Run(test.what, func(t *testing.T) {
			if err := k.look(t.Context()); !errors.Is(err, test.want) {
				t.Errorf("%v, want %v", err, test.want)
			}
			l.want(t, test.calls...)
			b.want(t, test.bus...)
			w.want(t, test.told...)
		})
	}
}

// TestKeeperSettles an epoch when the leases of the one before are gone, by its own clock: of
// all terms that may have been in force the longest counts.
func TestKeeperSettles(t *testing.T) {
	longer := port.DefaultTerms()
	longer.Lease = 9 * time.Second
	for _, test := range []struct {
		what string
		set  func(*port.Description, *port.EpochRecord)
		wait time.Duration
	}{
		{"the ledger's terms", func(*port.Description, *port.EpochRecord) {}, port.DefaultTerms().SettleWait()},
		{"the record's", func(_ *port.Description, r *port.EpochRecord) { r.Terms = longer }, longer.SettleWait()},
		{"what a change of terms asks for", func(d *port.Description, _ *port.EpochRecord) {
			d.SettleFor = 8 * time.Second
		}, 8 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			l := openLedger(3)
			l.d.Settled, l.d.Settling = false, 2
			b := &busFake{record: recordOf(l.d)}
			test.set(&l.d, &b.record)
			k, _ := keeperOf(l, b, keeperOptions{})
			defer running(t, k.run)()
			pass(test.wait - time.Millisecond)
			l.want(t)
			pass(2 * time.Millisecond)
			if got := l.taken(); len(got) == 0 || got[0] != "settle 3 2" {
				t.Errorf("%s: %q", test.what, got)
			}
			l.d.Settling = 3 // again unsettled
			pass(test.wait - 100*time.Millisecond)
			for _, call := range l.taken() {
				if call == "settle 3 3" {
					t.Errorf("%s: settled before its time", test.what)
				}
			}
		})
	}
}

// TestKeeperBeginsNothingByItself that may be another realm's, or a wrong Redis.
func TestKeeperBeginsNothingByItself(t *testing.T) {
	for _, test := range []struct {
		what   string
		set    func(*keeper, *busFake, *ledgerFake)
		want   error
		begins bool
	}{
		{"an empty Redis that was never seen", func(
			*keeper, *busFake, *ledgerFake,
		) {
		}, revocast.ErrUninitialised, false},
		{"it was told to", func(k *keeper, _ *busFake, _ *ledgerFake) {
			k.recoverEmpty = true
		}, revocast.ErrRecovering, true},
		{"it saw it serve", func(k *keeper, _ *busFake, _ *ledgerFake) { k.served = 1 }, revocast.ErrRecovering, true},
		{"the same server", func(_ *keeper, b *busFake, _ *ledgerFake) {
			b.record.Server = "new"
		}, revocast.ErrRecovering, true},
		{"JetStream does not know the realm", func(k *keeper, b *busFake, _ *ledgerFake) {
			k.recoverEmpty, b.recordErr = true, revocast.ErrNotFound
		}, revocast.ErrUninitialised, false},
		{"JetStream does not answer", func(k *keeper, b *busFake, _ *ledgerFake) {
			k.recoverEmpty, b.recordErr = true, revocast.ErrUnavailable
		}, revocast.ErrUnavailable, false},
	} {
		l := openLedger(3)
		b := &busFake{record: recordOf(l.d)}
		l.d = port.Description{State: port.LedgerUninitialised, Server: "new"}
		k, _ := keeperOf(l, b, keeperOptions{})
		test.set(k, b, l)
		err := k.look(t.Context())
		if got := l.taken(); !errors.Is(err, test.want) || (len(got) == 1 && got[0] == "begin 4") != test.begins {
			t.Errorf("%s: %v, calls %q", test.what, err, got)
		}
		if woken := len(k.status.recheck) == 1; woken != test.begins {
			t.Errorf("%s: looks again immediately: %t", test.what, woken)
		}
	}
}

func TestKeeperReports(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		l := openLedger(3)
		w := &told{}
		k := newKeeper(partTools(l, &busFake{}, &out), l, newStatus(), w, keeperOptions{})
		k.report(revocast.ErrFenced)
		if !errors.Is(k.status.ready.Err(), revocast.ErrFenced) ||
			!errors.Is(k.status.serving.Err(), revocast.ErrFenced) {
			t.Error("it is ready with a ledger that is fenced")
		}
		k.report(revocast.ErrRecovering) // another text, too soon
		pass(reportEveryText)
		k.report(revocast.ErrFenced)      // the same text as before
		k.report(revocast.ErrUnavailable) // another one, late enough
		w.impairment = errors.New("clocks are apart")
		k.report(nil)
		if k.status.serving.Err() != nil || k.status.ready.Err() == nil {
			t.Errorf("with an impairment: ready %v, serving %v", k.status.ready.Err(), k.status.serving.Err())
		}
		k.report(nil)
		if n := strings.Count(out.String(), "does not serve"); n != 2 {
			t.Errorf("%d lines say that the ledger does not serve, want 2:\n%s", n, out.String())
		}
		if n := strings.Count(out.String(), "the ledger serves"); n != 1 {
			t.Errorf("%d lines say that it serves, want 1", n)
		}
	})
}

// TestKeeperRewrites: the keeper writes what an older record lacks, and reports a lost record
// only if it was lost.
func TestKeeperRewrites(t *testing.T) {
	for _, test := range []struct {
		what  string
		epoch uint64
		says  bool
	}{{"of shorter leases", 3, false}, {"of an earlier epoch", 2, true}} {
		var out bytes.Buffer
		l := openLedger(3)
		b := &busFake{record: recordOf(l.d)}
		b.record.Epoch, b.record.Terms.Lease = test.epoch, time.Second
		k := newKeeper(partTools(l, b, &out), l, newStatus(), &told{}, keeperOptions{})
		known := recordOf(l.d)
		known.After, known.Base = "before", 9
		k.latest = known
		if err := k.look(t.Context()); err != nil {
			t.Fatal(err)
		}
		b.want(t, "claim 3 of a after 1")
		if says := strings.Contains(out.String(), "has lost the epoch's record"); says != test.says {
			t.Errorf("%s:\n%s", test.what, out.String())
		}
		if test.epoch == 2 && (b.record.After != "before" || b.record.Base != 9) {
			t.Errorf("%s: what was known of it is gone: %+v", test.what, b.record)
		}
		if b.record.Terms != l.d.Terms {
			t.Errorf("%s: terms %+v", test.what, b.record.Terms)
		}
	}
}

// TestKeeperRemembersLeases that a record told of which was lost since, or came back older.
func TestKeeperRemembersLeases(t *testing.T) {
	for _, test := range []struct {
		what  string
		epoch uint64
		err   error
	}{{"older", 2, nil}, {"lost", 0, revocast.ErrNotFound}} {
		l := openLedger(3)
		b := &busFake{record: recordOf(l.d), recordErr: test.err}
		if b.record.Epoch = test.epoch; test.err != nil {
			b.record = port.EpochRecord{}
		}
		k, _ := keeperOf(l, b, keeperOptions{})
		k.latest = recordOf(l.d)
		k.latest.Terms.Lease *= 3
		long := k.latest.Terms
		if err := k.look(t.Context()); err != nil || b.record.Terms != long {
			t.Errorf("%s: %v, terms %+v", test.what, err, b.record.Terms)
		}
	}
}
