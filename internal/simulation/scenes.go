package simulation

import (
	"slices"
	"time"
)

// faults come in three kinds: the network and the processes, and at most one of the
// stores.
func (g *generator) faults() {
	kinds := []Kind{
		Weather, Weather, Weather, Cut, Isolate, Isolate, OneWay, NoLedger, NoAnswer, Hostile,
		Pause, Pause, Pause, Crash, Crash, Rejoin, Zombie, ProcessWall, LedgerWall, StreamWall, FillStream, StopLedger,
		TrimLog, ChangeTerms,
	}
	switch g.r.IntN(11) {
	case 0, 1:
		g.store(Restart, RollBack, RollBack, RollBack, Empty, Vanish, Vanish, LoseLog)
	case 2, 3:
		g.store(Truncate, LoseStream, LoseEpochs, LoseEpoch, Recreate, Overrun, Forget, EditStream, EditStream,
			OlderEpochs, OlderStore)
	case 4:
		g.s.Fence = g.s.Lease / time.Duration(1+g.r.IntN(4))
		pick(g.r, g.fork, g.leftBehind, g.bothSides)()
	case 5:
		g.alone()
	case 6:
		g.latecomer()
	case 7:
		g.oneAfterTheOther()
	case 8:
		g.refilled()
	}
	n := pick(g.r, 0, 1, 1, 1, 2, 2, 3)
	if g.large {
		n = 1 + g.r.IntN(8)
	}
	for range n {
		g.fault(pick(g.r, kinds...))
	}
	if g.s.Snapshots && g.chance(2) {
		g.fault(TearSnapshot)
	}
}

func (g *generator) fault(k Kind) *Step {
	at := g.within(g.s.Length)
	if !g.chance(4) {
		at = pick(g.r, g.calls...) + g.aside()
	}
	f := g.add(at, k, g.r.IntN(g.s.processes()))
	f.For = g.between(time.Millisecond, 5*g.s.Lease/2)
	return f
}

// oneAfterTheOther has both stores lose something, the second one when both hold
// everything again: see world.whole.
func (g *generator) oneAfterTheOther() {
	ledger := pick(g.r, Restart, RollBack, Empty, Vanish)
	stream := pick(g.r, Truncate, LoseStream, LoseEpochs, LoseEpoch, Recreate, Overrun, EditStream, OlderEpochs,
		OlderStore)
	if g.chance(2) {
		ledger, stream = stream, ledger
	}
	at := pick(g.r, g.calls...) + g.aside()
	g.add(at, ledger, 0)
	at = max(0, at) + g.s.Lease + g.within(2*g.s.Lease)
	for range 3 {
		g.add(at, stream, 0)
		at += g.s.Lease/2 + g.within(g.s.Lease)
	}
	g.s.Length = max(g.s.Length, at)
}

// refilled has a principal revoked, logged in again and banned while the stream, which
// has lost the first, is refilled, and some of all that does not get through.
func (g *generator) refilled() {
	at, by, back := g.s.Lease/8+g.within(g.s.Lease/8), g.publisher(), g.s.Lease/32
	again := func(s *Step, how int) { s.What, s.How = 0, how }
	again(g.add(at, Revoke, by), 11)
	again(g.add(at+back, Login, 0), 0)
	g.add(at+2*back, pick(g.r, LoseStream, Truncate, Recreate, Overrun), 0)
	g.add(at+2*back, Weather, g.worker()).For = 3 * g.s.Lease
	for range 2 {
		again(g.add(at+3*back+g.within(g.s.Lease), pick(g.r, Ban, Ban, Unban, Revoke), by), pick(g.r, 8, 11))
	}
	g.s.Length = max(g.s.Length, at+2*g.s.Lease)
}

// liar lies around some of the calls in one scenario of six, and often it helps itself: a worker hears
// nothing then that it could acknowledge. One liar in four does not, and nothing else goes wrong: see
// world.heldUp.
func (g *generator) liar() {
	if !g.chance(6) {
		return
	}
	alone := g.chance(4)
	if alone {
		g.s.Slow, g.s.Index = false, 0
		g.s.Steps = slices.DeleteFunc(g.s.Steps, func(s Step) bool { return s.Kind.fault() })
	}
	for range 1 + g.r.IntN(2) {
		at := pick(g.r, g.calls...)
		g.add(at-g.s.Lease/8, Liar, g.worker()).For = g.s.Lease + g.within(g.s.Lease)
		if !alone && g.chance(2) {
			g.add(at-g.between(time.Millisecond, g.s.Lease/8), OneWay, g.worker()).For = g.s.Lease
		}
		g.s.Length = max(g.s.Length, at+2*g.s.Lease)
	}
}

// moves gives the realm a name secret, in one scenario of ten.
func (g *generator) moves() {
	if !g.chance(10) {
		return
	}
	at := pick(g.r, g.calls...) + g.aside()
	g.add(at, MoveNames, 0)
	g.s.Length = max(g.s.Length, at+2*g.s.Lease)
}

// store loses something, perhaps twice.
func (g *generator) store(kinds ...Kind) {
	g.fault(pick(g.r, kinds...))
	if g.chance(3) {
		g.fault(pick(g.r, kinds...))
	}
	if g.chance(8) {
		g.s.Fence = g.s.Lease / 3
	}
}

// The following scenes are those that chance alone makes too rarely.

// fork cuts a primary off with some of the processes, just as something is revoked on
// either side or soon after. There are checks all along.
func (g *generator) fork() {
	at := max(0, pick(g.r, g.calls...)+g.aside())
	f := g.add(at, Fork, 0)
	f.For = g.between(g.s.Lease/8, 3*g.s.Lease)
	for range 2 {
		g.add(at+g.within(2*g.s.Lease), Revoke, g.publisher())
	}
	for after := g.within(g.s.Lease / 4); after < 3*g.s.Lease; after += g.s.Lease/20 + g.within(g.s.Lease/2) {
		g.add(at+after, Check, g.worker())
	}
	g.s.Length = max(g.s.Length, at+3*g.s.Lease)
}

// leftBehind cuts a primary off with one worker, which hears nothing of the bus either,
// and has something revoked when the others have carried on for a while.
func (g *generator) leftBehind() {
	at, who, lasts := g.s.Lease/8+g.within(g.s.Lease), g.worker(), g.s.Fence+4*g.s.Lease
	f := g.add(at, Fork, 0)
	f.How, f.For = 1<<who, lasts
	alone := g.add(at-g.within(g.s.Lease/8), OneWay, who)
	alone.How, alone.For = 1, lasts
	g.add(at+g.s.Fence+g.s.Lease+g.within(2*g.s.Lease), Revoke, g.publisher())
	for after := g.s.Fence + g.s.Lease; after < lasts; after += g.s.Lease/20 + g.within(g.s.Lease/5) {
		g.add(at+after, Check, who)
	}
	g.s.Length = max(g.s.Length, at+lasts)
}

// bothSides cuts a primary off with a publisher that has something revoked there as long
// as it can, when the others have long begun to carry on.
func (g *generator) bothSides() {
	s := &g.s
	if s.Publishers < 2 {
		g.fork()
		return
	}
	s.Fence = s.Lease
	at, last := s.Lease/8+g.within(s.Lease/2), s.processes()-1
	f := g.add(at, Fork, 0)
	f.How, f.For = 1<<last, s.Fence+s.Lease
	g.add(at+g.within(s.Fence/4), Revoke, s.Workers)
	for range 2 {
		g.add(at+s.Fence/2+g.within(s.Fence/2), Revoke, last)
	}
	s.Length = max(s.Length, at+s.Fence+s.Lease)
}

// latecomer has something revoked while a worker is away, and again when it is back and
// does not hear it.
func (g *generator) latecomer() {
	at, who, by := g.s.Lease/8+g.within(g.s.Lease/2), g.worker(), g.publisher()
	g.add(at, Rejoin, who).For = g.s.Lease / 8
	g.add(at+g.within(g.s.Lease/8), Revoke, by)
	back := at + g.s.Lease/8 + g.s.Lease/4
	g.add(back, OneWay, who).For = g.s.Lease
	g.add(back+g.within(g.s.Lease/4), Revoke, by)
	g.s.Length = max(g.s.Length, back+g.s.Lease)
}

// alone leaves a worker all by itself while something is revoked that it has in its
// memory, perhaps after it was slow to be answered.
func (g *generator) alone() {
	call := pick(g.r, g.calls...)
	who := g.worker()
	if g.chance(2) {
		slow := g.add(call-g.s.Lease, Weather, who)
		slow.For = g.s.Lease
	}
	f := g.add(call-g.between(time.Millisecond, g.s.Lease/2), pick(g.r, Isolate, Isolate, Pause), who)
	f.For = g.s.Lease/2 + g.within(2*g.s.Lease)
	for at := call; at < call+g.s.Lease+g.s.Lease/4; at += g.s.Lease/20 + g.within(g.s.Lease/20) {
		g.add(at, Check, who)
	}
	g.s.Length = max(g.s.Length, call+g.s.Lease*3/2)
}
