package worker

import (
	"context"
	"sync"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/component"
)

// flight lets concurrent callers with the same key share one run of a function whose result depends
// on the key alone. A revocation check is not such a function: a caller that joined a check under
// way could get an answer from before it asked.
type flight struct {
	mu    sync.Mutex
	calls map[string]*flightCall // those under way
}

type flightCall struct {
	done   chan struct{} // closed when claims and err are set
	claims *revocast.Claims
	err    error
}

// do runs fn for key, or waits for the run under way. The run does not end with the
// context of the caller that happens to lead it.
func (f *flight) do(ctx context.Context, key string,
	fn func(context.Context) (*revocast.Claims, error),
) (*revocast.Claims, error) {
	f.mu.Lock()
	c, running := f.calls[key]
	if !running {
		c = &flightCall{done: make(chan struct{}), err: revocast.ErrUnknown}
		if f.calls == nil {
			f.calls = make(map[string]*flightCall)
		}
		f.calls[key] = c
	}
	f.mu.Unlock()
	if !running {
		f.lead(ctx, key, c, fn)
		return c.claims, c.err
	}
	select {
	case <-c.done:
		return c.claims, c.err
	case <-ctx.Done():
		return nil, component.JoinCause(revocast.ErrUnknown, ctx)
	}
}

// lead runs fn. If fn panics, the callers that wait get ErrUnknown, and the panic goes on.
func (f *flight) lead(ctx context.Context, key string, c *flightCall,
	fn func(context.Context) (*revocast.Claims, error),
) {
	defer func() {
		f.mu.Lock()
		delete(f.calls, key)
		f.mu.Unlock()
		close(c.done)
	}()
	c.claims, c.err = fn(context.WithoutCancel(ctx))
}
