package simulation

import (
	"slices"
	"testing/synctest"
	"time"
)

// ending is the end of a fault.
type ending struct {
	at time.Duration
	do func()
}

// until lets virtual time pass up to an instant, and the faults end that end before.
func (w *world) until(at time.Duration) {
	for len(w.ends) > 0 && w.ends[0].at <= at {
		end := w.ends[0]
		w.ends = w.ends[1:]
		w.wait(end.at - w.now())
		end.do()
		synctest.Wait()
	}
	w.wait(at - w.now())
}

func (w *world) wait(d time.Duration) {
	if d > 0 {
		time.Sleep(d)
	}
	synctest.Wait()
}

// eventually waits until something holds, and reports whether it does.
func (w *world) eventually(within, every time.Duration, holds func() bool) bool {
	for end := w.now() + within; ; w.wait(every) {
		switch {
		case holds():
			return true
		case w.now() >= end:
			return false
		}
	}
}

// later ends a fault after d.
func (w *world) later(d time.Duration, do func()) {
	at := w.now() + d
	i := slices.IndexFunc(w.ends, func(e ending) bool { return e.at > at })
	if i < 0 {
		i = len(w.ends)
	}
	w.ends = slices.Insert(w.ends, i, ending{at, do})
}

// heal ends all faults.
func (w *world) heal() {
	for len(w.ends) > 0 {
		end := w.ends[0]
		w.ends = w.ends[1:]
		end.do()
		synctest.Wait()
	}
}

// inBackground runs a check or a call of a user, in a goroutine that has run one before
// if there is one that has nothing to do: its stack has grown already.
func (w *world) inBackground(do func()) {
	w.pending.Add(1)
	w.mu.Lock()
	n := len(w.idle)
	if n == 0 {
		w.mu.Unlock()
		w.calls.Go(func() { w.runner(do) })
		return
	}
	next := w.idle[n-1]
	w.idle = w.idle[:n-1]
	w.mu.Unlock()
	next <- do
}

func (w *world) runner(do func()) {
	next := make(chan func(), 1)
	for do != nil {
		do()
		w.pending.Add(-1)
		w.mu.Lock()
		w.idle = append(w.idle, next)
		w.mu.Unlock()
		do = <-next
	}
}

// dismiss ends the goroutines that have nothing to do. By then all have nothing to do.
func (w *world) dismiss() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, next := range w.idle {
		close(next)
	}
	w.idle = nil
}
