package simulation

import (
	"encoding/binary"
	"fmt"
	"sync"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/fake"
)

// weather is what the network does to each process's links at the moment. What becomes
// of a message depends on the seed, the link, the kind of message and how many of them
// went before, not on what else happens at that time.
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
	happened Happened
}

func newWeather(s *Scenario, names []string) *weather {
	n := s.processes()
	w := &weather{
		seed: s.Seed, rough: make([]int, n), noLedger: make([]int, n), noAnswer: make([]int, n),
		deaf: make([]int, n), mute: make([]int, n), count: make(map[uint64]uint64, 64), number: make(map[string]int, n),
	}
	for i := range n {
		w.number[names[i]] = i
	}
	return w
}

// change adds d to one fault of one process.
func (w *weather) change(of []int, who, d int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	of[who] += d
}

func (w *weather) draw(what, content uint64) chance {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.drawLocked(what, content)
}

func (w *weather) drawLocked(what, content uint64) chance {
	h := mix(w.seed, what, content)
	w.count[h]++
	return chance(mix(h, w.count[h]))
}

// content tells apart what one link may carry at one instant.
func content(arg any) uint64 {
	switch x := arg.(type) {
	case []revocast.Key:
		if len(x) > 0 {
			return uint64(binary.LittleEndian.Uint32(x[0][:]))
		}
	case revocast.Event:
		return mix(x.Position.Epoch, x.Position.Rev)
	case []revocast.Event:
		if len(x) > 0 {
			return uint64(binary.LittleEndian.Uint32(x[0].Key[:]))
		}
	}
	return 0
}

// hook decides about the calls of one process.
func (w *weather) hook(who int) fake.Hook {
	return func(c fake.Call) fake.Fault {
		if c.Op == fake.OpAcknowledge {
			return fake.Fault{}
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		w.happened.Calls++
		x := w.drawLocked(uint64(who)<<32^hashText(string(c.Op)), content(c.Arg))
		f := fake.Fault{
			Delay: 50*time.Microsecond + x.upTo(400*time.Microsecond),
			After: 50*time.Microsecond + x.upTo(400*time.Microsecond), Late: x.below(2) == 0,
		}
		switch {
		case !onBus(c.Op) && w.noLedger[who] > 0:
			f.Drop, f.Err = true, fmt.Errorf("%w: no way to the ledger", revocast.ErrUnavailable)
			w.happened.CallsLost++
		case !onBus(c.Op) && w.noAnswer[who] > 0:
			f.After = forever
			w.happened.AnswersLost++
		case w.rough[who] > 0:
			w.roughenLocked(&f, &x, c.Op == fake.OpPublish || c.Op == fake.OpRefill)
		}
		return f
	}
}

func onBus(op fake.Op) bool {
	switch op {
	case fake.OpPublish, fake.OpRefill, fake.OpReplay, fake.OpStream, fake.OpSaveSnapshot, fake.OpLoadSnapshot,
		fake.OpEpoch, fake.OpClaimEpoch, fake.OpPrepare, fake.OpMend:
		return true
	}
	return false
}

const forever = 4 * time.Second // longer than most calls wait for an answer

func (w *weather) roughenLocked(f *fake.Fault, x *chance, publish bool) {
	switch x.below(8) {
	case 0:
		f.Drop, f.Err = true, fmt.Errorf("%w: request lost", revocast.ErrUnavailable)
		w.happened.CallsLost++
	case 1:
		w.happened.AnswersLost++
		if publish {
			f.Err = fmt.Errorf("%w: answer lost", revocast.ErrUnavailable)
			return
		}
		f.After = forever
	case 2, 3:
		f.Delay += x.upTo(time.Second)
		w.happened.CallsLate++
	case 4, 5:
		f.After += x.upTo(time.Second)
		w.happened.CallsLate++
	}
}

// deliver decides about the messages of the bus.
func (w *weather) deliver(m fake.Message) []time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	from, ok := w.number[m.From]
	to, known := w.number[m.To]
	what := uint64(0)
	if m.Event != nil {
		what = content(*m.Event)
	} else if m.Ack != nil {
		what = mix(m.Ack.Applied.Epoch, m.Ack.Applied.Rev, 1)
	}
	x := w.drawLocked(uint64(from)<<8^uint64(to)^1<<48, what)
	w.happened.Messages++
	first := 100*time.Microsecond + x.upTo(800*time.Microsecond)
	switch {
	case !ok || !known:
		return []time.Duration{first}
	case w.deaf[to] > 0 || w.mute[from] > 0:
		w.happened.MessagesLost++
		return nil
	case w.rough[from] == 0 && w.rough[to] == 0:
		return []time.Duration{first}
	}
	return w.tossLocked(&x, first)
}

// tossLocked is what becomes of a message in rough weather.
func (w *weather) tossLocked(x *chance, first time.Duration) []time.Duration {
	switch x.below(8) {
	case 0, 1:
		w.happened.MessagesLost++
		return nil
	case 2, 3:
		w.happened.MessagesLate++
		return []time.Duration{first + x.upTo(3*time.Second)}
	case 4:
		w.happened.MessagesRepeated += 2
		return []time.Duration{first, first + x.upTo(2*time.Second), first + x.upTo(time.Second)}
	}
	return []time.Duration{first + x.upTo(20*time.Millisecond)}
}
