package publisher

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

const (
	// inStep is how far apart clocks may be, as a publisher measures it, before cut-offs take
	// account of it. A token that nobody was shown, and that was issued within so long
	// before a revocation, cannot be told from one of after it.
	inStep = 100 * time.Millisecond
	// asideEvery is how often the workers' clocks are asked for while this machine's and the
	// ledger's are apart.
	asideEvery = time.Second
	// turnEvery is how long a turn of the book of leads lasts at least; see [port.Sighting].
	turnEvery = 10 * time.Minute
	// receiptSkew is the least that a receipt has a warning for.
	receiptSkew = time.Second
)

// clocks compares this machine's wall clock, the workers' and the ledger's. What most of
// them show is taken for the time: of three the median, so that whichever one is wrong, it
// does not count. A cut-off is written in that time, unless the tokens of its issuer show
// that the issuer's clock is another.
type clocks struct {
	*base
	ledger clocksLedger

	// Owned by the keeper's goroutine.
	turn   uint64
	since  time.Duration // when turn was first seen
	asked  time.Duration // when the workers' clocks were last asked for
	warned time.Duration // when a difference was last logged; zero: never

	// mu guards the rest.
	mu      sync.Mutex
	own     time.Duration // by how much this machine's clock is ahead of the ledger's
	error   time.Duration // by how much that may be wrong
	workers time.Duration // the same of the workers' clocks, the median
	told    int           // how many workers told theirs
	pulses  map[port.MemberID]pulse
	alive   time.Duration // how long a worker may be silent whose clock counts
	lead    int64         // the largest that the ledger had registered, ms
	skew    time.Duration
	// reading is the ledger's clock less the monotonic one as it was read last, or before
	// the ledger's was set back, for a while: so long that its own time has passed what it
	// showed. readAt is when; zero: it was not read.
	reading, readAt time.Duration
}

type clocksLedger interface {
	memberLister
	TurnLeads(ctx context.Context, over uint64) (turn uint64, err error)
}

func newClocks(b *base, ledger clocksLedger) *clocks { return &clocks{base: b, ledger: ledger} }

// pulse is when a member was last seen to have renewed, or was first seen. What a worker told
// that is gone counts no more: the ledger's clock may have been wrong then.
type pulse struct {
	renewals uint64
	at       time.Duration
}

// observe takes in a description that was asked for at sent, when the machine's clock showed
// wall.
func (c *clocks) observe(ctx context.Context, d port.Description, sent time.Duration, wall time.Time) {
	now := c.clock.Monotonic()
	half := (now - sent) / 2
	c.mu.Lock()
	c.own, c.error = wall.Add(half).Sub(time.UnixMilli(d.Now)), half+time.Millisecond
	c.skew, c.alive = d.Terms.SkewOrDefault(), d.Terms.Wait()
	if c.lead = max(c.lead, d.Lead); d.Settled {
		c.lead = d.Lead
	}
	c.continueLocked(time.Duration(d.Now)*time.Millisecond-sent-half, now)
	apart := c.own.Abs() > inStep || c.workers.Abs() > inStep
	c.mu.Unlock()
	if apart && (c.asked == 0 || now-c.asked >= asideEvery) {
		c.asked = cmp.Or(now, 1)
		c.askWorkers(ctx)
	}
	c.turnLeads(ctx, d, now)
	if err := c.err(); err != nil && (c.warned == 0 || now-c.warned >= time.Minute) {
		c.warned = cmp.Or(now, 1)
		c.log.Warn("clocks are apart", "error", err)
	}
}

// continueLocked takes in a reading. A ledger's clock that went back is not followed at once,
// unless this machine's clock says that it was wrong before.
func (c *clocks) continueLocked(reading, now time.Duration) {
	back := c.reading - reading
	if c.readAt != 0 && back > inStep && back <= c.skew && now-c.readAt < 2*c.skew && c.own > back/2 {
		return
	}
	c.reading, c.readAt = reading, cmp.Or(now, 1)
}

// prepare asks for the workers' clocks before a commit, if this machine's is another than the
// ledger's and no worker's is known that could tell which of the two is wrong.
func (c *clocks) prepare(ctx context.Context) {
	c.mu.Lock()
	ask := c.own.Abs() > inStep && c.told == 0
	c.mu.Unlock()
	if ask {
		c.askWorkers(ctx)
	}
}

func (c *clocks) askWorkers(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	m, err := c.ledger.Members(ctx)
	if err != nil {
		return // what was known stands
	}
	c.setWorkers(m.Members)
}

func (c *clocks) setWorkers(members []port.Member) {
	now := c.clock.Monotonic()
	c.mu.Lock()
	defer c.mu.Unlock()
	var ahead []int64
	next := make(map[port.MemberID]pulse, len(members))
	for _, m := range members {
		seen, known := c.pulses[m.ID]
		if !known || seen.renewals != m.Renewals {
			seen = pulse{m.Renewals, now}
		}
		next[m.ID] = seen
		if m.Told && now-seen.at <= c.alive {
			ahead = append(ahead, m.Ahead)
		}
	}
	c.pulses, c.workers = next, 0
	if c.told = len(ahead); c.told > 0 {
		slices.Sort(ahead)
		c.workers = time.Duration(ahead[len(ahead)/2]) * time.Millisecond
	}
}

// turnLeads ends a turn of the book of leads that has lasted long enough on this machine's
// monotonic clock: no wall clock makes a lead be forgotten that a worker goes by.
func (c *clocks) turnLeads(ctx context.Context, d port.Description, now time.Duration) {
	if c.since == 0 || c.turn != d.Turn {
		c.turn, c.since = d.Turn, cmp.Or(now, 1)
		return
	}
	if now-c.since < turnEvery {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	if _, err := c.ledger.TurnLeads(ctx, d.Turn); err != nil {
		c.log.Debug("the book of leads was not turned", "error", err)
	}
}

// aheadLocked is by how much the clocks of the fleet are ahead of the ledger's.
func (c *clocks) aheadLocked() time.Duration {
	ahead := max(0, c.own) // without workers: the later of two
	if c.told > 0 {
		ahead = median(0, c.own, c.workers)
	}
	if ahead.Abs() <= inStep {
		return 0
	}
	return ahead
}

func median(a, b, c time.Duration) time.Duration { return max(min(a, b), min(max(a, b), c)) }

// reckon says what goes with a proposal of now.
func (c *clocks) reckon(r revocast.Reckoning) revocast.Reckoning {
	c.mu.Lock()
	defer c.mu.Unlock()
	r.Ahead, r.Lead = c.aheadLocked().Milliseconds(), c.lead
	if c.readAt != 0 {
		r.Now = max(0, (c.reading + c.clock.Monotonic() - inStep).Milliseconds())
		if r.Ahead > 0 {
			// What the clocks of the fleet are ahead is the same that the ledger's went back.
			r.Now = min(r.Now, c.clock.Now().UnixMilli()-r.Ahead)
		}
	}
	return r
}

// err says which clocks are apart by more than the realm's skew; nil: none.
func (c *clocks) err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.skew == 0 {
		return nil
	}
	for _, x := range []struct {
		whose string
		ahead time.Duration
	}{{"this machine's clock", c.own}, {"the workers' clocks", c.workers}} {
		if x.ahead.Abs() > c.skew+c.error+inStep {
			return fmt.Errorf("%w: %s and Redis' are %s apart, more than the realm's skew of %s: set all of "+
				"them by NTP",
				revocast.ErrUnavailable, x.whose, x.ahead.Abs().Round(time.Millisecond), c.skew)
		}
	}
	return nil
}

// warnings are what a receipt has to say about clocks.
func (c *clocks) warnings(e revocast.Event) []string {
	var list []string
	if lead := time.Duration(e.CutOff-e.At) * time.Millisecond; e.Kind == revocast.KindRevoked &&
		!e.Scope.Outright() && lead.Abs() >= receiptSkew {
		list = append(list, fmt.Sprintf("the cut-off is written in the issuer's time, which is %s", direction(lead)))
	}
	if err := c.err(); err != nil {
		list = append(list, err.Error())
	}
	return list
}

func direction(ahead time.Duration) string {
	if ahead < 0 {
		return fmt.Sprintf("%s behind the ledger's", -ahead)
	}
	return fmt.Sprintf("%s ahead of the ledger's", ahead)
}

func (c *clocks) stats() (own, fleet, lead time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.own, c.aheadLocked(), time.Duration(c.lead) * time.Millisecond
}
