package revocast_test

import (
	"errors"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/events/eventstest"
	"github.com/revocast/revocast/store/storetest"
)

// apart is a realm of which one wall clock is wrong.
type apart struct {
	name                             string
	redis, issuer, publisher, worker time.Duration
}

func (a apart) rig(t *testing.T) (*rig, *revocast.Publisher, []*worker) {
	r := newRigOn(t, storetest.RedisAhead(t, a.redis), eventstest.NewServer(t))
	r.issuedAside(a.issuer)
	ws := []*worker{r.workerAside(a.worker), r.workerAside(0), r.workerAside(0)}
	p := revocast.NewPublisher(r.ledger(), r.bus(), revocast.PublisherOptions{Logger: logger(), Clock: aside(a.publisher)})
	r.run(p.Run)
	r.await(p.Ready())
	return r, p, ws
}

// TestOneClockIsWrong: whichever clock it is, the token of before is refused after a confirmed
// revocation, and a login after it is accepted at once.
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
			shown, unseen := r.login("alice"), r.login("alice")
			r.expect(ws[:1], shown.Token, revocast.Allowed) // one of them is enough
			r.expect(ws[1:], r.login("bob").Token, revocast.Allowed)
			receipt := r.confirmed(p.Revoke(t.Context(), revocast.Revocation{Scope: revocast.ScopePrincipal, ID: "alice"}))
			after := r.login("alice")
			r.expect(ws, shown.Token, revocast.Revoked)
			r.expect(ws, after.Token, revocast.Allowed)
			if after.Claims.IssuedAt.Before(receipt.NotBefore) {
				t.Errorf("a login at %s was accepted, the receipt says not before %s", after.Claims.IssuedAt, receipt.NotBefore)
			}
			if apart := a.redis + a.issuer; (apart.Abs() > time.Second) != (len(receipt.Warnings) > 0) {
				t.Errorf("warnings %q", receipt.Warnings)
			}
			// What nobody was shown is told from what came after by the clocks that agree.
			if a.issuer == 0 {
				r.expect(ws, unseen.Token, revocast.Revoked)
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
		r.expect(ws, r.login("bob").Token, revocast.Allowed)
		s, err := r.ledger().Sight(t.Context(), revocast.Sighting{Issuer: revocast.IssuerKey(realm, issuer)})
		r.must(err)
		if sure = s.Sure; !sure {
			wait := time.NewTimer(200 * time.Millisecond)
			<-wait.C
		}
	}
	before := r.login("alice")
	r.expect(ws[:1], before.Token, revocast.Allowed)
	r.confirmed(p.Revoke(t.Context(), revocast.Revocation{Scope: revocast.ScopePrincipal, ID: "alice"}))
	r.expect(ws, before.Token, revocast.Revoked)
	r.expect(ws, r.login("alice").Token, revocast.Allowed)
}

// TestFromTheFuture: what is further ahead than the skew is refused: as from the future where
// the machine's clock says so too, and as unknown where only Redis' clock does.
func TestFromTheFuture(t *testing.T) {
	t.Parallel()
	r, _, ws := apart{issuer: 12 * time.Second}.rig(t)
	for _, w := range ws {
		_, v := w.Check(t.Context(), r.login("alice").Token)
		if v.Outcome != revocast.Invalid || !errors.Is(v.Err, revocast.ErrNotYetValid) {
			t.Errorf("%s: %v", v.Outcome, v.Err)
		}
	}
	if n := ws[0].sub.Status().FromTheFuture; n != 1 {
		t.Errorf("%d tokens from the future", n)
	}
}

// TestClocksBeyondTheSkew: the publisher is unready, says so in its receipts, and a token is
// never called revoked or invalid for it.
func TestClocksBeyondTheSkew(t *testing.T) {
	t.Parallel()
	redis := storetest.RedisAhead(t, 0)
	r := newRigOn(t, redis, eventstest.NewServer(t))
	p, ws := r.publisher(), r.workers(1)
	r.expect(ws, r.login("alice").Token, revocast.Allowed)
	redis.MoveClock(-15 * time.Second)
	eventually(t, "unready", func() bool { return p.Ready().Err() != nil })
	eventually(t, "the worker sees it", func() bool { return ws[0].sub.Status().ClockAhead > 14*time.Second })
	if _, v := ws[0].Check(t.Context(), r.login("alice").Token); v.Outcome != revocast.Unknown {
		t.Errorf("%s: %v", v.Outcome, v.Err)
	}
	receipt := r.confirmed(p.Revoke(t.Context(), revocast.Revocation{Scope: revocast.ScopePrincipal, ID: "alice"}))
	if len(receipt.Warnings) == 0 {
		t.Error("no warning")
	}
	redis.MoveClock(0)
	r.await(p.Ready())
}
