package worker

import (
	"cmp"
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

const (
	// goneBy is how long a worker goes by a lead that it asked for: less than half of what
	// the ledger keeps one for, see [port.Sighting].
	goneBy = 5 * time.Minute
	// shortWait is the longest that a token which is too new for what is registered waits
	// for its time to come, where the ledger cannot be told of it.
	shortWait = 50 * time.Millisecond
	// maxIssuers is how many issuers' leads are remembered. Of others the ledger is asked
	// for each of their new tokens.
	maxIssuers = 1000
	// clockLogEvery is how often it is logged at most that clocks are apart.
	clockLogEvery = time.Minute
)

// sights sees to the invariant of [port.Sighting]: it lets a token pass that is no newer, by the
// ledger's clock, than what is registered for its issuer, and has the ledger told of any
// other before that is accepted. Tokens older than the skew always pass, so few checks that
// the session cache does not answer cost a question, and none that it does.
type sights struct {
	s   *Subscriber
	now atomic.Pointer[ledgerTime] // nil: the ledger has not answered yet

	issuers sync.Map // issuer → *issuerSight
	size    atomic.Int64
	logged  atomic.Int64 // on the monotonic clock, when a difference was logged last; zero: never
	counts  sightCounts
}

type sightCounts struct{ asked, failed, beyond atomic.Uint64 }

// ledgerTime is an answer's reading of the ledger's clock. The ledger's present time is at
// least ms plus what has passed since the answer came, on a clock that runs slow.
type ledgerTime struct {
	ms    int64
	at    time.Duration // the subscriber's monotonic clock when the answer had come
	drift float64
	skew  int64 // ms
}

func (l *ledgerTime) atLeast(now time.Duration) int64 {
	return l.ms + int64(float64(max(0, now-l.at).Milliseconds())*(1-l.drift))
}

// issuerSight is what a worker knows of one issuer's clock.
type issuerSight struct {
	key revocast.Key
	// turn is held by the one check that asks the ledger. Those that come meanwhile find
	// in its answer what they would have asked for, mostly.
	turn chan struct{}
	lead atomic.Pointer[knownLead]
	// newest is the latest issue time of those that wait for their turn, Unix milliseconds:
	// what is registered for it lets all of them pass.
	newest atomic.Int64
}

// knownLead is an answer of the ledger, as long as it may be gone by.
type knownLead struct {
	ms    int64
	until time.Duration
	sure  bool
	last  int64
}

// passes reports whether a token that is ahead of the ledger's clock by so much, in
// milliseconds, may be accepted without asking. One that would help to show that the
// issuer's clock is behind is asked about too.
func (k *knownLead) passes(now time.Duration, issued, ahead int64) bool {
	if k == nil || now >= k.until || ahead > k.ms {
		return false
	}
	return k.sure || ahead < k.ms-250 || max(issued-k.last, k.last-issued) < 1000
}

// newest is the latest instant that the claims say they were issued at, in Unix
// milliseconds: what tells most of the issuer's clock.
func newest(c *revocast.Claims) int64 {
	switch {
	case c.AuthTime.IsZero() && c.IssuedAt.IsZero():
		return 0
	case c.IssuedAt.After(c.AuthTime):
		return c.IssuedAt.UnixMilli()
	}
	return c.AuthTime.UnixMilli()
}

// hear takes in the ledger's clock as an answer has it that has just come.
func (x *sights) hear(ms int64, t *port.Terms) {
	if ms == 0 {
		return
	}
	now := x.s.clock.Monotonic()
	next := &ledgerTime{ms: ms, at: now, drift: t.Drift, skew: t.SkewOrDefault().Milliseconds()}
	for {
		old := x.now.Load()
		// Of answers that overtook one another the earlier may say less, never more. A
		// clock that was set back says less for good.
		if old != nil && old.at > next.at {
			return
		}
		if x.now.CompareAndSwap(old, next) {
			return
		}
	}
}

// passes reports from memory whether the claims may be accepted: nothing about their issue
// time has to be registered first.
func (x *sights) passes(c *revocast.Claims) bool {
	issued := newest(c)
	if issued == 0 {
		return true // every cut-off covers it
	}
	at := x.now.Load()
	if at == nil {
		return false
	}
	if issued <= at.ms-at.skew {
		return true // and the ledger's clock has gone on since
	}
	now := x.s.clock.Monotonic()
	ahead := issued - at.atLeast(now)
	if ahead <= -at.skew {
		return true
	}
	known, _ := x.issuers.Load(c.Issuer)
	if known == nil {
		return false
	}
	return known.(*issuerSight).lead.Load().passes(now, issued, ahead)
}

// register has the ledger told of a token that does not pass. Nil: it may be accepted. An
// error that is a token error: both the ledger's clock and this machine's say that it comes
// from the future.
func (x *sights) register(ctx context.Context, c *revocast.Claims, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	i, own := x.issuer(c.Issuer), newest(c)
	i.raise(own)
	select {
	case i.turn <- struct{}{}:
		defer func() { <-i.turn }()
	case <-ctx.Done():
		return x.await(ctx, i, c, context.Cause(ctx))
	}
	if x.passes(c) {
		return nil // by what was answered meanwhile
	}
	sent := x.s.clock.Monotonic()
	x.counts.asked.Add(1)
	newest := max(own, i.newest.Swap(0))
	answer, err := x.s.ledger.Sight(ctx, port.Sighting{Issuer: i.key, Issued: newest})
	if err == nil && answer.Beyond && newest > own {
		answer, err = x.s.ledger.Sight(ctx, port.Sighting{Issuer: i.key, Issued: own})
	}
	if err != nil {
		return x.await(ctx, i, c, err)
	}
	terms := x.s.terms.Load()
	if terms == nil {
		terms = &port.Terms{Drift: maxDrift} // until the first renewal, or the answer to this check
	}
	x.hear(answer.Now, terms)
	if answer.Beyond {
		return x.fromTheFuture(c, answer.Now, terms)
	}
	i.lead.Store(&knownLead{ms: answer.Lead, until: sent + goneBy, sure: answer.Sure, last: answer.Last})
	return nil
}

func (i *issuerSight) raise(issued int64) {
	for old := i.newest.Load(); issued > old && !i.newest.CompareAndSwap(old, issued); {
		old = i.newest.Load()
	}
}

// maxDrift is the largest that terms may name.
const maxDrift = 0.2

func (x *sights) issuer(name string) *issuerSight {
	if found, _ := x.issuers.Load(name); found != nil {
		return found.(*issuerSight)
	}
	i := &issuerSight{key: revocast.IssuerKey(x.s.realm, name), turn: make(chan struct{}, 1)}
	if x.size.Load() >= maxIssuers {
		return i
	}
	found, there := x.issuers.LoadOrStore(name, i)
	if !there {
		x.size.Add(1)
	}
	return found.(*issuerSight)
}

// await is what is left where the ledger cannot be told of a token: as time passes the token
// grows older. One that is ahead of what is registered by next to nothing is held until it
// is not; any other is unknown.
func (x *sights) await(ctx context.Context, i *issuerSight, c *revocast.Claims, cause error) error {
	unknown := fmt.Errorf("%w: the ledger has to hear of a token that is newer than any of its issuer before it, "+
		"and does not answer: %w", revocast.ErrUnknown, cause)
	at, known, now := x.now.Load(), i.lead.Load(), x.s.clock.Monotonic()
	x.counts.failed.Add(1)
	if at == nil || known == nil || now >= known.until {
		return unknown
	}
	left := time.Duration(newest(c)-at.atLeast(now)-known.ms+1) * time.Millisecond
	if left > shortWait {
		return unknown
	}
	if left > 0 {
		timer := x.s.clock.NewTimer(time.Duration(float64(left) * (1 + 2*at.drift)))
		defer timer.Stop()
		select {
		case <-timer.C():
		case <-ctx.Done():
			if context.Cause(ctx) != context.DeadlineExceeded {
				return unknown
			}
			<-timer.C()
		}
	}
	if now = x.s.clock.Monotonic(); now >= known.until || newest(c)-at.atLeast(now) > known.ms {
		return unknown
	}
	return nil
}

// fromTheFuture is the error for a token that is further ahead of the ledger's clock than
// the skew allows. Where this machine's own clock agrees, the token is at fault. Where it
// does not, clocks disagree, and nobody's login is to end for that.
func (x *sights) fromTheFuture(c *revocast.Claims, ledgerNow int64, t *port.Terms) error {
	x.counts.beyond.Add(1)
	issued, wall, skew := newest(c), x.s.clock.Now().UnixMilli(), t.SkewOrDefault()
	byLedger, byWall := time.Duration(issued-ledgerNow)*time.Millisecond, time.Duration(issued-wall)*time.Millisecond
	x.warn("a token comes from the future: look at the clocks of its issuer, of Redis and of this machine",
		"issuer", c.Issuer, "ahead_of_ledger", byLedger, "ahead_of_this_machine", byWall, "skew", skew)
	if byWall > skew {
		return fmt.Errorf("%w: issued %s in the future, more than the realm's skew of %s: look at the issuer's clock",
			revocast.ErrNotYetValid, byWall, skew)
	}
	return fmt.Errorf("%w: the token is %s ahead of the ledger's clock, more than the realm's skew of %s, and not "+
		"of this machine's: Redis' clock is behind", revocast.ErrUnknown, byLedger, skew)
}

// warn logs once a minute at most.
func (x *sights) warn(text string, args ...any) {
	now, last := int64(x.s.clock.Monotonic()), x.logged.Load()
	if last != 0 && now-last < int64(clockLogEvery) || !x.logged.CompareAndSwap(last, cmp.Or(now, 1)) {
		return
	}
	x.s.log.Warn(text, args...)
}

// again registers anew what this worker has registered before, at a ledger that may have
// lost it: another server, or the same one restarted.
func (x *sights) again(ctx context.Context) error {
	var err error
	x.issuers.Range(func(_, value any) bool {
		i := value.(*issuerSight)
		known, now := i.lead.Load(), x.s.clock.Monotonic()
		if known == nil || now >= known.until || known.ms == 0 ||
			max(known.ms, -known.ms) > port.MaxSkew.Milliseconds() {
			return true
		}
		var answer port.Sighted
		if answer, err = x.s.ledger.Sight(ctx, port.Sighting{Issuer: i.key, Known: known.ms}); err == nil {
			i.lead.CompareAndSwap(known,
				&knownLead{ms: max(answer.Lead, known.ms), until: known.until, sure: answer.Sure, last: answer.Last})
		}
		return err == nil
	})
	return err
}

// largest is the largest lead that is known of any issuer; zero: none is ahead.
func (x *sights) largest() time.Duration {
	var most int64
	x.issuers.Range(func(_, value any) bool {
		if known := value.(*issuerSight).lead.Load(); known != nil && x.s.clock.Monotonic() < known.until {
			most = max(most, known.ms)
		}
		return true
	})
	return time.Duration(most) * time.Millisecond
}
