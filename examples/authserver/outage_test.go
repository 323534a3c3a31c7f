package main

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/account/session"
	"github.com/revocast/revocast/events/eventstest"
	"github.com/revocast/revocast/store/storetest"
)

// Without NATS nothing can be confirmed, and everything else works: ended sessions stay ended, no
// answer claims confirmation however often it is asked for, and people log in.
func TestWithoutNATS(t *testing.T) {
	redis, nats := storetest.Redis(t), eventstest.NewServer(t)
	f := start(t, func(f *Flags) { f.Redis, f.NATS, f.Confirm = redis.URL(), nats.URL(), time.Second })
	o := outage{fleet: f}
	phone, laptop, tablet := f.signIn("alice@example.com", "phone"), f.signIn("alice@example.com",
		"laptop"), f.signIn("alice@example.com", "tablet")
	bob := f.signIn("bob@example.com", "phone")
	nats.Stop()

	logout := map[string]string{"refresh_token": phone.refresh}
	o.decided("logout", f.post("/logout", "", logout))
	o.decided("logout again", f.post("/logout", "", logout))
	o.decided("logout again, by the access token", f.post("/logout", phone.access, nil))

	end := func() answer {
		return f.do(http.MethodDelete, f.login+"/sessions/"+tablet.session, laptop.access, nil)
	}
	o.decided("end", end())
	f.want("end what has ended", end(), 404)

	o.overTheCap(redis, laptop)
	o.ban(bob)

	nats.Start()
	o.confirmedLater("logout, when NATS is back", func() answer { return f.post("/logout", "", logout) })
	for what, x := range map[string]tokens{"phone": phone, "tablet": tablet, "bob": bob} {
		f.everywhere(what+", when NATS is back", x, 401)
	}
	o.confirmedLater("lift the ban", func() answer { return f.do(http.MethodDelete, o.banURL(bob), admin, nil) })
	f.everywhere("what a ban ended, after it", bob, 401)
	f.want("its refresh", f.post("/refresh", "", map[string]string{"refresh_token": bob.refresh}), 401)
}

type outage struct{ *fleet }

// decided fails unless the answer says that it will come about, and is not confirmed.
func (o outage) decided(what string, a answer) {
	o.t.Helper()
	o.want(what, a, http.StatusAccepted)
	if a.body["confirmed"] != false || a.get("detail") == "" {
		o.t.Errorf("%s: %s", what, a.text)
	}
}

// confirmedLater asks again until the fleet has confirmed.
func (o outage) confirmedLater(what string, ask func() answer) {
	o.t.Helper()
	deadline := time.Now().Add(time.Minute)
	for {
		a := ask()
		if a.status == http.StatusOK {
			o.confirmed(what, a)
			return
		}
		if o.decided(what, a); o.t.Failed() || time.Now().After(deadline) {
			o.t.Fatalf("%s: %d %s", what, a.status, a.text)
		}
	}
}

// overTheCap: each login ends the session that is unused for longest, and needs nobody's
// confirmation for that.
func (o outage) overTheCap(redis *storetest.Server, oldest tokens) {
	o.t.Helper()
	store, err := session.New(nobody{redis.Client()},
		session.Options{Issuer: issuerName, Idle: idleLife, Lifetime: loginLife})
	if err != nil {
		o.t.Fatal(err)
	}
	for n := 1; n < maxSessions; n++ { // with oldest there are as many as there may be
		if _, err := store.Create(
			o.t.Context(), session.Login{Principal: oldest.principal, Device: fmt.Sprint(n)},
		); err != nil {
			o.t.Fatal(err)
		}
	}
	for range 2 {
		o.signIn("alice@example.com", "one more")
	}
	all, err := store.List(o.t.Context(), oldest.principal)
	if err != nil || len(all) != maxSessions {
		o.t.Errorf("%d sessions, want %d: %v", len(all), maxSessions, err)
	}
	for _, s := range all {
		if s.ID == oldest.session {
			o.t.Error("the oldest is still there")
		}
	}
}

// nobody is told anything.
type nobody struct{ redis redis.UniversalClient }

func (nobody) Realm() string { return realmName }

func (n nobody) Redis() redis.UniversalClient { return n.redis }

func (nobody) Complete(context.Context, string, ...revocast.CallOption) ([]revocast.Receipt, error) {
	return nil, revocast.ErrUnavailable
}

func (o outage) banURL(x tokens) string { return o.login + "/admin/ban/" + x.principal }

// ban: the ban does not take the time that ending the sessions needs.
func (o outage) ban(x tokens) {
	o.t.Helper()
	for range 2 {
		o.decided("ban", o.do(http.MethodPost, o.banURL(x), admin, map[string]any{"until": time.Now().Add(time.Hour)}))
	}
	in := map[string]any{"mail": "bob@example.com", "password": password}
	o.want("login while banned", o.post("/login", "", in), 403)
	o.want("banned", o.do(http.MethodGet, o.login+"/me", x.access, nil), 401)
}
