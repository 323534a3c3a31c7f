package simulation

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"time"
)

// generator draws a scenario. Most are small: two workers, a publisher or two, a few calls and up
// to three faults close to them, under a short lease. Most flaws need no more than that, and dozens
// of them cost as much as one large scenario.
type generator struct {
	r     *rand.Rand
	s     Scenario
	large bool
	calls []time.Duration // when the calls are made
}

// Generate draws a scenario.
func Generate(seed uint64) Scenario {
	g := &generator{r: rand.New(rand.NewPCG(seed, 0x5eed)), s: Scenario{Seed: seed}}
	g.large = g.chance(40)
	g.size()
	g.program()
	g.faults()
	g.checks()
	g.clocks()
	g.liar()
	g.moves()
	slices.SortStableFunc(g.s.Steps, func(a, b Step) int { return cmp.Compare(a.At, b.At) })
	return g.s
}

func pick[T any](r *rand.Rand, from ...T) T { return from[r.IntN(len(from))] }

func (g *generator) chance(oneIn int) bool { return g.r.IntN(oneIn) == 0 }

func (g *generator) within(d time.Duration) time.Duration { return time.Duration(g.r.Int64N(int64(d))) }

// between draws from a range evenly over its orders of magnitude: a race may need
// microseconds, and a lapsed lease takes seconds.
func (g *generator) between(low, high time.Duration) time.Duration {
	span := math.Log(float64(high) / float64(low))
	return time.Duration(float64(low) * math.Exp(g.r.Float64()*span))
}

func (g *generator) size() {
	s := &g.s
	s.Workers, s.Publishers = pick(g.r, 1, 2, 2, 2), pick(g.r, 1, 1, 2)
	s.Lease = time.Duration(pick(g.r, 300, 300, 300, 450, 900)) * time.Millisecond
	if g.large {
		s.Workers, s.Publishers = 2+g.r.IntN(3), 1+g.r.IntN(3)
		s.Lease = time.Duration(pick(g.r, 300, 900, 1950, 3000)) * time.Millisecond
	}
	s.LogKeep = pick(g.r, 1000, 1000, 1+g.r.IntN(3))
	s.Index = pick(g.r, 0, 0, 0, 0, 0, 1, 2)
	s.Snapshots, s.Slow = g.chance(4), g.chance(4)
	s.Length = s.Lease + g.within(s.Lease)
	if g.large {
		s.Length = 2*s.Lease + g.within(4*s.Lease)
	}
	for range s.processes() {
		s.Rates = append(s.Rates, pick(g.r, 990, 1000, 1000, 1010))
	}
}

func (g *generator) add(at time.Duration, k Kind, who int) *Step {
	g.s.Steps = append(g.s.Steps, Step{
		At: max(0, at), Kind: k, Who: who, What: g.r.IntN(1 << 16), How: g.r.IntN(1 << 16),
	})
	return &g.s.Steps[len(g.s.Steps)-1]
}

func (g *generator) worker() int    { return g.r.IntN(g.s.Workers) }
func (g *generator) publisher() int { return g.s.Workers + g.r.IntN(g.s.Publishers) }

// program is what users do.
func (g *generator) program() {
	logins, calls := 2+g.r.IntN(2), 1+g.r.IntN(2)
	if g.large {
		logins, calls = 4+g.r.IntN(5), 2+g.r.IntN(6)
	}
	for range logins {
		g.add(0, Login, 0)
	}
	kinds := []Kind{Revoke, Revoke, Revoke, Revoke, Revoke, Revoke, Batch, Ban, Unban, Invalidate}
	for range calls {
		at := g.s.Lease/8 + g.within(g.s.Length*2/3)
		g.calls = append(g.calls, at)
		g.add(at, pick(g.r, kinds...), g.publisher())
		if g.chance(3) { // another one on its heels
			g.add(at+g.between(20*time.Microsecond, 50*time.Millisecond), pick(g.r, kinds...), g.publisher())
		}
		if g.chance(4) {
			g.add(at+g.between(20*time.Microsecond, g.s.Lease), Login, 0)
		}
	}
}

// checks are made by every worker now and then, and more often around the calls. There
// are more whenever something is confirmed: see world.confirmed.
func (g *generator) checks() {
	for w := range g.s.Workers {
		g.add(g.within(time.Millisecond), Check, w)
		for at := g.within(g.s.Lease / 2); at < g.s.Length; at += g.s.Lease/8 + g.within(g.s.Lease/2) {
			g.add(at, Check, w)
		}
	}
	for _, at := range g.calls {
		for range 2 {
			g.add(at+g.aside(), CheckOne, g.worker())
		}
	}
}

// aside is a little before or after, mostly after.
func (g *generator) aside() time.Duration {
	d := g.between(20*time.Microsecond, g.s.Lease)
	if g.chance(3) {
		return -d
	}
	return d
}

// clocks makes one wall clock wrong in one scenario of four, by up to ten seconds. There are
// fresh tokens then, which are shown before something is revoked, and a login after.
func (g *generator) clocks() {
	if !g.chance(4) {
		return
	}
	off := g.between(time.Second, 9*time.Second)
	if g.chance(2) {
		off = -off
	}
	c := &g.s.Clocks
	switch g.r.IntN(4) {
	case 0, 1:
		c.Issuer = off
	case 2:
		c.Ledger = off
	case 3:
		c.Process, c.Who = off, g.r.IntN(g.s.processes())
	}
	at := pick(g.r, g.calls...)
	for range 2 {
		g.add(at-g.s.Lease/8-g.within(g.s.Lease/8), Login, 0)
	}
	g.add(at-g.s.Lease/16, Check, g.worker())
	g.add(at, Revoke, g.publisher())
	g.add(at+g.s.Lease, Login, 0)
	g.add(at+g.s.Lease+time.Millisecond, Check, g.worker())
	g.s.Length = max(g.s.Length, at+g.s.Lease*5/4)
}
