package publisher

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

// aheadClock is a wall clock that is wrong.
type aheadClock struct {
	sinceClock
	ahead *time.Duration
}

func (c aheadClock) Now() time.Time { return time.Now().Add(*c.ahead) }

func clocksOf(l *ledgerFake) (*clocks, *time.Duration) {
	b, ahead := partTools(l, &busFake{}, io.Discard).base, new(time.Duration)
	b.clock = aheadClock{b.clock.(sinceClock), ahead}
	return newClocks(b, l), ahead
}

func (c *clocks) read(t *testing.T, l *ledgerFake) {
	t.Helper()
	d, _ := l.Describe(t.Context())
	c.observe(t.Context(), d, c.clock.Monotonic(), c.clock.Now())
}

func telling(name string, ahead time.Duration, renewals uint64) port.Member {
	id := port.MemberID{Class: "default", Worker: name}
	return port.Member{ID: id, Told: true, Ahead: ahead.Milliseconds(), Renewals: renewals}
}

// TestClocksTakeTheMedian of three clocks, and the later of two.
func TestClocksTakeTheMedian(t *testing.T) {
	for _, test := range []struct {
		own     time.Duration
		workers []time.Duration
		want    time.Duration
	}{
		{0, nil, 0},
		{inStep, nil, 0},
		{inStep + time.Millisecond, nil, inStep + time.Millisecond},
		{time.Second, nil, time.Second},
		{-time.Second, nil, 0},
		{time.Second, []time.Duration{2 * time.Second}, time.Second},
		{3 * time.Second, []time.Duration{2 * time.Second}, 2 * time.Second},
		{-time.Second, []time.Duration{2 * time.Second}, 0},
		{-2 * time.Second, []time.Duration{-time.Second}, -time.Second},
		{time.Second, []time.Duration{9 * time.Second, 0, 0}, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			l := openLedger(1)
			for i, ahead := range test.workers {
				l.members = append(l.members, telling(string(rune('a'+i)), ahead, 1))
			}
			c, ahead := clocksOf(l)
			*ahead = test.own
			c.read(t, l)
			if own, got, _ := c.stats(); own != test.own || got != test.want {
				t.Errorf("own %s, workers %v: %s is measured, the fleet is %s ahead, want %s", test.own, test.workers,
					own,
					got, test.want)
			}
		})
	}
}

// TestClocksOfTheGone: a worker that is silent for W tells no time any more.
func TestClocksOfTheGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := openLedger(1)
		l.members = []port.Member{telling("gone", 4*time.Second, 1), telling("mute", 0, 1)}
		l.members[1].Told = false
		c, ahead := clocksOf(l)
		*ahead = 4 * time.Second
		c.read(t, l)
		if _, fleet, _ := c.stats(); fleet != 4*time.Second {
			t.Errorf("the fleet is %s ahead", fleet)
		}
		pass(l.d.Terms.Wait())
		c.read(t, l)
		if c.told != 1 {
			t.Errorf("%d told their clocks", c.told)
		}
		pass(asideEvery - 1)
		c.read(t, l)
		if c.told != 1 {
			t.Error("asked too early")
		}
		pass(1)
		c.read(t, l)
		if c.told != 0 {
			t.Errorf("%d told their clocks, after W", c.told)
		}
		l.members[0].Renewals++
		pass(asideEvery)
		if c.read(t, l); c.told != 1 {
			t.Error("it renewed, and does not count")
		}
	})
}

// TestClocksAreAskedBeforeACommit: they are asked only if they could show which of two clocks is
// wrong.
func TestClocksAreAskedBeforeACommit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := openLedger(1)
		c, ahead := clocksOf(l)
		c.read(t, l)
		l.members = []port.Member{telling("a", time.Second, 1)}
		if c.prepare(t.Context()); c.told != 0 {
			t.Error("asked with clocks in step")
		}
		*ahead = inStep
		c.read(t, l)
		if c.prepare(t.Context()); c.told != 0 {
			t.Error("asked with clocks that are as far apart as in step allows")
		}
		l.members = nil
		*ahead = time.Second
		c.read(t, l)
		l.members = []port.Member{telling("a", time.Second, 1)}
		if c.prepare(t.Context()); c.told != 1 {
			t.Error("not asked with clocks apart")
		}
		l.members = nil
		if c.prepare(t.Context()); c.told != 1 {
			t.Error("asked though a worker told its clock")
		}
	})
}

func TestClocksApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := openLedger(1)
		c, ahead := clocksOf(l)
		if err := c.err(); err != nil {
			t.Errorf("before anything was read: %v", err)
		}
		skew := l.d.Terms.SkewOrDefault()
		for _, sign := range []time.Duration{1, -1} {
			*ahead = sign * (skew + inStep + time.Millisecond) // one millisecond is what a reading may be wrong by
			if c.read(t, l); c.err() != nil {
				t.Errorf("%s: %v", *ahead, c.err())
			}
			*ahead += sign * time.Millisecond
			if c.read(t, l); !errors.Is(c.err(), revocast.ErrUnavailable) {
				t.Errorf("%s: %v", *ahead, c.err())
			}
		}
		e := revoked(1, 1)
		e.At = e.CutOff + receiptSkew.Milliseconds()
		if got := c.warnings(e); len(got) != 2 {
			t.Errorf("warnings %q", got)
		}
		*ahead = 0
		c.read(t, l)
		if got := c.warnings(e); len(got) != 1 {
			t.Errorf("warnings %q", got)
		}
		e.At--
		if got := c.warnings(e); len(got) != 0 {
			t.Errorf("warnings %q of a cut-off that is hardly apart", got)
		}
		e.At++
		if e.Scope = revocast.ScopeToken; len(c.warnings(e)) != 0 {
			t.Error("a warning of a cut-off that is none")
		}
	})
}

// TestLeadsAreTurned when the same turn has stood for ten minutes, on this process's clock.
func TestLeadsAreTurned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := openLedger(1)
		c, _ := clocksOf(l)
		l.d.Turn = 4
		c.read(t, l)
		pass(turnEvery - 1)
		c.read(t, l)
		l.want(t)
		l.d.Turn = 5 // somebody else turned it
		c.read(t, l)
		pass(turnEvery - 1)
		c.read(t, l)
		l.want(t)
		pass(1)
		c.read(t, l)
		l.want(t, "turn leads 5")
	})
}

// TestClocksKeepTheLargestLead until the epoch is settled: a ledger that lost data may not know it.
func TestClocksKeepTheLargestLead(t *testing.T) {
	l := openLedger(1)
	c, _ := clocksOf(l)
	for _, test := range []struct {
		lead    int64
		settled bool
		want    int64
	}{{500, true, 500}, {200, false, 500}, {700, false, 700}, {200, true, 200}} {
		l.d.Lead, l.d.Settled = test.lead, test.settled
		c.read(t, l)
		if got := c.reckon(revocast.Reckoning{}).Lead; got != test.want {
			t.Errorf("lead %d, settled %t: %d, want %d", test.lead, test.settled, got, test.want)
		}
	}
}

// TestLedgerClockThatWentBack is not followed for a while, unless this machine's clock says that
// it was wrong before, or it went back further than the skew.
func TestLedgerClockThatWentBack(t *testing.T) {
	for _, test := range []struct {
		what     string
		back     time.Duration
		own      func(back, skew time.Duration) time.Duration
		later    func(skew time.Duration) time.Duration
		followed bool
	}{
		{"a little", inStep, nil, nil, true},
		{"this machine's stayed", time.Second, nil, nil, false},
		{"as far as the skew", port.MinSkew, nil, nil, false},
		{"further than the skew", port.MinSkew + 1, nil, nil, true},
		{"this machine's went along", time.Second, func(time.Duration, time.Duration) time.Duration {
			return 0
		}, nil, true},
		{"this machine's is in the middle", time.Second, func(back, _ time.Duration) time.Duration {
			return back / 2
		}, nil, true},
		{"more than the middle", time.Second, func(back, _ time.Duration) time.Duration {
			return back/2 + 1
		}, nil, false},
		{"long ago", time.Second, nil, func(skew time.Duration) time.Duration { return 2 * skew }, true},
		{"not so long ago", time.Second, nil, func(skew time.Duration) time.Duration { return 2*skew - 1 }, false},
	} {
		c := &clocks{skew: port.MinSkew, own: test.back, reading: time.Hour, readAt: time.Minute}
		if test.own != nil {
			c.own = test.own(test.back, c.skew)
		}
		now := c.readAt
		if test.later != nil {
			now += test.later(c.skew)
		}
		c.continueLocked(time.Hour-test.back, now)
		if followed := c.reading != time.Hour; followed != test.followed {
			t.Errorf("%s: followed %t", test.what, followed)
		}
	}
	c := &clocks{skew: port.MinSkew, own: time.Second, reading: time.Hour}
	if c.continueLocked(time.Hour-time.Second, 0); c.reading == time.Hour || c.readAt == 0 {
		t.Error("the first reading is not taken in")
	}
}

// TestClocksApartAreLogged once a minute.
func TestClocksApartAreLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		l := openLedger(1)
		c, ahead := clocksOf(l)
		c.log = slog.New(slog.NewTextHandler(&out, nil))
		*ahead = time.Hour
		for range 3 {
			c.read(t, l)
			pass(30 * time.Second)
		}
		if n := strings.Count(out.String(), "clocks are apart"); n != 2 {
			t.Errorf("%d lines in a minute, want 2", n)
		}
	})
}
