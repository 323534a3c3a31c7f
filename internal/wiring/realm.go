package wiring

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/throttle"
	"github.com/revocast/revocast/port"
)

// StreamOptions are what the realm's streams need under these terms.
func StreamOptions(t port.Terms, replicas int) port.StreamOptions {
	o := t.StreamOptions()
	o.Replicas = replicas
	return o
}

// PrepareRealm makes sure that the realm has been made, and that its streams are as
// the protocol needs them. A ledger that is empty while JetStream knows the realm is
// the publisher's to judge.
func (s *Stores) PrepareRealm(ctx context.Context, replicas int) error {
	ctx, cancel := context.WithTimeout(ctx, 2*probeTimeout)
	defer cancel()
	terms, err := s.terms(ctx)
	if err != nil {
		return err
	}
	return s.Bus.Prepare(ctx, StreamOptions(terms, replicas))
}

// Pace of preparing a realm whose stores were not to be had at the start.
const prepareAgain = 2 * time.Second // and up to as much again

// Preparation makes sure of the realm's streams in the background, where that could not be
// done at the start: a publisher that waits for NATS commits meanwhile.
type Preparation struct {
	stores   *Stores
	replicas int
	log      *throttle.Log
}

// BeginRealm is PrepareRealm for a process that serves. A realm that neither store knows
// is an error, since somebody has to make it or to name another one. For anything else,
// what is returned goes on trying while it runs; nil: all is done.
func (s *Stores) BeginRealm(ctx context.Context, replicas int, logger *slog.Logger) (*Preparation, error) {
	err := s.PrepareRealm(ctx, replicas)
	if err == nil || errors.Is(err, revocast.ErrUninitialised) {
		return nil, err
	}
	p := &Preparation{s, replicas, throttle.New(logger, nil)}
	p.say(err)
	return p, nil
}

func (p *Preparation) say(err error) {
	p.log.Warn("prepare", "the realm's streams could not be looked after; going on without, and tried again", "error", err)
}

// Run tries until it is done or ctx ends, and then waits for that. It never fails.
func (p *Preparation) Run(ctx context.Context) error {
	for done := false; !done; {
		timer := time.NewTimer(prepareAgain + rand.N(prepareAgain))
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C:
		}
		err := p.stores.PrepareRealm(ctx, p.replicas)
		if done = err == nil; !done {
			p.say(err)
		}
	}
	p.log.Info("prepared", "the realm's streams are as they must be")
	<-ctx.Done()
	return nil
}

func (s *Stores) terms(ctx context.Context) (port.Terms, error) {
	d, err := s.Ledger.Describe(ctx)
	if err != nil {
		return port.Terms{}, err
	}
	if d.State != port.LedgerUninitialised {
		return d.Terms, nil
	}
	record, err := s.Bus.Epoch(ctx)
	if errors.Is(err, revocast.ErrNotFound) {
		return port.Terms{}, WithHint(
			fmt.Errorf("%w: neither Redis nor JetStream knows the realm", revocast.ErrUninitialised),
			"if the realm is new, run `publisher init` with the same --nats, --redis and --realm; if it is not, these are the wrong servers")
	}
	return record.Terms, err
}
