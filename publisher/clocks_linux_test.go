package publisher_test

import (
	"errors"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/events/eventstest"
	"github.com/revocast/revocast/internal/fleettest"
	"github.com/revocast/revocast/internal/option"
	"github.com/revocast/revocast/port"
	"github.com/revocast/revocast/publisher"
	"github.com/revocast/revocast/store/storetest"
)

// apart is a realm of which one wall clock is wrong.
type apart struct {
	name                             string
	redis, issuer, publisher, worker time.Duration
}

func (a apart) rig(t *testing.T) (*fleettest.Rig, *publisher.Publisher, []*fleettest.Worker) {
	r := fleettest.NewRigOn(t, storetest.RedisAhead(t, a.redis), eventstest.NewServer(t))
	r.IssuedAside(a.issuer)
	ws := []*fleettest.Worker{r.WorkerAside(a.worker), r.WorkerAside(0), r.WorkerAside(0)}
	p := option.Must(publisher.New(
		r.Ledger(), r.Bus(), publisher.Options{Logger: fleettest.Logger(), Clock: fleettest.Aside(a.publisher)},
	))
	r.Run(p.Run)
	r.Await(p.Readiness())
	return r, p, ws
}

// unsure is by how much clocks are measured wrongly at most, once they are.
const unsure = 50 * time.Millisecond

// measured waits until the publisher has measured the clocks, and tokens issued before can be told from those that
// will be issued after. An answer that was slow, as on a busy machine, shows little.
func (a apart) measured(t *testing.T, p *publisher.Publisher, before revocast.Claims) {
	own, workers := a.publisher-a.redis, -a.redis
	ahead := max(min(own, workers), min(max(own, workers), 0))
	fleettest.Eventually(t, "the clocks are measured", func() bool {
		return (p.Status().FleetAhead - ahead).Abs() <= unsure
	})
	fleettest.Eventually(t, "some time has passed", func() bool {
		return time.Now().Add(a.issuer).Sub(before.IssuedAt) > 2*unsure
	})
}

// TestOneClockIsWrong: whichever clock it is, an earlier token is refused after a confirmed
// revocation, and a later login is accepted immediately.
func TestOneClockIsWrong(t *testing.T) {
	for _, a := range []apart{
		{name: "none"},
		{name: "Redis 2s behind", redis: -2 * time.Second},
		{name: "Redis 2s ahead", redis: 2 * time.Second},
		{name: "Redis 10s behind", redis: -9900 * time.Millisecond},
		{name: "Redis 10s ahead", redis: 9900 * time.Millisecond},
		{name: "issuer 4s ahead", issuer: 4 * time.Second},
		{name: "issuer 10s ahead", issuer: 9900 * time.Millisecond},
		{name: "publisher 5s ahead", publisher: 5 * time.Second},
		{name: "publisher 10s behind", publisher: -9900 * time.Millisecond},
		{name: "worker 10s ahead", worker: 9900 * time.Millisecond},
		{name: "worker 10s behind", worker: -9900 * time.Millisecond},
	} {
		t.Run(a.name, func(t *testing.T) {
			t.Parallel()
			r, p, ws := a.rig(t)
			shown, unseen := r.Login("alice"), r.Login("alice")
			r.Expect(ws[:1], shown.Token, revocast.Allowed) // one of them is enough
			r.Expect(ws[1:], r.Login("bob").Token, revocast.Allowed)
			a.measured(t, p, unseen.Claims)
			receipt := r.Confirmed(
				p.Revoke(t.Context(), revocast.Revocation{Scope: revocast.ScopePrincipal, ID: "alice"}),
			)
			if late := receipt.NotBefore.Sub(time.Now().Add(a.issuer)); late > unsure {
				t.Errorf("logins are accepted %s after the revocation", late)
			}
			after := r.Login("alice")
			for after.Claims.IssuedAt.Before(receipt.NotBefore) {
				after = r.Login("alice")
			}
			r.Expect(ws, shown.Token, revocast.Revoked)
			r.Expect(ws, after.Token, revocast.Allowed)
			if apart := a.redis + a.issuer; (apart.Abs() > time.Second) != (len(receipt.Warnings) > 0) {
				t.Errorf("warnings %q", receipt.Warnings)
			}
			// A token that nobody was shown is told apart from later tokens by the clocks that
			// agree.
			if a.issuer == 0 {
				r.Expect(ws, unseen.Token, revocast.Revoked)
			}
		})
	}
}

// TestIssuerBehind: an issuer that is behind is believed after a few of its tokens.
func TestIssuerBehind(t *testing.T) {
	a := apart{issuer: -4 * time.Second}
	r, p, ws := a.rig(t)
	sure := false
	for i := 0; !sure; i++ {
		if i == 100 {
			t.Fatal("it is never believed")
		}
		r.Expect(ws, r.Login("bob").Token, revocast.Allowed)
		s, err := r.Ledger().Sight(t.Context(),
			port.Sighting{Issuer: revocast.IssuerKey(fleettest.Realm, fleettest.Issuer)})
		r.Must(err)
		if sure = s.Sure; !sure {
			wait := time.NewTimer(200 * time.Millisecond)
			<-wait.C
		}
	}
	before := r.Login("alice")
	r.Expect(ws[:1], before.Token, revocast.Allowed)
	r.Confirmed(p.Revoke(t.Context(), revocast.Revocation{Scope: revocast.ScopePrincipal, ID: "alice"}))
	r.Expect(ws, before.Token, revocast.Revoked)
	r.Expect(ws, r.Login("alice").Token, revocast.Allowed)
}

// TestFromTheFuture: a token that is further ahead than the skew is refused: as from the future
// if the machine's clock agrees, and as unknown if only Redis' clock says so.
func TestFromTheFuture(t *testing.T) {
	t.Parallel()
	r, _, ws := apart{issuer: 12 * time.Second}.rig(t)
	for _, w := range ws {
		_, v := w.Check(t.Context(), r.Login("alice").Token)
		if v.Outcome != revocast.Invalid || !errors.Is(v.Err, revocast.ErrNotYetValid) {
			t.Errorf("%s: %v", v.Outcome, v.Err)
		}
	}
	if n := ws[0].Sub.Stats().FromTheFuture; n != 1 {
		t.Errorf("%d tokens from the future", n)
	}
}

// TestClocksBeyondTheSkew: the publisher is unready, says so in its receipts, and a token is
// never called revoked or invalid for it.
func TestClocksBeyondTheSkew(t *testing.T) {
	t.Parallel()
	redis := storetest.RedisAhead(t, 0)
	r := fleettest.NewRigOn(t, redis, eventstest.NewServer(t))
	p, ws := r.Publisher(), r.Workers(1)
	r.Expect(ws, r.Login("alice").Token, revocast.Allowed)
	redis.MoveClock(-15 * time.Second)
	fleettest.Eventually(t, "unready", func() bool { return p.Ready() != nil })
	fleettest.Eventually(t, "the worker sees it", func() bool { return ws[0].Sub.Status().ClockAhead > 14*time.Second })
	if _, v := ws[0].Check(t.Context(), r.Login("alice").Token); v.Outcome != revocast.Unknown {
		t.Errorf("%s: %v", v.Outcome, v.Err)
	}
	receipt := r.Confirmed(p.Revoke(t.Context(), revocast.Revocation{Scope: revocast.ScopePrincipal, ID: "alice"}))
	if len(receipt.Warnings) == 0 {
		t.Error("no warning")
	}
	redis.MoveClock(0)
	r.Await(p.Readiness())
}
