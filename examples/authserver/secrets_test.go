package main

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/account/refresh"
)

// A code that was mailed dies with everything that it could bring back.
func TestMailedCodesDie(t *testing.T) {
	for name, settle := range map[string]func(*testing.T, *fleet, tokens){
		"password": func(_ *testing.T, f *fleet, x tokens) {
			f.confirmed("change",
				f.post("/password", x.access, map[string]string{"old": password, "new": "another one"}))
		},
		"logout all": func(_ *testing.T, f *fleet, x tokens) {
			f.confirmed("logout", f.post("/logout-all", x.access, nil))
		},
		"address": func(t *testing.T, f *fleet, x tokens) {
			in := map[string]string{"mail": "Alice@elsewhere.example", "password": password}
			f.want("without the password", f.post("/mail", x.access, map[string]string{"mail": in["mail"]}), 401)
			f.want("another's",
				f.post("/mail", x.access, map[string]string{"mail": "bob@example.com", "password": password}), 409)
			f.want("change", f.post("/mail", x.access, in), 200)
			f.signIn("alice@elsewhere.example", "")
			f.mailed("mail to alice@example.com: the address")
		},
		"ban": func(_ *testing.T, f *fleet, x tokens) {
			f.confirmed("ban", f.do(http.MethodPost, f.login+"/admin/ban/"+x.principal, admin, map[string]any{
				"until": time.Now().Add(time.Hour),
			}))
			f.confirmed("unban", f.do(http.MethodDelete, f.login+"/admin/ban/"+x.principal, admin, nil))
		},
		"deletion": func(t *testing.T, f *fleet, x tokens) {
			f.confirmed("delete", f.do(http.MethodDelete, f.login+"/account", x.access, nil))
			f.everywhere("deleted", x, 401)
			f.want("refresh", f.post("/refresh", "", map[string]string{"refresh_token": x.refresh}), 401)
			f.want("login", f.post("/login", "", map[string]string{"mail": "alice@example.com", "password": password}),
				401)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := start(t)
			x := f.signIn("alice@example.com", "")
			f.want("request", f.post("/password-reset/request", "", map[string]string{"mail": "alice@example.com"}),
				202)
			code := f.code("alice@example.com")
			settle(t, f, x)
			for _, mail := range []string{"alice@example.com", "alice@elsewhere.example"} {
				f.want("the code", f.post("/password-reset/confirm", "", map[string]string{
					"mail": mail, "code": code, "password": "the thief's own",
				}), 400)
			}
		})
	}
}

// Strangers ask for alice's codes until they get no more. She gets one all the same.
func TestStrangersUseUpNothingOfHers(t *testing.T) {
	f := start(t, func(f *Flags) { f.ClientIP = "X-Forwarded-For" })
	ask := func(addr string, change ...func(*http.Request)) answer {
		return f.do(http.MethodPost, f.login+"/password-reset/request", "",
			map[string]string{"mail": "alice@example.com"}, append(change, func(r *http.Request) {
				r.Header.Add("X-Forwarded-For", "192.0.2.1") // the client's own word
				r.Header.Add("X-Forwarded-For", addr)
			})...)
	}
	f.want("a stranger", ask("198.51.100.7:443"), 202)
	f.want("the same, too early", ask("198.51.100.7"), 429)
	f.want("another of their network", ask("[2001:db8:7:1::1]:443"), 202)
	f.want("of the same /48", ask("2001:db8:7:2::1"), 429)
	f.want("alice", ask("192.0.2.1"), 202)
	f.want("no address", ask("unknown"), 400)
}

// An old session may be stolen, so it is asked for the password before it may end others.
func TestPasswordBeforeSessionsAreEnded(t *testing.T) {
	now := time.Now()
	for age, want := range map[time.Duration]bool{
		time.Minute: true, recentAuth + time.Minute: false, -time.Second: true, -time.Hour: false,
	} {
		if got := recent(&revocast.Claims{AuthTime: now.Add(-age)}, now); got != want {
			t.Errorf("logged in %s ago: %v", age, got)
		}
	}
	if recent(&revocast.Claims{}, now) {
		t.Error("logged in nobody knows when")
	}
	w := httptest.NewRecorder()
	if (&service{}).samePerson(w, nil, &revocast.Claims{}, "") || w.Code != 401 ||
		!strings.Contains(w.Header().Get("WWW-Authenticate"), "insufficient_user_authentication") {
		t.Errorf("without a password: %d %v", w.Code, w.Header())
	}
	f := start(t)
	x := f.signIn("alice@example.com", "")
	end := func(pass string) answer {
		return f.do(http.MethodDelete, f.login+"/sessions/"+x.session, x.access, map[string]string{"password": pass})
	}
	f.want("a wrong password", end("wrong"), 401)
	f.confirmed("the right one", end(password))
}

// A new login in a browser ends the session whose cookies it replaces.
func TestLoginEndsTheSessionOfItsCookies(t *testing.T) {
	f := start(t)
	before, other := f.signIn("alice@example.com", "browser"), f.signIn("alice@example.com", "phone")
	in := map[string]any{"mail": "alice@example.com", "password": password}
	f.want("login", f.do(http.MethodPost, f.login+"/login", "", in, func(r *http.Request) {
		r.AddCookie(&http.Cookie{Name: accessCookie, Value: before.access})
	}), 200)
	f.want("refresh of the replaced one", f.post("/refresh", "", map[string]string{"refresh_token": before.refresh}),
		401)
	f.everywhere("another", other, 200)
}

// A session that was revoked elsewhere is not listed as if it were alive.
func TestListedAreThoseThatTheGuardAccepts(t *testing.T) {
	f := start(t)
	x, y := f.signIn("alice@example.com", "x"), f.signIn("alice@example.com", "y")
	f.confirmed("logout", f.post("/logout", y.access, nil))
	f.want("by a revoked bearer", f.do(http.MethodGet, f.login+"/sessions", y.access, nil), 401)
	list := f.want("list", f.do(http.MethodGet, f.login+"/sessions", x.access, nil), 200)
	if strings.Contains(list.text, y.session) || !strings.Contains(list.text, x.session) {
		t.Errorf("%s", list.text)
	}
}

// The scheme is Bearer, in any case, and never left out.
func TestBearerScheme(t *testing.T) {
	f := start(t)
	x := f.signIn("alice@example.com", "")
	for scheme, status := range map[string]int{"Bearer ": 200, "bearer ": 200, "BEARER ": 200, "": 401, "Basic ": 401} {
		as := func(r *http.Request) { r.Header.Set("Authorization", scheme+x.access) }
		f.want(scheme+"token", f.do(http.MethodGet, f.login+"/me", "", nil, as), status)
		as = func(r *http.Request) { r.Header.Set("Authorization", scheme+admin) }
		f.want(scheme+"admin", f.do(http.MethodDelete, f.login+"/admin/ban/nobody", "", nil, as), status)
	}
}

// Passwords are one however the keyboard spells them (RFC 8265).
func TestPasswordsAreNormalised(t *testing.T) {
	u, err := openUsers(filepath.Join(t.TempDir(), "users.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := u.setPassword(t.Context(), "u-1001", "", "pa\u00dfw\u00f6rter \u00e9t\u00e9"); err != nil {
		t.Fatal(err)
	}
	x, _ := u.byMail("alice@example.com")
	if err := u.verify(t.Context(), x.Hash, "pa\u00dfwo\u0308rter\u00a0e\u0301te\u0301"); err != nil {
		t.Errorf("composed otherwise: %v", err)
	}
	if err := u.verify(t.Context(), x.Hash, "PA\u00dfW\u00d6RTER \u00c9T\u00c9"); !errors.Is(err, errWrongPassword) {
		t.Errorf("in upper case: %v", err)
	}
	if err := checkNewPassword("with a \x00 in it"); err == nil {
		t.Error("a control character is accepted")
	}
	if err := checkNewPassword("e\u0301e\u0301e\u0301e\u0301"); err == nil {
		t.Error("four characters are eight")
	}
}

// So many passwords are looked at at once, so many wait, and the rest is told to come back.
func TestPasswordsWaitInABoundedQueue(t *testing.T) {
	h := newHashers(1)
	hold, done := make(chan struct{}), make(chan error)
	n := cap(h.waiting)
	for range n {
		go func() { done <- h.do(t.Context(), func() error { <-hold; return nil }) }()
	}
	for len(h.waiting) < n { // each takes its place without waiting
		runtime.Gosched()
	}
	if err := h.do(t.Context(), func() error { return nil }); !errors.Is(err, errBusy) {
		t.Errorf("one more: %v", err)
	}
	close(hold)
	for range n {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	w := httptest.NewRecorder()
	if (&service{}).unavailable(w, errBusy); w.Code != 503 || w.Header().Get("Retry-After") == "" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
}

// A ban is no end: the client keeps its token, and goes on after it.
func TestBannedRefresh(t *testing.T) {
	w := httptest.NewRecorder()
	if (&service{}).refuseRefresh(w, refresh.ErrBanned); w.Code != 403 || len(w.Header().Values("Set-Cookie")) > 0 {
		t.Errorf("%d %v", w.Code, w.Header())
	}
}
