package dev_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/client"
	"github.com/revocast/revocast/cmd/internal/dev"
	"github.com/revocast/revocast/internal/apitypes"
	"github.com/revocast/revocast/internal/leak"
)

const patience = 30 * time.Second

func TestMain(m *testing.M) { leak.Main(m) }

func options(data string) dev.Options {
	return dev.Options{Listen: "127.0.0.1:0", WorkerListen: "127.0.0.1:0", Workers: 2, Data: data, Version: "test"}
}

// running is one Run in the background.
type running struct {
	url     string // of the API
	api     *client.Client
	workers []*client.Client
	stop    func()
}

func run(t *testing.T, o dev.Options) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	out := &watchedOutput{ready: make(chan struct{})}
	ended := make(chan error, 1)
	go func() { ended <- dev.Run(ctx, o, out) }()
	stop := sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	t.Cleanup(stop)
	select {
	case <-out.ready:
	case err := <-ended:
		ended <- nil
		t.Fatalf("Run ended: %v", err)
	case <-time.After(patience):
		t.Fatal("not ready")
	}
	r := &running{stop: stop}
	for _, line := range strings.Split(out.String(), "\n") {
		if url, ok := strings.CutPrefix(line, "publisher  "); ok {
			r.url, r.api = url, newClient(t, url, o.APIToken)
		}
		if urls, ok := strings.CutPrefix(line, "workers    "); ok {
			for _, url := range strings.Fields(urls) {
				r.workers = append(r.workers, newClient(t, url, ""))
			}
		}
	}
	if r.api == nil || len(r.workers) != o.Workers {
		t.Fatalf("what is printed does not name everybody:\n%s", out.String())
	}
	return r
}

func newClient(t *testing.T, url, token string) *client.Client {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	c, err := client.New(url, client.Options{Token: token, HTTP: &http.Client{Transport: transport}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// watchedOutput tells when the line "ready" was written.
type watchedOutput struct {
	mu    sync.Mutex
	buf   bytes.Buffer
	ready chan struct{}
	once  sync.Once
}

var readyLine = regexp.MustCompile(`(?m)^ready$`)

func (w *watchedOutput) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n, err := w.buf.Write(p)
	if readyLine.Match(w.buf.Bytes()) {
		w.once.Do(func() { close(w.ready) })
	}
	return n, err
}

func (w *watchedOutput) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.buf.String()
}

func (r *running) login(t *testing.T, principal string) string {
	t.Helper()
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Post(
		r.url+"/dev/login", "application/json", strings.NewReader(`{"principal":"`+principal+`"}`))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var in apitypes.LoggedIn
	if err := json.NewDecoder(resp.Body).Decode(&in); err != nil || in.AccessToken == "" {
		t.Fatalf("login: %d, %v", resp.StatusCode, err)
	}
	return in.AccessToken
}

func (r *running) expect(t *testing.T, bearer, verdict string) {
	t.Helper()
	for i, w := range r.workers {
		v, err := w.Verdict(t.Context(), bearer)
		if err != nil || v.Outcome.String() != verdict {
			t.Errorf("worker %d says %+v, %v; want %s", i+1, v, err, verdict)
		}
	}
}

// TestRestart: what was revoked before stays revoked after, and everything else good.
func TestRestart(t *testing.T) {
	data := t.TempDir()
	first := run(t, options(data))
	alice, bob, carol := first.login(t, "alice"), first.login(t, "bob"), first.login(t, "carol")
	first.expect(t, alice, "allowed")
	receipt, err := first.api.Revoke(t.Context(), revocast.Revocation{Scope: revocast.ScopePrincipal, ID: "alice"})
	if err != nil || receipt.Workers.Confirmed != 2 {
		t.Fatalf("receipt %+v, %v", receipt, err)
	}
	if _, err := first.api.Logout(t.Context(), bob); err != nil {
		t.Fatal(err)
	}
	again := first.login(t, "alice") // within the same second
	for range 2 {
		first.expect(t, alice, "revoked")
		first.expect(t, bob, "revoked")
		first.expect(t, carol, "allowed")
		first.expect(t, again, "allowed")
		first.names(t, "alice")
		first.stop()
		first = run(t, options(data))
	}
}

// names checks that the stores hold a keyed hash in the place of a name, and that it can be told whose it is.
func (r *running) names(t *testing.T, principal string) {
	t.Helper()
	key, err := r.api.KeyFor(t.Context(), revocast.ScopePrincipal, "", principal)
	if err != nil {
		t.Fatal(err)
	}
	if key == revocast.KeyOf(dev.Realm, revocast.ScopePrincipal, "https://issuer.revocast.example", principal) {
		t.Errorf("what is held against %s is held under a plain hash", principal)
	}
	if name, err := r.api.Who(t.Context(), key); err != nil || name.ID != principal {
		t.Errorf("%s is %+v, %v", principal, name, err)
	}
}

// TestAPIToken: with a token the API asks for it.
func TestAPIToken(t *testing.T) {
	o := options(t.TempDir())
	o.APIToken = "secret-of-16-byt"
	r := run(t, o)
	if _, err := r.api.Status(t.Context()); err != nil {
		t.Errorf("with the token: %v", err)
	}
	open := newClient(t, r.url, "")
	var refused *client.Error
	if _, err := open.Status(t.Context()); !errors.As(err, &refused) || refused.Status != http.StatusUnauthorized {
		t.Errorf("without: %v, want 401", err)
	}
}

func TestRefusals(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*dev.Options){
		"no worker":          func(o *dev.Options) { o.Workers = 0 },
		"too many workers":   func(o *dev.Options) { o.Workers = 65 },
		"open to the world":  func(o *dev.Options) { o.Listen = "0.0.0.0:0" },
		"open by name":       func(o *dev.Options) { o.Listen = "example.com:0" },
		"no data":            func(o *dev.Options) { o.Data = "" },
		"data in a file":     func(o *dev.Options) { o.Data = filepath.Join(file, "data") },
		"ports past the end": func(o *dev.Options) { o.WorkerListen = "127.0.0.1:65535" },
		"no port":            func(o *dev.Options) { o.WorkerListen = "127.0.0.1" },
	} {
		t.Run(name, func(t *testing.T) {
			o := options(filepath.Join(t.TempDir(), "data"))
			change(&o)
			if err := dev.Run(t.Context(), o, io.Discard); err == nil {
				t.Error("it ran")
			}
			if _, err := os.Stat(o.Data); err == nil {
				t.Error("it made the data directory")
			}
		})
	}
}

// TestForeignHost: a web page whose name resolves to this machine logs nobody in.
func TestForeignHost(t *testing.T) {
	r := run(t, options(t.TempDir()))
	for host, want := range map[string]int{"evil.example": http.StatusForbidden, "localhost:1": http.StatusOK} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.url+"/dev/login",
			strings.NewReader(`{"principal":"alice"}`))
		if err != nil {
			t.Fatal(err)
		}
		req.Host = host
		req.Header.Set("Content-Type", "application/json")
		resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("for %s: %d, want %d", host, resp.StatusCode, want)
		}
	}
}
