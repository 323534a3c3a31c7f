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
	// account of it. A token that was issued within this time before a revocation cannot be told
	// apart from a token issued after it.
	inStep = 100 * time.Millisecond
	// asideEvery is how often the workers' clocks are asked for while this machine's and the
	// ledger's are apart.
	asideEvery = time.Second
	// turnEvery is the least time between two turns of the book of leads; see [port.Sighting].
	turnEvery = 10 * time.Minute
	// receiptSkew is the least difference that a receipt warns about.
	receiptSkew = time.Second
)

// clocks compares this machine's wall clock, the workers' and the ledger's. It takes the median
// of the three for the time, so that one wrong clock has no influence. A cut-off is written in
// that time, unless the tokens of its issuer show that the issuer's clock differs.
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
	own     time.Duration // how far this machine's clock is ahead of the ledger's
	error   time.Duration // by how much that may be wrong
	workers time.Duration // the same of the workers' clocks, the median
	told    int           // how many workers told theirs
	pulses  map[port.MemberID]pulse
	alive   time.Duration // how long a worker may be silent whose clock counts
	lead    int64         // the largest that the ledger had registered, ms
	skew    time.Duration
	// reading is the latest reading of the ledger's clock minus the monotonic clock. After the
	// ledger's clock was set back, the earlier reading stays until the ledger's clock has passed
	// what it showed then. readAt is when it was read; zero: never.
	reading, readAt time.Duration
}

type clocksLedger interface {
	memberLister
	TurnLeads(ctx context.Context, over uint64) (turn uint64, err error)
}

func newClocks(b *base, ledger clocksLedger) *clocks { return &clocks{base: b, ledger: ledger} }

// pulse is when a member was last seen to have renewed, or was first seen. The clock of a worker
// that is gone is not used any more: the ledger's clock may have been wrong when it was compared.
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

// continueLocked takes in a reading. A ledger's clock that went back is not followed immediately,
// unless this machine's clock says that it was wrong before.
func (c *clocks) continueLocked(reading, now time.Duration) {
	back := c.reading - reading
	if c.readAt != 0 && back > inStep && back <= c.skew && now-c.readAt < 2*c.skew && c.own > back/2 {
		return
	}
	c.reading, c.readAt = reading, cmp.Or(now, 1)
}

// prepare asks for the workers' clocks before a commit, if this machine's differs from the
// ledger's and no worker's clock is known that could show which of the two is wrong.
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
		return // the earlier values stay
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
// monotonic clock: so a wall clock cannot make the ledger forget a lead that a worker uses.
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

// aheadLocked is how far the fleet's clocks are ahead of the ledger's.
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

// reckon returns the times for a proposal made now.
func (c *clocks) reckon(r revocast.Reckoning) revocast.Reckoning {
	c.mu.Lock()
	defer c.mu.Unlock()
	r.Ahead, r.Lead = c.aheadLocked().Milliseconds(), c.lead
	if c.readAt != 0 {
		r.Now = max(0, (c.reading + c.clock.Monotonic() - inStep).Milliseconds())
		if r.Ahead > 0 {
			// The fleet's clocks are ahead by exactly as much as the ledger's went back.
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

// warnings are a receipt's warnings about clocks.
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
