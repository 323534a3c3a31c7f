package worker

import (
	"cmp"
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/names"
	"github.com/revocast/revocast/port"
)

const (
	// leadFor is how long a worker uses a lead that it asked for: less than half of the time that
	// the ledger keeps a lead, see [port.Sighting].
	leadFor = 5 * time.Minute
	// shortWait is the longest time that a token which is too new for the registered lead is held,
	// where the ledger cannot be told of it.
	shortWait = 50 * time.Millisecond
	// maxIssuers is how many issuers' leads are remembered. For other issuers the ledger is asked
	// about each new token.
	maxIssuers = 1000
	// clockLogEvery is the least time between two log lines that say that clocks are apart.
	clockLogEvery = time.Minute
)

// sights maintains the invariant of [port.Sighting]. It lets a token pass that is no newer, by the
// ledger's clock, than the lead registered for its issuer allows. It tells the ledger of any other
// token before that token is accepted. Tokens older than the skew always pass, so few checks that
// miss the session cache cost a question, and no check that hits it does.
type sights struct {
	s   *Subscriber
	now atomic.Pointer[ledgerTime] // nil: the ledger has not answered yet

	issuers sync.Map // issuer → *issuerSight
	size    atomic.Int64
	logged  atomic.Int64 // on the monotonic clock, when a difference was logged last; zero: never
	counts  sightCounts
}

type sightCounts struct{ asked, failed, beyond atomic.Uint64 }

// ledgerTime is an answer's reading of the ledger's clock. The ledger's present time is at least ms
// plus the time since the answer came, on a clock that runs slow.
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
	name string
	// turn is held by the one check that asks the ledger. Checks that come meanwhile mostly find in
	// its answer what they would have asked for.
	turn chan struct{}
	lead atomic.Pointer[knownLead]
	// newest is the latest issue time of the tokens that wait for their turn, Unix milliseconds:
	// the lead registered for it lets all of them pass.
	newest atomic.Int64
}

// knownLead is an answer of the ledger, and how long it may be used.
type knownLead struct {
	names *names.Maker // of the issuer's name that it was registered under
	ms    int64
	until time.Duration
	sure  bool
	last  int64
}

// passes reports whether a token that is ahead of the ledger's clock by so many milliseconds may be
// accepted without asking. The ledger is also asked about a token that helps to show that the
// issuer's clock is behind.
func (k *knownLead) passes(now time.Duration, issued, ahead int64) bool {
	if k == nil || now >= k.until || ahead > k.ms {
		return false
	}
	return k.sure || ahead < k.ms-250 || max(issued-k.last, k.last-issued) < 1000
}

// newest is the latest instant at which the claims say they were issued, in Unix milliseconds. It
// says the most about the issuer's clock.
func newest(c *revocast.Claims) int64 {
	switch {
	case c.AuthTime.IsZero() && c.IssuedAt.IsZero():
		return 0
	case c.IssuedAt.After(c.AuthTime):
		return c.IssuedAt.UnixMilli()
	}
	return c.AuthTime.UnixMilli()
}

// hear records the ledger's clock from an answer that has just come.
func (x *sights) hear(ms int64, t *port.Terms) {
	if ms == 0 {
		return
	}
	now := x.s.clock.Monotonic()
	next := &ledgerTime{ms: ms, at: now, drift: t.Drift, skew: t.SkewOrDefault().Milliseconds()}
	for {
		old := x.now.Load()
		// When answers overtake one another, the earlier may show an earlier time, never a later
		// one. A clock that was set back shows an earlier time for good.
		if old != nil && old.at > next.at {
			return
		}
		if x.now.CompareAndSwap(old, next) {
			return
		}
	}
}

// passes reports from memory whether the claims may be accepted without registering their issue
// time first.
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
	k := known.(*issuerSight).lead.Load()
	return k != nil && k.names == x.s.names.Load() && k.passes(now, issued, ahead)
}

// register tells the ledger of a token that does not pass. Nil: the token may be accepted. A token
// error: both the ledger's clock and this machine's say that the token comes from the future.
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
		return nil // because of an answer that came meanwhile
	}
	sent := x.s.clock.Monotonic()
	x.counts.asked.Add(1)
	newest := max(own, i.newest.Swap(0))
	maker := x.s.names.Load()
	answer, err := x.sight(ctx, i, maker, port.Sighting{Issued: newest})
	if err == nil && answer.Beyond && newest > own {
		answer, err = x.sight(ctx, i, maker, port.Sighting{Issued: own})
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
	i.lead.Store(&knownLead{names: maker, ms: answer.Lead, until: sent + leadFor, sure: answer.Sure, last: answer.Last})
	return nil
}

// sight tells the ledger of a token, or of a lead, of an issuer.
func (x *sights) sight(ctx context.Context, i *issuerSight, maker *names.Maker, s port.Sighting) (port.Sighted,
	error,
) {
	s.Issuer, s.Names = maker.IssuerKey(i.name), maker.Naming().Secrets
	return x.s.ledger.Sight(ctx, s)
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
	i := &issuerSight{name: name, turn: make(chan struct{}, 1)}
	if x.size.Load() >= maxIssuers {
		return i
	}
	found, there := x.issuers.LoadOrStore(name, i)
	if !there {
		x.size.Add(1)
	}
	return found.(*issuerSight)
}

// await is for a token of which the ledger cannot be told. The token grows older as time passes. If
// it is only a little ahead of the registered lead, it is held until it is not. Any other is
// unknown.
func (x *sights) await(ctx context.Context, i *issuerSight, c *revocast.Claims, cause error) error {
	unknown := fmt.Errorf("%w: the ledger has to hear of a token that is newer than any of its issuer before it, "+
		"and does not answer: %w", revocast.ErrUnknown, cause)
	at, known, now := x.now.Load(), i.lead.Load(), x.s.clock.Monotonic()
	x.counts.failed.Add(1)
	if at == nil || known == nil || known.names != x.s.names.Load() || now >= known.until {
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

// fromTheFuture is the error for a token that is further ahead of the ledger's clock than the skew
// allows. Where this machine's own clock agrees, the token is at fault. Where it does not agree,
// the clocks differ, and no login may end for that.
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

// again registers once more what this worker has registered before, at a ledger that may have lost
// it: another server, or the same one after a restart.
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
		maker := x.s.names.Load()
		if answer, err = x.sight(ctx, i, maker, port.Sighting{Known: known.ms}); err == nil {
			i.lead.CompareAndSwap(known, &knownLead{
				names: maker, ms: max(answer.Lead, known.ms), until: known.until, sure: answer.Sure, last: answer.Last,
			})
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
