package revocast

import (
	"testing"
	"time"
)

// wallClocks are the two wall wallClocks that a reckoner compares, and the monotonic one.
type wallClocks struct {
	r           reckoner
	mono        time.Duration
	ledger, own time.Duration // ahead of the true time
}

var trueStart = time.UnixMilli(1_700_000_000_000)

func (c *wallClocks) now() int64 { return trueStart.Add(c.mono).UnixMilli() }

// pass lets time pass, with a reading of the ledger's clock at the end.
func (c *wallClocks) pass(d time.Duration) {
	c.mono += d
	read := trueStart.Add(c.mono + c.ledger).UnixMilli()
	c.r.observe(read, c.mono-time.Millisecond, c.mono+time.Millisecond, trueStart.Add(c.mono+c.own))
}

func (c *wallClocks) check(t *testing.T, what string, off time.Duration, known, unready bool) {
	t.Helper()
	got, ok := c.r.now(c.mono)
	if ok != known || ok && time.Duration(got-c.now())*time.Millisecond-off > 3*time.Millisecond || ok && off-time.Duration(got-c.now())*time.Millisecond > 2*time.Millisecond {
		t.Errorf("%s: reckons %s from the true time (%v), want %s (%v)", what, time.Duration(got-c.now())*time.Millisecond, ok, off, known)
	}
	if err := c.r.err(); (err != nil) != unready {
		t.Errorf("%s: %v", what, err)
	}
}

func TestReckonerTellsWhichClockJumped(t *testing.T) {
	var c wallClocks
	if _, known := c.r.now(0); known || c.r.err() != nil || c.r.latest(0, trueStart) != 0 {
		t.Error("something is known before the ledger's clock was read")
	}
	c.ledger = 3 * time.Second
	c.pass(time.Second)
	c.check(t, "in step", 3*time.Second, true, false)
	c.ledger = time.Hour
	c.pass(time.Second)
	c.check(t, "the ledger's jumped ahead", 3*time.Second, true, true)
	c.pass(time.Hour)
	c.check(t, "an hour later", 3*time.Second, true, true)
	c.ledger = -time.Hour
	c.pass(time.Second)
	c.check(t, "and back", 3*time.Second, true, true)
	c.ledger = time.Second
	c.pass(time.Second)
	c.check(t, "in step again", time.Second, true, false)
	c.own = 2 * time.Hour
	c.pass(time.Second)
	c.check(t, "this machine's jumped", time.Second, true, true)
	c.ledger = 4 * time.Second
	c.pass(time.Second)
	c.check(t, "and the ledger's was set", 4*time.Second, true, true)
	c.own = 0
	c.pass(time.Second)
	c.check(t, "in step at the end", 4*time.Second, true, false)
}

func TestReckonerOfClocksThatWereNeverInStep(t *testing.T) {
	c := wallClocks{ledger: time.Hour}
	c.pass(time.Second)
	c.check(t, "apart from the beginning", 0, false, true)
	if latest := c.r.latest(c.mono, trueStart.Add(c.mono)); latest != trueStart.Add(c.mono+time.Hour).UnixMilli() {
		t.Errorf("the latest clock shows %d", latest)
	}
	c.ledger = 0
	c.pass(time.Second)
	c.check(t, "once they are", 0, true, false)
}

// TestCautiousClock: a clock that jumps ahead for a while has next to nothing forgotten.
func TestCautiousClock(t *testing.T) {
	var c cautious
	mono, ahead := time.Duration(0), time.Duration(0)
	shows := func(most, least time.Duration) {
		t.Helper()
		off := time.Duration(c.now(mono, trueStart.Add(mono+ahead))-trueStart.Add(mono).UnixMilli()) * time.Millisecond
		if off > most || off < least {
			t.Errorf("the clock shows %s from the true time, want %s to %s", off, least, most)
		}
	}
	shows(0, 0)
	mono += time.Minute
	shows(0, 0)
	ahead = time.Hour
	for range 35 {
		mono += time.Second
		shows(4*time.Second, 0)
	}
	ahead = 0
	mono += time.Second
	shows(0, 0)
	ahead = -time.Hour
	shows(-time.Hour, -time.Hour)
	ahead = time.Hour
	mono += 30 * time.Hour
	shows(time.Hour, time.Hour) // it was right after all
}

func TestCount(t *testing.T) {
	at := Position{Epoch: 3, Rev: 9}
	before := Description{State: LedgerOpen, Position: at, Born: 105, Gone: 101} // 4 states
	for _, test := range []struct {
		what   string
		seen   []uint64
		gone   uint64
		want   int64
		counts bool
	}{
		{"all, one twice", []uint64{102, 103, 104, 105, 103}, 101, 0, true},
		{"with one that was made meanwhile", []uint64{102, 103, 104, 105, 106}, 101, 0, true},
		{"one has vanished", []uint64{102, 103, 105, 106, 107}, 101, 1, true},
		{"one was taken out meanwhile", []uint64{102, 103, 105}, 102, 0, true},
		{"one was taken out and another vanished", []uint64{102, 105}, 102, 1, true},
		{"all have vanished", nil, 101, 4, true},
		{"two were never counted", []uint64{0, 7, 8, 102, 103, 104, 105}, 101, -2, true},
	} {
		c := newCount(before)
		for _, n := range test.seen {
			c.add(KeyedState{Born: n})
		}
		after := before
		after.Gone, after.Born = test.gone, 107
		err := c.compare(after)
		got := int64(0)
		if lost, ok := err.(*vanishedError); ok {
			got = lost.missing
		} else if err != nil {
			t.Error(err)
		}
		if got != test.want {
			t.Errorf("%s: %d are missing, want %d", test.what, got, test.want)
		}
	}
}
