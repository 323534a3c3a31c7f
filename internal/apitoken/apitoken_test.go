package apitoken_test

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"errors"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/apitoken"
	"github.com/revocast/revocast/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

func hashOf(token string) string {
	sum := sha256.Sum256([]byte(token))
	return "sha256:" + hex.EncodeToString(sum[:])
}

func TestParse(t *testing.T) {
	text := "\ufeff# operators\n\n  ci:first-token-of-ci \r\nsecond-token-of-all\n#off:third-token-is-off\n" +
		"ops: fourth:token:of:ops\nreader  " + hashOf("fifth") + " read\n"
	set, err := apitoken.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	for token, want := range map[string]string{
		"first-token-of-ci": "ci: operate", "second-token-of-all": ": operate", "fourth:token:of:ops": "ops: operate",
		"fifth": "reader: read",
	} {
		if got, ok := set.Match(token); !ok || got.Name+": "+got.Grant.String() != want {
			t.Errorf("%s: %+v %v", token, got, ok)
		}
	}
	for _, token := range []string{
		"", "third-token-is-off", "ci", "ci:first-token-of-ci", "first-token-of-ci ", hashOf("fifth"),
		hashOf("fifth")[7:],
	} {
		if _, ok := set.Match(token); ok {
			t.Errorf("%q is accepted", token)
		}
	}
	var none *apitoken.Set
	if _, ok := none.Match("x"); ok {
		t.Error("a nil Set accepts")
	}
}

// TestLargeFile: no more than a mebibyte is read.
func TestLargeFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tokens")
	const line = "a-token-of-16-bytes\n"
	comment := "#" + strings.Repeat(strings.Repeat("x", 99)+"\n#", 10_300)
	rest := 1<<20 - len(comment) - 1 - len(line)
	whole := line + comment + strings.Repeat("y", rest) + "\n"
	write(t, path, whole, 0o600)
	if _, err := apitoken.Open(path, nil); err != nil || len(whole) != 1<<20 {
		t.Errorf("%d bytes: %v", len(whole), err)
	}
	write(t, path, whole+"\n", 0o600)
	if _, err := apitoken.Open(path, nil); err == nil || !strings.Contains(err.Error(), "more than") {
		t.Errorf("one byte more: %v", err)
	}
	if _, err := apitoken.Open(filepath.Dir(path), nil); err == nil {
		t.Error("a folder is read")
	}
}

// TestIDs tell tokens apart, also those without a name.
func TestIDs(t *testing.T) {
	set, err := apitoken.Parse([]byte("first-token-without-name\nsecond-token-without-name\nci:third-token-of-ci\n"))
	if err != nil {
		t.Fatal(err)
	}
	ids := map[string]bool{}
	for _, bearer := range []string{"first-token-without-name", "second-token-without-name", "third-token-of-ci"} {
		found, _ := set.Match(bearer)
		ids[found.ID()] = true
	}
	if len(ids) != 3 || !ids["name ci"] {
		t.Errorf("%v", ids)
	}
}

// TestGrantAsText is what a line of the file says.
func TestGrantAsText(t *testing.T) {
	const text = "read own issuer=https://i tenant=t scope=session scope=principal until=2030-01-02T03:04:05Z"
	g, err := apitoken.ParseGrant(strings.Fields(text))
	if err != nil || g.String() != text {
		t.Errorf("%q, %v", g.String(), err)
	}
	long := strings.Repeat("z", 32)
	for name, shown := range map[string]string{long: long, long + "z": long + "…"} {
		_, err := apitoken.Parse([]byte(name + " sha256:00 read\n"))
		if err == nil || !strings.Contains(err.Error(), `"`+shown+`"`) {
			t.Errorf("%v, want %s", err, shown)
		}
	}
}

// TestCertificates: a line lets in those that have its name, and no token.
func TestCertificates(t *testing.T) {
	lines := "web cert:web.example own\nops cert:ops operate\nci cert:spiffe://example/ci read\n" +
		"x " + hashOf("x") + " read\n"
	set, err := apitoken.Parse([]byte(lines))
	if err != nil {
		t.Fatal(err)
	}
	web := &x509.Certificate{DNSNames: []string{"web.example"}, Subject: pkix.Name{CommonName: "other"}}
	got, listed := set.MatchCertificate(web)
	if !listed || got == nil || got.Name != "web" || got.Rights != apitoken.Own {
		t.Errorf("%+v, %v", got, listed)
	}
	uri := &x509.Certificate{URIs: []*url.URL{{Scheme: "spiffe", Host: "example", Path: "/ci"}}}
	if got, _ := set.MatchCertificate(uri); got == nil || got.Name != "ci" {
		t.Errorf("%+v", got)
	}
	for _, c := range []*x509.Certificate{
		{},
		{DNSNames: []string{"ops.example"}},
		{Subject: pkix.Name{OrganizationalUnit: []string{"ops"}}},
		{EmailAddresses: []string{"ops"}},
	} {
		if got, listed := set.MatchCertificate(c); got != nil || !listed {
			t.Errorf("%+v: %+v, %v", c, got, listed)
		}
	}
	for _, bearer := range []string{"web.example", "cert:web.example", "cert: web.example"} {
		if _, ok := set.Match(bearer); ok {
			t.Errorf("%q is a token", bearer)
		}
	}
	var none *apitoken.Set
	if _, listed := none.MatchCertificate(web); listed {
		t.Error("a nil Set lists certificates")
	}
	if tokens, err := apitoken.One("a-secret-of-tests"); err != nil {
		t.Error(err)
	} else if _, listed := tokens.MatchCertificate(web); listed {
		t.Error("a Set of tokens lists certificates")
	}
}

func TestBadFiles(t *testing.T) {
	h := hashOf("x")
	for name, text := range map[string]string{
		"empty": "", "comments": "# a\n", "name alone": "ci:\n", "space inside": "a-secret b-secret-long-enough\n",
		"no ASCII": "ключключключключ\n", "name twice": "ci:a-secret-long-enough\nci:b-secret-long-enough\n",
		"token twice": "a:a-secret-long-enough\nb:a-secret-long-enough\n", "endless": strings.Repeat("x", 1<<17),
		"too short": "ci:secret-of-15-by\x00"[:18] + "\n", "short alone": "secret\n",
		"no right": "ci " + h + "\n", "unknown right": "ci " + h + " revoke everything\n",
		"short hash": "ci sha256:00 read\n",
		"not hex":    "ci " + strings.Replace(h, h[10:11], "g", 1) + " read\n",
		"same hash":  "a " + h + " read\nb " + h + " own\n",
		"same name":  "a " + h + " read\na " + hashOf("y") + " own\n", "bad end": "a " + h + " read until=tomorrow\n",
		"two ends":     "a " + h + " read until=2030-01-01T00:00:00Z until=2031-01-01T00:00:00Z\n",
		"empty issuer": "a " + h + " read issuer=\n", "unknown restriction": "a " + h + " read realm=x\n",
		"no certificate": "a cert: read\n", "certificate without rights": "a cert:x\n",
		"certificate twice": "a cert:x read\nb cert:x own\n",
		"unknown scope":     "a " + h + " read scope=world\n", "restriction alone": "a " + h + " issuer=i\n",
	} {
		_, err := apitoken.Parse([]byte(text))
		if !errors.Is(err, revocast.ErrInvalid) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := apitoken.Parse([]byte("short:sixteen-bytes-lo\n")); err != nil {
		t.Errorf("16 bytes: %v", err)
	}
	_, err := apitoken.Parse([]byte("fifteen-bytes-l"))
	if err == nil || !strings.Contains(err.Error(), "publisher token NAME") {
		t.Errorf("15 bytes: %v", err)
	}
}

// TestMissing: what is not allowed is refused.
func TestMissing(t *testing.T) {
	const i = "https://id.example"
	own := func(s revocast.Scope, issuer, tenant string) apitoken.Need {
		return apitoken.Need{Right: apitoken.RightTo(s), Scope: s, Issuer: issuer, Tenant: tenant}
	}
	read, whole := apitoken.Need{Right: apitoken.Read}, apitoken.Need{Right: apitoken.Read, Whole: true}
	for _, c := range []struct {
		words string
		need  apitoken.Need
		lacks string // empty: allowed
	}{
		{"read", read, ""},
		{"read", whole, ""},
		{"read", own(revocast.ScopeToken, "", ""), "`own`"},
		{"own", read, "`read`"},
		{"own", own(revocast.ScopeToken, "", ""), ""},
		{"own", own(revocast.ScopeSession, "", ""), ""},
		{"own", own(revocast.ScopePrincipal, "", ""), "`revoke`"},
		{"revoke", own(revocast.ScopeSession, "", ""), ""},
		{"revoke", own(revocast.ScopePrincipal, "", ""), ""},
		{"revoke", own(revocast.ScopeClient, "", ""), "`operate`"},
		{"revoke", own(revocast.ScopeTenant, "", ""), "`operate`"},
		{"revoke read", own(revocast.ScopeKey, "", ""), "`operate`"},
		{"revoke read", own(revocast.ScopeAll, "", ""), "`operate`"},
		{"revoke", read, "`read`"},
		{"operate", read, ""},
		{"operate", own(revocast.ScopeAll, "", ""), ""},
		{"revoke issuer=" + i, own(revocast.ScopePrincipal, i, ""), ""},
		{"revoke issuer=" + i, own(revocast.ScopePrincipal, i+"/", ""), "issuer"},
		{"operate issuer=" + i, own(revocast.ScopeAll, "", ""), "to name the issuer"},
		{"read issuer=" + i, read, ""},
		{"read issuer=" + i, whole, "without restrictions"},
		{"revoke issuer=a issuer=" + i, own(revocast.ScopeSession, i, ""), ""},
		{"operate tenant=acme", own(revocast.ScopeTenant, "", "acme"), ""},
		{"operate tenant=acme", own(revocast.ScopeTenant, "", "other"), "tenant other"},
		{"operate tenant=acme", own(revocast.ScopePrincipal, "", ""), "to name the tenant"},
		{"operate scope=session,principal", own(revocast.ScopePrincipal, "", ""), ""},
		{"operate scope=session,principal", own(revocast.ScopeToken, "", ""), "scope=token"},
		{"operate scope=session", whole, "without restrictions"},
	} {
		g, err := apitoken.ParseGrant(strings.Fields(c.words))
		if err != nil {
			t.Fatal(err)
		}
		got := g.Missing(c.need)
		if (got == "") != (c.lacks == "") || !strings.Contains(got, c.lacks) {
			t.Errorf("%s, %+v: lacks %q, want %q", c.words, c.need, got, c.lacks)
		}
		again, err := apitoken.ParseGrant(strings.Fields(g.String()))
		if err != nil || again.String() != g.String() {
			t.Errorf("%s is written %s, %v", c.words, g.String(), err)
		}
		if (&apitoken.Grant{}).Missing(c.need) == "" {
			t.Errorf("a token without rights may do %+v", c.need)
		}
	}
}

func TestMake(t *testing.T) {
	end := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	g := apitoken.Grant{Rights: apitoken.Revoke | apitoken.Read, Issuers: []string{"https://id.example"}, Until: end}
	token, line, err := apitoken.Make("ci", g)
	if err != nil || len(token) < 40 || strings.Contains(line, token) {
		t.Fatalf("%s, %v", line, err)
	}
	want := "ci " + hashOf(token) + " read revoke issuer=https://id.example until=2030-01-02T03:04:05Z"
	if line != want {
		t.Errorf("%s, want %s", line, want)
	}
	set, err := apitoken.Parse([]byte(line))
	if err != nil {
		t.Fatal(err)
	}
	got, ok := set.Match(token)
	if !ok || got.Ended(end.Add(-1)) || !got.Ended(end) {
		t.Errorf("%+v %v", got, ok)
	}
	if second, _, _ := apitoken.Make("ci", g); second == token {
		t.Error("the same token again")
	}
	for _, name := range []string{"", "a b", "a:b", "#a", strings.Repeat("x", 65), "ключ"} {
		if _, _, err := apitoken.Make(name, g); !errors.Is(err, revocast.ErrInvalid) {
			t.Errorf("name %q: %v", name, err)
		}
	}
	for _, bad := range []apitoken.Grant{{}, {Rights: apitoken.Read, Issuers: []string{"a b"}}} {
		if _, _, err := apitoken.Make("ci", bad); !errors.Is(err, revocast.ErrInvalid) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}

// write replaces a file as an editor does, with a mode.
func write(t *testing.T, path, text string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path+".new", mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

// TestModes: a file with tokens is for its owner and group; one with hashes may be read.
func TestModes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tokens")
	plain, hashes := "ci:a-token-of-16-bytes\n", "ci "+hashOf("x")+" read\n"
	for _, c := range []struct {
		text string
		mode os.FileMode
		good bool
	}{
		{plain, 0o600, true},
		{plain, 0o640, true},
		{plain, 0o644, false},
		{plain, 0o601, false},
		{hashes, 0o644, true},
		{hashes, 0o646, false},
		{hashes + "ops:b-token-of-16-bytes\n", 0o644, false},
	} {
		write(t, path, c.text, c.mode)
		_, err := apitoken.Open(path, nil)
		if (err == nil) != c.good || err != nil && !strings.Contains(err.Error(), "`chmod o-rwx "+path+"`") {
			t.Errorf("%04o: %v", c.mode, err)
		}
	}
	if _, err := apitoken.Open(path+"-none", nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
}

// TestReread: a file that changes counts from the next second on; a broken one is said once, and
// the tokens from before stay.
func TestReread(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tokens")
	write(t, path, "ci:first-token-of-ci\n", 0o600)
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		f, err := apitoken.Open(path, slog.New(slog.NewTextHandler(&log, nil)))
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { defer close(ended); _ = f.Run(ctx) }()
		accepts := func(token string, want bool) {
			t.Helper()
			<-time.After(1001 * time.Millisecond)
			synctest.Wait()
			if _, ok := f.Match(token); ok != want {
				t.Errorf("%s is accepted: %v", token, ok)
			}
		}
		accepts("first-token-of-ci", true)
		for _, c := range []struct {
			text string
			mode os.FileMode
		}{{"half", 0o600}, {"", 0o600}, {"ci:other-token-of-ci\n", 0o644}} {
			write(t, path, c.text, c.mode)
			accepts("first-token-of-ci", true)
			accepts("other-token-of-ci", false)
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		accepts("first-token-of-ci", true)
		write(t, path, "ci "+hashOf("second-token-of-ci")+" read\n", 0o644)
		accepts("second-token-of-ci", true)
		accepts("first-token-of-ci", false)
		stop()
		<-ended
		n := strings.Count(log.String(), "cannot be used")
		if n != 4 || strings.Count(log.String(), "read again") != 1 {
			t.Errorf("%d complaints about four files: %s", n, log.String())
		}
	})
}

// FuzzParse: no file panics, and what is accepted needs a right for everything.
func FuzzParse(f *testing.F) {
	f.Add("ci:first-token-of-ci\nci " + hashOf("x") + " read own issuer=a scope=session until=2030-01-01T00:00:00Z\n")
	f.Fuzz(func(t *testing.T, text string) {
		set, err := apitoken.Parse([]byte(text))
		if (set == nil) == (err == nil) {
			t.Errorf("%v, %v", set, err)
		}
	})
}
