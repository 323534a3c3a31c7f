package realm

import (
	"context"

	"github.com/oklog/run"

	"github.com/revocast/revocast/cache"
	"github.com/revocast/revocast/internal/serving"
	"github.com/revocast/revocast/port"
	"github.com/revocast/revocast/worker"
)

// Worker is all that a service needs to refuse revoked tokens from its own memory: a
// [worker.Guard], the [worker.Subscriber] that keeps its memory true, the verifier's keys, and the
// watch on Redis' configuration.
type Worker struct {
	*worker.Guard

	subscriber *worker.Subscriber
	verifier   port.Verifier
	watch      *suitedWatch
}

// Worker returns a worker of the realm that accepts the tokens that v accepts; nil: opaque sessions
// alone. Nothing happens before Run. Two workers in one process need a verifier each, and a source of
// keys each: a source is read by one goroutine.
func (r *Realm) Worker(v port.Verifier, o worker.Options) (*Worker, error) {
	if o.Logger == nil {
		o.Logger = r.log
	}
	if o.Names == nil {
		o.Names = r.names
	}
	if o.View == nil {
		view, err := cache.New(cache.Options{})
		if err != nil {
			return nil, err
		}
		o.View = view
	}
	if broken, ok := v.(interface{ Err() error }); ok && broken.Err() != nil {
		return nil, broken.Err()
	}
	s, err := worker.NewSubscriber(r.ledger, r.bus, o.View, o.SubscriberOptions)
	if err != nil {
		return nil, err
	}
	g, err := worker.NewGuard(s, v, o.Guard)
	if err != nil {
		return nil, err
	}
	return &Worker{
		Guard: g, subscriber: s, verifier: v,
		watch: &suitedWatch{ledger: r.ledger, log: o.Logger},
	}, nil
}

// Subscriber returns the worker's memory and lease.
func (w *Worker) Subscriber() *worker.Subscriber { return w.subscriber }

// Suited reports whether the last look found Redis configured so that it forgets nothing.
func (w *Worker) Suited() bool { return w.watch.Suited() }

// Ready is [worker.Guard.Ready], and fails where the verifier has no keys: it would refuse every
// token.
func (w *Worker) Ready() error {
	if v, ok := w.verifier.(interface{ Ready() error }); ok {
		if err := v.Ready(); err != nil {
			return err
		}
	}
	return w.Guard.Ready()
}

// Run keeps keys and memory fresh until ctx ends, and then leaves the fleet. It fails as
// [worker.Subscriber.Run] does. Drain requests before ending ctx, as [Serve] does: a draining
// worker must keep hearing revocations.
func (w *Worker) Run(ctx context.Context) error {
	var g run.Group
	g.Add(serving.Stopper(ctx))
	if v, ok := w.verifier.(interface{ Run(context.Context) error }); ok {
		g.Add(serving.Actor(v.Run))
	}
	g.Add(serving.Actor(w.subscriber.Run))
	g.Add(serving.Actor(w.watch.Run))
	return g.Run()
}
