package deploytest

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/revocast/revocast"
)

// restart is one way in which processes end and come back.
type restart struct {
	name   string
	which  []string // beginnings of names
	signal syscall.Signal
	// unseen: no publisher runs meanwhile, and none has seen the server before.
	unseen bool
}

var everything = []string{"redis", "nats", "publisher", "worker"}

// TestRestarts: whatever of a deployment is restarted, and in whatever way, nothing of
// what was answered with OK is lost, and nothing that was not revoked is refused. All
// stand on the files as they are shipped, under load.
func TestRestarts(t *testing.T) {
	s := newSite(t)
	s.startServers()
	s.startPrograms("--lease", "500ms")
	a := s.openAuth()
	l := newLoad(s)
	terms := s.terms()
	for _, r := range []restart{
		{"Redis, clean", []string{"redis"}, syscall.SIGTERM, false},
		{"Redis, killed", []string{"redis"}, syscall.SIGKILL, false},
		{"NATS, clean", []string{"nats"}, syscall.SIGTERM, false},
		{"NATS, killed", []string{"nats"}, syscall.SIGKILL, false},
		{"the fleet, clean", []string{"publisher", "worker"}, syscall.SIGTERM, false},
		{"the fleet, killed", []string{"publisher", "worker"}, syscall.SIGKILL, false},
		{"everything, clean", everything, syscall.SIGTERM, true},
		{"everything, killed", everything, syscall.SIGKILL, true},
	} {
		if !t.Run(r.name, func(t *testing.T) {
			s.t = t
			a = l.through(r, a)
			if now := s.terms(); !reflect.DeepEqual(now, terms) {
				t.Errorf("the terms were %v and are %v", terms, now)
			}
			t.Logf("%d tokens are dead, %d good; %d sessions live, %d ended", len(l.dead), len(l.good), len(l.sessions),
				len(l.ended))
		}) {
			break
		}
	}
	s.t = t
	if len(l.dead) < 80 || len(l.good) < 40 || len(l.sessions) < 20 || len(l.ended) < 10 {
		t.Error("too little went on to show anything")
	}
}

// through carries out one restart under load and compares everything afterwards. It
// returns the login service, which is another one where no publisher was to run.
func (l *load) through(r restart, a *auth) *auth {
	l.t.Helper()
	l.start(a)
	l.busy(20)
	before := l.states(a)
	if r.unseen {
		l.halt() // its calls would wait for the login service that stops
		a.stop()
		l.start(nil)
		l.busy(10)
	}
	down := l.those(r.which)
	l.must(stopAll(down, r.signal))
	for _, p := range down {
		l.must(p.start())
	}
	l.ready()
	if r.unseen {
		a = l.site.openAuth()
	}
	l.busy(10)
	l.halt()
	l.members()
	l.confirms()
	l.kept(a)
	l.nothingLost(before, l.states(a))
	maps.DeleteFunc(before, func(_ revocast.Key, s revocast.State) bool { return s.IsZero() }) // lifted bans
	if live := l.audited(); live < len(before) {
		l.t.Errorf("%d revocations were live, now %d", len(before), live)
	}
	return a
}

// stopAll stops processes at once, as a machine that shuts down does.
func stopAll(list []*process, signal syscall.Signal) error {
	errs := make([]error, len(list))
	var all sync.WaitGroup
	for i, p := range list {
		all.Go(func() { errs[i] = p.stop(signal) })
	}
	all.Wait()
	return errors.Join(errs...)
}

// those are the processes whose names begin so.
func (s *site) those(which []string) (list []*process) {
	all := map[string]*process{"redis": s.redis, "nats": s.nats}
	maps.Copy(all, s.programs)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if slices.ContainsFunc(which, func(w string) bool { return strings.HasPrefix(name, w) }) {
			list = append(list, all[name])
		}
	}
	return list
}

// busy waits until so many more calls were confirmed.
func (l *load) busy(n int) {
	l.t.Helper()
	count := func() int {
		l.mu.Lock()
		defer l.mu.Unlock()
		return len(l.dead) + len(l.good)
	}
	until := count() + n
	l.eventually("calls are confirmed", func() error {
		if now := count(); now < until {
			return fmt.Errorf("%d tokens more are to be settled", until-now)
		}
		return nil
	})
}

// confirms waits until a revocation is confirmed by every worker, none of them by the
// end of its lease.
func (l *load) confirms() {
	l.t.Helper()
	n := 0
	l.eventually("every worker confirms", func() error {
		n++
		r, err := l.publishers[n%2].Revoke(l.t.Context(),
			revocast.Revocation{Scope: revocast.ScopeToken, ID: fmt.Sprintf("nobody's-%s-%d", l.t.Name(), n)})
		if err == nil && r.Workers.Confirmed != len(l.workers()) {
			err = fmt.Errorf("the receipt says %+v", r.Workers)
		}
		return err
	})
}
