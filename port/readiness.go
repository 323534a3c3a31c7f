package port

import (
	"context"
	"fmt"
	"sync"
)

// Readiness is a condition that can be gained and lost again, with the reason while
// it is lost. Health endpoint, start-up and tests read the same object.
type Readiness struct {
	// mu guards err and changed: changed is closed and replaced exactly when err
	// goes from nil to non-nil or back.
	mu      sync.Mutex
	err     error
	changed chan struct{}
}

// NewReadiness returns a readiness that is lost for a reason, and a function that sets it: nil is
// ready. A holder of the readiness alone cannot change it.
func NewReadiness(reason error) (*Readiness, func(error)) {
	r := &Readiness{err: reason, changed: make(chan struct{})}
	return r, r.set
}

// Err returns nil while ready, else the reason why not.
func (r *Readiness) Err() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

// Wait blocks until ready, or until ctx ends; then it returns the reason why it is
// not ready, joined with the context's error.
func (r *Readiness) Wait(ctx context.Context) error {
	for {
		r.mu.Lock()
		err, changed := r.err, r.changed
		r.mu.Unlock()
		if err == nil {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("%w (%w)", err, context.Cause(ctx))
		}
	}
}

func (r *Readiness) set(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	flips := (r.err == nil) != (err == nil)
	r.err = err
	if flips {
		close(r.changed)
		r.changed = make(chan struct{})
	}
}
