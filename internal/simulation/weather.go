package simulation

import (
	"encoding/binary"
	"fmt"
	"sync"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/sim"
)

// mix is a random number that depends on its arguments alone.
func mix(numbers ...uint64) uint64 {
	h := uint64(0x9e3779b97f4a7c15)
	for _, n := range numbers {
		h ^= n + 0x9e3779b97f4a7c15 + h<<6 + h>>2
		h ^= h >> 30
		h *= 0xbf58476d1ce4e5b9
		h ^= h >> 27
		h *= 0x94d049bb133111eb
		h ^= h >> 31
	}
	return h
}

func hashText(text string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(text) {
		h = (h ^ uint64(text[i])) * 1099511628211
	}
	return h
}

// weather is what the network does to each process's links at the moment. What becomes
// of a message depends on the seed, the link, the kind of message and how many of them
// went before.
type weather struct {
	seed uint64

	mu       sync.Mutex // guards the rest
	rough    []int      // how many faults make each process's links rough
	noLedger []int
	noAnswer []int
	deaf     []int // nothing of the bus comes to the process
	mute     []int // nothing on the bus comes from it
	count    map[uint64]uint64
	number   map[string]int // of a process by its link's name
}

func newWeather(s *Scenario) *weather {
	n := s.Workers + s.Publishers
	w := &weather{
		seed: s.Seed, rough: make([]int, n), noLedger: make([]int, n), noAnswer: make([]int, n),
		deaf: make([]int, n), mute: make([]int, n), count: make(map[uint64]uint64), number: make(map[string]int),
	}
	for i := range n {
		w.number[s.name(i)] = i
	}
	return w
}

// change adds d to one fault of one process.
func (w *weather) change(of []int, who, d int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	of[who] += d
}

func (w *weather) drawLocked(what string, content uint64) chance {
	h := mix(w.seed, hashText(what), content)
	w.count[h]++
	return chance(mix(h, w.count[h]))
}

// content tells apart what one link may carry at one instant.
func content(arg any) uint64 {
	switch x := arg.(type) {
	case []revocast.Key:
		return uint64(binary.LittleEndian.Uint32(x[0][:]))
	case revocast.Event:
		return mix(x.Position.Epoch, x.Position.Rev)
	case []revocast.Event:
		if len(x) > 0 {
			return uint64(binary.LittleEndian.Uint32(x[0].Key[:]))
		}
	}
	return 0
}

// chance is a random number that is used up bit by bit.
type chance uint64

func (c *chance) below(n uint64) uint64 {
	v := uint64(*c) % n
	*c = chance(mix(uint64(*c), n))
	return v
}

func (c *chance) upTo(d time.Duration) time.Duration {
	return time.Duration(c.below(uint64(d/time.Microsecond)+1)) * time.Microsecond
}

const forever = 4 * time.Second // longer than most calls wait for an answer

// hook decides about the calls of one process.
func (w *weather) hook(who int) sim.Hook {
	return func(c sim.Call) sim.Fault {
		w.mu.Lock()
		defer w.mu.Unlock()
		x := w.drawLocked(c.Link+string(c.Op), content(c.Arg))
		f := sim.Fault{Delay: 50*time.Microsecond + x.upTo(400*time.Microsecond), After: 50*time.Microsecond + x.upTo(400*time.Microsecond), Late: x.below(2) == 0}
		if c.Op == sim.OpAcknowledge {
			return sim.Fault{}
		}
		onBus := c.Op == sim.OpPublish || c.Op == sim.OpReplay || c.Op == sim.OpEpoch || c.Op == sim.OpClaimEpoch || c.Op == sim.OpPrepare
		switch {
		case !onBus && w.noLedger[who] > 0:
			f.Drop, f.Err = true, fmt.Errorf("%w: no way to the ledger", revocast.ErrUnavailable)
		case !onBus && w.noAnswer[who] > 0:
			f.After = forever
		case w.rough[who] > 0:
			roughen(&f, &x, c.Op == sim.OpPublish)
		}
		return f
	}
}

func roughen(f *sim.Fault, x *chance, publish bool) {
	switch x.below(8) {
	case 0:
		f.Drop, f.Err = true, fmt.Errorf("%w: request lost", revocast.ErrUnavailable)
	case 1:
		if publish {
			f.Err = fmt.Errorf("%w: answer lost", revocast.ErrUnavailable)
			return
		}
		f.After = forever
	case 2, 3:
		f.Delay += x.upTo(2 * time.Second)
	case 4, 5:
		f.After += x.upTo(2 * time.Second)
	}
}

// deliver decides about the messages of the bus.
func (w *weather) deliver(m sim.Message) []time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	from, ok := w.number[m.From]
	to, known := w.number[m.To]
	what := mix(0)
	if m.Event != nil {
		what = content(*m.Event)
	} else if m.Ack != nil {
		what = mix(m.Ack.Applied.Epoch, m.Ack.Applied.Rev, 1)
	}
	x := w.drawLocked(m.From+">"+m.To, what)
	first := 100*time.Microsecond + x.upTo(800*time.Microsecond)
	if !ok || !known {
		return []time.Duration{first}
	}
	if w.deaf[to] > 0 || w.mute[from] > 0 {
		return nil
	}
	if w.rough[from] == 0 && w.rough[to] == 0 {
		return []time.Duration{first}
	}
	switch x.below(8) {
	case 0, 1:
		return nil
	case 2, 3:
		return []time.Duration{first + x.upTo(5*time.Second)}
	case 4:
		return []time.Duration{first, first + x.upTo(3*time.Second), first + x.upTo(time.Second)}
	}
	return []time.Duration{first + x.upTo(20*time.Millisecond)}
}
