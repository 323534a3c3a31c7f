package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/revocast/revocast"
)

// lane is a commit script whose runs wait to be told their outcome.
type lane struct {
	c    commits
	all  sync.WaitGroup
	mu   sync.Mutex
	runs []*laneRun
}

type laneRun struct {
	calls   []string
	outcome chan error
}

// call has a call of n proposals made, and returns where its outcome comes.
func (l *lane) call(ctx context.Context, name string, n int) <-chan error {
	out := make(chan error, 1)
	l.all.Go(func() {
		part, err := l.c.run(ctx, &commitCall{args: []any{name}, n: n}, l.run)
		if err == nil && part.answer != name {
			err = fmt.Errorf("%s got the answer of %s", name, part.answer)
		}
		out <- err
	})
	synctest.Wait()
	return out
}

func (l *lane) run(ctx context.Context, calls []*commitCall) ([]commitPart, error) {
	r := &laneRun{outcome: make(chan error)}
	parts := make([]commitPart, len(calls))
	for i, c := range calls {
		parts[i].answer = c.args[0].(string)
		r.calls = append(r.calls, parts[i].answer)
	}
	l.mu.Lock()
	l.runs = append(l.runs, r)
	l.mu.Unlock()
	select {
	case err := <-r.outcome:
		return parts, err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// end ends a run and waits for what comes of it.
func (l *lane) end(run int, err error) {
	l.runs[run].outcome <- err
	synctest.Wait()
}

// has fails unless the runs that began are these.
func (l *lane) has(t *testing.T, want ...[]string) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range max(len(want), len(l.runs)) {
		if i >= len(l.runs) || i >= len(want) || !slices.Equal(l.runs[i].calls, want[i]) {
			for _, r := range l.runs {
				t.Errorf("a run of %v", r.calls)
			}
			t.Fatalf("want runs of %v", want)
		}
	}
}

func in(t *testing.T, test func(*lane)) {
	synctest.Test(t, func(t *testing.T) {
		l := &lane{}
		test(l)
		l.all.Wait()
		if l.c.runs != 0 || len(l.c.waiting) != 0 {
			t.Errorf("in the end %d runs, %d calls wait", l.c.runs, len(l.c.waiting))
		}
	})
}

func wants(t *testing.T, out <-chan error, want error) {
	t.Helper()
	select {
	case err := <-out:
		if !errors.Is(err, want) {
			t.Errorf("%v, want %v", err, want)
		}
	default:
		t.Errorf("no outcome, want %v", want)
	}
}

// TestCommitsShareARun: what comes while two runs are under way shares the third, as far as there is room.
func TestCommitsShareARun(t *testing.T) {
	in(t, func(l *lane) {
		ctx := context.Background()
		a, b := l.call(ctx, "a", 1), l.call(ctx, "b", 1)
		c, d, e := l.call(ctx, "c", 1), l.call(ctx, "d", revocast.MaxBatch-1), l.call(ctx, "e", 1)
		l.has(t, []string{"a"}, []string{"b"})
		l.end(1, nil)
		wants(t, b, nil)
		l.has(t, []string{"a"}, []string{"b"}, []string{"c", "d"})
		l.end(0, nil)
		l.has(t, []string{"a"}, []string{"b"}, []string{"c", "d"}, []string{"e"})
		wrong := errors.New("wrong")
		l.end(2, wrong)
		l.end(3, nil)
		wants(t, a, nil)
		wants(t, c, wrong)
		wants(t, d, wrong)
		wants(t, e, nil)
	})
}

// TestLeaderThatLeaves takes nobody with it: the others are in another run, but for those who left too.
func TestLeaderThatLeaves(t *testing.T) {
	in(t, func(l *lane) {
		ctx := context.Background()
		a, b := l.call(ctx, "a", 1), l.call(ctx, "b", 1)
		short, leave := context.WithCancel(ctx)
		shorter, leaveFirst := context.WithCancel(ctx)
		c, d, e := l.call(short, "c", 1), l.call(shorter, "d", 1), l.call(ctx, "e", 1)
		l.end(0, nil)
		l.has(t, []string{"a"}, []string{"b"}, []string{"c", "d", "e"})
		leaveFirst()
		synctest.Wait()
		wants(t, d, revocast.ErrOutcomeUnknown)
		leave()
		synctest.Wait()
		wants(t, c, context.Canceled)
		l.has(t, []string{"a"}, []string{"b"}, []string{"c", "d", "e"}, []string{"e"})
		l.end(3, nil)
		l.end(1, nil)
		wants(t, a, nil)
		wants(t, b, nil)
		wants(t, e, nil)
	})
}

// TestCallThatLeavesWhileItWaits was never sent, and is in no run.
func TestCallThatLeavesWhileItWaits(t *testing.T) {
	in(t, func(l *lane) {
		ctx := context.Background()
		l.call(ctx, "a", 1)
		l.call(ctx, "b", 1)
		short, leave := context.WithCancel(ctx)
		c, d := l.call(short, "c", 1), l.call(ctx, "d", 1)
		leave()
		synctest.Wait()
		select {
		case err := <-c:
			if !errors.Is(err, revocast.ErrUnavailable) || errors.Is(err, revocast.ErrOutcomeUnknown) {
				t.Errorf("%v, want unavailable", err)
			}
		default:
			t.Error("it still waits")
		}
		l.end(0, nil)
		l.has(t, []string{"a"}, []string{"b"}, []string{"d"})
		l.end(1, nil)
		l.end(2, nil)
		wants(t, d, nil)
	})
}

// TestLeaderThatLeavesBeforeItsRun lets the next one lead. One that was sent before does not know what
// became of it.
func TestLeaderThatLeavesBeforeItsRun(t *testing.T) {
	for _, sent := range []bool{false, true} {
		c := &commits{}
		first := &commitCall{n: 1, sent: sent, wake: make(chan struct{}, 1)}
		next := &commitCall{n: 1, wake: make(chan struct{}, 1)}
		c.runs, c.waiting = commitRuns-1, []*commitCall{first, next}
		c.appointLocked()
		if !first.leads || next.leads {
			t.Fatal("another one leads")
		}
		_, err := c.leave(first, context.Canceled)
		if errors.Is(err, revocast.ErrOutcomeUnknown) != sent {
			t.Errorf("sent %t: %v", sent, err)
		}
		if !next.leads || c.runs != commitRuns {
			t.Error("nobody leads")
		}
	}
}

// TestCallThatLeavesWithItsAnswer gets it.
func TestCallThatLeavesWithItsAnswer(t *testing.T) {
	call := &commitCall{answered: true, part: commitPart{answer: "a"}}
	if part, err := (&commits{}).leave(call, context.Canceled); err != nil || part.answer != "a" {
		t.Errorf("%v, %v", part, err)
	}
}
