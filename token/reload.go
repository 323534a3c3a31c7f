package token

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/throttle"
)

// Source is a [KeySource] that reads its keys from a file or a URL again and again
// while [Source.Run] is active.
//
// The keys that were read last stay in force when a later reading fails: an issuer that is down
// must not log everybody out. A key that the issuer takes out of its set is refused from the next
// reading on, also where its tokens were remembered. To end a stolen key immediately, revoke it
// (scope key).
type Source struct {
	name      string // file or URL, for errors and logs
	symmetric bool
	opts      SourceOptions
	say       *throttle.Log
	read      func(context.Context) ([]byte, error)
	parse     func([]byte) (*KeySet, error)
	close     func()

	wake    chan struct{} // a token wants a key that is not there; capacity 1
	running atomic.Bool
	state   atomic.Pointer[reading] // written by the constructor, then by Run alone

	mu       sync.Mutex // guards onChange
	onChange []func()
}

// reading is an immutable snapshot of what a Source knows.
type reading struct {
	set   *KeySet       // last good one, perhaps without a key; nil: there was none
	raw   []byte        // what set was parsed from
	err   error         // why the last attempt failed
	tried time.Time     // when the last attempt ended; zero: never
	next  chan struct{} // closed when this snapshot is replaced
}

func newSource(name string, o SourceOptions) *Source {
	s := &Source{name: name, opts: o, say: throttle.New(o.Logger, nil), wake: make(chan struct{}, 1), close: func() {}}
	s.state.Store(&reading{next: make(chan struct{})})
	return s
}

// Keys implements [KeySource].
func (s *Source) Keys() (*KeySet, error) { return s.state.Load().keys(s.name) }

func (r *reading) keys(name string) (*KeySet, error) {
	switch {
	case r.set == nil && r.err != nil:
		return nil, fmt.Errorf("%w: no keys yet: %w", revocast.ErrUnknown, r.err)
	case r.set == nil:
		return nil, fmt.Errorf("%w: keys of %s were not loaded yet", revocast.ErrUnknown, name)
	case len(r.set.keys) == 0:
		return nil, fmt.Errorf("%w: %s holds no usable key", revocast.ErrUnknown, name)
	}
	return r.set, nil
}

// Symmetric implements [KeySource].
func (s *Source) Symmetric() bool { return s.symmetric }

// Ready reports why there are no keys to verify with, nil if there are some.
func (s *Source) Ready() error {
	_, err := s.Keys()
	return err
}

// Renew implements [KeySource]: it has Run read again, unless that was done less than MinInterval
// ago, and waits for the outcome. All callers that wait share one reading, done by Run, so a caller
// that goes away does not end it.
func (s *Source) Renew(ctx context.Context, stale *KeySet) (*KeySet, error) {
	seen := s.state.Load() // before running, see Run
	if seen.set != stale {
		return seen.keys(s.name) // replaced meanwhile
	}
	if s.running.Load() && time.Since(seen.tried) >= s.opts.MinInterval {
		select {
		case s.wake <- struct{}{}:
		default: // somebody woke it already
		}
		select {
		case <-seen.next:
			seen = s.state.Load()
		case <-ctx.Done():
			return nil, fmt.Errorf("%w: %w", revocast.ErrUnknown, context.Cause(ctx))
		}
	}
	if seen.err != nil {
		return nil, fmt.Errorf("%w: %w", revocast.ErrUnknown, seen.err)
	}
	return seen.keys(s.name)
}

// Run reads the keys whenever they are due until ctx ends, and returns nil then. It
// is the only goroutine that reads. A second Run beside it fails with
// [revocast.ErrConflict].
func (s *Source) Run(ctx context.Context) error {
	if !s.running.CompareAndSwap(false, true) {
		return fmt.Errorf("%w: key source %s is running already", revocast.ErrConflict, s.name)
	}
	// First not running, then a new snapshot: a caller that finds the new one in Renew does not
	// wait for it, and a caller that waits for the old one is released.
	defer s.replace(func(*reading) {})
	defer s.running.Store(false)
	defer s.close()

	failures := 0
	timer := time.NewTimer(s.firstDelay())
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.wake:
			// One wake-up can be left from a caller that found the snapshot before the last one.
			// That reading released it, and the callers that wait now came later.
			if time.Since(s.state.Load().tried) < s.opts.MinInterval {
				continue
			}
		case <-timer.C:
		}
		if err := s.attempt(ctx); err == nil {
			failures = 0
		} else {
			failures++
		}
		timer.Reset(s.delay(failures))
	}
}

// firstDelay is zero where the constructor has not read.
func (s *Source) firstDelay() time.Duration {
	if s.state.Load().tried.IsZero() {
		return 0
	}
	return s.delay(0)
}

// delay is Interval, spread by a tenth so that a fleet does not ask all at the same time; after
// failures it is a doubling pause from MinInterval up to Interval.
func (s *Source) delay(failures int) time.Duration {
	d := s.opts.Interval
	if failures > 0 {
		d = min(d, s.opts.MinInterval<<min(failures-1, 16))
	}
	return d - time.Duration(rand.Int64N(int64(d)/10+1))
}

// attempt reads once and replaces the snapshot.
func (s *Source) attempt(ctx context.Context) error {
	reader, cancel := context.WithTimeout(ctx, s.opts.Timeout)
	defer cancel()
	raw, err := s.read(reader)
	if ctx.Err() != nil {
		return ctx.Err() // stopped, not failed
	}
	before := s.state.Load()
	set := before.set
	if err == nil && (set == nil || !bytes.Equal(raw, before.raw)) {
		set, err = s.take(raw)
	}
	if err != nil {
		err = fmt.Errorf("%s: %w", s.name, err)
		s.say.Warn("unread", "keys not read", "source", s.name, "error", err, "in_force", before.set != nil)
	}
	s.replace(func(r *reading) {
		r.tried, r.err = time.Now(), err
		if err == nil {
			r.set, r.raw = set, raw
		}
	})
	if err == nil && set != before.set {
		s.changed()
	}
	return err
}

// OnChange registers f, which Run calls after each reading that brought other keys.
func (s *Source) OnChange(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.onChange = append(s.onChange, f)
}

func (s *Source) changed() {
	s.mu.Lock()
	listeners := slices.Clone(s.onChange)
	s.mu.Unlock()
	for _, f := range listeners {
		f()
	}
}

// inForce is the set that was read last, an empty one included; nil: there was none.
func (s *Source) inForce() *KeySet { return s.state.Load().set }

// take parses a document and logs what it leaves out.
func (s *Source) take(raw []byte) (*KeySet, error) {
	set, err := s.parse(raw)
	if err != nil {
		return nil, err
	}
	for _, reason := range set.LeftOut() {
		s.say.Warn("left out "+reason.Error(), "key left out", "source", s.name, "reason", reason)
	}
	s.opts.Logger.Info("keys read", "source", s.name, "keys", len(set.keys), "names", set.Names())
	return set, nil
}

// replace installs a changed copy of the snapshot and releases those who wait.
func (s *Source) replace(change func(*reading)) {
	old := s.state.Load()
	fresh := *old
	fresh.next = make(chan struct{})
	change(&fresh)
	s.state.Store(&fresh)
	close(old.next)
}

// load reads once, for constructors of files: a wrong path is an error at start.
func (s *Source) load() error {
	if err := s.attempt(context.Background()); err != nil {
		return err
	}
	if err := s.Ready(); err != nil {
		return errors.Join(revocast.ErrInvalid, err)
	}
	return nil
}
