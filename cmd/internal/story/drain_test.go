package story_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"syscall"
	"testing"
	"time"
)

// drainDelay is long enough for a busy machine to do within it what the test wants done.
const drainDelay = 4 * time.Second

// TestDrain stops a publisher and a worker under load, as an orchestrator does. Both are
// unready at once; until the delay is over no request is refused, revocations are confirmed,
// and the worker hears of them.
func TestDrain(t *testing.T) {
	s := newSite(t)
	pub, work := freeAddr(t), freeAddr(t)
	delay := "--drain-delay=" + drainDelay.String()
	p := start(t, "publisher", "serve", "--insecure-no-auth", "--canary", "0s", "--listen", pub, delay,
		"--nats", s.nats.URL(), "--redis", s.redis.URL(), "--log-level", "error")
	w := start(t, "subscriber", "serve", "--listen", work, delay, "--jwks", s.jwks, "--issuer",
		issuer,
		"--any-audience", "--nats", s.nats.URL(), "--redis", s.redis.URL(), "--log-level", "error")
	api, worker := newClient(t, pub), newClient(t, work)
	s.ready(api, worker)
	alice, bob := s.token("alice"), s.token("bob")

	l := &load{ctx: t.Context(), stop: make(chan struct{})}
	for _, fresh := range []bool{false, true} {
		l.add("http://"+work+"/check", alice, fresh)
		l.add("http://"+pub+"/v1/workers", "", fresh)
	}
	l.answered(t, 20)

	begin := time.Now()
	for _, process := range []*process{p, w} {
		if err := process.cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
	}
	for _, addr := range []string{pub, work} {
		if err := awaitStatus("503", "http://"+addr+"/readyz"); err != nil {
			t.Fatal(err)
		}
	}
	if took := time.Since(begin); took > drainDelay/2 {
		t.Errorf("unready after %s", took)
	}
	if err := checkStatus(t.Context(), "http://"+work+"/check", bob, http.StatusOK); err != nil {
		t.Error(err)
	}
	s.revoke(api, "bob")
	if err := checkStatus(t.Context(), "http://"+work+"/check", bob, http.StatusUnauthorized); err != nil {
		t.Errorf("after a confirmed revocation: %v", err)
	}
	p.wait(t)
	w.wait(t)
	if took := time.Since(begin); took < drainDelay {
		t.Errorf("ended after %s, before the delay", took)
	}
	l.end()
	// What begins in the last moments may find the port closed.
	for _, failed := range l.failures {
		if after := failed.began.Sub(begin); after < drainDelay-time.Second {
			t.Errorf("refused %s after SIGTERM: %v", after, failed.err)
		}
	}
}

// load is requests that go on until it is ended.
type load struct {
	ctx  context.Context
	stop chan struct{}
	wg   sync.WaitGroup

	mu       sync.Mutex
	good     int
	failures []failure
}

type failure struct {
	began time.Time
	err   error
}

// add asks again and again, over one connection or over a fresh one each time.
func (l *load) add(url, bearer string, fresh bool) {
	l.wg.Go(func() {
		transport := &http.Transport{DisableKeepAlives: fresh}
		defer transport.CloseIdleConnections()
		pace := time.NewTicker(pollEvery)
		defer pace.Stop()
		for {
			began := time.Now()
			err := ask(l.ctx, transport, url, bearer, http.StatusOK)
			l.mu.Lock()
			if err != nil {
				l.failures = append(l.failures, failure{began, err})
			} else {
				l.good++
			}
			l.mu.Unlock()
			select {
			case <-pace.C:
			case <-l.stop:
				return
			case <-l.ctx.Done():
				return
			}
		}
	})
}

// answered waits until so many requests were answered well, and wants no other.
func (l *load) answered(t *testing.T, n int) {
	t.Helper()
	err := poll(func() error {
		l.mu.Lock()
		defer l.mu.Unlock()
		if len(l.failures) > 0 || l.good < n {
			return fmt.Errorf("%d answers, and failures: %v", l.good, l.failures)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (l *load) end() {
	close(l.stop)
	l.wg.Wait()
}

func checkStatus(ctx context.Context, url, bearer string, want int) error {
	return ask(ctx, &http.Transport{DisableKeepAlives: true}, url, bearer, want)
}

func ask(ctx context.Context, over *http.Transport, url, bearer string, want int) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+bearer)
	resp, err := over.RoundTrip(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != want {
		err = fmt.Errorf("%s answers %s, want %d: %s", url, resp.Status, want, body)
	}
	return err
}
