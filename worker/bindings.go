package worker

import (
	"context"
	"sync"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/names"
	"github.com/revocast/revocast/port"
)

// bindings are the contexts that [Guard.Bind] ties to tokens. Each is listed under every key by
// which a revocation could name its token, so that an event finds the contexts it ends without
// looking at any other.
type bindings struct {
	// mu guards byKey; a binding stands under all of its keys or under none.
	mu    sync.Mutex
	byKey map[revocast.Key]map[*binding]struct{}

	endings *endings
}

type binding struct {
	names   *names.Maker // that made keys
	keys    revocast.Keys
	issued  int64
	session revocast.Key // one of keys
	lost    func() bool  // the key that signed the token is no longer in force
	cancel  context.CancelCauseFunc

	end   time.Time // when the claims are refused; zero: never
	place int       // place in the queue of what ends; guarded by that queue's mu
}

func newBindings(clock port.Clock) *bindings {
	return &bindings{byKey: make(map[revocast.Key]map[*binding]struct{}), endings: newEndings(clock)}
}

func (b *bindings) add(x *binding) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := range x.keys.Slots() {
		key, scope := x.keys.At(i)
		if scope == 0 {
			continue
		}
		if b.byKey[key] == nil {
			b.byKey[key] = make(map[*binding]struct{})
		}
		b.byKey[key][x] = struct{}{}
	}
}

func (b *bindings) remove(x *binding) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := range x.keys.Slots() {
		key, scope := x.keys.At(i)
		if scope == 0 {
			continue
		}
		if delete(b.byKey[key], x); len(b.byKey[key]) == 0 {
			delete(b.byKey, key)
		}
	}
}

// end cancels every context that e covers. Cancelling runs no user code under the
// lock: [context.AfterFunc] callbacks have goroutines of their own.
func (b *bindings) end(e revocast.Event, now int64) {
	if !e.Refuses() {
		return
	}
	state := e.State()
	var cancels []func()
	b.mu.Lock()
	for x := range b.byKey[e.Key] {
		if f := state.Against(x.issued, x.session, now); f.Covered {
			cancels = append(cancels, func() { x.cancel(ended(port.Match{Covered: true, Banned: f.Banned})) })
		}
	}
	b.mu.Unlock()
	for _, cancel := range cancels {
		cancel()
	}
}

// size is how many keys have a binding, for tests and metrics.
func (b *bindings) size() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.byKey)
}

// endCovered cancels the contexts under key, whose ban has begun, unless the view's index says
// otherwise: the ban's lift may have come before it.
func (b *bindings) endCovered(key revocast.Key, view port.View, now int64) {
	b.mu.Lock()
	candidates := make([]*binding, 0, len(b.byKey[key]))
	for x := range b.byKey[key] {
		candidates = append(candidates, x)
	}
	b.mu.Unlock()
	for _, x := range candidates {
		switch m, complete := view.Lookup(&x.keys, x.issued, now); {
		case m.Covered:
			x.cancel(ended(m))
		case !complete:
			x.cancel(revocast.ErrRevoked)
		}
	}
}
