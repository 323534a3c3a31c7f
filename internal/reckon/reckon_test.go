package reckon

import (
	"strings"
	"testing"
	"time"
)

// wallClocks are the two wall wallClocks that a reckoner compares, and the monotonic one.
type wallClocks struct {
	r           Reckoner
	mono        time.Duration
	ledger, own time.Duration // ahead of the true time
}

var trueStart = time.UnixMilli(1_700_000_000_000)

func (c *wallClocks) now() int64 { return trueStart.Add(c.mono).UnixMilli() }

// pass lets time pass, with a reading of the ledger's clock at the end.
func (c *wallClocks) pass(d time.Duration) {
	c.mono += d
	read := trueStart.Add(c.mono + c.ledger).UnixMilli()
	c.r.Observe(read, c.mono-time.Millisecond, c.mono+time.Millisecond, trueStart.Add(c.mono+c.own))
}

func (c *wallClocks) check(t *testing.T, what string, off time.Duration, known, unready bool) {
	t.Helper()
	got, ok := c.r.Now(c.mono)
	if ok != known || ok && time.Duration(got-c.now())*time.Millisecond-off > 3*time.Millisecond ||
		ok && off-time.Duration(got-c.now())*time.Millisecond > 2*time.Millisecond {
		t.Errorf("%s: reckons %s from the true time (%v), want %s (%v)",
			what, time.Duration(got-c.now())*time.Millisecond, ok, off, known)
	}
	if err := c.r.Err(); (err != nil) != unready {
		t.Errorf("%s: %v", what, err)
	}
}

func TestReckonerTellsWhichClockJumped(t *testing.T) {
	var c wallClocks
	if _, known := c.r.Now(0); known || c.r.Err() != nil || c.r.Latest(0, trueStart) != 0 {
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
	if latest := c.r.Latest(c.mono, trueStart.Add(c.mono)); latest != trueStart.Add(c.mono+time.Hour).UnixMilli() {
		t.Errorf("the latest clock shows %d", latest)
	}
	c.ledger = 0
	c.pass(time.Second)
	c.check(t, "once they are", 0, true, false)
}

// TestCautiousClock: a clock that jumps ahead for a while has next to nothing forgotten.
func TestCautiousClock(t *testing.T) {
	var c Cautious
	mono, ahead := time.Duration(0), time.Duration(0)
	shows := func(most, least time.Duration) {
		t.Helper()
		off := time.Duration(c.Now(mono, trueStart.Add(mono+ahead))-trueStart.Add(mono).UnixMilli()) * time.Millisecond
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

// TestReckonerErr says which clock is ahead, by how much, and from where on it matters.
func TestReckonerErr(t *testing.T) {
	own := time.UnixMilli(1_000_000)
	for name, c := range map[string]struct {
		apart time.Duration
		want  string // empty: in step
	}{
		"as far as may be":        {ClocksInStep, ""},
		"as far behind as may be": {-ClocksInStep, ""},
		"ahead":                   {ClocksInStep + time.Millisecond, "is 10.001s ahead of this machine's"},
		"behind":                  {-ClocksInStep - time.Millisecond, "is 10.001s behind this machine's"},
	} {
		var r Reckoner
		r.Observe(own.Add(c.apart).UnixMilli(), 0, 0, own)
		err := r.Err()
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestReckonerIsNeverEarly: the ledger's clock may have been read when the question was sent, and
// the monotonic clock may be slow since.
func TestReckonerIsNeverEarly(t *testing.T) {
	var r Reckoner
	own := time.UnixMilli(1_000_000)
	const sent, received = 100 * time.Millisecond, 300 * time.Millisecond
	r.Observe(own.UnixMilli(), sent, received, own)
	for _, passed := range []time.Duration{0, 64 * time.Second, 640 * time.Second} {
		got, known := r.Now(received + passed)
		// Read between the two instants, in the middle at the best guess: half the answer's way
		// there and back, a millisecond that is cut off, and one part in 64 of what has passed.
		want := own.Add(100*time.Millisecond + 100*time.Millisecond + time.Millisecond + passed + passed/64).UnixMilli()
		if !known || got != want {
			t.Errorf("%s after the answer: %d, want %d", passed, got, want)
		}
	}
}
