package realm

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/oklog/run"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/serving"
	"github.com/revocast/revocast/internal/throttle"
	"github.com/revocast/revocast/publisher"
)

// prepareAgain is the pause before the next attempt to prepare a realm whose stores did not answer
// at the start. A random time, at most as long, is added.
const prepareAgain = 2 * time.Second

// Publisher is a [publisher.Publisher] with what it needs around it: a look at the realm's
// streams at the start, and the watch on Redis' configuration.
type Publisher struct {
	*publisher.Publisher

	realm    *Realm
	replicas int
	watch    *suitedWatch
	say      *throttle.Log
	prepared bool // Prepare has reported its result
	done     bool // and the streams are as they must be
}

// Publisher returns a publisher of the realm. Nothing happens before Run. It fails with
// [revocast.ErrInvalid] where an option makes no sense.
func (r *Realm) Publisher(o publisher.Options) (*Publisher, error) {
	if o.Logger == nil {
		o.Logger = r.log
	}
	if o.Names == nil {
		o.Names = r.names
	}
	if o.NameKeys == nil {
		o.NameKeys = r.keys
	}
	p, err := publisher.New(r.ledger, r.bus, o)
	if err != nil {
		return nil, err
	}
	return &Publisher{
		Publisher: p,
		realm:     r, replicas: o.StreamReplicas,
		watch: &suitedWatch{ledger: r.ledger, log: o.Logger},
		say:   throttle.New(o.Logger, nil),
	}, nil
}

// Suited reports whether the last look found Redis configured so that it forgets nothing.
func (p *Publisher) Suited() bool { return p.watch.Suited() }

// Prepare is the first step of Run, for a program that wants to fail before it listens: on a realm
// that neither store knows it returns [revocast.ErrUninitialised], since somebody has to make it or
// to name another one. Run tries again after any other error. Do not call it while Run runs.
func (p *Publisher) Prepare(ctx context.Context) error {
	if p.prepared {
		return nil
	}
	err := p.realm.Prepare(ctx, p.replicas)
	if errors.Is(err, revocast.ErrUninitialised) {
		return err
	}
	p.prepared, p.done = true, err == nil
	if err != nil {
		p.complain(err)
	}
	return nil
}

func (p *Publisher) complain(err error) {
	p.say.Warn("prepare", "the realm's streams could not be looked after; going on without, and tried again", "error",
		err)
}

// Run prepares the realm and publishes, repeats, confirms and recovers until ctx ends. It
// fails as [publisher.Publisher.Run] and [Publisher.Prepare] do.
func (p *Publisher) Run(ctx context.Context) error {
	if err := p.Prepare(ctx); err != nil {
		return err
	}
	var g run.Group
	g.Add(serving.Stopper(ctx))
	g.Add(serving.Actor(p.Publisher.Run))
	g.Add(serving.Actor(p.watch.Run))
	g.Add(serving.Actor(p.keepPreparing))
	return g.Run()
}

// keepPreparing tries until the streams are as they must be or ctx ends, and then waits for
// that: a publisher that waits for NATS commits meanwhile.
func (p *Publisher) keepPreparing(ctx context.Context) error {
	for !p.done {
		timer := time.NewTimer(prepareAgain + rand.N(prepareAgain))
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C:
		}
		err := p.realm.Prepare(ctx, p.replicas)
		if p.done = err == nil; !p.done {
			p.complain(err)
			continue
		}
		p.say.Info("prepared", "the realm's streams are as they must be")
	}
	<-ctx.Done()
	return nil
}
