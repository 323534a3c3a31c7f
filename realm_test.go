package revocast_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/cache"
	"github.com/revocast/revocast/internal/sim"
)

// Parts of different realms would not notice: what one revokes has other keys in the other.
func TestPartsOfDifferentRealms(t *testing.T) {
	inWorld(t, func(w *world) {
		_, other := sim.NewRealm(t, sim.LedgerOptions{Realm: "prod"}, sim.BusOptions{})
		ledger, bus := w.ledger.Link("x"), other.Link("x")
		ctx := w.t.Context()
		for name, run := range map[string]func() error{
			"subscriber": func() error {
				return revocast.NewSubscriber(ledger, bus, cache.New(cache.Options{}), revocast.SubscriberOptions{Logger: logger()}).Run(ctx)
			},
			"publisher": func() error {
				return revocast.NewPublisher(ledger, bus, revocast.PublisherOptions{Logger: logger()}).Run(ctx)
			},
			"init": func() error {
				_, err := revocast.Init(ctx, ledger, bus, w.terms)
				return err
			},
			"audit": func() error {
				_, err := revocast.Audit(ctx, ledger, bus)
				return err
			},
			"repair": func() error {
				_, err := revocast.Repair(ctx, ledger, bus, revocast.JetStream, revocast.RepairOptions{})
				return err
			},
			"terms": func() error {
				_, err := revocast.ChangeTerms(context.WithoutCancel(ctx), ledger, bus, w.terms, revocast.PublisherOptions{Logger: logger()})
				return err
			},
		} {
			err := run()
			if !errors.Is(err, revocast.ErrInvalid) || !strings.Contains(err.Error(), `"test"`) || !strings.Contains(err.Error(), `"prod"`) {
				t.Errorf("%s: %v, want ErrInvalid that names both realms", name, err)
			}
		}
	})
}
