package revocasttest_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/events/eventstest"
	"github.com/revocast/revocast/internal/leak"
	"github.com/revocast/revocast/port"
	"github.com/revocast/revocast/publisher"
	"github.com/revocast/revocast/realm"
	"github.com/revocast/revocast/revocasttest"
	"github.com/revocast/revocast/worker"
)

func TestMain(m *testing.M) { leak.Main(m) }

var alice = revocast.Revocation{Scope: revocast.ScopePrincipal, ID: "alice"}

// each runs a test on both kinds of fleet.
func each(t *testing.T, test func(t *testing.T, f *revocasttest.Fleet)) {
	t.Run("memory", func(t *testing.T) { test(t, revocasttest.Memory(t)) })
	t.Run("real", func(t *testing.T) { test(t, revocasttest.Real(t)) })
}

// TestReadme is what README.md shows.
func TestReadme(t *testing.T) {
	f := revocasttest.Memory(t)
	w := f.Worker(worker.Options{}) // w.Middleware, w.Check: as in your service
	alice := f.Login("alice")
	f.Allowed(alice.Token)
	f.Revoke(revocast.Revocation{Scope: revocast.ScopePrincipal, ID: "alice"})
	f.Refused(alice.Token)
	w.Cut() // neither store can be reached; Mend ends that
}

// TestFleet: what is revoked is refused by every worker of the fleet, and nothing else.
func TestFleet(t *testing.T) {
	each(t, func(t *testing.T, f *revocasttest.Fleet) {
		ws := f.Workers(3)
		before, bob := f.Login("alice"), f.Login("bob")
		f.Allowed(before.Token)
		f.Revoke(alice)
		f.Refused(before.Token)
		f.Allowed(bob.Token)
		for _, w := range ws {
			w.Stop()
		}
		f.Allowed(before.Token) // there is no worker left that could refuse it
	})
}

// TestExpectationsCanFail: what the fleet is asked is a test of its own.
func TestExpectationsCanFail(t *testing.T) {
	tb := &failing{T: t}
	f := revocasttest.Memory(tb)
	f.Workers(2)
	bearer := f.Login("alice").Token
	f.Refused(bearer)
	f.Allowed("no token")
	if tb.errors != 4 {
		t.Errorf("%d of 4 wrong expectations were seen", tb.errors)
	}
}

type failing struct {
	*testing.T
	errors int
}

func (t *failing) Errorf(string, ...any) { t.errors++ }

// TestBusFails: a revocation is confirmed without it, in at most one lease.
func TestBusFails(t *testing.T) {
	faults := map[string]func(*revocasttest.Link){
		"cut": (*revocasttest.Link).Cut, "silent": (*revocasttest.Link).Silence,
		"without replies": (*revocasttest.Link).LoseReplies,
	}
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			each(t, func(t *testing.T, f *revocasttest.Fleet) {
				w := f.Workers(2)[0]
				before := f.Login("alice")
				fault(w.Bus)
				f.Revoke(alice)
				f.Refused(before.Token)
				w.Bus.Mend()
				again := f.Login("alice")
				f.Allowed(again.Token)
			})
		})
	}
}

// TestWorkerThatHearsNothing: what is done to its links keeps a revocation from one worker, and not from
// the others, until they are mended.
func TestWorkerThatHearsNothing(t *testing.T) {
	faults := map[string]func(*revocasttest.Worker){
		"cut":    (*revocasttest.Worker).Cut,
		"silent": func(w *revocasttest.Worker) { w.Ledger.Silence(); w.Bus.Silence() },
		"no replies": func(w *revocasttest.Worker) {
			w.Ledger.LoseReplies()
			w.Bus.Cut()
		},
	}
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			each(t, func(t *testing.T, f *revocasttest.Fleet) {
				ws := f.Workers(2)
				bearer := f.Login("alice").Token
				says := func(w *revocasttest.Worker) revocast.Outcome {
					_, v := w.Check(t.Context(), bearer)
					return v.Outcome
				}
				fault(ws[0])
				p := f.Publisher(publisher.Options{})
				if _, err := p.Revoke(t.Context(), alice, revocast.WithStrength(revocast.Committed)); err != nil {
					t.Fatal(err)
				}
				eventstest.Await(t, "the other to refuse", func() bool { return says(ws[1]) == revocast.Revoked })
				if says(ws[0]) == revocast.Revoked {
					t.Error("the worker has heard of it")
				}
				ws[0].Mend()
				eventstest.Await(t, "the worker to refuse", func() bool { return says(ws[0]) == revocast.Revoked })
			})
		})
	}
}

// TestNoReplies: a publisher that hears nothing says that it does not know, and it is so.
func TestNoReplies(t *testing.T) {
	each(t, func(t *testing.T, f *revocasttest.Fleet) {
		f.Worker(worker.Options{})
		bearer := f.Login("alice").Token
		p := f.Publisher(publisher.Options{})
		p.Ledger.LoseReplies()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := p.Revoke(ctx, alice); !errors.Is(err, revocast.ErrOutcomeUnknown) {
			t.Errorf("Revoke without an answer: %v, want ErrOutcomeUnknown", err)
		}
		p.Ledger.Mend()
		f.Revoke(revocast.Revocation{Scope: revocast.ScopePrincipal, ID: "somebody else"}) // behind it in the log
		f.Refused(bearer)
	})
}

// TestWorkerAlone: without both stores a worker accepts nothing once its lease is over, and all is as
// before when they are back.
func TestWorkerAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := revocasttest.Memory(t, func(o *port.Terms) { o.DefaultIssuer = revocasttest.Issuer })
		w := f.Worker(worker.Options{})
		bearer := f.Login("alice").Token
		for _, fault := range []func(){w.Cut, func() { w.Ledger.Silence(); w.Bus.Silence() }} {
			f.Allowed(bearer)
			fault()
			<-time.After(time.Minute)
			if _, v := w.Check(t.Context(), bearer); v.Outcome != revocast.Unknown {
				t.Errorf("a minute alone: %s, want unknown", v.Outcome)
			}
			w.Mend()
			<-time.After(time.Minute)
		}
	})
}

// TestOptions: a service joins the fleet by its own means.
func TestOptions(t *testing.T) {
	f := revocasttest.Real(t)
	r, err := realm.Open(t.Context(), revocasttest.Realm, f.Options())
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	p, err := r.Publisher(publisher.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	if err := p.Readiness().Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.Worker(worker.Options{})
	bearer := f.Login("alice").Token
	if receipt, err := p.Revoke(t.Context(), alice); err != nil || receipt.Strength != revocast.Confirmed {
		t.Fatalf("Revoke: %v, %v", receipt, err)
	}
	f.Refused(bearer)
}
