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

// Zero is the default; below zero is an error, where the part is run.
func TestOptionsBelowZero(t *testing.T) {
	inWorld(t, func(w *world) {
		ledger, bus, ctx := w.ledger.Link("x"), w.bus.Link("x"), w.t.Context()
		runPublisher := func(o revocast.PublisherOptions) error {
			o.Logger = logger()
			return revocast.NewPublisher(ledger, bus, o).Run(ctx)
		}
		runSubscriber := func(o revocast.SubscriberOptions) error {
			o.Logger = logger()
			return revocast.NewSubscriber(ledger, bus, cache.New(cache.Options{}), o).Run(ctx)
		}
		for name, err := range map[string]error{
			"CommitTimeout":  runPublisher(revocast.PublisherOptions{CommitTimeout: -1}),
			"Receipts":       runPublisher(revocast.PublisherOptions{Receipts: -1}),
			"MaxOpen":        runPublisher(revocast.PublisherOptions{MaxOpen: -1}),
			"StreamReplicas": runPublisher(revocast.PublisherOptions{StreamReplicas: -1}),
			"AuditEvery":     runPublisher(revocast.PublisherOptions{AuditEvery: -1}),
			"SnapshotEvery":  runPublisher(revocast.PublisherOptions{SnapshotEvery: -1}),
			"Canary":         runPublisher(revocast.PublisherOptions{Canary: -1}),
			"HoleDelay":      runSubscriber(revocast.SubscriberOptions{HoleDelay: -1}),
			"RenewLimit":     runSubscriber(revocast.SubscriberOptions{RenewLimit: -1}),
			"LoadRetry":      runSubscriber(revocast.SubscriberOptions{LoadRetry: -1}),
		} {
			if !errors.Is(err, revocast.ErrInvalid) || !strings.Contains(err.Error(), name) {
				t.Errorf("%s: %v, want ErrInvalid that names it", name, err)
			}
		}
	})
}
