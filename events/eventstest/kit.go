package eventstest

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

const (
	waitLimit = 20 * time.Second
	waitStep  = time.Millisecond
)

// Await waits until cond holds and fails the test if it does not in time.
func Await(tb testing.TB, what string, cond func() bool) {
	tb.Helper()
	limit, step := time.NewTimer(waitLimit), time.NewTicker(waitStep)
	defer limit.Stop()
	defer step.Stop()
	for !cond() {
		select {
		case <-step.C:
		case <-limit.C:
			tb.Fatalf("waited %v in vain: %s", waitLimit, what)
		}
	}
}

// Event returns an event that a bus must carry as it is, the revision's fields all
// different from their neighbours'.
func Event(epoch, rev uint64) revocast.Event {
	e := revocast.Event{
		Position: revocast.Position{Epoch: epoch, Rev: rev},
		Kind:     revocast.Kinds[rev%uint64(len(revocast.Kinds))],
		Scope:    revocast.ScopePrincipal,
		Key:      revocast.KeyOf("eventstest", revocast.ScopePrincipal, "https://issuer", fmt.Sprint(rev)),
		At:       1_700_000_000_000 + int64(rev), CutOff: 1_700_000_000_001 + int64(rev),
		Until: 1_700_000_900_000 + int64(rev), From: 1_700_000_000_002 + int64(rev),
		Cause: revocast.Cause{Reason: "password-change", Initiator: "user"},
	}
	e.Names = uint8(rev % 3)
	if rev%2 == 0 {
		e.Sealed = fmt.Sprintf("\x01\xff sealed %d", rev)
	}
	if e.Kind == revocast.KindRevoked {
		e.Except = revocast.KeyOf("eventstest", revocast.ScopeSession, "https://issuer", fmt.Sprint(rev))
	}
	return e
}

// Publish publishes and waits for the answer.
func Publish(tb testing.TB, bus port.Bus, e revocast.Event) error {
	tb.Helper()
	return awaitAnswer(tb, e, bus.Publish)
}

// Refill refills and waits for the answer.
func Refill(tb testing.TB, bus port.Bus, e revocast.Event) error {
	tb.Helper()
	return awaitAnswer(tb, e, bus.Refill)
}

func awaitAnswer(tb testing.TB, e revocast.Event, publish func(revocast.Event, func(error))) error {
	tb.Helper()
	answer := make(chan error, 2)
	publish(e, func(err error) { answer <- err })
	limit := time.NewTimer(waitLimit)
	defer limit.Stop()
	select {
	case err := <-answer:
		return err
	case <-limit.C:
		tb.Fatalf("publication of %s was not answered in %v", e.Position, waitLimit)
		return nil
	}
}

// Recorder keeps what a tail says, in order.
type Recorder struct {
	mu     sync.Mutex // all of it
	events []revocast.Event
	ready  int
	lost   []error
	deaf   []error
	inside int
	mixed  bool // two callbacks ran at once
}

// Tail runs bus.Tail in the background until the test ends or stop is called, which
// waits for its end and returns its error.
func Tail(tb testing.TB, bus port.Bus) (r *Recorder, stop func() error) {
	tb.Helper()
	r = &Recorder{}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- bus.Tail(ctx, r.Handler()) }()
	stop = sync.OnceValue(func() error {
		cancel()
		return <-ended
	})
	tb.Cleanup(func() { _ = stop() })
	return r, stop
}

// Handler returns what fills the recorder.
func (r *Recorder) Handler() port.TailHandler {
	return port.TailHandler{
		Event:   func(e revocast.Event) { r.record(func() { r.events = append(r.events, e) }) },
		Ready:   func() { r.record(func() { r.ready++ }) },
		Suspect: func(err error) { r.record(func() { r.lost = append(r.lost, err) }) },
		Lost:    func(err error) { r.record(func() { r.deaf = append(r.deaf, err) }) },
	}
}

func (r *Recorder) record(f func()) {
	r.mu.Lock()
	r.inside++
	r.mixed = r.mixed || r.inside > 1
	f()
	r.mu.Unlock()
	// The gap lets a second callback in, if the bus has one.
	r.mu.Lock()
	r.inside--
	r.mu.Unlock()
}

// Events returns a copy of the events so far.
func (r *Recorder) Events() []revocast.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]revocast.Event(nil), r.events...)
}

// Readies returns how often Ready was called.
func (r *Recorder) Readies() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ready
}

// Suspects returns what Suspect was called with.
func (r *Recorder) Suspects() []error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]error(nil), r.lost...)
}

// Losses returns what Lost was called with.
func (r *Recorder) Losses() []error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]error(nil), r.deaf...)
}

// Mixed reports whether two callbacks were seen to run at once.
func (r *Recorder) Mixed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.mixed
}

// State returns a state that a bus must carry in a snapshot as it is; numbers next to
// each other give states of different shape.
func State(n uint64) port.KeyedState {
	k := port.KeyedState{
		Key:     revocast.KeyOf("eventstest", revocast.ScopePrincipal, "https://issuer", fmt.Sprint(n)),
		Scope:   revocast.ScopePrincipal,
		State:   revocast.State{Until: 1_700_000_900_000 + int64(n), At: revocast.Position{Epoch: 1, Rev: n}},
		Changed: 1_700_000_000_000 + int64(n),
	}
	s := &k.State
	switch n % 4 {
	case 0: // dead outright
		k.Scope, s.CutOff, s.Floor = revocast.ScopeSession, revocast.Forever, revocast.Forever
	case 1:
		s.CutOff = 1_700_000_000_001 + int64(n)
		s.Floor = s.CutOff
	case 2: // one session spared
		s.CutOff, s.Floor = 1_700_000_000_001+int64(n), int64(n)
		s.Except = revocast.KeyOf("eventstest", revocast.ScopeSession, "https://issuer", fmt.Sprint(n))
	case 3: // banned alone
		s.Ban = revocast.BanState{From: 1, Until: s.Until, At: s.At}
	}
	return k
}
