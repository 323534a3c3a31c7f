package wiring

import (
	"context"
	"errors"
	"fmt"

	"github.com/revocast/revocast"
)

// StreamOptions are what the realm's streams need under these terms.
func StreamOptions(t revocast.Terms, replicas int) revocast.StreamOptions {
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

func (s *Stores) terms(ctx context.Context) (revocast.Terms, error) {
	d, err := s.Ledger.Describe(ctx)
	if err != nil {
		return revocast.Terms{}, err
	}
	if d.State != revocast.LedgerUninitialised {
		return d.Terms, nil
	}
	record, err := s.Bus.Epoch(ctx)
	if errors.Is(err, revocast.ErrNotFound) {
		return revocast.Terms{}, WithHint(
			fmt.Errorf("%w: neither Redis nor JetStream knows the realm", revocast.ErrUninitialised),
			"if the realm is new, run `publisher init` with the same --nats, --redis and --realm; if it is not, these are the wrong servers")
	}
	return record.Terms, err
}
