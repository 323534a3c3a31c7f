package simulation

import "time"

// step does one step of the scenario.
func (w *world) step(s Step) {
	w.sawStep(&s)
	took := true
	switch s.Kind {
	case Login:
		w.login(s)
	case Check:
		w.checkAll(w.processes[s.Who], s.How)
	case CheckOne:
		w.checkSoon(w.processes[s.Who], w.holder(s.What), s.How)
	case Revoke, Batch, Ban, Unban, Invalidate:
		took = w.call(s)
	case Weather, Cut, OneWay, Isolate, NoLedger, NoAnswer:
		w.network(s)
	case Hostile:
		w.hostile(s)
	case Pause, Crash, Rejoin, Zombie, ProcessWall:
		took = w.processFault(s)
	case Restart, RollBack, Empty, Vanish, LoseLog, Fork, StopLedger, ChangeTerms, LedgerWall, TrimLog:
		took = w.ledgerFault(s)
	default:
		took = w.streamFault(s)
	}
	if took {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.result.Happened.step(s.Kind)
	}
}

func (w *world) network(s Step) {
	of := w.weather.rough
	switch s.Kind {
	case Cut:
		link := w.bus.Link(w.names[s.Who])
		link.Cut(s.How%2 == 0)
		w.later(s.For, link.Heal)
		return
	case OneWay:
		if of = w.weather.deaf; s.How%2 == 0 {
			of = w.weather.mute
		}
	case Isolate:
		w.spell(w.weather.deaf, s)
		w.spell(w.weather.mute, s)
		of = w.weather.noLedger
	case NoLedger:
		of = w.weather.noLedger
	case NoAnswer:
		of = w.weather.noAnswer
	}
	w.spell(of, s)
}

// spell is one fault of the network for as long as it lasts.
func (w *world) spell(of []int, s Step) {
	w.weather.change(of, s.Who, 1)
	w.later(s.For, func() { w.weather.change(of, s.Who, -1) })
}

func (w *world) processFault(s Step) bool {
	p := w.processes[s.Who]
	if p.dead.Load() {
		return false
	}
	switch s.Kind {
	case Pause:
		p.pause()
		w.later(s.For, func() { w.wake(p, s.How) })
	case ProcessWall:
		d := leap(s, 240)
		w.moveProcess(p, d)
		w.later(s.For, func() { w.moveProcess(p, -d) })
	case Crash:
		p.crash()
		w.later(s.For, func() { w.restart(p) })
	case Rejoin:
		p.resume()
		p.end()
		w.later(s.For, func() { w.restart(p) })
	case Zombie:
		p.pause()
		w.mu.Lock()
		w.zombies = append(w.zombies, p)
		w.mu.Unlock()
		w.replace(s.Who, w.start(s.Who))
		w.later(s.For, func() { w.wake(p, s.How) })
	}
	return true
}

// wake lets a stopped process go on, with checks in the very moment that it wakes.
func (w *world) wake(p *process, how int) {
	p.resume()
	w.checkAll(p, how)
	if !w.mutant.StaleClock {
		p.frozen.Store(0)
		return
	}
	w.calls.Go(func() {
		time.Sleep(20 * time.Millisecond)
		p.frozen.Store(0)
	})
}

// restart puts another process in the place of one that is ending.
func (w *world) restart(p *process) {
	p.resume()
	<-p.ended
	if w.processes[p.number] == p {
		w.replace(p.number, w.start(p.number))
	}
}

// leap is a jump, or one that is so many times as far.
func leap(s Step, times time.Duration) time.Duration {
	if s.How%3 == 0 {
		return times * jump(s)
	}
	return jump(s)
}

// jump is up to half a minute, in either direction.
func jump(s Step) time.Duration {
	return time.Duration(s.What%60_000-30_000) * time.Millisecond
}
