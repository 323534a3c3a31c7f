package main

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// Each flow runs on a redis-server and on the embedded servers, through two workers.
func TestFlows(t *testing.T) {
	flows := map[string]func(*testing.T, *fleet){
		"1 sessions":  sessions,
		"2 bans":      bans,
		"3 refresh":   rotation,
		"3 theft":     theft,
		"5 reset":     passwordReset,
		"7 logout":    logouts,
		"7 password":  passwordChange,
		"7 strangers": strangers,
	}
	for _, server := range []struct {
		name  string
		start func(*testing.T) *fleet
	}{
		{"redis", onRealServers},
		{"embedded", func(t *testing.T) *fleet { return start(t) }},
	} {
		t.Run(server.name, func(t *testing.T) {
			for name, flow := range flows {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					flow(t, server.start(t))
				})
			}
		})
	}
}

func sessions(t *testing.T, f *fleet) {
	phone, laptop := f.signIn("alice@example.com", "phone"), f.signIn("Alice@Example.com ", "laptop")
	bob := f.signIn("bob@example.com", "tablet")
	f.everywhere("after the login", phone, 200)
	f.everywhere("after the login", laptop, 200)

	list := f.want("list", f.do(http.MethodGet, f.login+"/sessions", laptop.access, nil), 200)
	all, _ := list.body["sessions"].([]any)
	if len(all) != 2 {
		t.Fatalf("%s, want two sessions", list.text)
	}
	for i, want := range []struct {
		id, device string
		current    bool
	}{{laptop.session, "laptop", true}, {phone.session, "phone", false}} {
		got := all[i].(map[string]any)
		if got["id"] != want.id || got["device"] != want.device || got["current"] != want.current ||
			got["ip"] != "127.0.0.1" {
			t.Errorf("session %d is %v, want %+v", i, got, want)
		}
	}

	end := func(id, bearer string) answer { return f.do(http.MethodDelete, f.login+"/sessions/"+id, bearer, nil) }
	f.want("another's session", end(phone.session, bob.access), 404)
	f.want("no session", end("nothing", laptop.access), 404)
	f.everywhere("after another tried", phone, 200)
	f.confirmed("end", end(phone.session, laptop.access))
	f.everywhere("ended", phone, 401)
	f.everywhere("the one that ended it", laptop, 200)
	f.everywhere("bob", bob, 200)
	if a := f.post("/refresh", "", map[string]string{"refresh_token": phone.refresh}); a.status != 401 ||
		a.get("error") != "invalid_grant" {
		t.Errorf("refreshing an ended session: %d %s", a.status, a.text)
	}
}

func logouts(t *testing.T, f *fleet) {
	a, b, c := f.signIn("alice@example.com", "a"), f.signIn("alice@example.com", "b"), f.signIn("alice@example.com",
		"c")
	f.confirmed("logout", f.post("/logout", a.access, nil))
	f.everywhere("logged out", a, 401)
	f.everywhere("not logged out", b, 200)
	f.confirmed("logout again", f.post("/logout", a.access, nil))

	f.confirmed("logout others", f.post("/logout-others", b.access, nil))
	f.everywhere("another", c, 401)
	f.everywhere("the one that is kept", b, 200)
	kept := f.want("refresh of the one that is kept",
		f.post("/refresh", "", map[string]string{"refresh_token": b.refresh}), 200)
	f.everywhere("refreshed", tokensOf(kept), 200)

	d := f.signIn("alice@example.com", "d")
	f.everywhere("a login right after", d, 200)
	f.confirmed("logout by refresh token", f.post("/logout", "", map[string]string{"refresh_token": d.refresh}))
	f.everywhere("logged out by refresh token", d, 401)

	// The victim's only token is one that the thief has rotated, twice.
	g := f.signIn("alice@example.com", "g")
	thief := g
	for range 2 {
		thief = tokensOf(f.want(
			"the thief's refresh", f.post("/refresh", "", map[string]string{"refresh_token": thief.refresh}), 200,
		))
	}
	f.confirmed("logout by a rotated refresh token",
		f.post("/logout", "", map[string]string{"refresh_token": g.refresh}))
	f.everywhere("the thief after the logout", thief, 401)
	f.want("the thief's refresh after the logout",
		f.post("/refresh", "", map[string]string{"refresh_token": thief.refresh}), 401)
	f.confirmed("logout by what has ended", f.post("/logout", "", map[string]string{"refresh_token": thief.refresh}))
	f.want("logout by no token", f.post("/logout", "", map[string]string{"refresh_token": "x"}), 200)

	e := f.signIn("alice@example.com", "e")
	f.confirmed("logout all", f.post("/logout-all", e.access, nil))
	for _, x := range []tokens{b, tokensOf(kept), e} {
		f.everywhere("all logged out", x, 401)
	}
	f.everywhere("a login right after", f.signIn("alice@example.com", "f"), 200)
	f.want("logout of nobody", f.post("/logout", "", nil), 200)
}

func passwordChange(t *testing.T, f *fleet) {
	own, other := f.signIn("bob@example.com", "own"), f.signIn("bob@example.com", "other")
	const fresh = "a new one, and longer"
	change := func(old, fresh string) answer {
		return f.post("/password", own.access, map[string]string{"old": old, "new": fresh})
	}
	f.want("with a wrong password", change("wrong", fresh), 401)
	f.want("to a short one", change(password, "short"), 422)
	f.everywhere("nothing was changed", other, 200)
	f.confirmed("change", change(password, fresh))
	f.everywhere("the other session", other, 401)
	f.everywhere("the one that changed it", own, 200)
	f.want("the old password", f.post("/login", "", map[string]any{"mail": "bob@example.com", "password": password}),
		401)
	f.everywhere("a login with the new one", f.signInWith("bob@example.com", "", fresh), 200)
	f.want("refresh of the other", f.post("/refresh", "", map[string]string{"refresh_token": other.refresh}), 401)
}

func passwordReset(t *testing.T, f *fleet) {
	thief := f.signIn("alice@example.com", "thief")
	ask := func(mail string) answer {
		return f.post("/password-reset/request", "", map[string]string{"mail": mail})
	}
	const fresh = "the thief does not know this"
	confirm := func(mail, code, password string) answer {
		return f.post("/password-reset/confirm", "",
			map[string]string{"mail": mail, "code": code, "password": password})
	}
	known, unknown := f.want("request", ask("alice@example.com"), 202), f.want("request", ask("nobody@example.com"),
		202)
	if known.text != unknown.text {
		t.Errorf("%s for an account, %s for none", known.text, unknown.text)
	}
	if again, never := ask("alice@example.com"), ask("nobody@example.com"); again.status != 429 ||
		never.status != 429 ||
		again.header.Get("Retry-After") == "" || never.header.Get("Retry-After") == "" {
		t.Errorf("again too early: %d for an account, %d for none", again.status, never.status)
	}
	code, wrong := f.code("alice@example.com"), "22222222"
	bad, none := f.want("a wrong code", confirm("alice@example.com", wrong, fresh),
		400), f.want("nobody's", confirm("nobody@example.com", wrong, fresh), 400)
	if bad.text != none.text {
		t.Errorf("a wrong code says %s, and for no account %s", bad.text, none.text)
	}
	f.want("a short password", confirm("alice@example.com", code, "short"), 422)
	f.everywhere("nothing was changed", thief, 200)
	f.confirmed("confirm", confirm("Alice@example.com", code, fresh))
	f.everywhere("the thief", thief, 401)
	f.want("the thief refreshes", f.post("/refresh", "", map[string]string{"refresh_token": thief.refresh}), 401)
	f.want("the code again", confirm("alice@example.com", code, "something else entirely"), 400)
	f.want("the old password", f.post("/login", "", map[string]any{"mail": "alice@example.com", "password": password}),
		401)
	f.everywhere("a login with the new one", f.signInWith("alice@example.com", "", fresh), 200)
	if mails := f.mails(); strings.Contains(mails, "nobody@") {
		t.Errorf("mails: %s", mails)
	}
}

func bans(t *testing.T, f *fleet) {
	before := f.signIn("alice@example.com", "phone")
	url := f.login + "/admin/ban/" + before.principal
	until := map[string]any{"until": time.Now().Add(time.Hour), "reason": "abuse"}
	f.want("without the admin token", f.do(http.MethodPost, url, "wrong", until), 401)
	f.want("a ban without end", f.do(http.MethodPost, url, admin, map[string]any{}), 400)
	later := map[string]any{"from": time.Now().Add(time.Minute), "until": time.Now().Add(time.Hour)}
	f.want("a ban that begins later would leave the sessions alone", f.do(http.MethodPost, url, admin, later), 400)
	for _, nobody := range []string{
		"u-9999", "alice@example.com", before.principal + "%20", strings.ToUpper(before.principal),
	} {
		f.want("a ban of nobody's account", f.do(http.MethodPost, f.login+"/admin/ban/"+nobody, admin, until), 404)
	}
	f.everywhere("not banned", before, 200)
	f.confirmed("ban", f.do(http.MethodPost, url, admin, until))
	f.everywhere("banned", before, 401)
	in := map[string]any{"mail": "alice@example.com", "password": password, "tokens": true}
	f.want("login while banned", f.post("/login", "", in), 403)
	in["password"] = "wrong"
	f.want("who does not know the password is not told", f.post("/login", "", in), 401)
	f.want("refresh while banned", f.post("/refresh", "", map[string]string{"refresh_token": before.refresh}), 401)
	f.confirmed("unban", f.do(http.MethodDelete, url, admin, nil))
	f.everywhere("ended by the ban, for good", before, 401)
	f.everywhere("a login after the ban", f.signIn("alice@example.com", ""), 200)
}

func strangers(t *testing.T, f *fleet) {
	for what, bearer := range map[string]string{
		"nothing": "", "no token": "x", "unsigned": "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ1LTEwMDEifQ.",
	} {
		f.everywhere(what, tokens{access: bearer}, 401)
	}
	in := map[string]any{"mail": "alice@example.com", "password": password}
	f.want("a form", f.do(http.MethodPost, f.login+"/login", "", in, func(r *http.Request) {
		r.Header.Set("Content-Type", "text/plain")
	}), 415)
	f.want("another site", f.do(http.MethodPost, f.login+"/login", "", in, func(r *http.Request) {
		r.Header.Set("Sec-Fetch-Site", "cross-site")
	}), 403)
	f.want("more than is asked for", f.post("/login", "", map[string]any{"mail": "a", "password": "b", "admin": true}),
		400)
	f.want("a long body", f.post("/login", "", map[string]any{"mail": strings.Repeat("a", maxBody)}), 400)
	f.want("no mail", f.post("/login", "", map[string]any{"password": password}), 400)
	known := f.want("a wrong password",
		f.post("/login", "", map[string]any{"mail": "alice@example.com", "password": "wrong"}), 401)
	unknown := f.want("nobody", f.post("/login", "", map[string]any{"mail": "nobody@example.com", "password": "wrong"}),
		401)
	if known.text != unknown.text {
		t.Errorf("%s for an account, %s for none", known.text, unknown.text)
	}
}
