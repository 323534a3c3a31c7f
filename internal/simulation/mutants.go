package simulation

import (
	"context"
	"sync"
	"time"

	"github.com/revocast/revocast"
)

// Mutant is the protocol without one of its safeguards. The zero value is the protocol
// as it is.
type Mutant struct {
	Name string
	// View, Renew, Verify and Terms stand in the place of the real ones.
	View   func(p *process, v revocast.View) revocast.View
	Renew  func(l *ledgerPort, ctx context.Context, r revocast.Renewal) (revocast.Renewed, error)
	Verify func(v revocast.Verified, err error) (revocast.Verified, error)
	Terms  func(t *revocast.Terms) // as publishers read them

	NoMembers    bool // a publisher waits for nobody
	NoStreamWait bool // nor for the stream
	NoRecovery   bool // an epoch opens without what is in the stream
	AckHoles     bool // a worker acknowledges the latest event, whatever is missing
	StaleClock   bool // a worker that wakes goes by the time when it fell asleep
}

func (m *Mutant) terms(p *process, t *revocast.Terms) {
	if m.Terms != nil && p.publisher != nil {
		m.Terms(t)
	}
}

// Mutants lists them all.
func Mutants() []Mutant {
	return []Mutant{
		{Name: "acknowledged before it is applied", View: func(_ *process, v revocast.View) revocast.View { return lateView{v} }},
		{Name: "lease counted from receipt", Renew: fromReceipt},
		{Name: "renewal's events dropped", Renew: withoutEvents},
		{Name: "renewal registers nobody", Renew: unregistered},
		{Name: "fill without a look at the index", View: func(p *process, v revocast.View) revocast.View { return newRashView(p, v) }},
		{Name: "frontier passes holes", AckHoles: true},
		{Name: "clock read before the pause", StaleClock: true},
		{Name: "no verification", Verify: func(revocast.Verified, error) (revocast.Verified, error) {
			return revocast.Verified{Settled: true}, nil
		}},
		{Name: "epoch settled at once", Verify: func(_ revocast.Verified, err error) (revocast.Verified, error) {
			return revocast.Verified{Settled: true}, err
		}},
		{Name: "no wait for leases", Terms: func(t *revocast.Terms) { t.Lease /= 4 }},
		{Name: "no wait for the members", NoMembers: true},
		{Name: "no wait for the stream", NoStreamWait: true},
		{Name: "recovery without the stream", NoRecovery: true},
	}
}

// fromReceipt makes the lease longer by what the answer took.
func fromReceipt(l *ledgerPort, ctx context.Context, r revocast.Renewal) (revocast.Renewed, error) {
	sent := time.Now()
	answer, err := l.Ledger.Renew(ctx, r)
	l.p.gate()
	answer.Terms.Lease += time.Since(sent) * 102 / 100
	return answer, err
}

func withoutEvents(l *ledgerPort, ctx context.Context, r revocast.Renewal) (revocast.Renewed, error) {
	answer, err := l.Ledger.Renew(ctx, r)
	if r.Applied.Rev > 0 {
		answer.Events, answer.More = nil, false
	}
	return answer, err
}

func unregistered(l *ledgerPort, ctx context.Context, r revocast.Renewal) (revocast.Renewed, error) {
	answer, err := l.Ledger.Renew(ctx, r)
	if err == nil {
		err = l.Ledger.Leave(ctx, r.Member)
	}
	return answer, err
}

// lateView applies an event after it has said that it did.
type lateView struct{ revocast.View }

func (v lateView) Apply(e revocast.Event) {
	time.AfterFunc(30*time.Millisecond, func() { v.View.Apply(e) })
}

// rashView keeps what it is given without asking the index.
type rashView struct {
	revocast.View
	p    *process
	mu   sync.Mutex // guards held
	held map[string]*revocast.Entry
}

func newRashView(p *process, v revocast.View) *rashView {
	return &rashView{View: v, p: p, held: make(map[string]*revocast.Entry)}
}

func (v *rashView) Get(_ revocast.Space, key string) *revocast.Entry {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.held[key]
}

func (v *rashView) Put(_ revocast.Space, key string, e *revocast.Entry, _ int64) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.held[key] = e
	return true
}

func (v *rashView) Drop(_ revocast.Space, key string) {
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

func (v *rashView) BeginLoad() {
	v.View.BeginLoad()
	v.mu.Lock()
	defer v.mu.Unlock()
	clear(v.held)
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
