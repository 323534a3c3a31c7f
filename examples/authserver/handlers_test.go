package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/account/refresh"
	"github.com/revocast/revocast/account/reset"
	"github.com/revocast/revocast/account/session"
	"github.com/revocast/revocast/cache"
	"github.com/revocast/revocast/port"
	"github.com/revocast/revocast/store"
	"github.com/revocast/revocast/store/storetest"
	"github.com/revocast/revocast/worker"
)

// What the handlers do in cases that no test of a fleet reaches: failures half-way, and clocks
// that disagree.

// A refresh that fails half-way has not used up the token: a client that comes back with it a day
// later is not taken for a thief.
func TestRefreshWhileSessionsAreAway(t *testing.T) {
	here, away := storetest.Embedded(t), storetest.Redis(t)
	p := &parts{users: &users{}}
	var err error
	if p.issuer, p.verifier, err = newIssuer(t.TempDir()); err != nil {
		t.Fatal(err)
	}
	open := func(b storetest.Backend) *session.Store {
		s, err := session.New(nobody{b.Client},
			session.Options{Issuer: issuerName, Idle: idleLife, Lifetime: loginLife})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	sessions, gone := open(storetest.Backend{Client: here.Client()}), open(storetest.Backend{Client: away.Client()})
	s := &service{parts: p, confirm: 2 * time.Second, log: slog.New(slog.DiscardHandler)}
	s.families, err = refresh.New(nobody{here.Client()},
		refresh.Options{Key: make([]byte, 32), Issuer: issuerName, Lifetime: loginLife, Idle: idleLife})
	if err != nil {
		t.Fatal(err)
	}
	x, err := sessions.Create(t.Context(), session.Login{Principal: "u-1"})
	if err != nil {
		t.Fatal(err)
	}
	kept, err := s.families.Issue(t.Context(), refresh.Grant{Principal: "u-1", Session: x.ID, AuthTime: x.AuthTime})
	if err != nil {
		t.Fatal(err)
	}
	away.Kill()
	for _, step := range []struct {
		what   string
		from   *session.Store
		status int
	}{{"while the sessions are away", gone, 503}, {"a day later, with the same token", sessions, 200}} {
		p.sessions = step.from
		if a := ask(t, s.refreshTokens, map[string]string{"refresh_token": kept.Text}); a.Code != step.status {
			t.Errorf("%s: %d %s, want %d", step.what, a.Code, a.Body, step.status)
		}
		here.Advance(24 * time.Hour)
	}
}

// ask calls a handler with a JSON body.
func ask(t *testing.T, h http.HandlerFunc, body any) *httptest.ResponseRecorder {
	t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", bytes.NewReader(text))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	h(w, r)
	return w
}

// The session's times are Redis', and its clock may be ahead of this one.
func TestAccessTokenWhereRedisIsAhead(t *testing.T) {
	p := &parts{}
	var err error
	if p.issuer, p.verifier, err = newIssuer(t.TempDir()); err != nil {
		t.Fatal(err)
	}
	at := time.Now().Add(2 * time.Second).Truncate(time.Millisecond)
	issued, err := (&service{parts: p}).access(session.Session{Principal: "u-1", ID: "s", AuthTime: at})
	if err != nil {
		t.Fatal(err)
	}
	c, err := p.verifier.Verify(t.Context(), issued.Token)
	if err != nil || !c.AuthTime.Equal(at) {
		t.Errorf("auth_time %s, want %s: %v", c.AuthTime, at, err)
	}
}

// A login that was overtaken by a logout everywhere is not a failure of the service.
func TestRefusedLogins(t *testing.T) {
	s := &service{log: slog.New(slog.DiscardHandler)}
	for _, c := range []struct {
		verdict revocast.Verdict
		status  int
	}{
		{revocast.Verdict{Outcome: revocast.Revoked, Err: revocast.ErrRevoked}, 409},
		{revocast.Verdict{Outcome: revocast.Revoked, Err: errors.Join(revocast.ErrRevoked, revocast.ErrBanned)}, 403},
		{revocast.Verdict{Outcome: revocast.Unknown, Err: revocast.ErrUnknown}, 503},
	} {
		w := httptest.NewRecorder()
		if s.refuseLogin(w, c.verdict); w.Code != c.status {
			t.Errorf("%v: %d, want %d", c.verdict, w.Code, c.status)
		}
	}
}

// Two changes that have both verified the old password are one change, and a refusal.
func TestPasswordIsComparedAndSet(t *testing.T) {
	u, err := openUsers(filepath.Join(t.TempDir(), "users.json"))
	if err != nil {
		t.Fatal(err)
	}
	p := &parts{users: u}
	before, _ := u.byMail("alice@example.com")
	first, second := p.setPassword(before.Hash), p.setPassword(before.Hash)
	if err := first(t.Context(), before.Principal, "the first of two"); err != nil {
		t.Fatal(err)
	}
	err = second(t.Context(), before.Principal, "the second of two")
	if !errors.Is(err, reset.ErrRejected) {
		t.Errorf("the second: %v", err)
	}
	w := httptest.NewRecorder()
	if (&service{}).passwordSet(w, nil, err); w.Code != http.StatusConflict {
		t.Errorf("the second is answered %d %s", w.Code, w.Body)
	}
	after, _ := u.byMail("alice@example.com")
	if err := u.verify(t.Context(), after.Hash, "the first of two"); err != nil {
		t.Error(err)
	}
}

// deaf is a bus that is asked for nothing but its realm.
type deaf struct{ port.WorkerBus }

func (deaf) Realm() string { return realmName }

// /readyz tells a stranger no more than whether the worker is ready.
func TestNotReady(t *testing.T) {
	l, err := store.New(storetest.Embedded(t).Client(), realmName, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	view, err := cache.New(cache.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := worker.NewSubscriber(l, deaf{}, view, worker.SubscriberOptions{})
	if err != nil {
		t.Fatal(err)
	}
	guard, err := worker.NewGuard(s, nil, worker.GuardOptions{})
	if err != nil {
		t.Fatal(err)
	}
	n := &node{guard: guard}
	w := httptest.NewRecorder()
	n.readyz(w, nil)
	if w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), `"detail":""`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// A mail server that hangs delays nobody, and the queued mails are sent at the end.
func TestMails(t *testing.T) {
	var sent []string
	m := newMailer(Output{
		Logger: slog.New(slog.DiscardHandler),
		Print:  func(_ string, a ...any) { sent = append(sent, a[0].(string)) },
	})
	for range maxMails + 1 { // nobody takes them, and this returns
		m.send("mail to %s", "alice")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := m.run(ctx); err != nil || len(sent) != maxMails || sent[0] != "mail to alice" {
		t.Errorf("%d were sent: %q, %v", len(sent), sent[:1], err)
	}
}
