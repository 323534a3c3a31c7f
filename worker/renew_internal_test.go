package worker

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/throttle"
	"github.com/revocast/revocast/names"
	"github.com/revocast/revocast/port"
)

// renewLedger answers with what it is given.
type renewLedger struct {
	port.WorkerLedger
	description port.Description
	answer      port.Renewed
	asked       []port.Renewal
}

func (l *renewLedger) Describe(context.Context) (port.Description, error) { return l.description, nil }

func (l *renewLedger) Renew(_ context.Context, r port.Renewal) (port.Renewed, error) {
	l.asked = append(l.asked, r)
	return l.answer, nil
}

// newRenewing is a subscriber at rest, at revision 5 of epoch 1.
func newRenewing() (*Subscriber, *renewLedger) {
	clock := &handClock{mono: time.Hour, wall: time.UnixMilli(sightNow)}
	ledger := &renewLedger{answer: port.Renewed{
		Position: revocast.Position{Epoch: 1, Rev: 5}, Terms: port.DefaultTerms(), Now: sightNow,
	}}
	s := &Subscriber{
		clock: clock, ledger: ledger, realm: "r", log: slog.New(slog.NewTextHandler(io.Discard, nil)),
		o:    SubscriberOptions{Random: func() uint64 { return 0 }, RenewLimit: 10},
		acks: make(chan struct{}, 1), nudge: make(chan struct{}, 1), bindings: newBindings(clock),
	}
	s.ready, s.setReady = port.NewReadiness(revocast.ErrNotRunning)
	s.names.Store((*names.Secrets)(nil).Latest("r"))
	s.sights = &sights{s: s}
	s.say = throttle.New(s.log, clock.Monotonic)
	s.front.Reset(revocast.Position{Epoch: 1, Rev: 5})
	s.loaded = true
	return s, ledger
}

// TestLogThatGoesOnAndSendsNothing: with such an answer a worker would ask for ever, or hold a lease without what
// is missing.
func TestLogThatGoesOnAndSendsNothing(t *testing.T) {
	s, ledger := newRenewing()
	ledger.answer.More = true
	more, err := s.renewOnce(t.Context())
	if more || !errors.Is(err, revocast.ErrUnavailable) || !strings.Contains(err.Error(), "sends nothing") {
		t.Errorf("%v, %v", more, err)
	}
	if s.lease.Load() != nil {
		t.Errorf("it holds a lease: %+v", s.lease.Load())
	}
}

// TestReachIsToldOnce for each epoch, and where the ledger says that it does not hold it.
func TestReachIsToldOnce(t *testing.T) {
	s, ledger := newRenewing()
	tells := func(when string, want bool) {
		t.Helper()
		s.front.Reset(ledger.answer.Position)
		r := port.Renewal{Applied: s.front.At}
		now := s.tellReach(&r)
		if (r.Reach != nil) != want {
			t.Errorf("%s: tells %+v, want %v", when, r.Reach, want)
		}
		s.noteTold(r, now, &ledger.answer)
	}
	tells("at first", true)
	tells("the ledger did not take it", true)
	ledger.answer.Told = true
	tells("again", true)
	tells("when it is held", false)
	s.reach.seen.Or(1 << revocast.ScopeSession)
	tells("a scope that is new", true)
	tells("then", false)
	ledger.answer.Position = revocast.Position{Epoch: 2}
	tells("in another epoch", true)
	tells("then", false)
	ledger.answer.Told = false
	tells("the ledger has lost it", false)
	tells("then", true)
}

// TestTermsOfALedgerThatDoesNotServe are nobody's.
func TestTermsOfALedgerThatDoesNotServe(t *testing.T) {
	for state, want := range map[port.LedgerState]error{
		port.LedgerUninitialised: revocast.ErrUninitialised, port.LedgerRecovering: revocast.ErrRecovering,
		port.LedgerFenced: revocast.ErrFenced, port.LedgerOpen: nil,
	} {
		s, ledger := newRenewing()
		ledger.description = port.Description{State: state, Terms: port.DefaultTerms()}
		if _, err := s.describe(t.Context()); !errors.Is(err, want) || (s.terms.Load() != nil) != (want == nil) {
			t.Errorf("%s: %v, and the terms are %+v", state, err, s.terms.Load())
		}
	}
}

// hearBus hears nothing, and ends as it is told.
type hearBus struct {
	port.WorkerBus
	err   error
	tried int
}

func (b *hearBus) Tail(context.Context, port.TailHandler) error {
	if b.tried++; b.tried == 3 {
		return revocast.ErrInvalid
	}
	return b.err
}

// TestTailIsHeardAgain after any error but an invalid argument, and after none.
func TestTailIsHeardAgain(t *testing.T) {
	for _, end := range []error{nil, errors.New("away")} {
		s, _ := newRenewing()
		bus := &hearBus{err: end}
		s.bus = bus
		if err := s.tail(t.Context(), make(chan struct{})); !errors.Is(err, revocast.ErrInvalid) || bus.tried != 3 {
			t.Errorf("ends with %v: %v after %d tries", end, err, bus.tried)
		}
		if s.deaf.Load() == nil {
			t.Error("nobody can see that it does not hear")
		}
	}
	s, _ := newRenewing()
	s.bus = &hearBus{err: revocast.ErrInvalid}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.tail(ended, make(chan struct{})); err != nil {
		t.Errorf("told to end: %v", err)
	}
}

// TestHeardAgain: the first time there is nothing to catch up with, unless it was away before that.
func TestHeardAgain(t *testing.T) {
	signalled := func(c chan struct{}) bool {
		select {
		case <-c:
			return true
		default:
			return false
		}
	}
	away := errors.New("away")
	s, _ := newRenewing()
	tailing := make(chan struct{})
	heard := s.heard(tailing)
	for i, want := range []bool{false, true, true} {
		heard()
		nudged, acked := signalled(s.nudge), signalled(s.acks)
		if nudged != want || acked != want || s.deaf.Load() != nil {
			t.Errorf("time %d: renews %v, acknowledges %v", i, nudged, acked)
		}
		s.deaf.Store(&away)
	}
	<-tailing
	s, _ = newRenewing()
	heard = s.heard(make(chan struct{}))
	s.deaf.Store(&away)
	if heard(); !signalled(s.nudge) {
		t.Error("away before the first time: it does not catch up")
	}
}

// TestStatusSaysWhy it is not ready.
func TestStatusSaysWhy(t *testing.T) {
	s, _ := newRenewing()
	s.view = noView{}
	if st := s.Status(); st.Ready || st.Reason != revocast.ErrNotRunning.Error() {
		t.Errorf("at rest: %+v", st)
	}
	s.setReady(nil)
	if st := s.Status(); !st.Ready || st.Reason != "" {
		t.Errorf("ready: %+v", st)
	}
}

// TestReadinessOfAGuard: without grace a lease that is left makes nobody ready, and with it one that has run out
// does for so long.
func TestReadinessOfAGuard(t *testing.T) {
	s, _ := newRenewing()
	away := errors.New("away")
	s.setReady(away)
	g := &Guard{sub: s, clock: s.clock}
	now := s.clock.Monotonic()
	for _, c := range []struct {
		grace, left time.Duration
		ready       bool
	}{
		{0, time.Second, false},
		{time.Second, time.Second, true},
		{time.Second, -time.Second + 1, true},
		{time.Second, -time.Second, false},
	} {
		g.o.Policy = Closed
		if c.grace > 0 {
			g.o.Policy = Grace(c.grace)
		}
		s.lease.Store(&lease{expires: now + c.left})
		if err := g.Ready(); (err == nil) != c.ready || err != nil && !errors.Is(err, away) {
			t.Errorf("a grace of %s, %s of the lease left: %v", c.grace, c.left, err)
		}
	}
	s.lease.Store(nil)
	if g.o.Policy = Grace(time.Hour); g.Ready() == nil {
		t.Error("ready without any lease")
	}
}

type noView struct{ port.View }

func (noView) Status() port.ViewStatus { return port.ViewStatus{} }

// TestLargestLeadOfSeveral is the largest of all issuers that are remembered, and of no other.
func TestLargestLeadOfSeveral(t *testing.T) {
	s, _ := newRenewing()
	for name, lead := range map[string]knownLead{
		"a": {ms: 1000, until: 2 * time.Hour}, "b": {ms: 3000, until: 2 * time.Hour},
		"c":         {ms: 2000, until: 2 * time.Hour},
		"forgotten": {ms: 9000, until: time.Minute},
	} {
		i := &issuerSight{}
		i.lead.Store(&lead)
		s.sights.issuers.Store(name, i)
	}
	s.sights.issuers.Store("not known", &issuerSight{})
	if got := s.sights.largest(); got != 3*time.Second {
		t.Errorf("%s", got)
	}
}
