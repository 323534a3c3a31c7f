package worker

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

// TestDefaultNameOfAWorker is a name that the ledger takes, and this process's own.
func TestDefaultNameOfAWorker(t *testing.T) {
	name := defaultWorker()
	if !workerName.MatchString(name) || strings.Trim(name, "-0123456789") == "" {
		t.Errorf("%q", name)
	}
}

func TestReasonOfAComponent(t *testing.T) {
	s := &Subscriber{}
	if got := reason(&s.deaf); got != "" {
		t.Errorf("no reason reads %q", got)
	}
	err := errors.New("no ears")
	s.deaf.Store(&err)
	if got := reason(&s.deaf); got != "no ears" {
		t.Errorf("%q", got)
	}
}

func TestTimeoutOfARenewal(t *testing.T) {
	s := &Subscriber{}
	if got := s.renewTimeout(); got != firstRenewal {
		t.Errorf("before any terms: %s", got)
	}
	for lease, want := range map[time.Duration]time.Duration{
		3 * time.Second: time.Second, 300 * time.Millisecond: 100 * time.Millisecond, 0: 100 * time.Millisecond,
	} {
		s.terms.Store(&port.Terms{Lease: lease})
		if got := s.renewTimeout(); got != want {
			t.Errorf("a lease of %s: %s, want %s", lease, got, want)
		}
	}
}

// TestPauseBetweenRenewals is a third of the lease at most, and grows with each failure.
func TestPauseBetweenRenewals(t *testing.T) {
	for _, c := range []struct {
		random   uint64
		failures int
		want     time.Duration
	}{
		{0, 0, 800 * time.Millisecond},
		{199_999_999, 0, 999_999_999},
		{200_000_000, 0, 800 * time.Millisecond},
	} {
		s := &Subscriber{o: SubscriberOptions{Random: func() uint64 { return c.random }}}
		s.terms.Store(&port.Terms{Lease: 3 * time.Second})
		if got := s.pause(c.failures); got != c.want {
			t.Errorf("random %d: %s, want %s", c.random, got, c.want)
		}
	}
	s := &Subscriber{o: SubscriberOptions{Random: func() uint64 { return 0 }}}
	first := s.pause(1)
	if first <= 0 || s.pause(2) != 2*first || s.pause(3) != 4*first || s.pause(100) != retryMax/2 {
		t.Errorf("%s, %s, %s and %s", first, s.pause(2), s.pause(3), s.pause(100))
	}
	s.o.Random = func() uint64 { return uint64(first) - 1 }
	if got := s.pause(1); got != 2*first-1 {
		t.Errorf("with the most jitter: %s, want %s", got, 2*first-1)
	}
}

// acceptor is a verifier that can say whose tokens it accepts.
type acceptor struct {
	port.Verifier
	issuers []port.ReachIssuer
}

func (a acceptor) ReachIssuers() []port.ReachIssuer { return a.issuers }

// TestReachOfTheGuards is what all of them accept, and unknown where one cannot say.
func TestReachOfTheGuards(t *testing.T) {
	a := acceptor{issuers: []port.ReachIssuer{{Name: "a"}}}
	b := acceptor{issuers: []port.ReachIssuer{{Name: "b"}}}
	for _, c := range []struct {
		name string
		add  func(*reacher)
		want []string
	}{
		{"no guard", func(*reacher) {}, nil},
		{"one", func(r *reacher) { r.add(a, false) }, []string{"a"}},
		{"two", func(r *reacher) { r.add(a, false); r.add(b, false) }, []string{"a", "b"}},
		{"one that cannot say", func(r *reacher) { r.add(a, false); r.add(nil, false) }, nil},
		{"one with sessions", func(r *reacher) { r.add(a, false); r.add(b, true) }, nil},
		{"as many as are asked", func(r *reacher) {
			for range maxGuards {
				r.add(a, false)
			}
		}, []string{"a"}},
		{"too many", func(r *reacher) {
			for range maxGuards + 2 {
				r.add(a, false)
			}
		}, nil},
	} {
		r := &reacher{}
		c.add(r)
		got := r.now()
		if names := issuerNames(got.Issuers); !slices.Equal(names, c.want) || (got.Issuers == nil) != (c.want == nil) {
			t.Errorf("%s: %v, want %v", c.name, got.Issuers, c.want)
		}
		if len(r.guards) > maxGuards+1 {
			t.Errorf("%s: %d guards are remembered", c.name, len(r.guards))
		}
	}
}

func TestScopesThatWereSeen(t *testing.T) {
	r := &reacher{}
	for range 2 {
		keys := revocast.KeysOf("r", &revocast.Claims{Issuer: "i", Principal: "p"})
		r.see(&keys)
		want := []revocast.Scope{revocast.ScopePrincipal, revocast.ScopeAll}
		if got := r.now().Scopes; !slices.Equal(got, want) {
			t.Errorf("%v, want %v", got, want)
		}
	}
}

// TestEndingsLookForTheNextOne: a binding that ends first wakes the one who waits for a later one.
func TestEndingsLookForTheNextOne(t *testing.T) {
	e := newEndings(&handClock{wall: time.UnixMilli(0)})
	e.running = true // somebody waits already
	add := func(ms int64) *binding {
		x := &binding{end: time.UnixMilli(ms), place: -1, cancel: func(error) {}}
		e.add(x)
		return x
	}
	woken := func() bool {
		select {
		case <-e.wake:
			return true
		default:
			return false
		}
	}
	first := add(2000)
	if !woken() {
		t.Error("the only one woke nobody")
	}
	last := add(3000)
	if woken() {
		t.Error("a later one woke somebody")
	}
	sooner := add(1000)
	if !woken() {
		t.Error("a sooner one woke nobody")
	}
	if wait, more := e.pass(); wait != time.Second || !more {
		t.Errorf("look again in %s, %v", wait, more)
	}
	e.remove(first)
	e.remove(first)
	e.remove(sooner)
	if woken() {
		t.Error("woken although one is left")
	}
	e.remove(last)
	if !woken() {
		t.Error("nothing is left, and nobody was told")
	}
	if wait, more := e.pass(); wait != 0 || more || e.running {
		t.Errorf("nothing is left: %s, %v", wait, more)
	}
	never := &binding{place: -1}
	e.add(never)
	e.remove(never)
	if len(e.queue) != 0 || woken() {
		t.Error("a binding without an end is waited for")
	}
}

// TestEndingsEndWhatIsDue at its very instant.
func TestEndingsEndWhatIsDue(t *testing.T) {
	clock := &handClock{wall: time.UnixMilli(0)}
	e := newEndings(clock)
	e.running = true
	var ended []int64
	for _, ms := range []int64{3, 1, 2} {
		e.add(&binding{end: time.UnixMilli(ms), place: -1, cancel: func(err error) {
			if !errors.Is(err, revocast.ErrExpired) {
				t.Errorf("ended by %v", err)
			}
			ended = append(ended, ms)
		}})
	}
	clock.wall = time.UnixMilli(2)
	if wait, more := e.pass(); wait != time.Millisecond || !more || !slices.Equal(ended, []int64{1, 2}) {
		t.Errorf("ended %v, look again in %s, %v", ended, wait, more)
	}
	clock.wall = time.UnixMilli(3)
	if wait, more := e.pass(); wait != 0 || more || !slices.Equal(ended, []int64{1, 2, 3}) {
		t.Errorf("ended %v, look again in %s, %v", ended, wait, more)
	}
}

// TestMatchOfTheLedgersStates: each state is held against the token in the place of its own scope, and the
// narrowest one decides.
func TestMatchOfTheLedgersStates(t *testing.T) {
	keys := revocast.KeysOf("r", &revocast.Claims{Issuer: "i", Principal: "p", TokenID: "t", Session: "s"})
	var scopes []revocast.Scope
	for i := range keys.Slots() {
		if _, scope := keys.At(i); scope != 0 {
			scopes = append(scopes, scope)
		}
	}
	const issued, now = 5000, 9000
	cut := revocast.State{CutOff: issued + 1, At: revocast.Position{Epoch: 1, Rev: 7}}
	for first, scope := range scopes {
		states := make([]revocast.State, len(scopes))
		if m := match(&keys, issued, states, now); m.Covered {
			t.Errorf("nothing stands against it: %+v", m)
		}
		for i := first; i < len(states); i++ {
			states[i] = cut
		}
		if m := match(&keys, issued, states, now); !m.Covered || m.Scope != scope || m.At != cut.At || m.Banned {
			t.Errorf("from %s on: %+v", scope, m)
		}
	}
	states := make([]revocast.State, len(scopes))
	for i, from := range []int64{now + 300, now + 100, now + 200} {
		states[i].Ban = revocast.BanState{At: revocast.Position{Epoch: 1, Rev: 1}, From: from, Until: now + 1000}
	}
	if m := match(&keys, issued, states, now); m.Covered || m.BanFrom != now+100 {
		t.Errorf("before any of the bans: %+v", m)
	}
	if m := match(&keys, issued, states, now+150); !m.Covered || !m.Banned || m.Scope != scopes[1] {
		t.Errorf("within one of them: %+v", m)
	}
}
