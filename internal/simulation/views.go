package simulation

import (
	"sync"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

// slowView is a view whose callers the machine may hold up just before they look or
// store, for as long as it likes.
type slowView struct {
	port.View
	p *process
}

func (v slowView) Get(space port.Space, key string) *port.Entry {
	v.p.holdUp("get")
	return v.View.Get(space, key)
}

func (v slowView) Put(space port.Space, key string, e *port.Entry, now int64) bool {
	v.p.holdUp("put")
	return v.View.Put(space, key, e, now)
}

// holdUp holds one goroutine in eight up.
func (p *process) holdUp(where string) {
	if x := p.draw(where); x.below(8) == 0 {
		time.Sleep(x.upTo(p.w.s.Lease / 8))
	}
	p.gate()
}

// earlyView hands out what was looked up some time ago.
type earlyView struct {
	port.View
	mu    sync.Mutex // guards found
	found map[string]*port.Entry
}

func newEarlyView(_ *process, v port.View) port.View {
	return &earlyView{View: v, found: make(map[string]*port.Entry)}
}

func (v *earlyView) Get(space port.Space, key string) *port.Entry {
	v.mu.Lock()
	e := v.found[key]
	delete(v.found, key)
	v.mu.Unlock()
	if e != nil {
		return e
	}
	return v.View.Get(space, key)
}

// lookUpEarly looks an entry up before the guard loads its lease.
func lookUpEarly(c *check) {
	v, space := c.p.view.(*earlyView), port.SpaceBearer
	if c.of.session {
		space = port.SpaceSession
	}
	e := v.View.Get(space, c.of.text)
	if e == nil {
		return
	}
	c.p.holdUp("check")
	v.mu.Lock()
	defer v.mu.Unlock()
	v.found[c.of.text] = e
}

// lateView applies an event after it has said that it did.
type lateView struct{ port.View }

func (v lateView) Apply(e revocast.Event) {
	time.AfterFunc(30*time.Millisecond, func() { v.View.Apply(e) })
}

// rashView keeps what it is given without asking the index.
type rashView struct {
	port.View
	mu   sync.Mutex // guards held
	held map[string]*port.Entry
}

func newRashView(_ *process, v port.View) port.View {
	return &rashView{View: v, held: make(map[string]*port.Entry)}
}

func (v *rashView) Get(_ port.Space, key string) *port.Entry {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.held[key]
}

func (v *rashView) Put(_ port.Space, key string, e *port.Entry, _ int64) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.held[key] = e
	return true
}

func (v *rashView) Drop(_ port.Space, key string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.held, key)
}

func (v *rashView) Apply(e revocast.Event) {
	v.View.Apply(e)
	v.mu.Lock()
	defer v.mu.Unlock()
	for key, held := range v.held {
		if held.Keys.Has(e.Key) {
			delete(v.held, key)
		}
	}
}

func (v *rashView) BeginLoad() bool {
	indexes := v.View.BeginLoad()
	v.mu.Lock()
	defer v.mu.Unlock()
	clear(v.held)
	return indexes
}

// position only rises.
type position struct {
	mu sync.Mutex // guards at
	at revocast.Position
}

func (p *position) raise(to revocast.Position) revocast.Position {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.at.Before(to) {
		p.at = to
	}
	return p.at
}

// oneClockView forgets by the ledger's clock alone.
type oneClockView struct {
	port.View
	p *process
}

// Apply implements [port.View]. Courses are too short for a worker to forget twice by itself.
func (v oneClockView) Apply(e revocast.Event) {
	v.View.Apply(e)
	v.Expire(0)
}

// Expire implements [port.View].
func (v oneClockView) Expire(int64) {
	v.p.w.mu.Lock()
	now := time.Now().Add(v.p.w.ahead)
	v.p.w.mu.Unlock()
	v.View.Expire(now.UnixMilli())
}
