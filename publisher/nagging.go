package publisher

import (
	"sync"
	"time"
)

// sayEvery is how often the log repeats a fault that lasts.
const sayEvery = time.Minute

// nagging logs a fault once, and again every minute while it lasts. It is safe for concurrent
// use.
type nagging struct {
	mu   sync.Mutex
	said time.Duration // when it was last said
	on   bool
}

// say calls still for an error, at most once a minute, and over once the error is gone.
func (n *nagging) say(now time.Duration, err error, still, over func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	switch {
	case err != nil && (!n.on || now-n.said >= sayEvery):
		n.on, n.said = true, now
		still()
	case err == nil && n.on:
		n.on = false
		if over != nil {
			over()
		}
	}
}
