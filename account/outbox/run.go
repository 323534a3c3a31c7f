package outbox

import (
	"context"
	"errors"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/script"
)

const (
	page     = 100              // entries taken at a time
	callTime = 5 * time.Second  // for one of them
	refused  = 10 * time.Minute // before one that was refused as invalid is tried again
)

// Run completes the entries that calls have left behind, until ctx ends, and returns nil then. Any
// number of processes may run it: each entry is taken by one at a time.
func (o *Outbox) Run(ctx context.Context) error {
	timer := time.NewTimer(o.o.Every)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
		if err := o.sweep(ctx); err != nil && ctx.Err() == nil {
			o.say.Warn("read", "outbox: cannot be read", "error", err)
		}
		timer.Reset(o.o.Every)
	}
}

// sweep completes what is due now.
func (o *Outbox) sweep(ctx context.Context) error {
	for {
		ids, err := o.due(ctx)
		if err != nil {
			return err
		}
		for _, id := range ids {
			o.attempt(ctx, id)
		}
		if len(ids) < page {
			return nil
		}
	}
}

func (o *Outbox) due(ctx context.Context) ([]string, error) {
	reply, err := o.db.Run(ctx, dueScript, page, o.o.Again.Milliseconds())
	if err != nil {
		return nil, err
	}
	var ids []string
	r := script.Read(reply)
	for r.More() {
		ids = append(ids, r.Text())
	}
	return ids, r.Err
}

// attempt completes one entry until it is committed; the publisher does the rest by itself.
func (o *Outbox) attempt(parent context.Context, id string) {
	ctx, cancel := context.WithTimeout(parent, callTime)
	defer cancel()
	e, err := o.take(ctx, id)
	if err == nil && e.text != "" {
		_, err = o.tell(ctx, e, []revocast.CallOption{revocast.WithStrength(revocast.Committed)})
	}
	if err == nil || errors.Is(err, revocast.ErrPending) || parent.Err() != nil {
		return
	}
	var tooEarly *early
	switch {
	case errors.As(err, &tooEarly):
		o.say.Warn("early", "outbox: cannot be told yet", "id", id, "error", err)
		o.later(parent, id, tooEarly.wait)
	case errors.Is(err, revocast.ErrInvalid), errors.Is(err, revocast.ErrConflict):
		// It will be refused again, and is kept so that an operator can look at it.
		o.o.Logger.Error("outbox: refused", "id", id, "error", err)
		o.later(parent, id, refused)
	default:
		o.say.Warn("told", "outbox: the fleet could not be told; tried again", "id", id, "error", err)
	}
}

// later leaves an entry alone for a time.
func (o *Outbox) later(ctx context.Context, id string, d time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	if _, err := o.db.Run(ctx, laterScript, id, d.Milliseconds()); err != nil {
		o.say.Warn("later", "outbox: cannot be put off", "id", id, "error", err)
	}
}
