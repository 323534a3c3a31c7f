package realm

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
	"github.com/revocast/revocast/store"
)

// configured is a Redis server as a preflight finds it.
type configured struct {
	mu       sync.Mutex
	server   string
	down     error
	refusal  error
	warnings []store.Warning
	asked    int
}

func (c *configured) set(change func(*configured)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change(c)
}

func (c *configured) Describe(context.Context) (port.Description, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return port.Description{Server: c.server}, c.down
}

func (c *configured) Preflight(context.Context) ([]store.Warning, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked++
	return c.warnings, c.refusal
}

func (c *configured) questions() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.asked
}

// lockedLog is a log that is read while it is written.
type lockedLog struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lockedLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lockedLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// watched runs a watch in fake time; steps runs beside it.
func watched(t *testing.T, c *configured, steps func(w *suitedWatch, logged func(text string) int)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		var log lockedLog
		w := &suitedWatch{ledger: c, log: slog.New(slog.NewTextHandler(&log, nil))}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- w.Run(ctx) }()
		synctest.Wait()
		steps(w, func(text string) int {
			synctest.Wait()
			return strings.Count(log.String(), text)
		})
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
}

// after lets fake time pass.
func after(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

const complaint = "Redis may forget revocations"

// TestAnotherServerIsAsked: a server that took over is asked at the next look. If it is unsuited,
// the log says so once a minute until somebody mends it.
func TestAnotherServerIsAsked(t *testing.T) {
	c := &configured{server: "a", warnings: []store.Warning{"only snapshots"}}
	watched(t, c, func(w *suitedWatch, logged func(string) int) {
		if !w.Suited() || c.questions() != 1 || logged("only snapshots") != 1 {
			t.Fatalf("suited %v after %d questions", w.Suited(), c.questions())
		}
		after(30 * time.Second)
		if c.questions() != 1 {
			t.Errorf("the same server was asked %d times within half a minute", c.questions())
		}
		c.set(func(c *configured) {
			c.server, c.refusal = "b", fmt.Errorf("%w: allkeys-lru", revocast.ErrUnsuited)
		})
		after(serverEvery)
		if w.Suited() || logged(complaint) != 1 || logged("allkeys-lru") != 1 {
			t.Errorf("suited %v after the fail-over, %d complaints", w.Suited(), logged(complaint))
		}
		after(50 * time.Second)
		if n := logged(complaint); n != 1 {
			t.Errorf("%d complaints within a minute", n)
		}
		after(15 * time.Second)
		if n := logged(complaint); n != 2 {
			t.Errorf("%d complaints after a minute", n)
		}
		c.set(func(c *configured) { c.refusal = nil })
		after(serverEvery)
		if !w.Suited() || logged("forgets nothing") != 1 {
			t.Errorf("mended, and suited %v", w.Suited())
		}
	})
}

// TestTheSameServerIsAskedAgain: somebody may have changed its configuration.
func TestTheSameServerIsAskedAgain(t *testing.T) {
	c := &configured{server: "a"}
	watched(t, c, func(w *suitedWatch, logged func(string) int) {
		c.set(func(c *configured) { c.refusal = revocast.ErrUnsuited })
		after(preflightEvery + serverEvery)
		if w.Suited() || logged(complaint) != 1 {
			t.Errorf("suited %v, %d complaints", w.Suited(), logged(complaint))
		}
	})
}

// TestNoAnswerProvesNothing: the last finding stands until there is an answer.
func TestNoAnswerProvesNothing(t *testing.T) {
	c := &configured{server: "a"}
	watched(t, c, func(w *suitedWatch, logged func(string) int) {
		c.set(func(c *configured) { c.server, c.down = "b", revocast.ErrUnavailable })
		after(time.Minute)
		c.set(func(c *configured) { c.down, c.refusal = nil, revocast.ErrUnavailable })
		after(time.Minute)
		if !w.Suited() || logged(complaint) != 0 {
			t.Errorf("suited %v, %d complaints", w.Suited(), logged(complaint))
		}
		c.set(func(c *configured) { c.refusal = revocast.ErrUnsuited })
		after(serverEvery)
		if w.Suited() {
			t.Error("the new server was not asked when it answered again")
		}
	})
}
