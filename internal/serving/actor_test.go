package serving

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/oklog/run"
)

// ends collects the order in which things ended.
type ends struct {
	mu   sync.Mutex
	list []string
}

func (e *ends) add(name string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.list = append(e.list, name)
}

// TestActorOrder: what was added first has ended before what was added later is told.
func TestActorOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var order ends
		var g run.Group
		ctx, cancel := context.WithCancel(t.Context())
		g.Add(Stopper(ctx))
		for _, name := range []string{"requests", "subscriber", "connection"} {
			g.Add(Actor(func(ctx context.Context) error {
				<-ctx.Done()
				order.add(name + " told")
				order.add(name + " ended")
				return ctx.Err()
			}))
		}
		cancel()
		if err := g.Run(); err != nil {
			t.Errorf("a clean stop returned %v", err)
		}
		want := []string{
			"requests told", "requests ended", "subscriber told", "subscriber ended",
			"connection told", "connection ended",
		}
		if !slices.Equal(order.list, want) {
			t.Errorf("order %q, want %q", order.list, want)
		}
	})
}

// TestActorFails: a component that fails ends the group with its error.
func TestActorFails(t *testing.T) {
	broken := errors.New("broken")
	var g run.Group
	g.Add(Stopper(t.Context()))
	g.Add(Actor(func(context.Context) error { return broken }))
	if err := g.Run(); !errors.Is(err, broken) {
		t.Errorf("returned %v", err)
	}
}

// TestActorHangs: one that does not end does not keep the others from ending.
func TestActorHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		execute, interrupt := Actor(func(context.Context) error { <-release; return nil })
		go execute()
		interrupt(nil) // returns, by fake time, after stopTimeout
		close(release)
	})
}
