package worker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/component"
	"github.com/revocast/revocast/internal/reckon"
	"github.com/revocast/revocast/port"
)

// Pace of renewals when the ledger does not answer. It is quick, so that service is back soon after
// the ledger is, and has jitter, so that a fleet does not return in step.
const (
	retryMax     = 500 * time.Millisecond
	firstRenewal = time.Second // time limit before the lease's length is known
	expireEvery  = 30 * time.Second

	// spacing is the least time between two renewals. It keeps a flapping connection, or a flood of
	// garbage on the bus, from becoming a flood of questions to the ledger.
	spacing = 10 * time.Millisecond
)

// renewLoop is the goroutine that owns the lease: it renews every third of a lease, immediately
// when told to, and shortly after a hole was seen.
func (s *Subscriber) renewLoop(ctx context.Context, tailing <-chan struct{}) {
	// A renewal before the subscription is in force would grant a lease to a worker that hears
	// nothing. That is safe but slow: every revocation would wait for it.
	select {
	case <-tailing:
	case <-ctx.Done():
		return
	case <-s.after(ctx, 2*time.Second):
		s.log.Warn("no live tail yet; going on from the ledger alone")
	}
	r := renewTimers{
		next: s.clock.NewTimer(0), hole: s.clock.NewTimer(time.Hour), lapse: s.clock.NewTimer(time.Hour),
		last: s.clock.Monotonic() - time.Hour,
	}
	defer r.stop()
	for ctx.Err() == nil {
		if s.due(ctx, &r) {
			s.renewAndSchedule(ctx, &r)
		}
	}
}

// renewTimers is what the renewing goroutine remembers between renewals.
type renewTimers struct {
	next  port.Timer    // the regular renewal
	hole  port.Timer    // running while armed: a hole was seen
	lapse port.Timer    // the lease in force runs out
	armed bool          // hole is running; more events beyond the same hole must not delay it
	last  time.Duration // when the latest renewal ended
	fails int           // renewals that failed in a row
}

func (r *renewTimers) stop() {
	r.next.Stop()
	r.hole.Stop()
	r.lapse.Stop()
}

// due waits for something to happen and reports whether it calls for a renewal.
func (s *Subscriber) due(ctx context.Context, r *renewTimers) bool {
	select {
	case <-ctx.Done():
		return false
	case <-r.next.C():
		return true
	case <-s.nudge:
		if wait := r.last + spacing - s.clock.Monotonic(); wait > 0 {
			r.next.Reset(wait)
			return false
		}
		return true
	case <-s.gaps:
		if !r.armed {
			r.armed = true
			r.hole.Reset(s.o.HoleDelay)
		}
		return false
	case <-r.hole.C():
		r.armed = false
		if !s.hasHole() {
			return false
		}
		s.counts.holes.Add(1)
		return true
	case <-r.lapse.C():
		s.noteLapse()
		return false
	}
}

func (s *Subscriber) renewAndSchedule(ctx context.Context, r *renewTimers) {
	if err := s.renew(ctx); err != nil {
		r.fails++
		s.noteFailure(ctx, err, r.fails)
	} else {
		r.fails = 0
	}
	r.last = s.clock.Monotonic()
	r.next.Reset(s.pause(r.fails))
	if l := s.lease.Load(); l.holds(r.last) {
		r.lapse.Reset(l.expires - r.last)
	}
}

// after returns a channel that delivers once d has passed on the subscriber's clock.
func (s *Subscriber) after(ctx context.Context, d time.Duration) <-chan time.Time {
	t := s.clock.NewTimer(d)
	context.AfterFunc(ctx, func() { t.Stop() })
	return t.C()
}

// pause is how long to wait until the next renewal.
func (s *Subscriber) pause(failures int) time.Duration {
	if failures > 0 {
		d := min(component.RetryMin<<min(failures-1, 8), retryMax)
		return d/2 + s.jitter(d/2)
	}
	third := s.terms.Load().Lease / 3
	return third*8/10 + s.jitter(third/5)
}

// jitter is a random time below d.
func (s *Subscriber) jitter(d time.Duration) time.Duration {
	return time.Duration(s.o.Random() % uint64(max(d, 1)))
}

// renew brings the worker up to the ledger's position and installs a lease.
func (s *Subscriber) renew(ctx context.Context) error {
	s.startBans()
	if !s.loaded || !s.complete && s.clock.Monotonic() >= s.reloadAt {
		if err := s.load(ctx); err != nil {
			return err
		}
	}
	for {
		more, err := s.renewOnce(ctx)
		if errors.Is(err, revocast.ErrTrimmed) {
			s.say.Warn("trimmed", "the ledger's log does not reach back to this worker; loading again", "reason", err)
			s.logFails = s.loaded && !s.caughtUp
			s.loaded = false
			s.dropLease()
			return err
		}
		if err != nil || !more {
			return err
		}
	}
}

// renewOnce makes one renewal. It applies everything that the answer brings before it installs the
// lease, and the lease counts from before the question was sent.
func (s *Subscriber) renewOnce(ctx context.Context) (more bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.renewTimeout())
	defer cancel()
	s.mu.Lock()
	r := port.Renewal{Member: s.member, Applied: s.front.At, Limit: s.o.RenewLimit, Version: s.o.Version}
	s.mu.Unlock()
	reach := s.tellReach(&r)
	sent, wall := s.clock.Monotonic(), s.clock.Now()
	r.Wall = wall.UnixMilli()
	answer, err := s.ledger.Renew(ctx, r)
	if err != nil {
		return false, err
	}
	if err := s.adoptNames(&answer.Terms); err != nil {
		return false, err
	}
	s.counts.renewals.Add(1)
	s.terms.Store(&answer.Terms)
	s.noteTold(r, reach, &answer)
	s.reckonTime(answer.Now, sent)
	s.hearClock(&answer, sent, wall)
	if answer.Position.Epoch != r.Applied.Epoch || s.unsighted {
		if err := s.sights.again(ctx); err != nil {
			return false, err
		}
		s.unsighted = false
	}
	if err := answer.Whole(r.Applied); err != nil {
		return false, err
	}
	for _, e := range answer.Events {
		s.apply(e)
	}
	if answer.More {
		if len(answer.Events) == 0 {
			return false, fmt.Errorf("%w: the ledger says its log goes on but sends nothing of it",
				revocast.ErrUnavailable)
		}
		last := answer.Events[len(answer.Events)-1].Position
		if last.Epoch > r.Applied.Epoch {
			// A part of a new epoch's log says nothing about the old epoch's revisions: the lost
			// ones may come last. An acknowledgement of this position must not leave a lease behind
			// that could be used without them.
			s.dropLease()
		}
		s.noteApplied(last)
		return true, nil
	}
	s.noteApplied(answer.Position)
	s.finishLoad()
	s.installLease(answer.Position, sent, answer.Terms)
	s.expire()
	if s.lease.Load().holds(s.clock.Monotonic()) {
		s.setReady(nil)
	}
	return false, nil
}

// hearClock records the ledger's clock, and compares this machine's with it.
func (s *Subscriber) hearClock(answer *port.Renewed, sent time.Duration, wall time.Time) {
	s.sights.hear(answer.Now, &answer.Terms)
	half := (s.clock.Monotonic() - sent) / 2
	ahead := wall.Add(half).Sub(time.UnixMilli(answer.Now))
	s.ahead.Store(int64(ahead))
	if skew := answer.Terms.SkewOrDefault(); ahead.Abs() > skew+half {
		s.sights.warn("this machine's clock and Redis' are apart by more than the realm's skew", "ahead", ahead, "skew",
			skew)
	}
}

func (s *Subscriber) renewTimeout() time.Duration {
	if t := s.terms.Load(); t != nil {
		return max(t.Lease/3, 100*time.Millisecond)
	}
	return firstRenewal
}

func (s *Subscriber) hasHole() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.front.Hole()
}

// reckonTime compares the ledger's clock, as a renewal brought it, with the worker's own.
func (s *Subscriber) reckonTime(ledgerNow int64, sent time.Duration) {
	mono, own := s.clock.Monotonic(), s.clock.Now()
	s.reckon.Observe(ledgerNow, sent, mono, own)
	earliest := min(ledgerNow, s.wary.Now(mono, own))
	if reckoned, known := s.reckon.Now(mono); known {
		earliest = min(earliest, reckoned)
	}
	s.earliest.Store(earliest - mono.Milliseconds())
}

// earliestNow is the time, in Unix milliseconds, that both the ledger's clock and the worker's own
// have reached. A ban or state ends by the earlier of the two clocks, because one clock alone would
// un-revoke if it jumped ahead. Before the first renewal there is only one clock.
//
// Clocks that are in step show the same, and then the worker's own counts: a ban that starts at an
// instant starts at that instant.
func (s *Subscriber) earliestNow(mono time.Duration) int64 {
	own := s.clock.Now().UnixMilli()
	offset := s.earliest.Load()
	if earliest := offset + mono.Milliseconds(); offset != 0 && own-earliest > reckon.ClocksInStep.Milliseconds() {
		return earliest
	}
	return own
}

// expire forgets what is over.
func (s *Subscriber) expire() {
	if now := s.clock.Monotonic(); now >= s.expireAt {
		s.expireAt = now + expireEvery
		s.view.Expire(s.earliestNow(now))
	}
}

func (s *Subscriber) noteFailure(ctx context.Context, err error, failures int) {
	if ctx.Err() != nil {
		return
	}
	s.counts.renewFailures.Add(1)
	s.say.Warn("renew", "renewal failed", "error", err, "in_a_row", failures)
	if !errors.Is(err, revocast.ErrNames) {
		s.noteLapse()
	}
}

// noteLapse withdraws readiness if the lease has run out.
func (s *Subscriber) noteLapse() {
	if !s.lease.Load().holds(s.clock.Monotonic()) {
		s.setReady(fmt.Errorf("%w: no lease: the ledger does not answer renewals", revocast.ErrUnavailable))
	}
}
