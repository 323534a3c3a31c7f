package fake

import (
	"context"
	"fmt"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

var _ port.Bus = (*BusLink)(nil)

// BusLink is one process's connection to a [Bus].
type BusLink struct {
	name string
	b    *Bus
	hooked

	// Under the bus's lock.
	cut    bool
	silent bool // and the process has not been told
}

// Cut partitions the process off: nothing comes through in either direction. The
// process is told, as by a client that misses its pings, unless silent: then it learns
// only when the link is healed.
func (k *BusLink) Cut(silent bool) {
	k.b.mu.Lock()
	defer k.b.mu.Unlock()
	k.cut, k.silent = true, silent
	k.eachSub(func(s *subscription) { s.cutLocked(silent) })
}

// Heal ends a partition. The process subscribes again.
func (k *BusLink) Heal() {
	k.b.mu.Lock()
	defer k.b.mu.Unlock()
	if !k.cut {
		return
	}
	wasSilent := k.silent
	k.cut, k.silent = false, false
	k.eachSub(func(s *subscription) { s.healLocked(wasSilent) })
}

// Suspect makes the process's tail report that it may have lost messages, as a slow
// consumer does.
func (k *BusLink) Suspect(err error) {
	k.b.mu.Lock()
	defer k.b.mu.Unlock()
	k.eachSub(func(s *subscription) { s.pushLocked(0, func(h *handler) { h.suspect(err) }) })
}

func (k *BusLink) eachSub(do func(*subscription)) {
	for _, s := range k.b.subs {
		if s.link == k {
			do(s)
		}
	}
}

func (k *BusLink) called(op Op, arg any) Call { return Call{k.name, op, arg} }
func (k *BusLink) time() *timers              { return &k.b.timers }

// atomically is one step of the server, unless the process is cut off.
func (k *BusLink) atomically(_ context.Context, _ Op, step func(refused error)) error {
	k.b.mu.Lock()
	defer k.b.mu.Unlock()
	step(k.reachLocked())
	return nil
}

// reachLocked fails while the process is cut off.
func (k *BusLink) reachLocked() error {
	if k.cut {
		return fmt.Errorf("%w: fake: %s is cut off", revocast.ErrUnavailable, k.name)
	}
	return nil
}

// Acknowledge implements [port.Bus].
func (k *BusLink) Acknowledge(a port.Ack) error {
	if l := k.b.annals; l != nil && !l.committed(a.Applied) {
		report(k.b.report, "%s acknowledges %s, which was never committed", k.name, a.Applied)
	}
	f := k.fault(k.called(OpAcknowledge, a))
	if f.Drop {
		return f.Err
	}
	k.b.mu.Lock()
	defer k.b.mu.Unlock()
	if k.cut && k.silent {
		return nil // lost, and nobody knows
	}
	if err := k.reachLocked(); err != nil {
		return err
	}
	k.b.sendLocked(Message{From: k.name, Ack: &a})
	return f.Err
}
