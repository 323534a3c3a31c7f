package faults

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"
)

// action is one fault of a drawn schedule: when it begins, what it is, how long it lasts.
type action struct {
	at, lasts time.Duration
	name      string
	loses     bool // a store may lose what it had
	// run injects the fault, waits for lasts and ends it, unless it leaves the end to
	// [Trial.Converge].
	run func(context.Context, *Trial, time.Duration) error
}

func (a action) String() string {
	return fmt.Sprintf("+%.1fs %s, %.1fs", a.at.Seconds(), a.name, a.lasts.Seconds())
}

// draw makes up an action for a shape.
type draw func(*rand.Rand, Shape) action

// Drawn is a scenario of several faults, drawn from a seed: the same seed and shape give the same
// schedule. At most one of them loses what a store had.
func Drawn(seed uint64, shape Shape) Scenario {
	stream := uint64(7)
	if shape.Replica {
		stream++ // other schedules than without
	}
	random := rand.New(rand.NewPCG(seed, stream))
	var schedule []action
	for range 1 + random.IntN(3) {
		schedule = append(schedule, one(random, shape, harmless()))
	}
	if random.IntN(2) == 0 {
		schedule = append(schedule, one(random, shape, losing(shape)))
	}
	s := Scenario{Name: fmt.Sprintf("drawn %d", seed), Strict: true, Replica: shape.Replica}
	var texts []string
	for i := range schedule {
		a := &schedule[i]
		a.at = time.Duration(random.Int64N(int64(shape.Lease)))
		s.Strict = s.Strict && !a.loses
		texts = append(texts, a.String())
	}
	s.What = strings.Join(texts, "; ")
	s.Run = func(ctx context.Context, t *Trial) error { return t.play(ctx, schedule) }
	return s
}

func one(random *rand.Rand, shape Shape, from []draw) action {
	a := from[random.IntN(len(from))](random, shape)
	if a.lasts == 0 {
		a.lasts = lasting(random, shape)
	}
	return a
}

// lasting is 0.1 s to three leases, short ones more often.
func lasting(random *rand.Rand, shape Shape) time.Duration {
	most := []time.Duration{shape.Lease / 2, shape.Lease, 3 * shape.Lease}[random.IntN(3)]
	return 100*time.Millisecond + time.Duration(random.Int64N(int64(most)))
}

// play runs every action at its time, and stops one lease after the last.
func (t *Trial) play(ctx context.Context, schedule []action) error {
	failures := make([]error, len(schedule))
	var all sync.WaitGroup
	for i, a := range schedule {
		all.Go(func() {
			err := t.Rest(ctx, a.at)
			if err == nil {
				err = a.run(ctx, t, a.lasts)
			}
			if err != nil {
				failures[i] = fmt.Errorf("%s: %w", a.name, err)
			}
		})
	}
	all.Wait()
	if err := errors.Join(failures...); err != nil {
		return err
	}
	return t.Rest(ctx, t.Lease/2)
}

// harmless faults lose nothing that a store has said it keeps.
func harmless() []draw {
	return []draw{drawKill, drawPause, drawPause, drawLink, drawLink, drawLink, drawNode, drawRedis}
}

// drawPeer names a publisher or, more often, a worker.
func drawPeer(random *rand.Rand, shape Shape) (string, func(*Trial) *Peer) {
	if i := random.IntN(shape.Publishers + shape.Workers); i < shape.Publishers {
		return fmt.Sprintf("publisher-%d", i+1), func(t *Trial) *Peer { return &t.Publishers[i].Peer }
	}
	i := random.IntN(shape.Workers)
	return fmt.Sprintf("worker-%d", i+1), func(t *Trial) *Peer { return &t.Workers[i].Peer }
}

// drawKill never kills the last publisher: when all of them are gone while Redis is emptied, no
// publisher is left that saw it serve, and an operator has to say that it is the right one.
func drawKill(random *rand.Rand, shape Shape) action {
	mortal := shape
	mortal.Publishers--
	name, peer := drawPeer(random, mortal)
	return action{name: name + " killed", run: func(ctx context.Context, t *Trial, d time.Duration) error {
		peer(t).Kill()
		return t.Rest(ctx, d) // Converge starts it
	}}
}

func drawPause(random *rand.Rand, shape Shape) action {
	name, peer := drawPeer(random, shape)
	return action{name: name + " stopped", run: func(ctx context.Context, t *Trial, d time.Duration) error {
		return t.paused(ctx, peer(t).Process, d)
	}}
}

// paused stops a process for a time. It may be killed by another action meanwhile.
func (t *Trial) paused(ctx context.Context, p *Process, d time.Duration) error {
	_ = p.Pause()
	err := t.Rest(ctx, d)
	_ = p.Resume()
	return err
}

func drawLink(random *rand.Rand, shape Shape) action {
	name, peer := drawPeer(random, shape)
	trouble, which := troubles()[random.IntN(len(troubles()))], random.IntN(3)
	return action{
		name: fmt.Sprintf("%s's connection to %s %s", name, [...]string{"NATS", "Redis", "NATS and Redis"}[which],
			trouble.name),
		run: func(ctx context.Context, t *Trial, d time.Duration) error {
			_, links := peer(t).some(which)
			for _, l := range links {
				trouble.begin(l)
			}
			err := t.Rest(ctx, d)
			for _, l := range links {
				l.Heal()
			}
			return err
		},
	}
}

func drawNode(random *rand.Rand, shape Shape) action {
	i := random.IntN(shape.Nodes)
	all, kill := random.IntN(3) == 0, random.IntN(2) == 0
	return action{
		name: fmt.Sprintf("%s %s", map[bool]string{true: "every NATS node", false: fmt.Sprintf("nats-%d", i+1)}[all],
			map[bool]string{true: "killed", false: "stopped"}[kill]),
		run: func(ctx context.Context, t *Trial, d time.Duration) error {
			nodes := t.Nodes[i : i+1]
			if all {
				nodes = t.Nodes
			}
			for _, n := range nodes {
				if kill {
					n.Kill()
				} else {
					_ = n.Pause()
				}
			}
			err := t.Rest(ctx, d)
			for _, n := range nodes {
				t.revive(n.Process)
			}
			return err
		},
	}
}

func drawRedis(random *rand.Rand, _ Shape) action {
	if random.IntN(2) == 0 {
		return action{name: "Redis stopped", run: func(ctx context.Context, t *Trial, d time.Duration) error {
			return t.paused(ctx, t.Primary().Process, d)
		}}
	}
	return action{name: "Redis killed", run: func(ctx context.Context, t *Trial, d time.Duration) error {
		p := t.Primary()
		p.Kill()
		err := t.Rest(ctx, d)
		t.revive(p.Process)
		return err
	}}
}
