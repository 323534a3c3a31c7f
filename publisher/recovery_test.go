package publisher

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

// recovering is a ledger of server a that was open in epoch 3 under "old", and counted the
// epoch up.
func recovering() *ledgerFake {
	l := openLedger(3)
	l.d.State, l.d.Position, l.d.OpenedBy = port.LedgerRecovering, pos(4, 0), "old"
	return l
}

// TestSucceeds: a ledger may carry on only if its own history leads up to the record.
func TestSucceeds(t *testing.T) {
	for _, test := range []struct {
		what string
		set  func(*port.Description, *port.EpochRecord)
		want bool
	}{
		{"it was opened under the record", func(*port.Description, *port.EpochRecord) {}, true},
		{"another server was, in that epoch", func(_ *port.Description, r *port.EpochRecord) { r.Server = "b" }, false},
		{"the record is of a later epoch", func(_ *port.Description, r *port.EpochRecord) { r.Epoch = 4 }, false},
		{"of an earlier epoch", func(_ *port.Description, r *port.EpochRecord) { r.Epoch, r.Server = 2, "b" }, true},
		{"there is none", func(_ *port.Description, r *port.EpochRecord) { *r = port.EpochRecord{} }, true},
		{"it has no history of its own", func(d *port.Description, r *port.EpochRecord) {
			d.Opened, d.OpenedBy, r.Server = 0, "", "b"
		}, true},
		{"it wrote the record itself, in a recovery", func(d *port.Description, r *port.EpochRecord) {
			r.Epoch, r.Server, d.Claims = 4, "b", []string{"x", "b"}
		}, true},
		{"others wrote it", func(d *port.Description, r *port.EpochRecord) {
			r.Epoch, r.Server, d.Claims = 4, "b", []string{"x"}
		}, false},
	} {
		d := recovering().d
		r := port.EpochRecord{Epoch: 3, Server: "old"}
		test.set(&d, &r)
		if got := succeeds(d, r); got != test.want {
			t.Errorf("%s: %t, want %t", test.what, got, test.want)
		}
	}
}

func TestTakesOver(t *testing.T) {
	for _, test := range []struct {
		what   string
		served uint64
		set    func(*port.Description, *port.EpochRecord)
		want   bool
	}{
		{"the record is of another server", 0, func(*port.Description, *port.EpochRecord) {}, true},
		{"of this server", 0, func(_ *port.Description, r *port.EpochRecord) { r.Server = "a" }, false},
		{"of the one that it was opened under", 0, func(_ *port.Description, r *port.EpochRecord) {
			r.Server = "old"
		}, false},
		{"there is none", 0, func(_ *port.Description, r *port.EpochRecord) { r.Epoch = 0 }, false},
		{"it was emptied", 3, func(d *port.Description, _ *port.EpochRecord) { d.Opened, d.OpenedBy = 0, "" }, false},
		{"it is empty and was not seen to serve", 0, func(d *port.Description, _ *port.EpochRecord) {
			d.Opened, d.OpenedBy = 0, ""
		}, true},
		{"it was seen to serve and has a history", 3, func(*port.Description, *port.EpochRecord) {}, true},
	} {
		d, r := recovering().d, port.EpochRecord{Epoch: 3, Server: "b"}
		test.set(&d, &r)
		k := &keeper{served: test.served}
		if got := k.takesOver(d, r); got != test.want {
			t.Errorf("%s: %t, want %t", test.what, got, test.want)
		}
	}
}

func TestMayReopen(t *testing.T) {
	for _, test := range []struct {
		what string
		set  func(*keeper, *port.Description, *port.EpochRecord)
		want bool
	}{
		{"it served in the record's epoch", func(k *keeper, _ *port.Description, _ *port.EpochRecord) {
			k.served = 4
		}, true},
		{"and has replicas", func(k *keeper, d *port.Description, _ *port.EpochRecord) {
			k.served, d.Terms.Fence = 4, time.Second
		}, false},
		{"it never served", func(*keeper, *port.Description, *port.EpochRecord) {}, false},
		{"the record goes on from it", func(k *keeper, _ *port.Description, r *port.EpochRecord) {
			k.served, r.After = 3, "old"
		}, true},
		{"and has replicas, too", func(k *keeper, d *port.Description, r *port.EpochRecord) {
			k.served, r.After, d.Terms.Fence = 3, "old", time.Second
		}, false},
		{"the record goes on from another", func(k *keeper, _ *port.Description, r *port.EpochRecord) {
			k.served, r.After = 3, "b"
		}, false},
		{"it served, but in an earlier epoch than it was opened in", func(k *keeper, _ *port.Description,
			r *port.EpochRecord,
		) {
			k.served, r.After = 2, "old"
		}, false},
		{"nothing was ever open, though names agree", func(_ *keeper, d *port.Description, r *port.EpochRecord) {
			d.Opened, r.After = 0, "old"
		}, false},
		{"an older record came back", func(k *keeper, _ *port.Description, r *port.EpochRecord) {
			k.served, k.latest.Epoch, r.After = 3, 5, "old"
		}, false},
		{"an older one, and it served later", func(k *keeper, _ *port.Description, _ *port.EpochRecord) {
			k.served, k.latest.Epoch = 5, 5
		}, true},
	} {
		d, r := recovering().d, port.EpochRecord{Epoch: 4, Server: "b"}
		k := &keeper{}
		test.set(k, &d, &r)
		if got := k.mayReopen(d, r); got != test.want {
			t.Errorf("%s: %t, want %t", test.what, got, test.want)
		}
	}
}

// TestJoins: another publisher that recovers the ledger is left to it until nothing has moved
// for as long as that may take.
func TestJoins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := recovering()
		l.d.Terms.Fence = 4 * time.Second
		k, _ := keeperOf(l, &busFake{}, keeperOptions{})
		if k.won = 4; !k.joins(l.d) {
			t.Error("the one that claimed the epoch does not recover it")
		}
		k.won = 3
		patience := l.d.Terms.FenceWait() + 2*chargeLife + joinAfter
		wait := func(d time.Duration, want bool) {
			t.Helper()
			pass(d)
			if got := k.joins(l.d); got != want {
				t.Errorf("joins %t, want %t", got, want)
			}
		}
		wait(0, false)
		wait(patience-1, false)
		l.d.Position.Rev++ // something moved
		wait(1, false)
		wait(patience-1, false)
		wait(1, true)
	})
	if got := standDown(port.EpochRecord{Takeover: true}); got != 2*chargeLife {
		t.Errorf("another server is given %s", got)
	}
	if got := standDown(port.EpochRecord{}); got != 0 {
		t.Errorf("nobody is given %s", got)
	}
}

func TestKeeperRecovers(t *testing.T) {
	for _, test := range []struct {
		what string
		set  func(*ledgerFake, *busFake)
		want []string
		err  error
		wait time.Duration
	}{
		{
			"after a restart", func(*ledgerFake, *busFake) {},
			[]string{"restore 4: 2", "open 4 at 9"},
			revocast.ErrRecovering, 0,
		},
		{"with replicas", func(l *ledgerFake, _ *busFake) {
			l.d.Terms.Fence = 2 * time.Second
		}, []string{"restore 4: 2", "open 4 at 9"}, revocast.ErrRecovering, 2 * time.Second},
		{"from a server that may be alive", func(l *ledgerFake, b *busFake) {
			l.d.Opened, l.d.OpenedBy, l.d.Mark, b.record.Server = 0, "", port.StreamMark{}, "b"
			b.record.Stream = 0
		}, []string{"restore 4: 2", "open 4 at 9"}, revocast.ErrRecovering, 2 * chargeLife},
		{"the record is another's", func(_ *ledgerFake, b *busFake) {
			b.record.Epoch, b.record.Server = 4, "b"
		}, []string{"fence 4"}, revocast.ErrFenced, 0},
		{"the stream has events of this epoch", func(_ *ledgerFake, b *busFake) {
			b.events = append(b.events, revoked(6, 1))
		}, []string{"restore 4: 3", "fence 4", "reopen 7 after a"}, revocast.ErrRecovering, 0},
		{"of an epoch that nobody can be in", func(_ *ledgerFake, b *busFake) {
			b.events = append(b.events, revoked(4+farEpochs, 1))
		}, []string{"restore 4: 3", "open 4 at 9"}, revocast.ErrRecovering, 0},
		{"with both stores lost", func(l *ledgerFake, b *busFake) {
			l.d.Opened, l.d.OpenedBy, l.d.Mark, b.record.Stream = 0, "", port.StreamMark{}, 6
		}, []string{"restore 4: 2"}, revocast.ErrStreamLost, 2 * chargeLife},
	} {
		synctest.Test(t, func(t *testing.T) {
			l := recovering()
			b := &busFake{
				record: port.EpochRecord{
					Epoch: 3, Server: "old", Terms: l.d.Terms, Sequence: 1,
					Stream: 7,
				}, info: port.StreamInfo{Created: 7, First: 1, Last: 9},
				events: []revocast.Event{revoked(3, 1), revoked(3, 2), {Kind: revocast.KindInvalidated, Position: pos(3,
					3)}, {Kind: revocast.KindRevoked, Position: pos(3, 4), Until: 1}},
				replayed: port.Replayed{End: port.StreamPoint{Created: 7, Sequence: 9}},
			}
			test.set(l, b)
			k, w := keeperOf(l, b, keeperOptions{recoverEmpty: true})
			began := time.Now()
			if err := k.look(t.Context()); !errors.Is(err, test.err) {
				t.Errorf("%s: %v", test.what, err)
			}
			if took := time.Since(began); took < test.wait || took > test.wait*11/10 {
				t.Errorf("%s: took %s, want %s", test.what, took, test.wait)
			}
			got := l.taken()
			if len(got) != len(test.want) {
				t.Fatalf("%s: %q", test.what, got)
			}
			for i := range got {
				if got[i] != test.want[i] {
					t.Errorf("%s: %q, want %q", test.what, got, test.want)
				}
			}
			opened := k.recoveries.Load() == 1
			if want := test.want[len(test.want)-1][:4] == "open"; opened != want || (len(w.taken()) == 1) != want {
				t.Errorf("%s: opened %t, want %t", test.what, opened, want)
			}
		})
	}
}

// TestReplayFromAMark: a replay from a mark reads less, but reads everything if the stream has
// lost the mark's message.
func TestReplayFromAMark(t *testing.T) {
	for _, lost := range []bool{false, true} {
		l := recovering()
		l.d.Mark = port.StreamMark{Point: port.StreamPoint{Created: 7, Sequence: 5}, From: 5}
		b := &busFake{
			info: port.StreamInfo{Created: 7}, events: []revocast.Event{revoked(3, 6)},
			replayed: port.Replayed{End: port.StreamPoint{Sequence: 6}},
		}
		b.replayErr = func(after port.StreamPoint) error {
			if lost && after.Sequence == 5 {
				return revocast.ErrStreamLost
			}
			return nil
		}
		k, _ := keeperOf(l, b, keeperOptions{})
		r, err := k.replay(t.Context(), l.d, port.EpochRecord{})
		if err != nil || r.top != 3 || (r.End.Sequence == 0) != lost {
			t.Errorf("lost %t: %+v, %v", lost, r, err)
		}
		if lost {
			b.want(t, "replay after 5", "replay after 0")
		} else {
			b.want(t, "replay after 5")
		}
	}
}

// TestBothLost: an empty ledger is opened from a stream that is not whole only if somebody
// accepts the loss, and then it leaves no mark.
func TestBothLost(t *testing.T) {
	for _, test := range []struct {
		what   string
		accept bool
		set    func(*ledgerFake, *busFake, *keeper)
		err    error
		end    uint64
	}{
		{"whole", false, func(*ledgerFake, *busFake, *keeper) {}, nil, 9},
		{"holes", false, func(_ *ledgerFake, b *busFake, _ *keeper) {
			b.replayed.Missing = 1
		}, revocast.ErrStreamLost, 0},
		{"holes, accepted", true, func(_ *ledgerFake, b *busFake, _ *keeper) { b.replayed.Missing = 1 }, nil, 0},
		{"whole, and a loss accepted", true, func(*ledgerFake, *busFake, *keeper) {}, nil, 0},
		{"what cannot be read", false, func(_ *ledgerFake, b *busFake, _ *keeper) {
			b.replayed.Undecodable = 1
		}, nil, 0},
		{"it reached further before", false, func(_ *ledgerFake, _ *busFake, k *keeper) {
			k.streams.seen.Store(&port.StreamInfo{Created: 7, Last: 10})
		}, revocast.ErrStreamLost, 0},
		{"another one reached further", false, func(_ *ledgerFake, _ *busFake, k *keeper) {
			k.streams.seen.Store(&port.StreamInfo{Created: 6, Last: 10})
		}, nil, 9},
		{"it reached as far", false, func(_ *ledgerFake, _ *busFake, k *keeper) {
			k.streams.seen.Store(&port.StreamInfo{Created: 7, Last: 9})
		}, nil, 9},
		{"it is not empty", false, func(l *ledgerFake, _ *busFake, _ *keeper) { l.d.Opened = 3 }, nil, 0},
	} {
		l := recovering()
		l.d.Opened, l.d.Mark = 0, port.StreamMark{}
		b := &busFake{
			info:     port.StreamInfo{Created: 7, First: 1, Last: 9},
			replayed: port.Replayed{End: port.StreamPoint{Created: 7, Sequence: 9}},
		}
		k, _ := keeperOf(l, b, keeperOptions{acceptLoss: test.accept})
		test.set(l, b, k)
		r, err := k.replay(t.Context(), l.d, port.EpochRecord{Stream: 7})
		if !errors.Is(err, test.err) || err == nil && r.End.Sequence != test.end {
			t.Errorf("%s: %v, end %d", test.what, err, r.End.Sequence)
		}
	}
}

// TestClaim: a claim writes the record only if this server has not written it yet, and names the
// stream that holds the history.
func TestClaim(t *testing.T) {
	for _, test := range []struct {
		what string
		set  func(*keeper, *ledgerFake, *busFake)
		bus  []string
		want func(port.EpochRecord) bool
		err  error
	}{
		{"it is claimed already", func(_ *keeper, _ *ledgerFake, b *busFake) {
			b.record.Epoch, b.record.Server = 4, "a"
		}, nil, func(r port.EpochRecord) bool { return r.Epoch == 4 }, nil},
		{
			"of the epoch that it goes on from", func(*keeper, *ledgerFake, *busFake) {},
			[]string{"claim 4 of a after 1"},
			func(r port.EpochRecord) bool {
				return r.Stream == 7 && r.Base == 5 && r.After == "old" && !r.Takeover
			}, nil,
		},
		{"it is lost", func(_ *keeper, _ *ledgerFake, b *busFake) {
			b.record, b.recordErr = port.EpochRecord{}, revocast.ErrNotFound
		}, []string{"prepare", "claim 4 of a after 0"}, func(r port.EpochRecord) bool {
			return r.Stream == 7 && r.Base == 0
		}, nil},
		{"something else stands in its place", func(_ *keeper, _ *ledgerFake, b *busFake) {
			b.record, b.recordErr = port.EpochRecord{Sequence: 70}, revocast.ErrUnsuited
		}, nil, nil, revocast.ErrUnsuited},
		{"something else stands in its place, for a repair", func(k *keeper, _ *ledgerFake, b *busFake) {
			k.supersede = true
			b.record, b.recordErr = port.EpochRecord{Sequence: 70}, revocast.ErrUnsuited
		}, []string{"prepare", "claim 4 of a after 70"}, func(r port.EpochRecord) bool { return r.Stream == 7 }, nil},
		{"it is of a later version, for a repair", func(k *keeper, _ *ledgerFake, b *busFake) {
			k.supersede = true
			b.record, b.recordErr = port.EpochRecord{}, revocast.ErrUnsuited
		}, nil, nil, revocast.ErrUnsuited},
		{"it came back older, with another stream", func(_ *keeper, _ *ledgerFake, b *busFake) {
			b.record.Epoch, b.record.Stream = 2, 6
		}, []string{"claim 4 of a after 1"}, func(r port.EpochRecord) bool {
			return r.Stream == 7 && r.Base == 0
		}, nil},
		{"it came back older, with the same stream", func(_ *keeper, _ *ledgerFake, b *busFake) {
			b.record.Epoch = 2
		}, []string{"claim 4 of a after 1"}, func(r port.EpochRecord) bool {
			return r.Stream == 7 && r.Base == 5
		}, nil},
		{"it names another stream", func(_ *keeper, _ *ledgerFake, b *busFake) {
			b.record.Stream = 6
		}, []string{"claim 4 of a after 1"}, func(r port.EpochRecord) bool {
			return r.Stream == 6 && r.Base == 5
		}, nil},
		{"of another server, in this epoch", func(_ *keeper, l *ledgerFake, b *busFake) {
			b.record.Epoch, b.record.Server, l.d.Claims = 4, "b", []string{"b"}
		}, nil, nil, revocast.ErrFenced},
		{"the bus is away", func(_ *keeper, _ *ledgerFake, b *busFake) {
			b.recordErr = revocast.ErrUnavailable
		}, nil, nil, revocast.ErrUnavailable},
		{"another was faster", func(_ *keeper, _ *ledgerFake, b *busFake) {
			b.claimErr = revocast.ErrConflict
		}, []string{"claim 4 of a after 1"}, nil, revocast.ErrConflict},
	} {
		l := recovering()
		b := &busFake{
			record: port.EpochRecord{Epoch: 3, Server: "old", Terms: l.d.Terms, Sequence: 1, Stream: 7, Base: 5},
		}
		k, _ := keeperOf(l, b, keeperOptions{})
		test.set(k, l, b)
		r, err := k.claim(t.Context(), l.d)
		if !errors.Is(err, test.err) || test.err == nil && (err != nil || !test.want(r)) {
			t.Errorf("%s: %+v, %v", test.what, r, err)
		}
		b.want(t, test.bus...)
		if claimed := len(test.bus) > 0 && test.err == nil; (k.won == 4) != claimed {
			t.Errorf("%s: won %d", test.what, k.won)
		}
	}
}

// TestReopen begins an epoch after every one that is known of.
func TestReopen(t *testing.T) {
	for _, fenced := range []bool{false, true} {
		for _, known := range [][3]uint64{{9, 4, 5}, {3, 9, 5}, {3, 4, 9}} {
			l := recovering()
			l.d.Position.Epoch = known[1]
			k, _ := keeperOf(l, &busFake{}, keeperOptions{})
			k.latest.Epoch = known[2]
			want := []string{"reopen 10 after b"}
			if fenced {
				l.d.State = port.LedgerFenced
			} else {
				want = append([]string{fmt.Sprintf("fence %d", known[1])}, want...)
			}
			if err := k.reopen(t.Context(), l.d, port.EpochRecord{Epoch: known[0], Server: "b"}); !errors.Is(err,
				revocast.ErrRecovering) {
				t.Error(err)
			}
			l.want(t, want...)
		}
	}
}
