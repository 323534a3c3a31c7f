package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/revocast/revocast/events/eventstest"
	"github.com/revocast/revocast/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	password = "correct horse battery staple" // of the accounts that there are from the start
	admin    = "admin-token"
)

// fleet is a running service.
type fleet struct {
	t       *testing.T
	login   string
	workers []string
	stop    func()
	http    *http.Client

	mu      sync.Mutex // guards the others
	mail    strings.Builder
	arrived chan struct{} // closed, and another made, when something is printed
}

// start runs the service on the embedded servers.
func start(t *testing.T, change ...func(*Flags)) *fleet {
	t.Helper()
	f := &fleet{
		t: t, arrived: make(chan struct{}), http: &http.Client{Transport: &http.Transport{}, Timeout: 30 * time.Second},
	}
	flags := Flags{
		Listen: "127.0.0.1:0", WorkerListen: "127.0.0.1:0", Data: t.TempDir(), AdminToken: admin,
		Confirm: 10 * time.Second,
	}
	for _, c := range change {
		c(&flags)
	}
	level := slog.LevelError + 1
	if os.Getenv("REVOCAST_TEST_LOG") != "" {
		level = slog.LevelInfo
	}
	ctx, cancel := context.WithCancel(context.Background())
	ready, done := make(chan struct{}), make(chan error, 1)
	go func() {
		done <- serve(ctx, flags, Output{
			Logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level})),
			Print:  f.print,
			Ready:  func(login string, workers []string) { f.login, f.workers = login, workers; close(ready) },
		})
	}()
	f.stop = sync.OnceFunc(func() {
		cancel()
		f.http.CloseIdleConnections()
		if err := <-done; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	t.Cleanup(f.stop)
	select {
	case <-ready:
	case err := <-done:
		done <- nil
		t.Fatalf("serve: %v", err)
	case <-time.After(time.Minute):
		t.Fatal("not ready")
	}
	return f
}

// onRealServers runs it on a redis-server, with NATS in this process.
func onRealServers(t *testing.T) *fleet {
	t.Helper()
	redis, nats := storetest.Redis(t), eventstest.NewServer(t)
	return start(t, func(f *Flags) { f.Redis, f.NATS = redis.URL(), nats.URL() })
}

func (f *fleet) print(format string, a ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	fmt.Fprintf(&f.mail, format, a...)
	close(f.arrived)
	f.arrived = make(chan struct{})
}

func (f *fleet) mails() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.mail.String()
}

// mailed waits for a mail, which is sent after the answer, and returns what matches.
func (f *fleet) mailed(pattern string) []string {
	f.t.Helper()
	deadline := time.After(30 * time.Second)
	for {
		f.mu.Lock()
		text, arrived := f.mail.String(), f.arrived
		f.mu.Unlock()
		if found := regexp.MustCompile(pattern).FindStringSubmatch(text); found != nil {
			return found
		}
		select {
		case <-arrived:
		case <-deadline:
			f.t.Fatalf("no mail has %q: %s", pattern, text)
		}
	}
}

// code is the one in the mail to an address.
func (f *fleet) code(mail string) string {
	f.t.Helper()
	return f.mailed(`mail to ` + mail + `: your code is (\S+)`)[1]
}

type answer struct {
	status int
	header http.Header
	body   map[string]any
	text   string
}

func (a answer) get(field string) string { s, _ := a.body[field].(string); return s }

// do makes one request; bearer may be empty, body nil.
func (f *fleet) do(method, url, bearer string, body any, change ...func(*http.Request)) answer {
	f.t.Helper()
	var payload io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			f.t.Fatal(err)
		}
		payload = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(f.t.Context(), method, url, payload)
	if err != nil {
		f.t.Fatal(err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if bearer != "" {
		req.Header.Set("Authorization", "Bearer "+bearer)
	}
	for _, c := range change {
		c(req)
	}
	res, err := f.http.Do(req)
	if err != nil {
		f.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		f.t.Fatal(err)
	}
	a := answer{status: res.StatusCode, header: res.Header, text: string(text)}
	_ = json.Unmarshal(text, &a.body) // what is no JSON has no fields
	return a
}

func (f *fleet) post(path, bearer string, body any) answer {
	f.t.Helper()
	return f.do(http.MethodPost, f.login+path, bearer, body)
}

// want fails unless the answer has the status.
func (f *fleet) want(what string, a answer, status int) answer {
	f.t.Helper()
	if a.status != status {
		f.t.Fatalf("%s: %d %s, want %d", what, a.status, a.text, status)
	}
	return a
}

// tokens of one login.
type tokens struct{ access, refresh, session, principal string }

func (f *fleet) signIn(mail, device string) tokens {
	f.t.Helper()
	return f.signInWith(mail, device, password)
}

func (f *fleet) signInWith(mail, device, password string) tokens {
	f.t.Helper()
	a := f.want("login",
		f.post("/login", "", map[string]any{"mail": mail, "password": password, "device": device, "tokens": true}), 200)
	return tokensOf(a)
}

func tokensOf(a answer) tokens {
	return tokens{
		access: a.get("access_token"), refresh: a.get("refresh_token"), session: a.get("session"),
		principal: a.get("principal"),
	}
}

// everywhere checks what each worker, and the login service, says to an access token.
func (f *fleet) everywhere(what string, x tokens, status int) {
	f.t.Helper()
	for _, url := range append([]string{f.login}, f.workers...) {
		a := f.do(http.MethodGet, url+"/me", x.access, nil)
		if a.status != status {
			f.t.Errorf("%s: %s says %d %s, want %d", what, url, a.status, a.text, status)
		}
		if status == http.StatusOK && (a.get("session") != x.session || a.get("principal") != x.principal) {
			f.t.Errorf("%s: %s says %s, want session %s of %s", what, url, a.text, x.session, x.principal)
		}
	}
}

// confirmed fails unless the answer says that the fleet has confirmed.
func (f *fleet) confirmed(what string, a answer) {
	f.t.Helper()
	f.want(what, a, http.StatusOK)
	if a.body["confirmed"] != true {
		f.t.Errorf("%s: %s, want it confirmed", what, a.text)
	}
}
