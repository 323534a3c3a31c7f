package publisher_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/fake"
	"github.com/revocast/revocast/internal/fleettest"
	"github.com/revocast/revocast/internal/option"
	"github.com/revocast/revocast/names"
	"github.com/revocast/revocast/port"
	"github.com/revocast/revocast/publisher"
	"github.com/revocast/revocast/worker"
)

// moved is a world whose names can be moved: everybody has all of the secrets.
type moved struct {
	*fleettest.World
	all    *names.Secrets
	p      *fleettest.SimPublisher
	x      *fleettest.SimWorker
	tokens map[string]revocast.Outcome
	lates  []*fleettest.SimWorker // that started later, and have stopped
}

// inMoved runs a test on a realm that has so many secrets (0 or 1) and is to get another one. alice was logged out
// but for one session, bob from one session, mallory is banned, and carol is well.
func inMoved(t *testing.T, has int, test func(*moved)) {
	t.Helper()
	next := bytes.Repeat([]byte("m"), names.MinSecret)
	all := option.Must(names.New(bytes.Repeat([]byte("n"), names.MinSecret), next))
	if has == 0 {
		all = option.Must(names.New(next))
	}
	unnamed := func(terms *port.Terms) {
		if has == 0 {
			terms.Names = port.Naming{}
		}
	}
	fleettest.InWorld(t, func(w *fleettest.World) {
		m := &moved{World: w, all: all, tokens: map[string]revocast.Outcome{}}
		m.p = w.ColdPublisherWith("p", publisher.Options{Names: all})
		w.Await(m.p.Readiness())
		m.x = w.Worker("x", fleettest.WorkerOptions{Sub: worker.SubscriberOptions{Names: all}})
		kept := fleettest.Bearer("alice", "kept", time.Now(), time.Hour)
		m.tokens[kept] = revocast.Allowed
		m.tokens[fleettest.Login("alice")] = revocast.Revoked
		m.tokens[fleettest.Login("bob")] = revocast.Revoked
		m.tokens[fleettest.Login("mallory")] = revocast.Revoked
		m.tokens[fleettest.Login("carol")] = revocast.Allowed
		fleettest.Elapse(time.Second)
		_, err := m.p.PasswordChanged(w.T.Context(), revocast.PasswordChange{Principal: "alice", KeepSession: "kept"})
		w.Must(err)
		_, err = m.p.Revoke(w.T.Context(), revocast.Revocation{Scope: revocast.ScopeSession, ID: "s-bob"})
		w.Must(err)
		_, err = m.p.Ban(w.T.Context(), revocast.Ban{Principal: "mallory", Until: time.Now().Add(time.Hour)})
		w.Must(err)
		m.holds("before", m.x)
		test(m)
	}, unnamed)
}

func (m *moved) move() error {
	_, err := publisher.MoveNames(m.T.Context(), m.World.Ledger.Link("op"), m.World.Bus.Link("op"),
		publisher.MoveOptions{Publisher: publisher.Options{Names: m.all, Logger: fleettest.Logger()}})
	return err
}

// looks is what the ledger says of itself.
func (m *moved) looks() port.Description {
	m.T.Helper()
	d, err := m.World.Ledger.Link("look").Describe(m.T.Context())
	m.Must(err)
	return d
}

func (m *moved) holds(when string, workers ...*fleettest.SimWorker) {
	m.T.Helper()
	for _, x := range workers {
		for bearer, want := range m.tokens {
			for range 2 {
				if _, v := x.Check(m.T.Context(), bearer); v.Outcome != want {
					m.T.Errorf("%s: %s: %s (%v), want %s", when, bearer, v.Outcome, v.Err, want)
				}
			}
		}
	}
}

// settle waits until the fleet serves under all of the secrets, and what is held is under them.
func (m *moved) settle(when string) {
	m.T.Helper()
	fleettest.Elapse(15 * time.Second)
	m.Must(m.p.Ready())
	m.Must(m.x.Sub.Ready())
	d := m.looks()
	if d.Terms.Names != m.all.Naming(fleettest.Realm) || d.Rekey || d.Born-d.Gone != 3 {
		m.T.Errorf("%s: %+v", when, d)
	}
	page, err := m.World.Ledger.Link("look").OldNames(m.T.Context(), "")
	if err != nil || len(page.States) > 0 {
		m.T.Errorf("%s: %+v under old keys, %v", when, page.States, err)
	}
	late := m.Worker(fmt.Sprintf("late-%d", len(m.lates)),
		fleettest.WorkerOptions{Sub: worker.SubscriberOptions{Names: m.all}})
	m.holds(when, m.x, late)
	m.lates = append(m.lates, late)
	late.Stop()
}

// TestMoveNames: what was revoked stays revoked, what was spared stays spared, whatever is lost after it.
func TestMoveNames(t *testing.T) {
	for name, has := range map[string]int{"of a realm without a secret": 0, "to a second secret": 1} {
		t.Run(name, func(t *testing.T) {
			inMoved(t, has, func(m *moved) {
				m.Must(m.move())
				m.settle("moved")
				dave := fleettest.Login("dave")
				m.Expect(m.x, dave, revocast.Allowed)
				_, err := m.p.Revoke(m.T.Context(), revocast.Revocation{Scope: revocast.ScopeSession, ID: "s-bob"})
				m.Must(err)
				m.World.Ledger.Empty()
				m.settle("emptied")
				m.World.Bus.LoseEvents()
				fleettest.Elapse(15 * time.Second)
				m.World.Ledger.Empty()
				m.settle("both, one after the other")
				r, err := publisher.Audit(m.T.Context(), m.World.Ledger.Link("audit"), m.World.Bus.Link("audit"))
				if err != nil || !r.OK() {
					m.T.Errorf("audit: %+v, %v", r, err)
				}
				if err := m.move(); !errors.Is(err, revocast.ErrConflict) {
					m.T.Errorf("moved again: %v", err)
				}
			})
		})
	}
}

// TestMoveOfEvents: a Redis that loses everything right after the move gets it back from events under old keys.
func TestMoveOfEvents(t *testing.T) {
	inMoved(t, 0, func(m *moved) {
		m.p.Bus.SetHook(fleettest.Only(fake.OpRefill, fleettest.Always(fake.NotDone())))
		m.Must(m.move())
		for _, e := range m.World.Bus.Events() {
			if e.Names != 0 {
				m.T.Fatalf("the stream was refilled: %+v", e)
			}
		}
		m.World.Ledger.Empty()
		m.settle("from events under old keys")
		m.p.Bus.SetHook(nil)
	})
}

// TestMoveIsInterrupted: the running publishers go on, also where it had just begun, or Redis forgets it.
func TestMoveIsInterrupted(t *testing.T) {
	for name, then := range map[string]func(m *moved, before revocast.Position){
		"at once": func(*moved, revocast.Position) {},
		"and Redis restarts": func(m *moved, _ revocast.Position) {
			m.World.Ledger.Restart()
		},
		"and Redis restarts when the names are moved": func(m *moved, _ revocast.Position) {
			fleettest.Elapse(time.Second)
			m.World.Ledger.Restart()
		},
		"and Redis goes back to before it, after the record was written": func(m *moved, before revocast.Position) {
			fleettest.Elapse(15 * time.Second)
			if !m.World.Ledger.RollBack(before) {
				m.T.Fatal("there is no history")
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			inMoved(t, 1, func(m *moved) {
				before := m.World.Ledger.Position()
				err := m.World.Ledger.Link("op").MoveNames(m.T.Context(), before.Epoch+1, m.all.Naming(fleettest.Realm))
				m.Must(err)
				then(m, before)
				m.settle(name)
			})
		})
	}
}

// TestMoveIsForgotten: the epoch's record came back from before the move, and Redis has lost everything. Events
// under the new keys must not be restored beside the old names, under which nobody would find them.
func TestMoveIsForgotten(t *testing.T) {
	for name, has := range map[string]int{"of a realm without a secret": 0, "to a second secret": 1} {
		t.Run(name, func(t *testing.T) {
			inMoved(t, has, func(m *moved) {
				m.Must(m.move())
				m.settle("moved")
				m.p.Stop()
				for m.Record().Terms.Names == m.all.Naming(fleettest.Realm) {
					m.World.Bus.OlderRecords(1)
				}
				m.World.Ledger.Empty()
				without := names.Secrets{}
				if has > 0 {
					without = *fleettest.Names
				}
				old := m.ColdPublisherWith("old", publisher.Options{Names: &without, RecoverEmpty: true})
				fleettest.Elapse(20 * time.Second)
				if err := old.Ready(); !errors.Is(err, revocast.ErrNames) || !errors.Is(err, revocast.ErrRecovering) {
					m.T.Errorf("a publisher without the new secret: %v", err)
				}
				if d := m.looks(); d.State == port.LedgerOpen {
					m.T.Errorf("opened without the new secret: %+v", d)
				}
				old.Stop()
				m.p = m.ColdPublisherWith("new", publisher.Options{Names: m.all, RecoverEmpty: true})
				m.settle("moved again")
			})
		})
	}
}

// TestMoveLeavesNobodyBehind: a worker without the new secret is named, and holds the move up unless it is to be
// left behind.
func TestMoveLeavesNobodyBehind(t *testing.T) {
	inMoved(t, 1, func(m *moved) {
		m.Worker("old-1", fleettest.WorkerOptions{Sub: worker.SubscriberOptions{Names: fleettest.Names}})
		fleettest.Elapse(time.Second)
		err := m.move()
		if !errors.Is(err, revocast.ErrUnsuited) || !strings.Contains(err.Error(), `1 of 2 workers`) ||
			!strings.Contains(err.Error(), `"old-1"`) {
			m.T.Errorf("moved: %v", err)
		}
		if d := m.looks(); d.Position.Epoch != 1 || d.Rekey {
			m.T.Errorf("moved all the same: %+v", d)
		}
		_, err = publisher.MoveNames(m.T.Context(), m.World.Ledger.Link("op"), m.World.Bus.Link("op"),
			publisher.MoveOptions{
				Publisher: publisher.Options{Names: m.all, Logger: fleettest.Logger()}, LeaveBehind: true,
			})
		m.Must(err)
		m.settle("left behind")
	})
}

// TestMoveNeedsTheSecrets: nothing is moved with a file that is not the realm's, and nobody without the new secret
// opens the ledger.
func TestMoveNeedsTheSecrets(t *testing.T) {
	inMoved(t, 1, func(m *moved) {
		right := m.all
		for _, wrong := range []*names.Secrets{nil, option.Must(names.New(bytes.Repeat([]byte("x"), 32)))} {
			m.all = wrong
			if err := m.move(); !errors.Is(err, revocast.ErrNames) {
				m.T.Errorf("moved with other secrets: %v", err)
			}
		}
		m.all = right
		m.p.Stop()
		old := m.ColdPublisherWith("old", publisher.Options{})
		m.Await(old.Readiness())
		d := m.looks()
		m.Must(m.World.Ledger.Link("op").MoveNames(m.T.Context(), d.Position.Epoch+1, right.Naming(fleettest.Realm)))
		fleettest.Elapse(20 * time.Second)
		if err := old.Ready(); !errors.Is(err, revocast.ErrNames) || !errors.Is(err, revocast.ErrRecovering) {
			m.T.Errorf("a publisher without the second secret: %v", err)
		}
		m.p = m.ColdPublisherWith("new", publisher.Options{Names: right})
		m.settle("with the secret")
	})
}
