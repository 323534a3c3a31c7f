package token

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/revocast/revocast"
)

func newIssuer(t *testing.T, o IssuerOptions) *Issuer {
	t.Helper()
	if o.Now == nil {
		o.Now = atNoon
	}
	issuer, err := NewIssuer("https://issuer.test", must(NewSigningKey()), o)
	if err != nil {
		t.Fatal(err)
	}
	return issuer
}

// jwksVerifier knows the issuer by its published keys alone.
func jwksVerifier(t *testing.T, i *Issuer, o Options) *Verifier {
	t.Helper()
	set, err := ParseJWKS(must(i.JWKS()))
	if err != nil || len(set.LeftOut()) > 0 {
		t.Fatal(err, set)
	}
	return must(New(static{set}, lax(o)))
}

func TestIssuedTokensVerify(t *testing.T) {
	issuer := newIssuer(t, IssuerOptions{Audiences: []string{"orders", "billing"}, TTL: time.Minute})
	all := []revocast.Scope{
		revocast.ScopeToken, revocast.ScopeSession, revocast.ScopePrincipal, revocast.ScopeClient,
		revocast.ScopeTenant, revocast.ScopeKey, revocast.ScopeAll,
	}
	v := jwksVerifier(t, issuer, Options{
		Issuers: []string{"https://issuer.test"}, Audiences: []string{"billing"}, Algorithms: []string{"ES256"},
		Type: "at+jwt", MaxLifetime: time.Minute, Scopes: all,
	})
	issued, err := issuer.Issue(Grant{Principal: "alice", Client: "web", Tenant: "acme"})
	if err != nil {
		t.Fatal(err)
	}
	got := accepted(t, v, issued.Token)
	got.Extra, got.AcceptUntil, got.Signer = nil, time.Time{}, revocast.Signer{}
	if !reflect.DeepEqual(*got, issued.Claims) {
		t.Errorf("got  %+v\nwant %+v", *got, issued.Claims)
	}
	if got.Issued() != noon.UnixMilli() || !got.Expires.Equal(noon.Add(time.Minute).Truncate(time.Second)) {
		t.Errorf("issued %d, expires %s", got.Issued(), got.Expires)
	}

	single := newIssuer(t, IssuerOptions{Audiences: []string{"orders"}, Type: "x+jwt"})
	v = jwksVerifier(t, single, Options{Audiences: []string{"orders"}, Type: "x+jwt"})
	bare := accepted(t, v, must(single.Issue(Grant{Principal: "bob", Session: "s9"})).Token)
	if bare.Session != "s9" || bare.Client != "" || bare.Tenant != "" || bare.Extra["aud"] != "orders" {
		t.Errorf("%+v", bare)
	}
	if got := bare.Expires.Sub(bare.IssuedAt); got > 15*time.Minute || got < 14*time.Minute {
		t.Errorf("default lifetime %s", got)
	}
}

func TestIssuedIDsAreRandom(t *testing.T) {
	issuer := newIssuer(t, IssuerOptions{})
	seen := make(map[string]bool)
	for range 100 {
		c := must(issuer.Issue(Grant{Principal: "alice"})).Claims
		for _, id := range []string{c.Session, c.TokenID} {
			if seen[id] || len(id) < 26 { // 26 characters of 5 bits
				t.Fatalf("id %q", id)
			}
			seen[id] = true
		}
	}
}

// Cut off, told NotBefore, logged in again in the same millisecond: the new token
// lives, the old one does not.
func TestLoginAgainAtOnce(t *testing.T) {
	issuer := newIssuer(t, IssuerOptions{})
	v := jwksVerifier(t, issuer, Options{})
	old := accepted(t, v, must(issuer.Issue(Grant{Principal: "alice"})).Token)
	cutOff := noon.UnixMilli()
	notBefore := time.UnixMilli(cutOff + 1)
	state := revocast.State{CutOff: cutOff, Floor: cutOff}
	fresh := accepted(t, v, must(issuer.Issue(Grant{Principal: "alice", NotBefore: notBefore})).Token)
	if !state.Against(old.Issued(), revocast.Key{}, 0).Covered ||
		state.Against(fresh.Issued(), revocast.Key{}, 0).Covered {
		t.Errorf("cut-off %d: old %d, new %d", cutOff, old.Issued(), fresh.Issued())
	}
	// A NotBefore between two milliseconds is rounded up.
	up := must(issuer.Issue(Grant{Principal: "alice", NotBefore: notBefore.Add(time.Microsecond)})).Claims
	if got := up.Issued(); got != cutOff+2 {
		t.Errorf("issued %d, want %d", got, cutOff+2)
	}
	// One in the past changes nothing.
	past := must(issuer.Issue(Grant{Principal: "alice", NotBefore: noon.Add(-time.Hour)})).Claims
	if got := past.Issued(); got != cutOff {
		t.Errorf("issued %d, want now", got)
	}
}

// A refreshed token is as old as its session.
func TestRefreshKeepsAuthTime(t *testing.T) {
	issuer := newIssuer(t, IssuerOptions{})
	started := noon.Add(-time.Hour)
	issued := must(issuer.Issue(Grant{Principal: "alice", Session: "s1", AuthTime: started}))
	got := accepted(t, jwksVerifier(t, issuer, Options{}), issued.Token)
	if got.Issued() != started.UnixMilli() || !got.IssuedAt.Equal(noon) {
		t.Errorf("issued %d, iat %s", got.Issued(), got.IssuedAt)
	}
}

func TestIssuerRefuses(t *testing.T) {
	key := must(NewSigningKey())
	issuer := newIssuer(t, IssuerOptions{})
	_, noName := NewIssuer("", key, IssuerOptions{})
	_, noKey := NewIssuer("x", nil, IssuerOptions{})
	_, shortTTL := NewIssuer("x", key, IssuerOptions{TTL: time.Millisecond})
	_, nobody := issuer.Issue(Grant{})
	_, far := issuer.Issue(Grant{Principal: "a", NotBefore: noon.Add(time.Hour)})
	_, dead := issuer.Issue(Grant{Principal: "a", AuthTime: noon.Add(-time.Hour), NotBefore: noon})
	_, future := issuer.Issue(Grant{Principal: "a", AuthTime: noon.Add(time.Hour)})
	for name, err := range map[string]error{
		"no name": noName, "no key": noKey, "short TTL": shortTTL, "nobody": nobody, "far NotBefore": far,
		"session before NotBefore": dead, "session in the future": future,
	} {
		if !errors.Is(err, revocast.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSigningKeyFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "issuer.pem")
	if _, err := LoadSigningKey(path); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("missing file: %v", err)
	}
	// Several processes start together, and all end up with one key.
	kids := make([]string, 8)
	var all sync.WaitGroup
	for i := range kids {
		all.Go(func() { kids[i] = thumbprint(&must(LoadOrCreateSigningKey(path)).PublicKey) })
	}
	all.Wait()
	for _, kid := range kids {
		if kid != kids[0] {
			t.Errorf("different keys: %v", kids)
		}
	}
	if got := thumbprint(&must(LoadOrCreateSigningKey(path)).PublicKey); got != kids[0] {
		t.Error("another key after a restart")
	}
	info := must(os.Stat(path))
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode %s", info.Mode())
	}
	if err := SaveSigningKey(path, must(NewSigningKey())); !errors.Is(err, fs.ErrExist) {
		t.Errorf("overwrote a key: %v", err)
	}
	if left := must(os.ReadDir(dir)); len(left) != 1 {
		t.Errorf("left over: %v", left)
	}
	write(t, path, []byte("broken"))
	if _, err := LoadOrCreateSigningKey(path); !errors.Is(err, revocast.ErrInvalid) {
		t.Errorf("broken file: %v", err)
	}
	if _, err := LoadOrCreateSigningKey(filepath.Join(dir, "no", "such", "folder")); err == nil ||
		strings.Contains(err.Error(), "invalid request") {
		t.Errorf("no folder: %v", err)
	}
}

func TestMillisAreExact(t *testing.T) {
	for ms, want := range map[int64]string{
		1_700_000_000_007: "1700000000.007", 1_700_000_000_000: "1700000000.000", 999: "0.999",
	} {
		if got := string(millis(time.UnixMilli(ms))); got != want {
			t.Errorf("%d: %s, want %s", ms, got, want)
		}
	}
}
