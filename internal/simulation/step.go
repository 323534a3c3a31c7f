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
	default:
		took = w.fault(s)
	}
	if took {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.result.Happened.step(s.Kind)
	}
}

func (w *world) cut(s Step) {
	link := w.bus.Link(w.names[s.Who])
	link.Cut(s.How%2 == 0)
	w.later(s.For, link.Heal)
}

func (w *world) oneWay(s Step) {
	of := w.weather.deaf
	if s.How%2 == 0 {
		of = w.weather.mute
	}
	w.spell(of, s)
}

func (w *world) isolate(s Step) {
	w.spell(w.weather.deaf, s)
	w.spell(w.weather.mute, s)
	w.spell(w.weather.noLedger, s)
}

// spell is one fault of the network for as long as it lasts.
func (w *world) spell(of []int, s Step) {
	w.weather.change(of, s.Who, 1)
	w.later(s.For, func() { w.weather.change(of, s.Who, -1) })
}

func (w *world) pause(p *process, s Step) {
	p.pause()
	w.later(s.For, func() { w.wake(p, s.How) })
}

func (w *world) processWall(p *process, s Step) {
	d := leap(s, 240)
	w.moveProcess(p, d)
	w.later(s.For, func() { w.moveProcess(p, -d) })
}

func (w *world) crash(p *process, s Step) {
	p.crash()
	w.later(s.For, func() { w.restart(p) })
}

func (w *world) rejoin(p *process, s Step) {
	p.resume()
	p.end()
	w.later(s.For, func() { w.restart(p) })
}

func (w *world) zombie(p *process, s Step) {
	p.pause()
	w.mu.Lock()
	w.zombies = append(w.zombies, p)
	w.mu.Unlock()
	w.replace(s.Who, w.start(s.Who))
	w.later(s.For, func() { w.wake(p, s.How) })
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
