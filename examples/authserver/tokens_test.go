package main

import (
	"context"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/revocast/revocast/token"
)

func rotation(t *testing.T, f *fleet) {
	x := f.signIn("alice@example.com", "")
	next := f.want("refresh", f.post("/refresh", "", map[string]string{"refresh_token": x.refresh}), 200)
	y := tokensOf(next)
	if y.session != x.session || y.refresh == x.refresh || y.access == x.access {
		t.Errorf("refreshed %+v into %+v", x, y)
	}
	f.everywhere("refreshed", y, 200)
	if again := tokensOf(
		f.want("a second tab", f.post("/refresh", "", map[string]string{"refresh_token": x.refresh}), 200),
	); again.refresh != y.refresh {
		t.Error("two successors of one token")
	}

	// 100 clients with one token.
	var wg sync.WaitGroup
	successors := make([]string, 100)
	for i := range successors {
		wg.Go(func() {
			successors[i] = tokensOf(f.post("/refresh", "", map[string]string{"refresh_token": y.refresh})).refresh
		})
	}
	wg.Wait()
	for _, s := range successors {
		if s == "" || s != successors[0] {
			t.Fatalf("100 clients got %q", successors)
		}
	}

	first, err := decodeAccess(f, x.access)
	if err != nil {
		t.Fatal(err)
	}
	last, err := decodeAccess(f, y.access)
	if err != nil {
		t.Fatal(err)
	}
	if !first.Equal(last) || time.Since(first) > time.Minute {
		t.Errorf("auth_time %s became %s", first, last)
	}
}

// TestTokensOfOthers: the same issuer's tokens for another service, or of another kind, are refused.
func TestTokensOfOthers(t *testing.T) {
	data := t.TempDir()
	own, verifier, err := newIssuer(data)
	if err != nil {
		t.Fatal(err)
	}
	key, err := token.LoadSigningKey(filepath.Join(data, "issuer.pem"))
	if err != nil {
		t.Fatal(err)
	}
	accepted := func(i *token.Issuer) bool {
		issued, err := i.Issue(token.Grant{Principal: "p"})
		if err != nil {
			t.Fatal(err)
		}
		_, err = verifier.Verify(t.Context(), issued.Token)
		return err == nil
	}
	if !accepted(own) {
		t.Error("its own token is refused")
	}
	for name, o := range map[string]token.IssuerOptions{
		"another service": {Audiences: []string{"orders"}}, "nobody": {}, "another kind": {
			Audiences: []string{audience}, Type: "JWT",
		},
	} {
		other, err := token.NewIssuer(issuerName, key, o)
		if err != nil {
			t.Fatal(err)
		}
		if accepted(other) {
			t.Errorf("a token for %s is accepted", name)
		}
	}
}

// decodeAccess reads the auth_time of an access token, with the service's own keys.
func decodeAccess(f *fleet, bearer string) (time.Time, error) {
	set := f.do(http.MethodGet, f.login+"/.well-known/jwks.json", "", nil)
	keys, err := token.ParseJWKS([]byte(set.text))
	if err != nil {
		return time.Time{}, err
	}
	v, err := token.New(onlyKeys{keys}, token.Options{Issuers: []string{issuerName}, Audiences: []string{audience}})
	if err != nil {
		return time.Time{}, err
	}
	c, err := v.Verify(f.t.Context(), bearer)
	if err != nil {
		return time.Time{}, err
	}
	if c.Session == "" || c.TokenID == "" || c.Principal == "" {
		f.t.Errorf("%+v: want sub, sid and jti", c)
	}
	return c.AuthTime, nil
}

func theft(t *testing.T, f *fleet) {
	victim, other := f.signIn("alice@example.com", "phone"), f.signIn("alice@example.com", "laptop")
	refresh := func(token string) answer {
		return f.post("/refresh", "", map[string]string{"refresh_token": token})
	}
	second := tokensOf(f.want("refresh", refresh(victim.refresh), 200))
	third := tokensOf(f.want("refresh", refresh(second.refresh), 200))
	a := f.want("a token from long ago", refresh(victim.refresh), 401)
	if a.get("error") != "invalid_grant" {
		t.Errorf("%s", a.text)
	}
	for _, x := range []tokens{victim, second, third} {
		f.everywhere("of the stolen login", x, 401)
		f.want("refresh of the stolen login", refresh(x.refresh), 401)
	}
	f.everywhere("the user's other login", other, 200)
	f.mailed("used from two places")
	if n := strings.Count(f.mails(), "used from two places"); n != 1 {
		t.Errorf("%d warnings, want one: %s", n, f.mails())
	}
	f.want("no token at all", refresh("x"), 401)
}

func TestCookies(t *testing.T) {
	f := start(t)
	a := f.want("login", f.post("/login", "", map[string]any{"mail": "alice@example.com", "password": password}), 200)
	if a.get("access_token") != "" || a.get("refresh_token") != "" {
		t.Errorf("a browser's scripts get to see %s", a.text)
	}
	jar := map[string]*http.Cookie{}
	for _, line := range a.header.Values("Set-Cookie") {
		c, err := http.ParseSetCookie(line)
		if err != nil {
			t.Fatal(err)
		}
		if !c.HttpOnly || !c.Secure || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" ||
			c.Expires.Before(time.Now()) {
			t.Errorf("cookie %s", line)
		}
		jar[c.Name] = c
	}
	with := func(names ...string) func(*http.Request) {
		return func(r *http.Request) {
			for _, n := range names {
				r.AddCookie(&http.Cookie{Name: n, Value: jar[n].Value})
			}
		}
	}
	for _, url := range f.workers {
		f.want("with the cookie", f.do(http.MethodGet, url+"/me", "", nil, with(accessCookie)), 200)
	}
	fresh := f.want("refresh", f.do(http.MethodPost, f.login+"/refresh", "", nil, with(refreshCookie)), 200)
	if len(fresh.header.Values("Set-Cookie")) != 2 || fresh.get("access_token") != "" {
		t.Errorf("%s with %v", fresh.text, fresh.header)
	}
	out := f.want("logout", f.do(http.MethodPost, f.login+"/logout", "", nil, with(accessCookie, refreshCookie)), 200)
	cleared := 0
	for _, line := range out.header.Values("Set-Cookie") {
		if c, err := http.ParseSetCookie(line); err == nil && c.MaxAge < 0 {
			cleared++
		}
	}
	if cleared != 2 {
		t.Errorf("after the logout: %v", out.header.Values("Set-Cookie"))
	}
	for _, url := range f.workers {
		f.want("after the logout", f.do(http.MethodGet, url+"/me", "", nil, with(accessCookie)), 401)
	}
}

// 4: the limiter.
func TestGuessing(t *testing.T) {
	f := start(t, func(f *Flags) { f.ClientIP = "X-Real-Ip" })
	from := func(addr string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set("X-Real-Ip", addr) }
	}
	try := func(addr, mail, password string) answer {
		return f.do(http.MethodPost, f.login+"/login", "",
			map[string]any{"mail": mail, "password": password, "tokens": true}, from(addr))
	}
	f.want("without an address", try("", "alice@example.com", password), 400)
	f.want("the owner, at home", try("192.0.2.1", "alice@example.com", password), 200)
	var last answer
	for i := range 20 {
		if last = try("198.51.100.7", "alice@example.com", "guess "+strconv.Itoa(i)); last.status == 429 {
			break
		}
		f.want("a wrong guess", last, 401)
	}
	if wait, err := strconv.Atoi(last.header.Get("Retry-After")); last.status != 429 || err != nil || wait < 1 {
		t.Fatalf("20 guesses, and then %d %v", last.status, last.header)
	}
	f.want("the right one comes too late", try("198.51.100.7", "alice@example.com", password), 429)
	f.want("the owner, at home", try("192.0.2.1", "alice@example.com", password), 200)
	f.want("somebody else at the attacker's address", try("198.51.100.7", "bob@example.com", password), 200)

	// The code of a reset: guesses at it from elsewhere are stopped, and not its owner.
	reset := func(addr, path string, body map[string]string) answer {
		return f.do(http.MethodPost, f.login+"/password-reset/"+path, "", body, from(addr))
	}
	mail := map[string]string{"mail": "alice@example.com"}
	confirm := func(addr, code string) answer {
		return reset(addr, "confirm",
			map[string]string{"mail": "alice@example.com", "code": code, "password": "another password"})
	}
	f.want("without an address", reset("", "request", mail), 400)
	f.want("without an address", confirm("", "22222222"), 400)
	f.want("request", reset("192.0.2.1", "request", mail), 202)
	for i := range 20 {
		if last = confirm("198.51.100.7", "22222222"); last.status == 429 {
			break
		}
		f.want("a wrong code, guess "+strconv.Itoa(i), last, 400)
	}
	if last.status != 429 || last.header.Get("Retry-After") == "" {
		t.Fatalf("20 guesses at a code, and then %d %v", last.status, last.header)
	}
	f.want("a wrong code, from another address", confirm("198.51.100.8", "22222222"), 400)
	f.confirmed("the owner, with the code", confirm("192.0.2.1", f.code("alice@example.com")))
}

// What is decided stays decided even if nobody can confirm it.
func TestRestart(t *testing.T) {
	data := t.TempDir()
	f := start(t, func(f *Flags) { f.Data = data })
	x, y := f.signIn("alice@example.com", ""), f.signIn("bob@example.com", "")
	f.confirmed("logout", f.post("/logout", x.access, nil))
	f.stop()
	f = start(t, func(f *Flags) { f.Data = data })
	f.everywhere("logged out before the restart", x, 401)
	f.everywhere("not logged out", y, 200)
	f.confirmed("a new password, though its session is gone",
		f.post("/password", y.access, map[string]string{"old": password, "new": "bob's new one"}))
	f.want("its session is gone with the embedded Redis",
		f.post("/refresh", "", map[string]string{"refresh_token": y.refresh}), 401)
	changedTwice(t, f, "bob@example.com", "bob's new one")
}

// changedTwice changes a password from two sessions at once: one of them has, and the other
// is told so, whether it was before or after its look at the old one.
func changedTwice(t *testing.T, f *fleet, mail, old string) {
	sessions := []tokens{f.signInWith(mail, "", old), f.signInWith(mail, "", old)}
	status := make([]int, len(sessions))
	var wg sync.WaitGroup
	for n, x := range sessions {
		wg.Go(func() {
			status[n] = f.post("/password", x.access,
				map[string]string{"old": old, "new": "chosen by " + strconv.Itoa(n)}).status
		})
	}
	wg.Wait()
	won := slices.Index(status, 200)
	if other := status[max(0, 1-won)]; won < 0 || other != 401 && other != 409 {
		t.Fatalf("two changes at once: %v", status)
	}
	f.signInWith(mail, "", "chosen by "+strconv.Itoa(won))
}

type onlyKeys struct{ set *token.KeySet }

func (k onlyKeys) Keys() (*token.KeySet, error)                                { return k.set, nil }
func (k onlyKeys) Renew(context.Context, *token.KeySet) (*token.KeySet, error) { return k.set, nil }
func (k onlyKeys) Symmetric() bool                                             { return false }
