package simulation

import (
	"context"
	"time"

	"github.com/revocast/revocast"
)

// step does one step of the scenario.
func (w *world) step(s Step) {
	switch s.Kind {
	case Login:
		w.login(s)
	case Check:
		w.checkSoon(w.processes[s.Who], w.token(s.What))
	case Revoke, Ban, Unban, Invalidate:
		w.call(s)
	case Weather, Cut, OneWay, Isolate, NoLedger, NoAnswer:
		w.network(s)
	case Pause, Crash, ProcessWall:
		w.processFault(s)
	default:
		w.storeFault(s)
	}
}

func (w *world) network(s Step) {
	of := w.weather.rough
	switch s.Kind {
	case Cut:
		link := w.bus.Link(w.s.name(s.Who))
		link.Cut(s.How%2 == 0)
		w.later(s.For, link.Heal)
		return
	case OneWay:
		if of = w.weather.deaf; s.How%2 == 0 {
			of = w.weather.mute
		}
	case Isolate:
		for _, of := range [...][]int{w.weather.deaf, w.weather.mute, w.weather.noLedger} {
			w.weather.change(of, s.Who, 1)
			w.later(s.For, func() { w.weather.change(of, s.Who, -1) })
		}
		return
	case NoLedger:
		of = w.weather.noLedger
	case NoAnswer:
		of = w.weather.noAnswer
	}
	w.weather.change(of, s.Who, 1)
	w.later(s.For, func() { w.weather.change(of, s.Who, -1) })
}

func (w *world) processFault(s Step) {
	p := w.processes[s.Who]
	switch s.Kind {
	case Pause:
		p.pause()
		w.later(s.For, func() {
			p.resume()
			w.checkAll(p)
			go func() {
				<-time.After(20 * time.Millisecond)
				p.frozen.Store(0)
			}()
		})
	case ProcessWall:
		p.clock.ahead.Add(int64(jump(s)))
	case Crash:
		if p.dead.Load() {
			return
		}
		p.crash()
		w.later(s.For, func() {
			<-p.ended
			w.replace(s.Who, w.start(s.Who))
		})
	}
}

// jump is up to half a minute, in either direction.
func jump(s Step) time.Duration {
	return time.Duration(s.What%60_000-30_000) * time.Millisecond
}

func (w *world) storeFault(s Step) {
	switch s.Kind {
	case Restart:
		w.ledger.Restart()
	case RollBack:
		to := w.ledger.Position()
		to.Rev -= min(to.Rev, uint64(s.What%4))
		w.ledger.RollBack(to)
	case Empty:
		w.ledger.Empty()
	case LedgerWall:
		w.moveLedger(jump(s))
	case Truncate:
		w.bus.Truncate(max(0, len(w.bus.Events())+1-s.What%4)) // one is the record
	case LoseStream:
		w.bus.Lose()
		w.later(s.For, func() {
			if err := w.bus.Link("operator").Prepare(context.Background(), w.terms.StreamOptions()); err != nil {
				w.fail("prepare: %v", err)
			}
		})
	case FillStream:
		w.bus.Fill(true)
		w.later(s.For, func() { w.bus.Fill(false) })
	}
}

// moveLedger lets the ledger's wall clock jump. A call under way may be committed by
// either time.
func (w *world) moveLedger(d time.Duration) {
	w.ledger.Advance(d)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ahead += d
	for _, p := range w.calling {
		p.cut = min(p.cut, w.ledgerWallLocked())
	}
}

func (w *world) ledgerWallLocked() int64 { return time.Now().Add(w.ahead).UnixMilli() }

// token is a token that somebody has.
type token struct {
	number int
	bearer string
	claims *revocast.Claims
	keys   revocast.Keys
}

// verifier knows every token.
type verifier struct{ w *world }

// Verify implements [revocast.Verifier].
func (v verifier) Verify(_ context.Context, bearer string) (*revocast.Claims, error) {
	v.w.mu.Lock()
	defer v.w.mu.Unlock()
	for _, t := range v.w.tokens {
		if t.bearer == bearer {
			return t.claims, nil
		}
	}
	return nil, revocast.ErrMalformed
}
